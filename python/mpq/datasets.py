# ===----------------------------------------------------------------------===#
# Part of MPQ, under the Apache License v2.0 with LLVM Exceptions.
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
# ===----------------------------------------------------------------------===#
"""Data of the evaluation models, as arrays named after the models' inputs.

The files are those of ../shared/models: CIFAR-10 in its binary records, MNIST in idx files, and the features of
keyword spotting as raw f32. Each model brings its own preprocessing (SOURCE.txt beside the model), so the unit here is
a `Task`: a model, its calibration inputs, its test inputs and the labels of the latter.

    task = mpq.datasets.load("resnet20", "../shared/models")
    task.calibration   {"input": f32[1000, 3, 32, 32]}
    task.test          {"input": f32[10000, 3, 32, 32]}
    task.labels        i64[10000]
    task.score(logits) 0.9173, an accuracy

Dimension 0 of every array is the sample.

    task       metric      calibration                       test                      disjoint
    resnet20   accuracy    1000 training images              all 10000 test images     yes
    resnet32   accuracy    same                              same                      yes
    vit        accuracy    same                              same                      yes
    mnist      accuracy    test images 9000..9999            test images 0..8999       yes
    kws        accuracy    first 200 of the 1000 samples     all 1000                  no: 200 inputs, without labels
    use        pearson     sentences of the STS-B dev pairs  of the test pairs         yes
    stories    nll         32 token rows                     128 token rows            yes

Token rows have a fixed length: 256 for `stories`, 64 for `use`. Its sentences are padded, and masked; `lengths` says
how long they are, so that they can be run without the padding.
"""
from __future__ import annotations

import dataclasses
import functools
import pathlib
from typing import Callable

import numpy as np


@dataclasses.dataclass
class Task:
    """A model with the data that calibrate and judge it."""

    name: str
    model: pathlib.Path
    calibration: dict[str, np.ndarray]
    test: dict[str, np.ndarray]
    labels: np.ndarray
    metric: str = "accuracy"
    lengths: np.ndarray | None = None  # of the test's samples: so many elements of dimension 1 are no padding
    calibration_lengths: np.ndarray | None = None  # of the calibration samples, likewise

    def score(self, output: np.ndarray) -> float:
        """The task's metric over the samples of `output`, the first ones of the test."""
        return METRICS[self.metric](output, self.labels)

    def first_calibration(self, samples: int | None) -> dict[str, np.ndarray]:
        """The first calibration samples, all if None, without the padding that they have in common."""
        first = {name: array[:samples] for name, array in self.calibration.items()}
        if self.calibration_lengths is None:
            return first
        longest = self.calibration_lengths[:samples].max()
        return {name: np.ascontiguousarray(array[:, :longest]) for name, array in first.items()}


def accuracy(logits: np.ndarray, labels: np.ndarray) -> float:
    """Share of the samples whose largest logit is the label's."""
    return float(np.mean(logits.reshape(len(logits), -1).argmax(axis=1) == labels[: len(logits)]))


def nll(logits: np.ndarray, labels: np.ndarray) -> float:
    """Mean negative log-likelihood of the next token, in nats. Lower is better."""
    rows = logits.reshape(-1, logits.shape[-1]).astype(np.float64)
    rows -= rows.max(axis=1, keepdims=True)
    chosen = np.take_along_axis(rows, labels[: len(logits)].reshape(-1, 1), axis=1)[:, 0]
    return float(np.mean(np.log(np.exp(rows).sum(axis=1)) - chosen))


def pearson(embeddings: np.ndarray, labels: np.ndarray) -> float:
    """Correlation of the cosine of sentences 2i and 2i + 1 with the people's score of pair i."""
    a, b = embeddings[0::2], embeddings[1::2]
    a, b = a[: len(b)].astype(np.float64), b.astype(np.float64)
    cosine = (a * b).sum(axis=1) / (np.linalg.norm(a, axis=1) * np.linalg.norm(b, axis=1))
    return float(np.corrcoef(cosine, labels[: len(cosine)])[0, 1])


METRICS = {"accuracy": accuracy, "nll": nll, "pearson": pearson}


def read_cifar(path: pathlib.Path) -> tuple[np.ndarray, np.ndarray]:
    """Images u8[N, 3, 32, 32] and labels i64[N] of a CIFAR-10 file: records of 1 label byte and 3 planes of 32 x 32."""
    records = _sized(path, 0, 3073)
    return records[:, 1:].reshape(-1, 3, 32, 32), records[:, 0].astype(np.int64)


def read_idx(path: pathlib.Path) -> np.ndarray:
    """A u8 array in MNIST's idx format: bytes 0, 0, type 8, rank; then the big-endian sizes; then the elements."""
    data = path.read_bytes()
    if len(data) < 4 or data[:3] != b"\0\0\x08":
        raise ValueError(f"{path}: not an idx file of bytes")
    header = 4 + 4 * data[3]
    shape = np.frombuffer(data[4:header], dtype=">u4").astype(int)
    if len(data) - header != shape.prod():
        raise ValueError(f"{path}: {len(data) - header} bytes of data, but the header says {shape.prod()}")
    return np.frombuffer(data, dtype=np.uint8, offset=header).reshape(shape)


def _sized(path: pathlib.Path, header: int, record: int) -> np.ndarray:
    data = np.fromfile(path, dtype=np.uint8)[header:]
    if len(data) % record:
        raise ValueError(f"{path}: {len(data)} bytes are no multiple of a record of {record}")
    return data.reshape(-1, record)


def _cifar(name: str, file: str, mean: list[float], std: list[float], models: pathlib.Path) -> Task:
    def normalize(images: np.ndarray) -> dict[str, np.ndarray]:
        shape = (1, 3, 1, 1)
        scaled = images.astype(np.float32) / np.float32(255)
        return {"input": (scaled - np.float32(mean).reshape(shape)) / np.float32(std).reshape(shape)}

    train, _ = read_cifar(models / "cifar10" / "train_first1000.bin")
    test, labels = read_cifar(models / "cifar10" / "test_batch.bin")
    return Task(name, models / file, normalize(train), normalize(test), labels)


def _mnist(models: pathlib.Path) -> Task:
    images = read_idx(models / "mnist" / "t10k-images-idx3-ubyte").astype(np.float32)[:, None]
    labels = read_idx(models / "mnist" / "t10k-labels-idx1-ubyte").astype(np.int64)
    model = models / "mnist" / "mnist-conv.onnx"
    return Task("mnist", model, {"Input3": images[9000:]}, {"Input3": images[:9000]}, labels[:9000])


def _kws(models: pathlib.Path) -> Task:
    folder = models / "kws_dscnn"
    features = np.fromfile(folder / "kws01" / "features_1000x49x10_f32.bin", dtype=np.float32).reshape(-1, 1, 49, 10)
    labels = np.fromfile(folder / "kws01" / "labels_1000_u8.bin", dtype=np.uint8).astype(np.int64)
    return Task("kws", folder / "kws_dscnn.onnx", {"input": features[:200]}, {"input": features}, labels)


def read_sts(path: pathlib.Path, length: int) -> tuple[dict[str, np.ndarray], np.ndarray]:
    """Sentence pairs, sentence by sentence, padded to `length`, and the people's scores.

    i32 n; then for each pair: f32 score, and twice i32 length and that many i32 ids.
    """
    words = np.fromfile(path, dtype="<i4")
    count, at = int(words[0]), 1
    ids = np.zeros((2 * count, length), np.int64)
    mask = np.zeros((2 * count, length), np.float32)
    scores = np.empty(count, np.float32)
    for i in range(2 * count):
        if i % 2 == 0:
            scores[i // 2] = words[at : at + 1].view("<f4")[0]
            at += 1
        size = int(words[at])
        if not 0 < size <= length or at + 1 + size > len(words):
            raise ValueError(f"{path}: sentence {i} has {size} tokens when it should have 1 to {length}")
        ids[i, :size] = words[at + 1 : at + 1 + size]
        mask[i, :size] = 1
        at += 1 + size
    return {"input_ids": ids, "attention_mask": mask}, scores


def _use(models: pathlib.Path) -> Task:
    folder = models / "use_lite_en"
    calibration, _ = read_sts(folder / "stsb_dev_ids.bin", 64)
    test, scores = read_sts(folder / "stsb_test_ids.bin", 64)
    lengths, calibration_lengths = (part["attention_mask"].sum(axis=1).astype(np.int64) for part in (test, calibration))
    return Task("use", folder / "use_lite_en.onnx", calibration, test, scores, "pearson", lengths, calibration_lengths)


def _stories(models: pathlib.Path) -> Task:
    folder = models / "llama2c_stories260K"
    calibration = _sized(folder / "calib_tokens_32x257_i32.bin", 0, 4 * 257).view("<i4").astype(np.int64)
    test = _sized(folder / "val_tokens_128x257_i32.bin", 0, 4 * 257).view("<i4").astype(np.int64)
    model = folder / "stories260K.onnx"
    # A compiled model reads rows that follow each other.
    calibration, inputs = (np.ascontiguousarray(tokens[:, :-1]) for tokens in (calibration, test))
    return Task("stories", model, {"input_ids": calibration}, {"input_ids": inputs}, test[:, 1:], "nll")


_IMAGENET = dict(mean=[0.485, 0.456, 0.406], std=[0.229, 0.224, 0.225])
_CIFAR = dict(mean=[0.4914, 0.4822, 0.4465], std=[0.2023, 0.1994, 0.2010])
_LOADERS: dict[str, Callable[[pathlib.Path], Task]] = {
    "resnet20": functools.partial(_cifar, "resnet20", "resnet_cifar10/resnet20_cifar10.onnx", **_IMAGENET),
    "resnet32": functools.partial(_cifar, "resnet32", "resnet_cifar10/resnet32_cifar10.onnx", **_IMAGENET),
    "vit": functools.partial(_cifar, "vit", "vit_cifar10/vit_ibp_3_3_8.onnx", **_CIFAR),
    "mnist": _mnist,
    "kws": _kws,
    "use": _use,
    "stories": _stories,
}


def names() -> list[str]:
    """The tasks that `load` knows."""
    return list(_LOADERS)


def load(name: str, models: str | pathlib.Path) -> Task:
    """The task of this name from the folder of evaluation models. KeyError and OSError name what is missing."""
    if name not in _LOADERS:
        raise KeyError(f"no task '{name}'; there are {', '.join(_LOADERS)}")
    return _LOADERS[name](models=pathlib.Path(models))


def reference(model: str | pathlib.Path, inputs: dict[str, np.ndarray], batch: int = 100) -> dict[str, np.ndarray]:
    """onnxruntime's outputs, by name. Runs in batches, or sample by sample where the model fixes dimension 0 to 1."""
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.log_severity_level = 3
    session = onnxruntime.InferenceSession(str(model), options, providers=["CPUExecutionProvider"])
    if any(value.shape and value.shape[0] == 1 for value in session.get_inputs()):
        batch = 1
    samples = len(next(iter(inputs.values())))
    parts = [session.run(None, {name: array[i : i + batch] for name, array in inputs.items()})
             for i in range(0, samples, batch)]
    return {value.name: np.concatenate([part[k] for part in parts]) for k, value in enumerate(session.get_outputs())}
