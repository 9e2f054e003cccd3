# ===----------------------------------------------------------------------===#
# Part of MPQ, under the Apache License v2.0 with LLVM Exceptions.
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
# ===----------------------------------------------------------------------===#
"""Compiled models: include/mpq-c/Model.h through ctypes.

    model = mpq.load("model.so")
    print(model.inputs, model.outputs)
    logits = model.run({"input": images})["logits"]

Nothing is copied or converted on the way in or out: the model reads the caller's memory and writes the results' own. What it
cannot read as it is (another type, another order in memory, another device) it refuses, with a RunError.
"""
from __future__ import annotations

import ctypes
import os
import struct
from collections.abc import Mapping

import numpy as np

from mpq import dlpack
from mpq.errors import RunError

ABI_VERSION = 2


# The structures of Model.h, field by field; `abi_version` guards them.
class _TensorInfo(ctypes.Structure):
    _fields_ = [("name", ctypes.c_char_p), ("dtype", dlpack.DataType), ("ndim", ctypes.c_int32),
                ("shape", ctypes.POINTER(ctypes.c_int64)), ("dim_names", ctypes.POINTER(ctypes.c_char_p))]


class _ModelInfo(ctypes.Structure):
    _fields_ = [("abi_version", ctypes.c_uint32), ("producer", ctypes.c_char_p), ("num_inputs", ctypes.c_int32),
                ("num_outputs", ctypes.c_int32), ("inputs", ctypes.POINTER(_TensorInfo)),
                ("outputs", ctypes.POINTER(_TensorInfo)), ("weights_bytes", ctypes.c_uint64),
                ("num_variants", ctypes.c_int32)]


class TensorInfo:
    """Name, numpy type and shape of an input or output.

    A size that depends on the run is None. `dims` has its name, "" for numbers: dimensions of one name have one size,
    those of outputs may be expressions like "2 * T".
    """

    def __init__(self, info: _TensorInfo):
        self.name = info.name.decode()
        self.dtype = dlpack.to_numpy_type(info.dtype)
        self.shape = tuple(None if size < 0 else size for size in info.shape[: info.ndim])
        self.dims = tuple(name.decode() for name in info.dim_names[: info.ndim])

    def __repr__(self) -> str:
        return f"TensorInfo(name={self.name!r}, dtype={self.dtype}, shape={self.shape})"


def _check_complete(path: str | os.PathLike) -> None:
    """That a shared library (64-bit ELF) is as long as its segments say: reading one that was cut off would end the process
    with SIGBUS. About any other file dlopen knows what to say."""
    with open(path, "rb") as file:
        header = file.read(64)
        if len(header) < 64 or header[:6] != b"\x7fELF\x02\x01":
            return
        (start,) = struct.unpack_from("<Q", header, 32)
        entry, count = struct.unpack_from("<HH", header, 54)
        file.seek(start)
        table = file.read(entry * count)
        size = file.seek(0, os.SEEK_END)
    end = start + entry * count
    if end <= size and entry >= 40:
        segments = (struct.unpack_from("<II4Q", table, i * entry) for i in range(count))
        end = max([end, *(offset + file_size for _, _, offset, _, _, file_size in segments)])
    if end > size:
        raise RunError(f"{path}: cut off: it has {size} bytes when its segments take {end}")


def _open(path: str | os.PathLike) -> ctypes.CDLL:
    try:
        _check_complete(path)
        library = ctypes.CDLL(os.path.abspath(path))
        library.mpq_model_info.restype = ctypes.POINTER(_ModelInfo)
        library.mpq_model_create.restype = ctypes.c_void_p
        library.mpq_model_last_error.restype = ctypes.c_char_p
        library.mpq_model_cpu.restype = ctypes.c_char_p
        library.mpq_model_cpu.argtypes = library.mpq_model_destroy.argtypes = [ctypes.c_void_p]
        library.mpq_model_run.argtypes = [ctypes.c_void_p, ctypes.c_void_p, ctypes.c_void_p]
        library.mpq_model_output_shape.argtypes = [ctypes.c_void_p, ctypes.c_void_p, ctypes.c_int32,
                                                   ctypes.POINTER(ctypes.c_int64)]
    except OSError as error:
        raise RunError(f"cannot load the library: {error}") from error
    except AttributeError as error:
        raise RunError(f"{path}: not a compiled model: {error}") from error
    return library


class Model:
    """A library that quant-compile wrote. `threads`: 0 takes one for each CPU; the results do not depend on it. Any number
    of Python threads may run one model at the same time."""

    def __init__(self, path: str | os.PathLike, threads: int = 0):
        self._handle = None
        self._library = library = _open(path)
        info = library.mpq_model_info().contents
        if info.abi_version != ABI_VERSION:
            raise RunError(f"{path}: interface version is {info.abi_version} when it should be {ABI_VERSION}")
        self.inputs = [TensorInfo(info.inputs[i]) for i in range(info.num_inputs)]
        self.outputs = [TensorInfo(info.outputs[i]) for i in range(info.num_outputs)]
        self.weights_bytes = info.weights_bytes
        self._handle = library.mpq_model_create(ctypes.c_int32(threads))
        if not self._handle:
            raise RunError(f"{path}: {library.mpq_model_last_error().decode()}")
        self.cpu = library.mpq_model_cpu(self._handle).decode()

    def __del__(self):
        if getattr(self, "_handle", None):
            self._library.mpq_model_destroy(self._handle)

    def run(self, inputs: Mapping[str, object], outputs: Mapping[str, object] | None = None) -> dict[str, object]:
        """The outputs by name.

        inputs   by name: numpy arrays, or tensors of any library that has `__dlpack__`, compact and row-major
        outputs  tensors of the same kinds to write into, by name; numpy arrays are made for those not given

        RunError where a tensor is missing, unknown, or not as the model's description says.
        """
        return self.bind(inputs, outputs)()

    def bind(self, inputs: Mapping[str, object], outputs: Mapping[str, object] | None = None):
        """A function that runs the model on these tensors and returns the outputs, each time in the same memory."""
        given = self._order("input", self.inputs, inputs)
        tensors = [dlpack.borrow(tensor, f"input '{info.name}'") for tensor, info in zip(given, self.inputs)]
        pointers = _make_pointers(tensors)
        made = dict(outputs or {})
        for index, info in enumerate(self.outputs):
            if info.name not in made:
                made[info.name] = np.empty(self._get_output_shape(pointers, index), info.dtype)
        taken = self._order("output", self.outputs, made)
        results = [dlpack.borrow(tensor, f"output '{info.name}'", writes=True) for tensor, info in zip(taken, self.outputs)]
        arguments = [pointers, _make_pointers(results)]

        def run() -> dict[str, object]:
            keep = (tensors, results)  # what the pointers point to
            if self._library.mpq_model_run(self._handle, *arguments) != 0:
                raise RunError(self._library.mpq_model_last_error().decode())
            del keep
            return made

        return run

    @staticmethod
    def _order(kind: str, infos: list[TensorInfo], tensors: Mapping[str, object]) -> list[object]:
        """The tensors in the model's order."""
        names = [info.name for info in infos]
        for name in tensors:
            if name not in names:
                raise RunError(f"the model has no {kind} '{name}'; it has {', '.join(names)}")
        for name in names:
            if name not in tensors:
                raise RunError(f"{kind} '{name}' is missing")
        return [tensors[name] for name in names]

    def _get_output_shape(self, inputs, index: int) -> tuple[int, ...]:
        shape = (ctypes.c_int64 * len(self.outputs[index].shape))()
        if self._library.mpq_model_output_shape(self._handle, inputs, index, shape) != 0:
            raise RunError(self._library.mpq_model_last_error().decode())
        return tuple(shape)


def load(path: str | os.PathLike, threads: int = 0) -> Model:
    """The library at `path`, ready to run. RunError where it cannot be loaded, as on a CPU that it is not for."""
    return Model(path, threads)


def _make_pointers(tensors: list[dlpack.Borrowed]):
    return (ctypes.POINTER(dlpack.Tensor) * len(tensors))(*(ctypes.pointer(tensor.struct) for tensor in tensors))
