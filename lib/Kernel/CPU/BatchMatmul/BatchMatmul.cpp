//===----------------------------------------------------------------------===//
// Part of MPQ, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//===----------------------------------------------------------------------===//
//
// Products of two activations: C[b, m, n] += sum over k of A[b, m, k] B[b, k,
// n].
//
// There is no op of ours for them: the kernel takes what is left of linalg, a
// generic contraction with any number of batch dimensions, some of which A or B
// may lack or repeat. All sizes may be known at run time only.
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

#include "mpq/Kernel/KernelBuilder.h"

#include "mlir/Dialect/Linalg/IR/Linalg.h"

using namespace mlir;
using namespace mpq;

namespace {

/// The body: yield(sum + a * b).
bool addsProduct(linalg::GenericOp op) {
  Block &body = op.getRegion().front();
  auto yield = cast<linalg::YieldOp>(body.getTerminator());
  auto sum = yield.getNumOperands() == 1
                 ? yield.getOperand(0).getDefiningOp<arith::AddFOp>()
                 : nullptr;
  if (!sum || !sum.getType().isF32() || body.getNumArguments() != 3)
    return false;
  for (auto [carried, added] :
       {std::pair(sum.getLhs(), sum.getRhs()), {sum.getRhs(), sum.getLhs()}}) {
    auto product = added.getDefiningOp<arith::MulFOp>();
    if (carried != body.getArgument(2) || !product)
      continue;
    Value a = body.getArgument(0), b = body.getArgument(1);
    return (product.getLhs() == a && product.getRhs() == b) ||
           (product.getLhs() == b && product.getRhs() == a);
  }
  return false;
}

/// Whether `map` is (batches..., d[row], d[column]), where a batch dimension is
/// one of the first `batches` loops or the constant 0.
bool isMatrixStack(AffineMap map, unsigned batches, unsigned row,
                   unsigned column) {
  unsigned rank = map.getNumResults();
  auto isDim = [&](unsigned result, unsigned dim) {
    return map.getResult(result) == getAffineDimExpr(dim, map.getContext());
  };
  if (rank < 2 || !isDim(rank - 2, row) || !isDim(rank - 1, column))
    return false;
  return llvm::all_of(map.getResults().drop_back(2), [&](AffineExpr expr) {
    if (auto dim = dyn_cast<AffineDimExpr>(expr))
      return dim.getPosition() < batches;
    return expr == getAffineConstantExpr(0, map.getContext());
  });
}

std::string getObstacle(Operation *op) {
  auto generic = dyn_cast<linalg::GenericOp>(op);
  if (!generic)
    return ("the op is " + op->getName().getStringRef() +
            ", not linalg.generic")
        .str();
  if (generic.getNumDpsInputs() != 2 || generic.getNumDpsInits() != 1 ||
      generic.getNumReductionLoops() != 1 || !addsProduct(generic))
    return "the op is not a sum of products of two f32 operands";
  for (Type type : op->getOperandTypes())
    if (auto memref = dyn_cast<MemRefType>(type);
        memref && !memref.getLayout().isIdentity())
      return "an operand is a part of a buffer";
  SmallVector<AffineMap> maps = generic.getIndexingMapsArray();
  unsigned loops = generic.getNumLoops();
  unsigned batches = loops - 3, m = loops - 3, n = loops - 2, k = loops - 1;
  if (loops < 3 ||
      generic.getIteratorTypesArray().back() != utils::IteratorType::reduction)
    return "the sum is not over the innermost loop of a matrix product";
  if (!isMatrixStack(maps[0], batches, m, k) ||
      !isMatrixStack(maps[1], batches, k, n) ||
      !maps[2].isProjectedPermutation() ||
      maps[2] != AffineMap::getMultiDimIdentityMap(loops, op->getContext())
                     .getMajorSubMap(loops - 1))
    return "the operands are not stacks of row-major matrices";
  return "";
}

class Emitter {
public:
  Emitter(OpBuilder &builder, Location loc, linalg::GenericOp op,
          const KernelTarget &target, ValueRange operands)
      : k(builder, loc, target), maps(op.getIndexingMapsArray()),
        lanes(target.lanes()), tile(target.vectorRegisters >= 32 ? 8 : 4),
        operands(operands) {
    Value c = operands[2];
    int64_t rank = cast<MemRefType>(c.getType()).getRank();
    m = k.dim(c, rank - 2);
    n = k.dim(c, rank - 1);
    Value a = operands[0];
    depth = k.dim(a, cast<MemRefType>(a.getType()).getRank() - 1);
    for (Value operand : operands)
      buffers.push_back(k.flatten(operand));
  }

  void emit() {
    SmallVector<Index> batch;
    emitBatches(batch);
  }

private:
  void emitBatches(SmallVectorImpl<Index> &batch) {
    int64_t outer = cast<MemRefType>(operands[2].getType()).getRank() - 2;
    if (int64_t(batch.size()) == outer)
      return emitMatrix(batch);
    k.parallelFor(0, k.dim(operands[2], batch.size()), 1, [&](Index i) {
      batch.push_back(i);
      emitBatches(batch);
      batch.pop_back();
    });
  }

  /// Where the matrix of `batch` of an operand begins.
  Index getStart(unsigned operand, ArrayRef<Index> batch) {
    Value memref = operands[operand];
    ArrayRef<AffineExpr> exprs = maps[operand].getResults();
    Index at = 0;
    for (auto [d, expr] : llvm::enumerate(exprs.drop_back(2))) {
      auto dim = dyn_cast<AffineDimExpr>(expr);
      at = k.mul(at, k.dim(memref, d));
      if (dim)
        at = k.add(at, batch[dim.getPosition()]);
    }
    for (size_t d = exprs.size() - 2; d < exprs.size(); ++d)
      at = k.mul(at, k.dim(memref, d));
    return at;
  }

  void emitMatrix(ArrayRef<Index> batch) {
    Index a = getStart(0, batch), b = getStart(1, batch),
          c = getStart(2, batch);
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
  SmallVector<AffineMap> maps;
  int64_t lanes, tile;
  ValueRange operands;
  SmallVector<Value> buffers;
  Index m, n, depth;
};

class BatchMatmul final : public KernelFamily {
public:
  StringRef getName() const override { return "batch_matmul"; }
  int getPriority() const override { return 100; }

  bool accepts(Operation *op, const KernelTarget &,
               std::string &reason) const override {
    reason = getObstacle(op);
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
