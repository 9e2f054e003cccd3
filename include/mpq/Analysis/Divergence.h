//===----------------------------------------------------------------------===//
// Part of MPQ, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//===----------------------------------------------------------------------===//
//
// How far the outputs of two versions of a model are from each other.
//
// An f32 output is taken as rows of logits along its last axis, of which the
// softmax is the model's distribution; where the model itself ends in a Softmax
// the output is that distribution. The divergence of an output is the mean over
// its rows of
//
//     KL(p || q) = sum_i p_i (ln p_i - ln q_i)    in nats, p the reference
//
// and that of a model the sum over its f32 outputs.
//
//===----------------------------------------------------------------------===//
#ifndef MPQ_ANALYSIS_DIVERGENCE_H
#define MPQ_ANALYSIS_DIVERGENCE_H

#include "mlir/IR/BuiltinOps.h"
#include "llvm/ADT/ArrayRef.h"

#include <cstdint>
#include <vector>

namespace mpq {

class OutputDivergence {
public:
  /// Reads which outputs `@main` has and which of them end in onnx.Softmax.
  explicit OutputDivergence(mlir::ModuleOp module);

  /// KL(baseline || other), a pointer per output of one sample each.
  double kl(llvm::ArrayRef<const char *> baseline,
            llvm::ArrayRef<const char *> other) const;

  /// Whether the largest element of any row of any f32 output is another one.
  bool argmaxDiffers(llvm::ArrayRef<const char *> baseline,
                     llvm::ArrayRef<const char *> other) const;

private:
  struct Output {
    int64_t rows = 0, classes = 0; ///< rows 0: not f32, left out
    bool probabilities = false;
  };
  std::vector<Output> outputs;
};

} // namespace mpq

#endif // MPQ_ANALYSIS_DIVERGENCE_H
