//===----------------------------------------------------------------------===//
// Part of MPQ, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//===----------------------------------------------------------------------===//
//
// Codes that index a table, as IR: level, scale and value at (row, column) of
// a payload.
//
//===----------------------------------------------------------------------===//

#include "dialects/MPQ/Formats/Codebook/Codebook.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Vector/IR/VectorOps.h"

using namespace mlir;
using namespace mpq;

/// The element at `code` (an i32) of a constant table.
static Value emitLookup(OpBuilder &builder, Location loc,
                        DenseElementsAttr table, Value code) {
  Value vector = arith::ConstantOp::create(builder, loc, table);
  Value index =
      arith::IndexCastUIOp::create(builder, loc, builder.getIndexType(), code);
  return vector::ExtractOp::create(builder, loc, vector, OpFoldResult(index));
}

Value CodebookFormatAttr::emitLevel(OpBuilder &builder, Location loc,
                                    Value payload, int64_t rows, int64_t k,
                                    Value row, Value column) const {
  Value code = getParts().emitCode(builder, loc, payload, k, row, column);
  SmallVector<int32_t> levels(getLevels());
  auto type = VectorType::get(levels.size(), builder.getI32Type());
  return emitLookup(builder, loc,
                    DenseElementsAttr::get(type, ArrayRef<int32_t>(levels)),
                    code);
}

Value CodebookFormatAttr::emitScale(OpBuilder &builder, Location loc,
                                    Value payload, int64_t rows, int64_t k,
                                    Value row, Value column) const {
  return getParts().emitScale(builder, loc, payload, rows, k, row, column);
}

Value CodebookFormatAttr::emitTableLevel(OpBuilder &builder, Location loc,
                                         Value payload, int64_t rows, int64_t k,
                                         Value code) const {
  if (!isLearned()) {
    auto type =
        VectorType::get(int64_t(getLevels().size()), builder.getF32Type());
    return emitLookup(builder, loc, DenseElementsAttr::get(type, getLevels()),
                      code);
  }
  Value at =
      arith::IndexCastUIOp::create(builder, loc, builder.getIndexType(), code);
  auto constant = [&](int64_t value) -> Value {
    return arith::ConstantIndexOp::create(builder, loc, value);
  };
  at = arith::MulIOp::create(builder, loc, at, constant(4));
  at = arith::AddIOp::create(builder, loc, at,
                             constant(getParts().getEnd(rows, k)));
  return emitFloat(builder, loc, payload, at);
}

Value CodebookFormatAttr::emitDecode(OpBuilder &builder, Location loc,
                                     Value payload, int64_t rows, int64_t k,
                                     Value row, Value column) const {
  Value code = getParts().emitCode(builder, loc, payload, k, row, column);
  return arith::MulFOp::create(
      builder, loc, emitScale(builder, loc, payload, rows, k, row, column),
      emitTableLevel(builder, loc, payload, rows, k, code));
}
