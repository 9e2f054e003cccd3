# ===----------------------------------------------------------------------===#
# Part of MPQ, under the Apache License v2.0 with LLVM Exceptions.
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
# ===----------------------------------------------------------------------===#
"""Plans, the text files in which quant-compile writes and reads its decisions (include/mpq/Allocation/Plan.h).

One line per site, columns separated by `|`: site, tie, weights, format, activations, bytes, evidence.
"""
from __future__ import annotations

import pathlib
import re

_SITE, _TIE, _WEIGHTS, _FORMAT, _ACTIVATIONS, _BYTES = range(6)
# A separator is followed by an even number of quotes; one within a quoted name is not.
_SEPARATOR = re.compile(r'\|(?=(?:[^"]*"[^"]*")*[^"]*$)')


class Plan:
    """The lines of a plan; those of sites are split into columns, the others (comments, blanks) are kept as they are."""

    def __init__(self, text: str):
        self._lines = [line if line.strip()[:1] in ("", "#") else [cell.strip() for cell in _SEPARATOR.split(line)]
                       for line in text.splitlines()]

    @staticmethod
    def read(path: str | pathlib.Path) -> Plan:
        return Plan(pathlib.Path(path).read_text(encoding="utf-8"))

    @property
    def sites(self) -> list[list[str]]:
        return [line for line in self._lines if isinstance(line, list)]

    def formats(self) -> dict[str, str]:
        """The format of each site."""
        return {site[_SITE]: site[_FORMAT] for site in self.sites}

    def uniform(self, number_format: str) -> Plan:
        """The same plan with this format everywhere."""
        plan = Plan(str(self))
        for site in plan.sites:
            site[_FORMAT] = number_format
        return plan

    def average_bits(self) -> float:
        """Stored bits (codes, scales, zero points) for each weight, over all sites."""
        weights = sum(int(site[_WEIGHTS]) for site in self.sites)
        return 8 * sum(int(site[_BYTES]) for site in self.sites) / weights if weights else 0.0

    def __str__(self) -> str:
        return "".join((line if isinstance(line, str) else " | ".join(line)) + "\n" for line in self._lines)
