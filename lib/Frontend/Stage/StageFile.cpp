//===----------------------------------------------------------------------===//
// Part of MPQ, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//===----------------------------------------------------------------------===//
//
// The IR of a stage, read and written together with the file of its resources.
//
//===----------------------------------------------------------------------===//

#include "mpq/Frontend/StageFile.h"

#include "ResourceFile.h"

#include "mlir/Bytecode/BytecodeWriter.h"
#include "mlir/IR/DialectResourceBlobManager.h"
#include "mlir/Parser/Parser.h"
#include "llvm/Support/MemoryBuffer.h"
#include "llvm/Support/Path.h"
#include "llvm/Support/raw_ostream.h"

using namespace mlir;
using namespace mpq;

//===----------------------------------------------------------------------===//
// Reading
//===----------------------------------------------------------------------===//

/// Every resource that the module uses has as many bytes as its type needs.
static LogicalResult checkResources(ModuleOp module) {
  for (DenseResourceElementsAttr resource : collectResources(module)) {
    StringRef key = resource.getRawHandle().getKey();
    AsmResourceBlob *blob = resource.getRawHandle().getBlob();
    if (!blob)
      return module->emitError("has no data for the weight '") << key << "'";
    ShapedType type = resource.getType();
    if (!type.hasStaticShape() || !type.getElementType().isIntOrFloat())
      return module->emitError("weight '") << key << "' is of type " << type << ", which has no fixed size";
    uint64_t needed = type.getNumElements() * llvm::divideCeil(type.getElementTypeBitWidth(), 8);
    if (blob->getData().size() != needed)
      return module->emitError("weight '") << key << "' has " << blob->getData().size() << " bytes when its type, "
                                           << type << ", needs " << needed;
  }
  return success();
}

OwningOpRef<ModuleOp> mpq::readStageFile(StringRef path, MLIRContext *context) {
  if (auto file = llvm::MemoryBuffer::getFile(path); !file) { // the parser would not say why
    emitError(FileLineColLoc::get(context, path, 0, 0), "cannot read the file: ") << file.getError().message();
    return nullptr;
  }
  OwningOpRef<ModuleOp> module = parseSourceFile<ModuleOp>(path, ParserConfig(context));
  if (!module || failed(mapResources(*module, llvm::sys::path::parent_path(path))) || failed(checkResources(*module)))
    return nullptr;
  return module;
}

//===----------------------------------------------------------------------===//
// Writing
//===----------------------------------------------------------------------===//

static llvm::Error writeIR(ModuleOp module, raw_ostream &os, const StageFileOptions &options) {
  bool withData = options.weights == EmitWeights::Inline;
  if (options.bytecode) {
    BytecodeWriterConfig config;
    config.setElideResourceDataFlag(!withData);
    return succeeded(writeBytecodeToFile(module, os, config)) ? llvm::Error::success()
                                                              : llvm::createStringError("could not write bytecode");
  }
  // Names of weights and nodes are in the locations.
  OpPrintingFlags flags;
  flags.enableDebugInfo(true);
  if (!withData)
    flags.elideLargeResourceString(0);
  module.print(os, flags);
  os << '\n';
  return llvm::Error::success();
}

llvm::Error mpq::writeStageFile(ModuleOp module, StringRef path, const StageFileOptions &options) {
  SmallVector<DenseResourceElementsAttr> resources;
  if (options.weights == EmitWeights::Beside)
    resources = collectResources(module);
  if (!isFile(path) && !resources.empty())
    return llvm::createStringError("the weights need a file: write to one, or have them inline or elided");
  std::string beside = getResourcePath(path);
  if (!resources.empty() && beside == path)
    return llvm::createStringError("the IR cannot have the extension of the weights beside it, .weights");

  // Both are complete before either gets its name.
  auto ir = OutputFile::create(path);
  if (!ir)
    return ir.takeError();
  std::optional<OutputFile> data;
  if (!resources.empty()) {
    auto file = OutputFile::create(beside);
    if (!file)
      return file.takeError();
    data.emplace(std::move(*file));
    auto attr = fillResourceFile(*data, llvm::sys::path::filename(beside), resources);
    if (!attr)
      return attr.takeError();
    module->setAttr(kResourcesAttr, *attr);
  }
  llvm::Error error = writeIR(module, ir->os(), options);
  module->removeAttr(kResourcesAttr);
  if (error)
    return error;
  if (llvm::Error error = ir->finish())
    return error;
  if (data)
    if (llvm::Error error = data->keep())
      return error;
  return ir->keep();
}
