//===----------------------------------------------------------------------===//
// Part of MPQ, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//===----------------------------------------------------------------------===//
//
// Family `@name_@`: max pooling without padding, one element at a time, whatever
// the layout is. Which instructions and layouts it uses, and how fast that is
// beside what the machine can do, belongs here.
//
// Its priority is just above the reference's, so it takes only what no other
// family wants; a family that is faster says so with its priority.
//
//===----------------------------------------------------------------------===//

#include "mpq/Kernel/Elements.h"

#include "mlir/Dialect/Arith/IR/Arith.h"

#include <limits>

using namespace mlir;
using namespace mpq;

namespace {

class @Name@ final : public KernelFamily {
public:
  StringRef getName() const override { return "@name_@"; }
  int getPriority() const override { return std::numeric_limits<int>::min() + 1; }

  bool accepts(Operation *op, const KernelTarget &target, std::string &reason) const override {
    auto pool = dyn_cast<PoolOp>(op);
    if (!pool)
      reason = "implements mpq.pool only";
    else if (pool.getKind() != PoolKind::Max)
      reason = "does not average";
    else if (llvm::any_of(pool.getPads(), [](int64_t pad) { return pad != 0; }))
      reason = "reads no padding";
    else if (!cast<ShapedType>(pool.getInput().getType()).hasStaticShape())
      reason = "the sizes are not known";
    return reason.empty();
  }

  KernelLayouts getLayouts(Operation *op, const KernelTarget &target) const override {
    KernelLayouts layouts; // plain: as in the model
    layouts.activations.resize(cast<ComputeOpInterface>(op).getActivationOperands().size());
    return layouts;
  }

  void emit(OpBuilder &builder, Location loc, Operation *op, const KernelTarget &target,
            ValueRange operands) const override {
    auto pool = cast<PoolOp>(op);
    KernelBuilder k(builder, loc, target);
    Activation from = k.activation(operands[0], pool.getInputLayoutAttr(), getCodes(pool.getInputQuantAttr()));
    Activation to = k.activation(operands[1], pool.getOutputLayoutAttr(), getCodes(pool.getOutputQuantAttr()));
    ArrayRef<int64_t> window = pool.getWindow(), strides = pool.getStrides();
    writeElements(k, to, [&](ArrayRef<Index> out) { // out = n, c, h, w
      Value largest;
      for (int64_t kh = 0; kh < window[0]; ++kh)
        for (int64_t kw = 0; kw < window[1]; ++kw) {
          Index h = k.mul(out[2], strides[0]) + kh, w = k.mul(out[3], strides[1]) + kw;
          Value value = readElement(k, from, {out[0], out[1], h, w});
          largest = largest ? arith::MaximumFOp::create(k.b, largest, value) : value;
        }
      return largest;
    });
  }
};

} // namespace

namespace mpq {
void registerKernelFamily@Name@(DialectRegistry &) {
  Registry<KernelFamily>::get().add("@name_@", std::make_unique<@Name@>());
}
} // namespace mpq
