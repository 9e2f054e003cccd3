//===----------------------------------------------------------------------===//
// Part of MPQ, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//===----------------------------------------------------------------------===//
//
// The kernels of a bufferized module, compiled so that each can be called
// alone.
//
//===----------------------------------------------------------------------===//
#ifndef MPQ_TOOLS_QUANT_BENCH_TUNE_KERNELSET_H
#define MPQ_TOOLS_QUANT_BENCH_TUNE_KERNELSET_H

#include "mpq/Analysis/Cost.h"
#include "mpq/Execution/Jit.h"

#include "mlir/IR/BuiltinOps.h"

#include <memory>
#include <vector>

namespace mpq {

/// One kernel with operands of its own: random activations, and weights of
/// zeros in the kernel's layout.
struct LoneKernel {
  KernelWork work;
  int64_t uses = 0; ///< in the model
  void *function = nullptr;
  std::vector<std::vector<char>> buffers;
  std::vector<uint64_t> arguments;

  void run() const;
};

class KernelSet {
public:
  /// Of all ops of @main that become kernels. Sizes that are not known are
  /// `dynamicSize`. The module is used up.
  static llvm::Expected<KernelSet> compile(mlir::ModuleOp bufferized,
                                           const TargetSpec &target,
                                           int64_t dynamicSize);

  std::vector<LoneKernel> kernels;

private:
  std::unique_ptr<Jit> jit;
};

} // namespace mpq

#endif // MPQ_TOOLS_QUANT_BENCH_TUNE_KERNELSET_H
