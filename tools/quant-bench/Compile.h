//===----------------------------------------------------------------------===//
// Part of MPQ, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//===----------------------------------------------------------------------===//
//
// From a problem to functions in this process, the way the compiler goes: the
// op on tensors chooses a family, the family its layouts; the op on memrefs
// becomes a kernel by `mpq-emit-kernels`.
//
//===----------------------------------------------------------------------===//
#ifndef MPQ_TOOLS_QUANT_BENCH_COMPILE_H
#define MPQ_TOOLS_QUANT_BENCH_COMPILE_H

#include "Problem.h"

#include "mpq/Analysis/Cost.h"
#include "mpq/Execution/Jit.h"
#include "mpq/Kernel/KernelFamily.h"

#include <memory>

namespace mpq {

/// How one activation is stored.
struct Storage {
  /// Null: plain.
  BlockedAttr layout;
  /// Null: floats. Dynamic: floats that the kernel quantizes.
  UniformAttr quant;
  /// Whether floats are bf16.
  bool bf16 = false;
  mlir::MemRefType type;

  bool isCodes() const { return quant && !quant.isDynamic(); }

  /// The element index of logical (n, c, h, w) of `shape`.
  int64_t at(llvm::ArrayRef<int64_t> shape, int64_t n, int64_t c, int64_t h,
             int64_t w) const;
  int64_t elements() const { return type.getNumElements(); }
  int64_t bytes() const { return elements() * (isCodes() ? 1 : bf16 ? 2 : 4); }
};

struct CompiledProblem {
  std::string family;
  KernelWork work;
  Storage input, residual, result;
  /// Null for f32 weights.
  FormatAttrInterface format;
  int64_t packedBytes = 0;
  /// Where bits are counted: how many pairs of bits make up one product.
  int64_t planePairs = 0;
  std::vector<char> object;
  /// Machine code of the kernel and of the packing.
  int64_t codeBytes = 0;
  double seconds = 0;
  std::unique_ptr<Jit> jit;
  /// (weight or payload, packed)
  void (*pack)(void *, void *) = nullptr;
  /// (input, packed, [bias], [residual], result, [rows], [part, parts]): the
  /// operands that are there, a pointer to the number of rows if it is dynamic,
  /// and with several threads which part is to be done of how many.
  void *run = nullptr;
};

/// The target of a problem: that of its `isa`, or else of `mcpu`; an error
/// where this machine lacks one of the instruction sets.
llvm::Expected<TargetSpec> getProblemTarget(const Problem &problem,
                                            llvm::StringRef mcpu);

/// `family` restricts the choice to one family (empty: the first that accepts).
/// With `dump`, prints the kernel's IR instead of only compiling it. Products are cut
/// as `costs` says where it is for the target's CPU; null: the table that MPQ comes
/// with.
llvm::Expected<CompiledProblem>
compileProblem(mlir::MLIRContext &context, const Problem &problem,
               const TargetSpec &target, llvm::StringRef family, bool dump,
               const CostTable *costs = nullptr);

} // namespace mpq

#endif // MPQ_TOOLS_QUANT_BENCH_COMPILE_H
