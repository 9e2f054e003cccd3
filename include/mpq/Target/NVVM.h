//===----------------------------------------------------------------------===//
// Part of MPQ, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//===----------------------------------------------------------------------===//
//
// From an LLVM module of kernels to PTX, and what one must know to launch them.
//
// PTX is text that the CUDA driver compiles for the GPU it finds, so nothing of
// CUDA is needed here. Beside `kernel.ptx` lie `kernel.json`, which says what to
// launch with which arguments, and `kernel.packed`, the packed weights and
// biases as they are to be copied to the device. docs/Rationale/NVVM.md describes
// the JSON and has a host program.
//
//===----------------------------------------------------------------------===//
#ifndef MPQ_TARGET_NVVM_H
#define MPQ_TARGET_NVVM_H

#include "llvm/ADT/ArrayRef.h"
#include "llvm/ADT/StringRef.h"
#include "llvm/Support/Error.h"

#include <cstdint>
#include <optional>
#include <string>
#include <variant>
#include <vector>

namespace llvm {
class Module;
} // namespace llvm

namespace mpq {

/// A GPU architecture to compile for.
struct GpuSpec {
  std::string arch;          ///< "sm_80"
  unsigned capability = 80;  ///< 80 for 8.0
  unsigned processors = 108; ///< multiprocessors of its largest product
  unsigned sharedBytes = 0;  ///< largest shared memory of a block
};

/// The architecture called `mcpu`; "native" and the empty string are sm_80,
/// since no GPU is looked for. An unknown name is an error that lists the known.
llvm::Expected<GpuSpec> getGpu(llvm::StringRef mcpu);

/// Optimizes `module` and translates it to PTX of the oldest version that
/// `gpu` needs.
llvm::Expected<std::string> emitPtx(llvm::Module &module, const GpuSpec &gpu);

/// An input, an output, or a value between two launches.
struct GpuTensor {
  enum class Kind { Input, Output, Intermediate };
  std::string name;
  Kind kind = Kind::Intermediate;
  unsigned bits = 32;         ///< of an element, a float
  std::vector<int64_t> shape; ///< -1: the number of samples
};

/// What a kernel gets in one place of its argument list.
struct GpuTensorArgument {
  size_t tensor;
};
struct GpuWeightArgument {
  int64_t offset, bytes;
};
struct GpuRowsArgument {};      ///< the number of rows, a 32-bit integer
struct GpuWorkspaceArgument {}; ///< the address of the workspace
using GpuArgument = std::variant<GpuTensorArgument, GpuWeightArgument,
                                 GpuRowsArgument, GpuWorkspaceArgument>;

/// The grid is ceil(rows / rowsPerBlock) x columnBlocks x splits.
struct GpuKernel {
  std::string name;
  std::optional<int64_t> maxRows; ///< absent: any number
  int64_t rowsPerBlock, columnBlocks, splits, threads, sharedBytes;
};

/// One kernel launch: the first of `kernels` that takes the number of rows.
struct GpuLaunch {
  std::string name; ///< of the weight in the model
  int64_t rows;     ///< for one sample, or all where `perSample` is false
  bool perSample;
  std::vector<GpuArgument> arguments;
  std::vector<GpuKernel> kernels;
};

/// Kernels with all that is needed to run them, in the order of `launches`.
struct GpuProgram {
  std::string producer = "mpq";
  GpuSpec gpu;
  std::string ptx;
  std::vector<GpuTensor> tensors;
  std::vector<GpuLaunch> launches;
  /// Zero before the first launch and after each; launches at the same time (in
  /// two streams) must not share it.
  int64_t workspaceBytes = 0;
  llvm::ArrayRef<char> weights; ///< borrowed until `writeGpuProgram` returns
};

/// Writes `path` (PTX) and beside it, with the extensions .json and .packed,
/// its companions. All three are complete or not there.
llvm::Error writeGpuProgram(const GpuProgram &program, llvm::StringRef path);

} // namespace mpq

#endif // MPQ_TARGET_NVVM_H
