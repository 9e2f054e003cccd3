//===----------------------------------------------------------------------===//
// Part of MPQ, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//===----------------------------------------------------------------------===//
//
// `mpq.map` in vectors, on any layout that its operands share.
//
// Whatever the shape, the kernel is a loop over *rows*: stretches that are
// contiguous in every operand. Inputs per channel are one vector for the whole
// row, or a row themselves where the channels are the innermost dimension:
//
//      layout              one row is               an input per channel is
//      blocked             a row of pixels          the vector of its block
//      planar, plain       a row of one channel     one value in all lanes
//      plain, N x C        all channels             a row
//
// Where no operand has a border, rows that follow each other are one row, which
// threads share in stretches; but if an image has rows enough, they share
// those, as the operations before and after do (ParallelRows.h). Plain results
// of rank 1 and 2 are Rows.h's.
//
//===----------------------------------------------------------------------===//

#include "Body.h"
#include "Rows.h"

#include "mpq/Kernel/Elements.h"
#include "mpq/Kernel/ParallelRows.h"

#include "mlir/Dialect/Arith/IR/Arith.h"

using namespace mlir;
using namespace mpq;

namespace {

/// An operand of the region.
struct Input {
  Activation from;
  bool perChannel;
};

/// One map, being emitted.
struct Emitter {
  KernelBuilder &k;
  MapOp op;
  SmallVector<Input> inputs;
  Activation to;
  /// The channels are the innermost dimension.
  bool channelsInRow = false;
  /// Everything is one row, whose channels do not matter.
  bool isOneRow = false;

  Emitter(KernelBuilder &k, MapOp op, ValueRange operands);
  void setShape(ArrayRef<int64_t> shape);
  void normalize();
  bool hasBorder() const;
  int64_t getLanes() const {
    return to.block > 1 ? to.block : k.target.lanes();
  }
  SmallVector<Value> loadPerChannel(Index channelBlock, int64_t valid);
  void emitRow(ArrayRef<Index> position, int64_t count, ValueRange perChannel,
               int64_t valid);
  void emitVector(ArrayRef<Index> sources, Index target, int64_t count,
                  ValueRange perChannel, int64_t valid);
  void emitStretches();
  void emitPlane(Index n, Index channelBlock, int64_t valid);
  void emitPlanes(Index n);
  void run();
};

/// Vectors that a unit of work should have, and has at least.
constexpr int64_t kVectorsOfUnit = 32, kLeastVectorsOfUnit = 8;

} // namespace

Emitter::Emitter(KernelBuilder &k, MapOp op, ValueRange operands)
    : k(k), op(op), to(k.activation(operands.back(), op.getOutputLayoutAttr(),
                                    getCodes(op.getOutputQuantAttr()))) {
  for (unsigned i = 0; i < op.getInputs().size(); ++i) {
    Activation from = k.activation(operands[i], op.getActivationLayout(i),
                                   getCodes(getQuantOf(op, i)));
    bool perChannel = from.shape.size() == 1 && to.shape.size() > 1;
    inputs.push_back({from, perChannel});
  }
}

bool Emitter::hasBorder() const {
  auto hasOne = [](const Activation &a) {
    return a.top || a.left || a.bottom || a.right;
  };
  return hasOne(to) || llvm::any_of(inputs, [&](const Input &input) {
           return !input.perChannel && hasOne(input.from);
         });
}

/// How many rows of a blocked image without a border are one unit of work: they
/// follow each other in memory. 0 if the image does not have enough of them.
static int64_t getRowsOfUnit(const Activation &a) {
  int64_t height = a.shape[2], width = a.shape[3];
  for (int64_t rows = llvm::divideCeil(kVectorsOfUnit, width);
       rows * width >= kLeastVectorsOfUnit; --rows)
    if (height % rows == 0 && areEnoughRows(height / rows))
      return rows;
  return 0;
}

void Emitter::setShape(ArrayRef<int64_t> shape) {
  to.shape.assign(shape.begin(), shape.end());
  for (Input &input : inputs)
    if (!input.perChannel) {
      input.from.shape = to.shape;
      input.from.block = to.block;
    }
}

/// Makes every shape N x C x H x W with rows as long as possible.
void Emitter::normalize() {
  if (hasBorder())
    return;
  bool perChannel =
      llvm::any_of(inputs, [](const Input &input) { return input.perChannel; });
  bool tail = to.shape.size() == 4 && to.shape[1] % to.block;
  SmallVector<int64_t, 4> shape = to.shape;
  if (int64_t rows = to.block > 1 ? getRowsOfUnit(to) : 0)
    return setShape({shape[0], shape[1], shape[2] / rows, shape[3] * rows});
  int64_t rest = 1;
  for (size_t d = 2; d < shape.size(); ++d)
    rest *= shape[d];
  if (!perChannel && !tail) {
    int64_t elements = rest;
    for (size_t d = 0; d < std::min<size_t>(2, shape.size()); ++d)
      elements *= shape[d];
    isOneRow = true;
    to.block = 1;
    setShape({1, 1, 1, elements});
  } else if (to.block == 1 && rest == 1) {
    channelsInRow = true;
    setShape({1, shape[0], 1, shape[1]}); // N rows of C
  } else {
    setShape({shape[0], shape[1], 1, rest});
  }
}

/// The vectors of the inputs per channel (null for the others, and where a
/// channel is not the same along a row).
SmallVector<Value> Emitter::loadPerChannel(Index channelBlock, int64_t valid) {
  SmallVector<Value> vectors(inputs.size());
  for (auto [vector, input] : llvm::zip_equal(vectors, inputs)) {
    if (!input.perChannel || channelsInRow)
      continue;
    if (to.block > 1) {
      vector = k.loadPartial(input.from.buffer, k.mul(channelBlock, to.block),
                             to.block, valid);
      if (input.from.quant)
        vector = k.dequantize(vector, input.from.quant);
    } else {
      vector =
          k.broadcast(readElement(k, input.from, channelBlock), getLanes());
    }
  }
  return vectors;
}

/// One vector, of which `count` lanes are in memory and `valid` have a channel.
void Emitter::emitVector(ArrayRef<Index> sources, Index target, int64_t count,
                         ValueRange perChannel, int64_t valid) {
  int64_t lanes = getLanes();
  SmallVector<Value> arguments;
  for (auto [input, source, constant] :
       llvm::zip_equal(inputs, sources, perChannel)) {
    Value vector = constant;
    if (!vector) {
      vector = k.loadPartial(input.from.buffer, source, lanes, count);
      if (input.from.quant)
        vector = k.dequantize(vector, input.from.quant);
    }
    arguments.push_back(vector);
  }
  Value result = map::emitBody(k, op.getBody().front(), arguments);
  if (to.block > 1 && valid < lanes) {
    // What the region makes of the tail may be infinite.
    SmallVector<bool> bits(lanes, false);
    std::fill_n(bits.begin(), valid, true);
    Value mask = k.constant(DenseElementsAttr::get(
        VectorType::get(lanes, k.b.getI1Type()), ArrayRef(bits)));
    result = arith::SelectOp::create(k.b, mask, result, k.splatF32(0.0, lanes));
  }
  k.storePartial(to.quant ? k.quantize(result, to.quant) : result, to.buffer,
                 target, count);
}

/// `count` elements of the row that starts at `position`.
void Emitter::emitRow(ArrayRef<Index> position, int64_t count,
                      ValueRange perChannel, int64_t valid) {
  auto getStart = [&](const Activation &a) {
    return a.offset(k, position[0], position[1], position[2], position[3]);
  };
  SmallVector<Index> starts;
  for (const Input &input : inputs)
    starts.push_back(input.perChannel ? Index(0) : getStart(input.from));
  Index target = getStart(to);
  int64_t lanes = getLanes();
  auto emitAt = [&](Index at, int64_t count) {
    SmallVector<Index> sources;
    for (Index start : starts)
      sources.push_back(k.add(start, at));
    emitVector(sources, k.add(target, at), count, perChannel, valid);
  };
  auto emitVectorAt = [&](Index i) { emitAt(k.mul(i, lanes), lanes); };
  // Long bodies hide their latency by themselves.
  constexpr size_t kShortBody = 8;
  if (op.getBody().front().getOperations().size() <= kShortBody)
    forEachUnrolled(k, count / lanes, emitVectorAt);
  else
    k.forLoop(0, count / lanes, 1, emitVectorAt);
  if (int64_t rest = count % lanes)
    emitAt(count - rest, rest);
}

/// The only row, in stretches.
void Emitter::emitStretches() {
  int64_t length = kVectorsOfUnit * getLanes(), count = to.shape[3];
  SmallVector<Value> perChannel(inputs.size());
  k.parallelFor(0, count / length, 1, [&](Index i) {
    emitRow({0, 0, 0, k.mul(i, length)}, length, perChannel, 1);
  });
  if (int64_t rest = count % length)
    k.parallelOnce(
        [&] { emitRow({0, 0, 0, count - rest}, rest, perChannel, 1); },
        KernelBuilder::Units::Joined);
}

void Emitter::emitPlane(Index n, Index channelBlock, int64_t valid) {
  SmallVector<Value> perChannel = loadPerChannel(channelBlock, valid);
  int64_t rows = to.shape[2];
  forRowsOfGroup(k, to.channelBlocks(), rows, 0, rows, [&](Index h) {
    emitRow({n, channelBlock, h, 0}, to.shape[3] * to.block, perChannel, valid);
  });
}

void Emitter::emitPlanes(Index n) {
  int64_t complete = to.shape[1] / to.block, valid = to.shape[1] % to.block;
  forChannelGroups(k, complete, to.shape[2], [&](Index channelBlock) {
    emitPlane(n, channelBlock, to.block);
  });
  auto emitLast = [&] { emitPlane(n, complete, valid); };
  if (valid && areEnoughRows(to.shape[2]))
    emitLast();
  else if (valid)
    k.parallelOnce(emitLast, complete ? KernelBuilder::Units::Joined
                                      : KernelBuilder::Units::Own);
}

void Emitter::run() {
  fillSharedBorder(k, to, to.shape.size() == 4 ? to.shape[2] : 1);
  normalize();
  if (isOneRow)
    emitStretches();
  else
    k.forLoop(0, to.shape[0], 1, [&](Index n) { emitPlanes(n); });
  map::expandMath(k.b.getInsertionBlock(), k.target);
}

namespace {

struct Map final : KernelFamily {
  StringRef getName() const override { return "map"; }
  int getPriority() const override { return 10; }

  bool accepts(Operation *op, const KernelTarget &target,
               std::string &reason) const override {
    auto map = dyn_cast<MapOp>(op);
    if (!map) {
      reason = "implements mpq.map only";
      return false;
    }
    if (!map::isVectorizable(map.getBody().front(), reason))
      return false;
    auto type = cast<ShapedType>(map.getInit().getType());
    if (!type.hasStaticShape() && !map::isOnRows(map)) {
      reason = "has rank " + std::to_string(type.getRank()) +
               " and dynamic sizes";
      return false;
    }
    for (auto [index, input] : llvm::enumerate(map.getInputs()))
      if (cast<ShapedType>(input.getType()).getRank() > 1 &&
          getBlock(map.getActivationLayout(index)) !=
              getBlock(map.getOutputLayoutAttr())) {
        reason = "has activations that are not in blocks of one size";
        return false;
      }
    return true;
  }

  KernelLayouts getLayouts(Operation *op,
                           const KernelTarget &target) const override {
    std::string reason;
    if (isOnBlocks(op, target, reason))
      return getVectorLayouts(op, target);
    KernelLayouts plain;
    plain.activations.resize(cast<MapOp>(op).getInputs().size());
    return plain;
  }

  void emit(OpBuilder &builder, Location loc, Operation *op,
            const KernelTarget &target, ValueRange operands) const override {
    KernelBuilder k(builder, loc, target);
    auto map = cast<MapOp>(op);
    if (map::isOnRows(map))
      return map::emitRows(k, map, operands);
    Emitter(k, map, operands).run();
  }

private:
  static int64_t getBlock(BlockedAttr layout) {
    return layout ? layout.getBlock() : 1;
  }
};

} // namespace

namespace mpq {
void registerKernelFamilyMap(DialectRegistry &) {
  Registry<KernelFamily>::get().add("map", std::make_unique<Map>());
}
} // namespace mpq
