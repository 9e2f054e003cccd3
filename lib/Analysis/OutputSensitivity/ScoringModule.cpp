//===----------------------------------------------------------------------===//
// Part of MPQ, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//===----------------------------------------------------------------------===//
//
// Giving every site a constant of its own, and finding it again.
//
//===----------------------------------------------------------------------===//

#include "ScoringModule.h"

#include "dialects/ONNX/ONNX.h"

#include "mlir/IR/DialectResourceBlobManager.h"

using namespace mlir;
using namespace mpq;

ScoringModule::ScoringModule(ModuleOp source,
                             ArrayRef<std::vector<float>> weights)
    : module(source.clone()) {
  auto main = module->lookupSymbol<func::FuncOp>("main");
  for (auto [site, bytes] : llvm::zip(getSites(main), weights)) {
    auto type = cast<RankedTensorType>(site.getWeight().getType());
    auto value = DenseResourceElementsAttr(DenseF32ResourceElementsAttr::get(
        type, ("score." + site.getName()).str(),
        UnmanagedAsmResourceBlob::allocateInferAlign(ArrayRef(bytes))));
    OpBuilder builder(site);
    auto constant = onnx::ConstantOp::create(
        builder, site.getLoc(), type, ValueRange(),
        builder.getNamedAttr("value", ElementsAttr(value)));
    site.getWeightMutable().assign(constant);
    sites.push_back(site);
    values.push_back(value);
  }
}

/// The context keeps the entries of resources; theirs must not outlive the
/// data.
ScoringModule::~ScoringModule() {
  for (DenseResourceElementsAttr value : values)
    value.getRawHandle().getResource()->setBlob(AsmResourceBlob());
}

llvm::Expected<unsigned>
ScoringModule::getOnlySlot(unsigned index, ArrayRef<ProgramSlot> slots) {
  SiteOp site = sites[index];
  for (OpOperand &use : site->getUses())
    if (&use != getWeightOperand(use.getOwner()))
      return llvm::createStringError(
          "an op reads it as something else than its weight: " +
          use.getOwner()->getName().getStringRef());
  std::optional<unsigned> found;
  for (auto [i, slot] : llvm::enumerate(slots)) {
    if (slot.value != values[index])
      continue;
    if (found)
      return llvm::createStringError("the program reads it in two layouts");
    found = i;
  }
  if (!found || slots[*found].blob != 0)
    return llvm::createStringError("no kernel family packs it");
  return *found;
}
