//===----------------------------------------------------------------------===//
// Part of MPQ, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//===----------------------------------------------------------------------===//
//
// Integers with scales, as IR: level, scale and value at (row, column) of a
// payload. Every part is assembled from bytes, since nothing but codes is
// aligned; LLVM merges the loads. No f16 arithmetic, which not every target
// has.
//
//===----------------------------------------------------------------------===//

#include "dialects/MPQ/MPQ.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/MemRef/IR/MemRef.h"

using namespace mlir;
using namespace mpq;

namespace {
/// Short forms of what the functions below build.
struct Emitter {
  OpBuilder &builder;
  Location loc;
  Value payload;

  Value index(int64_t value) {
    return arith::ConstantIndexOp::create(builder, loc, value);
  }
  Value i32(int64_t value) {
    return arith::ConstantIntOp::create(builder, loc, value, 32);
  }
  template <typename OpT> Value op(Value a, Value b) {
    return OpT::create(builder, loc, a, b);
  }
  Value add(Value a, Value b) { return op<arith::AddIOp>(a, b); }
  Value mul(Value a, Value b) { return op<arith::MulIOp>(a, b); }

  /// The byte at `at`, in an i32.
  Value byte(Value at) {
    Value loaded = memref::LoadOp::create(builder, loc, payload, at);
    return arith::ExtUIOp::create(builder, loc, builder.getI32Type(), loaded);
  }

  /// `count` bytes from `at` on, little endian, in an i32.
  Value bytes(Value at, int64_t count) {
    Value word = byte(at);
    for (int64_t i = 1; i < count; ++i)
      word = op<arith::OrIOp>(
          word, op<arith::ShLIOp>(byte(add(at, index(i))), i32(8 * i)));
    return word;
  }

  /// The f32 whose pattern is `bits`.
  Value real(Value bits) {
    return arith::BitcastOp::create(builder, loc, builder.getF32Type(), bits);
  }

  Value halfToFloat(Value half);
};
} // namespace

/// As `fromHalf` does it on the host, for every pattern.
Value Emitter::halfToFloat(Value half) {
  using arith::CmpIPredicate;
  auto equal = [&](Value a, int64_t b) -> Value {
    return arith::CmpIOp::create(builder, loc, CmpIPredicate::eq, a, i32(b));
  };
  auto select = [&](Value condition, Value a, Value b) -> Value {
    return arith::SelectOp::create(builder, loc, condition, a, b);
  };
  Value sign = op<arith::ShLIOp>(op<arith::AndIOp>(half, i32(0x8000)), i32(16));
  Value exponent = op<arith::AndIOp>(half, i32(0x7c00));
  Value mantissa = op<arith::AndIOp>(half, i32(0x3ff));
  Value magnitude =
      op<arith::ShLIOp>(op<arith::AndIOp>(half, i32(0x7fff)), i32(13));
  // Moves the exponent's bias from 15 to 127; infinity and NaN go all the way.
  Value bias = select(equal(exponent, 0x7c00), i32(224 << 23), i32(112 << 23));
  Value normal = add(magnitude, bias);
  Value scaled = arith::MulFOp::create(
      builder, loc,
      arith::UIToFPOp::create(builder, loc, builder.getF32Type(), mantissa),
      arith::ConstantOp::create(builder, loc,
                                builder.getF32FloatAttr(0x1p-24f)));
  Value subnormal =
      arith::BitcastOp::create(builder, loc, builder.getI32Type(), scaled);
  return real(
      op<arith::OrIOp>(select(equal(exponent, 0), subnormal, normal), sign));
}

/// The index of the scale at (row, column), as `getScaleIndex` has it.
static Value emitScaleIndex(Emitter &emit, IntFormatAttr format, int64_t k,
                            Value row, Value column) {
  if (format.getGroup() < 0)
    return emit.index(0);
  if (format.getGroupsPerRow(k) == 1)
    return row;
  Value group = emit.op<arith::DivUIOp>(column, emit.index(format.getGroup()));
  return emit.add(emit.mul(row, emit.index(format.getGroupsPerRow(k))), group);
}

Value IntFormatAttr::emitLevel(OpBuilder &builder, Location loc, Value payload,
                               int64_t rows, int64_t k, Value row,
                               Value column) const {
  Emitter emit{builder, loc, payload};
  Value bit = emit.mul(column, emit.index(getBits()));
  Value at = emit.add(emit.mul(row, emit.index(getRowBytes(k))),
                      emit.op<arith::ShRUIOp>(bit, emit.index(3)));
  Value within =
      arith::IndexCastUIOp::create(builder, loc, builder.getI32Type(),
                                   emit.op<arith::AndIOp>(bit, emit.index(7)));
  // Codes of 2, 4 and 8 bits never cross a byte.
  Value word = emit.bytes(at, 8 % getBits() == 0 ? 1 : 2);
  // Up to the top of the word, and down with or without the sign.
  Value top = emit.op<arith::ShLIOp>(
      word, emit.op<arith::SubIOp>(emit.i32(32 - getBits()), within));
  Value down = emit.i32(32 - getBits());
  if (!getAsymmetric())
    return emit.op<arith::ShRSIOp>(top, down);
  Value zeroPoint =
      emit.byte(emit.add(emitScaleIndex(emit, *this, k, row, column),
                         emit.index(getZeroPointsOffset(rows, k))));
  return emit.op<arith::SubIOp>(emit.op<arith::ShRUIOp>(top, down), zeroPoint);
}

Value IntFormatAttr::emitScale(OpBuilder &builder, Location loc, Value payload,
                               int64_t rows, int64_t k, Value row,
                               Value column) const {
  Emitter emit{builder, loc, payload};
  Value at = emit.add(emit.mul(emitScaleIndex(emit, *this, k, row, column),
                               emit.index(getScaleBytes())),
                      emit.index(getScalesOffset(rows, k)));
  Value bits = emit.bytes(at, getScaleBytes());
  return getHalfScale() ? emit.halfToFloat(bits) : emit.real(bits);
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
