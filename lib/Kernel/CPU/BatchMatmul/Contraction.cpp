//===----------------------------------------------------------------------===//
// Part of MPQ, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//===----------------------------------------------------------------------===//
//
// Recognizing products of matrices among generic contractions, and where their
// matrices lie.
//
//===----------------------------------------------------------------------===//

#include "lib/Kernel/CPU/BatchMatmul/Contraction.h"

using namespace mlir;
using namespace mpq;
using namespace mpq::contraction;

/// The body: yield(sum + a * b).
static bool addsProduct(linalg::GenericOp op) {
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
static bool isMatrixStack(AffineMap map, unsigned batches, unsigned row,
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

std::string contraction::getObstacle(Operation *op) {
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

Matrices::Matrices(KernelBuilder &k, linalg::GenericOp op, ValueRange operands)
    : k(k), maps(op.getIndexingMapsArray()), operands(operands) {
  Value a = operands[0], c = operands[2];
  rank = cast<MemRefType>(c.getType()).getRank();
  rows = k.dim(c, rank - 2);
  columns = k.dim(c, rank - 1);
  depth = k.dim(a, cast<MemRefType>(a.getType()).getRank() - 1);
  for (Value operand : operands)
    buffers.push_back(k.flatten(operand));
}

/// Where the matrix of `batch` of an operand begins.
Index Matrices::getStart(unsigned operand, ArrayRef<Index> batch) {
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

void Matrices::forEachProduct(
    function_ref<void(Index a, Index b, Index c)> body) {
  SmallVector<Index> batch;
  auto nest = [&](auto &self) -> void {
    if (int64_t(batch.size()) == rank - 2)
      return body(getStart(0, batch), getStart(1, batch), getStart(2, batch));
    k.parallelFor(0, k.dim(operands[2], batch.size()), 1, [&](Index i) {
      batch.push_back(i);
      self(self);
      batch.pop_back();
    });
  };
  nest(nest);
}
