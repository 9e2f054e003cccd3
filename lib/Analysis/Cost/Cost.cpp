//===----------------------------------------------------------------------===//
// Part of MPQ, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//===----------------------------------------------------------------------===//
//
// The roofline of ops with weights.
//
//===----------------------------------------------------------------------===//

#include "mpq/Analysis/Cost.h"

#include "dialects/ONNX/ONNX.h"

#include <cmath>

using namespace mlir;
using namespace mpq;

/// The product of the sizes.
static double count(ArrayRef<int64_t> shape, int64_t dynamicSize) {
  double product = 1;
  for (int64_t size : shape)
    product *= ShapedType::isDynamic(size) ? dynamicSize : size;
  return product;
}

/// How often each weight is multiplied for one sample: the pixels of a
/// convolution's result, the rows of a matrix product.
static double getReuse(Operation *op, int64_t dynamicSize) {
  auto result = dyn_cast<RankedTensorType>(op->getResult(0).getType());
  if (!result)
    return dynamicSize;
  if (isa<onnx::ConvOp>(op)) // N x O x H x W
    return count(result.getShape().take_front(1), dynamicSize) *
           count(result.getShape().drop_front(2), dynamicSize);
  return count(result.getShape().drop_back(), dynamicSize);
}

static StringRef getKind(Operation *op) {
  if (auto conv = dyn_cast<onnx::ConvOp>(op))
    return conv.getGroup() == 1 ? "conv" : "depthwise";
  return "matmul";
}

int64_t mpq::predictNanoseconds(SiteOp site, Activations activations,
                                const CostTable &table, int64_t dynamicSize) {
  double weights = getNumWeights(site), total = 0;
  // Kernels of float activations read weights decoded to f32.
  double bytes = weights * (activations == Activations::Int8 ? 1 : 4);
  for (OpOperand &use : site->getUses()) {
    Operation *op = use.getOwner();
    if (&use != getWeightOperand(op) || isa<onnx::GatherOp>(op))
      continue;
    std::string kernel =
        (getKind(op) + "/" + stringifyActivations(activations)).str();
    const CostTable::Rates &rates = table.kernels.find(kernel)->second;
    total += std::max(weights * getReuse(op, dynamicSize) / rates.macsPerNs,
                      bytes / rates.bytesPerNs);
  }
  return std::llround(total);
}
