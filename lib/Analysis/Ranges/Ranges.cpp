//===----------------------------------------------------------------------===//
// Part of MPQ, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//===----------------------------------------------------------------------===//
//
// Reading and writing the ranges of activations.
//
//===----------------------------------------------------------------------===//

#include "mpq/Analysis/Ranges.h"

using namespace mlir;
using namespace mpq;

/// The operation that has the range of `value`, the attribute, and the index
/// into it if it is a list.
static std::tuple<Operation *, StringRef, unsigned, unsigned>
locate(Value value) {
  if (auto argument = dyn_cast<BlockArgument>(value)) {
    Block *block = argument.getOwner();
    return {block->getParentOp(), kArgRangesAttr, argument.getArgNumber(),
            block->getNumArguments()};
  }
  auto result = cast<OpResult>(value);
  Operation *op = result.getOwner();
  if (op->getNumResults() == 1)
    return {op, kRangeAttr, 0, 0};
  return {op, kRangesAttr, result.getResultNumber(), op->getNumResults()};
}

RangeAttr mpq::getRange(Value value) {
  auto [op, name, index, count] = locate(value);
  if (!op)
    return {};
  if (!count)
    return op->getAttrOfType<RangeAttr>(name);
  auto list = op->getAttrOfType<ArrayAttr>(name);
  return list && index < list.size() ? dyn_cast<RangeAttr>(list[index])
                                     : RangeAttr();
}

void mpq::setRange(Value value, RangeAttr range) {
  auto [op, name, index, count] = locate(value);
  if (!count) {
    op->setAttr(name, range);
    return;
  }
  auto list = op->getAttrOfType<ArrayAttr>(name);
  SmallVector<Attribute> ranges(count, UnitAttr::get(op->getContext()));
  if (list && list.size() == count)
    ranges.assign(list.begin(), list.end());
  ranges[index] = range;
  op->setAttr(name, ArrayAttr::get(op->getContext(), ranges));
}

SmallVector<Value> mpq::getActivations(func::FuncOp main) {
  auto isFloat = [](Value value) {
    auto type = dyn_cast<RankedTensorType>(value.getType());
    return type && type.getElementType().isF32();
  };
  Block &body = main.getBody().front();
  SmallVector<Value> activations;
  llvm::copy_if(body.getArguments(), std::back_inserter(activations), isFloat);
  llvm::DenseSet<Value> dependent(body.args_begin(), body.args_end());
  for (Operation &op : body.without_terminator()) {
    if (!llvm::any_of(op.getOperands(), [&](Value operand) {
          return dependent.contains(operand);
        }))
      continue;
    dependent.insert(op.result_begin(), op.result_end());
    llvm::copy_if(op.getResults(), std::back_inserter(activations), isFloat);
  }
  return activations;
}
