//===----------------------------------------------------------------------===//
// Part of MPQ, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//===----------------------------------------------------------------------===//
//
// One function for each kind of sum.
//
//===----------------------------------------------------------------------===//

#include "lib/Kernel/CPU/IntegerDots/IntegerDots.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Vector/IR/VectorOps.h"

using namespace mlir;
using namespace mpq;
using namespace mpq::integer;

static bool hasVnni512(const KernelTarget &target) {
  return target.avx512vnni && target.avx512bw && target.vectorBits >= 512;
}

static bool hasVnni256(const KernelTarget &target) {
  return target.avxvnni || (target.avx512vnni && target.avx512vl);
}

bool integer::hasDots(const KernelTarget &target) {
  return hasVnni512(target) || hasVnni256(target) || target.avx2;
}

int64_t integer::getLanes(const KernelTarget &target) {
  if (hasVnni512(target))
    return 16;
  return hasVnni256(target) || target.avx2 ? 8 : target.lanes();
}

/// vpmaddwd of the even bytes and of the odd ones.
static Value emitPairs(KernelBuilder &k, Value sums, Value u, Value s) {
  auto type = cast<VectorType>(sums.getType());
  int64_t halves = 2 * type.getNumElements();
  auto halfType = VectorType::get(halves, k.b.getI16Type());
  Value eight = k.splatInteger(16, 8, halves);
  u = vector::BitCastOp::create(k.b, halfType, u);
  s = vector::BitCastOp::create(k.b, halfType, s);
  Value even = arith::AndIOp::create(k.b, u, k.splatInteger(16, 255, halves));
  Value evenSigned = arith::ShRSIOp::create(
      k.b, arith::ShLIOp::create(k.b, s, eight), eight);
  Value odd = arith::ShRUIOp::create(k.b, u, eight);
  Value oddSigned = arith::ShRSIOp::create(k.b, s, eight);
  for (auto [a, b] : {std::pair(even, evenSigned), {odd, oddSigned}})
    sums = arith::AddIOp::create(
        k.b, sums, k.intrinsic("llvm.x86.avx2.pmadd.wd", type, {a, b}));
  return sums;
}

static Value emitBytes(KernelBuilder &k, Value sums, Value u, Value s) {
  int64_t lanes = cast<VectorType>(sums.getType()).getNumElements();
  auto splat = [&](int64_t value) { return k.splatInteger(32, value, lanes); };
  for (int64_t byte = 0; byte < kStep; ++byte) {
    Value code = byte ? arith::ShRUIOp::create(k.b, u, splat(8 * byte)) : u;
    if (byte < 3)
      code = arith::AndIOp::create(k.b, code, splat(255));
    Value level =
        byte < 3 ? arith::ShLIOp::create(k.b, s, splat(24 - 8 * byte)) : s;
    level = arith::ShRSIOp::create(k.b, level, splat(24));
    sums = arith::AddIOp::create(k.b, sums,
                                 arith::MulIOp::create(k.b, code, level));
  }
  return sums;
}

Value integer::emitDot(KernelBuilder &k, Value sums, Value u, Value s) {
  int64_t lanes = cast<VectorType>(sums.getType()).getNumElements();
  bool is512 = lanes == 16 && hasVnni512(k.target);
  if (is512 || (lanes == 8 && hasVnni256(k.target))) {
    auto bytes = VectorType::get(kStep * lanes, k.b.getI8Type());
    return k.intrinsic(is512 ? "llvm.x86.avx512.vpdpbusd.512"
                             : "llvm.x86.avx512.vpdpbusd.256",
                       sums.getType(),
                       {sums, vector::BitCastOp::create(k.b, bytes, u),
                        vector::BitCastOp::create(k.b, bytes, s)});
  }
  return lanes == 8 && k.target.avx2 ? emitPairs(k, sums, u, s)
                                     : emitBytes(k, sums, u, s);
}

Value integer::packCodes(KernelBuilder &k, ArrayRef<Value> codes,
                         bool isSigned) {
  auto constant = [&](int64_t value) {
    if (auto vector = dyn_cast<VectorType>(codes[0].getType()))
      return k.splatInteger(32, value, vector.getNumElements());
    return k.integer(32, value);
  };
  Value packed;
  for (auto [i, given] : llvm::enumerate(codes)) {
    Value code = given;
    if (isSigned && i < kStep - 1)
      code = arith::AndIOp::create(k.b, code, constant(255));
    if (i)
      code = arith::ShLIOp::create(k.b, code, constant(8 * i));
    packed = packed ? arith::OrIOp::create(k.b, packed, code).getResult() : code;
  }
  return packed;
}
