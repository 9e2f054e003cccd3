//===----------------------------------------------------------------------===//
// Part of MPQ, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//===----------------------------------------------------------------------===//
#include "dialects/ONNX/ONNX.h"

#include "mlir/IR/DialectImplementation.h"
#include "llvm/ADT/TypeSwitch.h"

using namespace mlir;

#include "dialects/ONNX/Dialect.cpp.inc"
#include "dialects/ONNX/Interfaces.cpp.inc"
#define GET_TYPEDEF_CLASSES
#include "dialects/ONNX/Types.cpp.inc"

namespace mpq::onnx {

void ONNXDialect::initialize() {
  addTypes<
#define GET_TYPEDEF_LIST
#include "dialects/ONNX/Types.cpp.inc"
      >();
  registerONNXDialectOperations(this);
}

Operation *ONNXDialect::materializeConstant(OpBuilder &b, Attribute value,
                                            Type type, Location loc) {
  auto elements = dyn_cast<ElementsAttr>(value);
  if (!elements || elements.getType() != type)
    return nullptr;
  return ConstantOp::create(b, loc, type, ValueRange(),
                            b.getNamedAttr("value", elements));
}

OpFoldResult ConstantOp::fold(FoldAdaptor) { return getValueAttr(); }

LogicalResult ConstantOp::verify() {
  ElementsAttr value = getValueAttr();
  if (!value)
    return emitOpError("needs the attribute 'value', to which the importer "
                       "converts all other forms");
  if (value.getType() != getType())
    return emitOpError() << "has a value of type " << value.getType()
                         << " but a result of type " << getType();
  return success();
}

} // namespace mpq::onnx

namespace mpq {
void registerDialectONNX(DialectRegistry &registry) {
  registry.insert<onnx::ONNXDialect>();
}
} // namespace mpq
