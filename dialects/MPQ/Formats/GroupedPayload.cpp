//===----------------------------------------------------------------------===//
// Part of MPQ, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//===----------------------------------------------------------------------===//
//
// The layout on the host and as IR. In IR every part is assembled from bytes,
// since nothing but codes is aligned; LLVM merges the loads. No f16 arithmetic,
// which not every target has.
//
//===----------------------------------------------------------------------===//

#include "dialects/MPQ/Formats/GroupedPayload.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/MemRef/IR/MemRef.h"
#include "mlir/Dialect/Vector/IR/VectorOps.h"
#include "llvm/Support/Endian.h"

using namespace mlir;
using namespace mpq;

//===----------------------------------------------------------------------===//
// On the host
//===----------------------------------------------------------------------===//

int64_t GroupedPayload::getGroupsPerRow(int64_t k) const {
  return group > 0 ? llvm::divideCeil(k, group) : 1;
}

int64_t GroupedPayload::getScaleCount(int64_t rows, int64_t k) const {
  return group < 0 ? 1 : rows * getGroupsPerRow(k);
}

int64_t GroupedPayload::getScaleIndex(int64_t k, int64_t row,
                                      int64_t column) const {
  if (group < 0)
    return 0;
  return group == 0 ? row : row * getGroupsPerRow(k) + column / group;
}

int64_t GroupedPayload::getGroupLength(int64_t k) const {
  return group > 0 ? std::min(group, std::max<int64_t>(k, 1)) : k;
}

/// By digit.
static constexpr uint32_t kPowersOf3[GroupedPayload::kDigits] = {1, 3, 9, 27, 81};

uint32_t GroupedPayload::getCode(ArrayRef<char> payload, int64_t k, int64_t row,
                                 int64_t column) const {
  if (isBase3)
    return uint8_t(payload[row * getRowBytes(k) + column / kDigits]) /
           kPowersOf3[column % kDigits] % 3;
  int64_t bit = column * bits, at = row * getRowBytes(k) + bit / 8;
  // What follows the codes keeps the second byte within the payload.
  uint32_t word = uint8_t(payload[at]) | uint8_t(payload[at + 1]) << 8;
  return word >> (bit % 8) & ((1u << bits) - 1);
}

void GroupedPayload::setCode(MutableArrayRef<char> payload, int64_t k,
                             int64_t row, int64_t column, uint32_t code) const {
  if (isBase3) {
    payload[row * getRowBytes(k) + column / kDigits] +=
        char(code * kPowersOf3[column % kDigits]);
    return;
  }
  int64_t bit = column * bits, at = row * getRowBytes(k) + bit / 8;
  uint32_t word = (code & ((1u << bits) - 1)) << (bit % 8);
  payload[at] |= char(word);
  if (word >> 8)
    payload[at + 1] |= char(word >> 8);
}

float GroupedPayload::getScale(ArrayRef<char> payload, int64_t rows, int64_t k,
                               int64_t index) const {
  const char *at =
      payload.data() + getScalesOffset(rows, k) + index * getScaleBytes();
  if (scaleType == ScaleType::F16)
    return fromHalf(llvm::support::endian::read16le(at));
  return llvm::bit_cast<float>(llvm::support::endian::read32le(at));
}

void GroupedPayload::setScale(MutableArrayRef<char> payload, int64_t rows,
                              int64_t k, int64_t index, float scale) const {
  char *at =
      payload.data() + getScalesOffset(rows, k) + index * getScaleBytes();
  if (scaleType == ScaleType::F16)
    llvm::support::endian::write16le(at, toHalf(scale));
  else
    llvm::support::endian::write32le(at, llvm::bit_cast<uint32_t>(scale));
}

//===----------------------------------------------------------------------===//
// As text: :g32:f16
//===----------------------------------------------------------------------===//

std::string GroupedPayload::getSuffix() const {
  std::string suffix;
  if (group < 0)
    suffix += ":tensor";
  else if (group > 0)
    suffix += ":g" + std::to_string(group);
  return suffix;
}

ParseResult
GroupedPayload::parseParameters(AsmParser &parser, int64_t &group, bool &half,
                                StringRef words,
                                function_ref<bool(StringRef)> extra) {
  while (succeeded(parser.parseOptionalComma())) {
    SMLoc at = parser.getCurrentLocation();
    StringRef word;
    if (parser.parseKeyword(&word))
      return failure();
    if (word == "f16") {
      half = true;
    } else if (word == "group") {
      if (parser.parseEqual() || parser.parseInteger(group))
        return failure();
    } else if (!extra || !extra(word)) {
      return parser.emitError(at, "expected ")
             << words << ", not '" << word << "'";
    }
  }
  return parser.parseGreater();
}

llvm::Expected<GroupedPayload>
GroupedPayload::parseSuffix(StringRef spelling, unsigned bits,
                            const std::string &syntax,
                            function_ref<bool(StringRef)> extra) {
  auto wrong = [&](const Twine &reason) {
    return llvm::createStringError("number format '" + spelling + "': " +
                                   reason + "; it is written " + syntax);
  };
  GroupedPayload payload{bits, 0, ScaleType::F32};
  SmallVector<StringRef> parts, seen;
  spelling.split(parts, ':');
  for (StringRef part : ArrayRef(parts).drop_front()) {
    StringRef size = part;
    bool isGroup = part == "tensor" || part.starts_with("g");
    if (llvm::is_contained(seen, isGroup ? StringRef("group") : part))
      return wrong("'" + part + "' is one too many");
    seen.push_back(isGroup ? StringRef("group") : part);
    if (part == "tensor")
      payload.group = -1;
    else if (part == "f16")
      payload.scaleType = ScaleType::F16;
    else if (size.consume_front("g")) {
      if (size.getAsInteger(10, payload.group) || payload.group < 1)
        return wrong("a group has at least one weight, not '" + size + "'");
    } else if (!extra || !extra(part))
      return wrong("unknown part '" + part + "'");
  }
  return payload;
}

//===----------------------------------------------------------------------===//
// As IR
//===----------------------------------------------------------------------===//

namespace {
/// Short forms of what the functions below build.
struct Emitter {
  OpBuilder &builder;
  Location loc;
  Value payload;

  Value index(int64_t value) {
    return arith::ConstantIndexOp::create(builder, loc, value);
  }
  Value i32(int64_t value) const {
    return arith::ConstantIntOp::create(builder, loc, value, 32);
  }
  template <typename OpT> Value op(Value a, Value b) const {
    return OpT::create(builder, loc, a, b);
  }
  Value add(Value a, Value b) { return op<arith::AddIOp>(a, b); }
  Value mul(Value a, Value b) const { return op<arith::MulIOp>(a, b); }

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

Value GroupedPayload::emitScaleIndex(OpBuilder &builder, Location loc,
                                     int64_t k, Value row, Value column) const {
  Emitter emit{builder, loc, {}};
  if (group < 0)
    return emit.index(0);
  if (getGroupsPerRow(k) == 1)
    return row;
  return emit.add(emit.mul(row, emit.index(getGroupsPerRow(k))),
                  emit.op<arith::DivUIOp>(column, emit.index(group)));
}

/// byte / 3^digit % 3. Dividing by a number that is not a constant is slow, so the
/// byte is multiplied by 2^16 / 3^digit, rounded up by e < 3^digit. That makes the
/// quotient too large by byte * e / (2^16 * 3^digit), which is less than 1 / 3^digit,
/// as far as it may be from the next integer.
static Value emitDigit(const Emitter &emit, Value byte, Value digit) {
  OpBuilder &builder = emit.builder;
  SmallVector<int32_t> inverses;
  for (uint32_t power : kPowersOf3)
    inverses.push_back(llvm::divideCeil(1 << 16, power));
  auto type = VectorType::get(GroupedPayload::kDigits, builder.getI32Type());
  Value table = arith::ConstantOp::create(
      builder, emit.loc,
      DenseElementsAttr::get(type, ArrayRef<int32_t>(inverses)));
  Value inverse = vector::ExtractOp::create(builder, emit.loc, table,
                                            OpFoldResult(digit));
  Value shifted = emit.op<arith::ShRUIOp>(emit.mul(byte, inverse), emit.i32(16));
  return emit.op<arith::RemUIOp>(shifted, emit.i32(3));
}

Value GroupedPayload::emitCode(OpBuilder &builder, Location loc, Value payload,
                               int64_t k, Value row, Value column) const {
  Emitter emit{builder, loc, payload};
  if (isBase3) {
    Value digits = emit.index(kDigits);
    Value at = emit.add(emit.mul(row, emit.index(getRowBytes(k))),
                        emit.op<arith::DivUIOp>(column, digits));
    return emitDigit(emit, emit.byte(at),
                     emit.op<arith::RemUIOp>(column, digits));
  }
  Value bit = emit.mul(column, emit.index(bits));
  Value at = emit.add(emit.mul(row, emit.index(getRowBytes(k))),
                      emit.op<arith::ShRUIOp>(bit, emit.index(3)));
  Value within =
      arith::IndexCastUIOp::create(builder, loc, builder.getI32Type(),
                                   emit.op<arith::AndIOp>(bit, emit.index(7)));
  // Codes of 1, 2, 4 and 8 bits never cross a byte.
  Value word = emit.bytes(at, 8 % bits == 0 ? 1 : 2);
  return emit.op<arith::AndIOp>(emit.op<arith::ShRUIOp>(word, within),
                                emit.i32((1 << bits) - 1));
}

Value GroupedPayload::emitScale(OpBuilder &builder, Location loc, Value payload,
                                int64_t rows, int64_t k, Value row,
                                Value column) const {
  return emitScaleAt(builder, loc, payload, rows, k,
                     emitScaleIndex(builder, loc, k, row, column));
}

Value GroupedPayload::emitScaleAt(OpBuilder &builder, Location loc,
                                  Value payload, int64_t rows, int64_t k,
                                  Value index) const {
  Emitter emit{builder, loc, payload};
  Value at = emit.add(emit.mul(index, emit.index(getScaleBytes())),
                      emit.index(getScalesOffset(rows, k)));
  Value stored = emit.bytes(at, getScaleBytes());
  return scaleType == ScaleType::F16 ? emit.halfToFloat(stored)
                                     : emit.real(stored);
}

Value mpq::emitByte(OpBuilder &builder, Location loc, Value payload,
                    Value index) {
  return Emitter{builder, loc, payload}.byte(index);
}

Value mpq::emitFloat(OpBuilder &builder, Location loc, Value payload,
                     Value index) {
  Emitter emit{builder, loc, payload};
  return emit.real(emit.bytes(index, 4));
}
