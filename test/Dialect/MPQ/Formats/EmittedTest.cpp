//===----------------------------------------------------------------------===//
// Part of MPQ, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//===----------------------------------------------------------------------===//
//
// What every format must hold, checked for each spelling in `spellings`: the IR
// of emitDecode, emitLevel and emitScale, compiled and run, gives the same bits
// as the host's decode, on payloads that encode wrote and on random bytes. A
// new format adds its spellings here.
//
//===----------------------------------------------------------------------===//
#include "dialects/MPQ/Formats/Int/Int.h"
#include "mpq/Execution/Jit.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/Dialect/LLVMIR/LLVMDialect.h"
#include "mlir/Dialect/MemRef/IR/MemRef.h"
#include "mlir/Dialect/SCF/IR/SCF.h"
#include "mlir/Dialect/Vector/IR/VectorOps.h"
#include "mlir/Target/LLVMIR/Dialect/All.h"
#include "llvm/ADT/bit.h"
#include "gtest/gtest.h"

#include <cmath>
#include <random>

using namespace mlir;
using namespace mpq;

namespace mpq {
void registerDialectMPQ(DialectRegistry &registry);
} // namespace mpq

namespace {

const char *const integers[] = {"int2", "int3", "int4", "int5",
                                "int6", "int7", "int8"};
const char *const integerVariants[] = {
    "",     ":asym",   ":f16",     ":asym:f16",     ":g4",
    ":g32", ":tensor", ":g5:asym", ":g16:asym:f16", ":tensor:asym"};
const char *const codebooks[] = {"binary", "ternary", "ternary2", "fp4",
                                 "nf4",    "kmeans2", "kmeans3",  "kmeans8"};
const char *const luts[] = {"lut2", "lut3", "lut4", "lut8"};
const char *const lutVariants[] = {"", ":f16", ":g256:f16", ":tensor"};
const char *const codebookVariants[] = {"", ":f16", ":g5:f16", ":tensor"};

struct Shape {
  int64_t rows, k;
};
/// One weight, odd k, k just below and above a multiple of 8 and of the groups,
/// and enough weights for every code at every position of a byte.
const Shape shapes[] = {{1, 1}, {3, 7}, {2, 33}, {67, 31}};

class Emitted : public testing::Test {
protected:
  void SetUp() override {
    DialectRegistry registry;
    registerDialectMPQ(registry);
    registerAllToLLVMIRTranslations(registry);
    context.appendDialectRegistry(registry);
    context.loadDialect<MPQDialect, arith::ArithDialect, func::FuncDialect,
                        memref::MemRefDialect, scf::SCFDialect,
                        LLVM::LLVMDialect, vector::VectorDialect>();
    module = ModuleOp::create(UnknownLoc::get(&context));
  }

  FormatAttrInterface format(const std::string &spelling) {
    llvm::Expected<FormatAttrInterface> parsed =
        parseFormat(spelling, &context);
    EXPECT_TRUE(bool(parsed)) << llvm::toString(parsed.takeError());
    EXPECT_EQ(parsed->getSpelling(), spelling);
    return *parsed;
  }

  void define(const std::string &name, FormatAttrInterface format, Shape shape);
  void compile();
  void check(const std::string &name, FormatAttrInterface format, Shape shape);
  void run(const std::string &name, FormatAttrInterface format, Shape shape,
           ArrayRef<char> payload);

  MLIRContext context;
  OwningOpRef<ModuleOp> module;
  std::unique_ptr<Jit> jit;
  std::minstd_rand random{3};
};

/// func @name(payload, values, levels, scales, codes, zero points) that fills in
/// all of them (formats without integer levels: the values).
void Emitted::define(const std::string &name, FormatAttrInterface format,
                     Shape shape) {
  OpBuilder builder = OpBuilder::atBlockEnd(module->getBody());
  Location loc = builder.getUnknownLoc();
  auto memref = [&](ArrayRef<int64_t> sizes, Type element) -> Type {
    return MemRefType::get(sizes, element);
  };
  int64_t bytes = format.getStorageBytes(shape.rows, shape.k);
  auto type = builder.getFunctionType(
      {memref({bytes}, builder.getI8Type()),
       memref({shape.rows, shape.k}, builder.getF32Type()),
       memref({shape.rows, shape.k}, builder.getI32Type()),
       memref({shape.rows, shape.k}, builder.getF32Type()),
       memref({shape.rows, shape.k}, builder.getI32Type()),
       memref({shape.rows, shape.k}, builder.getI32Type())},
      {});
  auto function = func::FuncOp::create(builder, loc, name, type);
  Block *body = function.addEntryBlock();
  builder.setInsertionPointToStart(body);
  Value zero = arith::ConstantIndexOp::create(builder, loc, 0);
  Value one = arith::ConstantIndexOp::create(builder, loc, 1);
  Value rows = arith::ConstantIndexOp::create(builder, loc, shape.rows);
  Value k = arith::ConstantIndexOp::create(builder, loc, shape.k);
  auto loops = scf::buildLoopNest(
      builder, loc, {zero, zero}, {rows, k}, {one, one},
      [&](OpBuilder &b, Location loc, ValueRange at) {
        Value payload = body->getArgument(0);
        SmallVector<Value> results = {format.emitDecode(
            b, loc, payload, shape.rows, shape.k, at[0], at[1])};
        if (format.getIntegerGroup(shape.k))
          llvm::append_range(
              results,
              ArrayRef<Value>{
                  format.emitLevel(b, loc, payload, shape.rows, shape.k, at[0],
                                   at[1]),
                  format.emitScale(b, loc, payload, shape.rows, shape.k, at[0],
                                   at[1]),
                  format.emitCode(b, loc, payload, shape.rows, shape.k, at[0],
                                  at[1]),
                  format.emitZeroPoint(b, loc, payload, shape.rows, shape.k,
                                       at[0], at[1])});
        for (auto [i, result] : llvm::enumerate(results))
          memref::StoreOp::create(b, loc, result, body->getArgument(i + 1), at);
      });
  (void)loops;
  func::ReturnOp::create(builder, loc);
}

void Emitted::compile() {
  PassManager pm(&context);
  buildKernelizedToLLVMPipeline(pm);
  ASSERT_TRUE(succeeded(pm.run(*module)));
  llvm::Expected<TargetSpec> target = getTarget("native");
  ASSERT_TRUE(bool(target)) << llvm::toString(target.takeError());
  SmallVector<char> object;
  llvm::Error error = compileToObject(*module, *target, object);
  ASSERT_FALSE(bool(error)) << llvm::toString(std::move(error));
  llvm::Expected<std::unique_ptr<Jit>> loaded = Jit::load(object);
  ASSERT_TRUE(bool(loaded)) << llvm::toString(loaded.takeError());
  jit = std::move(*loaded);
}

void Emitted::run(const std::string &name, FormatAttrInterface format,
                  Shape shape, ArrayRef<char> payload) {
  int64_t count = shape.rows * shape.k;
  std::vector<float> expected(count), values(count), scales(count);
  std::vector<int32_t> levels(count), codes(count), zeros(count);
  format.decode(payload, shape.rows, shape.k, expected);
  llvm::Expected<void *> function = jit->lookup(name);
  ASSERT_TRUE(bool(function)) << llvm::toString(function.takeError());
  reinterpret_cast<void (*)(const char *, float *, int32_t *, float *,
                            int32_t *, int32_t *)>(*function)(
      payload.data(), values.data(), levels.data(), scales.data(), codes.data(),
      zeros.data());
  auto [low, high] = format.getLevelRange();
  for (int64_t i = 0; i < count; ++i) {
    std::string at = name + " at " + std::to_string(i);
    if (std::isnan(expected[i])) {
      EXPECT_TRUE(std::isnan(values[i])) << at;
      continue;
    }
    ASSERT_EQ(llvm::bit_cast<uint32_t>(values[i]),
              llvm::bit_cast<uint32_t>(expected[i]))
        << at;
    if (!format.getIntegerGroup(shape.k))
      continue;
    ASSERT_EQ(scales[i] * float(levels[i]), expected[i]) << at;
    ASSERT_GE(levels[i], low) << at;
    ASSERT_LE(levels[i], high) << at;
    ASSERT_EQ(format.getLevelStep() * codes[i] - zeros[i], levels[i]) << at;
    ASSERT_GE(codes[i], 0) << at;
    ASSERT_LE(codes[i], format.getMaxCode()) << at;
  }
}

void Emitted::check(const std::string &name, FormatAttrInterface format,
                    Shape shape) {
  std::vector<char> payload(format.getStorageBytes(shape.rows, shape.k), 0x55);
  std::vector<float> weights(shape.rows * shape.k);
  for (float &weight : weights)
    weight = float(int(random() % 2001) - 1000) / 500;
  format.encode(weights, shape.rows, shape.k, payload);
  run(name, format, shape, payload);
  for (char &byte : payload)
    byte = char(random() >> 8);
  // A zero point is one of the codes.
  if (auto integers = dyn_cast<IntFormatAttr>(Attribute(format)))
    if (integers.getAsymmetric())
      for (int64_t i = integers.getZeroPointsOffset(shape.rows, shape.k);
           i < int64_t(payload.size()); ++i)
        payload[i] &= (1 << integers.getBits()) - 1;
  run(name, format, shape, payload);
}

TEST_F(Emitted, AgreesWithTheHost) {
  auto forEach = [&](auto visit) {
    auto cross = [&](ArrayRef<const char *> families,
                     ArrayRef<const char *> variants) {
      for (std::string family : families)
        for (std::string variant : variants)
          for (Shape shape : shapes)
            visit(family + variant + " " + std::to_string(shape.rows) + "x" +
                      std::to_string(shape.k),
                  format(family + variant), shape);
    };
    cross(integers, integerVariants);
    cross(codebooks, codebookVariants);
    cross(luts, lutVariants);
  };
  forEach([&](const std::string &name, FormatAttrInterface format,
              Shape shape) { define(name, format, shape); });
  compile();
  if (jit)
    forEach([&](const std::string &name, FormatAttrInterface format,
                Shape shape) { check(name, format, shape); });
}

/// Every half-precision pattern as the scale of one weight.
TEST_F(Emitted, ReadsAllHalfScales) {
  FormatAttrInterface one = format("int8:f16");
  define("halves", one, {65536, 1});
  compile();
  ASSERT_TRUE(bool(jit));
  auto integers = cast<IntFormatAttr>(Attribute(one));
  std::vector<char> payload(one.getStorageBytes(65536, 1));
  for (int64_t row = 0; row < 65536; ++row) {
    integers.setCode(payload, 1, row, 0, 1);
    char *at = payload.data() + integers.getParts().getScalesOffset(65536, 1) + 2 * row;
    at[0] = char(row);
    at[1] = char(row >> 8);
  }
  run("halves", one, {65536, 1}, payload);
}

} // namespace
