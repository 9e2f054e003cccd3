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
// Where no operand has a border, rows that follow each other are one row. Plain
// results of rank 1 and 2 are Rows.h's.
//
//===----------------------------------------------------------------------===//

#include "Body.h"
#include "Rows.h"

#include "mpq/Kernel/Elements.h"

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

  Emitter(KernelBuilder &k, MapOp op, ValueRange operands);
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
  void run();
};

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

/// Makes every shape N x C x H x W with rows as long as possible.
void Emitter::normalize() {
  bool perChannel =
      llvm::any_of(inputs, [](const Input &input) { return input.perChannel; });
  bool tail = to.shape.size() == 4 && to.shape[1] % to.block;
  SmallVector<int64_t, 4> shape = to.shape;
  int64_t rest = 1;
  for (size_t d = 2; d < shape.size(); ++d)
    rest *= shape[d];
  if (hasBorder())
    return;
  if (!perChannel && !tail) {
    int64_t elements = rest;
    for (size_t d = 0; d < std::min<size_t>(2, shape.size()); ++d)
      elements *= shape[d];
    shape = {1, 1, 1, elements};
  } else if (to.block == 1 && rest == 1) {
    shape = {1, shape[0], 1, shape[1]}; // N rows of C
    channelsInRow = true;
  } else {
    shape = {shape[0], shape[1], 1, rest};
  }
  to.shape = shape;
  if (!perChannel && !tail)
    to.block = 1;
  for (Input &input : inputs)
    if (!input.perChannel) {
      input.from.shape = shape;
      input.from.block = to.block;
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

void Emitter::run() {
  k.fillBorder(to);
  normalize();
  k.forLoop(0, to.shape[0], 1, [&](Index n) {
    forEachChannelBlock(k, to, [&](Index channelBlock, int64_t valid) {
      SmallVector<Value> perChannel = loadPerChannel(channelBlock, valid);
      k.forLoop(0, to.shape[2], 1, [&](Index h) {
        emitRow({n, channelBlock, h, 0}, to.shape[3] * to.block, perChannel,
                valid);
      });
    });
  });
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
