//===----------------------------------------------------------------------===//
// Part of MPQ, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//===----------------------------------------------------------------------===//
//
// Which activations become u8, with which scale and zero point:
//
//   %v = onnx.Relu(%u) {mpq.range = #mpq.range<0.0, 2.55>}
//   %y = onnx.Conv(%v, %site)
//   %z = onnx.Add(%v, %w)
//     =>
//   %v = onnx.Relu(%u)
//   %q = quant.qcast %v : tensor<..xf32>
//                      to tensor<..x!quant.uniform<u8:f32, 0.01:0>>
//   %d = quant.dcast %q : ...
//   %y = onnx.Conv(%d, %site)
//   %z = onnx.Add(%d, %w)
//
// All users read the same values, so that later only the codes need be stored.
// What the function returns stays as it was computed.
//
//===----------------------------------------------------------------------===//

#include "ActivationQuantizer.h"

#include "dialects/ONNX/ONNX.h"
#include "mpq/Analysis/Ranges.h"

#include "mlir/Dialect/Quant/IR/Quant.h"
#include "mlir/Dialect/Quant/IR/QuantTypes.h"
#include "mlir/IR/Remarks.h"

#include <cfloat>
#include <cmath>

using namespace mlir;
using namespace mpq;

UniformParameters UniformParameters::fromRange(double min, double max,
                                               int64_t bits) {
  double levels = (int64_t(1) << bits) - 1;
  min = std::min(min, 0.0);
  max = std::max(max, 0.0);
  UniformParameters result;
  // All zeros: any scale will do.
  if (min == max)
    return result;
  // Neither zero for ranges of denormals, nor infinite for the widest.
  result.scale =
      float(std::clamp((max - min) / levels, double(FLT_MIN), double(FLT_MAX)));
  double zeroPoint = std::nearbyint(-min / result.scale);
  result.zeroPoint = int64_t(std::clamp(zeroPoint, 0.0, levels));
  return result;
}

LogicalResult ActivationQuantizer::addSite(SiteOp site) {
  FailureOr<Activations> activations = getActivations(site, byDefault);
  if (failed(activations))
    return failure();
  if (*activations == Activations::F32)
    return success();
  for (OpOperand &use : site->getUses())
    if (&use == getWeightOperand(use.getOwner()) &&
        failed(addReader(site, use.getOwner())))
      return failure();
  return success();
}

LogicalResult ActivationQuantizer::addReader(SiteOp site, Operation *op) {
  if (!isa<onnx::ConvOp, onnx::GemmOp, onnx::MatMulOp>(op))
    return success(); // a table: what it reads are indices
  Value input = op->getOperand(0);
  if (getRange(input)) {
    quantized.insert(input);
    return success();
  }
  // Kernels of grouped convolutions compute in f32: quantizing while the model
  // runs would cost accuracy and time there.
  if (auto conv = dyn_cast<onnx::ConvOp>(op); conv && conv.getGroup() != 1) {
    remark::missed(
        op->getLoc(),
        remark::RemarkOpts::name("FloatActivations").category("mpq-quantize"))
        << remark::add("the input of '{0}' stays f32", site.getName())
        << remark::reason("it has no calibrated range, and the convolution has "
                          "{0} groups",
                          conv.getGroup());
    return success();
  }
  remark::missed(
      op->getLoc(),
      remark::RemarkOpts::name("DynamicRange").category("mpq-quantize"))
      << remark::add("the input of '{0}' is quantized while the model runs",
                     site.getName())
      << remark::reason("it has no calibrated range");
  dynamic.insert(op);
  return success();
}

void ActivationQuantizer::insertCasts() {
  for (Value value : quantized) {
    RangeAttr range = getRange(value);
    UniformParameters parameters =
        UniformParameters::fromRange(range.getMin(), range.getMax(), bits);
    OpBuilder builder(value.getContext());
    builder.setInsertionPointAfterValue(value);
    auto type = cast<RankedTensorType>(value.getType());
    auto element = quant::UniformQuantizedType::get(
        /*flags=*/0, builder.getI8Type(), builder.getF32Type(),
        parameters.scale, parameters.zeroPoint, /*storageTypeMin=*/0,
        /*storageTypeMax=*/(int64_t(1) << bits) - 1);
    Location loc = value.getLoc();
    auto codes =
        quant::QuantizeCastOp::create(builder, loc, type.clone(element), value);
    auto reals = quant::DequantizeCastOp::create(builder, loc, type, codes);
    value.replaceUsesWithIf(reals, [&](OpOperand &use) {
      return use.getOwner() != codes &&
             !use.getOwner()->hasTrait<OpTrait::IsTerminator>();
    });
    remark::passed(
        loc, remark::RemarkOpts::name("Activation").category("mpq-quantize"))
        << remark::add("activation in [{0}, {1}] is stored in {2} bits",
                       double(range.getMin()), double(range.getMax()), bits)
        << remark::metric("scale", double(parameters.scale))
        << remark::metric("zeroPoint", parameters.zeroPoint);
  }
}
