//===----------------------------------------------------------------------===//
// Part of MPQ, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//===----------------------------------------------------------------------===//
//
// `mpq.convert` between any two layouts and quantizations, one element at a
// time: result[n, c, h, w] = input[n, c, h, w].
//
//===----------------------------------------------------------------------===//

#include "lib/Kernel/Reference/DataFamily.h"

using namespace mlir;
using namespace mpq;

namespace {

struct ReferenceConvert final : reference::DataFamily<ConvertOp> {
  StringRef getName() const override { return "reference_convert"; }

  /// What the op is about.
  KernelLayouts getLayouts(Operation *op, const KernelTarget &) const override {
    auto convert = cast<ConvertOp>(op);
    return {{convert.getInputLayoutAttr()}, convert.getOutputLayoutAttr()};
  }

  void emit(OpBuilder &builder, Location loc, Operation *op,
            const KernelTarget &target, ValueRange operands) const override {
    auto convert = cast<ConvertOp>(op);
    KernelBuilder k(builder, loc, target);
    Activation from = k.activation(operands[0], convert.getInputLayoutAttr(),
                                   getCodes(convert.getInputQuantAttr()));
    Activation to = k.activation(operands[1], convert.getOutputLayoutAttr(),
                                 getCodes(convert.getOutputQuantAttr()));
    if (llvm::any_of(to.shape, ShapedType::isDynamic)) {
      // Plain layouts on both sides: one element after the other.
      k.forLoop(0, k.rows(operands[0], /*inner=*/0), 1, [&](Index at) {
        Value element = k.load(from.buffer, at);
        Value real = from.quant ? k.dequantize(element, from.quant) : element;
        k.store(to.quant ? k.quantize(real, to.quant) : real, to.buffer, at);
      });
      return;
    }
    writeElements(k, to, [&](ArrayRef<Index> position) {
      return readElement(k, from, position);
    });
  }
};

} // namespace

namespace mpq {
void registerKernelFamilyReferenceConvert(DialectRegistry &) {
  Registry<KernelFamily>::get().add("reference_convert",
                                    std::make_unique<ReferenceConvert>());
}
} // namespace mpq
