//===----------------------------------------------------------------------===//
// Part of MPQ, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//===----------------------------------------------------------------------===//
//
// How far the outputs of two versions of a model are from each other, over a
// set of samples. Only f32 outputs count, each as rows along its last axis. x is
// a row of the reference, y the same row of the other version:
//
//     kl          sum_i p_i (ln p_i - ln q_i), in nats; p and q are the softmax
//                 of x and y, or x and y themselves where the model ends in a
//                 Softmax; the mean over rows
//     similarity  1 - r, where r is the correlation of cos(x, x') with
//                 cos(y, y') over pairs of rows
//     cosine      1 - cos(x, y), in 0 .. 2; the mean over rows
//     mse         |x - y|^2 / |x|^2 with the norms over all rows of a sample: the
//                 mean squared error relative to the signal
//
// The divergence of a model is the mean over its samples (similarity: over their
// pairs), summed over its outputs.
//
// Which one is right depends on what an output is for, and a tensor does not
// say so. What the end of the graph shows is taken into account
// (`chooseDivergence`); beyond that the user has to know.
//
// Why similarity and not the angle to the reference. Embeddings are looked at
// beside each other, never beside those of another model. An error that all of
// them have in common moves no one closer to another, but it is in the angle:
// with one projection of a sentence encoder in 2 bits it is half of it.
//
//===----------------------------------------------------------------------===//
#ifndef MPQ_ANALYSIS_DIVERGENCE_H
#define MPQ_ANALYSIS_DIVERGENCE_H

#include "mlir/IR/BuiltinOps.h"
#include "llvm/ADT/ArrayRef.h"
#include "llvm/Support/Error.h"

#include <cstdint>
#include <optional>
#include <vector>

namespace mpq {

enum class Divergence { KL, Similarity, Cosine, MSE };

/// "kl", "similarity", "cosine" or "mse": also the name of the metric that
/// measures it.
llvm::StringRef stringifyDivergence(Divergence divergence);
std::optional<Divergence> symbolizeDivergence(llvm::StringRef name);

/// Over all f32 outputs of `@main`:
///
///     similarity  if every one is divided by its own length at the end: unit
///                 vectors are embeddings
///     mse         if none can be a distribution along its last axis: it has one
///                 element there, or the rank is above 3, as of images
///     kl          otherwise: scores of classes or tokens, or of whatever else
Divergence chooseDivergence(mlir::ModuleOp module);

/// How outputs are compared: of each sample some numbers are kept, and those of
/// all samples together make the result.
class OutputComparison {
public:
  /// A pointer per output of `@main`, of one sample.
  using Outputs = llvm::ArrayRef<const char *>;

  virtual ~OutputComparison() = default;

  /// Success if so many samples are enough.
  virtual llvm::Error checkSamples(int64_t samples) const { return llvm::Error::success(); }

  /// The count of numbers that are kept of a sample.
  virtual int64_t getWidth() const { return 1; }

  /// Fills in `kept`. Called from any thread.
  virtual void compare(Outputs reference, Outputs other, llvm::MutableArrayRef<float> kept) const = 0;

  /// What `kept`, [sample][width], amounts to: zero where nothing is lost. The
  /// mean unless overridden.
  virtual double reduce(llvm::ArrayRef<float> kept) const;
};

class OutputDivergence final : public OutputComparison {
public:
  /// Reads which outputs `@main` has and which of them end in onnx.Softmax.
  OutputDivergence(mlir::ModuleOp module, Divergence kind);

  /// Success if `kind` can tell two outputs of the model apart.
  static llvm::Error check(mlir::ModuleOp module, Divergence kind);

  llvm::Error checkSamples(int64_t samples) const override;
  int64_t getWidth() const override;
  void compare(Outputs reference, Outputs other, llvm::MutableArrayRef<float> kept) const override;
  double reduce(llvm::ArrayRef<float> kept) const override;

  /// Whether the largest element of any row of any f32 output is another one.
  bool argmaxDiffers(Outputs baseline, Outputs other) const;

private:
  struct Output {
    int64_t rows = 0, classes = 0; ///< rows 0: not f32, left out
    bool probabilities = false;
  };

  Divergence kind;
  std::vector<Output> outputs;
};

} // namespace mpq

#endif // MPQ_ANALYSIS_DIVERGENCE_H
