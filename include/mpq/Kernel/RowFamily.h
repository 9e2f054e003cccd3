//===----------------------------------------------------------------------===//
// Part of MPQ, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//===----------------------------------------------------------------------===//
//
// What the vector families of the ops on rows share: plain layouts, any number
// of rows.
//
//===----------------------------------------------------------------------===//
#ifndef MPQ_KERNEL_ROWFAMILY_H
#define MPQ_KERNEL_ROWFAMILY_H

#include "mpq/Kernel/KernelBuilder.h"

namespace mpq {

template <typename OpTy> class RowFamily : public KernelFamily {
public:
  int getPriority() const override { return 100; }

  bool accepts(mlir::Operation *op, const KernelTarget &target,
               std::string &reason) const override {
    if (auto row = mlir::dyn_cast<OpTy>(op))
      return acceptsRows(row, target, reason);
    reason = ("implements " + OpTy::getOperationName() + " only").str();
    return false;
  }

  KernelLayouts getLayouts(mlir::Operation *op,
                           const KernelTarget &) const override {
    KernelLayouts layouts;
    layouts.activations.resize(
        mlir::cast<ComputeOpInterface>(op).getActivationOperands().size());
    return layouts;
  }

protected:
  /// What `accepts` asks about an op of the right kind.
  virtual bool acceptsRows(OpTy op, const KernelTarget &target,
                           std::string &reason) const {
    return true;
  }
};

} // namespace mpq

#endif // MPQ_KERNEL_ROWFAMILY_H
