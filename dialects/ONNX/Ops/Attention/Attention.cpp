//===----------------------------------------------------------------------===//
// Part of MPQ, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//===----------------------------------------------------------------------===//
//
// Attention and RotaryEmbedding: shapes. They are lowered in
// lib/Conversion/OnnxToMPQ.
//
//===----------------------------------------------------------------------===//
#include "dialects/ONNX/Family.h"

using namespace mlir;

namespace mpq::onnx {
namespace {

/// Y is [B, S, heads * value size], or [B, heads, S, value size]. The caches
/// and the scores have no shapes here.
struct AttentionShapes : ShapeModel<AttentionShapes> {
  LogicalResult inferTypes(Operation *op, const ValueTable &,
                           SmallVectorImpl<Type> &types) const {
    auto attention = cast<AttentionOp>(op);
    std::optional<Shape> q = getShape(attention.getQ()),
                         v = getShape(attention.getV()), y;
    if (q && v) {
      if (q->size() != v->size() || (q->size() != 3 && q->size() != 4))
        return op->emitOpError()
               << "has operands 'Q' and 'V' of ranks " << q->size() << " and "
               << v->size() << " when both should be 3 or 4";
      y = q;
      y->back() = v->back();
      if (q->size() == 3) {
        auto heads = op->getAttrOfType<IntegerAttr>("q_num_heads"),
             kvHeads = op->getAttrOfType<IntegerAttr>("kv_num_heads");
        if (!heads || !kvHeads || heads.getInt() <= 0 || kvHeads.getInt() <= 0)
          return op->emitOpError()
                 << "has operands of rank 3 without 'q_num_heads' and "
                    "'kv_num_heads'";
        if (v->back() != kDynamic)
          y->back() = v->back() / kvHeads.getInt() * heads.getInt();
      }
    }
    types.push_back(withShape(attention.getY(), y));
    for (Value result : op->getResults().drop_front())
      types.push_back(withShape(result, std::nullopt));
    return success();
  }
  bool isSampleParallel(Operation *op, ArrayRef<bool> batched) const {
    // Everything but a mask that is the same for all.
    for (auto [index, isBatched] : llvm::enumerate(batched)) {
      std::optional<Shape> shape = getShape(op->getOperand(index));
      bool isShared =
          index == 3 && shape && (shape->size() < 4 || shape->front() == 1);
      if (!isBatched && !isShared)
        return false;
    }
    return op->getNumResults() == 1;
  }
};

struct RotaryEmbeddingShapes : ShapeModel<RotaryEmbeddingShapes> {
  LogicalResult inferTypes(Operation *op, const ValueTable &,
                           SmallVectorImpl<Type> &types) const {
    types.push_back(withShape(op->getResult(0), getShape(op->getOperand(0))));
    return success();
  }
  bool isSampleParallel(Operation *op, ArrayRef<bool> batched) const {
    // Tables may be the same for all.
    for (size_t i = 1; i < batched.size(); ++i)
      if (std::optional<Shape> shape = getShape(op->getOperand(i));
          !batched[i] && !(shape && (shape->size() < 3 || shape->front() == 1)))
        return false;
    return batched[0];
  }
};

} // namespace
} // namespace mpq::onnx

namespace mpq {
void registerOnnxOpsAttention(DialectRegistry &registry) {
  registry.addExtension(+[](MLIRContext *context, onnx::ONNXDialect *) {
    using namespace onnx;
    attach<AttentionShapes, AttentionOp>(context);
    attach<RotaryEmbeddingShapes, RotaryEmbeddingOp>(context);
  });
}
} // namespace mpq
