//===----------------------------------------------------------------------===//
// Part of MPQ, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//===----------------------------------------------------------------------===//
//
// From modules of the stage `llvm`, one for each CPU, to the library: what the
// descriptor says is read from the modules' attributes, and nowhere else.
//
//===----------------------------------------------------------------------===//
#ifndef MPQ_PIPELINE_LIBRARYBUILDER_H
#define MPQ_PIPELINE_LIBRARYBUILDER_H

#include "mpq/Target/CPU.h"

#include "mlir/IR/BuiltinOps.h"

namespace mpq {

/// The target that `module` was lowered for. Null attribute: an error.
llvm::Expected<TargetSpec> readTarget(mlir::ModuleOp module);

class LibraryBuilder {
public:
  /// Compiles `module`, whose entry points have the suffix `suffix`. Diagnostics
  /// are at the module.
  llvm::LogicalResult addVariant(mlir::ModuleOp module, llvm::StringRef suffix);

  /// The shared library and its header.
  llvm::Error writeLibrary(llvm::StringRef path);
  /// The same code, descriptor and weights as one object file.
  llvm::Error writeObject(llvm::StringRef path);

private:
  uint64_t addWeights(llvm::ArrayRef<char> bytes);

  LibrarySpec library;
  std::vector<char> weights;                              ///< of all variants
  std::vector<std::pair<uint64_t, uint64_t>> weightBlobs; ///< offset and size of each
};

} // namespace mpq

#endif // MPQ_PIPELINE_LIBRARYBUILDER_H
