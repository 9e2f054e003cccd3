//===----------------------------------------------------------------------===//
// Part of MPQ, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//===----------------------------------------------------------------------===//
//
// One function for each instruction set.
//
//===----------------------------------------------------------------------===//

#include "lib/Kernel/CPU/MatmulPacked/Dots.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Vector/IR/VectorOps.h"

using namespace mlir;
using namespace mpq;
using namespace mpq::packed;

VectorType Dots::codesType() const {
  return VectorType::get(4 * lanes(), k.b.getI8Type());
}
VectorType Dots::sumsType() const {
  return VectorType::get(lanes(), k.b.getI32Type());
}

Value Dots::broadcast(Value dword) {
  Value all = k.broadcast(dword, lanes());
  if (isa == Isa::Portable)
    return all;
  return vector::BitCastOp::create(k.b, codesType(), all);
}

/// i32 products, byte by byte.
Value Dots::multiplyBytes(Value total, Value codes, Value activations) {
  Value words = vector::BitCastOp::create(k.b, sumsType(), codes);
  auto splat = [&](int64_t value) {
    return k.splatInteger(32, value, lanes());
  };
  for (int64_t byte = 0; byte < 4; ++byte) {
    Value code = words, activation = activations;
    if (byte)
      code = arith::ShRUIOp::create(k.b, code, splat(8 * byte));
    if (byte < 3) {
      code = arith::AndIOp::create(k.b, code, splat(255));
      activation =
          arith::ShLIOp::create(k.b, activation, splat(24 - 8 * byte));
    }
    activation = arith::ShRSIOp::create(k.b, activation, splat(24));
    total = arith::AddIOp::create(
        k.b, total, arith::MulIOp::create(k.b, code, activation));
  }
  return total;
}

void Dots::addPairs(Sum &sum, Value codes, Value activations, int64_t maxCode) {
  auto halves = VectorType::get(2 * lanes(), k.b.getI16Type());
  int64_t safe = getSafeAdditions(maxCode);
  assert(safe > 0 && "codes of 8 bits are multiplied in halves");
  Value pairs = k.intrinsic("llvm.x86.avx2.pmadd.ub.sw", halves,
                            {codes, activations});
  if (sum.pending == safe)
    sum.total = finish(sum);
  sum.halves = sum.pending
                   ? arith::AddIOp::create(k.b, sum.halves, pairs).getResult()
                   : pairs;
  ++sum.pending;
}

void Dots::add(Sum &sum, Value codes, Value activations, int64_t maxCode) {
  switch (isa) {
  case Isa::Vnni512:
  case Isa::Vnni256:
    sum.total = k.intrinsic(isa == Isa::Vnni512
                                ? "llvm.x86.avx512.vpdpbusd.512"
                                : "llvm.x86.avx512.vpdpbusd.256",
                            sumsType(), {sum.total, codes, activations});
    return;
  case Isa::Portable:
    sum.total = multiplyBytes(sum.total, codes, activations);
    return;
  case Isa::Avx2:
    addPairs(sum, codes, activations, maxCode);
  }
}

Value Dots::finish(Sum &sum) {
  if (!sum.pending)
    return sum.total;
  Value wide = k.intrinsic("llvm.x86.avx2.pmadd.wd", sumsType(),
                           {sum.halves, k.splatInteger(16, 1, 2 * lanes())});
  sum.total = arith::AddIOp::create(k.b, sum.total, wide);
  sum.pending = 0;
  return sum.total;
}
