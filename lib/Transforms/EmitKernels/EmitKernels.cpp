//===----------------------------------------------------------------------===//
// Part of MPQ, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//===----------------------------------------------------------------------===//
//
// Turns compute ops on memrefs into calls of the kernels that their families
// emit:
//
//   mpq.conv ins(%x, %w) outs(%y) {family = "conv_f32"}
//     =>  call @conv_f32_0(%x, %w, %y)
//         func.func private @conv_f32_0(%x, %w, %y) { scf.for ... }
//
// Linalg ops that a family accepts go the same way.
//
// What a call takes on one thread, as the cost table has it, is an attribute of
// the function: whether threads should share it depends on that.
//
// An operand of dynamic shape is passed as a pointer to its first element and
// its dynamic sizes, so that functions have nothing but pointers and numbers.
//
//===----------------------------------------------------------------------===//

#include "mpq/Analysis/Cost.h"
#include "mpq/Kernel/NamedFamily.h"
#include "mpq/Kernel/Parts.h"

#include "mlir/Dialect/Affine/IR/AffineOps.h"
#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/Dialect/LLVMIR/LLVMDialect.h"
#include "mlir/Dialect/Linalg/IR/Linalg.h"
#include "mlir/Dialect/Math/IR/Math.h"
#include "mlir/Dialect/MemRef/IR/MemRef.h"
#include "mlir/Dialect/SCF/IR/SCF.h"
#include "mlir/Dialect/UB/IR/UBOps.h"
#include "mlir/Dialect/Vector/IR/VectorOps.h"
#include "mlir/IR/Diagnostics.h"
#include "mlir/Pass/Pass.h"
#include "llvm/ADT/StringMap.h"

namespace mpq {
#define GEN_PASS_DECL_EMITKERNELSPASS
#define GEN_PASS_DEF_EMITKERNELSPASS
#include "EmitKernels.h.inc"
} // namespace mpq

using namespace mlir;
using namespace mpq;

namespace {

/// What makes two problems the same: the op's text with its operand types, but
/// without its operands and location.
std::string getProblemKey(Operation *op) {
  std::string key;
  llvm::raw_string_ostream os(key);
  os << op->getName() << op->getAttrDictionary();
  for (Type type : op->getOperandTypes())
    os << ',' << type;
  for (Region &region : op->getRegions())
    for (Operation &inner : region.getOps()) {
      os << ';' << inner.getName() << inner.getAttrDictionary();
      for (Value operand : inner.getOperands())
        if (auto argument = dyn_cast<BlockArgument>(operand))
          os << " a" << argument.getArgNumber();
        else
          os << " o"
             << std::distance(region.front().begin(),
                              operand.getDefiningOp()->getIterator());
    }
  return key;
}

class EmitKernels {
public:
  EmitKernels(ModuleOp module, const CostTable &costs)
      : module(module), target(KernelTarget::get(module)), costs(costs) {
    if (auto main = module.lookupSymbol<func::FuncOp>("main"))
      modelBytes = getModelBytes(main);
  }

  /// Replaces `op` by a call of its kernel.
  LogicalResult replace(Operation *op) {
    std::string key = getProblemKey(op);
    func::FuncOp &kernel = kernels[key];
    if (!kernel) {
      KernelFamily *family = getFamily(op);
      if (!family)
        return failure();
      // What a family cannot build it says in a diagnostic, at the op.
      bool isBroken = false;
      ScopedDiagnosticHandler handler(
          op->getContext(), [&](Diagnostic &diagnostic) {
            isBroken |= diagnostic.getSeverity() == DiagnosticSeverity::Error;
            return failure(); // to be shown by the next handler
          });
      kernel = emit(op, *family);
      if (isBroken)
        return failure();
    }
    OpBuilder builder(op);
    SmallVector<Value> arguments;
    for (Value operand : op->getOperands())
      passOperand(builder, op->getLoc(), operand, arguments);
    func::CallOp::create(builder, op->getLoc(), kernel, arguments);
    op->erase();
    return success();
  }

private:
  KernelFamily *getFamily(Operation *op) {
    if (op->hasAttr("family"))
      return getNamedFamily(op, target);
    KernelChoice choice = chooseKernelFamily(op, target);
    if (!choice.family) {
      InFlightDiagnostic error =
          op->emitOpError("is accepted by no kernel family");
      for (const std::string &rejection : choice.rejections)
        error.attachNote() << rejection;
    }
    return choice.family;
  }

  /// The type of the pointer that stands for an operand of dynamic shape.
  static MemRefType getPointerType(MemRefType type) {
    return MemRefType::get({1}, type.getElementType());
  }

  static void passOperand(OpBuilder &b, Location loc, Value operand,
                          SmallVectorImpl<Value> &arguments) {
    auto type = cast<MemRefType>(operand.getType());
    if (type.hasStaticShape()) {
      arguments.push_back(operand);
      return;
    }
    arguments.push_back(memref::ReinterpretCastOp::create(
        b, loc, getPointerType(type), operand, /*offset=*/0,
        /*sizes=*/ArrayRef<int64_t>{1}, /*strides=*/ArrayRef<int64_t>{1}));
    for (int64_t d = 0; d < type.getRank(); ++d)
      if (type.isDynamicDim(d))
        arguments.push_back(memref::DimOp::create(b, loc, operand, d));
  }

  /// The operand of `type` again, from the kernel's arguments starting with
  /// `next`.
  static Value receiveOperand(OpBuilder &b, Location loc, MemRefType type,
                              Block *body, unsigned &next) {
    Value pointer = body->getArgument(next++);
    if (type.hasStaticShape())
      return pointer;
    SmallVector<OpFoldResult> sizes, strides(type.getRank());
    for (int64_t size : type.getShape())
      sizes.push_back(ShapedType::isDynamic(size)
                          ? OpFoldResult(body->getArgument(next++))
                          : b.getIndexAttr(size));
    AffineExpr x = b.getAffineSymbolExpr(0), y = b.getAffineSymbolExpr(1);
    OpFoldResult stride = b.getIndexAttr(1);
    for (int64_t d = type.getRank() - 1; d >= 0; --d) {
      strides[d] = stride;
      if (d > 0)
        stride = affine::makeComposedFoldedAffineApply(b, loc, x * y,
                                                       {stride, sizes[d]});
    }
    return memref::ReinterpretCastOp::create(b, loc, type, pointer,
                                             b.getIndexAttr(0), sizes, strides);
  }

  func::FuncOp emit(Operation *op, KernelFamily &family) {
    OpBuilder builder = OpBuilder::atBlockEnd(module.getBody());
    std::string name = family.getName().str() + "_" +
                       std::to_string(counts[family.getName()]++);
    SmallVector<Type> types;
    SmallVector<unsigned> pointers;
    for (Type operand : op->getOperandTypes()) {
      auto type = cast<MemRefType>(operand);
      pointers.push_back(types.size());
      types.push_back(type.hasStaticShape() ? type : getPointerType(type));
      types.append(type.getNumDynamicDims(), builder.getIndexType());
    }
    auto type = builder.getFunctionType(types, {});
    auto kernel = func::FuncOp::create(builder, op->getLoc(), name, type);
    kernel.setPrivate();
    kernel->setAttr(kNanosecondsAttr,
                    builder.getI64IntegerAttr(predict(op, family)));
    // No operand of a kernel overlaps another: the memory plan gives each its
    // own bytes while the op runs.
    for (unsigned i : pointers)
      kernel.setArgAttr(i, LLVM::LLVMDialect::getNoAliasAttrName(),
                        builder.getUnitAttr());
    Block *body = kernel.addEntryBlock();
    builder.setInsertionPointToStart(body);
    SmallVector<Value> operands;
    unsigned next = 0;
    for (Type operand : op->getOperandTypes())
      operands.push_back(receiveOperand(builder, op->getLoc(),
                                        cast<MemRefType>(operand), body, next));
    family.emit(builder, op->getLoc(), op, target, operands);
    builder.setInsertionPointToEnd(body);
    func::ReturnOp::create(builder, op->getLoc());
    return kernel;
  }

  int64_t predict(Operation *op, KernelFamily &family) {
    op->setAttr("family", StringAttr::get(op->getContext(), family.getName()));
    KernelWork work = describeWork(op, kTypicalSize);
    return std::llround(costs.predict(work, modelBytes));
  }

  ModuleOp module;
  KernelTarget target;
  const CostTable &costs;
  double modelBytes = 0;
  llvm::StringMap<func::FuncOp> kernels;
  llvm::StringMap<unsigned> counts;
};

struct EmitKernelsPass : mpq::impl::EmitKernelsPassBase<EmitKernelsPass> {
  using Base::Base;

  void runOnOperation() override {
    llvm::Expected<CostTable> costs =
        table.empty()
            ? CostTable::lookup(KernelTarget::get(getOperation()).cpu)
            : CostTable::read(table);
    if (!costs) {
      getOperation().emitError(llvm::toString(costs.takeError()));
      return signalPassFailure();
    }
    SmallVector<Operation *> ops;
    getOperation().walk([&](ComputeOpInterface op) { ops.push_back(op); });
    EmitKernels emitter(getOperation(), *costs);
    // What linalg ops no family knows becomes plain loops later.
    getOperation().walk([&](linalg::GenericOp op) {
      if (op->hasAttr("family") ||
          (op.hasPureBufferSemantics() &&
           chooseKernelFamily(op, KernelTarget::get(op)).family))
        ops.push_back(op);
    });
    for (Operation *op : ops) {
      if (!llvm::all_of(op->getOperandTypes(), llvm::IsaPred<MemRefType>)) {
        op->emitOpError("has operands that are not memrefs; bufferize first");
        return signalPassFailure();
      }
      if (failed(emitter.replace(op)))
        return signalPassFailure();
    }
  }
};

} // namespace
