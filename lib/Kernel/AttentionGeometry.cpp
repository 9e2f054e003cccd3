//===----------------------------------------------------------------------===//
// Part of MPQ, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//===----------------------------------------------------------------------===//
//
// Addresses of heads.
//
//===----------------------------------------------------------------------===//

#include "mpq/Kernel/AttentionGeometry.h"

#include "mlir/Dialect/Arith/IR/Arith.h"

using namespace mlir;
using namespace mpq;

static int64_t getPitch(Value rows) {
  return cast<ShapedType>(rows.getType()).getShape().back();
}

AttentionGeometry::AttentionGeometry(KernelBuilder &k, AttentionOp op,
                                     ValueRange operands)
    : heads(op.getHeads()), group(op.getHeads() / op.getKvHeads()),
      headSize(op.getHeadSize()), valueSize(op.getValueSize()),
      offsets(op.getOffsets()) {
  AttentionOp::Adaptor adaptor(operands, op);
  Value queryRows = adaptor.getQuery(), keyRows = adaptor.getKey();
  int64_t rank = cast<ShapedType>(queryRows.getType()).getRank();
  batches = k.rows(queryRows, 2);
  queries = k.dim(queryRows, rank - 2);
  keys = k.dim(keyRows, rank - 2);
  queryPitch = getPitch(queryRows);
  keyPitch = getPitch(keyRows);
  valuePitch = getPitch(adaptor.getValue());
  resultPitch = getPitch(adaptor.getInit());
  query = k.flatten(queryRows);
  key = k.flatten(keyRows);
  value = k.flatten(adaptor.getValue());
  result = k.flatten(adaptor.getInit());
  Value maskRows = adaptor.getMask();
  if (!maskRows)
    return;
  mask = k.flatten(maskRows);
  auto type = cast<ShapedType>(maskRows.getType());
  if (int64_t r = type.getRank(); r >= 2) {
    Index columns = k.dim(maskRows, r - 1);
    if (type.getDimSize(r - 2) != 1)
      maskRowPitch = columns;
    if (r >= 3 && type.getDimSize(r - 3) != 1)
      maskHeadPitch = k.mul(k.dim(maskRows, r - 2), columns);
  }
}

Index AttentionGeometry::queryAt(KernelBuilder &k, Index batch,
                                 Index head) const {
  return k.add(k.mul(k.mul(batch, queries), queryPitch),
               k.mul(head, headSize)) +
         offsets[0];
}

Index AttentionGeometry::keyAt(KernelBuilder &k, Index batch,
                               Index head) const {
  return k.add(k.mul(k.mul(batch, keys), keyPitch),
               k.mul(k.floorDiv(head, group), headSize)) +
         offsets[1];
}

Index AttentionGeometry::valueAt(KernelBuilder &k, Index batch,
                                 Index head) const {
  return k.add(k.mul(k.mul(batch, keys), valuePitch),
               k.mul(k.floorDiv(head, group), valueSize)) +
         offsets[2];
}

Index AttentionGeometry::resultAt(KernelBuilder &k, Index batch,
                                  Index head) const {
  return k.add(k.mul(k.mul(batch, queries), resultPitch),
               k.mul(head, valueSize));
}

AttentionHead AttentionGeometry::getHead(KernelBuilder &k, Index batch,
                                         Index head) const {
  return {queryAt(k, batch, head), keyAt(k, batch, head),
          valueAt(k, batch, head), resultAt(k, batch, head),
          k.mul(head, maskHeadPitch)};
}

Value mpq::maskFuture(KernelBuilder &k, Value score, Index key, Index query,
                      int64_t firstLane, double future) {
  int64_t lanes = cast<VectorType>(score.getType()).getNumElements();
  Type i32 = k.b.getI32Type();
  SmallVector<int32_t> numbers =
      llvm::to_vector(llvm::seq<int32_t>(firstLane, firstLane + lanes));
  Value lane = k.constant(
      DenseIntElementsAttr::get(VectorType::get(lanes, i32), numbers));
  Value distance =
      arith::IndexCastOp::create(k.b, i32, k.value(k.sub(key, query)));
  Value isPast = arith::CmpIOp::create(k.b, arith::CmpIPredicate::sge, lane,
                                       k.broadcast(distance, lanes));
  return arith::SelectOp::create(k.b, isPast, score, k.splatF32(future, lanes));
}
