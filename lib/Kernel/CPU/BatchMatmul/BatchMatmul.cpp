//===----------------------------------------------------------------------===//
// Part of MPQ, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//===----------------------------------------------------------------------===//
//
// Products of two activations in f32 (Contraction.h says which).
//
// B is used once for each row tile of A, so it is read as it lies:
//
//     for batch, columns (two vectors of them), row tile:
//       sums = C; for k: sums[row][v] += A[row][k] * B[k][v]; C = sums
//
//     registers    32: 8 rows x 2 vectors of sums, 2 of B, 1 broadcast
//                  16: 4 rows x 2
//
// Each element is summed in the order of k, whatever tile it is in.
//
//===----------------------------------------------------------------------===//

#include "lib/Kernel/CPU/BatchMatmul/Contraction.h"
#include "mpq/Kernel/QuantizedProduct.h"

using namespace mlir;
using namespace mpq;

namespace {

class Emitter {
public:
  Emitter(OpBuilder &builder, Location loc, linalg::GenericOp op,
          const KernelTarget &target, ValueRange operands)
      : k(builder, loc, target), matrices(k, op, operands),
        buffers(matrices.buffers), m(matrices.rows), n(matrices.columns),
        depth(matrices.depth), lanes(target.lanes()),
        tile(target.vectorRegisters >= 32 ? 8 : 4) {}

  void emit() {
    matrices.forEachProduct(
        [&](Index a, Index b, Index c) { emitMatrix(a, b, c); });
  }

private:
  void emitMatrix(Index a, Index b, Index c) {
    constexpr int64_t kVectors = 2;
    int64_t panel = kVectors * lanes;
    auto emitPanel = [&](Index column, int64_t vectors, Index valid) {
      k.forRowTiles(m, tile, [&](Index row, int64_t rows) {
        emitTile(k.add(a, k.mul(row, depth)), k.add(b, column),
                 k.add(k.add(c, k.mul(row, n)), column), rows, vectors, valid);
      });
    };
    Index whole = k.mul(k.floorDiv(n, panel), panel);
    k.parallelFor(0, whole, panel,
                  [&](Index column) { emitPanel(column, kVectors, panel); });
    k.parallelFor(
        whole, n, lanes,
        [&](Index column) {
          emitPanel(column, 1, k.min(k.sub(n, column), lanes));
        },
        KernelBuilder::Units::Joined);
  }

  /// `valid` of the columns of the tile exist.
  void emitTile(Index a, Index b, Index c, int64_t rows, int64_t vectors,
                Index valid) {
    bool isWhole = valid.isConstant() && valid.offset == vectors * lanes;
    auto load = [&](Value buffer, Index at) {
      return isWhole ? k.loadVector(buffer, at, lanes)
                     : k.loadPartial(buffer, at, lanes, valid);
    };
    SmallVector<Value> sums;
    for (int64_t row = 0; row < rows; ++row)
      for (int64_t v = 0; v < vectors; ++v)
        sums.push_back(load(buffers[2], k.add(c, k.mul(n, row)) + v * lanes));
    sums = k.forLoop(0, depth, 1, sums, [&](Index i, ValueRange carried) {
      SmallVector<Value> next(carried);
      SmallVector<Value> right;
      for (int64_t v = 0; v < vectors; ++v)
        right.push_back(load(buffers[1], k.add(b, k.mul(i, n)) + v * lanes));
      for (int64_t row = 0; row < rows; ++row) {
        Value left = k.broadcast(
            k.load(buffers[0], k.add(k.add(a, k.mul(depth, row)), i)), lanes);
        for (int64_t v = 0; v < vectors; ++v) {
          Value &sum = next[row * vectors + v];
          sum = k.fma(left, right[v], sum);
        }
      }
      return next;
    });
    for (int64_t row = 0; row < rows; ++row)
      for (int64_t v = 0; v < vectors; ++v) {
        Index to = k.add(c, k.mul(n, row)) + v * lanes;
        Value sum = sums[row * vectors + v];
        if (isWhole)
          k.storeVector(sum, buffers[2], to);
        else
          k.storePartial(sum, buffers[2], to, valid);
      }
  }

  KernelBuilder k;
  contraction::Matrices matrices;
  ArrayRef<Value> buffers;
  Index m, n, depth;
  int64_t lanes, tile;
};

class BatchMatmul final : public KernelFamily {
public:
  StringRef getName() const override { return "batch_matmul"; }
  int getPriority() const override { return 100; }

  bool accepts(Operation *op, const KernelTarget &,
               std::string &reason) const override {
    reason = op->hasAttr(kQuantizedProductAttr)
                 ? "the operands are to be quantized"
                 : contraction::getObstacle(op);
    return reason.empty();
  }

  /// linalg has no layouts.
  KernelLayouts getLayouts(Operation *, const KernelTarget &) const override {
    return {};
  }

  void emit(OpBuilder &builder, Location loc, Operation *op,
            const KernelTarget &target, ValueRange operands) const override {
    Emitter(builder, loc, cast<linalg::GenericOp>(op), target, operands).emit();
  }
};

} // namespace

namespace mpq {
void registerKernelFamilyBatchMatmul(DialectRegistry &) {
  Registry<KernelFamily>::get().add("batch_matmul",
                                    std::make_unique<BatchMatmul>());
}
} // namespace mpq
