//===----------------------------------------------------------------------===//
// Part of MPQ, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//===----------------------------------------------------------------------===//
//
// Five levels with scales, as IR. `emitDecode` is what every kernel can use;
// level and scale apart are for kernels that multiply integers.
//
//===----------------------------------------------------------------------===//

#include "Quinary.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/MemRef/IR/MemRef.h"

using namespace mlir;
using namespace quinary;

namespace {
/// Short forms of what the functions below build.
struct Emitter {
  OpBuilder &builder;
  Location loc;
  Value payload;

  Value index(int64_t value) { return arith::ConstantIndexOp::create(builder, loc, value); }
  Value i32(int64_t value) { return arith::ConstantIntOp::create(builder, loc, value, 32); }
  template <typename OpT> Value op(Value a, Value b) { return OpT::create(builder, loc, a, b); }
  Value add(Value a, Value b) { return op<arith::AddIOp>(a, b); }
  Value mul(Value a, Value b) { return op<arith::MulIOp>(a, b); }
  Value isEqual(Value a, Value b) {
    return arith::CmpIOp::create(builder, loc, arith::CmpIPredicate::eq, a, b);
  }

  /// The byte at `at`, in an i32.
  Value byte(Value at) {
    Value loaded = memref::LoadOp::create(builder, loc, payload, at);
    return arith::ExtUIOp::create(builder, loc, builder.getI32Type(), loaded);
  }
};
} // namespace

int64_t QuinaryFormatAttr::getIntegerGroup(int64_t k) const { return getGroup() ? getGroup() : k; }

std::pair<int64_t, int64_t> QuinaryFormatAttr::getLevelRange() const { return {-2, 2}; }

Value QuinaryFormatAttr::emitLevel(OpBuilder &builder, Location loc, Value payload, int64_t rows, int64_t k, Value row,
                                   Value column) const {
  Emitter emit{builder, loc, payload};
  Value byte = emit.byte(emit.add(emit.mul(row, emit.index(getRowBytes(k))),
                                  emit.op<arith::DivUIOp>(column, emit.index(3))));
  Value digit = emit.op<arith::RemUIOp>(column, emit.index(3));
  Value power = emit.i32(1);
  for (auto [i, value] : {std::pair(1, 5), {2, 25}})
    power = arith::SelectOp::create(builder, loc, emit.isEqual(digit, emit.index(i)), emit.i32(value), power);
  Value code = emit.op<arith::RemUIOp>(emit.op<arith::DivUIOp>(byte, power), emit.i32(5));
  return emit.op<arith::SubIOp>(code, emit.i32(2));
}

Value QuinaryFormatAttr::emitScale(OpBuilder &builder, Location loc, Value payload, int64_t rows, int64_t k, Value row,
                                   Value column) const {
  Emitter emit{builder, loc, payload};
  Value index = row;
  if (getGroupsPerRow(k) > 1)
    index = emit.add(emit.mul(row, emit.index(getGroupsPerRow(k))),
                     emit.op<arith::DivUIOp>(column, emit.index(getGroup())));
  Value at = emit.add(emit.mul(index, emit.index(sizeof(float))), emit.index(getScalesOffset(rows, k)));
  // Scales lie anywhere, so they are put together from bytes.
  Value bits = emit.byte(at);
  for (int64_t i = 1; i < 4; ++i)
    bits = emit.op<arith::OrIOp>(bits, emit.op<arith::ShLIOp>(emit.byte(emit.add(at, emit.index(i))), emit.i32(8 * i)));
  return arith::BitcastOp::create(builder, loc, builder.getF32Type(), bits);
}

Value QuinaryFormatAttr::emitDecode(OpBuilder &builder, Location loc, Value payload, int64_t rows, int64_t k, Value row,
                                    Value column) const {
  Value level = emitLevel(builder, loc, payload, rows, k, row, column);
  Value scale = emitScale(builder, loc, payload, rows, k, row, column);
  Value real = arith::SIToFPOp::create(builder, loc, builder.getF32Type(), level);
  return arith::MulFOp::create(builder, loc, scale, real);
}
