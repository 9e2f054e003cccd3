//===----------------------------------------------------------------------===//
// Part of MPQ, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//===----------------------------------------------------------------------===//
//
// Verification and interface methods of the compute ops with weights.
//
//===----------------------------------------------------------------------===//

#include "dialects/MPQ/ComputeOps.h"

using namespace mlir;
using namespace mpq;

//===----------------------------------------------------------------------===//
// Shared checks
//===----------------------------------------------------------------------===//

SmallVector<int64_t> mpq::getLogicalShape(Type type, BlockedAttr layout) {
  return SmallVector<int64_t>(layout ? layout.getShape()
                                     : cast<ShapedType>(type).getShape());
}

LogicalResult mpq::verifyActivation(Operation *op, StringRef what, Type type,
                                    BlockedAttr layout, UniformAttr quant) {
  auto shaped = cast<ShapedType>(type);
  Type element = shaped.getElementType();
  bool codes = quant && !quant.isDynamic();
  // Products for GPUs read and write f16, too.
  if (isa<MatmulOp>(op) && !quant && element.isF16())
    return success();
  if (codes ? !element.isInteger(8) : !(element.isF32() || element.isBF16()))
    return op->emitOpError(what)
           << " has element type " << element << " when it should be "
           << (codes ? "i8 (quantized)" : "f32 or bf16 (not quantized)");
  if (quant && quant.isGrouped() && !isa<MatmulOp>(op))
    return op->emitOpError(what)
           << " has a scale for every " << quant.getGroup()
           << " columns when only matrix products have columns";
  if (layout && shaped.getShape() != ArrayRef(layout.getPhysicalShape()))
    return op->emitOpError(what)
           << " is of type " << type << " when its layout " << layout
           << " has the physical shape [" << layout.getPhysicalShape() << "]";
  return success();
}

LogicalResult mpq::verifyShape(Operation *op, StringRef what,
                               ArrayRef<int64_t> actual,
                               ArrayRef<int64_t> expected) {
  // A size that is not known yet fits any.
  auto fits = [](auto sizes) {
    auto [a, b] = sizes;
    return a == b || ShapedType::isDynamic(a) || ShapedType::isDynamic(b);
  };
  if (actual.size() == expected.size() &&
      llvm::all_of(llvm::zip_equal(actual, expected), fits))
    return success();
  return op->emitOpError(what)
         << " has the shape [" << actual << "] when it should be [" << expected << "]";
}

LogicalResult mpq::verifyDestination(Operation *op, Value init, ValueRange results) {
  if (isa<MemRefType>(init.getType())) {
    if (!results.empty())
      return op->emitOpError("has results although its destination is a memref");
    return success();
  }
  if (results.size() != 1 || results[0].getType() != init.getType())
    return op->emitOpError("should have one result of the destination's type, ")
           << init.getType();
  return success();
}

void mpq::addComputeEffects(
    Operation *op, OpOperand &init,
    SmallVectorImpl<SideEffects::EffectInstance<MemoryEffects::Effect>> &effects) {
  for (OpOperand &operand : op->getOpOperands())
    if (isa<MemRefType>(operand.get().getType()) && &operand != &init)
      effects.emplace_back(MemoryEffects::Read::get(), &operand, 0,
                           /*effectOnFullRegion=*/true,
                           SideEffects::DefaultResource::get());
  if (isa<MemRefType>(init.get().getType()))
    effects.emplace_back(MemoryEffects::Write::get(), &init, 0,
                         /*effectOnFullRegion=*/true,
                         SideEffects::DefaultResource::get());
}

int64_t mpq::getWindowedSize(int64_t input, int64_t window, int64_t stride,
                             int64_t dilation, int64_t low, int64_t high) {
  int64_t span = input + low + high - ((window - 1) * dilation + 1);
  return span < 0 ? 0 : span / stride + 1;
}

/// A bias is f32 of `size` elements.
static LogicalResult verifyBias(Operation *op, Value bias, int64_t size) {
  if (!bias)
    return success();
  auto type = cast<ShapedType>(bias.getType());
  if (type.getRank() == 1 && type.getElementType().isF32() &&
      type.getDimSize(0) == size)
    return success();
  return op->emitOpError("bias is of type ")
         << type << " when it should hold " << size << " f32 values";
}

/// A weight that is not yet packed has the declared shape.
static LogicalResult verifyWeight(Operation *op, Value weight,
                                  ArrayRef<int64_t> matrix) {
  int64_t elements = 1;
  for (int64_t size : matrix)
    elements *= size;
  int64_t actual = elements;
  if (auto stored = dyn_cast<StoredTensorType>(weight.getType())) {
    actual = stored.getRows() * stored.getK();
  } else if (auto type = cast<ShapedType>(weight.getType());
             !type.getElementType().isInteger(8)) {
    actual = type.getNumElements();
  }
  if (actual == elements)
    return success();
  return op->emitOpError("weight has ")
         << actual << " elements when weight_shape [" << matrix << "] has "
         << elements;
}

//===----------------------------------------------------------------------===//
// ConvOp
//===----------------------------------------------------------------------===//

SmallVector<int64_t> ConvOp::getInputShape() {
  return getLogicalShape(getInput().getType(), getInputLayoutAttr());
}

SmallVector<int64_t> ConvOp::getOutputShape() {
  return getLogicalShape(getInit().getType(), getOutputLayoutAttr());
}

/// C5 and the sizes of the attribute lists.
static LogicalResult verifyConvAttributes(ConvOp op) {
  ArrayRef<int64_t> weight = op.getWeightShape();
  if (weight.size() != 4 || op.getStrides().size() != 2 ||
      op.getDilations().size() != 2 || op.getPads().size() != 4)
    return op.emitOpError("needs 4 weight sizes, 2 strides, 2 dilations and 4 "
                          "pads, got ")
           << weight.size() << ", " << op.getStrides().size() << ", "
           << op.getDilations().size() << " and " << op.getPads().size();
  for (int64_t value : llvm::concat<const int64_t>(weight, op.getStrides(), op.getDilations()))
    if (value <= 0)
      return op.emitOpError("has the size, stride or dilation ") << value;
  if (static_cast<int64_t>(op.getGroups()) <= 0 || weight[0] % op.getGroups())
    return op.emitOpError("has ") << weight[0] << " output channels in "
                                  << op.getGroups() << " groups";
  return success();
}

LogicalResult ConvOp::verify() {
  if (failed(verifyConvAttributes(*this)))
    return failure();
  SmallVector<int64_t> in = getInputShape(), out = getOutputShape();
  ArrayRef<int64_t> w = getWeightShape(), pads = getPads();
  if (in.size() != 4)
    return emitOpError("input has rank ") << in.size() << " when it should be 4";
  SmallVector<int64_t> expected = {
      in[0], w[0],
      getWindowedSize(in[2], w[2], getStrides()[0], getDilations()[0], pads[0], pads[2]),
      getWindowedSize(in[3], w[3], getStrides()[1], getDilations()[1], pads[1], pads[3])};
  if (in[1] != w[1] * static_cast<int64_t>(getGroups()))
    return emitOpError("input has ") << in[1] << " channels when the weight has "
                                     << w[1] << " in each of " << getGroups()
                                     << " groups";
  if (failed(verifyShape(*this, "result", out, expected)) ||
      failed(verifyActivation(*this, "input", getInput().getType(),
                              getInputLayoutAttr(), getInputQuantAttr())) ||
      failed(verifyActivation(*this, "result", getInit().getType(),
                              getOutputLayoutAttr(), getOutputQuantAttr())) ||
      failed(verifyWeight(*this, getWeight(), w)) ||
      failed(verifyBias(*this, getBias(), w[0])) ||
      failed(verifyDestination(*this, getInit(), getResults())))
    return failure();
  if (!getResidual())
    return success();
  if (failed(verifyActivation(*this, "residual", getResidual().getType(),
                              getResidualLayoutAttr(), getResidualQuantAttr())))
    return failure();
  return verifyShape(*this, "residual",
                     getLogicalShape(getResidual().getType(), getResidualLayoutAttr()),
                     expected);
}

SmallVector<OpOperand *> ConvOp::getActivationOperands() {
  SmallVector<OpOperand *> operands = {&getInputMutable()};
  if (getResidual())
    operands.push_back(&*getResidualMutable().begin());
  return operands;
}

BlockedAttr ConvOp::getActivationLayout(unsigned index) {
  return index ? getResidualLayoutAttr() : getInputLayoutAttr();
}

void ConvOp::setActivationLayout(unsigned index, BlockedAttr layout) {
  index ? setResidualLayoutAttr(layout) : setInputLayoutAttr(layout);
}

BlockedAttr ConvOp::getResultLayout() { return getOutputLayoutAttr(); }
void ConvOp::setResultLayout(BlockedAttr layout) { setOutputLayoutAttr(layout); }
OpOperand *ConvOp::getWeightOperand() { return &getWeightMutable(); }

void ConvOp::getEffects(
    SmallVectorImpl<SideEffects::EffectInstance<MemoryEffects::Effect>> &effects) {
  addComputeEffects(*this, getInitMutable(), effects);
}

//===----------------------------------------------------------------------===//
// MatmulOp
//===----------------------------------------------------------------------===//

LogicalResult MatmulOp::verify() {
  auto in = cast<ShapedType>(getInput().getType());
  auto out = cast<ShapedType>(getInit().getType());
  ArrayRef<int64_t> w = getWeightShape();
  if (w.size() != 2 || in.getRank() != 2)
    return emitOpError("needs an input of rank 2 and 2 weight sizes, got ")
           << in.getRank() << " and " << w.size();
  if (int64_t axis = getWeightAxis(); axis != 0 && axis != 1)
    return emitOpError("'weight_axis' is ") << axis << " when it should be 0 or 1";
  if (failed(verifyShape(*this, "input", in.getShape(), {in.getDimSize(0), w[1]})) ||
      failed(verifyShape(*this, "result", out.getShape(), {in.getDimSize(0), w[0]})) ||
      failed(verifyActivation(*this, "input", in, {}, getInputQuantAttr())) ||
      failed(verifyActivation(*this, "result", out, {}, getOutputQuantAttr())) ||
      failed(verifyWeight(*this, getWeight(), w)) ||
      failed(verifyBias(*this, getBias(), w[0])) ||
      failed(verifyDestination(*this, getInit(), getResults())))
    return failure();
  if (!getResidual())
    return success();
  auto residual = cast<ShapedType>(getResidual().getType());
  if (failed(verifyActivation(*this, "residual", residual, {}, getResidualQuantAttr())))
    return failure();
  return verifyShape(*this, "residual", residual.getShape(), out.getShape());
}

SmallVector<OpOperand *> MatmulOp::getActivationOperands() {
  SmallVector<OpOperand *> operands = {&getInputMutable()};
  if (getResidual())
    operands.push_back(&*getResidualMutable().begin());
  return operands;
}

BlockedAttr MatmulOp::getActivationLayout(unsigned) { return {}; }
void MatmulOp::setActivationLayout(unsigned, BlockedAttr layout) {
  assert(!layout && "matmul operands are row-major");
}
BlockedAttr MatmulOp::getResultLayout() { return {}; }
void MatmulOp::setResultLayout(BlockedAttr layout) {
  assert(!layout && "matmul results are row-major");
}
OpOperand *MatmulOp::getWeightOperand() { return &getWeightMutable(); }

void MatmulOp::getEffects(
    SmallVectorImpl<SideEffects::EffectInstance<MemoryEffects::Effect>> &effects) {
  addComputeEffects(*this, getInitMutable(), effects);
}

//===----------------------------------------------------------------------===//
// GatherOp
//===----------------------------------------------------------------------===//

LogicalResult GatherOp::verify() {
  auto indices = cast<ShapedType>(getIndices().getType());
  auto out = cast<ShapedType>(getInit().getType());
  if (getWeightShape().size() != 2)
    return emitOpError("needs 2 weight sizes, got ") << getWeightShape().size();
  if (!indices.getElementType().isInteger(64) && !indices.getElementType().isInteger(32))
    return emitOpError("indices are of type ")
           << indices.getElementType() << " when they should be i32 or i64";
  SmallVector<int64_t> expected(indices.getShape());
  expected.push_back(getWeightShape()[1]);
  if (failed(verifyShape(*this, "result", out.getShape(), expected)) ||
      failed(verifyActivation(*this, "result", out, {}, {})) ||
      failed(verifyWeight(*this, getWeight(), getWeightShape())))
    return failure();
  return verifyDestination(*this, getInit(), getResults());
}

SmallVector<OpOperand *> GatherOp::getActivationOperands() { return {}; }
BlockedAttr GatherOp::getActivationLayout(unsigned) { return {}; }
void GatherOp::setActivationLayout(unsigned, BlockedAttr) {}
BlockedAttr GatherOp::getResultLayout() { return {}; }
void GatherOp::setResultLayout(BlockedAttr) {}
OpOperand *GatherOp::getWeightOperand() { return &getWeightMutable(); }

void GatherOp::getEffects(
    SmallVectorImpl<SideEffects::EffectInstance<MemoryEffects::Effect>> &effects) {
  addComputeEffects(*this, getInitMutable(), effects);
}

#define GET_OP_CLASSES
#include "dialects/MPQ/Ops.cpp.inc"
