//===----------------------------------------------------------------------===//
// Part of MPQ, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//===----------------------------------------------------------------------===//
#ifndef MPQ_TRANSFORMS_REFINE_TD
#define MPQ_TRANSFORMS_REFINE_TD

include "mlir/Pass/PassBase.td"

def RefinePass : Pass<"mpq-refine", "::mlir::ModuleOp"> {
  let summary = "Choose formats again by what they lose beside each other";
  let description = [{
    Allocation adds up what sites lose one at a time. What they lose together is
    something else once losses are large. This pass measures it: if the plan loses
    much more or less than the sum, every site is scored once more, in the
    candidates near the chosen one, with all others as planned. `choose`, the pass
    that chose the formats, then chooses again by these scores. A plan that loses
    less, as measured, takes the place of the old one; otherwise changes are made
    dearer until fewer of them are left. The errors in the candidates stay those
    of `mpq-sensitivity`. Only weights are looked at; int8 activations keep what
    they added to the score of a site.

    ```mlir
    mpq.site %w "conv1.weight" axis 0 choice 2 candidates [...]
    ```
    becomes
    ```mlir
    mpq.site %w "conv1.weight" axis 0 choice 1 candidates [...]
    ```
  }];
  let options = [
    Option<"choose", "choose", "std::string", "\"\"", "the pass that chose: mpq-allocate with its options">,
    Option<"divergence", "divergence", "std::string", "\"\"", "kl, similarity, cosine or mse; default: the one that fits the outputs">,
    Option<"rounds", "rounds", "unsigned", "2", "how often to score around the plan, at most">,
    Option<"tolerance", "tolerance", "double", "0.1", "a plan that loses the sum of its sites up to this share stays as it is">,
    Option<"enough", "enough", "double", "0.0", "a plan that loses no more than this, as measured, stays as it is">,
    Option<"data", "data", "std::string", "\"\"", "samples (.npz); default: what the module was calibrated on">,
    Option<"threads", "threads", "unsigned", "0", "0: all cores">,
    Option<"memLimit", "mem-limit", "uint64_t", "0", "bytes of memory that the process may have; 0: no limit">
  ];
  let dependentDialects = ["::mpq::MPQDialect"];
}

#endif // MPQ_TRANSFORMS_REFINE_TD
