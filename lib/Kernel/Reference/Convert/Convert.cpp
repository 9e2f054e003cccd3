//===----------------------------------------------------------------------===//
// Part of MPQ, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//===----------------------------------------------------------------------===//
//
// `mpq.convert` between any two layouts and quantizations, one element at a
// time: result[n, c, h, w] = input[n, c, h, w].
//
//===----------------------------------------------------------------------===//

#include "mpq/Kernel/Elements.h"

using namespace mlir;
using namespace mpq;

namespace {

struct ConvertReference final : KernelFamily {
  StringRef getName() const override { return "convert_reference"; }
  int getPriority() const override { return 0; }

  bool accepts(Operation *op, const KernelTarget &, std::string &reason) const override {
    reason = "is for mpq.convert only";
    return isa<ConvertOp>(op);
  }

  KernelLayouts getLayouts(Operation *op, const KernelTarget &) const override {
    auto convert = cast<ConvertOp>(op);
    return {{convert.getInputLayoutAttr()}, convert.getOutputLayoutAttr()};
  }

  void emit(OpBuilder &builder, Location loc, Operation *op, const KernelTarget &target,
            ValueRange operands) const override {
    auto convert = cast<ConvertOp>(op);
    KernelBuilder k(builder, loc, target);
    Activation from = k.activation(operands[0], convert.getInputLayoutAttr(), getCodes(convert.getInputQuantAttr()));
    Activation to = k.activation(operands[1], convert.getOutputLayoutAttr(), getCodes(convert.getOutputQuantAttr()));
    writeElements(k, to, [&](ArrayRef<Index> position) { return readElement(k, from, position); });
  }
};

} // namespace

namespace mpq {
void registerKernelFamilyConvertReference(DialectRegistry &) {
  Registry<KernelFamily>::get().add("convert_reference", std::make_unique<ConvertReference>());
}
} // namespace mpq
