//===----------------------------------------------------------------------===//
// Part of MPQ, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//===----------------------------------------------------------------------===//
//
// Kernels for GPUs, and what to launch:
//
//   mpq.matmul ins(%x, %packed) outs(%y) {family = "matmul_w4a16"}
//     =>  the same op with `mpq.launches`
//         gpu.module @kernels { gpu.func @matmul_w4a16_0_rows16(...) kernel }
//
// The function stays a program on tensors. Every tensor is one buffer on the
// device, every op one launch: there is nothing to bufferize.
//
//===----------------------------------------------------------------------===//

#include "mpq/Kernel/NamedFamily.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/Dialect/GPU/IR/GPUDialect.h"
#include "mlir/Dialect/LLVMIR/LLVMDialect.h"
#include "mlir/Dialect/LLVMIR/NVVMDialect.h"
#include "mlir/Dialect/MemRef/IR/MemRef.h"
#include "mlir/Dialect/SCF/IR/SCF.h"
#include "mlir/Dialect/Tensor/IR/Tensor.h"
#include "mlir/IR/Matchers.h"
#include "mlir/IR/Remarks.h"
#include "mlir/Pass/Pass.h"
#include "llvm/ADT/StringMap.h"

namespace mpq {
#define GEN_PASS_DEF_EMITGPUKERNELSPASS
#include "EmitGpuKernels.h.inc"
} // namespace mpq

using namespace mlir;
using namespace mpq;

namespace {

constexpr int64_t kAlignment = 64;
constexpr unsigned kGlobalSpace = 1;

class GpuKernelEmitter {
public:
  GpuKernelEmitter(ModuleOp module, func::FuncOp main)
      : module(module), main(main), target(KernelTarget::get(module)) {}

  LogicalResult run() {
    if (!target.isGpu())
      return module.emitError("has no 'mpq.gpu' and is not for a GPU");
    if (failed(check()))
      return failure();
    for (auto pack : main.getOps<PackOp>())
      if (failed(place(pack)))
        return failure();
    OpBuilder builder = OpBuilder::atBlockEnd(module.getBody());
    kernels = gpu::GPUModuleOp::create(builder, main.getLoc(), "kernels");
    module->setAttr(gpu::GPUDialect::getContainerModuleAttrName(), builder.getUnitAttr());
    for (Operation &op : main.getBody().front())
      if (isa<ComputeOpInterface>(op) && failed(addLaunches(&op)))
        return failure();
    main->setAttr("mpq.weights_bytes", builder.getI64IntegerAttr(size));
    main->setAttr("mpq.workspace_bytes",
                  builder.getI64IntegerAttr(workspaceBytes));
    return success();
  }

private:
  /// Nothing but kernels, their constants, and views.
  LogicalResult check();

  //===--- Constants ------------------------------------------------------===//

  int64_t allocate(int64_t bytes) {
    int64_t offset = size;
    size += llvm::alignTo(bytes, kAlignment);
    return offset;
  }
  LogicalResult place(PackOp pack);
  /// Gives the constant f32 vector `bias` of `op` a place.
  LogicalResult placeBias(Operation *op, Value bias);
  void addSlot(Location loc, StringRef name, int64_t offset, int64_t bytes,
               StringRef packer, ElementsAttr value);
  /// A packing function that copies `count` f32.
  func::FuncOp getCopy(int64_t count);

  //===--- Kernels --------------------------------------------------------===//

  LogicalResult addLaunches(Operation *op);
  /// A copy of `op` whose weight is not packed: what families look at.
  Operation *cloneUnpacked(Operation *op);
  std::optional<int64_t> getRows(Operation *op);
  SmallVector<std::string> emitKernels(Operation *op, KernelFamily &family,
                                       ArrayRef<KernelLaunch> launches);
  gpu::GPUFuncOp emitKernel(Operation *op, KernelFamily &family,
                            const KernelLaunch &launch, const std::string &name);

  ModuleOp module;
  func::FuncOp main;
  KernelTarget target;
  gpu::GPUModuleOp kernels;
  int64_t size = 0;
  int64_t workspaceBytes = 0; ///< of the launch that wants most
  llvm::StringMap<SmallVector<std::string>> emitted;
  llvm::StringMap<unsigned> counts;
  llvm::DenseMap<int64_t, func::FuncOp> copies;
};

LogicalResult GpuKernelEmitter::check() {
  for (Operation &op : main.getBody().front()) {
    if (isa<func::ReturnOp, PackOp, mpq::ConstantOp, arith::ConstantOp, tensor::EmptyOp,
            tensor::CollapseShapeOp, tensor::ExpandShapeOp, tensor::CastOp>(op))
      continue;
    if (!isa<ComputeOpInterface>(op))
      return op.emitOpError("has no kernel for GPUs; only matrix products with weights of at most 4 bits have, "
                            "with bias, residual and clamp");
    Operation *unpacked = cloneUnpacked(&op);
    KernelFamily *family = getNamedFamily(unpacked, target);
    unpacked->destroy();
    if (!family)
      return failure();
    for (OpOperand *activation : cast<ComputeOpInterface>(op).getActivationOperands())
      if (matchPattern(activation->get(), m_Constant()))
        return op.emitOpError("reads a constant activation; only weights and biases may be constants on a GPU");
  }
  return success();
}

//===----------------------------------------------------------------------===//
// Constants
//===----------------------------------------------------------------------===//

void GpuKernelEmitter::addSlot(Location loc, StringRef name, int64_t offset, int64_t bytes,
                               StringRef packer, ElementsAttr value) {
  OpBuilder builder = OpBuilder::atBlockBegin(module.getBody());
  SlotOp::create(builder, loc, builder.getStringAttr(name), builder.getI64IntegerAttr(offset),
                 builder.getI64IntegerAttr(bytes), UnitAttr(),
                 FlatSymbolRefAttr::get(module.getContext(), packer), value, IntegerAttr());
}

LogicalResult GpuKernelEmitter::place(PackOp pack) {
  auto constant = pack.getWeight().getDefiningOp<mpq::ConstantOp>();
  if (!constant)
    return pack.emitOpError("packs '") << pack.getSite() << "', which is not a stored constant";
  int64_t bytes = pack.getType().getNumElements(), offset = allocate(bytes);
  addSlot(pack.getLoc(), pack.getSite(), offset, bytes, pack.getPacker(), constant.getPayload());
  pack->setAttr("mpq.offset", OpBuilder(pack).getI64IntegerAttr(offset));
  // Kernels have wider codes than the format, or pad its groups.
  remark::analysis(pack.getLoc(), remark::RemarkOpts::name("PackedWeight").category("mpq-emit-gpu-kernels"))
      << "'" << pack.getSite() << "': " << remark::metric("StoredBytes", constant.getPayload().getNumElements())
      << " bytes stored, " << remark::metric("PackedBytes", bytes) << " on the device";
  return success();
}

func::FuncOp GpuKernelEmitter::getCopy(int64_t count) {
  func::FuncOp &copy = copies[count];
  if (copy)
    return copy;
  OpBuilder builder = OpBuilder::atBlockEnd(module.getBody());
  Location loc = main.getLoc();
  auto source = MemRefType::get({count}, builder.getF32Type());
  auto packed = MemRefType::get({count * 4}, builder.getI8Type());
  copy = func::FuncOp::create(builder, loc, "copy_" + std::to_string(count),
                              builder.getFunctionType({source, packed}, {}));
  copy.setPrivate();
  Block *block = copy.addEntryBlock();
  builder.setInsertionPointToStart(block);
  auto index = [&](int64_t value) { return arith::ConstantIndexOp::create(builder, loc, value); };
  Value to = memref::ViewOp::create(builder, loc, source, block->getArgument(1), index(0), ValueRange());
  auto loop = scf::ForOp::create(builder, loc, index(0), index(count), index(1));
  func::ReturnOp::create(builder, loc);
  builder.setInsertionPointToStart(loop.getBody());
  Value at = loop.getInductionVar();
  Value value = memref::LoadOp::create(builder, loc, block->getArgument(0), at);
  memref::StoreOp::create(builder, loc, value, to, at);
  return copy;
}

LogicalResult GpuKernelEmitter::placeBias(Operation *op, Value bias) {
  ElementsAttr value;
  if (!matchPattern(bias, m_Constant(&value)))
    return op->emitOpError("has a bias that is not a constant");
  int64_t count = value.getNumElements(), offset = allocate(count * 4);
  addSlot(op->getLoc(), "bias", offset, count * 4, getCopy(count).getSymName(), value);
  op->setAttr("mpq.bias_offset", OpBuilder(op).getI64IntegerAttr(offset));
  return success();
}

//===----------------------------------------------------------------------===//
// Kernels
//===----------------------------------------------------------------------===//

Operation *GpuKernelEmitter::cloneUnpacked(Operation *op) {
  Operation *clone = op->clone();
  OpOperand *weight = cast<ComputeOpInterface>(clone).getWeightOperand();
  if (auto pack = weight ? weight->get().getDefiningOp<PackOp>() : PackOp())
    weight->set(pack.getWeight());
  return clone;
}

/// Rows of the activations where they are known when compiling.
std::optional<int64_t> GpuKernelEmitter::getRows(Operation *op) {
  int64_t rows = cast<ShapedType>(op->getOperand(0).getType()).getDimSize(0);
  if (main->hasAttr("mpq.sample_parallel") || ShapedType::isDynamic(rows))
    return std::nullopt;
  return rows;
}

LogicalResult GpuKernelEmitter::addLaunches(Operation *op) {
  KernelFamily *family = lookupKernelFamily(op->getAttrOfType<StringAttr>("family"));
  if (auto matmul = dyn_cast<MatmulOp>(op); matmul && matmul.getBias())
    if (failed(placeBias(op, matmul.getBias())))
      return failure();
  Operation *unpacked = cloneUnpacked(op);
  SmallVector<KernelLaunch> launches = family->getLaunches(unpacked, target, getRows(op));
  SmallVector<std::string> names = emitKernels(unpacked, *family, launches);
  unpacked->destroy();

  Builder b(module.getContext());
  SmallVector<Attribute> entries;
  for (auto [launch, name] : llvm::zip(launches, names)) {
    SmallVector<NamedAttribute> fields;
    auto add = [&](StringRef field, int64_t value) {
      fields.push_back(b.getNamedAttr(field, b.getI64IntegerAttr(value)));
    };
    fields.push_back(b.getNamedAttr(
        "kernel", SymbolRefAttr::get(kernels.getNameAttr(), {FlatSymbolRefAttr::get(b.getContext(), name)})));
    if (launch.maxRows != KernelLaunch::kAnyRows)
      add("max_rows", launch.maxRows);
    add("rows_per_block", launch.rowsPerBlock);
    add("column_blocks", launch.columnBlocks);
    add("splits", launch.splits);
    add("threads", launch.threads);
    add("shared_bytes", launch.sharedBytes);
    workspaceBytes = std::max(workspaceBytes, launch.workspaceBytes);
    entries.push_back(b.getDictionaryAttr(fields));
  }
  op->setAttr("mpq.launches", b.getArrayAttr(entries));
  return success();
}

/// The names of the kernels for `op`, emitted now or for an equal op before.
SmallVector<std::string> GpuKernelEmitter::emitKernels(Operation *op, KernelFamily &family,
                                                       ArrayRef<KernelLaunch> launches) {
  std::string key;
  llvm::raw_string_ostream os(key);
  os << op->getName() << op->getDiscardableAttrDictionary().size() << op->getPropertiesAsAttribute();
  auto input = cast<ShapedType>(op->getOperand(0).getType());
  // The number of rows matters only in so far as it chooses the launches.
  os << input.getElementType();
  for (Value operand : op->getOperands().drop_front())
    if (auto shaped = dyn_cast<ShapedType>(operand.getType()))
      os << ',' << shaped.getElementType() << shaped.getShape().back();
    else
      os << ',' << operand.getType();
  for (const KernelLaunch &launch : launches)
    os << ';' << launch.maxRows;
  SmallVector<std::string> &names = emitted[key];
  if (!names.empty())
    return names;
  std::string stem = (family.getName() + "_" + Twine(counts[family.getName()]++)).str();
  for (const KernelLaunch &launch : launches) {
    bool bounded = launch.maxRows != KernelLaunch::kAnyRows;
    names.push_back(bounded ? stem + "_rows" + std::to_string(launch.maxRows) : stem);
    emitKernel(op, family, launch, names.back());
  }
  return names;
}

gpu::GPUFuncOp GpuKernelEmitter::emitKernel(Operation *op, KernelFamily &family,
                                            const KernelLaunch &launch, const std::string &name) {
  OpBuilder builder = OpBuilder::atBlockEnd(kernels.getBody());
  auto pointer = LLVM::LLVMPointerType::get(module.getContext(), kGlobalSpace);
  SmallVector<Type> arguments(op->getNumOperands(), pointer);
  arguments.append({builder.getI32Type(), pointer}); // rows, workspace
  auto kernel = gpu::GPUFuncOp::create(builder, op->getLoc(), name, builder.getFunctionType(arguments, {}));
  kernel->setAttr(gpu::GPUDialect::getKernelFuncAttrName(), builder.getUnitAttr());
  kernel.setKnownBlockSizeAttr(builder.getDenseI32ArrayAttr({int32_t(launch.threads), 1, 1}));
  for (unsigned i = 0; i < op->getNumOperands(); ++i) {
    kernel.setArgAttr(i, LLVM::LLVMDialect::getNoAliasAttrName(), builder.getUnitAttr());
    kernel.setArgAttr(i, LLVM::LLVMDialect::getAlignAttrName(), builder.getI64IntegerAttr(16));
  }
  op->setAttr(kMaxRowsAttr, builder.getI64IntegerAttr(launch.maxRows));
  Block &body = kernel.getBody().front();
  builder.setInsertionPointToStart(&body);
  family.emit(builder, op->getLoc(), op, target, body.getArguments());
  builder.setInsertionPointToEnd(&body);
  gpu::ReturnOp::create(builder, op->getLoc());
  return kernel;
}

struct EmitGpuKernelsPass : mpq::impl::EmitGpuKernelsPassBase<EmitGpuKernelsPass> {
  using Base::Base;

  void runOnOperation() override {
    auto main = getOperation().lookupSymbol<func::FuncOp>("main");
    if (!main) {
      getOperation().emitError("module has no function @main");
      return signalPassFailure();
    }
    if (failed(GpuKernelEmitter(getOperation(), main).run()))
      signalPassFailure();
  }
};

} // namespace
