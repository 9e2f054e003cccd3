# The outputs are the same, bit for bit, for any number of threads and for any batch that a sample is in.
#
# REQUIRES: onnxruntime
# RUN: quant-compile %mpq_src/examples/digits/digits.onnx --calibration=%mpq_src/examples/digits/calib.npz --avg-bits=4 -o %t.so
# RUN: %python %s %t.so %mpq_src/examples/digits/test.npz
import sys

import numpy as np

from mpq import Model

images = np.load(sys.argv[2])["image"][:37]
expected = Model(sys.argv[1], threads=1).run({"image": images})["logits"]
assert np.isfinite(expected).all() and expected.std() > 0

for threads in (2, 3, 5):
    model = Model(sys.argv[1], threads=threads)
    assert np.array_equal(model.run({"image": images})["logits"], expected), f"{threads} threads"

model = Model(sys.argv[1])
for sizes in ([1] * 37, [36, 1], [2, 3, 32]):
    starts = np.cumsum([0, *sizes])
    parts = [model.run({"image": images[a:b]})["logits"] for a, b in zip(starts, starts[1:])]
    assert np.array_equal(np.concatenate(parts), expected), f"batches of {sizes}"
