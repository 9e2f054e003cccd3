//===----------------------------------------------------------------------===//
// Part of MPQ, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//===----------------------------------------------------------------------===//
//
// What the reference families of the ops without weights share: they accept
// every op of one kind, come last, and want plain layouts.
//
//===----------------------------------------------------------------------===//
#ifndef MPQ_LIB_KERNEL_REFERENCE_DATAFAMILY_H
#define MPQ_LIB_KERNEL_REFERENCE_DATAFAMILY_H

#include "mpq/Kernel/Elements.h"

#include <limits>

namespace mpq::reference {

template <typename OpTy> class DataFamily : public KernelFamily {
public:
  int getPriority() const override { return std::numeric_limits<int>::min(); }

  bool accepts(mlir::Operation *op, const KernelTarget &,
               std::string &reason) const override {
    if (mlir::isa<OpTy>(op))
      return true;
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
};

} // namespace mpq::reference

#endif // MPQ_LIB_KERNEL_REFERENCE_DATAFAMILY_H
