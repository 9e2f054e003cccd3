//===----------------------------------------------------------------------===//
// Part of MPQ, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//===----------------------------------------------------------------------===//
//
// Lowerings of the ONNX ops that kernels compute, and their registration.
//
//===----------------------------------------------------------------------===//

#include "OnnxToMPQ.h"

#include "mlir/Dialect/Tensor/IR/Tensor.h"
#include "mlir/IR/Matchers.h"

using namespace mlir;
using namespace mpq;

SlidingWindow::SlidingWindow(ArrayRef<int64_t> kernel, std::optional<ArrayRef<int64_t>> strides,
                             std::optional<ArrayRef<int64_t>> dilations,
                             std::optional<ArrayRef<int64_t>> pads, StringRef autoPad,
                             ArrayRef<int64_t> input, ArrayRef<int64_t> output)
    : kernel(kernel) {
  size_t rank = kernel.size();
  this->strides.assign(rank, 1);
  this->dilations.assign(rank, 1);
  if (strides)
    this->strides.assign(strides->begin(), strides->end());
  if (dilations)
    this->dilations.assign(dilations->begin(), dilations->end());
  low.assign(rank, 0);
  high.assign(rank, 0);
  if (autoPad == "SAME_UPPER" || autoPad == "SAME_LOWER") {
    for (size_t d = 0; d < rank; ++d) {
      int64_t span = (output[d] - 1) * this->strides[d] + (kernel[d] - 1) * this->dilations[d] + 1;
      int64_t total = std::max<int64_t>(span - input[d], 0);
      low[d] = autoPad == "SAME_UPPER" ? total / 2 : total - total / 2;
      high[d] = total - low[d];
    }
  } else if (autoPad != "VALID" && pads) {
    low.assign(pads->begin(), pads->begin() + rank);
    high.assign(pads->begin() + rank, pads->end());
  }
}

void SlidingWindow::expandTo2D() {
  if (kernel.size() != 1)
    return;
  for (SmallVector<int64_t> *list : {&kernel, &strides, &dilations})
    list->insert(list->begin(), 1);
  low.insert(low.begin(), 0);
  high.insert(high.begin(), 0);
}

Value mpq::expandTo2D(OpBuilder &b, Location loc, Value value) {
  auto type = cast<RankedTensorType>(value.getType());
  if (type.getRank() != 3)
    return value;
  auto expanded = RankedTensorType::get(
      {type.getDimSize(0), type.getDimSize(1), 1, type.getDimSize(2)}, type.getElementType());
  return tensor::ExpandShapeOp::create(b, loc, expanded, value, ArrayRef<ReassociationIndices>{{0}, {1}, {2, 3}});
}

Value mpq::collapseTo1D(OpBuilder &b, Location loc, Value value) {
  return tensor::CollapseShapeOp::create(b, loc, value, ArrayRef<ReassociationIndices>{{0}, {1}, {2, 3}});
}

Value mpq::makeEmpty(OpBuilder &b, Location loc, Type type) {
  auto tensor = cast<RankedTensorType>(type);
  return tensor::EmptyOp::create(b, loc, tensor.getShape(), tensor.getElementType());
}

bool mpq::isWeight(Value value) {
  return isa<StoredTensorType>(value.getType()) || matchPattern(value, m_Constant());
}

namespace mpq {
void registerConversionOnnxToMPQ(DialectRegistry &registry) {
  registry.addExtension(+[](MLIRContext *context, onnx::ONNXDialect *) {
    context->loadDialect<MPQDialect, tensor::TensorDialect>();
    attachConvLowerings(context);
    attachPoolLowerings(context);
    attachMatMulLowerings(context);
    attachGatherLowerings(context);
    attachRowLowerings(context);
  });
}
} // namespace mpq
