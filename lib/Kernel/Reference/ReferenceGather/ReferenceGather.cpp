//===----------------------------------------------------------------------===//
// Part of MPQ, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//===----------------------------------------------------------------------===//
//
// Rows by index. A negative index counts from the end; one that is out of
// range is an error of the caller's and reads the nearest row, never memory
// outside of the weight.
//
//===----------------------------------------------------------------------===//

#include "lib/Kernel/Reference/Reference.h"

using namespace mlir;
using namespace mpq;
using namespace mpq::reference;

namespace {

class ReferenceGather final : public Family<GatherOp> {
public:
  StringRef getName() const override { return "reference_gather"; }

  void emit(OpBuilder &builder, Location loc, Operation *op,
            const KernelTarget &target, ValueRange operands) const override {
    auto gather = cast<GatherOp>(op);
    KernelBuilder k(builder, loc, target);
    Value indices = k.flatten(operands[0]), output = k.flatten(operands.back());
    Value weight = getMatrix(k, gather.getWeightShape(), operands[1]);
    int64_t rows = gather.getWeightShape()[0],
            depth = gather.getWeightShape()[1];
    k.forLoop(0, k.dim(indices, 0), 1, {}, [&](Index i, ValueRange) {
      Index from = k.mul(k.tableRow(k.load(indices, i), rows), depth);
      Index to = k.mul(i, depth);
      k.forLoop(0, depth, 1, [&](Index j) {
        k.store(k.load(weight, k.add(from, j)), output, k.add(to, j));
      });
      return SmallVector<Value>();
    });
  }
};

} // namespace

namespace mpq {
void registerKernelFamilyReferenceGather(DialectRegistry &) {
  Registry<KernelFamily>::get().add("reference_gather",
                                    std::make_unique<ReferenceGather>());
}
} // namespace mpq
