//===----------------------------------------------------------------------===//
// Part of MPQ, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//===----------------------------------------------------------------------===//
//
// From a quantized module to PTX and the description of its launches. @main is
// read, not compiled: its tensors are buffers on the device, its compute ops
// are launches.
//
//===----------------------------------------------------------------------===//

#include "Gpu.h"

#include "dialects/MPQ/MPQ.h"
#include "mpq/Execution/Program.h"
#include "mpq/Kernel/KernelFamily.h"
#include "mpq/Target/NVVM.h"

#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/Dialect/GPU/IR/GPUDialect.h"
#include "mlir/Dialect/Tensor/IR/Tensor.h"
#include "mlir/Pass/PassManager.h"
#include "mlir/Pass/PassRegistry.h"
#include "mlir/Target/LLVMIR/Export.h"
#include "llvm/IR/LLVMContext.h"
#include "llvm/IR/Module.h"

using namespace mlir;
using namespace mpq;

namespace {

/// Reads tensors and launches off @main.
class ProgramReader {
public:
  ProgramReader(func::FuncOp main, GpuProgram &program)
      : main(main), program(program), perSample(main->hasAttr("mpq.sample_parallel")) {}

  llvm::Error read() {
    program.workspaceBytes =
        main->getAttrOfType<IntegerAttr>("mpq.workspace_bytes").getInt();
    for (BlockArgument argument : main.getArguments())
      addTensor(argument, GpuTensor::Kind::Input, getName(argument.getArgNumber(), false));
    auto results = cast<func::ReturnOp>(main.getBody().front().getTerminator()).getOperands();
    for (auto [index, result] : llvm::enumerate(results)) {
      std::string name = getName(index, true);
      Value buffer = getBuffer(result);
      if (!isa_and_nonnull<ComputeOpInterface>(buffer.getDefiningOp()) || tensors.count(buffer))
        return llvm::createStringError("output '" + name + "' is not the result of a kernel of its own");
      addTensor(buffer, GpuTensor::Kind::Output, name, cast<ShapedType>(result.getType()));
    }
    for (auto op : main.getOps<MatmulOp>())
      addLaunch(op);
    return llvm::Error::success();
  }

private:
  std::string getName(unsigned index, bool result) {
    auto name = result ? main.getResultAttrOfType<StringAttr>(index, "onnx.name")
                       : main.getArgAttrOfType<StringAttr>(index, "onnx.name");
    return name ? name.str() : (result ? "output" : "input") + std::to_string(index);
  }

  /// The value behind views.
  static Value getBuffer(Value value) {
    while (Operation *op = value.getDefiningOp()) {
      if (!isa<tensor::CollapseShapeOp, tensor::ExpandShapeOp, tensor::CastOp>(op))
        break;
      value = op->getOperand(0);
    }
    return value;
  }

  size_t addTensor(Value value, GpuTensor::Kind kind, std::string name, ShapedType type = {}) {
    if (!type)
      type = cast<ShapedType>(value.getType());
    GpuTensor tensor;
    tensor.name = std::move(name);
    tensor.kind = kind;
    tensor.bits = type.getElementTypeBitWidth();
    for (int64_t size : type.getShape())
      tensor.shape.push_back(ShapedType::isDynamic(size) ? -1 : size);
    // One sample is what the function sees; dimension 0 runs over them.
    if (perSample && kind != GpuTensor::Kind::Intermediate && !tensor.shape.empty())
      tensor.shape[0] = -1;
    else if (perSample)
      tensor.shape.insert(tensor.shape.begin(), -1);
    program.tensors.push_back(std::move(tensor));
    tensors[value] = program.tensors.size() - 1;
    return program.tensors.size() - 1;
  }

  GpuArgument getTensor(Value value) {
    Value buffer = getBuffer(value);
    auto known = tensors.find(buffer);
    if (known != tensors.end())
      return GpuTensorArgument{known->second};
    std::string name = "intermediate" + std::to_string(program.launches.size());
    return GpuTensorArgument{addTensor(buffer, GpuTensor::Kind::Intermediate, name)};
  }

  void addLaunch(MatmulOp op) {
    GpuLaunch launch;
    auto pack = op.getWeight().getDefiningOp<PackOp>();
    launch.name = pack.getSite().str();
    int64_t rows = cast<ShapedType>(op.getInput().getType()).getDimSize(0);
    launch.perSample = perSample || ShapedType::isDynamic(rows);
    launch.rows = ShapedType::isDynamic(rows) ? 1 : rows;
    auto weights = [&](IntegerAttr offset, int64_t bytes) {
      launch.arguments.push_back(GpuWeightArgument{offset.getInt(), bytes});
    };
    launch.arguments.push_back(getTensor(op.getInput()));
    weights(pack->getAttrOfType<IntegerAttr>("mpq.offset"), pack.getType().getNumElements());
    if (op.getBias())
      weights(op->getAttrOfType<IntegerAttr>("mpq.bias_offset"), op.getWeightShape()[0] * 4);
    if (op.getResidual())
      launch.arguments.push_back(getTensor(op.getResidual()));
    launch.arguments.push_back(getTensor(op->getResult(0)));
    launch.arguments.push_back(GpuRowsArgument{});
    launch.arguments.push_back(GpuWorkspaceArgument{});
    for (auto entry : op->getAttrOfType<ArrayAttr>("mpq.launches").getAsRange<DictionaryAttr>())
      launch.kernels.push_back(readKernel(entry));
    program.launches.push_back(std::move(launch));
  }

  static GpuKernel readKernel(DictionaryAttr entry) {
    auto get = [&](StringRef name) { return entry.getAs<IntegerAttr>(name).getInt(); };
    GpuKernel kernel{
        entry.getAs<SymbolRefAttr>("kernel").getLeafReference().str(),
        std::nullopt,
        get("rows_per_block"),
        get("column_blocks"),
        get("splits"),
        get("threads"),
        get("shared_bytes")};
    if (entry.contains("max_rows"))
      kernel.maxRows = get("max_rows");
    return kernel;
  }

  func::FuncOp main;
  GpuProgram &program;
  bool perSample;
  llvm::DenseMap<Value, size_t> tensors;
};

LogicalResult runPipeline(ModuleOp module, StringRef pipeline) {
  PassManager pm(module->getName());
  return failure(failed(parsePassPipeline(pipeline, pm)) || failed(pm.run(module)));
}

llvm::Expected<std::string> translateKernels(ModuleOp module, const GpuSpec &gpu) {
  auto kernels = *module.getOps<gpu::GPUModuleOp>().begin();
  llvm::LLVMContext context;
  std::unique_ptr<llvm::Module> translated = translateModuleToLLVMIR(kernels, context);
  if (!translated)
    return llvm::createStringError("the kernels have ops without a translation to LLVM IR");
  return emitPtx(*translated, gpu);
}

llvm::Error writeProgram(ModuleOp lowered, const GpuSpec &gpu, StringRef output) {
  GpuProgram program;
  program.producer = MPQ_PRODUCER;
  program.gpu = gpu;
  if (llvm::Error error = ProgramReader(lowered.lookupSymbol<func::FuncOp>("main"), program).read())
    return error;
  llvm::Expected<std::string> ptx = translateKernels(lowered, gpu);
  if (!ptx)
    return ptx.takeError();
  program.ptx = std::move(*ptx);
  llvm::Expected<AlignedBytes> weights = packWeightBlob(lowered);
  if (!weights)
    return weights.takeError();
  program.weights = {weights->data(), weights->size()};
  return writeGpuProgram(program, output);
}

} // namespace

LogicalResult mpq::compileToPtx(ModuleOp module, StringRef mcpu, StringRef output) {
  llvm::Expected<GpuSpec> gpu = getGpu(mcpu);
  if (!gpu)
    return emitError(module.getLoc()) << llvm::toString(gpu.takeError());
  KernelTarget target;
  target.gpu = {gpu->capability, gpu->processors, gpu->sharedBytes,
                gpu->arch == "sm_90a"};
  target.set(module);
  if (failed(runPipeline(module, "mpq-gpu-lowering-pipeline,mpq-nvvm-pipeline")))
    return failure();
  if (llvm::Error error = writeProgram(module, *gpu, output))
    return emitError(module.getLoc()) << llvm::toString(std::move(error));
  return success();
}
