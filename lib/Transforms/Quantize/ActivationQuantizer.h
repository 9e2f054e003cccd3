//===----------------------------------------------------------------------===//
// Part of MPQ, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//===----------------------------------------------------------------------===//
//
// The half of mpq-quantize that is about activations.
//
//===----------------------------------------------------------------------===//
#ifndef MPQ_TRANSFORMS_QUANTIZE_ACTIVATIONQUANTIZER_H
#define MPQ_TRANSFORMS_QUANTIZE_ACTIVATIONQUANTIZER_H

#include "mpq/Analysis/Activations.h"
#include "mpq/Analysis/Sites.h"

#include "llvm/ADT/SetVector.h"

namespace mpq {

/// Codes of `bits` bits for reals in [min, max]: the range is widened to contain
/// zero, and zero has a code of its own.
struct UniformParameters {
  float scale = 1;
  int64_t zeroPoint = 0;

  static UniformParameters fromRange(double min, double max,
                                     int64_t bits);
};

/// Decides which activations are quantized, and how; then does it.
class ActivationQuantizer {
public:
  /// `byDefault` holds for sites that do not say. Codes have `bits` bits.
  ActivationQuantizer(Activations byDefault, int64_t bits)
      : byDefault(byDefault), bits(bits) {}

  /// Looks at the ops that read `site`, which has a choice, as their weight.
  llvm::LogicalResult addSite(SiteOp site);

  /// Puts quant.qcast and quant.dcast behind the values that are quantized.
  void insertCasts();

  /// Whether the input of `op` is quantized while the model runs.
  bool isDynamic(mlir::Operation *op) const { return dynamic.contains(op); }
  int64_t getBits() const { return bits; }

private:
  llvm::LogicalResult addReader(SiteOp site, mlir::Operation *op);

  Activations byDefault;
  int64_t bits;
  llvm::SetVector<mlir::Value> quantized;
  llvm::DenseSet<mlir::Operation *> dynamic;
};

} // namespace mpq

#endif // MPQ_TRANSFORMS_QUANTIZE_ACTIVATIONQUANTIZER_H
