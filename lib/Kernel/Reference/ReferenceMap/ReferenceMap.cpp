//===----------------------------------------------------------------------===//
// Part of MPQ, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//===----------------------------------------------------------------------===//
//
// `mpq.map` one element at a time: the region is copied as it is. Functions of
// the math dialect become calls of libm.
//
//===----------------------------------------------------------------------===//

#include "lib/Kernel/Reference/DataFamily.h"

#include "mlir/IR/IRMapping.h"

using namespace mlir;
using namespace mpq;

namespace {

struct ReferenceMap final : reference::DataFamily<MapOp> {
  StringRef getName() const override { return "reference_map"; }

  void emit(OpBuilder &builder, Location loc, Operation *op,
            const KernelTarget &target, ValueRange operands) const override {
    auto map = cast<MapOp>(op);
    KernelBuilder k(builder, loc, target);
    if (!map.getOutputLayoutAttr() &&
        cast<ShapedType>(map.getInit().getType()).getRank() <= 2)
      return emitRows(k, map, operands);
    Activation to = k.activation(operands.back(), map.getOutputLayoutAttr(),
                                 getCodes(map.getOutputQuantAttr()));
    SmallVector<Activation> inputs;
    for (unsigned i = 0; i < map.getInputs().size(); ++i)
      inputs.push_back(k.activation(operands[i], map.getActivationLayout(i),
                                    getCodes(getQuantOf(map, i))));
    Block &body = map.getBody().front();
    writeElements(k, to, [&](ArrayRef<Index> position) {
      IRMapping values;
      for (auto [argument, input] :
           llvm::zip_equal(body.getArguments(), inputs)) {
        bool perChannel = input.shape.size() == 1 && position.size() > 1;
        values.map(argument,
                   readElement(k, input,
                               perChannel ? position.slice(1, 1) : position));
      }
      for (Operation &scalar : body.without_terminator())
        k.b.clone(scalar, values);
      return values.lookupOrDefault(body.getTerminator()->getOperand(0));
    });
  }

private:
  /// Plain rows, of which there may be any number.
  static void emitRows(KernelBuilder &k, MapOp map, ValueRange operands) {
    Value init = operands.back(), to = k.flatten(init);
    int64_t rank = cast<ShapedType>(init.getType()).getRank();
    Index columns = k.dim(init, rank - 1);
    UniformAttr quant = getCodes(map.getOutputQuantAttr());
    Block &body = map.getBody().front();
    k.forLoop(0, k.rows(init), 1, [&](Index row) {
      k.forLoop(0, columns, 1, [&](Index column) {
        Index at = k.add(k.mul(row, columns), column);
        IRMapping values;
        for (auto [i, argument] : llvm::enumerate(body.getArguments())) {
          Index from = isPerColumn(map, i) ? column
                       : isPerRow(map, i)  ? row
                                           : at;
          Value element = k.load(k.flatten(operands[i]), from);
          if (UniformAttr codes = getCodes(getQuantOf(map, i)))
            element = k.dequantize(element, codes);
          values.map(argument, element);
        }
        for (Operation &scalar : body.without_terminator())
          k.b.clone(scalar, values);
        Value y = values.lookupOrDefault(body.getTerminator()->getOperand(0));
        k.store(quant ? k.quantize(y, quant) : y, to, at);
      });
    });
  }
};

} // namespace

namespace mpq {
void registerKernelFamilyReferenceMap(DialectRegistry &) {
  Registry<KernelFamily>::get().add("reference_map",
                                    std::make_unique<ReferenceMap>());
}
} // namespace mpq
