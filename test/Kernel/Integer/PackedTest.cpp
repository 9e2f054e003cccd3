//===----------------------------------------------------------------------===//
// Part of MPQ, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//===----------------------------------------------------------------------===//
//
// Packed weights: that the packer puts each bit where the layout says, and that
// the kernels of all instruction sets find it there. Sums are exact integers, so
// what remains is the rounding of f32 scales.
//
//===----------------------------------------------------------------------===//

#include "Shapes.h"

#include "lib/Kernel/CPU/MatmulPacked/Dots.h"
#include "mpq/Kernel/PackedLayout.h"
#include "mpq/Target/CPU.h"

#include "dialects/MPQ/Formats/Int/Int.h"

#include <set>

using namespace mpq;
using namespace mpq::test;

static constexpr double kTolerance = 5e-7;

namespace mpq {
void registerDialectMPQ(mlir::DialectRegistry &);
} // namespace mpq

/// A context with the formats.
struct Formats {
  Formats() {
    mlir::DialectRegistry registry;
    registerDialectMPQ(registry);
    context.appendDialectRegistry(registry);
    context.loadAllAvailableDialects();
  }
  FormatAttrInterface parse(const std::string &format) {
    return llvm::cantFail(parseFormat(format, &context));
  }
  PackedLayout makeLayout(int64_t rows, int64_t k, const std::string &format,
                          bool planes = false) {
    std::string reason;
    auto weight = StoredTensorType::get(&context, {rows, k}, 0, parse(format));
    return PackedLayout(planes ? PackedLayout::getPlanes(weight, reason)
                               : PackedLayout::get(weight, reason));
  }

  mlir::MLIRContext context;
};

/// The example of PackedLayout.h.
TEST(PackedLayout, WorkedExample) {
  PackedLayout layout = Formats().makeLayout(4096, 4096, "int4:g32:f16");
  EXPECT_EQ(layout.groupSteps, 8);
  EXPECT_EQ(layout.blockGroups, 2);
  EXPECT_EQ(layout.getBlockBytes(2), 9 * 64);
  EXPECT_EQ(layout.low, -8);
  auto pieces = layout.getPieces(layout.getCellStep(45));
  ASSERT_EQ(pieces.size(), 1u);
  EXPECT_EQ(pieces[0].bit, 4u);
  EXPECT_EQ(layout.locate(17, 45, pieces[0]),
            layout.streamBytes() + 6 * 64 + 5);
}

/// As drawn for 3 bits: steps g and h are in pieces.
TEST(PackedLayout, Pieces) {
  PackedLayout layout = Formats().makeLayout(16, 64, "int3");
  EXPECT_EQ(layout.cellLines, 3);
  EXPECT_EQ(layout.cellSteps, 8);
  auto check = [&](int64_t step, std::vector<std::array<int64_t, 4>> expected) {
    auto pieces = layout.getPieces(step);
    ASSERT_EQ(pieces.size(), expected.size());
    for (auto [piece, e] : llvm::zip(pieces, expected)) {
      EXPECT_EQ(piece.line, e[0]);
      EXPECT_EQ(piece.bit, e[1]);
      EXPECT_EQ(piece.width, e[2]);
      EXPECT_EQ(piece.shift, e[3]);
    }
  };
  check(1, {{0, 3, 3, 0}});
  check(4, {{2, 0, 3, 0}});
  check(6, {{0, 6, 2, 0}, {1, 6, 1, 2}});
  check(7, {{1, 7, 1, 0}, {2, 6, 2, 1}});
}

/// The bits that the formats promise, where nothing has to be padded.
TEST(PackedLayout, BytesAreThoseOfTheFormat) {
  Formats formats;
  for (int bits = 2; bits <= 8; ++bits)
    for (std::string suffix : {":f16", ":asym:f16", "", ":asym"})
      for (int64_t group : {16, 32, 64, 128, 256}) {
        std::string format =
            "int" + std::to_string(bits) + ":g" + std::to_string(group) + suffix;
        // And one line of sums for each stream.
        EXPECT_EQ(formats.makeLayout(64, 4096, format).bytes(),
                  formats.parse(format).getStorageBytes(64, 4096) + 64 / 16 * 64)
            << format;
      }
}

/// Reads every code back, and finds no bit used twice.
static void checkPacked(const CompiledProblem &c, bool planes = false) {
  Formats formats;
  const Problem &p = c.problem;
  PackedLayout layout = formats.makeLayout(p.oc, p.k(), p.format, planes);
  auto format = llvm::cast<IntFormatAttr>(formats.parse(p.format));
  ASSERT_EQ(layout.bytes(), int64_t(c.getPacked().size()));
  int32_t bias = format.getAsymmetric() ? 0 : 1 << (format.getBits() - 1);
  std::set<std::pair<int64_t, unsigned>> used;
  for (int64_t row = 0; row < p.oc; ++row)
    for (int64_t column = 0; column < p.k(); ++column) {
      int32_t code = 0;
      for (auto piece : layout.getPieces(layout.getCellStep(column))) {
        int64_t at = layout.locate(row, column, piece);
        uint8_t byte = c.getPacked()[at];
        code |= (byte >> piece.bit & ((1 << piece.width) - 1)) << piece.shift;
        for (unsigned i = 0; i < piece.width; ++i)
          ASSERT_TRUE(used.insert({at, piece.bit + i}).second)
              << p.format << " row " << row << " column " << column;
      }
      ASSERT_EQ(code,
                format.getCode(c.getPayload(), p.k(), row, column) + bias)
          << p.format << " row " << row << " column " << column;
    }
}

static std::vector<Problem> getFormats() {
  std::vector<Problem> problems;
  int index = 0;
  for (int bits = 2; bits <= 8; ++bits)
    for (std::string suffix :
         {"", ":asym", ":tensor", ":g16:f16", ":g32", ":g20:asym", ":g5:asym:f16",
          ":g128:f16"}) {
      Problem p = makeMatmul("", 1 + index % 6, 16 + index * 7 % 30,
                             131 + index * 13 % 60);
      p.format = "int" + std::to_string(bits) + suffix;
      if (index++ % 2)
        p.input = {0, 0, true};
      problems.push_back(p);
    }
  return problems;
}

/// The 22nd column of a cell is column 1 of step 5: of 3 bits, bit 5 of the
/// second byte of a row's dword in three lines.
TEST(PackedLayout, Planes) {
  PackedLayout layout =
      Formats().makeLayout(64, 256, "int3:g64:f16", /*planes=*/true);
  EXPECT_EQ(layout.cellLines, 3);
  EXPECT_EQ(layout.cellSteps, 8);
  auto pieces = layout.getPieces(layout.getCellStep(32 + 21));
  ASSERT_EQ(pieces.size(), 3u);
  for (int i = 0; i < 3; ++i) {
    EXPECT_EQ(pieces[i].bit, 5u);
    // Behind the sums.
    EXPECT_EQ(layout.locate(2, 32 + 21, pieces[i]), (4 + i) * 64 + 2 * 4 + 1);
  }
  EXPECT_EQ(layout.bytes(), Formats().makeLayout(64, 256, "int3:g64:f16").bytes());
}

TEST(PackedLayout, PackerAndPlanesAgree) {
  std::vector<Problem> problems;
  for (auto [i, problem] : llvm::enumerate(getFormats()))
    if (i % 5 == 0)
      problems.push_back(problem);
  Compiler compiler;
  auto compiled = compiler.compile("matmul_popcount", problems);
  ASSERT_TRUE(bool(compiled)) << llvm::toString(compiled.takeError());
  for (CompiledProblem &c : *compiled)
    checkPacked(c, /*planes=*/true);
}

TEST(PackedLayout, PackerAndLayoutAgree) {
  Compiler compiler;
  auto compiled = compiler.compile("matmul_packed", getFormats());
  ASSERT_TRUE(bool(compiled)) << llvm::toString(compiled.takeError());
  for (CompiledProblem &c : *compiled)
    checkPacked(c);
}

/// Tests run for each CPU whose instruction sets this machine has.
class MatmulPacked : public testing::TestWithParam<const char *> {
protected:
  void SetUp() override {
    TargetSpec host = llvm::cantFail(mpq::getTarget("native"));
    TargetSpec target = llvm::cantFail(mpq::getTarget(GetParam()));
    llvm::SmallVector<llvm::StringRef> features;
    llvm::StringRef(target.features).split(features, ',', -1, false);
    for (llvm::StringRef feature : features)
      if (!host.has(feature.ltrim('+')))
        GTEST_SKIP() << "this machine has no " << feature.ltrim('+').str();
  }
};
INSTANTIATE_TEST_SUITE_P(Cpu, MatmulPacked,
                         testing::Values("native", "alderlake", "haswell",
                                         "x86-64"),
                         [](const auto &info) {
                           std::string name = info.param;
                           llvm::erase(name, '-');
                           return name;
                         });

TEST_P(MatmulPacked, AllShapes) {
  std::vector<Problem> problems = getMatmulShapes();
  for (auto [i, p] : llvm::enumerate(problems)) {
    p.format = i % 2 ? "int4:g32:f16" : "int3:asym";
    p.input = i % 3 ? Quant{0.02, int(i * 37 % 256)} : Quant{0, 0, true};
  }
  checkAll("matmul_packed", problems, kTolerance, GetParam());
}

TEST_P(MatmulPacked, Formats) {
  checkAll("matmul_packed", getFormats(), kTolerance, GetParam());
}

/// Bias, residuals, clamps, codes out.
TEST_P(MatmulPacked, Epilogues) {
  std::vector<Problem> problems;
  for (int i = 0; i < 8; ++i) {
    Problem p = makeMatmul("epilogue" + std::to_string(i), 3, 37, 70);
    p.format = "int4:g32";
    p.output = i & 1 ? Quant{0.15, i * 29 % 256} : Quant{};
    p.hasBias = i & 2;
    p.hasResidual = i & 4;
    p.residual = i & 1 ? Quant{0.04, 12} : Quant{};
    p.clampMin = i % 3 ? p.clampMin : 0.0;
    problems.push_back(p);
  }
  checkAll("matmul_packed", problems, kTolerance, GetParam());
}

/// The largest codes times the largest and the smallest activations: what
/// overflows or saturates anywhere on the way is wrong here.
TEST_P(MatmulPacked, ExtremeValues) {
  std::vector<Problem> problems;
  for (int bits = 2; bits <= 8; ++bits)
    for (std::string group : {"", ":g16", ":g32", ":g64", ":g128", ":g256"})
      for (int code : {0, 255}) {
        Problem p = makeMatmul("code" + std::to_string(code), 1, 16, 512);
        p.format = "int" + std::to_string(bits) + group + ":asym";
        p.input = {0.02, code ? 0 : 255};
        p.extremeCode = code;
        p.hasBias = false;
        problems.push_back(p);
      }
  checkAll("matmul_packed", problems, kTolerance, GetParam());
}

/// One addition more than `getSafeAdditions` can leave 16 bits, none less can.
TEST(Avx2, SafeAdditionsAreExact) {
  for (int64_t bits = 1; bits <= 8; ++bits) {
    int64_t code = (1 << bits) - 1, n = packed::getSafeAdditions(code);
    EXPECT_GE(-2 * 128 * code * n, -32768);
    EXPECT_LE(2 * 127 * code * n, 32767);
    EXPECT_LT(-2 * 128 * code * (n + 1), -32768);
  }
}
