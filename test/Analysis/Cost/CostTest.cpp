//===----------------------------------------------------------------------===//
// Part of MPQ, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//===----------------------------------------------------------------------===//
//
// Cost tables from samples whose rates are known, through a file, and back to
// times.
//
//===----------------------------------------------------------------------===//

#include "mpq/Analysis/Cost.h"

#include "llvm/Support/FileSystem.h"
#include "llvm/Support/MemoryBuffer.h"
#include "llvm/Support/raw_ostream.h"
#include "gtest/gtest.h"

using namespace llvm;
using namespace mpq;

static KernelWork makeWork(double rows, double n, double k) {
  KernelWork work;
  work.kernel = "matmul";
  work.rows = rows;
  work.bits = 8;
  work.multiplyAdds = rows * n * k;
  work.inputs = rows * k;
  work.outputs = rows * n;
  work.weightBytes = n * k;
  return work;
}

/// What a kernel of 10 ns a call, 1 / (4 + rows) ns a multiply-add and 2 ns an
/// output takes.
static double getTime(const KernelWork &work) {
  return 10 + work.multiplyAdds / (4 + work.rows) + 2 * work.outputs;
}

static std::vector<CostSample> makeSamples() {
  std::vector<CostSample> samples;
  for (double rows : {1, 4, 16})
    for (auto [n, k] :
         {std::pair(16, 16), std::pair(64, 16), std::pair(16, 256),
          std::pair(256, 256), std::pair(48, 100)}) {
      KernelWork work = makeWork(rows, n, k);
      samples.push_back({work, getTime(work)});
    }
  return samples;
}

static std::string print(const CostTable &table) {
  std::string text;
  raw_string_ostream os(text);
  table.print(os);
  return text;
}

static CostTable makeTable() {
  CostTable table;
  table.cpu = "mine";
  table.memories = {{1 << 20, 100}, {0, 10}};
  table.kernels = fitRates(makeSamples());
  return table;
}

TEST(Cost, RatesAreFound) {
  CostTable table = makeTable();
  ASSERT_EQ(table.kernels["matmul"].size(), 3u);
  for (const CostTable::Rate &rate : table.kernels["matmul"]) {
    EXPECT_NEAR(rate.nsPerCall, 10, 0.5);
    EXPECT_NEAR(rate.nsPerMac, 1 / (4 + rate.rows), 0.01 / (4 + rate.rows));
    EXPECT_NEAR(rate.nsPerOutput, 2, 0.1);
    EXPECT_GE(rate.nsPerInput, 0);
  }
}

/// A cause that makes things faster does not exist.
TEST(Cost, RatesAreNotNegative) {
  std::vector<CostSample> samples = makeSamples();
  for (CostSample &sample : samples)
    sample.nanoseconds -= sample.work.inputs / 100;
  for (const CostTable::Rate &rate : fitRates(samples)["matmul"]) {
    EXPECT_GE(rate.nsPerInput, 0);
    EXPECT_GE(rate.nsPerCall, 0);
  }
}

TEST(Cost, TablesSurviveTheirFile) {
  CostTable table = makeTable();
  table.tiles["matmul"] = {{4, 8, 4, 2, 144, 2}, {4, 64, 8, 1, 0, 1}};
  std::string text = print(table);
  Expected<CostTable> read = CostTable::parse(MemoryBufferRef(text, "t.json"));
  ASSERT_TRUE(bool(read)) << toString(read.takeError());
  EXPECT_EQ(read->cpu, "mine");
  EXPECT_EQ(read->getDoubt("mine"), "");
  EXPECT_NE(read->getDoubt("other"), "");
  EXPECT_EQ(read->tiles["matmul"].at(1).m, 64);
  // Written once more it is the same text.
  EXPECT_EQ(print(*read), text);
}

/// Numbers are as short as they can be: a table that was measured has the form of
/// those that MPQ comes with.
TEST(Cost, BuiltinTablesAreAsWritten) {
  std::string folder = MPQ_COST_TABLES;
  std::error_code code;
  int tables = 0;
  for (sys::fs::directory_iterator file(folder, code), end; file != end && !code;
       file.increment(code), ++tables) {
    auto text = MemoryBuffer::getFile(file->path());
    ASSERT_TRUE(bool(text)) << file->path();
    Expected<CostTable> table = CostTable::parse(**text);
    ASSERT_TRUE(bool(table)) << toString(table.takeError());
    EXPECT_EQ(print(*table), (*text)->getBuffer().str()) << file->path();
  }
  EXPECT_FALSE(code) << code.message();
  EXPECT_GE(tables, 1);
}

TEST(Cost, TimesOfMeasuredRowsAreExact) {
  CostTable table = makeTable();
  for (double rows : {1, 4, 16}) {
    KernelWork work = makeWork(rows, 128, 128);
    EXPECT_NEAR(table.predict(work, 0), getTime(work), 0.01 * getTime(work));
  }
}

/// Between two numbers of rows times grow, beyond the last as its rate says.
TEST(Cost, OtherRowsLieBetween) {
  CostTable table = makeTable();
  double last = 0;
  for (double rows : {1, 2, 3, 4, 6, 8, 12, 16, 17, 100}) {
    double ns = table.predict(makeWork(rows, 128, 128), 0);
    EXPECT_GT(ns, last);
    last = ns;
  }
  KernelWork many = makeWork(64, 128, 128);
  EXPECT_NEAR(table.predict(many, 0),
              10 + many.multiplyAdds / 20 + 2 * many.outputs,
              0.02 * getTime(many) + many.multiplyAdds * 1e-3);
}

/// Weights of a large model come from the memory that is slow.
TEST(Cost, WeightsHaveToArrive) {
  CostTable table = makeTable();
  table.kernels["matmul"] = {{1, 8, 0, 1e-6, 0, 0}};
  KernelWork work = makeWork(1, 1000, 1000);
  EXPECT_DOUBLE_EQ(table.predict(work, 1 << 20), 1e6 / 100);
  EXPECT_DOUBLE_EQ(table.predict(work, 1 << 21), 1e6 / 10);
  // Some of what they take is on top of what is computed, and only where they are far.
  table.kernels["matmul"] = {{1, 8, 0, 1, 0, 0, 0.5}};
  EXPECT_DOUBLE_EQ(table.predict(work, 1 << 20), 1e6);
  EXPECT_DOUBLE_EQ(table.predict(work, 1 << 21), 1.5e6);
  // More where they come from DRAM.
  table.memories = {{1 << 20, 100}, {1 << 22, 50}, {0, 10}};
  table.kernels["matmul"] = {{1, 8, 0, 1, 0, 0, 0.5, 0.25}};
  EXPECT_DOUBLE_EQ(table.predict(work, 1 << 20), 1e6);
  EXPECT_DOUBLE_EQ(table.predict(work, 1 << 22), 1.5e6);
  EXPECT_DOUBLE_EQ(table.predict(work, 1 << 23), 1.75e6);
}

/// The variant of a kernel counts as the kernel, one with a name that is like those of
/// others as the slowest of the most like, another one as loops.
TEST(Cost, UnknownKernels) {
  CostTable table = makeTable();
  table.memories = {{0, 1e9}};
  KernelWork work = makeWork(4, 64, 64);
  double known = table.predict(work, 0);
  work.kernel = "matmul:dynamic";
  EXPECT_EQ(table.predict(work, 0), known);
  table.kernels["matmul_packed"] = {{1, 8, 7, 0, 0, 0}};
  table.kernels["matmul_packed_f32:dynamic"] = {{1, 8, 9, 0, 0, 0}};
  work.kernel = "matmul_packed_f32_large";
  EXPECT_EQ(table.predict(work, 0), 9);
  work.kernel = "matmul_packed_bf16";
  EXPECT_EQ(table.predict(work, 0), 9);
  work.kernel = "matmul_bf16";
  EXPECT_EQ(table.predict(work, 0), known);
  // A variant counts as what it is one of, not as the slowest variant of that.
  table.kernels["map"] = {{1, 8, 5, 0, 0, 0}};
  table.kernels["map:functions"] = {{1, 8, 6, 0, 0, 0}};
  work.kernel = "map:codes";
  EXPECT_EQ(table.predict(work, 0), 5);
  work.kernel = "map:functions:codes";
  EXPECT_EQ(table.predict(work, 0), 6);
  work.kernel = "fft";
  EXPECT_EQ(table.predict(work, 0), 0);
  table.kernels["loops"] = {{1, 0, 0, 0, 0, 3}};
  EXPECT_DOUBLE_EQ(table.predict(work, 0), 3 * work.outputs);
}
