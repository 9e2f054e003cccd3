# ===----------------------------------------------------------------------===#
# Part of MPQ, under the Apache License v2.0 with LLVM Exceptions.
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
# ===----------------------------------------------------------------------===#
"""What is raised where the compiler or a compiled model has something to say."""


class Error(Exception):
    """Of this package; its text is the diagnostic."""


class CompileError(Error):
    """quant-compile failed, or is not there. The text is what it wrote, without its progress."""


class RunError(Error):
    """A library could not be loaded or run. The text is the library's own: it names the tensor and both values."""
