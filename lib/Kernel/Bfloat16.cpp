//===----------------------------------------------------------------------===//
// Part of MPQ, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//===----------------------------------------------------------------------===//
//
// bf16 in registers: to f32, back, and products of pairs.
//
// A bf16 is the upper half of an f32. Widening is a shift. Rounding to the
// nearest, half to even, without an instruction for it, is an addition to the
// bits: half of the last place that stays, less one, and one more where that
// place is odd.
//
//     f32   s eeeeeeee mmmmmmm|rrrrrrrrrrrrrrrr      + 0x7fff + last m
//     bf16  s eeeeeeee mmmmmmm
//
// A carry out of the mantissa makes the next power of two, or infinity, which
// is what rounding gives. A NaN must not be carried into a zero, so it is
// replaced.
//
//===----------------------------------------------------------------------===//

#include "ElementType.h"

#include "mpq/Kernel/KernelBuilder.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Vector/IR/VectorOps.h"
#include "mlir/IR/TypeUtilities.h"

using namespace mlir;
using namespace mpq;

/// An integer in each element of `type`.
static Value makeInteger(KernelBuilder &k, Type type, unsigned bits,
                         int64_t value) {
  if (auto vector = dyn_cast<VectorType>(type))
    return k.splatInteger(bits, value, vector.getNumElements());
  return k.integer(bits, value);
}

Value KernelBuilder::widen(Value stored) {
  Type type = stored.getType();
  if (!getElementTypeOrSelf(type).isBF16())
    return stored;
  Value bits =
      arith::BitcastOp::create(b, withElement(type, b.getI16Type()), stored);
  bits = arith::ExtUIOp::create(b, withElement(type, b.getI32Type()), bits);
  bits = arith::ShLIOp::create(b, bits, makeInteger(*this, type, 32, 16));
  return arith::BitcastOp::create(b, withElement(type, b.getF32Type()), bits);
}

Value KernelBuilder::narrow(Value reals, Type element) {
  Type type = reals.getType();
  if (!element.isBF16() || !getElementTypeOrSelf(type).isF32())
    return reals;
  if (target.avx512bf16)
    return arith::TruncFOp::create(b, withElement(type, element), reals);
  auto integer = [&](int64_t value) {
    return makeInteger(*this, type, 32, value);
  };
  Type i32 = withElement(type, b.getI32Type());
  Value bits = arith::BitcastOp::create(b, i32, reals);
  Value last = arith::AndIOp::create(
      b, arith::ShRUIOp::create(b, bits, integer(16)), integer(1));
  Value rounded = arith::AddIOp::create(
      b, arith::AddIOp::create(b, bits, integer(0x7fff)), last);
  Value isNan =
      arith::CmpFOp::create(b, arith::CmpFPredicate::UNO, reals, reals);
  constexpr int64_t kNan = 0x7fc00000;
  rounded = arith::SelectOp::create(b, isNan, integer(kNan), rounded);
  rounded = arith::ShRUIOp::create(b, rounded, integer(16));
  Value half =
      arith::TruncIOp::create(b, withElement(type, b.getI16Type()), rounded);
  return arith::BitcastOp::create(b, withElement(type, element), half);
}

Value KernelBuilder::dotPairs(Value sums, Value x, Value y) {
  assert(target.avx512bf16 &&
         cast<VectorType>(sums.getType()).getNumElements() == 16);
  return intrinsic("llvm.x86.avx512bf16.dpbf16ps.512", sums.getType(),
                   {sums, x, y});
}

Value KernelBuilder::broadcastPair(Value buffer, Index at, int64_t lanes,
                                   int64_t valid) {
  auto bits = VectorType::get(1, b.getIntegerType(16 * valid));
  Value stored =
      vector::BitCastOp::create(b, bits, loadStored(buffer, at, valid));
  Value word = vector::ExtractOp::create(b, stored, 0);
  if (valid == 1)
    word = arith::ExtUIOp::create(b, b.getI32Type(), word);
  Value words = broadcast(word, lanes);
  return vector::BitCastOp::create(
      b, VectorType::get(2 * lanes, b.getBF16Type()), words);
}
