//===----------------------------------------------------------------------===//
// Part of MPQ, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//===----------------------------------------------------------------------===//
//
// The descriptor of a library from the attributes of its modules, and the code.
//
//===----------------------------------------------------------------------===//

#include "LibraryBuilder.h"

#include "dialects/MPQ/Bytes.h"
#include "dialects/ONNX/Sizes.h"
#include "mpq/Execution/Jit.h"
#include "mpq/Kernel/Parts.h"

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

/// The names of the dimensions that depend on the run. The batch is `N` if the model does not call it anything.
static void nameDimensions(TensorSpec &spec, ArrayAttr names) {
  for (auto [d, size] : llvm::enumerate(spec.shape)) {
    StringRef name;
    if (auto given = size < 0 && names && d < names.size() ? dyn_cast<StringAttr>(names[d]) : StringAttr())
      name = given;
    spec.dimNames.push_back(size < 0 && name.empty() && d == 0 ? "N" : name.str());
  }
}

/// Which symbol each dimension of an input is: the one of its name.
static void bindSymbols(TensorSpec &spec, ArrayRef<std::string> symbols, bool sampleParallel) {
  for (auto [d, name] : llvm::enumerate(spec.dimNames)) {
    auto found = llvm::find(symbols, name);
    bool isSymbol = spec.shape[d] < 0 && !(d == 0 && sampleParallel) && found != symbols.end();
    spec.symbols.push_back(isSymbol ? int32_t(found - symbols.begin()) : -1);
  }
}

/// The sizes that are known when the model runs, and what they must be. A file may have been edited.
static LogicalResult describeSizes(Operation *main, LibrarySpec &library) {
  auto symbols = main->getAttrOfType<ArrayAttr>(onnx::kSymbolsAttr);
  if (!symbols)
    return success();
  library.symbols.clear();
  for (Attribute symbol : symbols) {
    auto name = dyn_cast<StringAttr>(symbol);
    if (!name)
      return main->emitOpError("has ") << symbol << " in '" << onnx::kSymbolsAttr << "' when it should be a name";
    library.symbols.push_back(name.str());
  }
  library.requirements.clear();
  auto requirements = main->getAttrOfType<ArrayAttr>(onnx::kRequirementsAttr);
  for (Attribute requirement : requirements ? requirements.getValue() : ArrayRef<Attribute>()) {
    auto pair = dyn_cast<ArrayAttr>(requirement);
    auto set = pair && pair.size() == 2 ? dyn_cast<IntegerSetAttr>(pair[0]) : IntegerSetAttr();
    auto op = set ? dyn_cast<StringAttr>(pair[1]) : StringAttr();
    if (!op || set.getValue().getNumDims() || set.getValue().getNumSymbols() > symbols.size())
      return main->emitOpError("has ") << requirement << " in '" << onnx::kRequirementsAttr
                                       << "' when it should be a set of the " << symbols.size()
                                       << " symbols and the name of an op";
    library.requirements.push_back({onnx::toString(set.getValue(), library.symbols), op.str()});
  }
  return success();
}

/// `dims` has a list of names for each tensor, from number `first` on; or is null.
static std::vector<TensorSpec> describe(ArrayRef<StringAttr> names, ArrayRef<RankedTensorType> types, ArrayAttr dims,
                                        size_t first) {
  std::vector<TensorSpec> specs;
  for (auto [name, type] : llvm::zip_equal(names, types)) {
    TensorSpec spec;
    spec.name = name.str();
    spec.typeCode = getTypeCode(type.getElementType());
    spec.typeBits = std::max(8u, type.getElementTypeBitWidth());
    for (int64_t size : type.getShape())
      spec.shape.push_back(ShapedType::isDynamic(size) ? -1 : size);
    size_t index = first + specs.size();
    nameDimensions(spec, dims && index < dims.size() ? dyn_cast<ArrayAttr>(dims[index]) : ArrayAttr());
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
  std::optional<int64_t> arenaBytes = requireBytes(main, "mpq.arena_bytes");
  std::optional<int64_t> preparedBytes = requireBytes(main, "mpq.prepared_bytes");
  if (!arenaBytes || !preparedBytes)
    return failure();
  library.producer = MPQ_PRODUCER;
  auto dims = module->getAttrOfType<ArrayAttr>(kDimsAttr);
  library.inputs = describe(interface.getInputNames(), interface.getInputTypes(), dims, 0);
  library.outputs =
      describe(interface.getOutputNames(), interface.getOutputTypes(), dims, interface.getInputNames().size());
  library.sampleParallel = interface.getSampleParallel();
  if (failed(describeSizes(main, library)))
    return failure();
  for (TensorSpec &input : library.inputs)
    bindSymbols(input, library.symbols, library.sampleParallel);

  VariantSpec variant;
  llvm::Expected<TargetSpec> target = readTarget(module);
  if (!target)
    return module.emitError(llvm::toString(target.takeError()));
  variant.target = *target;
  variant.arenaBytes = *arenaBytes;
  variant.preparedBytes = *preparedBytes;
  variant.runSymbol = ("mpq_run" + suffix).str();
  if (auto parts = main->getAttrOfType<IntegerAttr>(kPartsAttr))
    variant.maxParts = std::min<int64_t>(parts.getInt(), INT32_MAX);
  if (!library.symbols.empty())
    variant.sizesSymbol = ("mpq_sizes" + suffix).str();
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
