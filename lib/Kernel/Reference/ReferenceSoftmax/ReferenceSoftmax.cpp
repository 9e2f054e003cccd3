//===----------------------------------------------------------------------===//
// Part of MPQ, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//===----------------------------------------------------------------------===//
//
// Softmax by definition.
//
//===----------------------------------------------------------------------===//

#include "lib/Kernel/Reference/DataFamily.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Math/IR/Math.h"

using namespace mlir;
using namespace mpq;

namespace {

class ReferenceSoftmax final : public reference::DataFamily<SoftmaxOp> {
public:
  StringRef getName() const override { return "reference_softmax"; }

  void emit(OpBuilder &builder, Location loc, Operation *op,
            const KernelTarget &target, ValueRange operands) const override {
    KernelBuilder k(builder, loc, target);
    int64_t rank = cast<ShapedType>(operands[0].getType()).getRank();
    Index rows = k.rows(operands[0]), columns = k.dim(operands[0], rank - 1);
    Value from = k.flatten(operands[0]), to = k.flatten(operands[1]);
    Value lowest = k.f32(-std::numeric_limits<double>::infinity());
    k.forLoop(0, rows, 1, [&](Index row) {
      Index start = k.mul(row, columns);
      Value max =
          k.forLoop(0, columns, 1, lowest, [&](Index i, ValueRange max) {
            return SmallVector<Value>{arith::MaximumFOp::create(
                k.b, max[0], k.load(from, k.add(start, i)))};
          })[0];
      auto power = [&](Index at) {
        Value x = arith::SubFOp::create(k.b, k.load(from, at), max);
        return math::ExpOp::create(k.b, x);
      };
      Value sum =
          k.forLoop(0, columns, 1, k.f32(0.0), [&](Index i, ValueRange sum) {
            return SmallVector<Value>{k.addf(sum[0], power(k.add(start, i)))};
          })[0];
      k.forLoop(0, columns, 1, [&](Index i) {
        Index at = k.add(start, i);
        k.store(arith::DivFOp::create(k.b, power(at), sum), to, at);
      });
    });
  }
};

} // namespace

namespace mpq {
void registerKernelFamilyReferenceSoftmax(DialectRegistry &) {
  Registry<KernelFamily>::get().add("reference_softmax",
                                    std::make_unique<ReferenceSoftmax>());
}
} // namespace mpq
