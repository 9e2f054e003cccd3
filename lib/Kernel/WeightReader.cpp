//===----------------------------------------------------------------------===//
// Part of MPQ, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//===----------------------------------------------------------------------===//
//
// Element access to f32 and to stored weights, as IR.
//
//===----------------------------------------------------------------------===//

#include "mpq/Kernel/WeightReader.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/MemRef/IR/MemRef.h"

using namespace mlir;
using namespace mpq;

namespace {

class FloatReader final : public WeightReader {
public:
  FloatReader(Value memref, ArrayRef<int64_t> shape, int64_t axis)
      : memref(memref), rows(shape[axis]) {
    for (int64_t size : shape.drop_front(axis + 1))
      inner *= size;
    for (int64_t size : shape.take_front(axis))
      outer *= size;
  }

  Value emitValue(OpBuilder &builder, Location loc, Value row,
                  Value column) const override {
    auto constant = [&](int64_t value) {
      return arith::ConstantIndexOp::create(builder, loc, value);
    };
    auto mul = [&](Value a, int64_t b) -> Value {
      return b == 1 ? a : arith::MulIOp::create(builder, loc, a, constant(b));
    };
    Value index;
    if (outer == 1) {
      index = arith::AddIOp::create(builder, loc, mul(row, inner), column);
    } else {
      Value step = constant(inner);
      Value block = inner == 1
                        ? column
                        : arith::DivUIOp::create(builder, loc, column, step);
      index = arith::AddIOp::create(builder, loc, mul(block, rows * inner),
                                    mul(row, inner));
      if (inner != 1)
        index = arith::AddIOp::create(
            builder, loc, index,
            arith::RemUIOp::create(builder, loc, column, step));
    }
    return memref::LoadOp::create(builder, loc, getFlat(builder, loc), index);
  }

private:
  /// The tensor as one dimension.
  Value getFlat(OpBuilder &builder, Location loc) const {
    int64_t rank = cast<MemRefType>(memref.getType()).getRank();
    if (rank == 1)
      return memref;
    ReassociationIndices all = llvm::to_vector(llvm::seq<int64_t>(0, rank));
    return memref::CollapseShapeOp::create(builder, loc, memref,
                                           ArrayRef<ReassociationIndices>(all));
  }

  Value memref;
  int64_t rows, inner = 1, outer = 1;
};

class StoredReader final : public WeightReader {
public:
  StoredReader(Value payload, StoredTensorType type)
      : payload(payload), type(type) {}

  Value emitValue(OpBuilder &builder, Location loc, Value row,
                  Value column) const override {
    return type.getFormat().emitDecode(builder, loc, payload, type.getRows(),
                                       type.getK(), row, column);
  }
  FormatAttrInterface getFormat() const override { return type.getFormat(); }
  Value getPayload() const override { return payload; }

private:
  Value payload;
  StoredTensorType type;
};

} // namespace

std::unique_ptr<WeightReader>
mpq::makeFloatReader(Value memref, ArrayRef<int64_t> shape, int64_t axis) {
  return std::make_unique<FloatReader>(memref, shape, axis);
}

std::unique_ptr<WeightReader> mpq::makeStoredReader(Value payload,
                                                    StoredTensorType type) {
  return std::make_unique<StoredReader>(payload, type);
}
