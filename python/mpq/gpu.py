# ===----------------------------------------------------------------------===#
# Part of MPQ, under the Apache License v2.0 with LLVM Exceptions.
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
# ===----------------------------------------------------------------------===#
"""Runs what `quant-compile --target=nvvm --emit=ptx` writes, on an NVIDIA GPU.

    program = mpq.gpu.Program("kernel.json")
    result = program.run({"x": activations})["y"]

docs/Rationale/NVVM.md describes the three files. The GPU is reached through NVIDIA's own Python package for the CUDA
driver (`pip install cuda-bindings`); neither nvcc nor ptxas is needed.
"""
from __future__ import annotations

import ctypes
import json
import pathlib
from typing import Any, Mapping

import numpy as np

from .errors import RunError

#: Of kernel.json.
VERSION = 2
TYPES = {"f32": np.float32, "f16": np.float16}


class CudaDevice:
    """The first GPU, in the context that other libraries of this process use too. Memory is freed with the object."""

    def __init__(self) -> None:
        try:
            from cuda.bindings import driver
        except ImportError as error:
            raise RunError(f"no CUDA driver can be reached: {error}; pip install cuda-bindings") from None
        self.driver = driver
        self.allocations: set[int] = set()
        self.stream = 0
        self.call("cuInit", 0)
        device = self.call("cuDeviceGet", 0)
        self.call("cuCtxSetCurrent", self.call("cuDevicePrimaryCtxRetain", device))

    def call(self, function: str, *arguments: Any) -> Any:
        """The result of a function of the driver, which is named where it fails."""
        code, *results = getattr(self.driver, function)(*arguments)
        if code != self.driver.CUresult.CUDA_SUCCESS:
            raise RunError(f"{function} failed: {code.name}")
        return results[0] if len(results) == 1 else results or None

    def load(self, ptx: str) -> Any:
        return self.call("cuModuleLoadData", ptx.encode() + b"\0")

    def get_kernel(self, module: Any, name: str, shared_bytes: int) -> Any:
        kernel = self.call("cuModuleGetFunction", module, name.encode())
        limit = self.driver.CUfunction_attribute.CU_FUNC_ATTRIBUTE_MAX_DYNAMIC_SHARED_SIZE_BYTES
        self.call("cuFuncSetAttribute", kernel, limit, shared_bytes)
        return kernel

    def allocate(self, array: np.ndarray) -> int:
        """The address of a copy of `array`."""
        array = np.ascontiguousarray(array)
        address = int(self.call("cuMemAlloc", max(1, array.nbytes)))
        self.allocations.add(address)
        self.call("cuMemcpyHtoD", address, array.ctypes.data, array.nbytes)
        return address

    def free(self, address: int) -> None:
        self.allocations.remove(address)
        self.call("cuMemFree", address)

    def read(self, address: int, dtype: type, shape: list[int]) -> np.ndarray:
        result = np.empty(shape, dtype)
        self.call("cuMemcpyDtoH", result.ctypes.data, address, result.nbytes)
        return result

    def launch(self, kernel: Any, grid: list[int], block: list[int], shared_bytes: int, arguments: list[int],
               types: list[type]) -> None:
        self.call("cuLaunchKernel", kernel, *grid, *block, shared_bytes, self.stream, (tuple(arguments), tuple(types)), 0)

    def __del__(self) -> None:
        for address in getattr(self, "allocations", ()):
            self.driver.cuMemFree(address)


class Program:
    """The kernels of a model, its weights on a device (any with the methods of CudaDevice), and what to launch."""

    def __init__(self, path: str | pathlib.Path, device: Any = None) -> None:
        path = pathlib.Path(path)
        try:
            self.description = json.loads(path.read_text(encoding="utf-8"))
        except json.JSONDecodeError as error:
            raise RunError(f"{path}: is not JSON: {error}") from None
        version = self.description.get("version") if isinstance(self.description, dict) else None
        if version != VERSION:
            raise RunError(f"{path}: describes kernels in version {version} when it should be {VERSION}; compile again")
        self.device = device or CudaDevice()
        self.set_ptx((path.parent / self.description["ptx"]).read_text(encoding="utf-8"))
        self.packed = np.fromfile(path.parent / self.description["weights"]["file"], np.uint8)
        if len(self.packed) != self.description["weights"]["bytes"]:
            raise RunError(f"{path}: the weights have {len(self.packed)} bytes when they should have "
                           f"{self.description['weights']['bytes']}")
        self.weights = self.device.allocate(self.packed)
        self.workspace = self.device.allocate(np.zeros(self.description["workspace_bytes"], np.uint8))
        self.tensors = {t["name"]: t for t in self.description["tensors"]}

    def set_ptx(self, text: str) -> None:
        module = self.device.load(text)
        self.kernels = {k["name"]: self.device.get_kernel(module, k["name"], k["dynamic_shared_bytes"])
                        for launch in self.description["launches"] for k in launch["kernels"]}

    def run(self, inputs: Mapping[str, np.ndarray]) -> dict[str, np.ndarray]:
        """Outputs by name. All inputs have the same number of samples where that is open."""
        samples, buffers = self.allocate(inputs)
        try:
            self.launch(samples, self.weights, {name: address for name, (address, _, _) in buffers.items()})
            return {name: self.device.read(*buffers[name]) for name, t in self.tensors.items() if t["kind"] == "output"}
        finally:
            for address, _, _ in buffers.values():
                self.device.free(address)

    def allocate(self, inputs: Mapping[str, np.ndarray]) -> tuple[int, dict[str, tuple[int, type, list[int]]]]:
        """The number of samples; address, type and shape of each tensor's buffer. What no kernel writes stays NaN."""
        samples = 1
        for name, tensor in self.tensors.items():
            declared = tensor["shape"]
            if tensor["kind"] != "input":
                continue
            if name not in inputs:
                raise RunError(f"input '{name}' is missing; there are {', '.join(map(repr, inputs)) or 'none'}")
            shape = list(inputs[name].shape)
            if len(shape) != len(declared) or any(d not in (-1, s) for d, s in zip(declared, shape)):
                raise RunError(f"input '{name}' is {shape} when it should be {declared}")
            samples = shape[0] if declared[:1] == [-1] else samples
        buffers = {}
        for name, tensor in self.tensors.items():
            shape = [samples if d < 0 else d for d in tensor["shape"]]
            dtype = TYPES[tensor["type"]]
            value = inputs[name].astype(dtype) if name in inputs else np.full(shape, np.nan, dtype)
            buffers[name] = self.device.allocate(value), dtype, shape
        return samples, buffers

    def choose_kernels(self, samples: int) -> list[dict]:
        """For each launch the kernel for so many samples, from the description, with `rows` added."""
        chosen = []
        for launch in self.description["launches"]:
            rows = launch["rows"] if "rows" in launch else launch["rows_per_sample"] * samples
            chosen.append({**next(k for k in launch["kernels"] if rows <= k.get("max_rows", rows)), "rows": rows})
        return chosen

    def launch(self, samples: int, weights: int, addresses: Mapping[str, int]) -> None:
        """All launches, in order; `weights` is where the packed weights begin on the device."""
        for launch, kernel in zip(self.description["launches"], self.choose_kernels(samples)):
            if not kernel["rows"]:
                continue  # an empty grid is an error
            blocks = kernel["grid"]
            grid = [-(-kernel["rows"] // blocks["rows_per_block"]), blocks["column_blocks"], blocks["splits"]]
            arguments, types = [], []
            for argument in launch["arguments"]:
                types.append(ctypes.c_int32 if "scalar" in argument else ctypes.c_void_p)
                if "tensor" in argument:
                    arguments.append(addresses[argument["tensor"]])
                elif "weights_offset" in argument:
                    arguments.append(weights + argument["weights_offset"])
                elif "workspace_offset" in argument:
                    arguments.append(self.workspace + argument["workspace_offset"])
                else:
                    arguments.append(kernel["rows"])
            self.device.launch(self.kernels[kernel["name"]], grid, kernel["block"], kernel["dynamic_shared_bytes"],
                               arguments, types)
