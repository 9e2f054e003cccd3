//===----------------------------------------------------------------------===//
// Part of MPQ, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//===----------------------------------------------------------------------===//
//
// The ordered list of kernel families, and the target as module attributes.
//
//===----------------------------------------------------------------------===//

#include "mpq/Kernel/NamedFamily.h"

#include "dialects/MPQ/Module.h"

#include "mlir/IR/BuiltinOps.h"
#include "llvm/ADT/StringExtras.h"

using namespace mlir;
using namespace mpq;

static constexpr StringLiteral kVectorBits = "mpq.vector_bits";
static constexpr StringLiteral kFeatures = "mpq.features";
static constexpr StringLiteral kGpu = "mpq.gpu";

static GpuTarget readGpu(DictionaryAttr attrs) {
  auto get = [&](StringRef name) -> unsigned {
    auto value = attrs.getAs<IntegerAttr>(name);
    return value ? value.getInt() : 0;
  };
  return {get("capability"), std::max(1u, get("processors")),
          get("shared_bytes"), attrs.contains("wgmma")};
}

/// `features`: with a plus before each name, or without.
template <typename Range>
static void addFeatures(KernelTarget &target, const Range &features) {
  for (StringRef feature : features) {
    feature.consume_front("+");
    target.avx2 |= feature == "avx2";
    target.avxvnni |= feature == "avxvnni";
    target.avx512f |= feature == "avx512f";
    target.avx512bw |= feature == "avx512bw";
    target.avx512vl |= feature == "avx512vl";
    target.avx512vnni |= feature == "avx512vnni";
    target.avx512vbmi |= feature == "avx512vbmi";
    target.avx512vpopcntdq |= feature == "avx512vpopcntdq";
    target.avx512bf16 |= feature == "avx512bf16";
    target.fma |= feature == "fma";
  }
}

KernelTarget KernelTarget::get(Operation *op) {
  KernelTarget target;
  auto module = op->getParentOfType<ModuleOp>();
  if (!module)
    module = cast<ModuleOp>(op);
  if (auto bits = module->getAttrOfType<IntegerAttr>(kVectorBits))
    target.vectorBits = bits.getInt();
  if (auto gpu = module->getAttrOfType<DictionaryAttr>(kGpu))
    target.gpu = readGpu(gpu);
  if (auto features = module->getAttrOfType<ArrayAttr>(kFeatures))
    addFeatures(target, features.getAsValueRange<StringAttr>());
  if (auto cpu = module->getAttrOfType<TargetAttr>(kTargetAttr)) {
    target.cpu = cpu.getCpu().str();
    addFeatures(target, llvm::split(cpu.getFeatures(), ','));
  }
  target.avx512bf16 &= target.avx512f;
  target.vectorRegisters = target.avx512f ? 32 : 16;
  return target;
}

void KernelTarget::set(Operation *module) const {
  Builder builder(module->getContext());
  if (isGpu()) {
    auto number = [&](unsigned value) { return builder.getI64IntegerAttr(value); };
    NamedAttrList attrs;
    attrs.set("capability", number(gpu.capability));
    attrs.set("processors", number(gpu.processors));
    attrs.set("shared_bytes", number(gpu.sharedBytes));
    if (gpu.wgmma)
      attrs.set("wgmma", builder.getUnitAttr());
    module->setAttr(kGpu, attrs.getDictionary(builder.getContext()));
    return;
  }
  SmallVector<StringRef> features;
  for (auto [present, name] : {std::pair(avx2, "avx2"),
                               {avxvnni, "avxvnni"},
                               {avx512f, "avx512f"},
                               {avx512bw, "avx512bw"},
                               {avx512vl, "avx512vl"},
                               {avx512vnni, "avx512vnni"},
                               {avx512vbmi, "avx512vbmi"},
                               {avx512vpopcntdq, "avx512vpopcntdq"},
                               {avx512bf16, "avx512bf16"},
                               {fma, "fma"}})
    if (present)
      features.push_back(name);
  module->setAttr(kVectorBits, builder.getI64IntegerAttr(vectorBits));
  module->setAttr(kFeatures, builder.getStrArrayAttr(features));
}

std::vector<KernelFamily *> mpq::getKernelFamilies() {
  std::vector<KernelFamily *> families = Registry<KernelFamily>::get().all();
  llvm::stable_sort(families, [](KernelFamily *a, KernelFamily *b) {
    return a->getPriority() > b->getPriority();
  });
  return families;
}

KernelChoice mpq::chooseKernelFamily(Operation *op, const KernelTarget &target) {
  KernelChoice choice;
  for (KernelFamily *family : getKernelFamilies()) {
    if (family->isForGpu() != target.isGpu())
      continue;
    std::string reason = getObstacle(*family, op, target);
    if (reason.empty()) {
      choice.family = family;
      return choice;
    }
    choice.rejections.push_back((family->getName() + ": " + reason).str());
  }
  return choice;
}

KernelFamily *mpq::lookupKernelFamily(StringRef name) {
  return Registry<KernelFamily>::get().lookup(name);
}
