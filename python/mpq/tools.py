# ===----------------------------------------------------------------------===#
# Part of MPQ, under the Apache License v2.0 with LLVM Exceptions.
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
# ===----------------------------------------------------------------------===#
"""Runs of the command-line tools, and the figures that judge a compiled model."""
from __future__ import annotations

import pathlib
import time

import numpy as np

from mpq.compiler import find_tool, run_tool
from mpq.model import Model


def compile_model(model: str | pathlib.Path, library: str | pathlib.Path, *options: str,
                  folder: str | pathlib.Path | None = None) -> str:
    """quant-compile `model` into `library` with these options as written; returns what the tool wrote."""
    return run_tool([find_tool("quant-compile", folder), str(model), *options, "-o", str(library)])


def run_by_length(model: Model, inputs: dict[str, np.ndarray], lengths: np.ndarray) -> dict[str, np.ndarray]:
    """The outputs for samples of these lengths (dimension 1), those of one length in one run, in the samples' order."""
    outputs: dict[str, np.ndarray] = {}
    for length in np.unique(lengths):
        chosen = np.flatnonzero(lengths == length)
        part = model.run({name: np.ascontiguousarray(array[chosen, :length]) for name, array in inputs.items()})
        for name, value in part.items():
            whole = outputs.setdefault(name, np.empty((len(lengths), *value.shape[1:]), value.dtype))
            whole[chosen] = value
    return outputs


def time_per_sample(model: Model, inputs: dict[str, np.ndarray], seconds: float = 0.3) -> float:
    """Seconds that one sample takes, one at a time, in the fastest tenth of the runs of so many seconds."""
    one = {name: array[:1] for name, array in inputs.items()}
    return fastest(model.bind(one), seconds)


def fastest(action, seconds: float = 0.3) -> float:
    """Seconds that `action` takes: the 10th percentile of its runs within so many seconds."""
    times: list[float] = []
    end = time.perf_counter() + seconds
    while time.perf_counter() < end or len(times) < 5:
        start = time.perf_counter()
        action()
        times.append(time.perf_counter() - start)
    return float(np.percentile(times, 10))


def relative_error(outputs: dict[str, np.ndarray], expected: dict[str, np.ndarray]) -> float:
    """The largest, over the outputs, of ||y - y'|| / ||y'|| (2-norm over all samples)."""
    return max(float(np.linalg.norm((outputs[name] - value).ravel()) / max(np.linalg.norm(value.ravel()), 1e-30))
               for name, value in expected.items())
