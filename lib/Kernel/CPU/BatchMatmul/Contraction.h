//===----------------------------------------------------------------------===//
// Part of MPQ, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//===----------------------------------------------------------------------===//
//
// What kernels for products of two activations have in common: they take what
// is left of linalg, a generic contraction with any number of batch dimensions,
// some of which A or B may lack or repeat. All sizes may be known at run time
// only.
//
//     C[b, m, n] += sum over k of A[b, m, k] B[b, k, n]
//
//===----------------------------------------------------------------------===//
#ifndef MPQ_LIB_KERNEL_CPU_BATCHMATMUL_CONTRACTION_H
#define MPQ_LIB_KERNEL_CPU_BATCHMATMUL_CONTRACTION_H

#include "mpq/Kernel/KernelBuilder.h"

#include "mlir/Dialect/Linalg/IR/Linalg.h"

namespace mpq::contraction {

/// Why `op` is no such product; empty if it is.
std::string getObstacle(mlir::Operation *op);

/// The operands of one.
class Matrices {
public:
  Matrices(KernelBuilder &k, mlir::linalg::GenericOp op,
           mlir::ValueRange operands);

  /// Flat A, B and C.
  llvm::SmallVector<mlir::Value> buffers;
  Index rows, columns, depth;

  /// `body` for each product, given where its matrices begin, in parallel loops.
  void forEachProduct(llvm::function_ref<void(Index a, Index b, Index c)> body);

private:
  Index getStart(unsigned operand, llvm::ArrayRef<Index> batch);

  KernelBuilder &k;
  llvm::SmallVector<mlir::AffineMap> maps;
  mlir::ValueRange operands;
  int64_t rank;
};

} // namespace mpq::contraction

#endif // MPQ_LIB_KERNEL_CPU_BATCHMATMUL_CONTRACTION_H
