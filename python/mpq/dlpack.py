# ===----------------------------------------------------------------------===#
# Part of MPQ, under the Apache License v2.0 with LLVM Exceptions.
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
# ===----------------------------------------------------------------------===#
"""Tensors of numpy and of other libraries as DLPack's DLTensor, without copies.

numpy arrays are described here, field by field: numpy's own export refuses what it may not write to, though a model only
reads it. Everything else comes through `__dlpack__`, whose capsule is borrowed: it stays with its producer, who frees the
tensor when the capsule goes.
"""
from __future__ import annotations

import ctypes

import numpy as np

from mpq.errors import RunError


class DataType(ctypes.Structure):
    """DLDataType."""

    _fields_ = [("code", ctypes.c_uint8), ("bits", ctypes.c_uint8), ("lanes", ctypes.c_uint16)]


class Tensor(ctypes.Structure):
    """DLTensor; also the beginning of a DLManagedTensor."""

    _fields_ = [("data", ctypes.c_void_p), ("device_type", ctypes.c_int), ("device_id", ctypes.c_int32),
                ("ndim", ctypes.c_int32), ("dtype", DataType), ("shape", ctypes.POINTER(ctypes.c_int64)),
                ("strides", ctypes.POINTER(ctypes.c_int64)), ("byte_offset", ctypes.c_uint64)]


# DLPack's type codes, and numpy's kind letters for them.
_KINDS = {0: "i", 1: "u", 2: "f", 6: "b"}
_CODES = {kind: code for code, kind in _KINDS.items()}
_CPU = 1

_get_pointer = ctypes.pythonapi.PyCapsule_GetPointer
_get_pointer.restype = ctypes.c_void_p
_get_pointer.argtypes = [ctypes.py_object, ctypes.c_char_p]


def to_numpy_type(dtype: DataType) -> np.dtype:
    if dtype.code not in _KINDS:
        raise RunError(f"numpy has no type for DLPack's type code {dtype.code} of {dtype.bits} bits")
    return np.dtype(f"{_KINDS[dtype.code]}{dtype.bits // 8}")


class Borrowed:
    """A DLTensor, and what it must not outlive."""

    def __init__(self, struct: Tensor, *owners: object):
        self.struct = struct
        self._owners = owners


def borrow(tensor: object, what: str, writes: bool = False) -> Borrowed:
    """The DLTensor of `tensor`. RunError, with `what` in front, for what is none."""
    if isinstance(tensor, np.ndarray):
        return _borrow_array(tensor, what, writes)
    if not hasattr(tensor, "__dlpack__"):
        raise RunError(f"{what}: a {type(tensor).__name__} is neither a numpy array nor a tensor with __dlpack__")
    try:
        capsule = tensor.__dlpack__()
        address = _get_pointer(capsule, b"dltensor")
    except (BufferError, RuntimeError, TypeError, ValueError) as error:
        raise RunError(f"{what}: {error}") from error
    return Borrowed(Tensor.from_address(address), capsule, tensor)


def _borrow_array(array: np.ndarray, what: str, writes: bool) -> Borrowed:
    if writes and not array.flags.writeable:
        raise RunError(f"{what}: the array cannot be written to")
    if array.dtype.kind not in _CODES or not array.dtype.isnative:
        raise RunError(f"{what}: the type is numpy's {array.dtype.str}, which DLPack has none for")
    if any(stride % array.itemsize for stride in array.strides):
        raise RunError(f"{what}: the strides are {array.strides} bytes when they should be multiples of {array.itemsize}")
    shape = (ctypes.c_int64 * array.ndim)(*array.shape)
    strides = (ctypes.c_int64 * array.ndim)(*(stride // array.itemsize for stride in array.strides))
    dtype = DataType(_CODES[array.dtype.kind], 8 * array.itemsize, 1)
    return Borrowed(Tensor(array.ctypes.data, _CPU, 0, array.ndim, dtype, shape, strides, 0), array, shape, strides)
