//===----------------------------------------------------------------------===//
// Part of MPQ, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//===----------------------------------------------------------------------===//
//
// Attention of all heads without a matrix of scores: tiles of queries, one head
// at a time, against blocks of keys (Tile.h says how). Any number of queries
// and keys, known at run time only if need be.
//
//===----------------------------------------------------------------------===//

#include "Tile.h"

#include "mpq/Kernel/RowFamily.h"

#include "mlir/Dialect/Arith/IR/Arith.h"

using namespace mlir;
using namespace mpq;
using namespace mpq::attention;

namespace {

/// Stack for a tile.
constexpr int64_t kScratchBytes = 128 * 1024;

class AttentionEmitter {
public:
  AttentionEmitter(KernelBuilder &k, AttentionOp op, ValueRange operands)
      : k(k), op(op), g(k, op, operands), scratch(k, op, g) {}

  void emit() {
    k.parallelFor(0, g.batches, 1, [&](Index batch) {
      k.parallelFor(0, g.heads, 1, [&](Index number) {
        emitHead(g.getHead(k, batch, number));
      });
    });
  }

private:
  /// Tiles of two vectors as long as more than one is needed, then one of one.
  void emitHead(const AttentionHead &head) {
    int64_t lanes = k.target.lanes(), width = kVectors * lanes;
    auto emitTile = [&](Index first, int64_t vectors, Index valid) {
      Tile(k, op, g, scratch, head, first, vectors, valid).emit();
    };
    Index pairs = k.floorDiv(g.queries + (lanes - 1), width);
    if (g.queries.isConstant()) {
      Index whole = g.queries.offset / width;
      k.parallelFor(0, whole.offset * width, width,
                    [&](Index first) { emitTile(first, kVectors, width); });
      if (int64_t rest = g.queries.offset % width)
        k.parallelOnce(
            [&] { emitTile(whole.offset * width, rest > lanes ? 2 : 1, rest); },
            KernelBuilder::Units::Joined);
      return;
    }
    k.parallelFor(0, pairs, 1, [&](Index pair) {
      Index first = k.mul(pair, width);
      emitTile(first, kVectors, k.min(k.sub(g.queries, first), width));
    });
    // At most one iteration.
    k.parallelFor(
        k.mul(pairs, width), g.queries, lanes,
        [&](Index first) { emitTile(first, 1, k.sub(g.queries, first)); },
        KernelBuilder::Units::Joined);
  }

  KernelBuilder &k;
  AttentionOp op;
  AttentionGeometry g;
  Scratch scratch;
};

class Attention final : public RowFamily<AttentionOp> {
public:
  StringRef getName() const override { return "attention"; }

  void emit(OpBuilder &builder, Location loc, Operation *op,
            const KernelTarget &target, ValueRange operands) const override {
    KernelBuilder k(builder, loc, target);
    AttentionEmitter(k, cast<AttentionOp>(op), operands).emit();
  }

protected:
  bool acceptsRows(AttentionOp op, const KernelTarget &target,
                   std::string &reason) const override {
    if (op.getOperandQuantAttr()) {
      reason = "the operands are to be quantized";
      return false;
    }
    int64_t bytes = Scratch::bytes(op, target);
    if (bytes <= kScratchBytes)
      return true;
    reason = "heads of " + std::to_string(op.getHeadSize()) + " and " +
             std::to_string(op.getValueSize()) + " elements need " + std::to_string(bytes) +
             " bytes of stack, more than " + std::to_string(kScratchBytes);
    return false;
  }
};

} // namespace

namespace mpq {
void registerKernelFamilyAttention(DialectRegistry &) {
  Registry<KernelFamily>::get().add("attention", std::make_unique<Attention>());
}
} // namespace mpq
