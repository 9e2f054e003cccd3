//===----------------------------------------------------------------------===//
// Part of MPQ, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//===----------------------------------------------------------------------===//
//
// Matrix product of u8 rows with integer weights of up to 8 bits, with AVX-512
// VNNI. Rows that arrive as f32 are quantized here, each with its own scale.
// Weights have scales per tensor, per row, or per group along K.
//
//===----------------------------------------------------------------------===//

#include "lib/Kernel/CPU/MatmulVnni/Loops.h"
#include "mpq/Kernel/NamedFamily.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "llvm/Support/FormatVariadic.h"

using namespace mlir;
using namespace mpq;
using namespace mpq::vnni;

namespace {

class MatmulVnni final : public KernelFamily {
public:
  StringRef getName() const override { return "matmul_vnni"; }
  int getPriority() const override { return 300; }

  bool accepts(Operation *op, const KernelTarget &target,
               std::string &reason) const override {
    auto matmul = dyn_cast<MatmulOp>(op);
    reason = matmul ? check(matmul, target) : "implements mpq.matmul only";
    if (reason.empty() && !isPackedFor(op, getName()))
      reason = checkFormat(matmul);
    return reason.empty();
  }

  KernelLayouts getLayouts(Operation *op, const KernelTarget &) const override {
    KernelLayouts layouts;
    layouts.activations.resize(
        cast<MatmulOp>(op).getActivationOperands().size());
    return layouts;
  }

  int64_t getPackedBytes(Operation *op, const KernelTarget &) const override {
    return MatmulPlan(cast<MatmulOp>(op)).packedBytes();
  }

  void emitPack(OpBuilder &builder, Location loc, Operation *op,
                const KernelTarget &target, const WeightReader &weight,
                Value packed) const override;

  void emit(OpBuilder &builder, Location loc, Operation *op,
            const KernelTarget &target, ValueRange operands) const override {
    KernelBuilder k(builder, loc, target);
    MatmulLoops(k, cast<MatmulOp>(op), operands).emit();
  }

private:
  static std::string check(MatmulOp op, const KernelTarget &target);
  /// What is to be said about a weight that is not packed yet.
  static std::string checkFormat(MatmulOp op);
};

/// Writes the panels of a weight.
class PanelWriter {
public:
  PanelWriter(KernelBuilder &k, const MatmulPlan &plan,
              const WeightReader &weight, Value packed)
      : k(k), plan(plan), weight(weight), packed(packed),
        shape({plan.n, plan.k}) {}

  /// `first`: the panel's first vector, of `vectors`; `at`: its first byte.
  void emitPanel(Index first, int64_t vectors, Index at) {
    int64_t lastSteps = plan.totalSteps - (plan.groups - 1) * plan.groupSteps;
    int64_t groupBytes =
        vectors * (plan.groupSteps * kVectorBytes + kFactorBytes);
    k.forLoop(0, plan.groups - 1, 1, [&](Index group) {
      emitGroup(first, vectors, group, plan.groupSteps,
                k.add(at, k.mul(group, groupBytes)));
    });
    emitGroup(first, vectors, plan.groups - 1, lastSteps,
              at + (plan.groups - 1) * groupBytes);
    emitSums(first, vectors,
             at + vectors * (plan.vectorBytes() - kFactorBytes));
  }

private:
  /// The weight's row behind lane `lane` of vector `v`.
  Index getRow(Index first, Index v, Index lane, Value &valid) {
    Index row = k.add(k.mul(k.add(first, v), kRows), lane);
    return k.limit(row, plan.totalVectors * kRows, plan.n, valid);
  }

  void emitGroup(Index first, int64_t vectors, Index group, int64_t steps,
                 Index at) {
    Index firstColumn = k.mul(group, plan.groupSteps * kColumns);
    k.forEach({steps, vectors, kRows, kColumns}, [&](ArrayRef<Index> i) {
      Value valid;
      Index row = getRow(first, i[1], i[2], valid);
      Index column = k.add(firstColumn, k.add(k.mul(i[0], kColumns), i[3]));
      column = k.limit(column, plan.totalSteps * kColumns, plan.k, valid);
      k.store(emitLevel(k, weight, shape, row, column, valid), packed,
              k.add(at, k.linear(i, {steps, vectors, kRows, kColumns})));
    });
    Index scales = at + steps * vectors * kVectorBytes;
    k.forEach({vectors, kRows}, [&](ArrayRef<Index> i) {
      Value valid;
      Index row = getRow(first, i[0], i[1], valid);
      Value scale = emitScale(row, firstColumn);
      if (valid)
        scale = arith::SelectOp::create(k.b, valid, scale, k.f32(0.0));
      storeDword(scale, k.add(scales, k.mul(k.linear(i, {vectors, kRows}), 4)));
    });
  }

  Value emitScale(Index row, Index column) {
    return weight.getFormat().emitScale(k.b, k.b.getLoc(), weight.getPayload(),
                                        plan.n, plan.k, k.value(row),
                                        k.value(column));
  }

  /// The sum of a row's levels, or with groups of its weights.
  void emitSums(Index first, int64_t vectors, Index at) {
    Type i32 = k.b.getI32Type(), f32 = k.b.getF32Type();
    k.forEach({vectors, kRows}, [&](ArrayRef<Index> i) {
      Value valid, zero = plan.isGrouped() ? k.f32(0.0) : k.integer(32, 0);
      Index row = getRow(first, i[0], i[1], valid);
      Value sum =
          k.forLoop(0, plan.k, 1, zero, [&](Index column, ValueRange sum) {
            Value level = emitLevel(k, weight, shape, row, column, {});
            level = arith::ExtSIOp::create(k.b, i32, level);
            if (!plan.isGrouped())
              return SmallVector<Value>{
                  arith::AddIOp::create(k.b, sum[0], level)};
            level = k.mulf(arith::SIToFPOp::create(k.b, f32, level),
                           emitScale(row, column));
            return SmallVector<Value>{k.addf(sum[0], level)};
          })[0];
      if (valid)
        sum = arith::SelectOp::create(k.b, valid, sum, zero);
      storeDword(sum, k.add(at, k.mul(k.linear(i, {vectors, kRows}), 4)));
    });
  }

  void storeDword(Value dword, Index at) {
    if (dword.getType().isF32())
      dword = arith::BitcastOp::create(k.b, k.b.getI32Type(), dword);
    Value dwords = k.view(packed, k.b.getI32Type(), 0, plan.packedBytes() / 4);
    k.store(dword, dwords, k.floorDiv(at, 4));
  }

  KernelBuilder &k;
  const MatmulPlan &plan;
  const WeightReader &weight;
  Value packed;
  std::array<int64_t, 2> shape;
};

} // namespace

std::string MatmulVnni::check(MatmulOp op, const KernelTarget &target) {
  std::string reason = checkTarget(target);
  if (reason.empty())
    reason =
        checkQuantization(op.getInputQuantAttr(), op.getResidualQuantAttr(),
                          op.getOutputQuantAttr());
  return reason;
}

std::string MatmulVnni::checkFormat(MatmulOp op) {
  int64_t depth = op.getWeightShape()[1];
  std::string reason = checkWeight(op.getWeight().getType(), depth);
  if (!reason.empty())
    return reason;
  FormatAttrInterface format =
      cast<StoredTensorType>(op.getWeight().getType()).getFormat();
  int64_t group = format.getIntegerGroup(depth);
  if (group < depth && group % kColumns)
    return llvm::formatv(
        "{0} has a scale for every {1} weights, no multiple of {2}",
        format.getSpelling(), group, kColumns);
  return {};
}

void MatmulVnni::emitPack(OpBuilder &builder, Location loc, Operation *op,
                          const KernelTarget &target,
                          const WeightReader &weight, Value packed) const {
  KernelBuilder k(builder, loc, target);
  MatmulPlan plan(cast<MatmulOp>(op));
  if (plan.isGrouped()) {
    k.fill(packed, 0, kHeaderBytes, k.integer(8, 0));
    k.store(k.integer(32, plan.groupSteps),
            k.view(packed, k.b.getI32Type(), 0, 1), 0);
  }
  PanelWriter writer(k, plan, weight, packed);
  Index start = plan.streamOffset();
  int64_t full = plan.fullPanels();
  k.forLoop(0, full, 1, [&](Index panel) {
    writer.emitPanel(k.mul(panel, plan.vectors), plan.vectors,
                     k.add(start, k.mul(panel, plan.panelBytes())));
  });
  if (plan.lastVectors())
    writer.emitPanel(full * plan.vectors, plan.lastVectors(),
                     start + full * plan.panelBytes());
}

namespace mpq {
void registerKernelFamilyMatmulVnni(DialectRegistry &) {
  Registry<KernelFamily>::get().add("matmul_vnni",
                                    std::make_unique<MatmulVnni>());
}
} // namespace mpq
