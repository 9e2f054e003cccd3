//===----------------------------------------------------------------------===//
// Part of MPQ, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//===----------------------------------------------------------------------===//
//
//   onnx.Conv(%x, %w, %b)  =>  mpq.conv ins(%x, %w) bias(%b) outs(empty)
//
// One spatial dimension is computed as two.
//
//===----------------------------------------------------------------------===//

#include "OnnxToMPQ.h"

#include "dialects/ONNX/Lowering.h"

using namespace mlir;
using namespace mpq;

namespace {

struct ConvLowering : onnx::LoweringOpInterface::ExternalModel<ConvLowering, onnx::ConvOp> {
  FailureOr<SmallVector<Value>> lower(Operation *op, OpBuilder &b, ValueRange operands) const {
    auto conv = cast<onnx::ConvOp>(op);
    Location loc = op->getLoc();
    auto input = cast<RankedTensorType>(operands[0].getType());
    auto result = cast<RankedTensorType>(op->getResult(0).getType());
    int64_t spatial = input.getRank() - 2;
    if (spatial != 1 && spatial != 2)
      return op->emitOpError("convolves ") << spatial << " spatial dimensions; 1 and 2 are supported";
    if (failed(onnx::getStaticType(op, op->getOperand(0))))
      return failure();
    if (!isWeight(operands[1]))
      return op->emitOpError("has a weight that is not a constant");

    SmallVector<int64_t> weight(cast<ShapedType>(conv.getW().getType()).getShape());
    SlidingWindow window(ArrayRef<int64_t>(weight).drop_front(2), conv.getStrides(), conv.getDilations(), conv.getPads(),
                         conv.getAutoPad(), input.getShape().drop_front(2), result.getShape().drop_front(2));
    window.expandTo2D();
    if (spatial == 1)
      weight.insert(weight.begin() + 2, 1);

    Value x = expandTo2D(b, loc, operands[0]);
    SmallVector<int64_t> shape(result.getShape());
    if (spatial == 1)
      shape.insert(shape.begin() + 2, 1);
    auto type = RankedTensorType::get(shape, result.getElementType());
    Value bias = operands.size() > 2 ? operands[2] : Value();
    auto lowered = mpq::ConvOp::create(
        b, loc, TypeRange(type), x, operands[1], bias, /*residual=*/Value(), makeEmpty(b, loc, type),
        b.getDenseI64ArrayAttr(weight), b.getDenseI64ArrayAttr(window.strides),
        b.getDenseI64ArrayAttr(window.dilations), b.getDenseI64ArrayAttr(window.getPads2D()),
        b.getI64IntegerAttr(conv.getGroup()), RangeAttr(), BlockedAttr(), BlockedAttr(), BlockedAttr(),
        UniformAttr(), UniformAttr(), UniformAttr(), StringAttr());
    Value y = lowered->getResult(0);
    return SmallVector<Value>{spatial == 1 ? collapseTo1D(b, loc, y) : y};
  }
};

} // namespace

void mpq::attachConvLowerings(MLIRContext *context) { onnx::ConvOp::attachInterface<ConvLowering>(*context); }
