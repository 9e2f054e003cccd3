//===----------------------------------------------------------------------===//
// Part of MPQ, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//===----------------------------------------------------------------------===//
//
// Verification of the ops of the `planned` and `quantized` stages.
//
//===----------------------------------------------------------------------===//

#include "dialects/MPQ/MPQ.h"

#include "mlir/IR/BuiltinOps.h"

using namespace mlir;
using namespace mpq;

static int64_t countElements(ArrayRef<int64_t> shape) {
  int64_t elements = 1;
  for (int64_t size : shape)
    elements *= size;
  return elements;
}

//===----------------------------------------------------------------------===//
// SiteOp
//===----------------------------------------------------------------------===//

int64_t SiteOp::getRows() {
  return cast<ShapedType>(getWeight().getType()).getDimSize(getAxis());
}

int64_t SiteOp::getK() {
  auto type = cast<ShapedType>(getWeight().getType());
  return getRows() ? type.getNumElements() / getRows() : 0;
}

CandidateAttr SiteOp::getChosen() {
  std::optional<uint64_t> choice = getChoice();
  return choice ? cast<CandidateAttr>(getCandidates()[*choice]) : CandidateAttr();
}

LogicalResult SiteOp::verify() {
  auto type = cast<RankedTensorType>(getWeight().getType());
  auto axis = static_cast<int64_t>(getAxis());
  if (axis < 0 || axis >= type.getRank())
    return emitOpError("axis is ")
           << axis << " for a weight of rank " << type.getRank();
  if (!type.getElementType().isF32())
    return emitOpError("weight '")
           << getName() << "' is of type " << type << " when it should be f32";
  if (getChoice() && *getChoice() >= getCandidates().size())
    return emitOpError("choice is ") << *getChoice() << " among "
                                     << getCandidates().size() << " candidates";
  for (auto candidate : getCandidates().getAsRange<CandidateAttr>()) {
    int64_t bytes = candidate.getFormat().getStorageBytes(getRows(), getK());
    if (candidate.getBytes() != bytes)
      return emitOpError("candidate ")
             << candidate.getFormat().getSpelling() << " has "
             << candidate.getBytes() << " bytes when the format needs " << bytes;
  }
  return success();
}

//===----------------------------------------------------------------------===//
// ConstantOp, DequantizeOp
//===----------------------------------------------------------------------===//

LogicalResult ConstantOp::verify() {
  auto payload = dyn_cast<RankedTensorType>(getPayload().getType());
  if (!payload || payload.getRank() != 1 ||
      !payload.getElementType().isSignlessInteger(8))
    return emitOpError("payload is of type ")
           << getPayload().getType() << " when it should be a vector of i8";
  int64_t bytes = getResult().getType().getStorageBytes();
  if (payload.getNumElements() != bytes)
    return emitOpError("payload has ")
           << payload.getNumElements() << " bytes when the format needs " << bytes;
  return success();
}

LogicalResult DequantizeOp::verify() {
  auto result = cast<RankedTensorType>(getResult().getType());
  if (result.getShape() != getInput().getType().getShape() ||
      !result.getElementType().isF32())
    return emitOpError("result is ")
           << result << " when it should be an f32 tensor of "
           << countElements(getInput().getType().getShape()) << " elements in "
           << "the shape of the operand, " << getInput().getType();
  return success();
}

//===----------------------------------------------------------------------===//
// SlotOp
//===----------------------------------------------------------------------===//

LogicalResult SlotOp::verify() {
  if (getOffset() % 64)
    return emitOpError("offset is ")
           << getOffset() << " when it should be a multiple of 64";
  if (getPrepared() != getSourceOffset().has_value())
    return emitOpError("needs a source offset exactly when it is prepared at load");
  if (!isa_and_nonnull<ModuleOp>((*this)->getParentOp()))
    return emitOpError("should be at module level");
  return success();
}
