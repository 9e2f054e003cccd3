//===----------------------------------------------------------------------===//
// Part of MPQ, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//===----------------------------------------------------------------------===//
//
// From the `kernelized` stage to machine code in this process, and the pass
// pipeline that both this and the ahead-of-time path use.
//
//===----------------------------------------------------------------------===//
#ifndef MPQ_EXECUTION_JIT_H
#define MPQ_EXECUTION_JIT_H

#include "mpq/Target/CPU.h"

#include "mlir/IR/BuiltinOps.h"
#include "mlir/Pass/PassManager.h"

namespace llvm {
class LLVMContext;
namespace orc {
class LLJIT;
} // namespace orc
} // namespace llvm

namespace mpq {

/// Loops, vectors and memrefs => LLVM dialect, with bare pointers for memref
/// arguments. Registered as `mpq-kernelized-to-llvm`.
void buildKernelizedToLLVMPipeline(mlir::OpPassManager &pm);

/// Translates `module` (LLVM dialect) and compiles it for `target`.
llvm::Error compileToObject(mlir::ModuleOp module, const TargetSpec &target,
                            llvm::SmallVectorImpl<char> &object,
                            OptLevel level = OptLevel::O2);

/// An object file loaded into this process.
class Jit {
public:
  static llvm::Expected<std::unique_ptr<Jit>> load(llvm::ArrayRef<char> object);
  ~Jit();

  /// The address of a function.
  llvm::Expected<void *> lookup(llvm::StringRef symbol);

private:
  Jit();
  std::unique_ptr<llvm::orc::LLJIT> engine;
};

} // namespace mpq

#endif // MPQ_EXECUTION_JIT_H
