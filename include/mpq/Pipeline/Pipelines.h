//===----------------------------------------------------------------------===//
// Part of MPQ, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//===----------------------------------------------------------------------===//
//
// The stages of the compiler as pass pipelines. Each is one page in
// lib/Pipeline, runs from quant-opt under its name, and ends in the stage that
// it is named after (docs/Rationale/Architecture.md).
//
//===----------------------------------------------------------------------===//
#ifndef MPQ_PIPELINE_PIPELINES_H
#define MPQ_PIPELINE_PIPELINES_H

#include "mlir/Pass/PassManager.h"
#include "mlir/Pass/PassOptions.h"

namespace mpq {

/// `mpq-import-pipeline`: shapes inferred, constants folded, one sample.
void buildImportPipeline(mlir::OpPassManager &pm);

/// `mpq-lowering-pipeline`: `onnx`..`quantized` => `lowered`. The module says
/// for which target (`mpq-set-target`).
void buildLoweringPipeline(mlir::OpPassManager &pm);

/// `mpq-bufferization-pipeline`: `lowered` => `bufferized`.
void buildBufferizationPipeline(mlir::OpPassManager &pm);

struct KernelPipelineOptions : mlir::PassPipelineOptions<KernelPipelineOptions> {
  Option<bool> steps{*this, "steps",
                     llvm::cl::desc("split the program into steps, for the executor"),
                     llvm::cl::init(false)};
  Option<bool> pack{*this, "pack",
                    llvm::cl::desc("pack the weights into the module; the executor packs them itself"),
                    llvm::cl::init(true)};
  Option<int64_t> partNanoseconds{*this, "part-ns",
                                  llvm::cl::desc("the least time of a part of a kernel that is split among threads; "
                                                 "0: all that can be split are; -1: none"),
                                  llvm::cl::init(1000)};
  Option<std::string> table{*this, "table", llvm::cl::desc("a cost table of your own (.json)"), llvm::cl::init("")};
};

/// `mpq-kernel-pipeline`: `bufferized` => `kernelized`.
void buildKernelPipeline(mlir::OpPassManager &pm, const KernelPipelineOptions &options);

struct LLVMPipelineOptions : mlir::PassPipelineOptions<LLVMPipelineOptions> {
  Option<std::string> suffix{*this, "suffix",
                             llvm::cl::desc("appended to the names of entry points"),
                             llvm::cl::init("")};
};

/// `mpq-llvm-pipeline`: `kernelized` => `llvm`.
void buildLLVMPipeline(mlir::OpPassManager &pm, const LLVMPipelineOptions &options);

/// `mpq-gpu-lowering-pipeline`: `quantized` => `lowered` for a GPU, which the
/// module names (`KernelTarget::set`).
void buildGpuLoweringPipeline(mlir::OpPassManager &pm);

/// `mpq-nvvm-pipeline`: `lowered` for a GPU => kernels in the `nvvm` dialect, in
/// a `gpu.module`; @main says how they are launched.
void buildNvvmPipeline(mlir::OpPassManager &pm);

/// Registers all of them with MLIR's pass registry.
void registerPipelines();

} // namespace mpq

#endif // MPQ_PIPELINE_PIPELINES_H
