# ===----------------------------------------------------------------------===#
# What tools/dev/new writes compiles, passes its test, and keeps check-tree content; in a copy of the tree.
#
# A skeleton is built alone, as a plugin for the tools of this build, which its test then runs with. A format is part of
# the dialect, which would take too long here: of it the object file is built.
#
# REQUIRES: git-checkout, compiler, numpy, onnx
# RUN: %python %s %mpq_src %mpq_build %t pass observer
# ===----------------------------------------------------------------------===#
import os
import pathlib
import re
import shutil
import subprocess
import sys

source, build, work = (pathlib.Path(argument) for argument in sys.argv[1:4])


def run(*command, **options):
    result = subprocess.run([str(word) for word in command], capture_output=True, text=True, check=False, **options)
    if result.returncode != 0:
        sys.exit(f"{' '.join(map(str, command))}\n{result.stdout}{result.stderr}")
    return result.stdout


def copy_tree(tree):
    listed = run("git", "-C", source, "ls-files", "-z", "--cached", "--others", "--exclude-standard")
    for name in filter(None, listed.split("\0")):
        if (source / name).is_file():
            (tree / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(source / name, tree / name)
    run("git", "-C", tree, "init", "-q")


def write_plugin_project(folder, tree, skeleton):
    folder.mkdir(parents=True)
    (folder / "CMakeLists.txt").write_text(
        "cmake_minimum_required(VERSION 3.20)\nproject(Skeleton LANGUAGES C CXX)\nfind_package(MPQ REQUIRED CONFIG)\n"
        f"add_subdirectory({tree / skeleton} skeleton)\nmpq_add_plugin(Skeleton)\n", encoding="utf-8")
    run("cmake", "-G", "Ninja", "-S", folder, "-B", folder / "build", f"-DMPQ_DIR={build / 'cmake'}",
        "-DCMAKE_BUILD_TYPE=Release")
    run("cmake", "--build", folder / "build")
    return folder / "build" / "Skeleton.so"


def write_test_build(folder, tree, kind, plugin):
    """A build folder for lit whose tools load the plugin."""
    (folder / "bin").mkdir(parents=True)
    option = "--load-pass-plugin" if kind == "pass" else "--load-dialect-plugin"
    for tool in (build / "bin").iterdir():
        wrapper = folder / "bin" / tool.name
        load = f'"{option}={plugin}" ' if tool.name in ("quant-opt", "quant-compile") else ""
        wrapper.write_text(f'#!/bin/sh\nexec "{tool}" {load}"$@"\n', encoding="utf-8")
        wrapper.chmod(0o755)
    site = (build / "test" / "lit.site.cfg.py").read_text(encoding="utf-8")
    for name, value in (("mpq_build", folder), ("mpq_src", tree)):
        site = re.sub(rf"^config\.{name} = .*$", f'config.{name} = "{value}"', site, flags=re.MULTILINE)
    site = site.replace(f'"{source}/test/lit.cfg.py"', f'"{tree}/test/lit.cfg.py"')
    (folder / "test").mkdir()
    (folder / "test" / "lit.site.cfg.py").write_text(site, encoding="utf-8")
    return folder / "test"


def check(kind):
    tree = work / kind / "tree"
    copy_tree(tree)
    written = run(tree / "tools/dev/new", kind, "OneMore").splitlines()
    written = written[:written.index("")]
    run("git", "-C", tree, "add", "-A")
    run(tree / "tools/dev/check-tree")
    again = subprocess.run([tree / "tools/dev/new", kind, "OneMore"], capture_output=True, text=True, check=False)
    assert again.returncode == 1 and "is there already" in again.stderr, again.stderr

    test = next(name for name in written if name.startswith("test/"))
    skeleton = pathlib.Path(next(name for name in written if name.endswith("README.md"))).parent
    if kind == "format":
        run("cmake", "-G", "Ninja", "-S", tree, "-B", work / kind / "build", "-DMPQ_ENABLE_TESTS=OFF",
            f"-DPython3_EXECUTABLE={sys.executable}")
        run("cmake", "--build", work / kind / "build", "--target",
            "dialects/MPQ/CMakeFiles/MPQDialectMPQ.dir/Formats/OneMore/OneMore.cpp.o")
        return
    plugin = write_plugin_project(work / kind / "project", tree, skeleton)
    tests = write_test_build(work / kind / "tests", tree, kind, plugin)
    report = run("lit", "-v", tests / test.removeprefix("test/"), env=os.environ)
    assert re.search(r"Passed *: 1 ", report), report


shutil.rmtree(work, ignore_errors=True)
for kind in sys.argv[4:]:
    check(kind)
