//===----------------------------------------------------------------------===//
// Part of MPQ, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//===----------------------------------------------------------------------===//
//
// The descriptor of a library from the attributes of its modules, and the code.
//
//===----------------------------------------------------------------------===//

#include "LibraryBuilder.h"

#include "dialects/MPQ/Module.h"
#include "mpq/Execution/Jit.h"

#include "mlir/IR/DialectResourceBlobManager.h"
#include "mlir/IR/SymbolTable.h"

using namespace mlir;
using namespace mpq;

/// DLPack's code for an element type (kDLInt 0, kDLUInt 1, kDLFloat 2, kDLBfloat 4, kDLBool 6).
static uint8_t getTypeCode(Type type) {
  if (isa<FloatType>(type))
    return type.isBF16() ? 4 : 2;
  if (type.isInteger(1))
    return 6;
  return type.isUnsignedInteger() ? 1 : 0;
}

static std::vector<TensorSpec> describe(ArrayRef<StringAttr> names, ArrayRef<RankedTensorType> types) {
  std::vector<TensorSpec> specs;
  for (auto [name, type] : llvm::zip_equal(names, types)) {
    TensorSpec spec;
    spec.name = name.str();
    spec.typeCode = getTypeCode(type.getElementType());
    spec.typeBits = std::max(8u, type.getElementTypeBitWidth());
    for (int64_t size : type.getShape())
      spec.shape.push_back(ShapedType::isDynamic(size) ? -1 : size);
    specs.push_back(std::move(spec));
  }
  return specs;
}

llvm::Expected<TargetSpec> mpq::readTarget(ModuleOp module) {
  auto attr = module->getAttrOfType<TargetAttr>(kTargetAttr);
  if (!attr)
    return llvm::createStringError("the module does not say which CPU it was lowered for (mpq.target)");
  return TargetSpec{attr.getCpu().str(), attr.getFeatures().str()};
}

LogicalResult LibraryBuilder::addVariant(ModuleOp module, StringRef suffix) {
  auto interface = requireAttr<InterfaceAttr>(module, kInterfaceAttr);
  Operation *main = module.lookupSymbol("main");
  if (!interface || !main)
    return failure();
  auto arenaBytes = requireAttr<IntegerAttr>(main, "mpq.arena_bytes");
  auto preparedBytes = requireAttr<IntegerAttr>(main, "mpq.prepared_bytes");
  if (!arenaBytes || !preparedBytes)
    return failure();
  library.producer = "mpq 0.1.0";
  library.inputs = describe(interface.getInputNames(), interface.getInputTypes());
  library.outputs = describe(interface.getOutputNames(), interface.getOutputTypes());
  library.sampleParallel = interface.getSampleParallel();

  VariantSpec variant;
  llvm::Expected<TargetSpec> target = readTarget(module);
  if (!target)
    return module.emitError(llvm::toString(target.takeError()));
  variant.target = *target;
  variant.arenaBytes = arenaBytes.getInt();
  variant.preparedBytes = preparedBytes.getInt();
  variant.runSymbol = ("mpq_run" + suffix).str();
  if (variant.preparedBytes)
    variant.prepareSymbol = ("mpq_prepare" + suffix).str();
  SmallVector<char, 0> object;
  if (llvm::Error error = compileToObject(module, *target, object))
    return module.emitError(llvm::toString(std::move(error)));
  variant.object.assign(object.begin(), object.end());
  if (auto packed = module->getAttrOfType<DenseResourceElementsAttr>(kWeightsAttr))
    variant.weightsOffset = addWeights(packed.getData());
  library.variants.push_back(std::move(variant));
  return success();
}

uint64_t LibraryBuilder::addWeights(ArrayRef<char> bytes) {
  // CPUs of one vector width pack alike, and share.
  auto same = llvm::find_if(weightBlobs, [&](const auto &blob) {
    return ArrayRef<char>(weights).slice(blob.first, blob.second) == bytes;
  });
  if (same != weightBlobs.end())
    return same->first;
  constexpr uint64_t alignment = 64;
  weights.resize(llvm::alignTo(weights.size(), alignment));
  weightBlobs.push_back({weights.size(), bytes.size()});
  weights.insert(weights.end(), bytes.begin(), bytes.end());
  return weightBlobs.back().first;
}

llvm::Error LibraryBuilder::writeLibrary(StringRef path) {
  library.weights = weights;
  return mpq::writeLibrary(library, path);
}

llvm::Error LibraryBuilder::writeObject(StringRef path) {
  library.weights = weights;
  return mpq::writeObject(library, path);
}
