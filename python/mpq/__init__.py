# ===----------------------------------------------------------------------===#
# Part of MPQ, under the Apache License v2.0 with LLVM Exceptions.
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
# ===----------------------------------------------------------------------===#
"""The compiler and compiled models from Python.

    library = mpq.compile("model.onnx", calibration={"input": samples}, avg_bits=4)
    model = mpq.load(library)
    logits = model.run({"input": images})["logits"]

A model runs without a compiler, and compiles without Python: both are conveniences.
"""
from mpq.compiler import compile  # pylint: disable=redefined-builtin
from mpq.errors import CompileError, Error, RunError
from mpq.model import Model, TensorInfo, load

__all__ = ["CompileError", "Error", "Model", "RunError", "TensorInfo", "compile", "load"]
