//===----------------------------------------------------------------------===//
// Part of MPQ, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//===----------------------------------------------------------------------===//
//
// Verification and interface methods of the ops on rows.
//
//===----------------------------------------------------------------------===//

#include "dialects/MPQ/ComputeOps.h"

using namespace mlir;
using namespace mpq;

/// Defines the interface methods: every operand but the destination is a plain
/// activation.
#define MPQ_ROW_OP(OP)                                                         \
  SmallVector<OpOperand *> OP::getActivationOperands() {                       \
    return getPlainOperands(*this);                                            \
  }                                                                            \
  BlockedAttr OP::getActivationLayout(unsigned) { return {}; }                 \
  void OP::setActivationLayout(unsigned, BlockedAttr layout) {                 \
    assert(!layout && "rows are plain");                                       \
  }                                                                            \
  BlockedAttr OP::getResultLayout() { return {}; }                             \
  void OP::setResultLayout(BlockedAttr layout) {                               \
    assert(!layout && "rows are plain");                                       \
  }                                                                            \
  OpOperand *OP::getWeightOperand() { return nullptr; }                        \
  void OP::getEffects(                                                         \
      SmallVectorImpl<SideEffects::EffectInstance<MemoryEffects::Effect>>      \
          &effects) {                                                          \
    addComputeEffects(*this, getInitMutable(), effects);                       \
  }

static SmallVector<OpOperand *> getPlainOperands(Operation *op) {
  SmallVector<OpOperand *> operands;
  for (OpOperand &operand : op->getOpOperands())
    if (!cast<DestinationStyleOpInterface>(op).isDpsInit(&operand))
      operands.push_back(&operand);
  return operands;
}

MPQ_ROW_OP(SoftmaxOp)
MPQ_ROW_OP(NormalizeOp)
MPQ_ROW_OP(RotaryOp)
MPQ_ROW_OP(AttentionOp)

/// Floats, or codes of `quant`, with a rank in [`least`, `most`].
static LogicalResult verifyRows(Operation *op, StringRef what, Value value,
                                int64_t least, int64_t most,
                                UniformAttr quant = {}) {
  auto type = cast<ShapedType>(value.getType());
  if (type.getRank() < least || type.getRank() > most)
    return op->emitOpError(what)
           << " has the rank " << type.getRank() << " when it should be in ["
           << least << ", " << most << "]";
  if (quant && quant.isDynamic())
    return op->emitOpError(what)
           << " is quantized as " << quant << " when its scale should be known";
  return verifyActivation(op, what, type, {}, quant);
}

static LogicalResult verifyStaticRow(Operation *op, StringRef what,
                                     Value value) {
  auto type = cast<ShapedType>(value.getType());
  if (!type.isDynamicDim(type.getRank() - 1))
    return success();
  return op->emitOpError(what)
         << " is of type " << type << " when its rows should be of static size";
}

static int64_t getRowSize(Value value) {
  return cast<ShapedType>(value.getType()).getShape().back();
}

constexpr int64_t kAnyRank = std::numeric_limits<int64_t>::max();

/// Shapes of the same rank whose leading dimensions agree.
static SmallVector<int64_t> withRowSize(Value like, int64_t size) {
  SmallVector<int64_t> shape(cast<ShapedType>(like.getType()).getShape());
  shape.back() = size;
  return shape;
}

LogicalResult SoftmaxOp::verify() {
  if (failed(verifyRows(*this, "input", getInput(), 1, kAnyRank)) ||
      failed(verifyRows(*this, "result", getInit(), 1, kAnyRank)) ||
      failed(verifyShape(*this, "result",
                         cast<ShapedType>(getInit().getType()).getShape(),
                         cast<ShapedType>(getInput().getType()).getShape())))
    return failure();
  return verifyDestination(*this, getInit(), getResults());
}

LogicalResult NormalizeOp::verify() {
  if (failed(verifyRows(*this, "input", getInput(), 1, kAnyRank)) ||
      failed(verifyRows(*this, "result", getInit(), 1, kAnyRank,
                        getOutputQuantAttr())) ||
      failed(verifyStaticRow(*this, "input", getInput())) ||
      failed(verifyShape(*this, "result",
                         cast<ShapedType>(getInit().getType()).getShape(),
                         cast<ShapedType>(getInput().getType()).getShape())))
    return failure();
  for (auto [what, value] : {std::pair(StringRef("scale"), getScale()),
                             std::pair(StringRef("bias"), getBias())})
    if (value && (failed(verifyRows(*this, what, value, 1, 1)) ||
                  failed(verifyShape(
                      *this, what, cast<ShapedType>(value.getType()).getShape(),
                      {getRowSize(getInput())}))))
      return failure();
  if (getEpsilon().isNegative())
    return emitOpError("epsilon is ") << getEpsilon().convertToFloat()
                                      << " when it should not be negative";
  return verifyDestination(*this, getInit(), getResults());
}

/// Heads within the rows of `value`.
static LogicalResult verifyHeads(Operation *op, StringRef what, Value value,
                                 int64_t offset, int64_t heads, int64_t size) {
  if (heads > 0 && size > 0 && offset >= 0 &&
      offset + heads * size <= getRowSize(value))
    return success();
  return op->emitOpError(what)
         << " has rows of " << getRowSize(value) << " elements when " << heads
         << " heads of " << size << " elements are at " << offset;
}

LogicalResult RotaryOp::verify() {
  if (failed(verifyRows(*this, "input", getInput(), 2, kAnyRank)) ||
      failed(verifyStaticRow(*this, "input", getInput())) ||
      failed(verifyRows(*this, "result", getInit(), 2, kAnyRank)))
    return failure();
  auto input = cast<ShapedType>(getInput().getType());
  int64_t positions = input.getDimSize(input.getRank() - 2);
  for (auto [what, table] : {std::pair(StringRef("cos"), getCos()),
                             std::pair(StringRef("sin"), getSin())}) {
    auto type = cast<ShapedType>(table.getType());
    if (failed(verifyRows(*this, what, table, 2, 2)))
      return failure();
    if (type.isDynamicDim(1) || type.getDimSize(1) * 2 != getHeadSize())
      return emitOpError(what) << " is of type " << type
                               << " when its rows should be half a head, of "
                                  "one static size in cos and sin";
    if (!type.isDynamicDim(0) && !ShapedType::isDynamic(positions) &&
        type.getDimSize(0) < positions)
      return emitOpError(what)
             << " has " << type.getDimSize(0) << " rows when there are "
             << positions << " positions";
  }
  int64_t heads = getHeads(), size = getHeadSize();
  if (failed(
          verifyHeads(*this, "input", getInput(), getOffset(), heads, size)) ||
      failed(verifyShape(*this, "result",
                         cast<ShapedType>(getInit().getType()).getShape(),
                         withRowSize(getInput(), heads * size))))
    return failure();
  return verifyDestination(*this, getInit(), getResults());
}

/// C4: aligned at the end with `expected`, sizes agree or are 1.
static LogicalResult verifyMask(AttentionOp op, ArrayRef<int64_t> expected) {
  auto mask = cast<ShapedType>(op.getMask().getType());
  if (failed(verifyRows(op, "mask", op.getMask(), 1, 4)))
    return failure();
  for (int64_t d = 0, rank = mask.getRank(); d < rank; ++d) {
    int64_t size = mask.getDimSize(d), wanted = expected[4 - rank + d];
    bool repeats = size == 1 && d + 1 < rank;
    if (repeats || size == wanted || ShapedType::isDynamic(size) ||
        ShapedType::isDynamic(wanted))
      continue;
    return op.emitOpError("mask has the shape [")
           << mask.getShape() << "] when it should broadcast to [" << expected
           << "]";
  }
  return success();
}

LogicalResult AttentionOp::verify() {
  int64_t heads = getHeads(), kvHeads = getKvHeads();
  if (heads <= 0 || kvHeads <= 0 || heads % kvHeads)
    return emitOpError("has ")
           << heads << " heads and " << kvHeads << " heads of keys and values";
  if (getOffsets().size() != 3)
    return emitOpError("needs 3 offsets, got ") << getOffsets().size();
  UniformAttr quant = getOperandQuantAttr();
  if (quant && quant != UniformAttr::getDynamic(getContext()))
    return emitOpError("has operands quantized as ")
           << quant << " when they should be quantized as "
           << UniformAttr::getDynamic(getContext());
  auto query = cast<ShapedType>(getQuery().getType());
  auto key = cast<ShapedType>(getKey().getType());
  for (auto [what, value] : {std::pair(StringRef("query"), getQuery()),
                             std::pair(StringRef("key"), getKey()),
                             std::pair(StringRef("value"), getValue())})
    if (failed(verifyRows(*this, what, value, 2, 3)) ||
        failed(verifyStaticRow(*this, what, value)))
      return failure();
  if (key.getRank() != query.getRank())
    return emitOpError("query and key have the ranks ")
           << query.getRank() << " and " << key.getRank();
  if (failed(verifyHeads(*this, "query", getQuery(), getOffsets()[0], heads,
                         getHeadSize())) ||
      failed(verifyHeads(*this, "key", getKey(), getOffsets()[1], kvHeads,
                         getHeadSize())) ||
      failed(verifyHeads(*this, "value", getValue(), getOffsets()[2], kvHeads,
                         getValueSize())))
    return failure();
  auto result = cast<ShapedType>(getInit().getType());
  auto value = cast<ShapedType>(getValue().getType());
  if (failed(
          verifyRows(*this, "result", getInit(), 2, 3, getOutputQuantAttr())) ||
      failed(verifyShape(*this, "result", result.getShape(),
                         withRowSize(getQuery(), heads * getValueSize()))) ||
      failed(verifyShape(*this, "value", value.getShape(),
                         withRowSize(getKey(), value.getShape().back()))))
    return failure();
  if (query.getRank() == 3 &&
      failed(verifyShape(*this, "key", key.getShape().take_front(),
                         query.getShape().take_front())))
    return failure();
  int64_t rank = query.getRank();
  if (getMask() &&
      failed(verifyMask(*this, {1, heads, query.getDimSize(rank - 2),
                                key.getDimSize(rank - 2)})))
    return failure();
  return verifyDestination(*this, getInit(), getResults());
}
