//===----------------------------------------------------------------------===//
// Part of MPQ, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//===----------------------------------------------------------------------===//
//
// From the `onnx` (or `quantized`) stage to linalg, tensor and mpq ops:
//
//   onnx.Relu(%x)                  =>  linalg.generic { maximumf }
//   onnx.Conv(%x, %w)              =>  mpq.conv ins(%x, %w)
//   quant.dcast (quant.qcast %x)   =>  mpq.convert {input_quant}
//                                          (mpq.convert {output_quant} %x)
//   mpq.site %w                    =>  %w
//
//===----------------------------------------------------------------------===//

#include "dialects/MPQ/MPQ.h"
#include "dialects/ONNX/Inference.h"
#include "dialects/ONNX/Lowering.h"

#include "mlir/Dialect/Affine/IR/AffineOps.h"
#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/Dialect/Linalg/IR/Linalg.h"
#include "mlir/Dialect/Math/IR/Math.h"
#include "mlir/Dialect/Quant/IR/Quant.h"
#include "mlir/Dialect/Quant/IR/QuantTypes.h"
#include "mlir/Dialect/SCF/IR/SCF.h"
#include "mlir/Dialect/Tensor/IR/Tensor.h"
#include "mlir/Pass/Pass.h"

namespace mpq {
#define GEN_PASS_DEF_LOWERONNXPASS
#include "LowerOnnx.h.inc"
} // namespace mpq

using namespace mlir;
using namespace mpq;

namespace {

/// The quantization that a type of `tensor<...x!quant.uniform<u8:f32, ...>>`
/// says.
FailureOr<UniformAttr> getUniform(Operation *op, Type type) {
  auto uniform =
      dyn_cast<quant::UniformQuantizedType>(getElementTypeOrSelf(type));
  int64_t codes = uniform ? uniform.getStorageTypeMax() + 1 : 0;
  if (!uniform || uniform.isSigned() ||
      uniform.getStorageTypeIntegralWidth() != 8 ||
      uniform.getStorageTypeMin() != 0 || !llvm::isPowerOf2_64(codes))
    return op->emitOpError("quantizes to ")
           << type
           << "; !quant.uniform<u8:f32, scale:zero> is supported, and "
              "u8<0:2^bits-1>";
  return UniformAttr::get(op->getContext(), Real(uniform.getScale()),
                          uniform.getZeroPoint(), llvm::Log2_64(codes));
}

/// A quantizing or dequantizing conversion of `input`.
Value buildConvert(OpBuilder &b, Location loc, Value input,
                   RankedTensorType result, Type element, UniformAttr from,
                   UniformAttr to) {
  RankedTensorType sized = onnx::getTypeOf(onnx::getSizes(result), element),
                   type = onnx::withoutSizes(sized);
  Value init = onnx::empty(b, loc, sized);
  return ConvertOp::create(b, loc, TypeRange(type), input, init, BlockedAttr(),
                           BlockedAttr(), from, to, StringAttr())
      ->getResult(0);
}

class Lowering {
public:
  explicit Lowering(func::FuncOp function) : function(function) {}

  LogicalResult run() {
    onnx::ValueTable values;
    if (failed(onnx::inferShapes(function, values, /*keepSizes=*/true)))
      return failure();
    onnx::recordSizes(function, values);
    onnx::replaceSizes(function, values);
    LogicalResult result = lowerAll();
    onnx::eraseSizes(function);
    return result;
  }

private:
  LogicalResult lowerAll() {
    for (Operation &op : llvm::make_early_inc_range(function.getBody().front()))
      if (failed(lower(&op)))
        return failure();
    // Users come after their operands, so erasing backwards leaves no use.
    for (Operation *op : llvm::reverse(lowered))
      op->erase();
    return success();
  }

  LogicalResult lower(Operation *op) {
    OpBuilder builder(op);
    if (auto site = dyn_cast<SiteOp>(op)) {
      // From here on the weight goes by the site's name.
      if (Operation *weight = site.getWeight().getDefiningOp())
        weight->setLoc(NameLoc::get(site.getNameAttr(), weight->getLoc()));
      return replace(op, {site.getWeight()});
    }
    if (auto cast = dyn_cast<quant::QuantizeCastOp>(op)) {
      FailureOr<UniformAttr> quant = getUniform(op, cast.getType());
      if (failed(quant))
        return failure();
      return replace(
          op, {buildConvert(builder, op->getLoc(), map(cast.getInput()),
                            getType(op), builder.getI8Type(), {}, *quant)});
    }
    if (auto cast = dyn_cast<quant::DequantizeCastOp>(op)) {
      FailureOr<UniformAttr> quant = getUniform(op, cast.getInput().getType());
      if (failed(quant))
        return failure();
      return replace(
          op, {buildConvert(builder, op->getLoc(), map(cast.getInput()),
                            getType(op), builder.getF32Type(), *quant, {})});
    }
    if (!isa_and_nonnull<onnx::ONNXDialect>(op->getDialect())) {
      for (OpOperand &operand : op->getOpOperands())
        operand.set(map(operand.get()));
      return success();
    }
    auto lowering = dyn_cast<onnx::LoweringOpInterface>(op);
    if (!lowering)
      return op->emitOpError("has no lowering yet");
    SmallVector<Value> operands =
        llvm::map_to_vector(op->getOperands(), [&](Value v) { return map(v); });
    FailureOr<SmallVector<Value>> results = lowering.lower(builder, operands);
    if (failed(results))
      return failure();
    return replace(op, *results);
  }

  static RankedTensorType getType(Operation *op) {
    return cast<RankedTensorType>(op->getResult(0).getType());
  }

  Value map(Value value) { return replacements.lookup_or(value, value); }

  LogicalResult replace(Operation *op, ArrayRef<Value> values) {
    for (auto [result, value] : llvm::zip(op->getResults(), values))
      replacements[result] = map(value);
    lowered.push_back(op);
    return success();
  }

  func::FuncOp function;
  DenseMap<Value, Value> replacements;
  SmallVector<Operation *> lowered;
};

struct LowerOnnxPass : mpq::impl::LowerOnnxPassBase<LowerOnnxPass> {
  using Base::Base;

  void runOnOperation() override {
    if (!getOperation().isExternal() && failed(Lowering(getOperation()).run()))
      signalPassFailure();
  }
};

} // namespace
