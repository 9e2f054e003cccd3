# The package goes into a virtual environment, and finds the tools that are on PATH.
#
# REQUIRES: numpy, wheels
# RUN: %python %s %mpq_src %t
import os
import pathlib
import shutil
import subprocess
import sys
import venv

import numpy

source, work = map(pathlib.Path, sys.argv[1:])
shutil.rmtree(work, ignore_errors=True)
venv.create(work / "venv")
python = work / "venv" / "bin" / "python"
site = next((work / "venv" / "lib").glob("python*/site-packages"))
# numpy, pip and setuptools come from where this runs, not from a registry.
(site / "this.pth").write_text(str(pathlib.Path(numpy.__file__).parents[1]) + "\n")
# pip builds in the folder that it is given.
shutil.copytree(source / "python", work / "source", ignore=shutil.ignore_patterns("__pycache__"))

environment = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}


def run(*arguments: str):
    subprocess.run([python, *arguments], env=environment, cwd=work, check=True)


run("-m", "pip", "--quiet", "--disable-pip-version-check", "install", "--no-index", "--no-deps", "--no-build-isolation",
    str(work / "source"))
run("-c", f"""
import mpq, numpy
assert mpq.__file__.startswith({str(site)!r}), mpq.__file__
model = mpq.load(mpq.compile({str(source / "examples/digits/digits.onnx")!r}))
assert model.run({{"image": numpy.zeros((2, 1, 8, 8), numpy.float32)}})["logits"].shape == (2, 10)
""")
