//===----------------------------------------------------------------------===//
// Part of MPQ, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//===----------------------------------------------------------------------===//
//
// What kernels do, counted.
//
//===----------------------------------------------------------------------===//

#include "mpq/Analysis/Cost.h"

#include "dialects/MPQ/Packed/Packed.h"
#include "mpq/Kernel/NamedFamily.h"

#include "mlir/Dialect/Linalg/IR/Linalg.h"
#include "mlir/Dialect/Math/IR/Math.h"
#include "mlir/IR/TypeUtilities.h"
#include "llvm/ADT/TypeSwitch.h"

#include <cmath>

using namespace mlir;
using namespace mpq;

/// The product of the sizes.
static double multiplySizes(ArrayRef<int64_t> shape, int64_t dynamicSize) {
  double product = 1;
  for (int64_t size : shape)
    product *= ShapedType::isDynamic(size) ? dynamicSize : size;
  return product;
}

static double countElements(Value value, int64_t dynamicSize) {
  auto type = dyn_cast<ShapedType>(value.getType());
  return type ? multiplySizes(type.getShape(), dynamicSize) : 1;
}

static double getBytes(Type type) {
  if (auto stored = dyn_cast<StoredTensorType>(type))
    return stored.getStorageBytes();
  auto shaped = cast<ShapedType>(type);
  return shaped.getNumElements() * double(shaped.getElementTypeBitWidth()) / 8;
}

/// Size of dimension `d` of `value`.
static double getSize(Value value, int64_t d, int64_t dynamicSize) {
  auto type = cast<ShapedType>(value.getType());
  return multiplySizes(type.getShape().slice(d, 1), dynamicSize);
}

/// What the kernel of `op` has in memory for a weight: its codes where these
/// are multiplied as they are packed, else f32, bf16 or levels of a byte. Small
/// weights are padded, so the nearest of these.
static double getBits(Operation *op, Value weight, double weights) {
  Attribute layout = op->getAttr(kPackedLayoutAttr);
  auto name = op->getAttrOfType<StringAttr>("family");
  KernelFamily *family = name ? lookupKernelFamily(name) : nullptr;
  KernelTarget target = KernelTarget::get(op);
  if (!layout && family && isa<StoredTensorType>(weight.getType()) &&
      getObstacle(*family, op, target).empty())
    layout = family->getPackedLayout(op, target);
  if (auto packed = dyn_cast_if_present<PackedAttr>(layout))
    return packed.getBits();
  if (auto packed = dyn_cast_if_present<PackedBytesAttr>(layout))
    return 8.0 / packed.getColumns();
  if (family && family->getName().ends_with("_bf16"))
    return 16;
  return getBytes(weight.getType()) / weights < 2.5 ? 8 : 32;
}

/// `size` rounded up to a multiple of `step`.
static double roundUp(double size, double step) {
  return std::ceil(size / step) * step;
}

/// What vectors compute that are not full counts like what they compute for the
/// result: a weight of 10 rows takes as long as one of 16.
static double getLanes(Operation *op) { return KernelTarget::get(op).lanes(); }

static void describe(ConvOp op, KernelWork &work, int64_t dynamicSize) {
  ArrayRef<int64_t> weight = op.getWeightShape();
  SmallVector<int64_t> output = op.getOutputShape();
  work.weightBytes = getBytes(op.getWeight().getType());
  work.bits =
      getBits(op, op.getWeight(), multiplySizes(weight, dynamicSize));
  double channels = output[1];
  work.outputs = multiplySizes(output, dynamicSize) / channels *
                 roundUp(channels, getLanes(op));
  work.multiplyAdds =
      work.outputs * multiplySizes(weight.drop_front(), dynamicSize);
  if (op.getInputQuant() && op.getInputQuant()->isDynamic())
    work.kernel += ":dynamic";
}

static void describe(MatmulOp op, KernelWork &work, int64_t dynamicSize) {
  work.rows = getSize(op.getInput(), 0, dynamicSize);
  double weights = multiplySizes(op.getWeightShape(), dynamicSize);
  work.weightBytes = getBytes(op.getWeight().getType());
  work.bits = getBits(op, op.getWeight(), weights);
  ArrayRef<int64_t> shape = op.getWeightShape();
  work.multiplyAdds = work.rows * roundUp(shape[0], getLanes(op)) * shape[1];
  if (op.getInputQuant() && op.getInputQuant()->isDynamic())
    work.kernel += ":dynamic";
}

/// Only the rows that are read.
static void describe(GatherOp op, KernelWork &work, int64_t dynamicSize) {
  work.inputs = countElements(op.getIndices(), dynamicSize);
}

/// Scores of one head that are computed. Queries are lanes, in tiles of two
/// vectors; of causal attention a tile leaves out the keys behind its last query.
static double countPairs(AttentionOp op, double queries, double keys) {
  double lanes = getLanes(op), padded = roundUp(queries, lanes);
  if (!op.getCausal())
    return padded * keys;
  double pairs = 0;
  for (double first = 0; first < padded; first += 2 * lanes) {
    double end = std::min(padded, first + 2 * lanes);
    pairs += (end - first) * std::min(keys, keys - queries + end);
  }
  return pairs;
}

/// Products of queries with keys, and of weights with values.
static void describe(AttentionOp op, KernelWork &work, int64_t dynamicSize) {
  auto rows = [&](Value value) {
    auto type = cast<ShapedType>(value.getType());
    return multiplySizes(type.getShape().drop_back(), dynamicSize);
  };
  double batch = cast<ShapedType>(op.getQuery().getType()).getRank() == 3
                     ? getSize(op.getQuery(), 0, dynamicSize)
                     : 1;
  double pairs =
      op.getHeads() * batch *
      countPairs(op, rows(op.getQuery()) / batch, rows(op.getKey()) / batch);
  if (op.getCausal())
    work.kernel += ":causal";
  work.multiplyAdds =
      pairs * (op.getHeadSize() + roundUp(op.getValueSize(), getLanes(op)));
  // A softmax over so many elements.
  work.inputs = pairs;
}

static void describe(MapOp op, KernelWork &work, int64_t dynamicSize) {
  int64_t simple = 0, functions = 0;
  for (Operation &inner : op.getBody().front().without_terminator()) {
    bool isFunction = isa<math::MathDialect>(inner.getDialect()) &&
                      !isa<math::SqrtOp, math::AbsFOp, math::FmaOp>(inner);
    ++(isFunction ? functions : simple);
  }
  if (functions)
    work.kernel += ":functions";
  work.multiplyAdds = (functions ? functions : simple) * work.outputs;
}

static void describe(PoolOp op, KernelWork &work, int64_t dynamicSize) {
  work.multiplyAdds = work.outputs * multiplySizes(op.getWindow(), dynamicSize);
}

/// Linalg ops and copies: every iteration counts as an output or, in a kernel,
/// as a multiply-add.
static void describeLoops(Operation *op, KernelWork &work,
                          int64_t dynamicSize) {
  for (Value operand : op->getOperands())
    work.outputs = std::max(work.outputs, countElements(operand, dynamicSize));
  auto linalg = dyn_cast<linalg::LinalgOp>(op);
  if (!linalg)
    return;
  double iterations = multiplySizes(linalg.getStaticLoopRanges(), dynamicSize);
  if (op->hasAttr("family"))
    work.multiplyAdds = iterations;
  else
    work.outputs = std::max(work.outputs, iterations);
}

/// Reading or writing codes and bf16 takes longer than f32, in kernels that do
/// little else. Products are measured with what they usually have.
static StringRef getElementVariant(ComputeOpInterface op) {
  StringRef variant = "";
  auto look = [&](Value value) {
    Type type = getElementTypeOrSelf(value.getType());
    if (type.isInteger(8))
      variant = ":codes";
    else if (type.isBF16() && variant.empty())
      variant = ":bf16";
  };
  for (OpOperand *operand : op.getActivationOperands())
    look(operand->get());
  look(cast<DestinationStyleOpInterface>(op.getOperation()).getDpsInits()[0]);
  return variant;
}

KernelWork mpq::describeWork(Operation *op, int64_t dynamicSize) {
  KernelWork work;
  auto family = op->getAttrOfType<StringAttr>("family");
  work.kernel = family ? family.str() : "loops";
  auto compute = dyn_cast<ComputeOpInterface>(op);
  if (!compute) {
    describeLoops(op, work, dynamicSize);
    return work;
  }
  for (OpOperand *operand : compute.getActivationOperands())
    work.inputs += countElements(operand->get(), dynamicSize);
  work.outputs = countElements(
      cast<DestinationStyleOpInterface>(op).getDpsInits()[0], dynamicSize);
  llvm::TypeSwitch<Operation *>(op)
      .Case<ConvOp, MatmulOp, GatherOp, AttentionOp, MapOp, PoolOp>(
          [&](auto op) { describe(op, work, dynamicSize); });
  if (!isa<ConvOp, MatmulOp>(op))
    work.kernel += getElementVariant(compute);
  return work;
}
