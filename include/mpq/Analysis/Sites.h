//===----------------------------------------------------------------------===//
// Part of MPQ, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//===----------------------------------------------------------------------===//
//
// Sites: the weights of a model whose formats are decided one by one.
//
// A weight is an operand of an op that reads it as a matrix [rows][k], rows
// being the output channels (`axis`):
//
//     onnx.Conv   W     axis 0            O x I x KH x KW: k = I * KH * KW
//     onnx.Gemm   B     axis transB ? 0 : 1
//     onnx.MatMul B     axis 1            rank 2
//     onnx.Gather data  axis 0            rank 2: an embedding table
//
// A constant is one site however many ops read it, and constants of the same
// value are the same constant. Only where two ops read it along different axes
// there are two sites, tied to each other.
//
// Different tensors can be the same matrix: an embedding [vocabulary][k] and the
// head that is tied to it, [k][vocabulary] for a MatMul. Those are two sites,
// tied, of which the second is *shared*: it is stored as the first one is, and
// counts neither bytes nor weights of its own.
//
//===----------------------------------------------------------------------===//
#ifndef MPQ_ANALYSIS_SITES_H
#define MPQ_ANALYSIS_SITES_H

#include "dialects/MPQ/MPQ.h"

#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/IR/BuiltinOps.h"

#include <optional>
#include <string>
#include <vector>

namespace mpq {

/// The function `@main` of `module`, of one block, or null after an error.
mlir::func::FuncOp lookupMain(mlir::ModuleOp module);

/// The operand of `op` that could be a quantized weight, by what `op` is; it
/// may be anything, an activation for example. Null if there is none.
mlir::OpOperand *getWeightOperand(mlir::Operation *op);

/// The dimension of the weight along which the output channels of `op` run.
int64_t getWeightAxis(mlir::Operation *op);

/// The attribute of a site that says what its ops read their input as ("f32" or
/// "int8"): a decision of whoever wrote a plan, above what was allocated.
constexpr llvm::StringLiteral kActivationsAttr = "mpq.activations";

/// The attribute of a module whose rows that are quantized while the model runs
/// have a scale for each group of the weight that they meet.
constexpr llvm::StringLiteral kActivationGroupsAttr = "mpq.activation_groups";

/// The attribute of a module, an i64, with the bits that codes of activations
/// have, 1 to 8; absent: 8.
constexpr llvm::StringLiteral kActivationBitsAttr = "mpq.activation_bits";

/// What it says about `op`'s module; an error if it is no such number.
llvm::FailureOr<int64_t> getActivationBits(mlir::Operation *op);

/// What the ops of `site` read their input as: what `kActivationsAttr` says,
/// else the chosen candidate, else `byDefault`. An attribute that says neither
/// f32 nor int8 is an error.
llvm::FailureOr<Activations> getActivations(SiteOp site, Activations byDefault);

/// The constant that `op` reads as its weight, if that can be quantized and has
/// no site; or null.
mlir::Operation *getQuantizableWeight(mlir::Operation *op);

struct SiteOptions {
  std::vector<std::string> formats; ///< spellings; empty: `getDefaultFormats`
  /// Groupings of the formats that say none, each a candidate; 0: per row.
  /// Empty: per row.
  std::vector<int64_t> groupSizes;
  /// Combines the formats with f32 and int8 activations where an op multiplies
  /// with the weight; else activations are no part of the choice.
  bool decideActivations = false;
  /// Products will have int8 activations: no default format that they cannot
  /// take.
  bool integerProducts = false;
};

/// Integers of 2, 3, 4, 5, 6 and 8 bits with an f16 scale per row; those of 2 and
/// 3 bits with one per 64 weights, too, except for convolutions; codebooks of 3
/// and 4 bits where activations are f32.
llvm::ArrayRef<llvm::StringLiteral> getDefaultFormats();

/// Inserts a site behind every quantizable weight that has none. Wrong options
/// are one error at `main`.
llvm::LogicalResult insertSites(mlir::func::FuncOp main,
                                const SiteOptions &options);

/// All sites of `main`, in order.
llvm::SmallVector<SiteOp> getSites(mlir::func::FuncOp main);

/// The candidate `format` for `site`, with nothing measured.
CandidateAttr
makeCandidate(SiteOp site, FormatAttrInterface format,
              std::optional<Activations> activations = std::nullopt);

/// The number of weights of `site`.
int64_t getNumWeights(SiteOp site);

/// The attribute of a site that is stored as the site is that it is tied to.
constexpr llvm::StringLiteral kSharedAttr = "mpq.shared";

/// What `site` adds to the weights of the model and, in a format or (null) in
/// f32, to the bytes: nothing if it is shared.
int64_t countWeights(SiteOp site);
int64_t countBytes(SiteOp site, CandidateAttr candidate);

/// The values of the constant behind `site`, in the tensor's own order; null
/// after an error at the site.
std::optional<std::vector<float>> readWeights(SiteOp site);

/// `values` (in the order of the site's tensor) as the payload of `format`.
std::vector<char> encodeWeights(SiteOp site, FormatAttrInterface format,
                                llvm::ArrayRef<float> values);

/// The values that a payload of `format` holds, in the order of the site's tensor.
std::vector<float> decodeWeights(SiteOp site, FormatAttrInterface format,
                                 llvm::ArrayRef<char> payload);

/// What is left of `values` after they have been stored in `format`.
std::vector<float> roundTripWeights(SiteOp site, FormatAttrInterface format,
                                    llvm::ArrayRef<float> values);

} // namespace mpq

#endif // MPQ_ANALYSIS_SITES_H
