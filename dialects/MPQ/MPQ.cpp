//===----------------------------------------------------------------------===//
// Part of MPQ, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//===----------------------------------------------------------------------===//
//
// The dialect: registration, and what belongs to no single attribute or op.
//
//===----------------------------------------------------------------------===//

#include "dialects/MPQ/Formats.h"
#include "dialects/MPQ/Module.h"
#include "dialects/MPQ/Packed/Packed.h"

#include "mlir/Dialect/Tensor/IR/Tensor.h"
#include "mlir/IR/DialectImplementation.h"
#include "llvm/ADT/TypeSwitch.h"
#include "llvm/Support/Error.h"

using namespace mlir;
using namespace mpq;

#include "dialects/MPQ/Dialect.cpp.inc"
#include "dialects/MPQ/Enums.cpp.inc"

#include "dialects/MPQ/AttrInterfaces.cpp.inc"
#include "dialects/MPQ/OpInterfaces.cpp.inc"

#define GET_ATTRDEF_CLASSES
#include "dialects/MPQ/Attrs.cpp.inc"
#define GET_TYPEDEF_CLASSES
#include "dialects/MPQ/Types.cpp.inc"

namespace {
/// The list of a file's resources would be a long line in the module's head.
struct AsmInterface : OpAsmDialectInterface {
  using OpAsmDialectInterface::OpAsmDialectInterface;

  AliasResult getAlias(Attribute attr, raw_ostream &os) const override {
    if (!isa<ResourceFileAttr>(attr))
      return AliasResult::NoAlias;
    os << "resources";
    return AliasResult::FinalAlias;
  }
};
} // namespace

void MPQDialect::initialize() {
  addInterfaces<AsmInterface>();
  addAttributes<
#define GET_ATTRDEF_LIST
#include "dialects/MPQ/Attrs.cpp.inc"
      >();
  addTypes<
#define GET_TYPEDEF_LIST
#include "dialects/MPQ/Types.cpp.inc"
      >();
  addOperations<
#define GET_OP_LIST
#include "dialects/MPQ/Ops.cpp.inc"
      >();
}

namespace mpq {
void registerBufferization(DialectRegistry &registry);
void registerFormats(); // generated from the folders in Formats/

void registerDialectMPQ(DialectRegistry &registry) {
  registry.insert<MPQDialect>();
  registerBufferization(registry);
  registerFormats();
}

llvm::Expected<FormatAttrInterface> parseFormat(StringRef spelling,
                                                MLIRContext *context) {
  std::string known;
  for (FormatParser *parser : Registry<FormatParser>::get().all()) {
    llvm::Expected<FormatAttrInterface> format = parser->parse(spelling, context);
    if (!format || *format)
      return format;
    known += (known.empty() ? "" : ", ") + parser->getSyntax();
  }
  return llvm::createStringError("unknown number format '" + spelling +
                                 "'; known: " + known);
}

/// Calls `visit(matrix offset, tensor offset)` for every element of a weight.
template <typename Visit>
static void visitWeight(ArrayRef<int64_t> shape, int64_t axis, Visit visit) {
  int64_t outer = 1, rows = shape[axis], inner = 1;
  for (int64_t size : shape.take_front(axis))
    outer *= size;
  for (int64_t size : shape.drop_front(axis + 1))
    inner *= size;
  for (int64_t o = 0; o < outer; ++o)
    for (int64_t row = 0; row < rows; ++row)
      for (int64_t i = 0; i < inner; ++i)
        visit((row * outer + o) * inner + i, (o * rows + row) * inner + i);
}

void toWeightMatrix(ArrayRef<float> in, ArrayRef<int64_t> shape, int64_t axis,
                    MutableArrayRef<float> out) {
  visitWeight(shape, axis, [&](int64_t m, int64_t t) { out[m] = in[t]; });
}

void fromWeightMatrix(ArrayRef<float> in, ArrayRef<int64_t> shape, int64_t axis,
                      MutableArrayRef<float> out) {
  visitWeight(shape, axis, [&](int64_t m, int64_t t) { out[t] = in[m]; });
}

} // namespace mpq
