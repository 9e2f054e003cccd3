# mpq.compile and mpq.load: what goes in, what comes out, and what is said where something is wrong.
#
# REQUIRES: numpy
# RUN: %python %s %mpq_src/examples/digits %t
import os
import pathlib
import shutil
import sys
import threading

import numpy as np

import mpq

digits, work = map(pathlib.Path, sys.argv[1:])
shutil.rmtree(work, ignore_errors=True)
work.mkdir(parents=True)
os.chdir(work)


def raised(kind: type[mpq.Error], action, *parts: str):
    """`action` raises `kind`, and these parts are in its text, in one or few lines."""
    try:
        action()
    except kind as error:
        assert all(part in str(error) for part in parts), error
        assert str(error).count("\n") < 3, error
        return
    raise AssertionError(f"no {kind.__name__} with {parts}")


samples = dict(np.load(digits / "calib.npz"))
library = mpq.compile(digits / "digits.onnx", calibration=samples, avg_bits=5, metric="weight-mse", formats=["int4", "int8"])
assert library == pathlib.Path("digits.so") and library.exists()
from_file = mpq.compile(digits / "digits.onnx", "file.so", calibration=digits / "calib.npz", avg_bits=5,
                        metric="weight-mse", formats=["int4", "int8"])
assert from_file.read_bytes() == library.read_bytes()
stage = mpq.compile(digits / "digits.onnx", emit="onnx")
assert stage == pathlib.Path("digits.mlir") and stage.exists()
assert mpq.compile(stage, "float.so").exists()

raised(mpq.CompileError, lambda: mpq.compile("none.onnx"), "cannot import 'none.onnx'")
raised(mpq.CompileError, lambda: mpq.compile(digits / "digits.onnx", avg_bits=0), "--avg-bits is 0.000000 when it should be")
raised(mpq.CompileError, lambda: mpq.compile(digits / "digits.onnx", no_such_option=1), "no-such-option")
raised(mpq.CompileError, lambda: mpq.compile(digits / "digits.onnx", tools=work), "quant-compile: not in")

model = mpq.load("float.so")
assert [(info.name, info.dtype, info.shape) for info in model.inputs] == [("image", np.float32, (None, 1, 8, 8))]
assert [(info.name, info.dtype, info.shape) for info in model.outputs] == [("logits", np.float32, (None, 10))]
images = np.load(digits / "test.npz")["image"][:9]
expected = model.run({"image": images})["logits"]
assert expected.shape == (9, 10) and expected.dtype == np.float32 and expected.std() > 0


class Foreign:
    """A tensor of some other library: nothing but DLPack."""

    def __init__(self, array: np.ndarray):
        self.array = array

    def __dlpack__(self, **options):
        return self.array.__dlpack__(**options)

    def __dlpack_device__(self):
        return self.array.__dlpack_device__()


# In and out without copies: results are in the caller's memory, and an export of them shares it.
mine = np.empty((9, 10), np.float32)
foreign = Foreign(np.empty((9, 10), np.float32))
for outputs in ({"logits": mine}, {"logits": foreign}):
    result = model.run({"image": Foreign(images.copy())}, outputs)
    assert result["logits"] is outputs["logits"]
assert np.array_equal(mine, expected) and np.array_equal(foreign.array, expected)
again = model.run({"image": images})["logits"]
assert np.shares_memory(np.from_dlpack(again), again)
read_only = images.copy()
read_only.flags.writeable = False
assert np.array_equal(model.run({"image": read_only})["logits"], expected)
assert model.run({"image": images[:0]})["logits"].shape == (0, 10)

# What the model cannot take as it is.
raised(mpq.RunError, lambda: model.run({}), "input 'image' is missing")
raised(mpq.RunError, lambda: model.run({"image": images, "mask": images}), "the model has no input 'mask'; it has image")
raised(mpq.RunError, lambda: model.run({"image": [[1.0]]}), "input 'image': a list is neither")
raised(mpq.RunError, lambda: model.run({"image": images.astype(np.float64)}), "input 'image': the type is f64 when it should be f32")
raised(mpq.RunError, lambda: model.run({"image": images[0]}), "input 'image': the rank is 3 when it should be 4")
raised(mpq.RunError, lambda: model.run({"image": images[:, :, ::-1]}), "input 'image': stride 2 is -8 elements when it should be 8")
raised(mpq.RunError, lambda: model.run({"image": Foreign(images[:, :, :, ::-1])}), "input 'image': stride 3 is -1")
raised(mpq.RunError, lambda: model.run({"image": images.astype(">f4")}), "input 'image': the type is numpy's >f4")
raised(mpq.RunError, lambda: model.run({"image": np.array([None])}), "input 'image': the type is numpy's |O")
raised(mpq.RunError, lambda: model.run({"image": images}, {"logits": np.empty((8, 10), np.float32)}), "dimension 0 is 8 when it should be 9")
raised(mpq.RunError, lambda: model.run({"image": images}, {"logits": read_only}), "output 'logits': the array cannot be written to")
raised(mpq.RunError, lambda: model.run({"image": images}, {"scores": mine}), "the model has no output 'scores'")
raised(mpq.RunError, lambda: mpq.load("none.so"), "cannot load the library")
raised(mpq.RunError, lambda: mpq.load("digits.mlir"), "cannot load the library")
whole = pathlib.Path("float.so").read_bytes()
for size in (70, len(whole) // 2):
    pathlib.Path("cut.so").write_bytes(whole[:size])
    raised(mpq.RunError, lambda: mpq.load("cut.so"), f"cut.so: cut off: it has {size} bytes when its segments take")
raised(mpq.RunError, lambda: mpq.load("float.so", threads=-1), "the number of threads is -1")

# One object, many threads.
results = {}
workers = [threading.Thread(target=lambda n=n: results.update({n: [model.run({"image": images})["logits"] for _ in range(20)]}))
           for n in range(4)]
for worker in workers:
    worker.start()
for worker in workers:
    worker.join()
assert len(results) == 4 and all(np.array_equal(value, expected) for values in results.values() for value in values)
