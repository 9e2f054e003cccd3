//===----------------------------------------------------------------------===//
// Part of MPQ, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//===----------------------------------------------------------------------===//
//
// The lowering side of the compiler: what runs, in which order, and why there.
//
//===----------------------------------------------------------------------===//

#include "mpq/Pipeline/Pipelines.h"

#include "dialects/MPQ/Module.h"
#include "mpq/Execution/Jit.h"
#include "mpq/Pipeline/Passes.h"

#include "mlir/Conversion/Passes.h"
#include "mlir/Dialect/Bufferization/Transforms/Passes.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/Dialect/GPU/IR/GPUDialect.h"
#include "mlir/Dialect/Linalg/Passes.h"
#include "mlir/Dialect/MemRef/Transforms/Passes.h"
#include "mlir/Pass/PassRegistry.h"
#include "mlir/Transforms/Passes.h"

using namespace mlir;
using namespace mpq;

/// What a stage's pipeline ends with.
static void endStage(OpPassManager &pm, Stage stage) {
  SetStagePassOptions options;
  options.stage = stage;
  pm.addPass(createSetStagePass(options));
}

void mpq::buildImportPipeline(OpPassManager &pm) {
  // Shapes first: folding of shape arithmetic needs them, and brings new ones.
  OpPassManager &function = pm.nest<func::FuncOp>();
  function.addPass(createOnnxInferShapesPass());
  function.addPass(createOnnxFoldPass());
  // All later stages see one sample, and sizes that are functions of its own.
  function.addPass(createOnnxSampleParallelPass());
}

void mpq::buildLoweringPipeline(OpPassManager &pm) {
  OpPassManager &function = pm.nest<func::FuncOp>();
  // What was exported in pieces, as one op: kernels exist for the whole.
  function.addPass(createOnnxFusePass());
  function.addPass(createLowerOnnxPass());
  function.addPass(createCanonicalizerPass());
  function.addPass(createCSEPass());
  // Chains of elementwise ops become one before they are raised or fused away.
  function.addPass(createLinalgElementwiseOpFusionPass());
  function.addPass(createRaisePass());
  function.addPass(createCanonicalizerPass());
  function.addPass(createCSEPass());
  // Before fusion: integer kernels write codes as float ones do.
  function.addPass(createQuantizeProductsPass());
  // Plain tensors still: fusion decides what is computed, layouts where it lies.
  function.addPass(createFuseEpiloguesPass());
  function.addPass(createCanonicalizerPass());
  function.addPass(createCSEPass());
  // What is left between the ops is what is stored, and may be rounded.
  function.addPass(createNarrowActivationsPass());
  function.addPass(createLayoutPass());
  // The packed layout depends on the final activation layouts.
  pm.addPass(createPackWeightsPass());
  pm.addPass(createCSEPass());
  endStage(pm, Stage::Lowered);
}

void mpq::buildBufferizationPipeline(OpPassManager &pm) {
  // The last moment at which @main has results, and types with shapes.
  pm.addPass(createRecordInterfacePass());
  pm.addPass(createPlaceWeightsPass());
  // Every result becomes an output argument, so none may be another's alias.
  pm.addPass(createDistinctResultsPass());
  bufferization::OneShotBufferizePassOptions bufferize;
  bufferize.bufferizeFunctionBoundaries = true;
  bufferize.functionBoundaryTypeConversion = bufferization::LayoutMapOption::IdentityLayoutMap;
  pm.addPass(bufferization::createOneShotBufferizePass(bufferize));
  // Results are written where the caller wants them.
  bufferization::BufferResultsToOutParamsPassOptions results;
  results.hoistStaticAllocs = true;
  results.hoistDynamicAllocs = true;
  results.modifyPublicFunctions = true;
  pm.addPass(bufferization::createBufferResultsToOutParamsPass(results));
  pm.addPass(createCanonicalizerPass());
  pm.addPass(createCSEPass());
  // Sizes become arithmetic on an array of numbers, which the plan computes with.
  pm.addPass(createBindSizesPass());
  pm.addPass(memref::createResolveShapedTypeResultDimsPass());
  pm.addPass(createCanonicalizerPass());
  pm.addPass(createCSEPass());
  pm.addPass(createPlanMemoryPass());
  pm.addPass(createEmitSizesPass());
  endStage(pm, Stage::Bufferized);
}

void mpq::buildKernelPipeline(OpPassManager &pm, const KernelPipelineOptions &options) {
  // The packing functions have done their work before kernels are optimized.
  if (options.pack)
    pm.addPass(createFillWeightsPass());
  EmitKernelsPassOptions emit;
  emit.table = options.table;
  pm.addPass(createEmitKernelsPass(emit));
  if (options.steps)
    pm.addPass(createSplitStepsPass());
  // One sample is as fast as its slowest thread: kernels that are worth it are shared out.
  if (options.partNanoseconds >= 0) {
    SplitKernelsPassOptions split;
    split.partNanoseconds = options.partNanoseconds;
    pm.addPass(createSplitKernelsPass(split));
    pm.addPass(createJoinForksPass());
  }
  pm.addPass(createCanonicalizerPass());
  pm.addPass(createCSEPass());
  endStage(pm, Stage::Kernelized);
}

void mpq::buildLLVMPipeline(OpPassManager &pm, const LLVMPipelineOptions &options) {
  buildKernelizedToLLVMPipeline(pm);
  pm.addPass(createEmitForksPass());
  EntryPointsPassOptions entry;
  entry.suffix = options.suffix;
  pm.addPass(createEntryPointsPass(entry));
  endStage(pm, Stage::LLVM);
}

void mpq::buildGpuLoweringPipeline(OpPassManager &pm) {
  OpPassManager &function = pm.nest<func::FuncOp>();
  function.addPass(createLowerOnnxPass());
  function.addPass(createCanonicalizerPass());
  function.addPass(createCSEPass());
  function.addPass(createLinalgElementwiseOpFusionPass());
  // Rows are the only layout: what is fused, is fused on linalg.
  function.addPass(createFuseGpuEpiloguesPass());
  function.addPass(createCanonicalizerPass());
  function.addPass(createCSEPass());
  function.addPass(createLayoutPass());
  pm.addPass(createPackWeightsPass());
  pm.addPass(createCSEPass());
}

void mpq::buildNvvmPipeline(OpPassManager &pm) {
  pm.addPass(createEmitGpuKernelsPass());
  OpPassManager &kernels = pm.nest<gpu::GPUModuleOp>();
  kernels.addPass(createCanonicalizerPass());
  kernels.addPass(createCSEPass());
  kernels.addPass(createSCFToControlFlowPass());
  kernels.addPass(createConvertGpuOpsToNVVMOps());
  kernels.addPass(createArithToLLVMConversionPass());
  kernels.addPass(createReconcileUnrealizedCastsPass());
  kernels.addPass(createCanonicalizerPass());
  kernels.addPass(createCSEPass());
}

void mpq::registerPipelines() {
  PassPipelineRegistration<>("mpq-import-pipeline", "Shapes, constants, one sample", buildImportPipeline);
  PassPipelineRegistration<>("mpq-lowering-pipeline", "onnx, planned or quantized => lowered", buildLoweringPipeline);
  PassPipelineRegistration<>("mpq-bufferization-pipeline", "lowered => bufferized", buildBufferizationPipeline);
  PassPipelineRegistration<KernelPipelineOptions>("mpq-kernel-pipeline", "bufferized => kernelized",
                                                  buildKernelPipeline);
  PassPipelineRegistration<>("mpq-gpu-lowering-pipeline", "quantized => lowered, for a GPU", buildGpuLoweringPipeline);
  PassPipelineRegistration<>("mpq-nvvm-pipeline", "lowered for a GPU => kernels in the nvvm dialect",
                             buildNvvmPipeline);
  PassPipelineRegistration<LLVMPipelineOptions>("mpq-llvm-pipeline", "kernelized => llvm", buildLLVMPipeline);
}
