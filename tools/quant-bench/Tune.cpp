//===----------------------------------------------------------------------===//
// Part of MPQ, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//===----------------------------------------------------------------------===//
//
// The problems that a cost table is measured with, and their measurement.
//
//===----------------------------------------------------------------------===//

#include "Tune.h"

#include "Data.h"
#include "KernelSet.h"
#include "Measure.h"

#include "mpq/Execution/Program.h"

#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/Parser/Parser.h"
#include "llvm/Support/FormatVariadic.h"
#include "llvm/Support/Regex.h"

#include <algorithm>
#include <unistd.h>

using namespace mlir;
using namespace mpq;

//===----------------------------------------------------------------------===//
// Products
//===----------------------------------------------------------------------===//

/// Numbers of rows with a rate of their own.
static constexpr int64_t kRows[] = {1, 2, 4, 8, 16, 32, 128};

/// N x K of weights that stay in the second-level cache.
static constexpr std::pair<int, int> kWeights[] = {
    {64, 64},   {96, 48},   {48, 96},   {64, 176}, {176, 64}, {256, 256},
    {512, 256}, {256, 512}, {512, 512}, {16, 512}, {32, 64}};

/// Of f32, of bf16, and of codes that are 0 for 0, as behind a ReLU; what is fused costs
/// little, but not nothing.
static constexpr llvm::StringLiteral kConvs[] = {
    "16x32x32 k3 p1 relu",
    "16x32x32 k3 p1 residual relu",
    "32x16x16 k3 p1 relu",
    "64x8x8 k3 p1 residual relu",
    "16x32x32 k3 p1 s2 o32 relu",
    "64x14x14 k3 p1 relu",
    "3x32x32 k3 p1 o16 relu",
    "1x49x10 k10x4 s2 p4x1x5x1 o64 relu",
    "3x64x64 k7 s2 p3 o64 relu",
    "3x32x32 k8 s8 o48",
    "64x25x5 relu",
    "32x16x16 o64",
    "128x7x7 k3 p1 relu",
    "256x8x8 o64",
    "64x25x5 k3 p1 depthwise relu",
    "32x16x16 k3 p1 depthwise",
    "96x14x14 k3 p1 s2 depthwise",
    "64x8x8 k5 p2 depthwise"};

static std::vector<std::string> listProducts() {
  std::vector<std::string> lines;
  for (int64_t rows : kRows)
    for (auto [n, k] : kWeights)
      for (llvm::StringRef rest :
           {"", "w=int8 a=int8", "w=int8 a=int8:static", "w=int4 a=int8",
            "w=int4 a=int8:static", "w=int4", "w=int2:f16 a=int8",
            "w=int3:f16 a=int8", "w=int6:f16 a=int8", "a=bf16 bf16out"})
        lines.push_back(llvm::formatv("mpgemm m={0} n={1} k={2} bias {3}", rows,
                                      n, k, rest));
  for (llvm::StringRef conv : kConvs) {
    lines.push_back(("conv " + conv).str());
    lines.push_back(("conv " + conv + " a=bf16 bf16out").str());
    llvm::StringRef residual = conv.contains("residual") ? " u8res" : "";
    lines.push_back(
        ("conv " + conv + " u8in zero=0 u8out int8" + residual).str());
  }
  return lines;
}

/// For what no other family takes.
static constexpr std::pair<llvm::StringLiteral, llvm::StringLiteral>
    kReferences[] = {{"mpgemm m=1 n=64 k=64", "reference_matmul"},
                     {"mpgemm m=1 n=64 k=16", "reference_matmul"},
                     {"mpgemm m=1 n=64 k=64 a=int8 w=int8", "reference_matmul"},
                     {"conv 16x8x8 k3 p1", "reference_conv"},
                     {"conv 16x8x8 o32", "reference_conv"},
                     {"conv 16x8x8 k3 p1 u8in u8out int8", "reference_conv"}};

static llvm::Error addProduct(MLIRContext &context, const TargetSpec &target,
                              StringRef line, StringRef family,
                              std::vector<CostSample> &samples) {
  llvm::Expected<Problem> problem = parseProblem(line);
  if (!problem)
    return problem.takeError();
  auto compiled = compileProblem(context, *problem, target, family, false);
  if (!compiled)
    return compiled.takeError();
  ProblemData data(*problem, *compiled);
  data.pack(1);
  samples.push_back({compiled->work, timeCalls([&] { data.run(); })});
  return llvm::Error::success();
}

//===----------------------------------------------------------------------===//
// Everything else
//===----------------------------------------------------------------------===//

/// Ops on {0} rows of {1} columns, {2} = {0} * {1} elements.
static constexpr llvm::StringLiteral kRowOps[] = {
    "mpq.softmax ins(%x : memref<{0}x{1}xf32>) outs(%y : memref<{0}x{1}xf32>)",
    "mpq.normalize ins(%x : memref<{0}x{1}xf32>) scale(%s : memref<{1}xf32>) "
    "outs(%y : memref<{0}x{1}xf32>) {{epsilon = 1.0e-05 : f32}",
    "mpq.normalize ins(%x : memref<{0}x{1}xf32>) scale(%s : memref<{1}xf32>) "
    "bias(%s : memref<{1}xf32>) outs(%y : memref<{0}x{1}xf32>) "
    "{{centered, epsilon = 1.0e-05 : f32}",
    "mpq.rotary ins(%x, %c, %c : memref<{0}x{1}xf32>, memref<512x4xf32>, "
    "memref<512x4xf32>) outs(%y : memref<{0}x{1}xf32>) {{heads = {3} : i64}",
    "mpq.gather ins(%i, %w : memref<{0}xi64>, memref<{4}xi8>) "
    "outs(%y : memref<{0}x{1}xf32>) {{weight_shape = array<i64: 512, {1}>}",
    "mpq.map ins(%x, %x : memref<{0}x{1}xf32>, memref<{0}x{1}xf32>) "
    "outs(%y : memref<{0}x{1}xf32>) attributes {{input_layouts = [unit, unit]} "
    "{{\n"
    "^bb0(%a: f32, %b: f32):\n"
    "  %r = arith.addf %a, %b : f32\n  mpq.yield %r : f32\n}",
    "mpq.map ins(%x, %s, %s : memref<{0}x{1}xf32>, memref<{1}xf32>, "
    "memref<{1}xf32>) outs(%y : memref<{0}x{1}xf32>) "
    "attributes {{input_layouts = [unit, unit, unit]} {{\n"
    "^bb0(%a: f32, %b: f32, %d: f32):\n  %p = arith.mulf %a, %b : f32\n"
    "  %r = arith.addf %p, %d : f32\n  mpq.yield %r : f32\n}",
    "mpq.map ins(%x, %x : memref<{0}x{1}xf32>, memref<{0}x{1}xf32>) "
    "outs(%y : memref<{0}x{1}xf32>) attributes {{input_layouts = [unit, unit]} "
    "{{\n"
    "^bb0(%a: f32, %b: f32):\n  %one = arith.constant 1.0 : f32\n"
    "  %n = arith.negf %a : f32\n  %e = math.exp %n : f32\n"
    "  %d = arith.addf %e, %one : f32\n  %q = arith.divf %a, %d : f32\n"
    "  %r = arith.mulf %q, %b : f32\n  mpq.yield %r : f32\n}",
    "mpq.map ins(%x : memref<{0}x{1}xf32>) outs(%y : memref<{0}x{1}xf32>) "
    "attributes {{input_layouts = [unit]} {{\n"
    "^bb0(%a: f32):\n  %h = arith.constant 0.5 : f32\n"
    "  %p = arith.mulf %a, %h : f32\n  %e = math.erf %p : f32\n"
    "  %q = arith.addf %e, %h : f32\n"
    "  %r = arith.mulf %q, %a : f32\n  mpq.yield %r : f32\n}"};

static constexpr std::pair<int, int> kRowSizes[] = {
    {1, 64},   {1, 256},  {8, 64},   {17, 48},  {32, 64},
    {32, 176}, {32, 256}, {32, 512}, {64, 1024}};

/// Attention of {0} rows with {1} heads of {2} elements, {3} = {1} * {2}.
static constexpr llvm::StringLiteral kAttention =
    "mpq.attention ins(%q, %q, %q : memref<1x{0}x{3}xf32>, "
    "memref<1x{0}x{3}xf32>, memref<1x{0}x{3}xf32>) "
    "outs(%o : memref<1x{0}x{3}xf32>) {{{4}heads = {1} : i64, kv_heads = {1} : "
    "i64, head_size = {2} : i64, value_size = {2} : i64, scale = 0.25 : f32}";
static constexpr std::tuple<int, int, int> kAttentionSizes[] = {
    {17, 3, 16}, {32, 8, 8},   {32, 4, 64}, {16, 8, 8},
    {64, 4, 32}, {128, 2, 64}, {8, 4, 16}};

/// Layouts and quantization of {0} channels of {1} x {1} pixels; {2} blocks.
static constexpr llvm::StringLiteral kImageOps[] = {
    "mpq.convert ins(%p : memref<1x{0}x{1}x{1}xf32>) outs(%f : "
    "memref<1x{2}x{1}x{1}x16xf32>) {{output_layout = "
    "#mpq.blocked<1x{0}x{1}x{1}, "
    "block = 16>}",
    "mpq.convert ins(%f : memref<1x{2}x{1}x{1}x16xf32>) outs(%p : "
    "memref<1x{0}x{1}x{1}xf32>) {{input_layout = #mpq.blocked<1x{0}x{1}x{1}, "
    "block = 16>}",
    "mpq.convert ins(%f : memref<1x{2}x{1}x{1}x16xf32>) outs(%u : "
    "memref<1x{2}x{1}x{1}x16xi8>) {{input_layout = #mpq.blocked<1x{0}x{1}x{1}, "
    "block = 16>, output_layout = #mpq.blocked<1x{0}x{1}x{1}, block = 16>, "
    "output_quant = #mpq.uniform<scale = 0.02, zero_point = 128>}",
    "mpq.pool average ins(%f : memref<1x{2}x{1}x{1}x16xf32>) outs(%g : "
    "memref<1x{2}x1x1x16xf32>) {{input_layout = #mpq.blocked<1x{0}x{1}x{1}, "
    "block = 16>, output_layout = #mpq.blocked<1x{0}x1x1, block = 16>, pads = "
    "array<i64: 0, 0, 0, 0>, strides = array<i64: 1, 1>, window = array<i64: "
    "{1}, {1}>}",
    "mpq.slice_pad ins(%f : memref<1x{2}x{1}x{1}x16xf32>) outs(%f2 : "
    "memref<1x{2}x{1}x{1}x16xf32>) {{input_layout = "
    "#mpq.blocked<1x{0}x{1}x{1}, "
    "block = 16>, output_layout = #mpq.blocked<1x{0}x{1}x{1}, block = 16>, low "
    "= array<i64: 0, 0, 0, 0>, offsets = array<i64: 0, 0, 0, 0>, sizes = "
    "array<i64: 1, {0}, {1}, {1}>, strides = array<i64: 1, 1, 1, 1>}"};
static constexpr std::pair<int, int> kImageSizes[] = {
    {16, 32}, {32, 16}, {64, 8}, {64, 16}, {48, 4}};

static std::vector<std::string> listOthers() {
  std::vector<std::string> ops;
  for (auto [rows, columns] : kRowSizes)
    for (llvm::StringLiteral op : kRowOps)
      ops.push_back(llvm::formatv(op.data(), rows, columns, rows * columns,
                                  columns / 8, 512 * columns * 4));
  for (auto [rows, heads, size] : kAttentionSizes)
    for (llvm::StringRef causal : {"", "causal, "})
      ops.push_back(llvm::formatv(kAttention.data(), rows, heads, size,
                                  heads * size, causal));
  for (auto [channels, size] : kImageSizes)
    for (llvm::StringLiteral op : kImageOps)
      ops.push_back(llvm::formatv(op.data(), channels, size, channels / 16));
  return ops;
}

/// `op` in a function whose arguments are its operands.
static std::string wrap(llvm::StringRef op) {
  // Each `name, name : type, type` in brackets declares values.
  std::map<std::string, std::string> types;
  llvm::Regex brackets("\\(([^()]* : [^()]*)\\)");
  llvm::SmallVector<llvm::StringRef> match;
  for (llvm::StringRef rest = op; brackets.match(rest, &match);
       rest = rest.drop_front(match[0].end() - rest.begin())) {
    llvm::SmallVector<llvm::StringRef> names, kinds;
    match[1].split(" : ").first.split(names, ", ");
    match[1].split(" : ").second.split(kinds, ", ");
    if (match[0].starts_with("(%") && match[1].contains("memref"))
      for (auto [name, kind] : llvm::zip(names, kinds))
        types[name.str()] = kind.str();
  }
  std::string arguments;
  for (auto &[name, type] : types)
    arguments += (arguments.empty() ? "" : ", ") + name + ": " + type;
  return llvm::formatv("func.func @main({0}) {{\n{1}\nreturn\n}\n", arguments,
                       op);
}

static llvm::Error addOther(MLIRContext &context, const TargetSpec &target,
                            llvm::StringRef op,
                            std::vector<CostSample> &samples) {
  OwningOpRef<ModuleOp> module =
      parseSourceString<ModuleOp>(wrap(op), &context);
  if (!module)
    return llvm::createStringError("cannot read " + wrap(op));
  setKernelTarget(*module, target);
  auto set = KernelSet::compile(*module, target, 1);
  if (!set)
    return set.takeError();
  for (LoneKernel &kernel : set->kernels)
    samples.push_back({kernel.work, timeCalls([&] { kernel.run(); })});
  return llvm::Error::success();
}

/// What is left to plain loops, by a transposed copy, in this compiler's code.
static void addLoops(std::vector<CostSample> &samples) {
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
    samples.push_back({work, timeCalls(copy)});
  }
}

//===----------------------------------------------------------------------===//
// The table
//===----------------------------------------------------------------------===//

/// The second-level cache, what is behind it, and DRAM. How much of a cache
/// that cores share this one may count on, and a virtual machine sees, is
/// measured: sizes are doubled until reading is nearer to DRAM's rate.
static std::vector<CostTable::Memory> measureMemories() {
  constexpr int64_t kMost = 256 << 20;
  GuardedBuffer buffer(kMost);
  std::fill_n(buffer.data(), kMost, 1);
  auto getRate = [&](int64_t bytes) {
    return bytes / timeCalls([&] { readBytes(buffer.data(), bytes); });
  };
  int64_t own = sysconf(_SC_LEVEL2_CACHE_SIZE);
  if (own <= 0 || own > kMost / 8)
    own = 1 << 20;
  double shared = getRate(4 * own), dram = getRate(kMost);
  int64_t size = 4 * own;
  while (2 * size < kMost && getRate(2 * size) > (shared + dram) / 2)
    size *= 2;
  return {{double(own), getRate(own / 2)}, {double(size), shared}, {0, dram}};
}

static llvm::Error addAll(MLIRContext &context, const TargetSpec &target,
                          std::vector<CostSample> &samples) {
  for (const std::string &line : listProducts())
    if (llvm::Error error = addProduct(context, target, line, "", samples))
      return error;
  for (auto [line, family] : kReferences)
    if (llvm::Error error = addProduct(context, target, line, family, samples))
      return error;
  for (const std::string &op : listOthers())
    if (llvm::Error error = addOther(context, target, op, samples))
      return error;
  addLoops(samples);
  return llvm::Error::success();
}

llvm::Expected<CostTable> mpq::tune(MLIRContext &context,
                                    const TargetSpec &target,
                                    llvm::ArrayRef<std::string> problems) {
  Team alone(1); // stays on one CPU
  std::vector<CostSample> samples;
  for (const std::string &line : problems)
    if (llvm::Error error = addProduct(context, target, line, "", samples))
      return std::move(error);
  if (problems.empty())
    if (llvm::Error error = addAll(context, target, samples))
      return std::move(error);
  CostTable table;
  table.cpu = target.cpu;
  table.source = "quant-bench --tune, " + getCpuName() + ", one thread";
  table.memories = measureMemories();
  table.kernels = fitRates(samples);
  return table;
}
