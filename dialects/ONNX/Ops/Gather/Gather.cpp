//===----------------------------------------------------------------------===//
// Part of MPQ, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//===----------------------------------------------------------------------===//
//
// Gather: result[a..., i..., b...] = data[a..., indices[i...], b...].
//
//===----------------------------------------------------------------------===//
#include "dialects/ONNX/Lowering.h"

using namespace mlir;

namespace mpq::onnx {
namespace {

struct GatherShapes : ShapeModel<GatherShapes> {
  LogicalResult inferTypes(Operation *op, const ValueTable &values,
                           SmallVectorImpl<Type> &types) const {
    auto gather = cast<GatherOp>(op);
    std::optional<Shape> data = getShape(gather.getData()),
                         indices = getShape(gather.getIndices()), to;
    if (data) {
      FailureOr<int64_t> axis = getAxis(op, gather.getAxis(), data->size());
      if (failed(axis) || failed(checkIndices(gather, values, (*data)[*axis])))
        return failure();
      if (indices) {
        to = llvm::to_vector(ArrayRef(*data).take_front(*axis));
        llvm::append_range(*to, *indices);
        llvm::append_range(*to, ArrayRef(*data).drop_front(*axis + 1));
      }
    }
    types.push_back(withShape(gather.getOutput(), to));
    return success();
  }

  static LogicalResult checkIndices(GatherOp op, const ValueTable &values,
                                    int64_t size) {
    const PartialTensor *indices = values.lookup(op.getIndices());
    if (!indices || isDynamic(size))
      return success();
    for (const PartialTensor::Element &e : indices->elements)
      if (e.known && (e.integer < -size || e.integer >= size))
        return op.emitOpError()
               << "has index " << e.integer << " into an axis of size " << size;
    return success();
  }

  /// Sizes are picked out of shapes.
  std::optional<PartialTensor> inferValue(Operation *op,
                                          const ValueTable &values) const {
    auto gather = cast<GatherOp>(op);
    const PartialTensor *data = values.lookup(gather.getData()),
                        *indices = values.lookup(gather.getIndices());
    auto result = PartialTensor::create(gather.getType());
    if (!data || !indices || !result || data->type.getRank() != 1)
      return std::nullopt;
    int64_t size = data->elements.size();
    for (auto [i, e] : llvm::enumerate(indices->elements)) {
      int64_t index = e.integer < 0 ? e.integer + size : e.integer;
      if (e.known && index >= 0 && index < size)
        result->elements[i] = data->elements[index];
    }
    return result;
  }

  /// Either the table is looked up for every sample, or every sample is a
  /// table.
  bool isSampleParallel(Operation *op, ArrayRef<bool> batched) const {
    auto gather = cast<GatherOp>(op);
    auto data = getRank(gather.getData()),
         indices = getRank(gather.getIndices());
    if (!data || !indices || (batched[0] && batched[1]))
      return false;
    int64_t axis = gather.getAxis();
    bool first = axis == 0 || axis == -*data;
    return batched[1] ? first && *indices > 0 : !first;
  }
};

} // namespace

FailureOr<SmallVector<Value>> lowerGather(GatherOp gather, OpBuilder &b,
                                          ValueRange operands) {
  Operation *op = gather;
  auto type = getSizedType(op, op->getResult(0));
  auto data = getSizedType(op, gather.getData());
  auto indices = getSizedType(op, gather.getIndices());
  if (failed(type) || failed(data) || failed(indices))
    return failure();
  FailureOr<int64_t> axis = getAxis(op, gather.getAxis(), data->getRank());
  if (failed(axis))
    return failure();
  int64_t size = getSizes(*data)[*axis], count = indices->getRank();
  if (size == 0 && !llvm::is_contained(getSizes(*type), 0))
    return op->emitOpError("gathers from an empty axis");
  auto constant = [&](int64_t value) -> Value {
    return getValueOrCreateConstantIndexOp(b, op->getLoc(),
                                           materialize(b, op->getLoc(), value));
  };
  Value zero = constant(0), end = constant(size),
        last = constant(subtractSizes(size, 1));
  return Values{generate(
      b, op->getLoc(), *type,
      [&](OpBuilder &b, Location loc, ValueRange in) -> Value {
        Value i = tensor::ExtractOp::create(b, loc, operands[1],
                                            in.slice(*axis, count));
        i = arith::IndexCastOp::create(b, loc, b.getIndexType(), i);
        // Negative indices count from the end. Data may hold any number, so
        // it is kept inside of the table.
        Value negative =
            arith::CmpIOp::create(b, loc, arith::CmpIPredicate::slt, i, zero);
        Value wrapped = arith::AddIOp::create(b, loc, i, end);
        i = arith::SelectOp::create(b, loc, negative, wrapped, i);
        i = arith::MaxSIOp::create(b, loc, i, zero);
        i = arith::MinSIOp::create(b, loc, i, last);
        Values index = llvm::to_vector(in.take_front(*axis));
        index.push_back(i);
        llvm::append_range(index, in.drop_front(*axis + count));
        return tensor::ExtractOp::create(b, loc, operands[0], index);
      })};
}

} // namespace mpq::onnx

namespace mpq {
void registerOnnxOpsGather(DialectRegistry &registry) {
  registry.addExtension(+[](MLIRContext *context, onnx::ONNXDialect *) {
    using namespace onnx;
    attach<GatherShapes, GatherOp>(context);
  });
}
} // namespace mpq
