//===----------------------------------------------------------------------===//
// Part of MPQ, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//===----------------------------------------------------------------------===//
//
// Pad with a constant, the mirror image, the edge, or the other end.
//
//===----------------------------------------------------------------------===//
#include "dialects/ONNX/Lowering.h"

using namespace mlir;

namespace mpq::onnx {
namespace {

/// Elements added (negative: removed) before and after each dimension; nothing
/// if not known.
FailureOr<std::optional<std::pair<Shape, Shape>>>
getPads(PadOp op, const ValueTable &values, int64_t rank) {
  using Result = std::optional<std::pair<Shape, Shape>>;
  auto pads = values.lookupIntegers(op.getPads());
  if (!pads)
    return Result();
  Shape axes = iota(rank);
  if (op.getAxes()) {
    auto known = values.lookupIntegers(op.getAxes());
    if (!known)
      return Result();
    FailureOr<Shape> positive = getAxes(op, *known, rank);
    if (failed(positive))
      return failure();
    axes = *positive;
  }
  if (pads->size() != 2 * axes.size())
    return op.emitOpError() << "has " << pads->size() << " pads when "
                            << axes.size() << " axes need " << 2 * axes.size();
  Shape before(rank, 0), after(rank, 0);
  for (auto [i, axis] : llvm::enumerate(axes)) {
    before[axis] = (*pads)[i];
    after[axis] = (*pads)[axes.size() + i];
  }
  return Result({before, after});
}

struct PadShapes : ShapeModel<PadShapes> {
  LogicalResult inferTypes(Operation *op, const ValueTable &values,
                           SmallVectorImpl<Type> &types) const {
    auto pad = cast<PadOp>(op);
    std::optional<Shape> shape = getShape(pad.getData());
    if (shape) {
      auto pads = getPads(pad, values, shape->size());
      if (failed(pads))
        return failure();
      for (auto [d, size] : llvm::enumerate(*shape)) {
        if (!*pads)
          size = kDynamic;
        if (isUnknown(size))
          continue; // and what is added to it is unknown too
        int64_t before = (*pads)->first[d], after = (*pads)->second[d];
        if (isDynamic(size)) {
          size = addSizes(addSizes(size, before), after);
          continue;
        }
        if (llvm::AddOverflow(size, before, size) ||
            llvm::AddOverflow(size, after, size) || size < 0)
          return op->emitOpError() << "pads dimension " << d << " by " << before
                                   << " and " << after << " to size " << size;
      }
    }
    types.push_back(withShape(pad.getOutput(), shape));
    return success();
  }
  bool isSampleParallel(Operation *op, ArrayRef<bool> batched) const {
    auto rank = getRank(op->getOperand(0));
    if (!rank || *rank == 0 || !onlyBatched(batched, {0}))
      return false;
    auto pads = getPads(cast<PadOp>(op), ValueTable(), *rank);
    return succeeded(pads) && *pads && (*pads)->first[0] == 0 &&
           (*pads)->second[0] == 0;
  }
};

struct PadLowering : LoweringModel<PadLowering> {
  FailureOr<Values> lower(Operation *op, OpBuilder &b,
                          ValueRange operands) const {
    auto pad = cast<PadOp>(op);
    auto type = getStaticType(op, op->getResult(0));
    auto from = getStaticType(op, op->getOperand(0));
    if (failed(type) || failed(from))
      return failure();
    auto pads = getPads(pad, ValueTable(), from->getRank());
    if (failed(pads))
      return failure();
    if (!*pads)
      return op->emitOpError("operand 'pads' is not a constant");
    auto &[before, after] = **pads;
    if (pad.getMode() == "constant")
      return constantPad(pad, b, operands, *type, before, after);
    if (pad.getMode() == "edge" || pad.getMode() == "reflect" ||
        pad.getMode() == "wrap")
      return gatherPad(pad, b, operands[0], *from, *type, before);
    return op->emitOpError()
           << "has the unknown mode '" << pad.getMode() << "'";
  }

  static FailureOr<Values> constantPad(PadOp op, OpBuilder &b,
                                       ValueRange operands,
                                       RankedTensorType type, Shape before,
                                       Shape after) {
    Location loc = op.getLoc();
    Value value =
        op.getConstantValue()
            ? Value(tensor::ExtractOp::create(
                  b, loc, reshape(b, loc, operands[2], {}), ValueRange()))
            : scalar(b, loc, type.getElementType(), 0);
    // Negative pads remove elements first.
    Value data = operands[0];
    Shape offsets, sizes;
    auto shape = cast<RankedTensorType>(data.getType()).getShape();
    for (auto [d, size] : llvm::enumerate(shape)) {
      offsets.push_back(std::max<int64_t>(0, -before[d]));
      sizes.push_back(size - offsets.back() - std::max<int64_t>(0, -after[d]));
      before[d] = std::max<int64_t>(0, before[d]);
      after[d] = std::max<int64_t>(0, after[d]);
      if (sizes.back() < 0)
        return op.emitOpError()
               << "removes more than there is of dimension " << d;
    }
    auto index = [&](ArrayRef<int64_t> values) {
      return getAsIndexOpFoldResult(b.getContext(), values);
    };
    if (ArrayRef<int64_t>(sizes) != shape)
      data = tensor::ExtractSliceOp::create(b, loc, data, index(offsets),
                                            index(sizes),
                                            index(Shape(shape.size(), 1)));
    return Values{tensor::PadOp::create(b, loc, type, data, index(before),
                                        index(after), value)};
  }

  /// Every element of the result is one of the data.
  static FailureOr<Values> gatherPad(PadOp op, OpBuilder &b, Value data,
                                     RankedTensorType from,
                                     RankedTensorType type,
                                     ArrayRef<int64_t> before) {
    StringRef mode = op.getMode();
    auto body = [&](OpBuilder &b, Location loc, ValueRange in) -> Value {
      auto constant = [&](int64_t value) -> Value {
        return arith::ConstantIndexOp::create(b, loc, value);
      };
      Values index;
      for (auto [d, i] : llvm::enumerate(in)) {
        int64_t size = from.getDimSize(d);
        Value x = arith::SubIOp::create(b, loc, i, constant(before[d]));
        if (mode == "edge") {
          x = arith::MaxSIOp::create(b, loc, x, constant(0));
          x = arith::MinSIOp::create(b, loc, x, constant(size - 1));
        } else {
          // The period of the image; mod that is never negative.
          int64_t period =
              mode == "wrap" ? size : std::max<int64_t>(1, 2 * (size - 1));
          Value p = constant(period);
          x = arith::RemSIOp::create(b, loc, x, p);
          x = arith::RemSIOp::create(b, loc,
                                     arith::AddIOp::create(b, loc, x, p), p);
          if (mode == "reflect")
            x = arith::MinSIOp::create(b, loc, x,
                                       arith::SubIOp::create(b, loc, p, x));
          if (mode == "reflect" && size == 1)
            x = constant(0);
        }
        index.push_back(x);
      }
      return tensor::ExtractOp::create(b, loc, data, index);
    };
    if (from.getNumElements() == 0 && type.getNumElements() != 0)
      return op.emitOpError() << "cannot pad an empty tensor in mode " << mode;
    return Values{generate(b, op.getLoc(), type, body)};
  }
};

} // namespace
} // namespace mpq::onnx

namespace mpq {
void registerOnnxOpsPad(DialectRegistry &registry) {
  registry.addExtension(+[](MLIRContext *context, onnx::ONNXDialect *) {
    using namespace onnx;
    attach<PadShapes, PadOp>(context);
    attach<PadLowering, PadOp>(context);
  });
}
} // namespace mpq
