//===----------------------------------------------------------------------===//
// Part of MPQ, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//===----------------------------------------------------------------------===//
//
// Modules in files. The IR is MLIR's text or bytecode; its resources, which are
// the weights, lie in a second file beside it, and the module says where:
//
//   planned.mlir      module attributes {mpq.resources = #mpq.resource_file<
//                       "planned.weights", size = 640, alignment = 64, resources = [
//                         <"conv1.weight" at 0 size 576 checksum "...">,
//                         <"conv1.bias" at 576 size 64 checksum "...">]>}
//                     ... dense_resource<conv1.weight> : tensor<16x1x3x3xf32> ...
//   planned.weights   | 576 bytes of conv1.weight | 64 bytes of conv1.bias |
//
// Reading maps the second file: no copy, and no page of it that nobody needs
// stays in memory. The checksums are compared once, at that moment.
//
//===----------------------------------------------------------------------===//
#ifndef MPQ_FRONTEND_STAGEFILE_H
#define MPQ_FRONTEND_STAGEFILE_H

#include "mlir/IR/BuiltinOps.h"
#include "mlir/IR/MLIRContext.h"
#include "mlir/IR/OwningOpRef.h"
#include "llvm/ADT/StringRef.h"
#include "llvm/Support/Error.h"

namespace mpq {

/// Where the bytes of a module's resources go.
enum class EmitWeights {
  Beside, ///< a file beside the IR, called like it with the extension .weights
  Inline, ///< into the IR: hexadecimal in text
  Elided, ///< nowhere; such a file is for people to read
};

struct StageFileOptions {
  EmitWeights weights = EmitWeights::Beside;
  bool bytecode = false;
};

/// Reads a module and maps its resources. Every resource that the module uses
/// has been found to have its bytes, as many as its type needs. Null after a
/// diagnostic that names the file.
mlir::OwningOpRef<mlir::ModuleOp> readStageFile(llvm::StringRef path, mlir::MLIRContext *context);

/// Writes `module` to `path` (to the standard output or a device `Beside` is an
/// error, unless the module has no resources). Both files are complete or as
/// they were before. `module` is not changed.
llvm::Error writeStageFile(mlir::ModuleOp module, llvm::StringRef path, const StageFileOptions &options);

/// The parts of the above for tools that read and write the IR themselves.
///
/// Maps the file that `module` names in `mpq.resources` and lies in `folder`
/// ("": the working directory); then takes the attribute away. Without one, it
/// does nothing.
llvm::LogicalResult mapResources(mlir::ModuleOp module, llvm::StringRef folder);

/// Writes all resources of `module` to `path` and names it in `mpq.resources`.
/// The IR is then to be written without them.
llvm::Error writeResources(mlir::ModuleOp module, llvm::StringRef path);

/// The path of the file with the resources of the IR at `path`.
std::string getResourcePath(llvm::StringRef path);

} // namespace mpq

#endif // MPQ_FRONTEND_STAGEFILE_H
