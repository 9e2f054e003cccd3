//===----------------------------------------------------------------------===//
// Part of MPQ, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//===----------------------------------------------------------------------===//
//
// LayerNorm and RMSNorm by definition.
//
//===----------------------------------------------------------------------===//

#include "lib/Kernel/Reference/DataFamily.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Math/IR/Math.h"

using namespace mlir;
using namespace mpq;

namespace {

class ReferenceNormalize final : public reference::DataFamily<NormalizeOp> {
public:
  StringRef getName() const override { return "reference_normalize"; }

  void emit(OpBuilder &builder, Location loc, Operation *op,
            const KernelTarget &target, ValueRange operands) const override {
    auto normalize = cast<NormalizeOp>(op);
    NormalizeOp::Adaptor adaptor(operands, normalize);
    KernelBuilder k(builder, loc, target);
    Value from = k.flatten(adaptor.getInput()),
          to = k.flatten(adaptor.getInit());
    UniformAttr quant = normalize.getOutputQuantAttr();
    int64_t columns =
        cast<ShapedType>(adaptor.getInput().getType()).getShape().back();
    k.forLoop(0, k.rows(adaptor.getInput()), 1, [&](Index row) {
      Index start = k.mul(row, columns);
      auto mean = [&](function_ref<Value(Index)> element) {
        Value sum =
            k.forLoop(0, columns, 1, k.f32(0.0), [&](Index i, ValueRange sum) {
              return SmallVector<Value>{k.addf(sum[0], element(i))};
            })[0];
        return arith::DivFOp::create(k.b, sum, k.f32(columns));
      };
      Value center = k.f32(0.0);
      if (normalize.getCentered())
        center = mean([&](Index i) { return k.load(from, k.add(start, i)); });
      auto centered = [&](Index i) -> Value {
        return arith::SubFOp::create(k.b, k.load(from, k.add(start, i)),
                                     center);
      };
      Value variance = mean([&](Index i) {
        Value x = centered(i);
        return k.mulf(x, x);
      });
      Value deviation = math::SqrtOp::create(
          k.b,
          k.addf(variance, k.f32(normalize.getEpsilon().convertToFloat())));
      k.forLoop(0, columns, 1, [&](Index i) {
        Value y = arith::DivFOp::create(k.b, centered(i), deviation);
        if (adaptor.getScale())
          y = k.mulf(y, k.load(adaptor.getScale(), i));
        if (adaptor.getBias())
          y = k.addf(y, k.load(adaptor.getBias(), i));
        k.store(quant ? k.quantize(y, quant) : y, to, k.add(start, i));
      });
    });
  }
};

} // namespace

namespace mpq {
void registerKernelFamilyReferenceNormalize(DialectRegistry &) {
  Registry<KernelFamily>::get().add("reference_normalize",
                                    std::make_unique<ReferenceNormalize>());
}
} // namespace mpq
