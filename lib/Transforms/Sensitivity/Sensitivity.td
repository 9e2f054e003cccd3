//===----------------------------------------------------------------------===//
// Part of MPQ, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//===----------------------------------------------------------------------===//
#ifndef MPQ_TRANSFORMS_SENSITIVITY_TD
#define MPQ_TRANSFORMS_SENSITIVITY_TD

include "mlir/Pass/PassBase.td"

def SensitivityPass : Pass<"mpq-sensitivity", "::mlir::ModuleOp"> {
  let summary = "Measure what every candidate of every site costs in quality";
  let description = [{
    Fills in `error` and `metric` of the candidates of all sites: what is lost
    with this site alone in this format, or with all that it is tied to (which
    counts for the first of them). Inserts the sites first if there are
    none. The samples are those that the module was calibrated on
    (`mpq.calibration_data`), or `data`.

    By default the metric is a divergence of the model's outputs that fits their
    use, as far as the graph shows it: `cosine` where the outputs are divided by
    their own length, so that they are embeddings; `mse` where they cannot be
    distributions along the last axis (one element, or more than three axes);
    `kl` otherwise.

    ```mlir
    #mpq.candidate<#mpq.int<4>, bytes = 280>
    ```
    becomes
    ```mlir
    #mpq.candidate<#mpq.int<4>, bytes = 280, error = 1.200000e-03, metric = "kl">
    ```
  }];
  let options = [
    Option<"metric", "metric", "std::string", "\"\"", "a registered SensitivityMetric: kl, cosine, mse, weight-mse; default: the one that fits the outputs">,
    Option<"data", "data", "std::string", "\"\"", "samples (.npz); default: what the module was calibrated on">,
    Option<"threads", "threads", "unsigned", "0", "0: all cores">,
    Option<"memLimit", "mem-limit", "uint64_t", "0", "bytes of memory that the process may have; 0: no limit">
  ];
  let dependentDialects = ["::mpq::MPQDialect"];
}

#endif // MPQ_TRANSFORMS_SENSITIVITY_TD
