//===----------------------------------------------------------------------===//
// Part of MPQ, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//===----------------------------------------------------------------------===//
//
// The measurement of a cost table.
//
//===----------------------------------------------------------------------===//

#include "Tune.h"

#include "../Data.h"
#include "../Measure.h"
#include "KernelSet.h"
#include "Problems.h"
#include "Tiles.h"

#include "mpq/Execution/Program.h"
#include "mpq/Kernel/KernelFamily.h"

#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/Parser/Parser.h"
#include "llvm/Support/FormatVariadic.h"

#include <algorithm>
#include <unistd.h>

using namespace mlir;
using namespace mpq;

/// Of the second-level cache.
static int64_t getNearBytes() {
  constexpr int64_t kLeast = 1 << 20, kMost = 32 << 20;
  int64_t bytes = sysconf(_SC_LEVEL2_CACHE_SIZE);
  return bytes > 0 && bytes <= kMost ? bytes : kLeast;
}

/// More than any cache holds beside what others have in it.
static int64_t getDramBytes() {
  constexpr int64_t kLeast = 64 << 20, kMost = 1 << 30;
  int64_t bytes = 2 * sysconf(_SC_LEVEL3_CACHE_SIZE);
  return std::clamp(bytes, kLeast, kMost);
}

namespace {

class Tuner {
public:
  Tuner(MLIRContext &context, StringRef mcpu, const TargetSpec &target)
      : context(context), mcpu(mcpu), target(target) {
    table.cpu = target.cpu;
    table.source = "quant-bench --tune, " + getCpuName() + ", one thread";
  }

  /// Measures `problems`, or all.
  llvm::Expected<CostTable> run(ArrayRef<std::string> problems);

private:
  llvm::Error addProducts(ArrayRef<std::string> lines);
  llvm::Error addProduct(StringRef line);
  llvm::Error addOps();
  llvm::Error addOp(StringRef text);
  void addLoops();
  void measureTurns();
  void measureMemories();
  void measureRoof();
  void warn() const;

  MLIRContext &context;
  StringRef mcpu;
  const TargetSpec &target;
  StepReport report{llvm::errs()};
  CostTable table;
  std::vector<CostSample> samples;
  /// Short kernels, to be run in turn, and what they take by themselves.
  std::vector<KernelSet> sets;
  double alone = 0;
  /// Multiply-adds per second from registers, while everything else was measured.
  std::vector<double> roofs;
};

} // namespace

//===----------------------------------------------------------------------===//
// Products
//===----------------------------------------------------------------------===//

llvm::Error Tuner::addProducts(ArrayRef<std::string> lines) {
  report.begin("products");
  for (const std::string &line : lines) {
    if (llvm::Error error = addProduct(line))
      return error;
    report.advance(lines.size());
  }
  return llvm::Error::success();
}

/// With the same weight again and again, and with copies of it that come from behind
/// the second-level cache, or from DRAM.
llvm::Error Tuner::addProduct(StringRef line) {
  llvm::Expected<Problem> problem = parseProblem(line);
  if (!problem)
    return problem.takeError();
  auto compiled = compileProblem(context, *problem, target, problem->family,
                                 /*dump=*/false, &table);
  if (!compiled)
    return compiled.takeError();
  ProblemData data(*problem, *compiled);
  int64_t near = getNearBytes(), bytes = data.getWeightBytes();
  // Fewer bytes are a matter of latency, and of models that are near as a whole.
  constexpr int64_t kFewestFar = 16 << 10, kFewestDram = 64 << 10;
  int64_t farCopies = std::max<int64_t>(2, llvm::divideCeil(4 * near, bytes)),
          dramCopies = llvm::divideCeil(getDramBytes(), bytes);
  bool isFar = bytes >= kFewestFar, isDram = bytes >= kFewestDram;
  data.pack(isDram ? dramCopies : isFar ? farCopies : 1);
  KernelWork work = compiled->work;
  std::vector<KernelWork> works;
  std::vector<std::function<void()>> runs;
  int64_t call = 0;
  auto addCopies = [&](int64_t copies) {
    works.push_back(work);
    runs.push_back([&, copies] { data.run(call++ % copies); });
  };
  if (bytes <= near)
    addCopies(1);
  work.farBytes = work.weightBytes;
  if (isFar)
    addCopies(farCopies);
  work.dramBytes = work.weightBytes;
  if (isDram)
    addCopies(dramCopies);
  for (auto [work, time] : llvm::zip(works, timeInTurns(runs)))
    samples.push_back({work, time});
  measureRoof();
  return llvm::Error::success();
}

//===----------------------------------------------------------------------===//
// Everything else
//===----------------------------------------------------------------------===//

llvm::Error Tuner::addOps() {
  report.begin("other ops");
  std::vector<std::string> ops = listOps();
  for (const std::string &op : ops) {
    if (llvm::Error error = addOp(op))
      return error;
    report.advance(ops.size());
  }
  addLoops();
  measureTurns();
  return llvm::Error::success();
}

llvm::Error Tuner::addOp(StringRef text) {
  constexpr double kShort = 2000;
  constexpr size_t kMostInTurn = 24;
  OwningOpRef<ModuleOp> module = parseSourceString<ModuleOp>(text, &context);
  if (!module)
    return llvm::createStringError("cannot read " + text);
  setKernelTarget(*module, target);
  auto set = KernelSet::compile(*module, target, 1);
  if (!set)
    return set.takeError();
  measureRoof();
  for (LoneKernel &kernel : set->kernels) {
    double time = timeInTurns({[&] { kernel.run(); }}).front();
    samples.push_back({kernel.work, time});
    if (time > kShort || sets.size() >= kMostInTurn)
      continue;
    alone += time;
    sets.push_back(std::move(*set));
    break;
  }
  return llvm::Error::success();
}

/// How much longer kernels take that run in turn.
void Tuner::measureTurns() {
  double round = timeInTurns({[&] {
                   for (KernelSet &set : sets)
                     set.kernels.front().run();
                 }}).front();
  table.nsPerTurn = std::max(0.0, (round - alone) / sets.size());
}

/// What is left to plain loops, by a transposed copy, in this compiler's code.
void Tuner::addLoops() {
  for (int64_t size : {16, 64, 128}) {
    std::vector<float> from(size * size), to(size * size);
    KernelWork work;
    work.kernel = "loops";
    work.outputs = size * size;
    auto copy = [&] {
      for (int64_t i = 0; i < size; ++i)
        for (int64_t j = 0; j < size; ++j) {
          float value = from[j * size + i];
          asm volatile("" : "+x"(value));
          to[i * size + j] = value;
        }
    };
    samples.push_back({work, timeInTurns({copy}).front()});
  }
}

//===----------------------------------------------------------------------===//
// The table
//===----------------------------------------------------------------------===//

/// The second-level cache, what is behind it, and DRAM. How much of a cache
/// that cores share this one may count on, and a virtual machine sees, is
/// measured: sizes are doubled until reading is nearer to DRAM's rate.
void Tuner::measureMemories() {
  constexpr int64_t kMost = 256 << 20;
  GuardedBuffer buffer(kMost);
  std::fill_n(buffer.data(), kMost, 1);
  auto getRate = [&](int64_t bytes) {
    return bytes /
           timeInTurns({[&] { readBytes(buffer.data(), bytes); }}).front();
  };
  int64_t own = getNearBytes();
  double shared = getRate(4 * own), dram = getRate(kMost);
  int64_t size = 4 * own;
  while (2 * size < kMost && getRate(2 * size) > (shared + dram) / 2)
    size *= 2;
  table.memories = {{double(own), getRate(own / 2)}, {double(size), shared}, {0, dram}};
}

//===----------------------------------------------------------------------===//
// Doubts
//===----------------------------------------------------------------------===//

void Tuner::measureRoof() {
  unsigned bits = target.getVectorBits();
  DotInstruction dot = DotInstruction::getF32(target, bits);
  if (dot.kind == DotInstruction::None)
    return;
  double work = 0;
  double ns = timeCalls([&] { work = dot.run(1); }, /*budget=*/0);
  roofs.push_back(work / ns);
}

/// Of other load, or a clock that changes: the roof is not where it was. Of
/// kernels that went unmeasured.
void Tuner::warn() const {
  constexpr double kMostWaver = 0.1;
  double high = getQuantile(roofs, 0.9), low = getQuantile(roofs, 0.1);
  if (low < high * (1 - kMostWaver))
    llvm::errs() << llvm::formatv(
        "quant-bench: warning: arithmetic was up to {0:F0} % slower during a "
        "tenth of the time: something else ran, or the clock changed; tune "
        "again on an idle machine\n",
        100 * (1 - low / high));
  std::string missing;
  for (KernelFamily *family : getKernelFamilies()) {
    StringRef name = family->getName();
    bool isMeasured = llvm::any_of(table.kernels, [&](const auto &entry) {
      return StringRef(entry.first).split(':').first == name;
    });
    if (!isMeasured && !family->isForGpu() && !name.starts_with("reference_"))
      missing += (missing.empty() ? "" : ", ") + name.str();
  }
  if (!missing.empty())
    llvm::errs() << "quant-bench: no rates for " << missing
                 << ": no problem went to them on this CPU\n";
}

llvm::Expected<CostTable> Tuner::run(ArrayRef<std::string> problems) {
  Team alone(1); // stays on one CPU
  if (problems.empty()) {
    // First, for the rates are those of the kernels so cut.
    auto tiles = tuneTiles(context, mcpu, target, report);
    if (!tiles)
      return tiles.takeError();
    table.tiles = std::move(*tiles);
  }
  if (llvm::Error error =
          addProducts(problems.empty() ? listProducts() : problems.vec()))
    return std::move(error);
  if (problems.empty())
    if (llvm::Error error = addOps())
      return std::move(error);
  report.begin("memories");
  measureMemories();
  report.end();
  table.kernels = fitRates(samples);
  if (problems.empty())
    warn();
  return std::move(table);
}

llvm::Expected<CostTable> mpq::tune(MLIRContext &context, StringRef mcpu,
                                    ArrayRef<std::string> problems) {
  llvm::Expected<TargetSpec> target = getTarget(mcpu);
  if (!target)
    return target.takeError();
  return Tuner(context, mcpu, *target).run(problems);
}
