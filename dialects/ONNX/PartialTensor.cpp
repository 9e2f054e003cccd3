//===----------------------------------------------------------------------===//
// Part of MPQ, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//===----------------------------------------------------------------------===//
#include "dialects/ONNX/ONNX.h"

#include "mlir/IR/AsmState.h"
#include "mlir/IR/DialectResourceBlobManager.h"
#include "mlir/IR/Matchers.h"

using namespace mlir;

namespace mpq::onnx {

//===----------------------------------------------------------------------===//
// Reading constants
//===----------------------------------------------------------------------===//

ElementsAttr getConstant(Value value) {
  auto constant = value ? value.getDefiningOp<ConstantOp>() : ConstantOp();
  return constant ? constant.getValueAttr() : ElementsAttr();
}

std::optional<ArrayRef<char>> getRawBytes(ElementsAttr value) {
  if (auto dense = dyn_cast<DenseElementsAttr>(value)) {
    if (isa<DenseStringElementsAttr>(dense) ||
        dense.getElementType().isInteger(1))
      return std::nullopt;
    return dense.getRawData();
  }
  if (auto resource = dyn_cast<DenseResourceElementsAttr>(value))
    if (AsmResourceBlob *blob = resource.getRawHandle().getBlob())
      return blob->getData();
  return std::nullopt;
}

/// The elements of a resource as a DenseElementsAttr; only for small tensors.
static DenseElementsAttr getDense(Attribute value) {
  if (auto dense = dyn_cast_or_null<DenseElementsAttr>(value))
    return dense;
  auto resource = dyn_cast_or_null<DenseResourceElementsAttr>(value);
  if (!resource)
    return {};
  std::optional<ArrayRef<char>> bytes = getRawBytes(resource);
  bool splat = false;
  if (!bytes ||
      !DenseElementsAttr::isValidRawBuffer(resource.getType(), *bytes, splat))
    return {};
  return DenseElementsAttr::getFromRawBuffer(resource.getType(), *bytes);
}

std::optional<PartialTensor> PartialTensor::create(Type type) {
  auto tensor = dyn_cast<RankedTensorType>(type);
  if (!tensor || !tensor.hasStaticShape())
    return std::nullopt;
  // The product of all sizes may overflow; the way there does not.
  int64_t count = 1;
  for (int64_t size : tensor.getShape()) {
    if (size > kMaxElements)
      return std::nullopt;
    count *= size;
    if (count > kMaxElements)
      return std::nullopt;
  }
  Type element = tensor.getElementType();
  if (!(isa<IntegerType>(element) && element.getIntOrFloatBitWidth() <= 64) &&
      !isa<Float16Type, BFloat16Type, Float32Type, Float64Type>(element))
    return std::nullopt;
  PartialTensor result;
  result.type = RankedTensorType::get(tensor.getShape(), element);
  result.elements.resize(count);
  return result;
}

std::optional<PartialTensor> PartialTensor::fromConstant(Attribute value) {
  auto elements = dyn_cast_or_null<ElementsAttr>(value);
  if (!elements)
    return std::nullopt;
  std::optional<PartialTensor> result = create(elements.getType());
  DenseElementsAttr dense = result ? getDense(value) : DenseElementsAttr();
  if (!dense)
    return std::nullopt;
  if (result->isFloat()) {
    for (auto [index, f] : llvm::enumerate(dense.getValues<APFloat>())) {
      APFloat wide = f;
      bool lossy;
      wide.convert(APFloat::IEEEdouble(), APFloat::rmNearestTiesToEven, &lossy);
      result->set(index, wide.convertToDouble());
    }
    return result;
  }
  bool isUnsigned = result->type.getElementType().isUnsignedInteger() ||
                    result->type.getElementType().isInteger(1);
  for (auto [index, i] : llvm::enumerate(dense.getValues<APInt>()))
    result->set(index,
                isUnsigned ? int64_t(i.getZExtValue()) : i.getSExtValue());
  return result;
}

PartialTensor PartialTensor::fromShape(ArrayRef<int64_t> shape,
                                       MLIRContext *context) {
  PartialTensor result;
  result.type =
      RankedTensorType::get(shape.size(), IntegerType::get(context, 64));
  result.elements.resize(shape.size());
  for (auto [index, dim] : llvm::enumerate(shape))
    if (isSymbolic(dim))
      result.elements[index].integer = dim;
    else if (!isDynamic(dim))
      result.set(index, dim);
  return result;
}

//===----------------------------------------------------------------------===//
// Elements
//===----------------------------------------------------------------------===//

SmallVector<int64_t> PartialTensor::getIntegers() const {
  return llvm::map_to_vector(elements, [](const Element &e) {
    return e.known || isSymbolic(e.integer) ? e.integer : kDynamic;
  });
}

void PartialTensor::set(size_t index, int64_t integer) {
  auto integerType = cast<IntegerType>(type.getElementType());
  unsigned width = integerType.getWidth();
  if (width < 64) {
    APInt wrapped(64, integer, /*isSigned=*/true);
    wrapped = wrapped.trunc(width);
    integer = integerType.isUnsigned() || width == 1
                  ? int64_t(wrapped.getZExtValue())
                  : wrapped.getSExtValue();
  }
  elements[index] = {true, integer, 0};
}

void PartialTensor::set(size_t index, double real) {
  APFloat rounded(real);
  bool lossy;
  rounded.convert(cast<FloatType>(type.getElementType()).getFloatSemantics(),
                  APFloat::rmNearestTiesToEven, &lossy);
  rounded.convert(APFloat::IEEEdouble(), APFloat::rmNearestTiesToEven, &lossy);
  elements[index] = {true, 0, rounded.convertToDouble()};
}

DenseElementsAttr PartialTensor::toConstant() const {
  SmallVector<Attribute> values;
  for (const Element &element : elements) {
    if (isFloat())
      values.push_back(FloatAttr::get(type.getElementType(), element.real));
    else
      values.push_back(
          IntegerAttr::get(type.getElementType(),
                           APInt(type.getElementTypeBitWidth(), element.integer,
                                 /*isSigned=*/false, /*implicitTrunc=*/true)));
  }
  return DenseElementsAttr::get(type, values);
}

//===----------------------------------------------------------------------===//
// ValueTable
//===----------------------------------------------------------------------===//

const PartialTensor *ValueTable::lookup(Value value) const {
  if (!value)
    return nullptr;
  auto [it, inserted] = table.try_emplace(value);
  if (inserted)
    if (ElementsAttr constant = getConstant(value))
      if (auto tensor = PartialTensor::fromConstant(constant)) {
        if (auto sizes = value.getDefiningOp()->getAttrOfType<AffineMapAttr>(
                ONNXDialect::kSizesAttr))
          for (auto [element, expr] : llvm::zip(tensor->elements,
                                                sizes.getValue().getResults()))
            if (int64_t size = toSize(expr); isSymbolic(size))
              element = {false, size, 0};
        it->second = std::make_unique<PartialTensor>(std::move(*tensor));
      }
  return it->second.get();
}

std::optional<SmallVector<int64_t>>
ValueTable::lookupIntegers(Value value) const {
  const PartialTensor *tensor = lookup(value);
  if (!tensor || tensor->isFloat() || !tensor->isKnown())
    return std::nullopt;
  return tensor->getIntegers();
}

std::optional<SmallVector<int64_t>>
ValueTable::lookupSizes(Value value) const {
  const PartialTensor *tensor = lookup(value);
  if (!tensor || tensor->isFloat())
    return std::nullopt;
  SmallVector<int64_t> sizes = tensor->getIntegers();
  for (auto [size, element] : llvm::zip(sizes, tensor->elements))
    if (isUnknown(size) && !element.known)
      return std::nullopt;
  return sizes;
}

std::optional<SmallVector<int64_t>> getConstantIntegers(Value value) {
  return ValueTable().lookupIntegers(value);
}

} // namespace mpq::onnx
