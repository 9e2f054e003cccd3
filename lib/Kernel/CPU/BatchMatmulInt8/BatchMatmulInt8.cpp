//===----------------------------------------------------------------------===//
// Part of MPQ, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//===----------------------------------------------------------------------===//
//
// Products of two activations in 8 bits (QuantizedProduct.h has the arithmetic).
// Rows of A are codes without a sign, one of which is broadcast at a time;
// columns of B are lanes:
//
//     for batch, chunk of rows:
//       for each block of k:
//         pack the chunk's rows of A          u8 [k / 4][rows]
//         for columns (two vectors of them):
//           pack these columns of B           s8 [k / 4][columns]
//           for row tile: sums of dots; C += sums * scales
//
//     registers    32: 8 rows x 2 vectors of sums, 2 of B, 1 broadcast
//                  16: 4 rows x 2
//
// Sums are exact, and blocks follow each other: an element is the same in any
// tile.
//
//===----------------------------------------------------------------------===//

#include "lib/Kernel/CPU/BatchMatmul/Contraction.h"
#include "lib/Kernel/CPU/IntegerDots/IntegerDots.h"
#include "mpq/Kernel/QuantizedProduct.h"
#include "mpq/Kernel/SymmetricQuantization.h"

#include "mlir/Dialect/Arith/IR/Arith.h"

using namespace mlir;
using namespace mpq;
using namespace mpq::integer;

namespace {

constexpr int64_t kVectors = 2;
/// Rows for which columns of B are packed once.
constexpr int64_t kChunk = 64;

class Emitter {
public:
  Emitter(OpBuilder &builder, Location loc, linalg::GenericOp op,
          const KernelTarget &target, ValueRange operands)
      : k(builder, loc, target), matrices(k, op, operands),
        buffers(matrices.buffers), m(matrices.rows), n(matrices.columns),
        depth(matrices.depth), lanes(getLanes(target)) {
    isMany = !depth.isConstant() || depth.offset > kProductBlock;
    int64_t most = isMany ? kProductBlock : llvm::alignTo(depth.offset, kStep);
    int64_t panel = kVectors * lanes;
    auto integers = [&](int64_t count) {
      return k.stackBuffer(k.b.getI32Type(), count);
    };
    auto reals = [&](int64_t count) {
      return k.stackBuffer(k.b.getF32Type(), count);
    };
    // A step more than there are, for depths known at run time only.
    int64_t steps = most / kStep + 1;
    rows = {integers(steps * kChunk), reals(kChunk), Value(), kChunk,
            /*isBiased=*/true};
    columns = {integers(steps * panel), reals(panel), integers(panel), panel,
               /*isBiased=*/false};
    strip = reals(steps * kStep * lanes);
  }

  void emit() {
    matrices.forEachProduct([&](Index matrixA, Index b, Index matrixC) {
      k.parallelFor(0, m, kChunk, [&](Index row) {
        Index count = k.min(k.sub(m, row), kChunk);
        Index a = k.add(matrixA, k.mul(row, depth));
        Index c = k.add(matrixC, k.mul(row, n));
        if (!isMany) {
          // Each thread that has some of the columns packs these rows.
          packRows(a, count, depth);
          return emitPanels(b, c, count, depth, /*parallel=*/true);
        }
        k.forLoop(0, depth, kProductBlock, [&](Index from) {
          Index length = k.min(k.sub(depth, from), kProductBlock);
          packRows(k.add(a, from), count, length);
          emitPanels(k.add(b, k.mul(from, n)), c, count, length,
                     /*parallel=*/false);
        });
      });
    });
  }

private:
  void packRows(Index a, Index count, Index length) {
    k.forLoop(0, count, lanes, [&](Index column) {
      SmallVector<Index> starts;
      for (int64_t i = 0; i < lanes; ++i) {
        Index row = k.min(column + i, k.sub(count, 1));
        starts.push_back(k.add(a, k.mul(row, depth)));
      }
      integer::packRows(k, buffers[0], starts, length, 1.0, rows, column,
                        strip);
    });
  }

  void emitPanels(Index b, Index c, Index count, Index length, bool parallel) {
    int64_t panel = kVectors * lanes;
    auto loop = [&](Index from, Index to, int64_t step, KernelBuilder::Body body,
                    KernelBuilder::Units units) {
      if (parallel)
        k.parallelFor(from, to, step, body, units);
      else
        k.forLoop(from, to, step, body);
    };
    auto emitPanel = [&](Index column, int64_t vectors, Index valid) {
      for (int64_t v = 0; v < vectors; ++v)
        packColumns(k.add(b, column) + v * lanes, v, length,
                    valid.isConstant() ? Index(valid.offset - v * lanes)
                                       : valid);
      k.forRowTiles(count, k.target.vectorRegisters >= 32 ? 8 : 4,
                    [&](Index row, int64_t height) {
                      emitTile(k.add(k.add(c, k.mul(row, n)), column), row,
                               height, vectors, length, valid);
                    });
    };
    Index whole = k.mul(k.floorDiv(n, panel), panel);
    loop(
        0, whole, panel,
        [&](Index column) { emitPanel(column, kVectors, panel); },
        KernelBuilder::Units::Own);
    loop(
        whole, n, lanes,
        [&](Index column) {
          emitPanel(column, 1, k.min(k.sub(n, column), lanes));
        },
        KernelBuilder::Units::Joined);
  }

  /// One vector of columns, `valid` of which exist.
  void packColumns(Index b, int64_t vector, Index length, Index valid) {
    auto load = [&](Index row) {
      return k.loadPartial(buffers[1], k.add(b, k.mul(row, n)), lanes, valid);
    };
    Value largest = k.forLoop(0, length, 1, k.splatF32(0.0, lanes),
                              [&](Index row, ValueRange in) {
                                return SmallVector<Value>{
                                    includeMagnitude(k, load(row), in[0])};
                              })[0];
    SymmetricScale scale(k, largest, kSignedLevels);
    k.storeVector(scale.scale, columns.scales, vector * lanes);
    // Rows behind the last are zeros, to fill a step up.
    auto code = [&](Index row, bool isWhole) -> Value {
      Value zero = k.splatInteger(32, 0, lanes);
      Index last = k.sub(length, 1);
      Value x = load(isWhole ? row : k.min(row, last));
      Value code = roundToInteger(k, k.mulf(x, scale.inverse));
      if (isWhole)
        return code;
      Value exists = arith::CmpIOp::create(k.b, arith::CmpIPredicate::ule,
                                           k.value(row), k.value(last));
      return arith::SelectOp::create(k.b, exists, code, zero);
    };
    auto pack = [&](Index row, bool isWhole, Value sum) {
      SmallVector<Value, kStep> codes;
      for (int64_t i = 0; i < kStep; ++i) {
        codes.push_back(code(row + i, isWhole));
        sum = arith::AddIOp::create(k.b, sum, codes[i]);
      }
      Index step = k.floorDiv(row, kStep);
      k.storeVector(packCodes(k, codes, /*isSigned=*/true), columns.codes,
                    k.mul(step, columns.pitch) + vector * lanes);
      return SmallVector<Value>{sum};
    };
    Index whole = k.mul(k.floorDiv(length, kStep), kStep);
    auto sum = k.forLoop(
        0, whole, kStep, k.splatInteger(32, 0, lanes),
        [&](Index row, ValueRange in) { return pack(row, true, in[0]); });
    sum = k.forLoop(
        whole, length, kStep, sum,
        [&](Index row, ValueRange in) { return pack(row, false, in[0]); });
    k.storeVector(
        arith::MulIOp::create(k.b, sum[0], k.splatInteger(32, -128, lanes)),
        columns.sums, vector * lanes);
  }

  /// `valid` of the columns of the tile exist.
  void emitTile(Index c, Index row, int64_t height, int64_t vectors,
                Index length, Index valid) {
    SmallVector<Value> sums;
    for (int64_t i = 0; i < height; ++i)
      for (int64_t v = 0; v < vectors; ++v)
        sums.push_back(k.loadVector(columns.sums, v * lanes, lanes));
    Index steps = k.floorDiv(length + (kStep - 1), kStep);
    sums = k.forLoop(0, steps, 1, sums, [&](Index step, ValueRange in) {
      SmallVector<Value> next(in), right;
      k.keepLoadsInOrder();
      for (int64_t v = 0; v < vectors; ++v)
        right.push_back(k.loadVector(columns.codes,
                                     k.mul(step, columns.pitch) + v * lanes,
                                     lanes));
      Index at = k.add(k.mul(step, rows.pitch), row);
      for (int64_t i = 0; i < height; ++i) {
        Value left = k.broadcast(k.load(rows.codes, at + i), lanes);
        for (int64_t v = 0; v < vectors; ++v) {
          Value &sum = next[i * vectors + v];
          sum = emitDot(k, sum, left, right[v]);
        }
      }
      return next;
    });
    for (int64_t i = 0; i < height; ++i) {
      Value rowScale = k.broadcast(k.load(rows.scales, row + i), lanes);
      for (int64_t v = 0; v < vectors; ++v) {
        Index to = k.add(c, k.mul(n, i)) + v * lanes;
        Index columnsLeft =
            valid.isConstant() ? Index(valid.offset - v * lanes) : valid;
        Value product = k.mulf(emitReal(k, sums[i * vectors + v]), rowScale);
        product =
            k.mulf(product, k.loadVector(columns.scales, v * lanes, lanes));
        Value old = k.loadPartial(buffers[2], to, lanes, columnsLeft);
        k.storePartial(k.addf(old, product), buffers[2], to, columnsLeft);
      }
    }
  }

  KernelBuilder k;
  contraction::Matrices matrices;
  ArrayRef<Value> buffers;
  Index m, n, depth;
  int64_t lanes;
  /// Whether there may be more than one block of k.
  bool isMany;
  PackedRows rows, columns;
  Value strip;
};

class BatchMatmulInt8 final : public KernelFamily {
public:
  StringRef getName() const override { return "batch_matmul_int8"; }
  int getPriority() const override { return 110; }

  bool accepts(Operation *op, const KernelTarget &,
               std::string &reason) const override {
    reason = op->hasAttr(kQuantizedProductAttr)
                 ? contraction::getObstacle(op)
                 : "the operands are not to be quantized";
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
void registerKernelFamilyBatchMatmulInt8(DialectRegistry &) {
  Registry<KernelFamily>::get().add("batch_matmul_int8",
                                    std::make_unique<BatchMatmulInt8>());
}
} // namespace mpq
