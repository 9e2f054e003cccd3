//===----------------------------------------------------------------------===//
// Part of MPQ, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//===----------------------------------------------------------------------===//
//
// Verification and interface methods of the compute ops without weights.
//
//===----------------------------------------------------------------------===//

#include "dialects/MPQ/ComputeOps.h"

using namespace mlir;
using namespace mpq;

/// Defines the interface methods that ops with one activation share.
#define MPQ_SINGLE_ACTIVATION_OP(OP)                                           \
  SmallVector<OpOperand *> OP::getActivationOperands() {                       \
    return {&getInputMutable()};                                               \
  }                                                                            \
  BlockedAttr OP::getActivationLayout(unsigned) { return getInputLayoutAttr(); } \
  void OP::setActivationLayout(unsigned, BlockedAttr layout) {                 \
    setInputLayoutAttr(layout);                                                \
  }                                                                            \
  BlockedAttr OP::getResultLayout() { return getOutputLayoutAttr(); }          \
  void OP::setResultLayout(BlockedAttr layout) { setOutputLayoutAttr(layout); } \
  OpOperand *OP::getWeightOperand() { return nullptr; }                        \
  void OP::getEffects(SmallVectorImpl<                                         \
      SideEffects::EffectInstance<MemoryEffects::Effect>> &effects) {          \
    addComputeEffects(*this, getInitMutable(), effects);                       \
  }

MPQ_SINGLE_ACTIVATION_OP(ConvertOp)
MPQ_SINGLE_ACTIVATION_OP(PoolOp)
MPQ_SINGLE_ACTIVATION_OP(SlicePadOp)

/// Layout, element type and destination of an op with one activation.
template <typename OpT>
static LogicalResult verifySingleActivation(OpT op) {
  if (failed(verifyActivation(op, "input", op.getInput().getType(),
                              op.getInputLayoutAttr(), op.getInputQuantAttr())) ||
      failed(verifyActivation(op, "result", op.getInit().getType(),
                              op.getOutputLayoutAttr(), op.getOutputQuantAttr())))
    return failure();
  return verifyDestination(op, op.getInit(), op.getResults());
}

LogicalResult ConvertOp::verify() {
  if (failed(verifySingleActivation(*this)))
    return failure();
  return verifyShape(*this, "result",
                     getLogicalShape(getInit().getType(), getOutputLayoutAttr()),
                     getLogicalShape(getInput().getType(), getInputLayoutAttr()));
}

LogicalResult PoolOp::verify() {
  if (failed(verifySingleActivation(*this)))
    return failure();
  SmallVector<int64_t> in = getLogicalShape(getInput().getType(), getInputLayoutAttr());
  SmallVector<int64_t> out = getLogicalShape(getInit().getType(), getOutputLayoutAttr());
  if (in.size() != 4 || out.size() != 4)
    return emitOpError("input and result have the ranks ")
           << in.size() << " and " << out.size() << " when they should be 4";
  if (getWindow().size() != 2 || getStrides().size() != 2 || getPads().size() != 4)
    return emitOpError("needs 2 window sizes, 2 strides and 4 pads, got ")
           << getWindow().size() << ", " << getStrides().size() << " and "
           << getPads().size();
  if (in[0] != out[0] || in[1] != out[1])
    return emitOpError("result has ") << out[0] << " x " << out[1]
                                      << " planes when the input has " << in[0]
                                      << " x " << in[1];
  for (unsigned d = 0; d < 2; ++d) {
    int64_t floor = getWindowedSize(in[2 + d], getWindow()[d], getStrides()[d], 1,
                                    getPads()[d], getPads()[2 + d]);
    if (out[2 + d] != floor && out[2 + d] != floor + 1) // ceil_mode
      return emitOpError("result has size ")
             << out[2 + d] << " along dimension " << 2 + d
             << " when the window arithmetic gives " << floor;
  }
  return success();
}

LogicalResult SlicePadOp::verify() {
  if (failed(verifySingleActivation(*this)))
    return failure();
  SmallVector<int64_t> in = getLogicalShape(getInput().getType(), getInputLayoutAttr());
  SmallVector<int64_t> out = getLogicalShape(getInit().getType(), getOutputLayoutAttr());
  size_t rank = in.size();
  for (size_t size : {out.size(), getOffsets().size(), getSizes().size(),
                      getStrides().size(), getLow().size()})
    if (size != rank)
      return emitOpError("has a list of ") << size << " entries for rank " << rank;
  for (size_t d = 0; d < rank; ++d) {
    int64_t offset = getOffsets()[d], size = getSizes()[d], stride = getStrides()[d];
    int64_t last = offset + (size - 1) * stride;
    if (size < 1 || offset < 0 || offset >= in[d] || last < 0 || last >= in[d])
      return emitOpError("slices elements ")
             << offset << " to " << last << " of dimension " << d << " of size " << in[d];
    if (getLow()[d] < 0 || getLow()[d] + size > out[d])
      return emitOpError("places ") << size << " elements at " << getLow()[d]
                                    << " of dimension " << d << " of size " << out[d];
  }
  return success();
}

//===----------------------------------------------------------------------===//
// MapOp
//===----------------------------------------------------------------------===//

template <typename AttrT>
static AttrT getElementOf(std::optional<ArrayAttr> attrs, unsigned index) {
  return attrs && index < attrs->size() ? dyn_cast<AttrT>((*attrs)[index]) : AttrT();
}

LogicalResult MapOp::verify() {
  SmallVector<int64_t> out = getLogicalShape(getInit().getType(), getOutputLayoutAttr());
  if (failed(verifyActivation(*this, "result", getInit().getType(),
                              getOutputLayoutAttr(), getOutputQuantAttr())) ||
      failed(verifyDestination(*this, getInit(), getResults())))
    return failure();
  for (auto [index, input] : llvm::enumerate(getInputs())) {
    BlockedAttr layout = getActivationLayout(index);
    auto quant = getElementOf<UniformAttr>(getInputQuants(), index);
    auto type = cast<ShapedType>(input.getType());
    std::string what = "input " + std::to_string(index);
    if (failed(verifyActivation(*this, what, type, layout, quant)))
      return failure();
    if (!layout && type.getRank() == 1 && out.size() > 1) {
      if (failed(verifyShape(*this, what, type.getShape(), {out[1]})))
        return failure();
    } else if (!layout && type.getRank() == 2 && out.size() == 2 &&
               type.getDimSize(1) == 1) {
      if (failed(verifyShape(*this, what, type.getShape(), {out[0], 1})))
        return failure();
    } else if (failed(verifyShape(*this, what, getLogicalShape(type, layout), out))) {
      return failure();
    }
  }
  Block &block = getBody().front();
  if (block.getNumArguments() != getInputs().size() ||
      !llvm::all_of(block.getArgumentTypes(), [](Type type) { return type.isF32(); }))
    return emitOpError("region should take ")
           << getInputs().size() << " f32 values, one per input";
  Operation *yield = block.getTerminator();
  if (yield->getNumOperands() != 1 || !yield->getOperand(0).getType().isF32())
    return emitOpError("region should yield one f32 value");
  return success();
}

SmallVector<OpOperand *> MapOp::getActivationOperands() {
  SmallVector<OpOperand *> operands;
  for (OpOperand &operand : getInputsMutable())
    operands.push_back(&operand);
  return operands;
}

BlockedAttr MapOp::getActivationLayout(unsigned index) {
  return getElementOf<BlockedAttr>(getInputLayouts(), index);
}

void MapOp::setActivationLayout(unsigned index, BlockedAttr layout) {
  SmallVector<Attribute> layouts(getInputs().size(), UnitAttr::get(getContext()));
  if (std::optional<ArrayAttr> old = getInputLayouts())
    layouts.assign(old->begin(), old->end());
  layouts[index] = layout ? Attribute(layout) : UnitAttr::get(getContext());
  setInputLayoutsAttr(ArrayAttr::get(getContext(), layouts));
}

BlockedAttr MapOp::getResultLayout() { return getOutputLayoutAttr(); }
void MapOp::setResultLayout(BlockedAttr layout) { setOutputLayoutAttr(layout); }
OpOperand *MapOp::getWeightOperand() { return nullptr; }

void MapOp::getEffects(
    SmallVectorImpl<SideEffects::EffectInstance<MemoryEffects::Effect>> &effects) {
  addComputeEffects(*this, getInitMutable(), effects);
}
