//===----------------------------------------------------------------------===//
// Part of MPQ, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//===----------------------------------------------------------------------===//
//
// The weights of a library as one resource:
//
//   mpq.slot "w" at 0 size 2304 packed by @pack_0 from dense_resource<w>
//     =>  module attributes {mpq.weights = dense_resource<weights>}
//
//===----------------------------------------------------------------------===//

#include "dialects/MPQ/Module.h"
#include "mpq/Execution/Program.h"

#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/Dialect/LLVMIR/LLVMDialect.h"
#include "mlir/IR/DialectResourceBlobManager.h"
#include "mlir/Pass/Pass.h"
#include "llvm/ADT/SetVector.h"

namespace mpq {
#define GEN_PASS_DEF_FILLWEIGHTSPASS
#include "FillWeights.h.inc"
} // namespace mpq

using namespace mlir;
using namespace mpq;

namespace {

/// The packed bytes as a resource that owns them.
DenseResourceElementsAttr makeResource(AlignedBytes bytes, MLIRContext *context) {
  auto type = RankedTensorType::get({static_cast<int64_t>(bytes.size())}, IntegerType::get(context, 8));
  auto owner = std::make_shared<AlignedBytes>(std::move(bytes));
  AsmResourceBlob blob(ArrayRef<char>(owner->data(), owner->size()), /*dataAlignment=*/64,
                       [owner](void *, size_t, size_t) {}, /*dataIsMutable=*/false);
  return DenseResourceElementsAttr::get(type, "weights", std::move(blob));
}

struct FillWeightsPass : mpq::impl::FillWeightsPassBase<FillWeightsPass> {
  using Base::Base;

  void runOnOperation() override {
    ModuleOp module = getOperation();
    if (!module.lookupSymbol<func::FuncOp>("main")) {
      module.emitError("module has no function @main");
      return signalPassFailure();
    }
    llvm::Expected<AlignedBytes> packed = packWeightBlob(module);
    if (!packed) {
      module.emitError(llvm::toString(packed.takeError()));
      return signalPassFailure();
    }
    if (packed->size())
      module->setAttr(kWeightsAttr, makeResource(std::move(*packed), &getContext()));
    eraseSlots();
  }

private:
  /// @prepare still calls the packing functions of stored weights.
  void eraseSlots() {
    llvm::SetVector<Operation *> packers;
    SymbolTable symbols(getOperation());
    for (SlotOp slot : llvm::make_early_inc_range(getOperation().getOps<SlotOp>())) {
      if (Operation *packer = symbols.lookup(slot.getPacker()))
        packers.insert(packer);
      slot.erase();
    }
    for (Operation *packer : packers)
      if (SymbolTable::symbolKnownUseEmpty(packer, getOperation()))
        symbols.erase(packer);
  }
};

} // namespace
