# ===----------------------------------------------------------------------===#
# Part of MPQ, under the Apache License v2.0 with LLVM Exceptions.
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
# ===----------------------------------------------------------------------===#
"""Samples for a model that multiplies four numbers by 2, 4, 6, 8; what comes out; and what is wrong with it."""
import sys

import numpy as np

folder = sys.argv[1]
np.array([1, 2, 3, 4], "<f4").tofile(f"{folder}/w.bin")
x = np.ones((10, 4), "f4")
y = x * np.array([2, 4, 6, 8], "f4")
labels = np.full(10, 3)
labels[4] = 1
np.savez(f"{folder}/in.npz", x=x, labels=labels, classes=np.zeros((10, 1), "i4"))
np.savez(f"{folder}/expected.npz", y=y)
off = y.copy()
off[7] = [2, 4, 7, 9]  # the model says 6 and 8
off[6] = [2, 4, 8.5, 8]  # the model says 6, and the largest is elsewhere
np.savez(f"{folder}/off.npz", y=off)
nan = x.copy()
nan[2, 2] = np.nan
np.savez(f"{folder}/nan.npz", x=nan)
np.savez(f"{folder}/wrong.npz", x=np.ones((10, 3), "f4"))
np.savez(f"{folder}/double.npz", x=np.ones((10, 4)))
np.savez(f"{folder}/other.npz", a=x, b=x)
np.savez(f"{folder}/numbers.npz", x=np.arange(10, dtype="i4").reshape(10, 1))
np.savez(f"{folder}/numbers-out.npz", y=np.arange(10, dtype="i4").reshape(10, 1))
np.savez(f"{folder}/odd.npz", x=np.arange(9, dtype="i4").reshape(9, 1))
np.savez(f"{folder}/none.npz", x=np.ones((0, 4), "f4"))
