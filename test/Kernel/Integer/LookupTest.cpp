//===----------------------------------------------------------------------===//
// Part of MPQ, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//===----------------------------------------------------------------------===//
//
// Tables of sums of 8-bit activations: that weights which are cut into chunks have
// each bit where the layout says, and that the largest sums fit.
//
//===----------------------------------------------------------------------===//

#include "Shapes.h"

#include "mpq/Kernel/PackedLayout.h"
#include "mpq/Target/CPU.h"

#include "dialects/MPQ/Formats/Codebook/Codebook.h"

#include <set>

using namespace mpq;
using namespace mpq::test;

namespace mpq {
void registerDialectMPQ(mlir::DialectRegistry &);
} // namespace mpq

namespace {

class Lookup : public testing::Test {
protected:
  void SetUp() override {
    TargetSpec host = llvm::cantFail(mpq::getTarget("native"));
    for (llvm::StringRef feature : {"avx512vbmi", "avx512vnni"})
      if (!host.has(feature))
        GTEST_SKIP() << "this machine has no " << feature.str();
    mlir::DialectRegistry registry;
    registerDialectMPQ(registry);
    context.appendDialectRegistry(registry);
    context.loadAllAvailableDialects();
  }

  /// 1 bit, in chunks of 1024 columns where there are more.
  PackedLayout makeLayout(int64_t rows, int64_t k, int64_t group,
                          unsigned scaleBits) {
    return PackedLayout(PackedAttr::get(
        &context, rows, k, /*bits=*/1, group, /*step=*/2, /*low=*/-1, scaleBits,
        /*zero_points=*/false, /*table=*/false, /*levels=*/{},
        /*chunk=*/k > 1024 ? 1024 : 0, /*planes=*/false));
  }

  mlir::MLIRContext context;
};

/// Reads every code back, and finds no bit used twice.
void checkPacked(const CompiledProblem &c, const PackedLayout &layout,
                 CodebookFormatAttr format) {
  const Problem &p = c.problem;
  ASSERT_EQ(layout.bytes(), int64_t(c.getPacked().size()));
  std::set<std::pair<int64_t, unsigned>> used;
  for (int64_t row = 0; row < p.oc; ++row)
    for (int64_t column = 0; column < p.k(); ++column) {
      auto piece = layout.getPieces(layout.getCellStep(column)).front();
      int64_t at = layout.locate(row, column, piece);
      ASSERT_LT(at, layout.bytes());
      ASSERT_TRUE(used.insert({at, piece.bit}).second)
          << p.format << " row " << row << " column " << column;
      ASSERT_EQ(uint8_t(c.getPacked()[at]) >> piece.bit & 1,
                int(format.getParts().getCode(c.getPayload(), p.k(), row,
                                              column)))
          << p.format << " row " << row << " column " << column;
    }
}

} // namespace

TEST_F(Lookup, PackerAndLayoutAgree) {
  std::vector<Problem> problems;
  for (int64_t k : {100, 1024, 1030, 2048, 3100})
    for (std::string format : {"binary", "binary:g64", "binary:g32:f16"}) {
      Problem p = makeMatmul("k" + std::to_string(k), 1, 40, k);
      p.format = format;
      p.input = {0, 0, true};
      problems.push_back(p);
    }
  Compiler compiler;
  auto compiled = compiler.compile("matmul_lookup_int8", problems);
  ASSERT_TRUE(bool(compiled)) << llvm::toString(compiled.takeError());
  for (CompiledProblem &c : *compiled) {
    ASSERT_EQ(c.rejection, "");
    auto format = llvm::cast<CodebookFormatAttr>(
        llvm::cantFail(parseFormat(c.problem.format, &context)));
    int64_t group = format.getParts().getGroupLength(c.problem.k());
    checkPacked(c,
                makeLayout(c.problem.oc, c.problem.k(),
                           group < c.problem.k() ? group : 0,
                           format.getHalfScale() ? 16 : 32),
                format);
  }
}

/// Sums of five, too: of three levels, which are all the same in one of 122 bytes.
TEST_F(Lookup, ExtremeTernaryValues) {
  std::vector<Problem> problems;
  for (std::string group : {"", ":g16", ":g128", ":g512"})
    for (int code : {0, 255})
      for (int zero : {0, 255}) {
        Problem p = makeMatmul("code" + std::to_string(code), 1, 16, 1100);
        p.format = "ternary" + group;
        p.input = {0.02, zero};
        p.extremeCode = code;
        p.hasBias = false;
        problems.push_back(p);
      }
  checkAll("matmul_ternary", problems, 5e-7);
}

/// Sums of four activations that are all -128 or all 127, added up over long rows.
TEST_F(Lookup, ExtremeValues) {
  std::vector<Problem> problems;
  for (std::string group : {"", ":g16", ":g128", ":g512"})
    for (int code : {0, 255})
      for (int zero : {0, 255}) {
        Problem p = makeMatmul("code" + std::to_string(code), 1, 16, 1100);
        p.format = "binary" + group;
        p.input = {0.02, zero};
        p.extremeCode = code;
        p.hasBias = false;
        problems.push_back(p);
      }
  checkAll("matmul_lookup_int8", problems, 5e-7);
}
