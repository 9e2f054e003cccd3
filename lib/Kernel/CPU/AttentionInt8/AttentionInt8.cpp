//===----------------------------------------------------------------------===//
// Part of MPQ, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//===----------------------------------------------------------------------===//
//
// Attention whose two products are sums of integers: u8 times s8, exact, by
// vpdpbusd where the target has it. Tile.h draws the loops.
//
//===----------------------------------------------------------------------===//

#include "lib/Kernel/CPU/AttentionInt8/Tile.h"

#include "mpq/Kernel/RowFamily.h"

#include "mlir/Dialect/Arith/IR/Arith.h"

using namespace mlir;
using namespace mpq;
using namespace mpq::attention_int8;

namespace {

/// Stack of a kernel.
constexpr int64_t kMaxBytes = 256 * 1024;

class AttentionEmitter {
public:
  AttentionEmitter(KernelBuilder &k, AttentionOp op, ValueRange operands)
      : k(k), op(op), g(k, op, operands), shape(op, k.target),
        scratch(k, shape, g), operands(k, op, g, shape, scratch) {}

  /// What is packed for all queries of a head is packed by each thread that has
  /// some of them.
  void emit() {
    k.parallelFor(0, g.batches, 1, [&](Index batch) {
      k.parallelFor(0, g.heads / g.group, 1, [&](Index group) {
        Index number = k.mul(group, g.group);
        if (!shape.isMany)
          operands.packKeys(g.getHead(k, batch, number), 0, g.keys);
        k.parallelFor(0, g.group, 1, [&](Index member) {
          emitHead(g.getHead(k, batch, k.add(number, member)));
        });
      });
    });
  }

private:
  void emitHead(const AttentionHead &head) {
    int64_t chunk = shape.chunk;
    if (!g.queries.isConstant())
      return k.parallelFor(0, g.queries, chunk, [&](Index first) {
        emitChunk(head, first, k.min(k.sub(g.queries, first), chunk));
      });
    int64_t whole = g.queries.offset / chunk * chunk;
    k.parallelFor(0, whole, chunk,
                  [&](Index first) { emitChunk(head, first, chunk); });
    if (int64_t rest = g.queries.offset - whole)
      k.parallelOnce([&] { emitChunk(head, whole, rest); },
                     whole ? KernelBuilder::Units::Joined
                           : KernelBuilder::Units::Own);
  }

  void emitChunk(const AttentionHead &head, Index first, Index count) {
    operands.packQueries(head, first, count);
    auto forEachTile = [&](function_ref<void(Tile &)> body) {
      forEachTilePlace(count, [&](Index column, int64_t vectors, Index valid) {
        Tile tile(k, op, g, shape, scratch, operands.hasKeyBias(), head, first,
                  column, vectors, valid);
        body(tile);
      });
    };
    if (!shape.isMany) {
      operands.packKeyBias(head, 0, g.keys);
      return forEachTile([&](Tile &tile) {
        tile.start();
        tile.emitBlock(0, g.keys);
      });
    }
    forEachTile([](Tile &tile) { tile.start(); });
    Index end = op.getCausal() ? k.min(k.add(first, count), g.keys) : g.keys;
    k.forLoop(0, end, kAttentionBlock, [&](Index key) {
      Index block = k.min(k.sub(g.keys, key), kAttentionBlock);
      operands.packKeys(head, key, block);
      operands.packKeyBias(head, key, block);
      forEachTile([&](Tile &tile) { tile.emitBlock(key, block); });
    });
    forEachTile([](Tile &tile) { tile.finish(); });
  }

  /// Tiles of two vectors as long as more than one is needed, then one of one.
  void forEachTilePlace(Index count,
                        function_ref<void(Index, int64_t, Index)> body) {
    int64_t lanes = shape.lanes, width = shape.width();
    Index pairs = k.floorDiv(count + (lanes - 1), width);
    if (count.isConstant()) {
      Index whole = count.offset / width * width;
      k.forLoop(0, whole, width,
                [&](Index column) { body(column, kVectors, width); });
      if (int64_t rest = count.offset % width)
        body(whole, rest > lanes ? 2 : 1, rest);
      return;
    }
    k.forLoop(0, pairs, 1, [&](Index pair) {
      Index column = k.mul(pair, width);
      body(column, kVectors, k.min(k.sub(count, column), width));
    });
    // At most one iteration.
    k.forLoop(k.mul(pairs, width), count, lanes, [&](Index column) {
      body(column, 1, k.sub(count, column));
    });
  }

  KernelBuilder &k;
  AttentionOp op;
  AttentionGeometry g;
  Shape shape;
  Scratch scratch;
  Operands operands;
};

class AttentionInt8 final : public RowFamily<AttentionOp> {
public:
  StringRef getName() const override { return "attention_int8"; }
  int getPriority() const override { return 110; }

  void emit(OpBuilder &builder, Location loc, Operation *op,
            const KernelTarget &target, ValueRange operands) const override {
    KernelBuilder k(builder, loc, target);
    AttentionEmitter(k, cast<AttentionOp>(op), operands).emit();
  }

protected:
  bool acceptsRows(AttentionOp op, const KernelTarget &target,
                   std::string &reason) const override {
    if (!op.getOperandQuantAttr()) {
      reason = "the operands are not to be quantized";
      return false;
    }
    int64_t bytes = Shape(op, target).bytes();
    if (bytes <= kMaxBytes)
      return true;
    reason = "heads of " + std::to_string(op.getHeadSize()) + " and " +
             std::to_string(op.getValueSize()) + " elements need " +
             std::to_string(bytes) + " bytes of stack, more than " +
             std::to_string(kMaxBytes);
    return false;
  }
};

} // namespace

namespace mpq {
void registerKernelFamilyAttentionInt8(DialectRegistry &) {
  Registry<KernelFamily>::get().add("attention_int8",
                                    std::make_unique<AttentionInt8>());
}
} // namespace mpq
