//===----------------------------------------------------------------------===//
// Part of MPQ, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//===----------------------------------------------------------------------===//
//
// The calling convention of each function, before it becomes one of LLVM's.
//
//===----------------------------------------------------------------------===//

#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/Pass/Pass.h"

namespace mpq {
#define GEN_PASS_DEF_USEBAREPOINTERSPASS
#include "UseBarePointers.h.inc"
} // namespace mpq

using namespace mlir;

namespace {

struct UseBarePointersPass
    : mpq::impl::UseBarePointersPassBase<UseBarePointersPass> {
  using Base::Base;

  void runOnOperation() override {
    auto isStatic = [](Type type) {
      auto memref = dyn_cast<MemRefType>(type);
      return !memref || memref.hasStaticShape();
    };
    func::FuncOp function = getOperation();
    if (llvm::all_of(function.getArgumentTypes(), isStatic) &&
        llvm::all_of(function.getResultTypes(), isStatic))
      function->setAttr("llvm.bareptr", UnitAttr::get(&getContext()));
  }
};

} // namespace
