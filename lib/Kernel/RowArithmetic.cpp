//===----------------------------------------------------------------------===//
// Part of MPQ, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//===----------------------------------------------------------------------===//
//
// Arithmetic along rows: exponentials, sums over lanes, loops over vectors.
//
// 2^x with one rounding of x and no table. For |x| < 2^22 the sum x + 1.5 *
// 2^23 rounds x to an integer n, which is then in the low bits of the mantissa
// (as in QuantizedReals.cpp). With 127 added to the constant those bits,
// shifted by 23, are those of the float 2^n:
//
//     z = x + (1.5 * 2^23 + 127)       n = z - (1.5 * 2^23 + 127)
//     2^x = p(x - n) * bitcast(bits(z) << 23)
//
// p is the polynomial of degree 5 with the least largest relative error on
// [-1/2, 1/2]: 7.5e-8, of which rounding makes 2.2e-7. n = -127 gives the bits
// of zero, so that what is clamped there vanishes exactly.
//
//===----------------------------------------------------------------------===//

#include "mpq/Kernel/KernelBuilder.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Vector/IR/VectorOps.h"

using namespace mlir;
using namespace mpq;

Value KernelBuilder::exp2(Value x) {
  auto vector = dyn_cast<VectorType>(x.getType());
  auto real = [&](double value) {
    return vector ? splatF32(value, vector.getNumElements()) : f32(value);
  };
  auto integer = [&](int64_t value) {
    return vector ? splatInteger(32, value, vector.getNumElements())
                  : this->integer(32, value);
  };
  Type bits = vector ? Type(vector.clone(b.getI32Type())) : b.getI32Type();
  // This form of the maximum is one instruction, and hands on a NaN.
  Value least = real(-127);
  Value isLess = arith::CmpFOp::create(b, arith::CmpFPredicate::OGT, least, x);
  x = arith::SelectOp::create(b, isLess, least, x);
  Value magic = real(12582912.0 + 127);
  Value z = addf(x, magic);
  Value fraction =
      arith::SubFOp::create(b, x, arith::SubFOp::create(b, z, magic));
  Value power = arith::BitcastOp::create(
      b, x.getType(),
      arith::ShLIOp::create(b, arith::BitcastOp::create(b, bits, z),
                            integer(23)));
  Value p = real(0.0013276472454890609);
  for (double coefficient :
       {0.009675540961325169, 0.05550713092088699, 0.24022120237350464,
        0.6931469440460205, 1.0000001192092896})
    p = fma(p, fraction, real(coefficient));
  return mulf(p, power);
}

Value KernelBuilder::reduceLanes(Value vector,
                                 function_ref<Value(Value, Value)> combine) {
  int64_t lanes = cast<VectorType>(vector.getType()).getNumElements();
  for (; lanes > 1; lanes /= 2) {
    SmallVector<int64_t> low = llvm::to_vector(llvm::seq<int64_t>(lanes / 2)),
                         high = llvm::to_vector(
                             llvm::seq<int64_t>(lanes / 2, lanes));
    vector = combine(vector::ShuffleOp::create(b, vector, vector, low),
                     vector::ShuffleOp::create(b, vector, vector, high));
  }
  return vector::ExtractOp::create(b, vector, 0);
}

SmallVector<Value> KernelBuilder::forEachVector(
    Index count, int64_t lanes, ValueRange init,
    function_ref<SmallVector<Value>(Index, Index, ValueRange)> body) {
  Index rest = mod(count, lanes), whole = sub(count, rest);
  SmallVector<Value> values =
      forLoop(0, whole, lanes, init,
              [&](Index at, ValueRange in) { return body(at, lanes, in); });
  if (rest.isConstant())
    return rest.offset ? body(whole, rest, values) : values;
  // Without a branch: the last vector may have no lane at all.
  return body(whole, rest, values);
}
