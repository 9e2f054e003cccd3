//===----------------------------------------------------------------------===//
// Part of MPQ, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//===----------------------------------------------------------------------===//
#ifndef MPQ_FRONTEND_STAGE_RESOURCEFILE_H
#define MPQ_FRONTEND_STAGE_RESOURCEFILE_H

#include "dialects/MPQ/Module.h"

#include "mlir/IR/BuiltinAttributes.h"
#include "mlir/IR/BuiltinOps.h"
#include "llvm/Support/FileSystem.h"

namespace mpq {

/// The resources that `module` uses, in the order of the IR. One that is used
/// under two types comes twice.
llvm::SmallVector<mlir::DenseResourceElementsAttr> collectResources(mlir::ModuleOp module);

/// A file that appears under its name only when it is complete, and leaves
/// nothing behind when it does not get there.
class PendingFile {
public:
  static llvm::Expected<PendingFile> create(llvm::StringRef path);
  PendingFile(PendingFile &&) = default;
  PendingFile &operator=(PendingFile &&) = delete;
  ~PendingFile();

  /// Lets `write` fill the file.
  llvm::Error fill(llvm::function_ref<llvm::Error(llvm::raw_ostream &)> write);
  /// Gives it its name.
  llvm::Error keep();

private:
  PendingFile(llvm::sys::fs::TempFile file, llvm::StringRef path) : file(std::move(file)), path(path) {}
  std::optional<llvm::sys::fs::TempFile> file;
  std::string path;
};

/// Fills `file` with the bytes of `resources`; `name` is what the attribute
/// calls it.
llvm::Expected<ResourceFileAttr> fillResourceFile(PendingFile &file, llvm::StringRef name,
                                                  llvm::ArrayRef<mlir::DenseResourceElementsAttr> resources);

} // namespace mpq

#endif // MPQ_FRONTEND_STAGE_RESOURCEFILE_H
