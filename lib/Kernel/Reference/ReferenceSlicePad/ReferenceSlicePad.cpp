//===----------------------------------------------------------------------===//
// Part of MPQ, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//===----------------------------------------------------------------------===//
//
// `mpq.slice_pad` as it is defined, for any rank: first the result is zero
// everywhere, then the elements of the slice are put in their places.
//
//===----------------------------------------------------------------------===//

#include "lib/Kernel/Reference/DataFamily.h"

using namespace mlir;
using namespace mpq;

namespace {

struct ReferenceSlicePad final : reference::DataFamily<SlicePadOp> {
  StringRef getName() const override { return "reference_slice_pad"; }

  void emit(OpBuilder &builder, Location loc, Operation *op,
            const KernelTarget &target, ValueRange operands) const override {
    auto slice = cast<SlicePadOp>(op);
    KernelBuilder k(builder, loc, target);
    Activation from = k.activation(operands[0], slice.getInputLayoutAttr(),
                                   getCodes(slice.getInputQuantAttr()));
    Activation to = k.activation(operands[1], slice.getOutputLayoutAttr(),
                                 getCodes(slice.getOutputQuantAttr()));
    k.fill(to.buffer, 0, cast<MemRefType>(to.buffer.getType()).getNumElements(),
           makeZeroElement(k, to));
    k.forEach(slice.getSizes(), [&](ArrayRef<Index> position) {
      SmallVector<Index> source, target;
      for (auto [d, index] : llvm::enumerate(position)) {
        source.push_back(k.mul(index, slice.getStrides()[d]) +
                         slice.getOffsets()[d]);
        target.push_back(index + slice.getLow()[d]);
      }
      Value real = readElement(k, from, source);
      k.store(to.quant ? k.quantize(real, to.quant) : real, to.buffer,
              elementOffset(k, to, target));
    });
  }
};

} // namespace

namespace mpq {
void registerKernelFamilyReferenceSlicePad(DialectRegistry &) {
  Registry<KernelFamily>::get().add("reference_slice_pad",
                                    std::make_unique<ReferenceSlicePad>());
}
} // namespace mpq
