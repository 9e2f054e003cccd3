//===----------------------------------------------------------------------===//
// Part of MPQ, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//===----------------------------------------------------------------------===//
//
// Five levels with scales: the text forms, and the host's encode and decode,
// which say what a payload means. Quinary.td draws the payload.
//
// The scale of a group is chosen for the least squared error: from one that clips
// nothing down to a quarter of it, in steps of 2 %, and of each the levels that are
// nearest, and the scale that is best for these, sum w l / sum l^2.
//
//===----------------------------------------------------------------------===//

#include "Quinary.h"

#include "mlir/IR/DialectImplementation.h"
#include "llvm/ADT/TypeSwitch.h"
#include "llvm/Support/Endian.h"

#include <cmath>

using namespace mlir;
using namespace quinary;

#include "QuinaryDialect.cpp.inc"
#define GET_ATTRDEF_CLASSES
#include "QuinaryAttrs.cpp.inc"

void QuinaryDialect::initialize() {
  addAttributes<
#define GET_ATTRDEF_LIST
#include "QuinaryAttrs.cpp.inc"
      >();
}

//===----------------------------------------------------------------------===//
// Text
//===----------------------------------------------------------------------===//

LogicalResult QuinaryFormatAttr::verify(function_ref<InFlightDiagnostic()> emitError, int64_t group) {
  if (group < 0)
    return emitError() << "a group is 0 (the row) or a number of weights, not " << group;
  return success();
}

std::string QuinaryFormatAttr::getSpelling() const {
  return getGroup() ? "quinary:g" + std::to_string(getGroup()) : "quinary";
}

namespace {
struct Parser final : mpq::FormatParser {
  std::string getSyntax() const override { return "quinary[:gN]"; }

  llvm::Expected<mpq::FormatAttrInterface> parse(StringRef spelling, MLIRContext *context) const override {
    StringRef rest = spelling;
    if (!rest.consume_front("quinary") || (!rest.empty() && rest.front() != ':'))
      return mpq::FormatAttrInterface(); // some other format
    int64_t group = 0;
    if (!rest.empty() && (!rest.consume_front(":g") || rest.getAsInteger(10, group) || group < 1))
      return llvm::createStringError("number format '" + spelling + "': it is written " + getSyntax());
    return cast<mpq::FormatAttrInterface>(Attribute(QuinaryFormatAttr::get(context, group)));
  }
};
} // namespace

//===----------------------------------------------------------------------===//
// Payload
//===----------------------------------------------------------------------===//

unsigned QuinaryFormatAttr::getCodeBits() const { return 3; }

int64_t QuinaryFormatAttr::getGroupsPerRow(int64_t k) const {
  return getGroup() ? llvm::divideCeil(k, getGroup()) : 1;
}

int64_t QuinaryFormatAttr::getScaleIndex(int64_t k, int64_t row, int64_t column) const {
  return row * getGroupsPerRow(k) + (getGroup() ? column / getGroup() : 0);
}

int64_t QuinaryFormatAttr::getStorageBytes(int64_t rows, int64_t k) const {
  return getScalesOffset(rows, k) + rows * getGroupsPerRow(k) * int64_t(sizeof(float));
}

static constexpr int kPowers[] = {1, 5, 25};

/// The level nearest to `weight / scale`.
static int getLevel(float weight, float scale) {
  return int(std::clamp(std::nearbyint(weight / scale), -2.f, 2.f));
}

/// The scale of the least squared error among those that are tried.
static float chooseScale(ArrayRef<float> weights) {
  float largest = 0;
  for (float weight : weights)
    largest = std::max(largest, std::abs(weight));
  float scale = 1;
  double best = 0; // sum w^2 less the error is (sum w l)^2 / sum l^2
  for (float tried = largest / 2; tried > largest / 8; tried *= .98f) {
    double product = 0, square = 0;
    for (float weight : weights) {
      int level = getLevel(weight, tried);
      product += double(weight) * level;
      square += level * level;
    }
    if (double gain = product * product / square; gain > best) {
      best = gain;
      scale = product / square;
    }
  }
  return scale;
}

void QuinaryFormatAttr::encode(ArrayRef<float> weights, int64_t rows, int64_t k, MutableArrayRef<char> payload) const {
  // Every digit that no weight sets is the level 0.
  llvm::fill(payload.take_front(getScalesOffset(rows, k)), char(2 * (1 + 5 + 25)));
  int64_t step = std::max<int64_t>(getIntegerGroup(k), 1);
  for (int64_t row = 0; row < rows; ++row)
    for (int64_t begin = 0; begin < k; begin += step) {
      ArrayRef<float> group = weights.slice(row * k + begin, std::min(step, k - begin));
      float scale = chooseScale(group);
      char *at = payload.data() + getScalesOffset(rows, k) + getScaleIndex(k, row, begin) * sizeof(float);
      llvm::support::endian::write32le(at, llvm::bit_cast<uint32_t>(scale));
      for (auto [i, weight] : llvm::enumerate(group)) {
        int64_t column = begin + i;
        payload[row * getRowBytes(k) + column / 3] += char(kPowers[column % 3] * getLevel(weight, scale));
      }
    }
}

void QuinaryFormatAttr::decode(ArrayRef<char> payload, int64_t rows, int64_t k, MutableArrayRef<float> weights) const {
  for (int64_t row = 0; row < rows; ++row)
    for (int64_t column = 0; column < k; ++column) {
      int code = uint8_t(payload[row * getRowBytes(k) + column / 3]) / kPowers[column % 3] % 5;
      const char *at = payload.data() + getScalesOffset(rows, k) + getScaleIndex(k, row, column) * sizeof(float);
      float scale = llvm::bit_cast<float>(llvm::support::endian::read32le(at));
      weights[row * k + column] = scale * float(code - 2);
    }
}

//===----------------------------------------------------------------------===//
// Registration
//===----------------------------------------------------------------------===//

namespace mpq {
void registerFormatQuinary(DialectRegistry &registry) {
  registry.insert<QuinaryDialect>();
  // Passes that read spellings know the mpq dialect only; it brings this one.
  registry.addExtension(+[](MLIRContext *context, MPQDialect *) { context->getOrLoadDialect<QuinaryDialect>(); });
  Registry<FormatParser>::get().add("quinary", std::make_unique<Parser>());
}
} // namespace mpq
