# ===----------------------------------------------------------------------===#
# Part of MPQ, under the Apache License v2.0 with LLVM Exceptions.
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
# ===----------------------------------------------------------------------===#
"""What surrounds the compiler in Python: data sets of the evaluation models and runs of the tools.

Nothing here is needed to compile or to run a model.
"""
from mpq.model import Model

__all__ = ["Model"]
