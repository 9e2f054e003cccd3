# ===----------------------------------------------------------------------===#
# Part of MPQ, under the Apache License v2.0 with LLVM Exceptions.
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
# ===----------------------------------------------------------------------===#
"""A compiled model from Python: include/mpq-c/Model.h through ctypes and numpy.

    model = mpq.Model("model.so")
    logits = model.run({"input": images})["logits"]

The structures below mirror those of Model.h, field by field; `abi_version` guards them.
"""
from __future__ import annotations

import ctypes
import os

import numpy as np

ABI_VERSION = 1


class _DataType(ctypes.Structure):
    _fields_ = [("code", ctypes.c_uint8), ("bits", ctypes.c_uint8), ("lanes", ctypes.c_uint16)]


class _Tensor(ctypes.Structure):
    """DLPack's DLTensor."""

    _fields_ = [("data", ctypes.c_void_p), ("device_type", ctypes.c_int), ("device_id", ctypes.c_int32),
                ("ndim", ctypes.c_int32), ("dtype", _DataType), ("shape", ctypes.POINTER(ctypes.c_int64)),
                ("strides", ctypes.POINTER(ctypes.c_int64)), ("byte_offset", ctypes.c_uint64)]


class _TensorInfo(ctypes.Structure):
    _fields_ = [("name", ctypes.c_char_p), ("dtype", _DataType), ("ndim", ctypes.c_int32),
                ("shape", ctypes.POINTER(ctypes.c_int64))]


class _ModelInfo(ctypes.Structure):
    _fields_ = [("abi_version", ctypes.c_uint32), ("producer", ctypes.c_char_p), ("num_inputs", ctypes.c_int32),
                ("num_outputs", ctypes.c_int32), ("inputs", ctypes.POINTER(_TensorInfo)),
                ("outputs", ctypes.POINTER(_TensorInfo)), ("weights_bytes", ctypes.c_uint64),
                ("num_variants", ctypes.c_int32)]


# DLPack's type codes, and numpy's kind letters for them.
_KINDS = {0: "i", 1: "u", 2: "f", 6: "b"}


def _dtype(code: _DataType) -> np.dtype:
    if code.code not in _KINDS:
        raise TypeError(f"numpy has no type for DLPack's type code {code.code} of {code.bits} bits")
    return np.dtype(f"{_KINDS[code.code]}{code.bits // 8}")


class TensorInfo:
    """Name, numpy type and shape of an input or output; None is the batch, of any size."""

    def __init__(self, info: _TensorInfo):
        self.code = info.dtype
        self.name = info.name.decode()
        self.dtype = _dtype(info.dtype)
        self.shape = tuple(None if size < 0 else size for size in info.shape[: info.ndim])

    def allocate(self, batch: int) -> np.ndarray:
        return np.empty([batch if size is None else size for size in self.shape], self.dtype)


class Model:
    """A library that quant-compile wrote. `threads`: 0 takes one for each CPU; the results do not depend on it."""

    def __init__(self, path: str | os.PathLike, threads: int = 0):
        self._library = library = ctypes.CDLL(os.path.abspath(path))
        library.mpq_model_info.restype = ctypes.POINTER(_ModelInfo)
        library.mpq_model_create.restype = ctypes.c_void_p
        library.mpq_model_last_error.restype = ctypes.c_char_p
        library.mpq_model_cpu.restype = ctypes.c_char_p
        library.mpq_model_cpu.argtypes = library.mpq_model_destroy.argtypes = [ctypes.c_void_p]
        library.mpq_model_run.argtypes = [ctypes.c_void_p, ctypes.c_void_p, ctypes.c_void_p]
        self._handle = None
        info = library.mpq_model_info().contents
        if info.abi_version != ABI_VERSION:
            raise OSError(f"{path}: interface version is {info.abi_version} when it should be {ABI_VERSION}")
        self.inputs = [TensorInfo(info.inputs[i]) for i in range(info.num_inputs)]
        self.outputs = [TensorInfo(info.outputs[i]) for i in range(info.num_outputs)]
        self.weights_bytes = info.weights_bytes
        self._handle = library.mpq_model_create(ctypes.c_int32(threads))
        if not self._handle:
            raise OSError(f"{path}: {library.mpq_model_last_error().decode()}")
        self.cpu = library.mpq_model_cpu(self._handle).decode()

    def __del__(self):
        if getattr(self, "_handle", None):
            self._library.mpq_model_destroy(self._handle)

    def run(self, inputs: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
        """The outputs by name. KeyError where an input is missing, ValueError where the model refuses a tensor."""
        return self.bind(inputs)()

    def bind(self, inputs: dict[str, np.ndarray]):
        """A function that runs the model on these arrays and returns the outputs, each time in the same arrays."""
        arrays = [np.ascontiguousarray(inputs[info.name], dtype=info.dtype) for info in self.inputs]
        batch = next((array.shape[axis] for array, info in zip(arrays, self.inputs)
                      for axis, size in enumerate(info.shape) if size is None and axis < array.ndim), 1)
        outputs = {info.name: info.allocate(batch) for info in self.outputs}
        tensors = [_Tensors(arrays, self.inputs), _Tensors(list(outputs.values()), self.outputs)]

        def run() -> dict[str, np.ndarray]:
            if self._library.mpq_model_run(self._handle, tensors[0].pointers, tensors[1].pointers) != 0:
                raise ValueError(self._library.mpq_model_last_error().decode())
            return outputs

        return run


class _Tensors:
    """The DLTensors of these arrays, and an array of pointers to them; keeps all of it alive."""

    def __init__(self, arrays: list[np.ndarray], infos: list[TensorInfo]):
        self.arrays = arrays
        self.tensors = [_Tensor(array.ctypes.data, 1, 0, array.ndim, info.code,
                                (ctypes.c_int64 * array.ndim)(*array.shape), None, 0)
                        for array, info in zip(arrays, infos)]
        self.pointers = (ctypes.POINTER(_Tensor) * len(arrays))(*map(ctypes.pointer, self.tensors))
