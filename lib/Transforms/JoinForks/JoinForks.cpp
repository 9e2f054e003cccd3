//===----------------------------------------------------------------------===//
// Part of MPQ, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//===----------------------------------------------------------------------===//
//
// Finds calls of split kernels that need not wait for each other:
//
//   call @conv(%x, %w, %y)      reads x, writes y
//   call @slice(%x, %z)         reads x, writes z: joins it
//   call @conv(%y, %w, %x)      reads y, so it must wait
//
// What a kernel writes is everything that it does more with than to load it.
// Whether two operands are the same memory follows from the memory plan: views of
// the arena at constant places are compared byte by byte; buffers whose size is
// known at run time only lie behind them, in slots of which each begins at a
// place of its own.
//
//===----------------------------------------------------------------------===//

#include "mpq/Kernel/Parts.h"

#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/Dialect/MemRef/IR/MemRef.h"
#include "mlir/Dialect/Utils/StaticValueUtils.h"
#include "mlir/Dialect/Vector/IR/VectorOps.h"
#include "mlir/Interfaces/SideEffectInterfaces.h"
#include "mlir/Interfaces/ViewLikeInterface.h"
#include "mlir/Pass/Pass.h"

namespace mpq {
#define GEN_PASS_DEF_JOINFORKSPASS
#include "JoinForks.h.inc"
} // namespace mpq

using namespace mlir;
using namespace mpq;

namespace {

/// Whether nothing is done with `buffer` but to load from it.
bool isOnlyLoaded(Value buffer) {
  return llvm::all_of(buffer.getUsers(), [](Operation *user) {
    if (isa<memref::LoadOp, vector::LoadOp, vector::MaskedLoadOp,
            vector::TransferReadOp, memref::PrefetchOp, memref::DimOp>(user))
      return true;
    auto view = dyn_cast<ViewLikeOpInterface>(user);
    return view && isOnlyLoaded(view.getViewDest());
  });
}

/// The memory of an operand: a function's argument, a constant, or a part of an
/// argument.
struct Memory {
  explicit Memory(Value value) {
    while (auto view = value.getDefiningOp<ViewLikeOpInterface>()) {
      if (auto placed = dyn_cast<memref::ViewOp>(view.getOperation()))
        part = placed;
      value = view.getViewSource();
    }
    root = value;
  }

  bool mayOverlap(Memory other) {
    if (root != other.root)
      // Operands of @main do not overlap, nor do constants.
      return !isDistinct(root) || !isDistinct(other.root);
    if (!part || !other.part)
      return true;
    if (part.getType().hasStaticShape() != other.part.getType().hasStaticShape())
      return false;
    if (!part.getType().hasStaticShape())
      return getAsOpFoldResult(part.getByteShift()) ==
             getAsOpFoldResult(other.part.getByteShift());
    auto first = getConstantIntValue(part.getByteShift()),
         second = getConstantIntValue(other.part.getByteShift());
    return !first || !second ||
           (*first < *second + getBytes(other.part) &&
            *second < *first + getBytes(part));
  }

private:
  static bool isDistinct(Value root) {
    return isa<BlockArgument>(root) || root.getDefiningOp<memref::GetGlobalOp>();
  }
  static int64_t getBytes(memref::ViewOp view) {
    return llvm::divideCeil(view.getType().getNumElements() *
                                view.getType().getElementTypeBitWidth(),
                            8);
  }

  Value root;
  memref::ViewOp part; ///< the outermost view of the root
};

/// What one call touches.
struct Operand {
  Memory memory;
  bool isWritten;
};

struct JoinForksPass : mpq::impl::JoinForksPassBase<JoinForksPass> {
  using Base::Base;

  void runOnOperation() override {
    auto main = getOperation().lookupSymbol<func::FuncOp>("main");
    if (!main || main.isExternal())
      return;
    // Of the calls that share the fork so far.
    SmallVector<Operand> touched;
    for (Operation &op : main.getBody().front()) {
      if (isMemoryEffectFree(&op) || isa<memref::GetGlobalOp>(op))
        continue;
      auto call = dyn_cast<func::CallOp>(op);
      if (!call || !call->hasAttr(kPartsAttr)) {
        touched.clear();
        continue;
      }
      SmallVector<Operand> operands = getOperands(call);
      if (touched.empty() || mustWait(operands, touched))
        touched.clear();
      else
        call->setAttr(kJoinsAttr, UnitAttr::get(&getContext()));
      llvm::append_range(touched, operands);
    }
  }

private:
  SmallVector<Operand> getOperands(func::CallOp call) {
    auto kernel = getOperation().lookupSymbol<func::FuncOp>(call.getCallee());
    SmallVector<Operand> operands;
    for (auto [i, value] : llvm::enumerate(call.getOperands()))
      if (isa<MemRefType>(value.getType()))
        operands.push_back(
            {Memory(value), !kernel || kernel.isExternal() ||
                                !isOnlyLoaded(kernel.getArgument(i))});
    return operands;
  }

  static bool mustWait(ArrayRef<Operand> later, ArrayRef<Operand> earlier) {
    return llvm::any_of(later, [&](Operand a) {
      return llvm::any_of(earlier, [&](Operand b) {
        return (a.isWritten || b.isWritten) && a.memory.mayOverlap(b.memory);
      });
    });
  }
};

} // namespace
