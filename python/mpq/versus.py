# ===----------------------------------------------------------------------===#
# Part of MPQ, under the Apache License v2.0 with LLVM Exceptions.
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
# ===----------------------------------------------------------------------===#
"""Times a compiled library against other runtimes.

    python -m mpq.versus model.onnx model.so --batch 1 --batch 64 --length 32
    python -m mpq.versus model.onnx int8.so --peer onnxruntime --peer onnxruntime-dynamic --peer openvino --threads 2

All run in this process, in turns of a few milliseconds, so that a clock that drifts and what else the machine does hit
all alike. Arrays are bound before: nobody pays for Python's conversions. Prints, for each batch size and for each peer
(python/mpq/peers.py says what they are), the median and the least time of a call, the median ratio of the library's turn
to the peer's turn beside it (below 1 where the library is faster), and the largest difference of the outputs relative to
their largest magnitude. `--length` is the size of the dynamic dimensions that are not the batch.

Threads of a pool that has just worked go on waiting in loops for a while, on the CPUs that the next one needs. With
several threads a turn therefore begins with a pause, in which they fall asleep, and a call that wakes its own.
"""
from __future__ import annotations

import argparse
import pathlib
import statistics
import tempfile
import time

import numpy as np

from . import peers
from .model import Model


def make_inputs(session, batch: int, length: int, seed: int = 0) -> dict[str, np.ndarray]:
    """Small non-negative integers, ones for masks, normally distributed reals otherwise."""
    random = np.random.default_rng(seed)
    arrays = {}
    for value in session.get_inputs():
        shape = [batch if axis == 0 else size if isinstance(size, int) else length for axis, size in enumerate(value.shape)]
        if "int" in value.type:
            arrays[value.name] = random.integers(1, 500, shape).astype(np.int64 if "64" in value.type else np.int32)
        elif "mask" in value.name:
            arrays[value.name] = np.ones(shape, np.float32)
        else:
            arrays[value.name] = random.standard_normal(shape, np.float32)
    return arrays


def time_turn(run, calls: int) -> float:
    """Microseconds per call."""
    start = time.perf_counter_ns()
    for _ in range(calls):
        run()
    return (time.perf_counter_ns() - start) / calls / 1e3


#: Seconds in which threads that wait in loops fall asleep.
PAUSE = 0.05


def alternate(runs: list, seconds: float, pause: float = 0) -> list[list[float]]:
    """Microseconds per call of each, turn by turn, each after a pause."""
    calls = [max(1, int(3000 / time_turn(run, 3))) for run in runs]
    times: list[list[float]] = [[] for _ in runs]
    end = time.monotonic() + seconds
    while time.monotonic() < end or len(times[0]) < 3:
        for run, count, list_ in zip(runs, calls, times):
            if pause:
                time.sleep(pause)
                run()
            list_.append(time_turn(run, count))
    return times


def compare(names: list[str], runs: list, seconds: float, pause: float) -> None:
    """Prints a line for the library, which is first, and for each peer."""
    mine = runs[0]()
    for run, name, times in zip(runs, names, alternate(runs, seconds, pause)):
        line = f"  {name:20} {statistics.median(times):10.1f} us (least {min(times):.1f})"
        if run is runs[0]:
            own = times
        else:
            wanted = run()
            error = max(float(np.abs(value - wanted[key]).max() / np.abs(wanted[key]).max()) for key, value in mine.items())
            line += f", ratio {statistics.median(a / b for a, b in zip(own, times)):.3f}, difference {error:.2g}"
        print(line, flush=True)


def main() -> None:
    parser = argparse.ArgumentParser(prog="mpq.versus", description=__doc__,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("model")
    parser.add_argument("library")
    parser.add_argument("--batch", type=int, action="append")
    parser.add_argument("--length", type=int, default=32)
    parser.add_argument("--seconds", type=float, default=5, help="for each batch size")
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--peer", action="append", choices=peers.NAMES)
    parser.add_argument("--calibration", type=pathlib.Path, help="samples (.npz) for peers that quantize statically")
    parser.add_argument("--work", type=pathlib.Path, help="folder that keeps the peers' quantized models")
    args = parser.parse_args()

    session = peers.open_session(args.model, args.threads)
    model = Model(args.library, threads=args.threads)
    calibration = dict(np.load(args.calibration)) if args.calibration else None
    names = args.peer or ["onnxruntime"]
    with tempfile.TemporaryDirectory() as scratch:
        for batch in args.batch or [1, 64]:
            if any(value.shape and value.shape[0] == 1 for value in session.get_inputs()) and batch > 1:
                print(f"batch {batch}: the model takes one sample a run")
                continue
            inputs = make_inputs(session, batch, args.length)
            runs = [model.bind(inputs)]
            runs += [peers.open(name, args.model, inputs, args.threads, args.work or pathlib.Path(scratch), calibration)
                     for name in names]
            print(f"batch {batch}, {args.threads} thread{'s' if args.threads > 1 else ''}:")
            compare(["library", *names], runs, args.seconds, PAUSE if args.threads > 1 else 0)


if __name__ == "__main__":
    main()
