//===----------------------------------------------------------------------===//
// Part of MPQ, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//===----------------------------------------------------------------------===//
//
// The integer format on the host: bits where Int.td says, all codes at all
// positions, and what encode makes of weights.
//
//===----------------------------------------------------------------------===//
#include "dialects/MPQ/Formats/Int/Int.h"

#include "mlir/AsmParser/AsmParser.h"
#include "test/Dialect/MPQ/Formats/FormatTest.h"

#include <cmath>

using namespace mlir;
using namespace mpq;

namespace {

class Int : public FormatTest {
protected:
  IntFormatAttr get(unsigned bits, int64_t group = 0, bool asymmetric = false,
                    bool half = false) {
    return IntFormatAttr::get(&context, bits, group, asymmetric, half);
  }

  std::vector<char> payload(IntFormatAttr format, int64_t rows, int64_t k) {
    return std::vector<char>(format.getStorageBytes(rows, k));
  }
};

/// The drawing of Int.td.
TEST_F(Int, PacksLittleEndian) {
  IntFormatAttr format = get(3);
  std::vector<char> bytes = payload(format, 1, 5);
  ASSERT_EQ(bytes.size(), 2u + 4u);
  for (auto [column, code] : llvm::enumerate(std::vector<int>{1, 2, -4, 3, -1}))
    format.setCode(bytes, 5, 0, column, code);
  EXPECT_EQ(uint8_t(bytes[0]), 0b00010001);
  EXPECT_EQ(uint8_t(bytes[1]), 0b01110111);
}

TEST_F(Int, CodesKeepToTheirBits) {
  for (unsigned bits = 2; bits <= 8; ++bits)
    for (bool asymmetric : {false, true}) {
      IntFormatAttr format = get(bits, 0, asymmetric);
      IntGrid grid = format.getGrid();
      int64_t k = 17;
      for (int64_t column = 0; column < k; ++column)
        for (int32_t code = grid.minCode(); code <= grid.maxCode(); ++code)
          for (int32_t others : {grid.minCode(), grid.maxCode(), 0}) {
            std::vector<char> bytes = payload(format, 2, k);
            for (int64_t row = 0; row < 2; ++row)
              for (int64_t i = 0; i < k; ++i)
                format.setCode(bytes, k, row, i,
                               row == 0 && i == column ? code : others);
            for (int64_t row = 0; row < 2; ++row)
              for (int64_t i = 0; i < k; ++i)
                ASSERT_EQ(format.getCode(bytes, k, row, i),
                          row == 0 && i == column ? code : others);
          }
    }
}

TEST_F(Int, CountsEveryByte) {
  EXPECT_EQ(get(4).getStorageBytes(16, 27), 16 * 14 + 16 * 4);
  EXPECT_EQ(get(3, 32, true, true).getStorageBytes(2, 33),
            2 * 13 + 4 * 2 + 4); // two groups in each row
  EXPECT_EQ(get(8, -1, true).getStorageBytes(5, 3), 15 + 4 + 1);
  EXPECT_EQ(get(2, 128).getStorageBytes(3, 20), 3 * 5 + 3 * 4);
  EXPECT_EQ(get(5, 4).getStorageBytes(0, 9), 0);
}

TEST_F(Int, ScalesLieRowByRowGroupByGroup) {
  IntFormatAttr format = get(4, 4, true);
  // Ten columns: groups of 4, 4 and 2.
  EXPECT_EQ(format.getParts().getScaleCount(3, 10), 9);
  EXPECT_EQ(format.getParts().getScaleIndex(10, 0, 3), 0);
  EXPECT_EQ(format.getParts().getScaleIndex(10, 0, 4), 1);
  EXPECT_EQ(format.getParts().getScaleIndex(10, 2, 9), 8);
  EXPECT_EQ(get(4, -1).getParts().getScaleIndex(10, 2, 9), 0);
  EXPECT_EQ(get(4).getParts().getScaleIndex(10, 2, 9), 2);
  std::vector<char> bytes = payload(format, 3, 10);
  for (int64_t i = 0; i < 9; ++i)
    format.setScaleAndZeroPoint(bytes, 3, 10, i, {1.5f + i, int32_t(i)});
  for (int64_t i = 0; i < 9; ++i) {
    EXPECT_EQ(format.getScaleAndZeroPoint(bytes, 3, 10, i).scale, 1.5f + i);
    EXPECT_EQ(format.getScaleAndZeroPoint(bytes, 3, 10, i).zeroPoint, i);
  }
}

/// Encode is the quantizer of mpq/Support/Quantization.h on each group.
TEST_F(Int, EncodesGroupByGroup) {
  int64_t rows = 3, k = 21;
  std::vector<float> weights(rows * k), decoded(rows * k);
  for (auto [i, weight] : llvm::enumerate(weights))
    weight = std::sin(i * 1.7f) * (1 + i / k * 10);
  for (unsigned bits = 2; bits <= 8; ++bits)
    for (int64_t group : {0, -1, 1, 4, 7, 8, 21, 100})
      for (bool asymmetric : {false, true})
        for (bool half : {false, true}) {
          IntFormatAttr format = get(bits, group, asymmetric, half);
          std::vector<char> bytes = payload(format, rows, k);
          std::fill(bytes.begin(), bytes.end(), '\xff');
          format.encode(weights, rows, k, bytes);
          format.decode(bytes, rows, k, decoded);
          int64_t run = group > 0 ? std::min(group, k) : k;
          for (int64_t row = 0; row < rows; ++row)
            for (int64_t begin = 0; begin < k; begin += run) {
              ArrayRef<float> values(weights);
              values = group < 0 ? values
                                 : values.slice(row * k + begin,
                                                std::min(run, k - begin));
              IntScale scale = chooseLeastSquares(values, format.getGrid());
              for (int64_t i = begin; i < std::min(begin + run, k); ++i)
                ASSERT_EQ(decoded[row * k + i],
                          decodeInt(encodeInt(weights[row * k + i], scale,
                                              format.getGrid()),
                                    scale));
            }
        }
}

/// What was decoded once encodes to the same values, where the codes are few
/// enough for both ends of their range to be in use.
TEST_F(Int, EncodingIsIdempotent) {
  int64_t rows = 4, k = 40;
  std::vector<float> weights(rows * k), once(rows * k), twice(rows * k);
  for (auto [i, weight] : llvm::enumerate(weights))
    weight = std::sin(i * 2.3f) * 3;
  for (unsigned bits = 2; bits <= 4; ++bits)
    for (bool asymmetric : {false, true}) {
      IntFormatAttr format = get(bits, 20, asymmetric, true);
      std::vector<char> bytes = payload(format, rows, k);
      format.encode(weights, rows, k, bytes);
      format.decode(bytes, rows, k, once);
      format.encode(once, rows, k, bytes);
      format.decode(bytes, rows, k, twice);
      EXPECT_EQ(twice, once) << bits;
    }
}

/// Large matrices are encoded on all cores, to the same bytes.
TEST_F(Int, ThreadsDoNotMatter) {
  int64_t rows = 67, k = 131;
  std::vector<float> weights(rows * k);
  for (auto [i, weight] : llvm::enumerate(weights))
    weight = std::sin(i * 1.3f) * std::exp(std::sin(i * .7f));
  for (int64_t group : {0, 20}) {
    IntFormatAttr format = get(3, group, true);
    std::vector<char> threaded = payload(format, rows, k), single = threaded;
    format.encode(weights, rows, k, threaded);
    context.disableMultithreading();
    format.encode(weights, rows, k, single);
    context.enableMultithreading();
    EXPECT_EQ(threaded, single);
  }
}

TEST_F(Int, TextRoundTrips) {
  for (StringRef text :
       {"#mpq.int<4>", "#mpq.int<3, group = 32, asymmetric, f16>",
        "#mpq.int<2, group = -1>", "#mpq.int<8, asymmetric>"}) {
    Attribute attribute = parseAttribute(text, &context);
    ASSERT_TRUE(attribute) << text.str();
    std::string printed;
    llvm::raw_string_ostream(printed) << attribute;
    EXPECT_EQ(printed, text);
    std::string spelling = cast<FormatAttrInterface>(attribute).getSpelling();
    llvm::Expected<FormatAttrInterface> back = parseFormat(spelling, &context);
    ASSERT_TRUE(bool(back)) << llvm::toString(back.takeError());
    EXPECT_EQ(Attribute(*back), attribute);
  }
}

TEST_F(Int, WrongSpellingsAreExplained) {
  std::string syntax = "; it is written int2..int8[:gN|:tensor][:asym][:f16]";
  EXPECT_EQ(reason("int9"), "number format 'int9': integers have 2 to 8 bits, "
                            "not 9" +
                                syntax);
  EXPECT_EQ(reason("int4:g0"), "number format 'int4:g0': a group has at least "
                               "one weight, not '0'" +
                                   syntax);
  EXPECT_EQ(reason("int4:asymm"),
            "number format 'int4:asymm': unknown part 'asymm'" + syntax);
  EXPECT_EQ(reason("int4:asym:asym"),
            "number format 'int4:asym:asym': 'asym' is one too many" + syntax);
  EXPECT_EQ(reason("int4:g8:tensor"),
            "number format 'int4:g8:tensor': 'tensor' is one too many" +
                syntax);
  EXPECT_EQ(reason("int4:g99999999999999999999"),
            "number format 'int4:g99999999999999999999': a group has at least "
            "one weight, not '99999999999999999999'" +
                syntax);
  EXPECT_TRUE(StringRef(reason("integer"))
                  .starts_with("unknown number format 'integer'; known: "));
}

} // namespace
