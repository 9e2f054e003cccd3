# ===----------------------------------------------------------------------===#
# Part of MPQ, under the Apache License v2.0 with LLVM Exceptions.
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
# ===----------------------------------------------------------------------===#
#
# The format of the lit suite: shell tests, with modules and tests side by side in Python.
#
# ===----------------------------------------------------------------------===#
import lit.formats


class ScriptTest(lit.formats.ShTest):
    """Shell tests; a .py file is one only where it has a RUN line, else it is a module that tests import."""

    def getTestsForPath(self, suite, path, lit_config, config):
        name = suite.getSourcePath(path)
        if name.endswith(".py"):
            with open(name, encoding="utf-8") as file:
                if not any(line.startswith("# RUN:") for line in file):
                    return
        yield from super().getTestsForPath(suite, path, lit_config, config)
