//===----------------------------------------------------------------------===//
// Part of MPQ, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//===----------------------------------------------------------------------===//
//
// Problems as machine code of one kernel family, with buffers around which
// every stray access is noticed.
//
//===----------------------------------------------------------------------===//
#ifndef MPQ_TEST_KERNEL_INTEGER_COMPILED_H
#define MPQ_TEST_KERNEL_INTEGER_COMPILED_H

#include "Problem.h"

#include "mpq/Execution/Jit.h"
#include "mpq/Kernel/KernelFamily.h"
#include "mpq/Kernel/WeightReader.h"

#include <memory>

namespace mpq::test {

/// Bytes that end where a page without access begins. What lies before them
/// in their page is checked by `isIntact`.
class GuardedBuffer {
public:
  explicit GuardedBuffer(size_t bytes);
  GuardedBuffer(GuardedBuffer &&other);
  ~GuardedBuffer();
  char *data() const { return begin; }
  size_t size() const { return bytes; }
  bool isIntact() const;

private:
  char *map = nullptr, *begin = nullptr;
  size_t mapped = 0, bytes = 0;
};

/// One problem: the layouts that the family chose, the two functions, the
/// memory.
class CompiledProblem {
public:
  Problem problem;
  Data data;
  std::string rejection; ///< why the family does not accept it
  int64_t packedBytes = 0;
  std::vector<float> weight; ///< the values that the stored weight stands for

  explicit CompiledProblem(const Problem &problem)
      : problem(problem), data(problem) {}

  /// Calls the packer.
  void pack();
  /// Poisons the destination and calls the kernel.
  void run();
  /// Calls the kernel only.
  void call() const;
  /// Changes one byte of the destination, or of what lies before it.
  /// Makes a byte wrong, by two: a code that is off by one is right where
  /// rounding was a close call.
  void corrupt(int64_t byte) { destination().data()[byte] += 2; }
  void restore(int64_t byte) { destination().data()[byte] -= 2; }
  /// The weight as it is stored, and as the packer leaves it.
  llvm::ArrayRef<char> getPayload() const { return payload; }
  llvm::ArrayRef<char> getPacked() const {
    return {buffers[2].data(), buffers[2].size()};
  }
  int64_t destinationBytes() const { return destination().size(); }
  /// What is wrong with the destination; empty if nothing. Reals may be off by
  /// `tolerance` times the sum of the absolute terms, codes by one where that
  /// (and 1e-4 steps) decides about rounding.
  std::string check(double tolerance) const;

private:
  friend class Compiler;
  BlockedAttr inputLayout, residualLayout, outputLayout;
  std::vector<GuardedBuffer> buffers; ///< weight source, then the operands
  std::vector<char> payload;
  void *packFunction = nullptr, *runFunction = nullptr;

  const GuardedBuffer &destination() const { return buffers.back(); }
};

/// Compiles many problems at once.
class Compiler {
public:
  explicit Compiler(const std::string &cpu = "native");
  const KernelTarget &getTarget() const { return target; }

  /// Problems that `family` rejects have no code.
  llvm::Expected<std::vector<CompiledProblem>>
  compile(llvm::StringRef family, const std::vector<Problem> &problems);

private:
  void choose(CompiledProblem &problem, KernelFamily &family);
  void emit(CompiledProblem &problem, KernelFamily &family, int index);
  void allocate(CompiledProblem &problem);
  /// The op of `problem` as the body of a new function, on tensors or memrefs.
  mlir::Operation *buildOp(const CompiledProblem &problem,
                           llvm::StringRef function, bool onMemRefs);
  mlir::Type getType(const std::vector<int64_t> &shape, BlockedAttr layout,
                     const Quant &quant, bool onMemRefs);

  mlir::MLIRContext context;
  TargetSpec spec;
  KernelTarget target;
  mlir::OwningOpRef<mlir::ModuleOp> module;
  std::vector<std::unique_ptr<Jit>> jits;
};

} // namespace mpq::test

#endif // MPQ_TEST_KERNEL_INTEGER_COMPILED_H
