//===----------------------------------------------------------------------===//
// Part of MPQ, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//===----------------------------------------------------------------------===//
//
//      input            is
//      rows x C         a row
//      C                the same row for all rows
//      rows x 1         one value along a row
//
// Without inputs of the last two kinds all rows are one.
//
//===----------------------------------------------------------------------===//

#include "Rows.h"

#include "Body.h"

#include "mpq/Kernel/Elements.h"

using namespace mlir;
using namespace mpq;

namespace {

enum class Kind { Whole, PerColumn, PerRow };

struct Input {
  Value buffer;
  UniformAttr quant;
  Kind kind;
};

/// Rows of an f32 or u8 buffer as vectors of f32.
Value loadReals(KernelBuilder &k, const Input &input, Index at, int64_t lanes,
                Index valid) {
  Value vector = k.loadPartial(input.buffer, at, lanes, valid);
  return input.quant ? k.dequantize(vector, input.quant) : vector;
}

SmallVector<Input> getInputs(KernelBuilder &k, MapOp op, ValueRange operands) {
  SmallVector<Input> inputs;
  for (unsigned i = 0; i < op.getInputs().size(); ++i) {
    Kind kind = Kind::Whole;
    if (isPerColumn(op, i))
      kind = Kind::PerColumn;
    else if (isPerRow(op, i))
      kind = Kind::PerRow;
    inputs.push_back(
        {k.flatten(operands[i]), getCodes(getQuantOf(op, i)), kind});
  }
  return inputs;
}

} // namespace

bool map::isOnRows(MapOp op) {
  return !op.getOutputLayoutAttr() &&
         cast<ShapedType>(op.getInit().getType()).getRank() <= 2;
}

void map::emitRows(KernelBuilder &k, MapOp op, ValueRange operands) {
  SmallVector<Input> inputs = getInputs(k, op, operands);
  UniformAttr quant = getCodes(op.getOutputQuantAttr());
  Value init = operands.back(), to = k.flatten(init);
  int64_t lanes = k.target.lanes();
  int64_t rank = cast<ShapedType>(init.getType()).getRank();
  Index rows = k.rows(init), columns = k.dim(init, rank - 1);
  if (llvm::all_of(inputs, [](const Input &input) {
        return input.kind == Kind::Whole;
      })) {
    columns = k.mul(rows, columns);
    rows = 1;
  }
  k.parallelFor(0, rows, 1, [&](Index row) {
    Index start = k.mul(row, columns);
    SmallVector<Value> perRow(inputs.size());
    for (auto [value, input] : llvm::zip_equal(perRow, inputs))
      if (input.kind == Kind::PerRow) {
        Value element = k.load(input.buffer, row);
        if (input.quant)
          element = k.dequantize(element, input.quant);
        value = k.broadcast(element, lanes);
      }
    k.forEachVector(columns, lanes, {}, [&](Index at, Index valid, ValueRange) {
      SmallVector<Value> arguments;
      for (auto [value, input] : llvm::zip_equal(perRow, inputs))
        arguments.push_back(value ? value
                                  : loadReals(k, input,
                                              input.kind == Kind::PerColumn
                                                  ? at
                                                  : k.add(start, at),
                                              lanes, valid));
      Value result = emitBody(k, op.getBody().front(), arguments);
      k.storePartial(quant ? k.quantize(result, quant) : result, to,
                     k.add(start, at), valid);
      return SmallVector<Value>();
    });
  });
  expandMath(k.b.getInsertionBlock(), k.target);
}
