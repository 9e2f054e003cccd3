//===----------------------------------------------------------------------===//
// Part of MPQ, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//===----------------------------------------------------------------------===//
//
// Sizes of a model's buffers, attributes of @main that files of stages carry.
//
//===----------------------------------------------------------------------===//
#ifndef MPQ_DIALECTS_MPQ_BYTES_H
#define MPQ_DIALECTS_MPQ_BYTES_H

#include "dialects/MPQ/Module.h"

#include "mlir/IR/BuiltinAttributes.h"

#include <optional>

namespace mpq {

/// The number of bytes in the attribute called `name` of `op`. Where it is missing or
/// no such number, nothing, and an error at the op that says so.
inline std::optional<int64_t> requireBytes(mlir::Operation *op, llvm::StringRef name) {
  auto attr = requireAttr<mlir::IntegerAttr>(op, name);
  if (!attr)
    return std::nullopt;
  if (attr.getType().isSignlessInteger(64) && attr.getInt() >= 0)
    return attr.getInt();
  op->emitError("attribute '") << name << "' is " << attr << " when it should be a number of bytes";
  return std::nullopt;
}

} // namespace mpq

#endif // MPQ_DIALECTS_MPQ_BYTES_H
