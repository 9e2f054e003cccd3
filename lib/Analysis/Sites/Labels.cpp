//===----------------------------------------------------------------------===//
// Part of MPQ, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//===----------------------------------------------------------------------===//
//
// Names of activations with the bits that a module gives them.
//
//===----------------------------------------------------------------------===//

#include "mpq/Analysis/Labels.h"

#include "mpq/Analysis/Sites.h"

using namespace mlir;
using namespace mpq;

std::string mpq::getActivationsName(ModuleOp module, Activations kind) {
  auto bits = module->getAttrOfType<IntegerAttr>(kActivationBitsAttr);
  if (kind == Activations::F32 || !bits)
    return stringifyActivations(kind).str();
  return "int" + std::to_string(bits.getInt());
}

std::string mpq::getLabel(SiteOp site, CandidateAttr candidate) {
  std::string label = candidate.getFormat().getSpelling();
  if (std::optional<Activations> kind = candidate.getActivations())
    label += " with " +
             getActivationsName(site->getParentOfType<ModuleOp>(), *kind) +
             " activations";
  return label;
}
