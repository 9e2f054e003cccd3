//===----------------------------------------------------------------------===//
// Part of MPQ, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//===----------------------------------------------------------------------===//
//
// Says of products of two activations that they are computed in integers:
//
//   mpq.attention ...    =>  mpq.attention ... {operand_quant = #mpq.uniform<dynamic>}
//   linalg.generic ...   =>  linalg.generic ... attrs = {mpq.operand_quant = #mpq.uniform<dynamic>}
//
// if kernels for it exist. Nothing else changes: operands and results are what
// they were.
//
//===----------------------------------------------------------------------===//

#include "mpq/Kernel/KernelFamily.h"
#include "mpq/Kernel/QuantizedProduct.h"

#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/Dialect/Linalg/IR/Linalg.h"
#include "mlir/IR/Remarks.h"
#include "mlir/Pass/Pass.h"

namespace mpq {
#define GEN_PASS_DECL_QUANTIZEPRODUCTSPASS
#define GEN_PASS_DEF_QUANTIZEPRODUCTSPASS
#include "QuantizeProducts.h.inc"
} // namespace mpq

using namespace mlir;
using namespace mpq;

namespace {

remark::RemarkOpts remarkName() {
  return remark::RemarkOpts::name("ActivationProduct")
      .category("mpq-quantize-products");
}

struct QuantizeProductsPass
    : mpq::impl::QuantizeProductsPassBase<QuantizeProductsPass> {
  using Base::Base;

  void runOnOperation() override {
    auto module = getOperation()->getParentOfType<ModuleOp>();
    auto wanted = module ? module->getAttrOfType<StringAttr>(kActivationProductsAttr)
                         : StringAttr();
    if (!wanted || wanted == "f32")
      return;
    if (wanted != "int8") {
      module.emitError("'") << kActivationProductsAttr << "' is \""
                            << wanted.getValue()
                            << "\" when it should be \"f32\" or \"int8\"";
      return signalPassFailure();
    }
    KernelTarget target = KernelTarget::get(module);
    getOperation().walk([&](Operation *op) {
      if (auto attention = dyn_cast<AttentionOp>(op))
        quantize(attention, attention.getOperandQuantAttrName(), target);
      else if (auto generic = dyn_cast<linalg::GenericOp>(op);
               generic && generic.getNumReductionLoops() == 1 &&
               generic.getNumDpsInputs() == 2)
        quantize(generic, kQuantizedProductAttr, target);
    });
  }

private:
  void quantize(Operation *op, StringRef name, const KernelTarget &target) {
    if (auto attention = dyn_cast<AttentionOp>(op)) {
      auto key = cast<ShapedType>(attention.getKey().getType());
      int64_t keys = key.getDimSize(key.getRank() - 2);
      if (!ShapedType::isDynamic(keys) && keys < leastKeys) {
        remark::missed(op->getLoc(), remarkName())
            << "stays f32: " << std::to_string(keys) << " keys, fewer than "
            << std::to_string(leastKeys);
        return;
      }
    }
    op->setAttr(name, UniformAttr::getDynamic(op->getContext()));
    KernelChoice choice = chooseKernelFamily(op, target);
    if (choice.family && choice.family->getPriority() > 0) {
      remark::passed(op->getLoc(), remarkName())
          << "in integers by " << choice.family->getName();
      return;
    }
    op->removeAttr(name);
    for (const std::string &rejection : choice.rejections)
      remark::missed(op->getLoc(), remarkName()) << "stays f32: " << rejection;
  }
};

} // namespace
