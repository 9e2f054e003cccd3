//===----------------------------------------------------------------------===//
// Part of MPQ, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//===----------------------------------------------------------------------===//
//
// Codes that index learned tables, as IR: the value at (row, column) of a
// payload.
//
//===----------------------------------------------------------------------===//

#include "dialects/MPQ/Formats/Lut/Lut.h"

#include "mlir/Dialect/Arith/IR/Arith.h"

using namespace mlir;
using namespace mpq;

Value LutFormatAttr::emitTableValue(OpBuilder &builder, Location loc,
                                    Value payload, int64_t rows, int64_t k,
                                    Value row, Value column, Value code) const {
  GroupedPayload parts = getParts();
  Value table = parts.emitScaleIndex(builder, loc, k, row, column);
  Value size = arith::ConstantIndexOp::create(builder, loc, getTableSize());
  Value at =
      arith::IndexCastUIOp::create(builder, loc, builder.getIndexType(), code);
  at = arith::AddIOp::create(
      builder, loc, arith::MulIOp::create(builder, loc, table, size), at);
  return parts.emitScaleAt(builder, loc, payload, rows, k, at);
}

Value LutFormatAttr::emitDecode(OpBuilder &builder, Location loc, Value payload,
                                int64_t rows, int64_t k, Value row,
                                Value column) const {
  Value code = getParts().emitCode(builder, loc, payload, k, row, column);
  return emitTableValue(builder, loc, payload, rows, k, row, column, code);
}
