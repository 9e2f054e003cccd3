//===----------------------------------------------------------------------===//
// Part of MPQ, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//===----------------------------------------------------------------------===//

#include "mpq/Kernel/NamedFamily.h"

using namespace mlir;
using namespace mpq;

static constexpr StringLiteral kFamilyAttr = "family";

static std::string describeMachine(bool isGpu) { return isGpu ? "GPUs" : "CPUs"; }

std::string mpq::getObstacle(const KernelFamily &family, Operation *op,
                             const KernelTarget &target) {
  if (family.isForGpu() != target.isGpu())
    return "it is for " + describeMachine(family.isForGpu()) +
           ", the module for " + describeMachine(target.isGpu());
  if (!target.isGpu())
    for (Type type : op->getOperandTypes())
      if (auto shaped = dyn_cast<ShapedType>(type);
          shaped && shaped.getElementType().isF16())
        return "an operand is f16; kernels for CPUs compute on f32";
  std::string reason;
  return family.accepts(op, target, reason) ? "" : reason;
}

KernelFamily *mpq::getNamedFamily(Operation *op, const KernelTarget &target) {
  // The name of the node or of the weight in the model.
  auto site = op->getLoc()->findInstanceOf<NameLoc>();
  auto emitError = [&] {
    InFlightDiagnostic error = op->emitOpError();
    if (site)
      error << "at '" << site.getName().getValue() << "' ";
    return error;
  };
  auto name = op->getAttrOfType<StringAttr>(kFamilyAttr);
  if (!name) {
    emitError() << "names no kernel family; run mpq-layout";
    return nullptr;
  }
  KernelFamily *family = lookupKernelFamily(name);
  if (!family) {
    emitError() << "names the kernel family '" << name.getValue()
                << "'; known: " << Registry<KernelFamily>::get().names();
    return nullptr;
  }
  if (std::string reason = getObstacle(*family, op, target); !reason.empty()) {
    emitError() << "names the kernel family '" << name.getValue()
                << "', which does not accept it: " << reason;
    return nullptr;
  }
  return family;
}

bool mpq::isPackedFor(Operation *op, StringRef name) {
  auto compute = dyn_cast<ComputeOpInterface>(op);
  OpOperand *weight = compute ? compute.getWeightOperand() : nullptr;
  auto type = weight ? dyn_cast<ShapedType>(weight->get().getType()) : ShapedType();
  auto family = op->getAttrOfType<StringAttr>(kFamilyAttr);
  return type && type.getElementType().isInteger(8) && family && family == name;
}
