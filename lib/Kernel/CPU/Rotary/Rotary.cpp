//===----------------------------------------------------------------------===//
// Part of MPQ, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//===----------------------------------------------------------------------===//
//
// Rotary position embedding in vectors: the halves of a head are two runs of
// elements, each half of the result is two multiplications of whole vectors.
// The factors of a position are loaded once for all its heads.
//
//===----------------------------------------------------------------------===//

#include "mpq/Kernel/RowFamily.h"

#include "mlir/Dialect/Arith/IR/Arith.h"

using namespace mlir;
using namespace mpq;

namespace {

class RotaryEmitter {
public:
  RotaryEmitter(KernelBuilder &k, RotaryOp op, ValueRange operands)
      : k(k), op(op), half(op.getHeadSize() / 2) {
    auto type = cast<ShapedType>(operands[0].getType());
    positions = k.dim(operands[0], type.getRank() - 2);
    sequences = k.rows(operands[0], 2);
    pitch = type.getShape().back();
    from = k.flatten(operands[0]);
    cos = k.flatten(operands[1]);
    sin = k.flatten(operands[2]);
    to = k.flatten(operands[3]);
    // Short halves are short vectors.
    lanes = std::min<int64_t>(k.target.lanes(), llvm::PowerOf2Ceil(half));
  }

  void emit() {
    k.parallelFor(0, sequences, 1, [&](Index sequence) {
      k.parallelFor(0, positions, 1, [&](Index position) {
        emitRow(k.add(k.mul(sequence, positions), position), position);
      });
    });
  }

private:
  void emitRow(Index row, Index position) {
    int64_t heads = op.getHeads();
    Index source = k.mul(row, pitch) + op.getOffset();
    Index target = k.mul(row, heads * 2 * half);
    Index factors = k.mul(position, half);
    for (int64_t d = 0; d < half; d += lanes) {
      int64_t valid = std::min(lanes, half - d);
      auto load = [&](Value buffer, Index at) {
        return k.loadPartial(buffer, at + d, lanes, valid);
      };
      Value cosine = load(cos, factors), sine = load(sin, factors);
      Value minusSine = arith::NegFOp::create(k.b, sine);
      k.forLoop(0, heads, 1, [&](Index head) {
        Index at = k.mul(head, 2 * half);
        Value low = load(from, k.add(source, at));
        Value high = load(from, k.add(source, at) + half);
        auto store = [&](Value value, int64_t offset) {
          k.storePartial(value, to, k.add(target, at) + (offset + d), valid);
        };
        store(k.fma(high, minusSine, k.mulf(low, cosine)), 0);
        store(k.fma(low, sine, k.mulf(high, cosine)), half);
      });
    }
  }

  KernelBuilder &k;
  RotaryOp op;
  int64_t half, pitch, lanes;
  Index sequences, positions;
  Value from, cos, sin, to;
};

class Rotary final : public RowFamily<RotaryOp> {
public:
  StringRef getName() const override { return "rotary"; }

  void emit(OpBuilder &builder, Location loc, Operation *op,
            const KernelTarget &target, ValueRange operands) const override {
    KernelBuilder k(builder, loc, target);
    RotaryEmitter(k, cast<RotaryOp>(op), operands).emit();
  }
};

} // namespace

namespace mpq {
void registerKernelFamilyRotary(DialectRegistry &) {
  Registry<KernelFamily>::get().add("rotary", std::make_unique<Rotary>());
}
} // namespace mpq
