//===----------------------------------------------------------------------===//
// Part of MPQ, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//===----------------------------------------------------------------------===//
//
// `mpq.pool` as it is defined: for each element of the result a loop over its
// window, with a test at each tap whether it lies inside the input.
//
//===----------------------------------------------------------------------===//

#include "lib/Kernel/Reference/DataFamily.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/SCF/IR/SCF.h"

using namespace mlir;
using namespace mpq;

namespace {

struct ReferencePool final : reference::DataFamily<PoolOp> {
  StringRef getName() const override { return "reference_pool"; }
  void emit(OpBuilder &builder, Location loc, Operation *op,
            const KernelTarget &target, ValueRange operands) const override;
};

/// One pooling, being emitted.
struct Emitter {
  KernelBuilder &k;
  PoolOp op;
  Activation from, to;

  bool isMax() { return op.getKind() == PoolKind::Max; }
  Value emitTap(ArrayRef<Index> out, Index kh, Index kw, ValueRange state,
                SmallVectorImpl<Value> &next);
  Value emitElement(ArrayRef<Index> out);
};

} // namespace

/// Whether 0 <= index < size; unsigned comparison does both.
static Value isInside(KernelBuilder &k, Index h, int64_t height, Index w,
                      int64_t width) {
  return arith::AndIOp::create(k.b, k.lessThan(h, height),
                               k.lessThan(w, width));
}

/// Adds one tap to `state` (maximum or sum, number of elements).
Value Emitter::emitTap(ArrayRef<Index> out, Index kh, Index kw,
                       ValueRange state, SmallVectorImpl<Value> &next) {
  ArrayRef<int64_t> strides = op.getStrides(), pads = op.getPads();
  Index h = k.add(k.mul(out[2], strides[0]), kh),
        w = k.add(k.mul(out[3], strides[1]), kw);
  int64_t height = from.shape[2], width = from.shape[3];
  Value counts = op.getCountIncludePad() && !isMax()
                     ? isInside(k, h, height + pads[0] + pads[2], w,
                                width + pads[1] + pads[3])
                     : isInside(k, h + -pads[0], height, w + -pads[1], width);
  Value more = arith::SelectOp::create(k.b, counts, k.f32(1), k.f32(0));
  auto inside =
      scf::IfOp::create(k.b, k.b.getF32Type(),
                        isInside(k, h + -pads[0], height, w + -pads[1], width),
                        /*withElseRegion=*/true);
  {
    OpBuilder::InsertionGuard guard(k.b);
    k.b.setInsertionPointToStart(inside.thenBlock());
    Value real =
        readElement(k, from, {out[0], out[1], h + -pads[0], w + -pads[1]});
    Value merged = k.addf(state[0], real);
    if (isMax()) {
      Value larger =
          arith::CmpFOp::create(k.b, arith::CmpFPredicate::OGT, real, state[0]);
      merged = arith::SelectOp::create(k.b, larger, real, state[0]);
    }
    scf::YieldOp::create(k.b, merged);
    k.b.setInsertionPointToStart(inside.elseBlock());
    scf::YieldOp::create(k.b, state[0]);
  }
  next.assign({inside.getResult(0), k.addf(state[1], more)});
  return next[0];
}

Value Emitter::emitElement(ArrayRef<Index> out) {
  ArrayRef<int64_t> window = op.getWindow();
  SmallVector<Value> start = {
      k.f32(isMax() ? -std::numeric_limits<double>::infinity() : 0), k.f32(0)};
  auto state = k.forLoop(0, window[0], 1, start, [&](Index kh, ValueRange row) {
    return k.forLoop(0, window[1], 1, row, [&](Index kw, ValueRange state) {
      SmallVector<Value> next;
      emitTap(out, kh, kw, state, next);
      return next;
    });
  });
  Value result = state[0];
  // A window without a tap (it can only lie in the padding) gives zero.
  Value empty =
      arith::CmpFOp::create(k.b, arith::CmpFPredicate::OEQ, state[1], k.f32(0));
  if (!isMax())
    result = arith::DivFOp::create(k.b, result, state[1]);
  return arith::SelectOp::create(k.b, empty, k.f32(0), result);
}

void ReferencePool::emit(OpBuilder &builder, Location loc, Operation *op,
                         const KernelTarget &target,
                         ValueRange operands) const {
  auto pool = cast<PoolOp>(op);
  KernelBuilder k(builder, loc, target);
  Emitter emitter{k, pool,
                  k.activation(operands[0], pool.getInputLayoutAttr(),
                               getCodes(pool.getInputQuantAttr())),
                  k.activation(operands[1], pool.getOutputLayoutAttr(),
                               getCodes(pool.getOutputQuantAttr()))};
  writeElements(k, emitter.to,
                [&](ArrayRef<Index> out) { return emitter.emitElement(out); });
}

namespace mpq {
void registerKernelFamilyReferencePool(DialectRegistry &) {
  Registry<KernelFamily>::get().add("reference_pool",
                                    std::make_unique<ReferencePool>());
}
} // namespace mpq
