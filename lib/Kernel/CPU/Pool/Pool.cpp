//===----------------------------------------------------------------------===//
// Part of MPQ, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//===----------------------------------------------------------------------===//
//
// `mpq.pool` on blocked layouts: one vector is all channels of a block.
//
// Nothing is tested at run time. Along each dimension, results whose windows
// reach equally far out of the input form a *span*; a 3-wide window with stride
// 2 and padding 1 over 8 inputs has two:
//
//      input       . 0 1 2 3 4 5 6 7          result 0      taps 1..2 of 0..2
//      result 0   [     ]                     results 1..3  taps 0..2
//      result 1         [     ]
//
// The kernel is a loop nest per pair of spans (of rows and of columns), inside
// of which all windows have the same taps, so that padding costs nothing and
// borders are never read. Small windows are unrolled; large ones, such as
// global pooling, loop over their rows with several accumulators, since one
// would wait for each addition.
//
// u8: the maximum of codes is the code of the maximum. For the mean the codes
// are summed as integers, exactly, and turned into a real once.
//
//===----------------------------------------------------------------------===//

#include "mpq/Kernel/Elements.h"
#include "mpq/Kernel/ParallelRows.h"

#include "mlir/Dialect/Arith/IR/Arith.h"

using namespace mlir;
using namespace mpq;

namespace {

/// Results [begin, end) of one dimension whose windows are cut off equally.
struct Span {
  int64_t begin, end;
  int64_t firstTap, lastTap; ///< taps [first, last) lie inside the input
  int64_t counted;           ///< by how many elements a mean divides

  bool continues(const Span &before) const {
    return firstTap == before.firstTap && lastTap == before.lastTap &&
           counted == before.counted;
  }
};

/// Taps that are unrolled, and accumulators of what is not.
constexpr int64_t kUnrolledTaps = 32, kAccumulators = 8;
/// Pairs of spans that a kernel may consist of.
constexpr size_t kMaxSpanPairs = 64;

/// The spans of dimension `d` (0: rows, 1: columns).
SmallVector<Span> getSpans(PoolOp op, unsigned d, int64_t inputs,
                           int64_t outputs) {
  int64_t window = op.getWindow()[d], stride = op.getStrides()[d];
  int64_t before = op.getPads()[d], after = op.getPads()[2 + d];
  SmallVector<Span> spans;
  for (int64_t o = 0; o < outputs; ++o) {
    int64_t start = o * stride - before;
    Span span{o, o + 1, std::max<int64_t>(0, -start),
              std::min(window, inputs - start), 0};
    span.lastTap = std::max(span.firstTap, span.lastTap);
    span.counted = op.getCountIncludePad()
                       ? std::min(window, inputs + after - start)
                       : span.lastTap - span.firstTap;
    if (!spans.empty() && span.continues(spans.back()))
      spans.back().end = o + 1;
    else
      spans.push_back(span);
  }
  return spans;
}

/// One pooling, being emitted.
struct Emitter {
  KernelBuilder &k;
  PoolOp op;
  Activation from, to;

  bool isMax() { return op.getKind() == PoolKind::Max; }
  void run();
  void emitWindow(const Span &rows, const Span &columns, Index source,
                  Index target);
  Value emitUnrolled(const Span &rows, const Span &columns, Index source);
  Value emitLooped(const Span &rows, const Span &columns, Index source);
  Value loadTap(Index at);
  Value merge(Value a, Value b);
  Value mergeAll(MutableArrayRef<Value> values);
  void finish(Value merged, int64_t taps, int64_t counted, Index target);
};

} // namespace

/// One pixel of the input: f32 or codes for the maximum, f32 or i32 for sums.
Value Emitter::loadTap(Index at) {
  Value elements = k.loadVector(from.buffer, at, from.block);
  if (!from.quant || isMax())
    return elements;
  return arith::ExtUIOp::create(
      k.b, VectorType::get(from.block, k.b.getI32Type()), elements);
}

Value Emitter::merge(Value a, Value b) {
  if (!isMax())
    return from.quant ? arith::AddIOp::create(k.b, a, b).getResult()
                      : k.addf(a, b);
  if (from.quant)
    return arith::MaxUIOp::create(k.b, a, b);
  // One instruction, unlike the IEEE maximum.
  Value larger = arith::CmpFOp::create(k.b, arith::CmpFPredicate::OGT, a, b);
  return arith::SelectOp::create(k.b, larger, a, b);
}

/// Merges pairwise, so that the chain of dependent operations is short.
Value Emitter::mergeAll(MutableArrayRef<Value> values) {
  size_t count = values.size();
  while (count > 1) {
    for (size_t i = 0; i < count / 2; ++i)
      values[i] = merge(values[2 * i], values[2 * i + 1]);
    if (count % 2)
      values[count / 2] = values[count - 1];
    count = (count + 1) / 2;
  }
  return values[0];
}

void Emitter::finish(Value merged, int64_t taps, int64_t counted,
                     Index target) {
  if (isMax()) {
    if (from.quant && from.quant != to.quant)
      merged = k.dequantize(merged, from.quant);
    if (from.quant && from.quant == to.quant)
      return k.storeVector(merged, to.buffer, target);
    return k.storeReals(merged, to, target, {});
  }
  double scale = 1.0 / double(counted);
  if (from.quant) {
    Value zeros =
        k.splatInteger(32, taps * from.quant.getZeroPoint(), from.block);
    merged = arith::SubIOp::create(k.b, merged, zeros);
    merged = arith::SIToFPOp::create(
        k.b, VectorType::get(from.block, k.b.getF32Type()), merged);
    scale *= float(from.quant.getScale());
  }
  k.storeReals(k.mulf(merged, k.splatF32(scale, to.block)), to, target, {});
}

Value Emitter::emitUnrolled(const Span &rows, const Span &columns,
                            Index source) {
  SmallVector<Value> taps;
  for (int64_t kh = rows.firstTap; kh < rows.lastTap; ++kh)
    for (int64_t kw = columns.firstTap; kw < columns.lastTap; ++kw)
      taps.push_back(
          loadTap(source + (kh * from.rowPitch() + kw * from.block)));
  return mergeAll(taps);
}

Value Emitter::emitLooped(const Span &rows, const Span &columns, Index source) {
  int64_t width = columns.lastTap - columns.firstTap,
          lanes = std::min(width, kAccumulators);
  auto at = [&](Index kh, Index kw) {
    return k.add(k.add(source, k.mul(kh, from.rowPitch())),
                 k.mul(kw, from.block));
  };
  // The first row fills the accumulators; for sums, zero would do as well.
  SmallVector<Value> start;
  for (int64_t i = 0; i < lanes; ++i)
    start.push_back(loadTap(at(rows.firstTap, columns.firstTap + i)));
  auto addRow = [&](Index kh, int64_t begin, ValueRange sums) {
    int64_t complete = begin + (columns.lastTap - begin) / lanes * lanes;
    auto state =
        k.forLoop(begin, complete, lanes, sums, [&](Index kw, ValueRange sums) {
          SmallVector<Value> next;
          for (int64_t i = 0; i < lanes; ++i)
            next.push_back(merge(sums[i], loadTap(at(kh, kw + i))));
          return next;
        });
    for (int64_t i = 0; complete + i < columns.lastTap; ++i)
      state[i] = merge(state[i], loadTap(at(kh, complete + i)));
    return state;
  };
  SmallVector<Value> state =
      addRow(rows.firstTap, columns.firstTap + lanes, start);
  state = k.forLoop(rows.firstTap + 1, rows.lastTap, 1, state,
                    [&](Index kh, ValueRange sums) {
                      return addRow(kh, columns.firstTap, sums);
                    });
  return mergeAll(state);
}

/// One result. `source` is where tap (0, 0) would be.
void Emitter::emitWindow(const Span &rows, const Span &columns, Index source,
                         Index target) {
  int64_t taps =
      (rows.lastTap - rows.firstTap) * (columns.lastTap - columns.firstTap);
  if (taps == 0) // wholly in the padding
    return k.storeReals(k.splatF32(0.0, to.block), to, target, {});
  Value merged = taps <= kUnrolledTaps ? emitUnrolled(rows, columns, source)
                                       : emitLooped(rows, columns, source);
  finish(merged, taps, rows.counted * columns.counted, target);
}

void Emitter::run() {
  ArrayRef<int64_t> strides = op.getStrides(), pads = op.getPads();
  SmallVector<Span> rowSpans = getSpans(op, 0, from.shape[2], to.shape[2]);
  SmallVector<Span> columnSpans = getSpans(op, 1, from.shape[3], to.shape[3]);
  int64_t planes = to.shape[0] * to.channelBlocks(), height = to.shape[2];
  fillSharedBorder(k, to, height);
  forChannelGroups(k, planes, height, [&](Index plane) {
    auto emitRow = [&](const Span &rows, Index oh) {
      Index row =
          from.offset(k, 0, plane, k.mul(oh, strides[0]) + -pads[0], -pads[1]);
      Index out = to.offset(k, 0, plane, oh, 0);
      for (const Span &columns : columnSpans)
        k.forLoop(columns.begin, columns.end, 1, [&](Index ow) {
          emitWindow(rows, columns,
                     k.add(row, k.mul(ow, strides[1] * from.block)),
                     k.add(out, k.mul(ow, to.block)));
        });
    };
    for (const Span &rows : rowSpans)
      forRowsOfGroup(
          k, planes, height, rows.begin, rows.end,
          [&](Index oh) { emitRow(rows, oh); },
          rows.begin ? KernelBuilder::Units::Joined
                     : KernelBuilder::Units::Own);
  });
}

namespace {

struct Pool final : KernelFamily {
  StringRef getName() const override { return "pool"; }
  int getPriority() const override { return 10; }

  bool accepts(Operation *op, const KernelTarget &target,
               std::string &reason) const override {
    auto pool = dyn_cast<PoolOp>(op);
    if (!pool) {
      reason = "implements mpq.pool only";
      return false;
    }
    if (!isOnBlocks(op, target, reason))
      return false;
    auto getSize = [](Value value, BlockedAttr layout, unsigned d) {
      return layout ? layout.getShape()[d]
                    : cast<ShapedType>(value.getType()).getDimSize(d);
    };
    size_t pairs = 1;
    for (unsigned d : {0, 1})
      pairs *=
          getSpans(pool, d,
                   getSize(pool.getInput(), pool.getInputLayoutAttr(), 2 + d),
                   getSize(pool.getInit(), pool.getOutputLayoutAttr(), 2 + d))
              .size();
    if (pairs <= kMaxSpanPairs)
      return true;
    reason = "has windows that are cut off in " + std::to_string(pairs) +
             " different ways, more than " + std::to_string(kMaxSpanPairs);
    return false;
  }

  KernelLayouts getLayouts(Operation *op,
                           const KernelTarget &target) const override {
    return getVectorLayouts(op, target);
  }

  void emit(OpBuilder &builder, Location loc, Operation *op,
            const KernelTarget &target, ValueRange operands) const override {
    auto pool = cast<PoolOp>(op);
    KernelBuilder k(builder, loc, target);
    Emitter{k, pool,
            k.activation(operands[0], pool.getInputLayoutAttr(),
                         getCodes(pool.getInputQuantAttr())),
            k.activation(operands[1], pool.getOutputLayoutAttr(),
                         getCodes(pool.getOutputQuantAttr()))}
        .run();
  }
};

} // namespace

namespace mpq {
void registerKernelFamilyPool(DialectRegistry &) {
  Registry<KernelFamily>::get().add("pool", std::make_unique<Pool>());
}
} // namespace mpq
