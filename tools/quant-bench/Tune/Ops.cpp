//===----------------------------------------------------------------------===//
// Part of MPQ, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//===----------------------------------------------------------------------===//
//
// Ops without a weight, as text.
//
//===----------------------------------------------------------------------===//

#include "Problems.h"

#include "llvm/ADT/STLExtras.h"
#include "llvm/ADT/StringRef.h"
#include "llvm/Support/FormatVariadic.h"
#include "llvm/Support/Regex.h"

#include <map>

using namespace mpq;

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
    {1, 64}, {1, 256}, {17, 48}, {32, 64}, {32, 168}, {32, 512}, {64, 1024}};

/// To codes and back.
static constexpr llvm::StringLiteral kQuantizing[] = {
    "mpq.convert ins(%x : memref<{0}x{1}xf32>) outs(%z : memref<{0}x{1}xi8>) "
    "{{output_quant = #mpq.uniform<scale = 0.02, zero_point = 128>}",
    "mpq.convert ins(%z : memref<{0}x{1}xi8>) outs(%x : memref<{0}x{1}xf32>) "
    "{{input_quant = #mpq.uniform<scale = 0.02, zero_point = 128>}"};

/// Attention of {0} rows with {1} heads of {2} elements, {3} = {1} * {2}.
static constexpr llvm::StringLiteral kAttention =
    "mpq.attention ins(%q, %q, %q : memref<1x{0}x{3}xf32>, "
    "memref<1x{0}x{3}xf32>, memref<1x{0}x{3}xf32>) "
    "outs(%o : memref<1x{0}x{3}xf32>) {{{4}heads = {1} : i64, kv_heads = {1} : "
    "i64, head_size = {2} : i64, value_size = {2} : i64, scale = 0.25 : f32}";
static constexpr std::tuple<int, int, int> kAttentionSizes[] = {
    {17, 3, 16}, {32, 8, 8},   {32, 4, 64}, {16, 8, 8},
    {64, 4, 32}, {128, 2, 64}, {8, 4, 16}};

/// {0} products of {1} x {2} by {2} x {3}.
static constexpr llvm::StringLiteral kStack =
    "linalg.generic {{indexing_maps = [affine_map<(d, m, n, k) -> (d, m, k)>, "
    "affine_map<(d, m, n, k) -> (d, k, n)>, "
    "affine_map<(d, m, n, k) -> (d, m, n)>], iterator_types = "
    "[\"parallel\", \"parallel\", \"parallel\", \"reduction\"]} "
    "ins(%l, %r : memref<{0}x{1}x{2}xf32>, memref<{0}x{2}x{3}xf32>) "
    "outs(%t : memref<{0}x{1}x{3}xf32>) {4}{{\n"
    "^bb0(%a: f32, %b: f32, %c: f32):\n  %p = arith.mulf %a, %b : f32\n"
    "  %s = arith.addf %c, %p : f32\n  linalg.yield %s : f32\n}";
static constexpr std::tuple<int, int, int, int> kStackSizes[] = {
    {4, 32, 64, 32}, {3, 17, 16, 17}, {8, 32, 8, 32},
    {2, 64, 32, 64}, {8, 16, 8, 16}};

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

static void replaceAll(std::string &text, llvm::StringRef from,
                       llvm::StringRef to) {
  for (size_t at = text.find(from); at != std::string::npos;
       at = text.find(from, at + to.size()))
    text.replace(at, from.size(), to);
}

/// `op` with activations of bf16, of which the types begin with `shape`.
static std::string useBf16(std::string op, llvm::StringRef shape) {
  replaceAll(op, ("<" + shape + "xf32>").str(), ("<" + shape + "xbf16>").str());
  return op;
}

/// `op` with codes as its result; its attributes begin in front of `attribute`.
static std::string useCodes(std::string op, llvm::StringRef result,
                            llvm::StringRef attribute) {
  replaceAll(op, ("outs(" + result + "xf32>").str(),
             ("outs(" + result + "xi8>").str());
  size_t at = op.find(attribute);
  op.insert(at, "output_quant = #mpq.uniform<scale = 0.02, zero_point = 128>, ");
  return op;
}

/// With f32, bf16 and, where there is such an op in models, codes.
static void addRowOps(std::vector<std::string> &ops) {
  for (auto [rows, columns] : kRowSizes) {
    std::string shape = llvm::formatv("{0}x{1}", rows, columns);
    for (llvm::StringLiteral op : kRowOps) {
      std::string text = llvm::formatv(op.data(), rows, columns, rows * columns,
                                       columns / 8, 512 * columns * 4);
      ops.push_back(text);
      if (rows == 1)
        continue;
      ops.push_back(useBf16(text, shape));
      llvm::StringRef attribute = op.starts_with("mpq.map") ? "input_layouts"
                                  : op.contains("centered") ? "centered"
                                                            : "epsilon";
      if (op.starts_with("mpq.map") || op.starts_with("mpq.normalize"))
        ops.push_back(useCodes(text, "%y : memref<" + shape, attribute));
    }
    for (llvm::StringLiteral op : kQuantizing)
      ops.push_back(llvm::formatv(op.data(), rows, columns));
  }
}

static void addAttention(std::vector<std::string> &ops) {
  for (auto [rows, heads, size] : kAttentionSizes)
    for (llvm::StringRef causal : {"", "causal, "}) {
      auto add = [&](llvm::StringRef quant) {
        ops.push_back(llvm::formatv(kAttention.data(), rows, heads, size,
                                    heads * size, (causal + quant).str()));
        return ops.back();
      };
      add("operand_quant = #mpq.uniform<dynamic>, ");
      std::string text = add("");
      std::string shape = llvm::formatv("1x{0}x{1}", rows, heads * size);
      ops.push_back(useBf16(text, shape));
      if (causal.empty())
        ops.push_back(useCodes(text, "%o : memref<" + shape, "heads ="));
    }
}

static void addImageOps(std::vector<std::string> &ops) {
  for (auto [channels, size] : kImageSizes)
    for (llvm::StringLiteral op : kImageOps) {
      std::string text =
          llvm::formatv(op.data(), channels, size, channels / 16);
      ops.push_back(text);
      std::string narrow = text;
      replaceAll(narrow, "xf32>", "xbf16>");
      if (!op.contains("xi8"))
        ops.push_back(narrow);
      if (op.starts_with("mpq.pool"))
        ops.push_back(useCodes(
            text, llvm::formatv("%g : memref<1x{0}x1x1x16", channels / 16).str(),
            "input_layout"));
    }
}

std::vector<std::string> mpq::listOps() {
  std::vector<std::string> ops;
  addRowOps(ops);
  addAttention(ops);
  addImageOps(ops);
  for (auto [batch, rows, depth, columns] : kStackSizes)
    for (llvm::StringRef quant :
         {"", "attrs = {mpq.operand_quant = #mpq.uniform<dynamic>} "})
      ops.push_back(llvm::formatv(kStack.data(), batch, rows, depth, columns,
                                  quant));
  for (std::string &op : ops)
    op = wrap(op);
  return ops;
}
