//===----------------------------------------------------------------------===//
// Part of MPQ, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//===----------------------------------------------------------------------===//
//
// What tests of number formats on the host have in common.
//
//===----------------------------------------------------------------------===//
#ifndef MPQ_TEST_DIALECT_MPQ_FORMATS_FORMATTEST_H
#define MPQ_TEST_DIALECT_MPQ_FORMATS_FORMATTEST_H

#include "dialects/MPQ/MPQ.h"

#include "gtest/gtest.h"

#include <random>

namespace mpq {
void registerDialectMPQ(mlir::DialectRegistry &registry);

class FormatTest : public testing::Test {
protected:
  void SetUp() override {
    mlir::DialectRegistry registry;
    registerDialectMPQ(registry);
    context.appendDialectRegistry(registry);
    context.loadDialect<MPQDialect>();
  }

  FormatAttrInterface get(llvm::StringRef spelling) {
    llvm::Expected<FormatAttrInterface> format =
        parseFormat(spelling, &context);
    EXPECT_TRUE(bool(format)) << llvm::toString(format.takeError());
    return *format;
  }

  /// What is wrong with a spelling; empty: nothing.
  std::string reason(llvm::StringRef spelling) {
    llvm::Expected<FormatAttrInterface> format =
        parseFormat(spelling, &context);
    return format ? "" : llvm::toString(format.takeError());
  }

  /// The weights, encoded and decoded.
  std::vector<float> roundTrip(llvm::StringRef spelling,
                               llvm::ArrayRef<float> weights, int64_t rows,
                               int64_t k) {
    FormatAttrInterface format = get(spelling);
    std::vector<char> payload(format.getStorageBytes(rows, k));
    std::vector<float> decoded(rows * k);
    format.encode(weights, rows, k, payload);
    format.decode(payload, rows, k, decoded);
    return decoded;
  }

  /// The sum of squares of differences.
  static double error(llvm::ArrayRef<float> a, llvm::ArrayRef<float> b) {
    double sum = 0;
    for (auto [x, y] : llvm::zip_equal(a, b))
      sum += (double(x) - y) * (double(x) - y);
    return sum;
  }

  static std::vector<float> normal(size_t count) {
    std::minstd_rand random(5);
    std::normal_distribution<float> distribution;
    std::vector<float> values(count);
    for (float &value : values)
      value = distribution(random);
    return values;
  }

  mlir::MLIRContext context;
};

} // namespace mpq

#endif // MPQ_TEST_DIALECT_MPQ_FORMATS_FORMATTEST_H
