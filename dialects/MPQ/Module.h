//===----------------------------------------------------------------------===//
// Part of MPQ, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//===----------------------------------------------------------------------===//
//
// What a module says about itself: its stage, its target, the model's interface
// and where the bytes of its resources are. The attributes are defined, with
// examples, in ModuleAttrs.td.
//
//===----------------------------------------------------------------------===//
#ifndef MPQ_DIALECTS_MPQ_MODULE_H
#define MPQ_DIALECTS_MPQ_MODULE_H

#include "dialects/MPQ/MPQ.h"

#include "llvm/Support/CommandLine.h"

#include "dialects/MPQ/ModuleEnums.h.inc"

#define GET_ATTRDEF_CLASSES
#include "dialects/MPQ/ModuleAttrs.h.inc"

namespace mpq {

/// Names of the module's attributes.
inline constexpr llvm::StringLiteral kStageAttr = "mpq.stage";
inline constexpr llvm::StringLiteral kTargetAttr = "mpq.target";
inline constexpr llvm::StringLiteral kInterfaceAttr = "mpq.interface";
inline constexpr llvm::StringLiteral kDimsAttr = "mpq.dims";
inline constexpr llvm::StringLiteral kWeightsAttr = "mpq.weights";
inline constexpr llvm::StringLiteral kResourcesAttr = "mpq.resources";

/// Says that the contract of `stage` holds for `module`.
void setStage(mlir::Operation *module, Stage stage);

/// The values of a pass option.
inline llvm::cl::ValuesClass getStageValues() {
  return llvm::cl::values(clEnumValN(Stage::Onnx, "onnx", ""), clEnumValN(Stage::Calibrated, "calibrated", ""),
                          clEnumValN(Stage::Planned, "planned", ""), clEnumValN(Stage::Quantized, "quantized", ""),
                          clEnumValN(Stage::Lowered, "lowered", ""), clEnumValN(Stage::Bufferized, "bufferized", ""),
                          clEnumValN(Stage::Kernelized, "kernelized", ""), clEnumValN(Stage::LLVM, "llvm", ""));
}

/// The attribute called `name` of `op` as an `AttrT`. Where it is missing or
/// something else, null, and an error at the op that says so.
template <typename AttrT>
AttrT requireAttr(mlir::Operation *op, llvm::StringRef name) {
  mlir::Attribute found = op->getAttr(name);
  auto attr = llvm::dyn_cast_if_present<AttrT>(found);
  if (attr)
    return attr;
  if (found)
    op->emitError("attribute '") << name << "' is " << found << ", which is not of its kind";
  else
    op->emitError("lacks the attribute '") << name << "'";
  return nullptr;
}

} // namespace mpq

#endif // MPQ_DIALECTS_MPQ_MODULE_H
