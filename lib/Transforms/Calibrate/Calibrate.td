//===----------------------------------------------------------------------===//
// Part of MPQ, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//===----------------------------------------------------------------------===//
#ifndef MPQ_TRANSFORMS_CALIBRATE_TD
#define MPQ_TRANSFORMS_CALIBRATE_TD

include "mlir/Pass/PassBase.td"

def CalibratePass : Pass<"mpq-calibrate", "::mlir::ModuleOp"> {
  let summary = "Observe the range of every activation on samples";
  let description = [{
    Runs the model in f32 on the samples in `data` (.npz: an array per input of
    the model, dimension 0 runs over samples) and puts the range that the
    observer makes of what it sees on every op with an f32 result, and on the
    function for its arguments. The module remembers the file.

    ```mlir
    %y = onnx.Relu(%x) : (tensor<1x16x32x32xf32>) -> tensor<1x16x32x32xf32>
    ```
    becomes
    ```mlir
    %y = onnx.Relu(%x) {mpq.range = #mpq.range<0.000000e+00, 4.171000e+00>} : ...
    ```

    With the observer `none` the model is not run, and there are no ranges:
    activations that are quantized find theirs while the model runs.

    The result does not depend on `threads` or `mem-limit`. If what one run
    observes would not fit into the limit there are several.
  }];
  let options = [
    Option<"data", "data", "std::string", "\"\"", "samples (.npz)">,
    Option<"observer", "observer", "std::string", "\"percentile\"", "a registered Observer: minmax, percentile, mse, none">,
    Option<"percentile", "percentile", "double", "99.99", "of the observer percentile">,
    Option<"threads", "threads", "unsigned", "0", "0: all cores">,
    Option<"memLimit", "mem-limit", "uint64_t", "0", "bytes of memory that the process may have; 0: no limit">
  ];
  let dependentDialects = ["::mpq::MPQDialect"];
}

#endif // MPQ_TRANSFORMS_CALIBRATE_TD
