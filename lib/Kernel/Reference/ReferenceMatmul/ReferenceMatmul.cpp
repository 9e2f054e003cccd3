//===----------------------------------------------------------------------===//
// Part of MPQ, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//===----------------------------------------------------------------------===//
//
// Matrix product by definition.
//
//===----------------------------------------------------------------------===//

#include "lib/Kernel/Reference/Reference.h"

#include "mlir/Dialect/Arith/IR/Arith.h"

#include <optional>

using namespace mlir;
using namespace mpq;
using namespace mpq::reference;

namespace {

/// The scale of the `count` values from `at` on.
DynamicQuantization emitScale(KernelBuilder &k, const Activation &input,
                              UniformAttr quant, Index at, Index count) {
  SmallVector<Value> range = {k.f32(0.0), k.f32(0.0)};
  range = k.forLoop(0, count, 1, range, [&](Index i, ValueRange r) {
    Value x = k.load(input.buffer, k.add(at, i));
    return SmallVector<Value>{arith::MinNumFOp::create(k.b, r[0], x),
                              arith::MaxNumFOp::create(k.b, r[1], x)};
  });
  return DynamicQuantization(k, quant, range[0], range[1]);
}

class ReferenceMatmul final : public Family<MatmulOp> {
public:
  StringRef getName() const override { return "reference_matmul"; }

  void emit(OpBuilder &builder, Location loc, Operation *op,
            const KernelTarget &target, ValueRange operands) const override {
    auto matmul = cast<MatmulOp>(op);
    KernelBuilder k(builder, loc, target);
    Activation input = k.activation(operands[0], {},
                                    getStoredQuant(matmul.getInputQuantAttr()));
    Activation output = k.activation(
        operands.back(), {}, getStoredQuant(matmul.getOutputQuantAttr()));
    Value weight = getMatrix(k, matmul.getWeightShape(), operands[1]);
    Value bias = matmul.getBias() ? operands[2] : Value();
    std::optional<Activation> residual;
    if (matmul.getResidual())
      residual = k.activation(operands[operands.size() - 2], {},
                              getStoredQuant(matmul.getResidualQuantAttr()));

    int64_t columns = matmul.getWeightShape()[0];
    int64_t depth = matmul.getWeightShape()[1];
    UniformAttr quant = matmul.getInputQuantAttr();
    bool isDynamic = quant && quant.isDynamic();
    int64_t group = quant && quant.isGrouped() ? quant.getGroup() : depth;
    k.forLoop(0, k.rows(operands[0]), 1, [&](Index m) {
      Index inputRow = k.mul(m, depth), outputRow = k.mul(m, columns);
      std::optional<DynamicQuantization> dynamic;
      if (isDynamic && !quant.isGrouped())
        dynamic.emplace(emitScale(k, input, quant, inputRow, depth));
      k.forLoop(0, columns, 1, [&](Index n) {
        Index weightRow = k.mul(n, depth);
        auto addGroup = [&](Index first, ValueRange before) {
          Index end = k.min(first + group, depth);
          std::optional<DynamicQuantization> own = dynamic;
          if (quant && quant.isGrouped())
            own = emitScale(k, input, quant, k.add(inputRow, first),
                            k.sub(end, first));
          return k.forLoop(first, end, 1, before, [&](Index i, ValueRange sum) {
            Value real = loadReal(k, input, k.add(inputRow, i));
            if (own)
              real = own->roundTrip(k, real);
            Value factor = k.load(weight, k.add(weightRow, i));
            return SmallVector<Value>{k.fma(real, factor, sum[0])};
          });
        };
        Value sum = k.forLoop(0, depth, std::max<int64_t>(group, 1), k.f32(0.0),
                              addGroup)[0];
        if (bias)
          sum = k.addf(sum, k.load(bias, n));
        Index at = k.add(outputRow, n);
        if (residual)
          sum = k.addf(sum, loadReal(k, *residual, at));
        storeReal(k, sum, output, at, matmul.getClampAttr());
      });
    });
  }
};

} // namespace

namespace mpq {
void registerKernelFamilyReferenceMatmul(DialectRegistry &) {
  Registry<KernelFamily>::get().add("reference_matmul",
                                    std::make_unique<ReferenceMatmul>());
}
} // namespace mpq
