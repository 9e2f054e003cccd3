//===----------------------------------------------------------------------===//
// Part of MPQ, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//===----------------------------------------------------------------------===//
#include "dialects/ONNX/Inference.h"

using namespace mlir;

namespace mpq::onnx {

/// The inferred type, with what only the old one knows.
static Type refine(Type old, Type inferred) {
  auto a = dyn_cast<RankedTensorType>(old),
       b = dyn_cast<RankedTensorType>(inferred);
  if (!a)
    return inferred;
  if (!b)
    return old;
  if (a.getRank() != b.getRank())
    return inferred;
  SmallVector<int64_t> shape = llvm::to_vector(b.getShape());
  for (auto [d, size] : llvm::enumerate(shape))
    if (ShapedType::isDynamic(size))
      size = a.getDimSize(d);
  return RankedTensorType::get(shape, b.getElementType(), a.getEncoding());
}

/// No tensor of more than this many elements fits in an address space; with the
/// bound, sizes in bytes and sums of sizes do not overflow.
static LogicalResult checkSize(Operation &op, Type type) {
  constexpr int64_t kMaxCount = int64_t(1) << 56;
  auto tensor = dyn_cast<RankedTensorType>(type);
  int64_t count = 1;
  if (tensor)
    for (int64_t size : tensor.getShape()) {
      if (!ShapedType::isDynamic(size) && size > kMaxCount)
        count = -1;
      else if (!ShapedType::isDynamic(size) && size > 0 && count > 0)
        count = count > kMaxCount / size ? -1 : count * size;
      if (!ShapedType::isDynamic(size) && size < 0)
        count = -1;
    }
  if (count > 0)
    return success();
  return op.emitOpError() << "would have a result of type " << type
                          << ", whose size is out of range";
}

static LogicalResult inferOp(Operation &op, ValueTable &values) {
  auto shaped = dyn_cast<ShapeInferenceOpInterface>(op);
  if (!shaped)
    return op.emitOpError("is not supported: no family of ops implements its "
                          "shape inference");
  SmallVector<Type> types;
  if (failed(shaped.inferTypes(values, types)))
    return failure();
  if (types.size() != op.getNumResults())
    return op.emitOpError()
           << "has " << op.getNumResults()
           << " results when shape inference makes " << types.size();
  for (auto [result, type] : llvm::zip(op.getResults(), types)) {
    if (failed(checkSize(op, type)))
      return failure();
    result.setType(refine(result.getType(), type));
    values.erase(result);
  }
  if (op.getNumResults() == 1 && !isa<ConstantOp>(op))
    if (std::optional<PartialTensor> value = shaped.inferValue(values))
      values.set(op.getResult(0), std::move(*value));
  return success();
}

LogicalResult inferShapes(func::FuncOp function, ValueTable &values) {
  if (function.isExternal())
    return success();
  if (!llvm::hasSingleElement(function.getBody()))
    return function.emitOpError("has more than one block");
  for (Operation &op : function.getBody().front().without_terminator())
    if (isa<ONNXDialect>(op.getDialect()) && failed(inferOp(op, values)))
      return failure();
  auto terminator =
      dyn_cast<func::ReturnOp>(function.getBody().front().getTerminator());
  if (!terminator)
    return function.emitOpError("does not end with func.return");
  function.setType(FunctionType::get(function.getContext(),
                                     function.getBody().getArgumentTypes(),
                                     terminator.getOperandTypes()));
  return success();
}

} // namespace mpq::onnx
