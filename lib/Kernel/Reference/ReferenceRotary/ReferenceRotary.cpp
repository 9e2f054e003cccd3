//===----------------------------------------------------------------------===//
// Part of MPQ, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//===----------------------------------------------------------------------===//
//
// Rotary position embedding by definition.
//
//===----------------------------------------------------------------------===//

#include "lib/Kernel/Reference/DataFamily.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Math/IR/Math.h"

using namespace mlir;
using namespace mpq;

namespace {

class ReferenceRotary final : public reference::DataFamily<RotaryOp> {
public:
  StringRef getName() const override { return "reference_rotary"; }

  void emit(OpBuilder &builder, Location loc, Operation *op,
            const KernelTarget &target, ValueRange operands) const override {
    auto rotary = cast<RotaryOp>(op);
    KernelBuilder k(builder, loc, target);
    auto type = cast<ShapedType>(operands[0].getType());
    int64_t pitch = type.getShape().back(), size = rotary.getHeadSize();
    int64_t heads = rotary.getHeads(), half = size / 2;
    Index positions = k.dim(operands[0], type.getRank() - 2);
    Value from = k.flatten(operands[0]), cos = k.flatten(operands[1]),
          sin = k.flatten(operands[2]), to = k.flatten(operands[3]);
    k.forLoop(0, k.rows(operands[0]), 1, [&](Index row) {
      Index factors = k.mul(k.mod(row, positions), half);
      k.forEach({heads, half}, [&](ArrayRef<Index> at) {
        Index head = k.mul(at[0], size);
        Index source = k.add(k.add(k.mul(row, pitch), head), at[1]);
        source = source + rotary.getOffset();
        Index result = k.add(k.add(k.mul(row, heads * size), head), at[1]);
        Index factor = k.add(factors, at[1]);
        Value low = k.load(from, source), high = k.load(from, source + half);
        Value first = k.mulf(low, k.load(cos, factor));
        Value second = k.mulf(high, k.load(sin, factor));
        k.store(arith::SubFOp::create(k.b, first, second), to, result);
        first = k.mulf(high, k.load(cos, factor));
        second = k.mulf(low, k.load(sin, factor));
        k.store(k.addf(first, second), to, result + half);
      });
    });
  }
};

} // namespace

namespace mpq {
void registerKernelFamilyReferenceRotary(DialectRegistry &) {
  Registry<KernelFamily>::get().add("reference_rotary",
                                    std::make_unique<ReferenceRotary>());
}
} // namespace mpq
