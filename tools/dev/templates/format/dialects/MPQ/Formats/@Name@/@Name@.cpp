//===----------------------------------------------------------------------===//
// Part of MPQ, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//===----------------------------------------------------------------------===//
//
// The upper 16 bits of f32 values: text form, the host's encode and decode
// (the oracle), and decode as IR. @Name@.td draws the payload.
//
//===----------------------------------------------------------------------===//

#include "dialects/MPQ/Formats/@Name@/@Name@.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/MemRef/IR/MemRef.h"
#include "llvm/Support/Endian.h"

#include <limits>

using namespace mlir;
using namespace mpq;

//===----------------------------------------------------------------------===//
// Text
//===----------------------------------------------------------------------===//

std::string @Name@FormatAttr::getSpelling() const { return "@name@"; }

namespace {
struct @Name@Parser final : FormatParser {
  std::string getSyntax() const override { return "@name@"; }
  llvm::Expected<FormatAttrInterface> parse(StringRef spelling, MLIRContext *context) const override {
    if (spelling != getSyntax())
      return FormatAttrInterface(); // some other format
    return cast<FormatAttrInterface>(Attribute(@Name@FormatAttr::get(context)));
  }
};
} // namespace

namespace mpq {
void registerFormat@Name@() {
  Registry<FormatParser>::get().add("@name@", std::make_unique<@Name@Parser>());
}
} // namespace mpq

//===----------------------------------------------------------------------===//
// Payload
//===----------------------------------------------------------------------===//

unsigned @Name@FormatAttr::getCodeBits() const { return 16; }

int64_t @Name@FormatAttr::getStorageBytes(int64_t rows, int64_t k) const { return 2 * rows * k; }

/// Rounds to nearest, ties to even; what would become infinite stays the largest.
static uint16_t toCode(float weight) {
  uint32_t bits = llvm::bit_cast<uint32_t>(weight);
  uint32_t largest = llvm::bit_cast<uint32_t>(std::numeric_limits<float>::infinity()) - (1u << 16);
  uint32_t magnitude = bits & 0x7fffffff;
  magnitude = std::min(magnitude + 0x7fff + (magnitude >> 16 & 1), largest);
  return uint16_t((bits & 0x80000000 | magnitude) >> 16);
}

void @Name@FormatAttr::encode(ArrayRef<float> weights, int64_t rows, int64_t k, MutableArrayRef<char> payload) const {
  for (int64_t i = 0; i < rows * k; ++i)
    llvm::support::endian::write16le(payload.data() + 2 * i, toCode(weights[i]));
}

void @Name@FormatAttr::decode(ArrayRef<char> payload, int64_t rows, int64_t k, MutableArrayRef<float> weights) const {
  for (int64_t i = 0; i < rows * k; ++i)
    weights[i] = llvm::bit_cast<float>(uint32_t(llvm::support::endian::read16le(payload.data() + 2 * i)) << 16);
}

Value @Name@FormatAttr::emitDecode(OpBuilder &builder, Location loc, Value payload, int64_t rows, int64_t k, Value row,
                                   Value column) const {
  auto index = [&](int64_t value) -> Value { return arith::ConstantIndexOp::create(builder, loc, value); };
  auto add = [&](Value a, Value b) -> Value { return arith::AddIOp::create(builder, loc, a, b); };
  auto mul = [&](Value a, Value b) -> Value { return arith::MulIOp::create(builder, loc, a, b); };
  // Byte `at` of the payload, moved up by `shift`.
  auto byte = [&](Value at, int64_t shift) -> Value {
    Value loaded = memref::LoadOp::create(builder, loc, payload, at);
    Value wide = arith::ExtUIOp::create(builder, loc, builder.getI32Type(), loaded);
    return arith::ShLIOp::create(builder, loc, wide, arith::ConstantIntOp::create(builder, loc, shift, 32));
  };
  Value at = mul(add(mul(row, index(k)), column), index(2));
  Value bits = arith::OrIOp::create(builder, loc, byte(at, 16), byte(add(at, index(1)), 24));
  return arith::BitcastOp::create(builder, loc, builder.getF32Type(), bits);
}
