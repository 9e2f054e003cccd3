//===----------------------------------------------------------------------===//
// Part of MPQ, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//===----------------------------------------------------------------------===//
//
// What one thread of a GPU kernel does, written down shortly.
//
// Numbers are i32 (index arithmetic in 64 bits costs registers), addresses are
// LLVM pointers: global (1) and shared (3). Arithmetic with constants folds.
// Alignment is always said, since without it a vector load becomes scalar ones.
//
//===----------------------------------------------------------------------===//
#ifndef MPQ_KERNEL_NVVM_MATMULW4A16_THREADBUILDER_H
#define MPQ_KERNEL_NVVM_MATMULW4A16_THREADBUILDER_H

#include "mlir/Dialect/LLVMIR/NVVMDialect.h"
#include "mlir/IR/ImplicitLocOpBuilder.h"
#include "llvm/ADT/STLFunctionalExtras.h"

namespace mpq::w4a16 {

class ThreadBuilder {
public:
  ThreadBuilder(mlir::OpBuilder &builder, mlir::Location loc)
      : b(loc, builder), entry(builder.getInsertionBlock()) {}

  mlir::ImplicitLocOpBuilder b;

  //===--- Constants and types --------------------------------------------===//

  mlir::Type i32Type() { return b.getI32Type(); }
  mlir::Type f32Type() { return b.getF32Type(); }
  mlir::Type f16Type() { return b.getF16Type(); }
  mlir::Type pairType() { return mlir::VectorType::get(2, f16Type()); }
  mlir::Value i32(int64_t value) { return constant(b.getI32IntegerAttr(value)); }
  mlir::Value i64(int64_t value) {
    return constant(b.getI64IntegerAttr(value));
  }
  mlir::Value f32(double value) { return constant(b.getF32FloatAttr(value)); }
  mlir::Value pair(double value); ///< two equal f16
  mlir::Value constant(mlir::TypedAttr value);

  //===--- i32 arithmetic -------------------------------------------------===//

  mlir::Value add(mlir::Value x, mlir::Value y);
  mlir::Value add(mlir::Value x, int64_t y);
  mlir::Value sub(mlir::Value x, mlir::Value y);
  mlir::Value mul(mlir::Value x, int64_t y);
  mlir::Value div(mlir::Value x, int64_t y); ///< unsigned, as all of these
  mlir::Value rem(mlir::Value x, int64_t y);
  mlir::Value exclusiveOr(mlir::Value x, mlir::Value y);
  mlir::Value min(mlir::Value x, mlir::Value y);
  mlir::Value min(mlir::Value x, int64_t y) { return min(x, i32(y)); }
  mlir::Value lessThan(mlir::Value x, mlir::Value y);
  mlir::Value lessThan(mlir::Value x, int64_t y) { return lessThan(x, i32(y)); }
  mlir::Value equal(mlir::Value x, int64_t y);
  mlir::Value both(mlir::Value x, mlir::Value y); ///< of i1; null is true
  mlir::Value select(mlir::Value condition, mlir::Value x, mlir::Value y);

  //===--- Control --------------------------------------------------------===//

  /// `body` returns what the next iteration gets.
  using LoopBody = llvm::function_ref<llvm::SmallVector<mlir::Value>(
      mlir::Value, mlir::ValueRange)>;
  llvm::SmallVector<mlir::Value> forLoop(int64_t upper, mlir::ValueRange init,
                                         LoopBody body);
  /// A null condition is true.
  void ifThen(mlir::Value condition, llvm::function_ref<void()> body);
  /// `values`, or where the condition holds what `body` makes of them.
  llvm::SmallVector<mlir::Value>
  ifThen(mlir::Value condition, mlir::ValueRange values,
         llvm::function_ref<llvm::SmallVector<mlir::Value>()> body);
  void barrier();

  //===--- Memory ---------------------------------------------------------===//

  /// `pointer` + `bytes` (i32 or i64) + `more`.
  mlir::Value advance(mlir::Value pointer, mlir::Value bytes, int64_t more = 0);
  mlir::Value advance(mlir::Value pointer, int64_t bytes);
  /// `pointer` + `index` * `pitch` in 64 bits, for distances beyond 2 GiB.
  mlir::Value advanceFar(mlir::Value pointer, mlir::Value index, int64_t pitch);
  mlir::Value load(mlir::Type type, mlir::Value pointer, unsigned alignment);
  void store(mlir::Value value, mlir::Value pointer, unsigned alignment);
  /// 16 bytes from global to shared memory, asynchronously, of which `bytes`
  /// (null: all) are read and the rest becomes zero; nothing where `condition`
  /// (null: true) is false. There is no branch: `wgmma` goes on beside it.
  void copyAsync(mlir::Value shared, mlir::Value global, mlir::Value bytes,
                 mlir::Value condition);
  /// What this thread wrote is seen by the whole GPU before what it does next.
  void fence();
  /// Adds to an i32 in global memory; what it was before.
  mlir::Value atomicAdd(mlir::Value pointer, int64_t value);
  void commitCopies();
  void waitForCopies(unsigned groupsInFlight);

  //===--- Vectors --------------------------------------------------------===//

  mlir::Value element(mlir::Value vector, int64_t at);
  mlir::Value vector(llvm::ArrayRef<mlir::Value> elements);
  mlir::Value bitcast(mlir::Type type, mlir::Value value);
  mlir::Value fma(mlir::Value x, mlir::Value y, mlir::Value z);

  //===--- What has no op -------------------------------------------------===//

  /// A PTX instruction (`type` null: without a result); with `hasEffects`, one
  /// that memory accesses do not pass.
  mlir::Value assembly(mlir::Type type, mlir::ValueRange operands,
                       llvm::StringRef text, std::string constraints,
                       bool hasEffects);

private:
  mlir::Block *entry;
  llvm::DenseMap<mlir::Attribute, mlir::Value> constants;
};

} // namespace mpq::w4a16

#endif // MPQ_KERNEL_NVVM_MATMULW4A16_THREADBUILDER_H
