//===----------------------------------------------------------------------===//
// Part of MPQ, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//===----------------------------------------------------------------------===//
//
// Checks, the dot product, and the way from accumulators to results.
//
//===----------------------------------------------------------------------===//

#include "lib/Kernel/CPU/Vnni/Vnni.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Vector/IR/VectorOps.h"
#include "llvm/Support/FormatVariadic.h"

#include <cmath>
#include <limits>

using namespace mlir;
using namespace mpq;
using namespace mpq::vnni;

//===----------------------------------------------------------------------===//
// Checks
//===----------------------------------------------------------------------===//

std::string vnni::checkTarget(const KernelTarget &target) {
  if (!target.avx512vnni)
    return "the target lacks avx512vnni";
  if (!target.avx512bw)
    return "the target lacks avx512bw";
  return {};
}

std::string vnni::checkWeight(Type weight, int64_t depth) {
  auto stored = dyn_cast<StoredTensorType>(weight);
  if (!stored)
    return "the weight is f32, not integer levels";
  FormatAttrInterface format = stored.getFormat();
  std::string spelling = format.getSpelling();
  if (!format.getIntegerGroup(stored.getK()))
    return "the values of " + spelling + " are not integer level times scale";
  auto [low, high] = format.getLevelRange();
  if (low < std::numeric_limits<int8_t>::min() ||
      high > std::numeric_limits<int8_t>::max())
    return llvm::formatv("the levels of {0} are {1} to {2}, beyond 8 bits",
                         spelling, low, high);
  // Both the sum of the products and the zero-point correction fit into i32.
  int64_t largest = 255 * std::max(-low, high);
  if (depth > std::numeric_limits<int32_t>::max() / largest / 2)
    return llvm::formatv("sums of {0} products of u8 and {1} overflow 32 bits",
                         depth, spelling);
  return {};
}

std::string vnni::checkQuantization(UniformAttr input, UniformAttr residual,
                                    UniformAttr output) {
  if (!input)
    return "the input is f32";
  if (input.isGrouped())
    return llvm::formatv("the input has a scale for every {0} columns",
                         input.getGroup());
  return checkStaticQuantization(
      {{"the residual", residual}, {"the result", output}});
}

//===----------------------------------------------------------------------===//
// Dot product
//===----------------------------------------------------------------------===//

static VectorType getVectorType(KernelBuilder &k, unsigned bits,
                                int64_t lanes) {
  return VectorType::get(lanes, k.b.getIntegerType(bits));
}

Value vnni::emitDot(KernelBuilder &k, Value accumulator, Value activations,
                    Value weights) {
  Value bytes = vector::BitCastOp::create(
      k.b, getVectorType(k, 8, kVectorBytes), activations);
  return k.intrinsic("llvm.x86.avx512.vpdpbusd.512", accumulator.getType(),
                     {accumulator, bytes, weights});
}

static int64_t getColumns(ArrayRef<int64_t> shape) {
  int64_t columns = 1;
  for (int64_t size : shape.drop_front())
    columns *= size;
  return columns;
}

Value vnni::emitLevel(KernelBuilder &k, const WeightReader &weight,
                      ArrayRef<int64_t> shape, Index row, Index column,
                      Value valid) {
  int64_t columns = getColumns(shape);
  Value level = weight.getFormat().emitLevel(
      k.b, k.b.getLoc(), weight.getPayload(), shape[0], columns, k.value(row),
      k.value(column));
  level = arith::TruncIOp::create(k.b, k.b.getI8Type(), level);
  return valid ? arith::SelectOp::create(k.b, valid, level, k.integer(8, 0))
               : level;
}

void vnni::emitRowFactors(KernelBuilder &k, ArrayRef<int64_t> shape,
                          const WeightReader &weight, Value scales,
                          Value sums) {
  int64_t rows = shape[0], columns = getColumns(shape);
  Type i32 = k.b.getI32Type();
  k.forLoop(0, rows, 1, [&](Index row) {
    Value scale =
        weight.getFormat().emitScale(k.b, k.b.getLoc(), weight.getPayload(),
                                     rows, columns, k.value(row), k.index(0));
    k.store(scale, scales, row);
    Value sum = k.forLoop(
        0, columns, 1, k.integer(32, 0), [&](Index column, ValueRange sum) {
          Value level = emitLevel(k, weight, shape, row, column, {});
          level = arith::ExtSIOp::create(k.b, i32, level);
          return SmallVector<Value>{arith::AddIOp::create(k.b, sum[0], level)};
        })[0];
    k.store(sum, sums, row);
  });
  int64_t end = cast<MemRefType>(scales.getType()).getNumElements();
  k.forLoop(rows, end, 1, [&](Index row) {
    k.store(k.f32(0.0), scales, row);
    k.store(k.integer(32, 0), sums, row);
  });
}

//===----------------------------------------------------------------------===//
// Inputs that are quantized in the kernel
//===----------------------------------------------------------------------===//

/// One instruction, where `minnum` may become four to treat NaNs alike: of a NaN
/// and a number it is `b`.
static Value emitExtreme(KernelBuilder &k, StringRef name, Value a, Value b) {
  constexpr int64_t kCurrentRounding = 4;
  return k.intrinsic(name, a.getType(),
                     {a, b, k.integer(32, kCurrentRounding)});
}
static Value emitMin(KernelBuilder &k, Value a, Value b) {
  return emitExtreme(k, "llvm.x86.avx512.min.ps.512", a, b);
}
static Value emitMax(KernelBuilder &k, Value a, Value b) {
  return emitExtreme(k, "llvm.x86.avx512.max.ps.512", a, b);
}

/// Rounding is in the instruction, whatever mode the caller's thread is in.
static Value emitRound(KernelBuilder &k, Value reals) {
  constexpr int64_t kNearestEvenNoExceptions = 8;
  Value zeros = k.splatInteger(32, 0, kRows);
  return k.intrinsic("llvm.x86.avx512.mask.cvtps2dq.512", zeros.getType(),
                     {reals, zeros, k.integer(16, -1),
                      k.integer(32, kNearestEvenNoExceptions)});
}

Value vnni::emitCodes(KernelBuilder &k, const DynamicQuantization &quant,
                      Value reals) {
  Value zero = arith::FPToSIOp::create(k.b, k.b.getI32Type(), quant.zeroPoint);
  Value steps = emitRound(k, k.mulf(reals, k.broadcast(quant.inverse, kRows)));
  Value codes = arith::AddIOp::create(k.b, steps, k.broadcast(zero, kRows));
  // The smallest value has the code 0 by the choice of the zero point; the
  // largest may round to one more than there is.
  if (quant.largest < 255)
    codes = arith::MinSIOp::create(
        k.b, codes, k.splatInteger(32, int64_t(quant.largest), kRows));
  Value nothing = k.splatInteger(8, 0, kRows);
  return k.intrinsic("llvm.x86.avx512.mask.pmovus.db.512", nothing.getType(),
                     {codes, nothing, k.integer(16, -1)});
}

SmallVector<Value> RangeFinder::start() const {
  return {k.splatF32(0.0, kRows), k.splatF32(0.0, kRows)};
}

SmallVector<Value> RangeFinder::include(ValueRange range, Value reals) const {
  return {emitMin(k, reals, range[0]), emitMax(k, reals, range[1])};
}

DynamicQuantization RangeFinder::finish(UniformAttr quant,
                                        ValueRange range) const {
  // In halves: vector.reduction goes from lane to lane, with two instructions
  // more in each for what a NaN gives.
  auto reduce = [&](arith::CmpFPredicate first, Value v) {
    return k.reduceLanes(v, [&](Value a, Value b) -> Value {
      Value isFirst = arith::CmpFOp::create(k.b, first, a, b);
      return arith::SelectOp::create(k.b, isFirst, a, b);
    });
  };
  return DynamicQuantization(k, quant,
                             reduce(arith::CmpFPredicate::OLT, range[0]),
                             reduce(arith::CmpFPredicate::OGT, range[1]));
}

//===----------------------------------------------------------------------===//
// Epilogue
//===----------------------------------------------------------------------===//

Epilogue::Epilogue(KernelBuilder &k, bool hasResidual, UniformAttr residual,
                   UniformAttr output, RangeAttr clamp)
    : k(k), hasResidual(hasResidual), residualQuant(residual),
      outputQuant(output) {
  if (output)
    unit = 1.0 / output.getScale();
  constexpr double infinity = std::numeric_limits<double>::infinity();
  low = clamp ? clamp.getMin() * unit : -infinity;
  high = clamp ? clamp.getMax() * unit : infinity;
  if (!output)
    return;
  // Packing saturates what is too low, and what is too high but still a 32-bit
  // integer; behind that the conversion gives the *smallest* integer. So the
  // upper bound is always enforced, the lower one only where it matters.
  double smallest = -output.getZeroPoint(),
         largest = smallest + output.getMaxCode();
  high = std::max(std::min(high, largest), smallest);
  low = low <= smallest ? -infinity : std::min(low, largest);
}

Value Epilogue::foldScale(Value rowScales, double inputScale) const {
  return k.mulf(rowScales, k.splatF32(inputScale * unit, kRows));
}

Value Epilogue::foldScale(Value rowScales, Value inputScale) const {
  Value factor = unit == 1.0 ? inputScale : k.mulf(inputScale, k.f32(unit));
  return k.mulf(rowScales, k.broadcast(factor, kRows));
}

Value Epilogue::foldBias(Value bias) const {
  double correction = 0.0;
  if (hasResidual && residualQuant)
    correction =
        -residualQuant.getScale() * unit * residualQuant.getZeroPoint();
  Value constant = k.splatF32(correction, kRows);
  if (!bias)
    return constant;
  return k.fma(bias, k.splatF32(unit, kRows), constant);
}

Value Epilogue::apply(Value sum, Value scale, Value bias,
                      Value residual) const {
  Value result = k.fma(sum, scale, bias);
  if (residual && residualQuant) {
    Value wide =
        arith::ExtUIOp::create(k.b, getVectorType(k, 32, kRows), residual);
    Value codes = arith::SIToFPOp::create(k.b, result.getType(), wide);
    result = k.fma(codes, k.splatF32(residualQuant.getScale() * unit, kRows),
                   result);
  } else if (residual) {
    result = unit == 1.0 ? k.addf(result, residual)
                         : k.fma(residual, k.splatF32(unit, kRows), result);
  }
  if (!std::isinf(low))
    result = emitMax(k, result, k.splatF32(low, kRows));
  return std::isinf(high) ? result
                          : emitMin(k, result, k.splatF32(high, kRows));
}

Value Epilogue::pack(ArrayRef<Value> results) const {
  auto halves = getVectorType(k, 16, 2 * kRows);
  auto bytes = getVectorType(k, 8, 4 * kRows);
  SmallVector<Value, 4> steps(4, k.splatInteger(32, 0, kRows));
  for (auto [step, result] : llvm::zip(steps, results))
    step = emitRound(k, result);
  SmallVector<Value, 2> packed;
  for (int half : {0, 2}) {
    Value pair = k.intrinsic("llvm.x86.avx512.packssdw.512", halves,
                             {steps[half], steps[half + 1]});
    if (int64_t zero = outputQuant.getZeroPoint())
      pair = k.intrinsic("llvm.sadd.sat", halves,
                         {pair, k.splatInteger(16, zero, 2 * kRows)});
    packed.push_back(pair);
  }
  return k.intrinsic("llvm.x86.avx512.packuswb.512", bytes, packed);
}

Value Epilogue::encode(ArrayRef<Value> results) const {
  auto words = getVectorType(k, 32, kRows);
  // Packing works on 128-bit quarters: dword q + 4 i holds quarter q of result
  // i, that is, the four dwords of result i are i, 4 + i, 8 + i, 12 + i.
  Value dwords = vector::BitCastOp::create(k.b, words, pack(results));
  dwords = vector::ShuffleOp::create(
      k.b, dwords, dwords,
      ArrayRef<int64_t>{0, 4, 8, 12, 1, 5, 9, 13, 2, 6, 10, 14, 3, 7, 11, 15});
  return vector::BitCastOp::create(
      k.b, getVectorType(k, 8, 4 * kRows), dwords);
}
