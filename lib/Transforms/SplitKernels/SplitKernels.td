//===----------------------------------------------------------------------===//
// Part of MPQ, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//===----------------------------------------------------------------------===//
#ifndef MPQ_TRANSFORMS_SPLITKERNELS_TD
#define MPQ_TRANSFORMS_SPLITKERNELS_TD

include "mlir/Pass/PassBase.td"

def SplitKernelsPass : Pass<"mpq-split-kernels", "::mlir::ModuleOp"> {
  let summary = "Let threads share the parallel loops of kernels";
  let description = [{
    A kernel that has parallel loops, and enough to do in them, gets two more
    arguments, `part` and `parts`, and does the iterations of part `part` of
    `parts` equal ones. Calls pass 0 and 1, which is all of them, and say into
    how many parts (`mpq.parts`) it is worth splitting: each is to take
    `part-ns` or longer, by the prediction that is on the kernel.

    ```mlir
    call @conv_f32_0(%x, %w, %y) : (...) -> ()
    func.func private @conv_f32_0(...) attributes {mpq.nanoseconds = 5200 : i64} {
      scf.for %i = %c0 to %c32 step %c1 { ... } {mpq.parallel}
    ```
    becomes
    ```mlir
    call @conv_f32_0(%x, %w, %y, %c0, %c1) {mpq.parts = 5 : i64} : (...) -> ()
    func.func private @conv_f32_0(..., %part: index, %parts: index) {
      %from = ceil(32 * %part / %parts)
      %to = ceil(32 * (%part + 1) / %parts)
      scf.for %i = %from to %to step %c1 { ... }
    ```
    A kernel that is told sizes at run time is worth as many parts as the largest
    of them says: the call passes their number instead of 1.

    Where all calls that would be split take less than `run-ns` together, none
    is: a run would not earn what waking the threads costs.

    Which iterations belong together does not depend on the number of parts, so
    results do not, either.
  }];
  let options = [
    Option<"partNanoseconds", "part-ns", "int64_t", "1000", "the least time of a part; 0: whatever can be split is">,
    Option<"runNanoseconds", "run-ns", "int64_t", "10000", "the least time of all calls that are split; not if part-ns is 0">
  ];
  let dependentDialects = ["::mlir::arith::ArithDialect", "::mlir::scf::SCFDialect"];
}

#endif // MPQ_TRANSFORMS_SPLITKERNELS_TD
