# ===----------------------------------------------------------------------===#
# Part of MPQ, under the Apache License v2.0 with LLVM Exceptions.
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
# ===----------------------------------------------------------------------===#
"""Does with kernel.ptx and its companions what a host program does with the CUDA driver, on the emulator."""
import json
import os

import numpy as np

import ptx_emulator

TYPES = {"f32": np.float32, "f16": np.float16}


class GpuProgram:
    def __init__(self, path):
        self.folder = os.path.dirname(path)
        with open(os.path.splitext(path)[0] + ".json", encoding="utf-8") as file:
            self.description = json.load(file)
        with open(os.path.join(self.folder, self.description["ptx"]), encoding="utf-8") as file:
            self.set_ptx(file.read())
        self.weights = np.fromfile(os.path.join(self.folder, self.description["weights"]["file"]), np.uint8)
        assert len(self.weights) == self.description["weights"]["bytes"]
        self.tensors = {t["name"]: t for t in self.description["tensors"]}
        self.device = None

    def set_ptx(self, text):
        self.kernels = ptx_emulator.parse(text)

    def run(self, inputs):
        """Outputs by name. All inputs have the same number of samples where that is open."""
        self.device = device = ptx_emulator.Device()
        samples = 1
        for name, value in inputs.items():
            declared = self.tensors[name]["shape"]
            assert [d for d in declared if d >= 0] == [s for d, s in zip(declared, value.shape) if d >= 0]
            samples = value.shape[0] if declared[0] < 0 else samples
        weights = device.allocate(self.weights)
        addresses = {}
        for name, tensor in self.tensors.items():
            shape = [samples if d < 0 else d for d in tensor["shape"]]
            dtype = TYPES[tensor["type"]]
            # What no kernel writes stays NaN.
            value = inputs[name].astype(dtype) if name in inputs else np.full(shape, np.nan, dtype)
            addresses[name] = device.allocate(value), dtype, shape
        for launch in self.description["launches"]:
            self.launch(launch, samples, weights, addresses)
        return {n: device.read(*addresses[n]) for n, t in self.tensors.items() if t["kind"] == "output"}

    def launch(self, launch, samples, weights, addresses):
        rows = launch["rows"] if "rows" in launch else launch["rows_per_sample"] * samples
        kernel = next(k for k in launch["kernels"] if rows <= k.get("max_rows", rows))
        grid = [-(-rows // kernel["grid"]["rows_per_block"]), kernel["grid"]["column_blocks"]]
        arguments = []
        for argument in launch["arguments"]:
            if "tensor" in argument:
                arguments.append(addresses[argument["tensor"]][0])
            elif "weights_offset" in argument:
                arguments.append(weights + argument["weights_offset"])
            else:
                arguments.append(rows)
        self.device.launch(self.kernels[kernel["name"]], grid, kernel["block"], kernel["dynamic_shared_bytes"],
                           arguments)
