//===----------------------------------------------------------------------===//
// Part of MPQ, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//===----------------------------------------------------------------------===//
//
// Constants, transposes and slices.
//
//===----------------------------------------------------------------------===//

#include "Match.h"

#include "mlir/IR/AsmState.h"
#include "mlir/IR/BuiltinAttributes.h"
#include "mlir/IR/DialectResourceBlobManager.h"
#include "mlir/IR/Matchers.h"

#include <cstring>

using namespace mlir;

namespace mpq::onnx {

RankedTensorType getRanked(Value value) {
  return dyn_cast<RankedTensorType>(value.getType());
}

std::vector<float> readReals(Value value) {
  ElementsAttr elements;
  auto type = getRanked(value);
  if (!type || !type.getElementType().isF32() || !type.hasStaticShape() ||
      !matchPattern(value, m_Constant(&elements)))
    return {};
  if (auto dense = dyn_cast<DenseElementsAttr>(elements))
    return llvm::to_vector(dense.getValues<float>()).empty()
               ? std::vector<float>()
               : std::vector<float>(dense.value_begin<float>(),
                                    dense.value_end<float>());
  auto resource = dyn_cast<DenseResourceElementsAttr>(elements);
  AsmResourceBlob *blob =
      resource ? resource.getRawHandle().getBlob() : nullptr;
  size_t count = type.getNumElements();
  if (!blob || blob->getData().size() != count * sizeof(float))
    return {};
  std::vector<float> reals(count);
  std::memcpy(reals.data(), blob->getData().data(), count * sizeof(float));
  return reals;
}

std::optional<float> getScalar(Value value) {
  auto type = getRanked(value);
  if (!type || !type.hasStaticShape() || type.getNumElements() != 1)
    return std::nullopt;
  std::vector<float> reals = readReals(value);
  return reals.size() == 1 ? std::optional(reals[0]) : std::nullopt;
}

bool isAlongLast(Value value, Value like) {
  auto type = getRanked(value), whole = getRanked(like);
  ElementsAttr elements;
  return type && whole && type.getRank() >= 1 && type.hasStaticShape() &&
         type.getRank() <= whole.getRank() &&
         type.getNumElements() == whole.getShape().back() &&
         type.getShape().back() == whole.getShape().back() &&
         matchPattern(value, m_Constant(&elements));
}

Value matchTranspose(Value value, ArrayRef<int64_t> perm) {
  auto transpose = value.getDefiningOp<TransposeOp>();
  if (!transpose || !transpose.getPerm() || *transpose.getPerm() != perm)
    return {};
  return transpose.getData();
}

std::optional<SliceMatch> matchSlice(Value value) {
  auto slice = value.getDefiningOp<SliceOp>();
  if (!slice || !slice.getAxes())
    return std::nullopt;
  auto axes = getConstantIntegers(slice.getAxes());
  auto starts = getConstantIntegers(slice.getStarts());
  auto ends = getConstantIntegers(slice.getEnds());
  auto type = getRanked(slice.getData());
  if (slice.getSteps()) {
    auto steps = getConstantIntegers(slice.getSteps());
    if (!steps || steps->size() != 1 || steps->front() != 1)
      return std::nullopt;
  }
  if (!type || !axes || !starts || axes->size() != 1 || starts->size() != 1 ||
      (ends && ends->size() != 1))
    return std::nullopt;
  SliceMatch match{slice.getData(), axes->front(), starts->front(),
                   std::nullopt, slice.getEnds()};
  if (match.axis < 0)
    match.axis += type.getRank();
  if (ends)
    match.end = ends->front();
  return match;
}

Value makeConstant(OpBuilder &b, Value like, ArrayRef<int64_t> shape,
                   ArrayRef<float> elements) {
  auto type = RankedTensorType::get(shape, b.getF32Type());
  return ConstantOp::create(
      b, like.getLoc(), Type(type), ValueRange(),
      b.getNamedAttr("value", DenseElementsAttr::get(type, elements)));
}

} // namespace mpq::onnx
