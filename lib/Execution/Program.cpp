//===----------------------------------------------------------------------===//
// Part of MPQ, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//===----------------------------------------------------------------------===//
//
// Compiling for this process, and packing weights with the packing functions
// that the kernel families emitted.
//
//===----------------------------------------------------------------------===//

#include "mpq/Execution/Program.h"

#include "dialects/MPQ/Module.h"
#include "mpq/Kernel/KernelFamily.h"

#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/Dialect/LLVMIR/LLVMDialect.h"
#include "mlir/IR/BuiltinAttributes.h"
#include "mlir/Pass/PassManager.h"
#include "mlir/Pass/PassRegistry.h"
#include "llvm/Support/FormatVariadic.h"
#include "llvm/Support/MathExtras.h"

#include <cstdlib>
#include <cstring>

using namespace mlir;
using namespace mpq;

static constexpr size_t kAlignment = 64;

//===----------------------------------------------------------------------===//
// Small types
//===----------------------------------------------------------------------===//

AlignedBytes::AlignedBytes(size_t size) : length(size) {
  size_t rounded = llvm::alignTo(std::max<size_t>(size, 1), kAlignment);
  bytes.reset(static_cast<char *>(std::aligned_alloc(kAlignment, rounded)));
  if (!bytes)
    llvm::report_bad_alloc_error("out of memory");
  std::memset(bytes.get(), 0, rounded);
}

void AlignedBytes::Free::operator()(char *bytes) const { std::free(bytes); }

int64_t ProgramTensor::getNumBytes() const {
  return type.getNumElements() * llvm::divideCeil(type.getElementTypeBitWidth(), 8);
}

void mpq::setKernelTarget(ModuleOp module, const TargetSpec &target) {
  KernelTarget kernelTarget;
  kernelTarget.vectorBits = target.getVectorBits();
  kernelTarget.avx512f = target.has("avx512f");
  kernelTarget.avx512bw = target.has("avx512bw");
  kernelTarget.avx512vnni = target.has("avx512vnni");
  kernelTarget.fma = target.has("fma");
  kernelTarget.vectorRegisters = kernelTarget.avx512f ? 32 : 16;
  kernelTarget.set(module);
  module->setAttr(kTargetAttr, TargetAttr::get(module.getContext(), target.cpu, target.features));
}

//===----------------------------------------------------------------------===//
// Running pipelines
//===----------------------------------------------------------------------===//

/// Runs the passes of `pipeline` (text) on `module`.
static LogicalResult runPipeline(ModuleOp module, StringRef pipeline) {
  PassManager pm(module->getName());
  pm.enableVerifier(false);
  if (failed(parsePassPipeline(pipeline, pm)))
    return failure();
  return pm.run(module);
}

/// Source bytes of a constant as contiguous storage.
static std::vector<char> getBytes(ElementsAttr value) {
  if (auto resource = dyn_cast<DenseResourceElementsAttr>(value)) {
    ArrayRef<char> data = resource.getData();
    return std::vector<char>(data.begin(), data.end());
  }
  auto dense = cast<DenseElementsAttr>(value);
  int64_t elementBytes = dense.getElementType().getIntOrFloatBitWidth() / 8;
  ArrayRef<char> raw = dense.getRawData();
  if (!dense.isSplat())
    return std::vector<char>(raw.begin(), raw.end());
  std::vector<char> bytes;
  for (int64_t i = 0; i < dense.getNumElements(); ++i)
    bytes.insert(bytes.end(), raw.begin(), raw.begin() + elementBytes);
  return bytes;
}

/// Makes the packing functions of the module's slots entry points; their symbols, slot by slot.
static std::vector<std::string> exposePackers(ModuleOp module) {
  std::vector<std::string> symbols;
  for (auto slot : module.getOps<SlotOp>()) {
    symbols.push_back("mpq_" + slot.getPacker().str());
    if (auto packer = module.lookupSymbol<func::FuncOp>(slot.getPackerAttr()))
      packer->setAttr("mpq.entry", StringAttr::get(module.getContext(), symbols.back()));
  }
  return symbols;
}

static std::vector<ProgramSlot> readSlots(ModuleOp module) {
  std::vector<ProgramSlot> slots;
  for (auto slot : module.getOps<SlotOp>())
    slots.push_back({slot.getName().str(), slot.getPrepared() ? 1u : 0u, static_cast<int64_t>(slot.getOffset()),
                     static_cast<int64_t>(slot.getSize()),
                     slot.getSourceOffset() ? static_cast<int64_t>(*slot.getSourceOffset()) : -1, slot.getValue()});
  return slots;
}

/// Says of each slot which step reads it first; the number of steps.
static unsigned findFirstSteps(ModuleOp module, MutableArrayRef<ProgramSlot> slots) {
  unsigned numSteps = 0;
  for (auto function : module.getOps<func::FuncOp>()) {
    auto read = function->getAttrOfType<DenseI64ArrayAttr>("mpq.step_slots");
    if (!read)
      continue;
    for (int64_t i = 0; i < read.size(); i += 2)
      for (ProgramSlot &slot : slots)
        if (slot.blob == read[i] && slot.offset == read[i + 1] && slot.firstStep == ProgramSlot::kNoStep)
          slot.firstStep = numSteps;
    ++numSteps;
  }
  return numSteps;
}

static llvm::Expected<std::unique_ptr<Jit>> compileAndLoad(ModuleOp module, const TargetSpec &target, OptLevel level) {
  SmallVector<char, 0> object;
  if (llvm::Error error = compileToObject(module, target, object, level))
    return std::move(error);
  return Jit::load(object);
}

template <typename Function>
static llvm::Error lookupInto(Jit &jit, const Twine &symbol, Function &function) {
  llvm::Expected<void *> address = jit.lookup(symbol.str());
  if (!address)
    return address.takeError();
  function = reinterpret_cast<Function>(*address);
  return llvm::Error::success();
}

//===----------------------------------------------------------------------===//
// Program
//===----------------------------------------------------------------------===//

static std::vector<ProgramTensor> describe(func::FuncOp function, bool results) {
  std::vector<ProgramTensor> tensors;
  TypeRange types = results ? TypeRange(function.getResultTypes()) : TypeRange(function.getArgumentTypes());
  for (auto [index, type] : llvm::enumerate(types)) {
    auto name = results ? function.getResultAttrOfType<StringAttr>(index, "onnx.name")
                        : function.getArgAttrOfType<StringAttr>(index, "onnx.name");
    tensors.push_back({name ? name.str() : (results ? "output" : "input") + std::to_string(index),
                       dyn_cast<RankedTensorType>(type)});
  }
  return tensors;
}

static llvm::Error failedToCompile(StringRef what) {
  return llvm::createStringError("could not compile the model for execution (" + what + ")");
}

static int64_t getSize(func::FuncOp function, StringRef name) {
  auto attr = function->getAttrOfType<IntegerAttr>(name);
  return attr && attr.getType().isSignlessInteger(64) ? attr.getInt() : 0;
}

llvm::Expected<std::unique_ptr<Program>> Program::compile(ModuleOp source, const TargetSpec &target, bool inSteps) {
  OwningOpRef<ModuleOp> module(source.clone());
  auto main = module->lookupSymbol<func::FuncOp>("main");
  if (!main)
    return failedToCompile("no function @main");
  std::unique_ptr<Program> program(new Program());
  program->inputs = describe(main, false);
  program->outputs = describe(main, true);
  for (const ProgramTensor &tensor : llvm::concat<const ProgramTensor>(program->inputs, program->outputs))
    if (!tensor.type || !tensor.type.hasStaticShape())
      return failedToCompile("'" + tensor.name + "' has no static shape");

  setKernelTarget(*module, target);
  if (failed(runPipeline(*module, "mpq-lowering-pipeline,mpq-bufferization-pipeline")))
    return failedToCompile("lowering");
  main = module->lookupSymbol<func::FuncOp>("main");
  program->arenaBytes = getSize(main, "mpq.arena_bytes");
  program->weightsBytes = getSize(main, "mpq.weights_bytes");
  program->preparedBytes = getSize(main, "mpq.prepared_bytes");
  program->slots = readSlots(*module);
  std::vector<std::string> packers = exposePackers(*module);

  if (failed(runPipeline(*module, inSteps ? "mpq-kernel-pipeline{pack=false part-ns=-1 steps=true}"
                                       : "mpq-kernel-pipeline{pack=false part-ns=-1}")))
    return failedToCompile("kernels");
  unsigned numSteps = findFirstSteps(*module, program->slots);
  for (SlotOp slot : llvm::make_early_inc_range(module->getOps<SlotOp>()))
    slot.erase();
  if (failed(runPipeline(*module, "mpq-llvm-pipeline")))
    return failedToCompile("translation");

  llvm::Expected<std::unique_ptr<Jit>> jit = compileAndLoad(*module, target, OptLevel::O2);
  if (!jit)
    return jit.takeError();
  program->jit = std::move(*jit);
  if (llvm::Error error = lookupInto(*program->jit, "mpq_run", program->runFunction))
    return std::move(error);
  if (llvm::Error error = lookupInto(*program->jit, "mpq_prepare", program->prepareFunction))
    return std::move(error);
  for (auto [slot, packer] : llvm::zip(program->slots, packers))
    if (llvm::Error error = lookupInto(*program->jit, packer, slot.pack))
      return std::move(error);
  program->steps.resize(numSteps);
  for (auto [index, step] : llvm::enumerate(program->steps))
    if (llvm::Error error = lookupInto(*program->jit, "mpq_step_" + Twine(index), step))
      return std::move(error);
  return program;
}

void Program::pack(const ProgramSlot &slot, const void *source, char *packed) const {
  void *args[] = {const_cast<void *>(source), packed};
  slot.pack(args);
}

/// Fills the blob `weights`: packed float weights, and payloads as they are.
static void fillWeights(ArrayRef<ProgramSlot> slots, char *weights) {
  for (const ProgramSlot &slot : slots) {
    std::vector<char> source = getBytes(slot.value);
    if (slot.blob == 1) {
      std::memcpy(weights + slot.sourceOffset, source.data(), source.size());
      continue;
    }
    AlignedBytes aligned(source.size());
    std::memcpy(aligned.data(), source.data(), source.size());
    void *args[] = {aligned.data(), weights + slot.offset};
    slot.pack(args);
  }
}

ProgramWeights Program::packWeights() const {
  ProgramWeights result{AlignedBytes(weightsBytes), AlignedBytes(preparedBytes)};
  fillWeights(slots, result.weights.data());
  void *args[] = {result.weights.data(), result.prepared.data()};
  prepareFunction(args);
  return result;
}

//===----------------------------------------------------------------------===//
// Packing ahead of time
//===----------------------------------------------------------------------===//

/// Whether `bytes`, an attribute of @main, are what the blob of weights takes: as far
/// as its last slot reaches.
static llvm::Error verifyBlob(ArrayRef<ProgramSlot> slots, int64_t bytes) {
  int64_t taken = 0;
  for (const ProgramSlot &slot : slots) {
    int64_t offset = slot.blob == 0 ? slot.offset : slot.sourceOffset, end = 0;
    int64_t size = slot.blob == 0 ? slot.bytes : slot.value.getNumElements();
    if (offset < 0 || size < 0 || llvm::AddOverflow(offset, size, end))
      return llvm::createStringError(llvm::formatv("slot '{0}' has {1} bytes at {2}", slot.site, size, offset));
    taken = std::max(taken, end);
  }
  if (bytes >= taken && bytes - taken < int64_t(kAlignment))
    return llvm::Error::success();
  return llvm::createStringError(
      llvm::formatv("'mpq.weights_bytes' is {0} when the weights take {1} bytes", bytes, taken));
}

llvm::Expected<AlignedBytes> mpq::packWeightBlob(ModuleOp placed) {
  auto main = placed.lookupSymbol<func::FuncOp>("main");

  // A module of nothing but the packing functions, for this machine.
  OwningOpRef<ModuleOp> module(ModuleOp::create(placed.getLoc()));
  OpBuilder builder = OpBuilder::atBlockEnd(module->getBody());
  std::vector<ProgramSlot> slots;
  std::vector<std::string> packers;
  for (auto slot : placed.getOps<SlotOp>()) {
    slots.push_back({slot.getName().str(), slot.getPrepared() ? 1u : 0u, static_cast<int64_t>(slot.getOffset()),
                     static_cast<int64_t>(slot.getSize()),
                     slot.getSourceOffset() ? static_cast<int64_t>(*slot.getSourceOffset()) : -1, slot.getValue()});
    packers.push_back("mpq_" + slot.getPacker().str());
    if (slot.getPrepared() || module->lookupSymbol(slot.getPacker()))
      continue;
    auto packer = cast<func::FuncOp>(builder.clone(*placed.lookupSymbol(slot.getPacker())));
    packer->setAttr("mpq.entry", builder.getStringAttr(packers.back()));
  }
  int64_t bytes = getSize(main, "mpq.weights_bytes");
  if (llvm::Error error = verifyBlob(slots, bytes))
    return std::move(error);
  AlignedBytes blob(bytes);
  llvm::Expected<TargetSpec> host = getTarget("native");
  if (!host)
    return host.takeError();
  if (failed(runPipeline(*module, "mpq-llvm-pipeline")))
    return failedToCompile("packing functions");
  llvm::Expected<std::unique_ptr<Jit>> jit = compileAndLoad(*module, *host, OptLevel::O1);
  if (!jit)
    return jit.takeError();
  for (auto [slot, packer] : llvm::zip(slots, packers))
    if (slot.blob == 0)
      if (llvm::Error error = lookupInto(**jit, packer, slot.pack))
        return std::move(error);
  fillWeights(slots, blob.data());
  return blob;
}
