# ===----------------------------------------------------------------------===#
# Part of MPQ, under the Apache License v2.0 with LLVM Exceptions.
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
# ===----------------------------------------------------------------------===#
#
# The lit suite. No test depends on time, on the network, or on the number of cores.
#
# Substitutions
#   %python          the Python that has numpy, onnx and onnxruntime; the package mpq is on its path
#   %shared_models   folder of real models beside the checkout (../shared/models), empty where there is none
#   %mpq_src         the checkout          %mpq_build    its build             %mpq_lib      <build>/lib
#   %mpq_include     its include/          %cc, %cxx     the host compilers
#   %sanitize        the flags that link a C program with a library of this build (empty without sanitizers)
#
# Features, for REQUIRES: a test that misses one is skipped, by name and with the feature in lit's report
#   shared-models   avx2 avx512f avx512vnni avx512bf16 avx512vbmi avx512vpopcntdq   compiler   openmp   qemu-aarch64
#   ptxas   gpu   asan tsan
#   numpy onnx onnxruntime   (what %python can import)   git-checkout
#
# ===----------------------------------------------------------------------===#
import ctypes
import glob
import importlib.util
import os
import platform
import shutil
import subprocess
import sys

sys.path.insert(0, os.path.join(config.mpq_src, "test"))
from script_test import ScriptTest  # a module of its own, since lit pickles the format


def cpu_features():
    """Instruction sets of this machine, under LLVM's names."""
    names = {"avx2": "avx2", "avx512f": "avx512f", "avx512_vnni": "avx512vnni", "avx512_bf16": "avx512bf16",
             "avx512vbmi": "avx512vbmi", "avx512_vpopcntdq": "avx512vpopcntdq"}
    try:
        with open("/proc/cpuinfo", encoding="utf-8") as file:
            flags = next((line for line in file if line.startswith("flags")), "").split()
    except OSError:
        return []
    return [name for flag, name in names.items() if flag in flags]


def has_gpu():
    """Whether the CUDA driver is there and sees a device."""
    try:
        cuda = ctypes.CDLL("libcuda.so.1")
    except OSError:
        return False
    count = ctypes.c_int(0)
    return cuda.cuInit(0) == 0 and cuda.cuDeviceGetCount(ctypes.byref(count)) == 0 and count.value > 0


def importable(python, modules):
    """Which of the modules this Python can import."""
    code = "import importlib.util as u; print(*[m for m in %r if u.find_spec(m)])" % (modules,)
    try:
        return subprocess.run([python, "-c", code], capture_output=True, text=True, check=True).stdout.split()
    except (OSError, subprocess.CalledProcessError):
        return []


def has_openmp(compiler):
    """Whether it links programs with OpenMP."""
    program = b"#include <omp.h>\nint main(void) { return omp_get_max_threads() < 1; }"
    return subprocess.run([compiler, "-fopenmp", "-x", "c", "-", "-o", os.devnull], input=program,
                          capture_output=True).returncode == 0


# A guard against hangs, not a limit that a test could come near. lit needs psutil to end what a test started.
if importlib.util.find_spec("psutil") and not lit_config.maxIndividualTestTime:
    lit_config.maxIndividualTestTime = 900

config.name = "MPQ"
config.test_format = ScriptTest(execute_external=False)
config.suffixes = [".mlir", ".test", ".py"]
config.excludes = ["Inputs", "lit.cfg.py", "lit.unit.cfg.py", "lit.local.cfg", "CMakeLists.txt", "README.md", "__pycache__"]
config.test_source_root = os.path.join(config.mpq_src, "test")
config.test_exec_root = os.path.join(config.mpq_build, "test")

python = os.environ.get("MPQ_PYTHON", config.python)
models = os.path.realpath(os.path.join(config.mpq_src, "..", "shared", "models"))
if not os.path.isdir(models):
    models = ""

features = config.available_features
features.update(cpu_features())
features.update(importable(python, ["numpy", "onnx", "onnxruntime", "cuda"]))
features.add(platform.machine())
# setuptools makes wheels by itself since version 70.1.
if importable(python, ["setuptools"]) and importable(python, ["setuptools.command.bdist_wheel"]):
    features.add("wheels")
if models:
    features.add("shared-models")
if shutil.which(config.cc):
    features.add("compiler")
    if has_openmp(config.cc):
        features.add("openmp")
if shutil.which("ptxas") or glob.glob("/usr/local/cuda*/bin/ptxas"):
    features.add("ptxas")
if all(shutil.which(tool) for tool in ("qemu-aarch64", "clang", "ld.lld")):
    features.add("qemu-aarch64")
if has_gpu():
    features.add("gpu")
if os.path.exists(os.path.join(config.mpq_src, ".git")) and shutil.which("git"):
    features.add("git-checkout")
for sanitizer, feature in (("address", "asan"), ("thread", "tsan")):
    if sanitizer in config.sanitize.split(","):
        features.add(feature)

# The longer name first: lit replaces text, and %python must not eat the start of another name.
config.substitutions += [
    ("%shared_models", models),
    ("%mpq_include", os.path.join(config.mpq_src, "include")),
    ("%mpq_src", config.mpq_src),
    ("%mpq_build", config.mpq_build),
    ("%mpq_lib", os.path.join(config.mpq_build, "lib")),
    ("%python", python),
    ("%sanitize", "-fsanitize=" + config.sanitize if config.sanitize else ""),
    ("%cc", config.cc),
    ("%cxx", config.cxx),
]

environment = config.environment
environment["PATH"] = os.pathsep.join(
    [os.path.join(config.mpq_build, "bin"), config.llvm_tools_dir, os.environ.get("PATH", "")])
environment["PYTHONPATH"] = os.path.join(config.mpq_src, "python")
environment["PYTHONDONTWRITEBYTECODE"] = "1"
for name in ("HOME", "TMPDIR", "ASAN_OPTIONS", "UBSAN_OPTIONS", "TSAN_OPTIONS", "LSAN_OPTIONS"):
    if name in os.environ:
        environment[name] = os.environ[name]
