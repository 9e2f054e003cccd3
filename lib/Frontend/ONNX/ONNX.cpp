//===----------------------------------------------------------------------===//
// Part of MPQ, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//===----------------------------------------------------------------------===//
#include "mpq/Frontend/ONNX.h"

#include "GraphImporter.h"

using namespace llvm;
using namespace mlir;

namespace mpq {

OwningOpRef<ModuleOp> importOnnx(StringRef path, MLIRContext *context) {
  Expected<std::unique_ptr<ModelFile>> file = ModelFile::read(path.str());
  if (!file) {
    emitError(FileLineColLoc::get(context, path, 0, 0))
        << "cannot import '" << path << "': " << toString(file.takeError());
    return nullptr;
  }
  if (!(*file)->model.has_graph()) {
    emitError(FileLineColLoc::get(context, path, 0, 0))
        << "the model has no graph";
    return nullptr;
  }
  return GraphImporter(**file, path, context).run();
}

} // namespace mpq
