//===----------------------------------------------------------------------===//
// Part of MPQ, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//===----------------------------------------------------------------------===//
//
// Half precision against LLVM's APFloat, for all halves and many floats.
//
//===----------------------------------------------------------------------===//
#include "mpq/Support/Quantization.h"

#include "llvm/ADT/APFloat.h"
#include "llvm/ADT/bit.h"
#include "gtest/gtest.h"

#include <cmath>
#include <random>

using namespace llvm;
using namespace mpq;

namespace {

uint16_t referenceHalf(float value) {
  APFloat half(value);
  bool inexact;
  half.convert(APFloat::IEEEhalf(), APFloat::rmNearestTiesToEven, &inexact);
  if (half.isInfinity())
    half = APFloat::getLargest(APFloat::IEEEhalf(), half.isNegative());
  return half.bitcastToAPInt().getZExtValue();
}

TEST(Half, ReadsAllPatterns) {
  for (uint32_t bits = 0; bits < 65536; ++bits) {
    APFloat value(APFloat::IEEEhalf(), APInt(16, bits));
    bool inexact;
    value.convert(APFloat::IEEEsingle(), APFloat::rmNearestTiesToEven,
                  &inexact);
    float expected = value.convertToFloat(), actual = fromHalf(bits);
    if (value.isNaN()) {
      EXPECT_TRUE(std::isnan(actual)) << bits;
      continue;
    }
    EXPECT_EQ(bit_cast<uint32_t>(actual), bit_cast<uint32_t>(expected)) << bits;
  }
}

TEST(Half, RoundsLikeTheStandard) {
  // Every half, the midpoints above, and the floats on either side of both.
  for (uint32_t bits = 0; bits < 0x7c00; ++bits)
    for (float value :
         {fromHalf(bits), (fromHalf(bits) + fromHalf(bits + 1)) / 2})
      for (float near : {value, std::nextafter(value, 0.f),
                         std::nextafter(value, HUGE_VALF)})
        for (float signedNear : {near, -near})
          ASSERT_EQ(toHalf(signedNear), referenceHalf(signedNear))
              << signedNear;
}

TEST(Half, RoundsAnyFloatLikeTheStandard) {
  std::minstd_rand random(1);
  for (unsigned i = 0; i < 500000; ++i) {
    float value = bit_cast<float>(uint32_t(random() << 16 ^ random()));
    if (std::isnan(value))
      continue;
    ASSERT_EQ(toHalf(value), referenceHalf(value)) << value;
  }
}

TEST(Half, ScalesStayFiniteAndNotZero) {
  EXPECT_EQ(roundScale(1e-30f, ScaleType::F16), 0x1p-24f);
  EXPECT_EQ(roundScale(-1e-30f, ScaleType::F16), -0x1p-24f);
  EXPECT_EQ(roundScale(1e30f, ScaleType::F16), 65504.f);
  EXPECT_EQ(roundScale(-1e30f, ScaleType::F16), -65504.f);
  EXPECT_EQ(roundScale(HUGE_VALF, ScaleType::F32),
            std::numeric_limits<float>::max());
  EXPECT_EQ(roundScale(0, ScaleType::F16), 0);
  EXPECT_EQ(roundScale(1 / 3.f, ScaleType::F16), fromHalf(0x3555));
}

} // namespace
