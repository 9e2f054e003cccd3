//===----------------------------------------------------------------------===//
// Part of MPQ, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//===----------------------------------------------------------------------===//
#include "Constants.h"

#include "mlir/IR/AsmState.h"
#include "mlir/IR/DialectResourceBlobManager.h"

using namespace mlir;

namespace mpq::onnx {

std::optional<std::vector<float>> readFloats(Value value) {
  ElementsAttr constant = getConstant(value);
  if (!constant || !constant.getElementType().isF32())
    return std::nullopt;
  std::optional<ArrayRef<char>> bytes = getRawBytes(constant);
  size_t count = constant.getNumElements();
  if (!bytes)
    return std::nullopt;
  std::vector<float> floats(count);
  if (bytes->size() == count * sizeof(float)) {
    std::memcpy(floats.data(), bytes->data(), bytes->size());
    return floats;
  }
  if (bytes->size() != sizeof(float)) // not a splat either
    return std::nullopt;
  float splat;
  std::memcpy(&splat, bytes->data(), sizeof(float));
  floats.assign(count, splat);
  return floats;
}

/// The name of the weight: that of its resource, or of its location.
static std::string getName(Value like) {
  if (auto resource =
          dyn_cast_or_null<DenseResourceElementsAttr>(getConstant(like)))
    return resource.getRawHandle().getKey().str();
  if (auto name = like.getLoc()->findInstanceOf<NameLoc>())
    return name.getName().str();
  return "folded";
}

Value makeBytes(OpBuilder &b, Value like, RankedTensorType type,
                std::vector<char> bytes) {
  ArrayRef<char> data(bytes.data(), bytes.size());
  ElementsAttr value;
  // As the importer does: what a reader wants to see is in the text.
  bool isInteger = isa<IntegerType>(type.getElementType());
  if (type.getNumElements() == 0)
    value = DenseElementsAttr::get(type, ArrayRef<Attribute>());
  else if (type.getNumElements() == 1 || isInteger)
    value = DenseElementsAttr::getFromRawBuffer(type, data);
  else
    value = DenseResourceElementsAttr::get(
        type, getName(like),
        HeapAsmResourceBlob::allocateAndCopyWithAlign(data, 64,
                                                      /*dataIsMutable=*/false));
  return ConstantOp::create(b, like.getLoc(), Type(type), ValueRange(),
                            b.getNamedAttr("value", value));
}

Value makeFloats(OpBuilder &b, Value like, ArrayRef<int64_t> shape,
                 ArrayRef<float> elements) {
  const char *data = reinterpret_cast<const char *>(elements.data());
  return makeBytes(
      b, like, RankedTensorType::get(shape, b.getF32Type()),
      std::vector<char>(data, data + elements.size() * sizeof(float)));
}

} // namespace mpq::onnx
