//===----------------------------------------------------------------------===//
// Part of MPQ, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//===----------------------------------------------------------------------===//
//
// Kernels by the pass that makes them in a model, too; operands by the types of
// their arguments.
//
//===----------------------------------------------------------------------===//

#include "KernelSet.h"

#include "mpq/Kernel/KernelFamily.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/Dialect/Linalg/IR/Linalg.h"
#include "mlir/Dialect/MemRef/IR/MemRef.h"
#include "mlir/IR/Matchers.h"
#include "mlir/Pass/PassManager.h"
#include "mlir/Pass/PassRegistry.h"
#include "llvm/ADT/MapVector.h"

#include <random>

using namespace mlir;
using namespace mpq;

namespace {

constexpr unsigned kMostArguments = 16;

/// How a weight is packed.
struct Packing {
  std::string packer;
  int64_t sourceBytes = 0, packedBytes = 0;
};

class SetBuilder {
public:
  SetBuilder(ModuleOp module, int64_t dynamicSize)
      : module(module), dynamicSize(dynamicSize) {}

  llvm::Error emit();
  llvm::Expected<std::unique_ptr<Jit>> load(const TargetSpec &target);
  llvm::Error fill(Jit &jit, std::vector<LoneKernel> &kernels);

private:
  struct Entry {
    KernelWork work;
    int64_t uses = 0;
    SmallVector<MemRefType> operands;
    SmallVector<std::optional<Packing>> packings;
  };

  std::optional<Packing> getPacking(Value operand);
  llvm::Error addOperand(Jit &jit, LoneKernel &kernel, MemRefType type,
                         const std::optional<Packing> &packing);

  ModuleOp module;
  int64_t dynamicSize;
  llvm::MapVector<StringAttr, Entry> entries; ///< by the kernel's symbol
  std::mt19937 random{1};
};

} // namespace

void LoneKernel::run() const {
  auto arg = [&](unsigned i) {
    return i < arguments.size() ? arguments[i] : 0;
  };
  using U = uint64_t;
  // Surplus arguments are ignored by the C calling convention.
  reinterpret_cast<void (*)(U, U, U, U, U, U, U, U, U, U, U, U, U, U, U, U)>(
      function)(arg(0), arg(1), arg(2), arg(3), arg(4), arg(5), arg(6), arg(7),
                arg(8), arg(9), arg(10), arg(11), arg(12), arg(13), arg(14),
                arg(15));
}

/// The slot of packed weights that `operand` views.
std::optional<Packing> SetBuilder::getPacking(Value operand) {
  auto view = operand.getDefiningOp<memref::ViewOp>();
  APInt offset;
  auto argument =
      view ? dyn_cast<BlockArgument>(view.getSource()) : BlockArgument();
  if (!argument || argument.getArgNumber() > 1 ||
      !matchPattern(view.getByteShift(), m_ConstantInt(&offset)))
    return std::nullopt;
  for (auto slot : module.getOps<SlotOp>()) {
    auto packer = module.lookupSymbol<func::FuncOp>(slot.getPackerAttr());
    if (!packer || slot.getPrepared() != (argument.getArgNumber() == 1) ||
        int64_t(slot.getOffset()) != offset.getSExtValue())
      continue;
    auto bytes = [&](unsigned i) {
      auto type = cast<MemRefType>(packer.getArgumentTypes()[i]);
      return type.getNumElements() * type.getElementTypeBitWidth() / 8;
    };
    return Packing{slot.getPacker().str(), bytes(0), bytes(1)};
  }
  return std::nullopt;
}

llvm::Error SetBuilder::emit() {
  auto main = module.lookupSymbol<func::FuncOp>("main");
  if (!main)
    return llvm::createStringError("there is no function @main");
  KernelTarget target = KernelTarget::get(main);
  SmallVector<Entry> list;
  main.walk([&](Operation *op) {
    if (!isa<ComputeOpInterface, linalg::GenericOp>(op))
      return;
    if (!op->hasAttr("family")) {
      KernelFamily *family = chooseKernelFamily(op, target).family;
      if (!family) // plain loops
        return;
      op->setAttr("family",
                  StringAttr::get(op->getContext(), family->getName()));
    }
    Entry entry{describeWork(op, dynamicSize), 0, {}, {}};
    for (Value operand : op->getOperands()) {
      entry.operands.push_back(cast<MemRefType>(operand.getType()));
      entry.packings.push_back(getPacking(operand));
    }
    list.push_back(std::move(entry));
  });
  PassManager pm(module.getContext());
  if (failed(parsePassPipeline("mpq-emit-kernels", pm)) ||
      failed(pm.run(module)))
    return llvm::createStringError("the kernels cannot be generated");
  // Ops have become calls one by one.
  size_t next = 0;
  main.walk([&](func::CallOp call) {
    Entry &entry =
        entries.insert({call.getCalleeAttr().getAttr(), list[next++]})
            .first->second;
    ++entry.uses;
    module.lookupSymbol<func::FuncOp>(call.getCalleeAttr()).setPublic();
  });
  main.erase();
  return llvm::Error::success();
}

llvm::Expected<std::unique_ptr<Jit>>
SetBuilder::load(const TargetSpec &target) {
  for (auto function : module.getOps<func::FuncOp>())
    function.setPublic();
  for (auto slot : llvm::make_early_inc_range(module.getOps<SlotOp>()))
    slot.erase();
  // The model's constants, which were operands of ops of @main.
  for (auto global :
       llvm::make_early_inc_range(module.getOps<memref::GlobalOp>()))
    if (isa_and_nonnull<DenseResourceElementsAttr>(
            global.getInitialValueAttr()))
      global.erase();
  PassManager pm(module.getContext());
  if (failed(parsePassPipeline("canonicalize,cse", pm)))
    return llvm::createStringError("there is no canonicalizer");
  buildKernelizedToLLVMPipeline(pm);
  if (failed(pm.run(module)))
    return llvm::createStringError("the kernels do not compile");
  SmallVector<char> object;
  if (llvm::Error error = compileToObject(module, target, object))
    return std::move(error);
  return Jit::load(object);
}

/// A buffer, and the sizes that are not in its type.
llvm::Error SetBuilder::addOperand(Jit &jit, LoneKernel &kernel,
                                   MemRefType type,
                                   const std::optional<Packing> &packing) {
  constexpr int64_t kAlignment = 64;
  int64_t elements = 1;
  for (int64_t size : type.getShape())
    elements *= ShapedType::isDynamic(size) ? dynamicSize : size;
  int64_t bytes = elements * type.getElementTypeBitWidth() / 8;
  kernel.buffers.emplace_back(bytes + 2 * kAlignment);
  char *data = reinterpret_cast<char *>(llvm::alignTo(
      reinterpret_cast<uint64_t>(kernel.buffers.back().data()), kAlignment));
  std::uniform_real_distribution<float> reals(-1, 1);
  if (type.getElementType().isF32())
    for (int64_t i = 0; i < elements; ++i)
      reinterpret_cast<float *>(data)[i] = reals(random);
  if (packing) {
    auto pack = jit.lookup(packing->packer);
    if (!pack)
      return pack.takeError();
    std::vector<char> source(packing->sourceBytes + kAlignment);
    reinterpret_cast<void (*)(void *, void *)>(*pack)(source.data(), data);
  }
  kernel.arguments.push_back(reinterpret_cast<uint64_t>(data));
  for (int64_t size : type.getShape())
    if (ShapedType::isDynamic(size))
      kernel.arguments.push_back(dynamicSize);
  if (kernel.arguments.size() > kMostArguments)
    return llvm::createStringError("a kernel of " + kernel.work.kernel +
                                   " has more than 16 arguments");
  return llvm::Error::success();
}

llvm::Error SetBuilder::fill(Jit &jit, std::vector<LoneKernel> &kernels) {
  for (auto &[symbol, entry] : entries) {
    LoneKernel &kernel = kernels.emplace_back();
    kernel.work = entry.work;
    kernel.uses = entry.uses;
    auto function = jit.lookup(symbol);
    if (!function)
      return function.takeError();
    kernel.function = *function;
    for (auto [type, packing] : llvm::zip(entry.operands, entry.packings))
      if (llvm::Error error = addOperand(jit, kernel, type, packing))
        return error;
  }
  return llvm::Error::success();
}

llvm::Expected<KernelSet> KernelSet::compile(ModuleOp bufferized,
                                             const TargetSpec &target,
                                             int64_t dynamicSize) {
  SetBuilder builder(bufferized, dynamicSize);
  if (llvm::Error error = builder.emit())
    return std::move(error);
  auto jit = builder.load(target);
  if (!jit)
    return jit.takeError();
  KernelSet set;
  set.jit = std::move(*jit);
  if (llvm::Error error = builder.fill(*set.jit, set.kernels))
    return std::move(error);
  return std::move(set);
}
