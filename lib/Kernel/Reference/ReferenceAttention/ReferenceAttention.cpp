//===----------------------------------------------------------------------===//
// Part of MPQ, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//===----------------------------------------------------------------------===//
//
// Attention by definition: every score is computed three times, for the
// maximum, the sum and the result, so that none need be kept. With quantized
// operands the definition is that of IntegerAttention.h (IntegerRow.cpp).
//
//===----------------------------------------------------------------------===//

#include "IntegerRow.h"

#include "lib/Kernel/Reference/DataFamily.h"
#include "mpq/Kernel/AttentionGeometry.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Math/IR/Math.h"

using namespace mlir;
using namespace mpq;

namespace {

class ReferenceAttention final : public reference::DataFamily<AttentionOp> {
public:
  StringRef getName() const override { return "reference_attention"; }

  void emit(OpBuilder &builder, Location loc, Operation *op,
            const KernelTarget &target, ValueRange operands) const override {
    auto attention = cast<AttentionOp>(op);
    KernelBuilder k(builder, loc, target);
    AttentionGeometry g(k, attention, operands);
    k.forLoop(0, g.batches, 1, [&](Index batch) {
      k.forLoop(0, g.heads, 1, [&](Index head) {
        k.forLoop(0, g.queries, 1, [&](Index row) {
          if (attention.getOperandQuantAttr())
            reference::emitIntegerRow(k, attention, g, batch, head, row);
          else
            emitRow(k, attention, g, batch, head, row);
        });
      });
    });
  }

private:
  static void emitRow(KernelBuilder &k, AttentionOp op,
                      const AttentionGeometry &g, Index batch, Index head,
                      Index row) {
    Index query = k.add(g.queryAt(k, batch, head), k.mul(row, g.queryPitch));
    Index keys = g.keyAt(k, batch, head), values = g.valueAt(k, batch, head);
    Index result = k.add(g.resultAt(k, batch, head), k.mul(row, g.resultPitch));
    Index count = op.getCausal() ? k.min(row + 1, g.keys) : g.keys;
    auto sumOver = [&](Index count, function_ref<Value(Index)> term) {
      return k.forLoop(0, count, 1, k.f32(0.0), [&](Index i, ValueRange sum) {
        return SmallVector<Value>{k.addf(sum[0], term(i))};
      })[0];
    };
    auto score = [&](Index t) {
      Index key = k.add(keys, k.mul(t, g.keyPitch));
      Value dot = sumOver(g.headSize, [&](Index d) {
        return k.mulf(k.load(g.query, k.add(query, d)),
                      k.load(g.key, k.add(key, d)));
      });
      dot = k.mulf(dot, k.f32(op.getScale().convertToFloat()));
      if (!g.mask)
        return dot;
      Index at =
          k.add(k.mul(head, g.maskHeadPitch), k.mul(row, g.maskRowPitch));
      return k.addf(dot, k.load(g.mask, k.add(at, t)));
    };
    Value lowest = k.f32(-std::numeric_limits<double>::infinity());
    Value max = k.forLoop(0, count, 1, lowest, [&](Index t, ValueRange max) {
      return SmallVector<Value>{
          arith::MaximumFOp::create(k.b, max[0], score(t))};
    })[0];
    auto power = [&](Index t) -> Value {
      Value x = arith::SubFOp::create(k.b, score(t), max);
      return math::ExpOp::create(k.b, x);
    };
    Value sum = sumOver(count, power);
    k.forLoop(0, g.valueSize, 1, [&](Index d) {
      Value y = sumOver(count, [&](Index t) {
        Index at = k.add(k.add(values, k.mul(t, g.valuePitch)), d);
        return k.mulf(power(t), k.load(g.value, at));
      });
      y = arith::DivFOp::create(k.b, y, sum);
      if (UniformAttr quant = op.getOutputQuantAttr())
        y = k.quantize(y, quant);
      k.store(y, g.result, k.add(result, d));
    });
  }
};

} // namespace

namespace mpq {
void registerKernelFamilyReferenceAttention(DialectRegistry &) {
  Registry<KernelFamily>::get().add("reference_attention",
                                    std::make_unique<ReferenceAttention>());
}
} // namespace mpq
