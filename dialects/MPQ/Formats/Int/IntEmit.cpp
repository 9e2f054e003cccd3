//===----------------------------------------------------------------------===//
// Part of MPQ, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//===----------------------------------------------------------------------===//
//
// Integers with scales, as IR: level, scale and value at (row, column) of a
// payload.
//
//===----------------------------------------------------------------------===//

#include "dialects/MPQ/Formats/Int/Int.h"

#include "mlir/Dialect/Arith/IR/Arith.h"

using namespace mlir;
using namespace mpq;

Value IntFormatAttr::emitCode(OpBuilder &builder, Location loc, Value payload,
                              int64_t rows, int64_t k, Value row,
                              Value column) const {
  Value code = getParts().emitCode(builder, loc, payload, k, row, column);
  if (getAsymmetric())
    return code;
  // Two's complement with the sign turned over: counted from the smallest.
  return arith::XOrIOp::create(
      builder, loc, code,
      arith::ConstantIntOp::create(builder, loc, 1 << (getBits() - 1), 32));
}

Value IntFormatAttr::emitZeroPoint(OpBuilder &builder, Location loc,
                                   Value payload, int64_t rows, int64_t k,
                                   Value row, Value column) const {
  if (!getAsymmetric())
    return arith::ConstantIntOp::create(builder, loc, 1 << (getBits() - 1), 32);
  Value index = getParts().emitScaleIndex(builder, loc, k, row, column);
  Value first = arith::ConstantIndexOp::create(builder, loc,
                                               getZeroPointsOffset(rows, k));
  return emitByte(builder, loc, payload,
                  arith::AddIOp::create(builder, loc, index, first));
}

Value IntFormatAttr::emitLevel(OpBuilder &builder, Location loc, Value payload,
                               int64_t rows, int64_t k, Value row,
                               Value column) const {
  return arith::SubIOp::create(
      builder, loc, emitCode(builder, loc, payload, rows, k, row, column),
      emitZeroPoint(builder, loc, payload, rows, k, row, column));
}

Value IntFormatAttr::emitScale(OpBuilder &builder, Location loc, Value payload,
                               int64_t rows, int64_t k, Value row,
                               Value column) const {
  return getParts().emitScale(builder, loc, payload, rows, k, row, column);
}

Value IntFormatAttr::emitDecode(OpBuilder &builder, Location loc, Value payload,
                                int64_t rows, int64_t k, Value row,
                                Value column) const {
  Value level = emitLevel(builder, loc, payload, rows, k, row, column);
  Value scale = emitScale(builder, loc, payload, rows, k, row, column);
  Value real =
      arith::SIToFPOp::create(builder, loc, builder.getF32Type(), level);
  return arith::MulFOp::create(builder, loc, scale, real);
}
