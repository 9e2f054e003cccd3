//===----------------------------------------------------------------------===//
// Part of MPQ, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//===----------------------------------------------------------------------===//
//
// Rows of a table by index: embeddings.
//
// A table is large, and a run reads a few rows of it. So a stored table is not
// decoded at load: the kernel reads the payload, which is mapped from the file,
// and decodes the rows that it is asked for. 8002 rows of 256 in int4 stay the
// 1 MB that they are, of which 32 tokens touch 4 KB; decoded they would be 8 MB
// that every process has for itself.
//
// A float table is the matrix [rows][k], copied row by row in vectors.
//
//===----------------------------------------------------------------------===//

#include "mpq/Kernel/KernelBuilder.h"

#include "mlir/IR/DialectRegistry.h"

using namespace mlir;
using namespace mpq;

namespace {

class Gather final : public KernelFamily {
public:
  StringRef getName() const override { return "gather"; }
  int getPriority() const override { return 100; }

  bool accepts(Operation *op, const KernelTarget &,
               std::string &reason) const override {
    if (isa<GatherOp>(op))
      return true;
    reason = "implements mpq.gather only";
    return false;
  }

  KernelLayouts getLayouts(Operation *op, const KernelTarget &) const override {
    KernelLayouts layouts;
    layouts.activations.resize(
        cast<ComputeOpInterface>(op).getActivationOperands().size());
    return layouts;
  }

  bool readsStored(Operation *) const override { return true; }

  int64_t getPackedBytes(Operation *op, const KernelTarget &) const override {
    ArrayRef<int64_t> shape = cast<GatherOp>(op).getWeightShape();
    return llvm::alignTo(shape[0] * shape[1] * sizeof(float), 64);
  }

  void emitPack(OpBuilder &builder, Location loc, Operation *op,
                const KernelTarget &target, const WeightReader &weight,
                Value packed) const override {
    KernelBuilder k(builder, loc, target);
    ArrayRef<int64_t> shape = cast<GatherOp>(op).getWeightShape();
    int64_t floats = shape[0] * shape[1];
    int64_t all = getPackedBytes(op, target) / sizeof(float);
    Value to = k.view(packed, k.b.getF32Type(), 0, all);
    k.forEach(shape, [&](ArrayRef<Index> at) {
      k.store(k.readWeight(weight, at[0], at[1], {}), to, k.linear(at, shape));
    });
    k.fill(to, floats, all - floats, k.f32(0.0));
  }

  void emit(OpBuilder &builder, Location loc, Operation *op,
            const KernelTarget &target, ValueRange operands) const override {
    auto gather = cast<GatherOp>(op);
    KernelBuilder k(builder, loc, target);
    Value indices = k.flatten(operands[0]), to = k.flatten(operands.back());
    int64_t rows = gather.getWeightShape()[0],
            depth = gather.getWeightShape()[1];
    auto format = op->getAttrOfType<FormatAttrInterface>(kWeightFormatAttr);
    Value table = operands[1];
    if (!format)
      table = k.view(table, k.b.getF32Type(), 0, rows * depth);
    k.parallelFor(0, k.dim(indices, 0), 1, [&](Index i) {
      Index row = k.tableRow(k.load(indices, i), rows), at = k.mul(i, depth);
      if (format)
        decodeRow(k, format, table, rows, depth, row, to, at);
      else
        copyRow(k, table, k.mul(row, depth), to, at, depth);
    });
  }

private:
  static void decodeRow(KernelBuilder &k, FormatAttrInterface format,
                        Value payload, int64_t rows, int64_t depth, Index row,
                        Value to, Index at) {
    k.forLoop(0, depth, 1, [&](Index column) {
      Value value =
          format.emitDecode(k.b, k.b.getLoc(), payload, rows, depth,
                            k.value(row), k.value(column));
      k.store(value, to, k.add(at, column));
    });
  }

  static void copyRow(KernelBuilder &k, Value from, Index source, Value to,
                      Index at, int64_t count) {
    int64_t lanes = k.target.lanes(), whole = count / lanes * lanes;
    k.forLoop(0, whole, lanes, [&](Index i) {
      k.storeVector(k.loadVector(from, k.add(source, i), lanes), to,
                    k.add(at, i));
    });
    if (int64_t rest = count - whole)
      k.storePartial(k.loadPartial(from, source + whole, lanes, rest), to,
                     at + whole, rest);
  }
};

} // namespace

namespace mpq {
void registerKernelFamilyGather(DialectRegistry &) {
  Registry<KernelFamily>::get().add("gather", std::make_unique<Gather>());
}
} // namespace mpq
