//===----------------------------------------------------------------------===//
// Part of MPQ, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//===----------------------------------------------------------------------===//
//
//   onnx.MaxPool, onnx.AveragePool, onnx.Global{Max,Average}Pool  =>  mpq.pool
//
//===----------------------------------------------------------------------===//

#include "OnnxToMPQ.h"

#include "dialects/ONNX/Lowering.h"

using namespace mlir;
using namespace mpq;

namespace {

/// Builds the pooling of `x` into the type of the op's first result.
FailureOr<SmallVector<Value>> lowerPool(Operation *op, OpBuilder &b, Value x, PoolKind kind, SlidingWindow window,
                                        bool countIncludePad) {
  Location loc = op->getLoc();
  auto result = cast<RankedTensorType>(op->getResult(0).getType());
  int64_t spatial = result.getRank() - 2;
  if (failed(onnx::getStaticType(op, op->getOperand(0))))
    return failure();
  if (spatial != 1 && spatial != 2)
    return op->emitOpError("pools ") << spatial << " spatial dimensions; 1 and 2 are supported";
  if (op->getNumResults() > 1 && !op->getResult(1).use_empty())
    return op->emitOpError("has a second result (indices) that is used; only the first is supported");
  if (llvm::any_of(window.dilations, [](int64_t d) { return d != 1; }))
    return op->emitOpError("has dilations; only 1 is supported");
  window.expandTo2D();
  SmallVector<int64_t> shape(result.getShape());
  if (spatial == 1)
    shape.insert(shape.begin() + 2, 1);
  auto type = RankedTensorType::get(shape, result.getElementType());
  auto pool = PoolOp::create(b, loc, TypeRange(type), PoolKindAttr::get(b.getContext(), kind),
                             expandTo2D(b, loc, x), makeEmpty(b, loc, type), b.getDenseI64ArrayAttr(window.kernel),
                             b.getDenseI64ArrayAttr(window.strides), b.getDenseI64ArrayAttr(window.getPads2D()),
                             countIncludePad ? b.getUnitAttr() : UnitAttr(), BlockedAttr(), BlockedAttr(),
                             UniformAttr(), UniformAttr(), StringAttr());
  Value y = pool->getResult(0);
  SmallVector<Value> results = {spatial == 1 ? collapseTo1D(b, loc, y) : y};
  results.resize(op->getNumResults(), results[0]); // unused
  return results;
}

ArrayRef<int64_t> getSpatial(Value value) { return cast<RankedTensorType>(value.getType()).getShape().drop_front(2); }

template <typename OpT, PoolKind kind>
struct WindowPoolLowering
    : onnx::LoweringOpInterface::ExternalModel<WindowPoolLowering<OpT, kind>, OpT> {
  FailureOr<SmallVector<Value>> lower(Operation *op, OpBuilder &b, ValueRange operands) const {
    auto pool = cast<OpT>(op);
    SlidingWindow window(pool.getKernelShape(), pool.getStrides(), pool.getDilations(), pool.getPads(),
                         pool.getAutoPad(), getSpatial(operands[0]), getSpatial(op->getResult(0)));
    bool countIncludePad = false;
    if constexpr (kind == PoolKind::Average)
      countIncludePad = pool.getCountIncludePad();
    return lowerPool(op, b, operands[0], kind, window, countIncludePad);
  }
};

template <typename OpT, PoolKind kind>
struct GlobalPoolLowering
    : onnx::LoweringOpInterface::ExternalModel<GlobalPoolLowering<OpT, kind>, OpT> {
  FailureOr<SmallVector<Value>> lower(Operation *op, OpBuilder &b, ValueRange operands) const {
    ArrayRef<int64_t> spatial = getSpatial(operands[0]);
    SlidingWindow window(spatial, std::nullopt, std::nullopt, std::nullopt, "NOTSET", spatial, spatial);
    return lowerPool(op, b, operands[0], kind, window, false);
  }
};

template <typename OpT, PoolKind kind>
void attachWindow(MLIRContext *context) {
  OpT::template attachInterface<WindowPoolLowering<OpT, kind>>(*context);
}
template <typename OpT, PoolKind kind>
void attachGlobal(MLIRContext *context) {
  OpT::template attachInterface<GlobalPoolLowering<OpT, kind>>(*context);
}

} // namespace

void mpq::attachPoolLowerings(MLIRContext *context) {
  attachWindow<onnx::MaxPoolOp, PoolKind::Max>(context);
  attachWindow<onnx::AveragePoolOp, PoolKind::Average>(context);
  attachGlobal<onnx::GlobalMaxPoolOp, PoolKind::Max>(context);
  attachGlobal<onnx::GlobalAveragePoolOp, PoolKind::Average>(context);
}
