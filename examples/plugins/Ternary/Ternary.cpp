//===----------------------------------------------------------------------===//
// Part of MPQ, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//===----------------------------------------------------------------------===//
//
// Three levels with scales: the text forms, and the host's encode and decode,
// which say what a payload means. Ternary.td draws the payload.
//
// The scale of a group and its levels are those of the least squared error.
// With the weights that become +-1 given, the best scale is the mean of their
// magnitudes, and the error is sum w^2 - S^2 / m, S being the sum of these m
// magnitudes. For a given m that is least for the m largest, so it is enough to
// try every prefix of the sorted magnitudes (F. Li, B. Zhang, B. Liu: Ternary
// Weight Networks, arXiv 1605.04711, eq. 4-6, which approximates the optimum).
//
//===----------------------------------------------------------------------===//

#include "Ternary.h"

#include "mlir/IR/DialectImplementation.h"
#include "llvm/ADT/TypeSwitch.h"
#include "llvm/Support/Endian.h"

using namespace mlir;
using namespace ternary;

#include "TernaryDialect.cpp.inc"
#define GET_ATTRDEF_CLASSES
#include "TernaryAttrs.cpp.inc"

void TernaryDialect::initialize() {
  addAttributes<
#define GET_ATTRDEF_LIST
#include "TernaryAttrs.cpp.inc"
      >();
}

//===----------------------------------------------------------------------===//
// Text
//===----------------------------------------------------------------------===//

LogicalResult TernaryFormatAttr::verify(function_ref<InFlightDiagnostic()> emitError, int64_t group) {
  if (group < 0)
    return emitError() << "a group is 0 (the row) or a number of weights, not " << group;
  return success();
}

std::string TernaryFormatAttr::getSpelling() const {
  return getGroup() ? "ternary:g" + std::to_string(getGroup()) : "ternary";
}

namespace {
struct Parser final : mpq::FormatParser {
  std::string getSyntax() const override { return "ternary[:gN]"; }

  llvm::Expected<mpq::FormatAttrInterface> parse(StringRef spelling, MLIRContext *context) const override {
    StringRef rest = spelling;
    if (!rest.consume_front("ternary") || (!rest.empty() && rest.front() != ':'))
      return mpq::FormatAttrInterface(); // some other format
    int64_t group = 0;
    if (!rest.empty() && (!rest.consume_front(":g") || rest.getAsInteger(10, group) || group < 1))
      return llvm::createStringError("number format '" + spelling + "': it is written " + getSyntax());
    return cast<mpq::FormatAttrInterface>(Attribute(TernaryFormatAttr::get(context, group)));
  }
};
} // namespace

//===----------------------------------------------------------------------===//
// Payload
//===----------------------------------------------------------------------===//

unsigned TernaryFormatAttr::getCodeBits() const { return 2; }

int64_t TernaryFormatAttr::getGroupsPerRow(int64_t k) const {
  return getGroup() ? llvm::divideCeil(k, getGroup()) : 1;
}

int64_t TernaryFormatAttr::getScaleIndex(int64_t k, int64_t row, int64_t column) const {
  return row * getGroupsPerRow(k) + (getGroup() ? column / getGroup() : 0);
}

int64_t TernaryFormatAttr::getStorageBytes(int64_t rows, int64_t k) const {
  return getScalesOffset(rows, k) + rows * getGroupsPerRow(k) * int64_t(sizeof(float));
}

static constexpr int kPowers[] = {1, 3, 9, 27, 81};

/// The scale of the least squared error.
static float chooseScale(ArrayRef<float> weights) {
  std::vector<double> magnitudes;
  for (float weight : weights)
    magnitudes.push_back(std::abs(weight));
  llvm::sort(magnitudes, std::greater<>());
  double sum = 0, best = 0, scale = 0;
  for (auto [index, magnitude] : llvm::enumerate(magnitudes)) {
    sum += magnitude;
    double gain = sum * sum / (index + 1);
    if (gain > best) {
      best = gain;
      scale = sum / (index + 1);
    }
  }
  return scale;
}

/// The level nearest to `weight / scale`.
static int getLevel(float weight, float scale) {
  if (std::abs(weight) * 2 <= scale)
    return 0;
  return weight < 0 ? -1 : 1;
}

void TernaryFormatAttr::encode(ArrayRef<float> weights, int64_t rows, int64_t k, MutableArrayRef<char> payload) const {
  // Every digit that no weight sets is the level 0.
  llvm::fill(payload.take_front(getScalesOffset(rows, k)), char(1 + 3 + 9 + 27 + 81));
  int64_t step = std::max<int64_t>(getIntegerGroup(k), 1);
  for (int64_t row = 0; row < rows; ++row)
    for (int64_t begin = 0; begin < k; begin += step) {
      ArrayRef<float> group = weights.slice(row * k + begin, std::min(step, k - begin));
      float scale = chooseScale(group);
      char *at = payload.data() + getScalesOffset(rows, k) + getScaleIndex(k, row, begin) * sizeof(float);
      llvm::support::endian::write32le(at, llvm::bit_cast<uint32_t>(scale));
      for (auto [i, weight] : llvm::enumerate(group)) {
        int64_t column = begin + i;
        payload[row * getRowBytes(k) + column / 5] += char(kPowers[column % 5] * getLevel(weight, scale));
      }
    }
}

void TernaryFormatAttr::decode(ArrayRef<char> payload, int64_t rows, int64_t k, MutableArrayRef<float> weights) const {
  for (int64_t row = 0; row < rows; ++row)
    for (int64_t column = 0; column < k; ++column) {
      int code = uint8_t(payload[row * getRowBytes(k) + column / 5]) / kPowers[column % 5] % 3;
      const char *at = payload.data() + getScalesOffset(rows, k) + getScaleIndex(k, row, column) * sizeof(float);
      float scale = llvm::bit_cast<float>(llvm::support::endian::read32le(at));
      weights[row * k + column] = scale * float(code - 1);
    }
}

//===----------------------------------------------------------------------===//
// Registration
//===----------------------------------------------------------------------===//

namespace mpq {
void registerFormatTernary(DialectRegistry &registry) {
  registry.insert<TernaryDialect>();
  // Passes that read spellings know the mpq dialect only; it brings this one.
  registry.addExtension(+[](MLIRContext *context, MPQDialect *) { context->getOrLoadDialect<TernaryDialect>(); });
  Registry<FormatParser>::get().add("ternary", std::make_unique<Parser>());
}
} // namespace mpq
