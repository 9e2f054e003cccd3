//===----------------------------------------------------------------------===//
// Part of MPQ, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//===----------------------------------------------------------------------===//
//
// Types of what is computed on a scalar or on a vector alike.
//
//===----------------------------------------------------------------------===//
#ifndef MPQ_LIB_KERNEL_ELEMENTTYPE_H
#define MPQ_LIB_KERNEL_ELEMENTTYPE_H

#include "mlir/IR/BuiltinTypes.h"

namespace mpq {

/// `type`, a scalar or a vector, with other elements.
inline mlir::Type withElement(mlir::Type type, mlir::Type element) {
  if (auto vector = mlir::dyn_cast<mlir::VectorType>(type))
    return vector.clone(element);
  return element;
}

} // namespace mpq

#endif // MPQ_LIB_KERNEL_ELEMENTTYPE_H
