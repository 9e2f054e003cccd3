//===----------------------------------------------------------------------===//
// Part of MPQ, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//===----------------------------------------------------------------------===//
#ifndef MPQ_FRONTEND_STAGE_RESOURCEFILE_H
#define MPQ_FRONTEND_STAGE_RESOURCEFILE_H

#include "dialects/MPQ/Module.h"
#include "mpq/Support/OutputFile.h"

#include "mlir/IR/BuiltinAttributes.h"
#include "mlir/IR/BuiltinOps.h"

namespace mpq {

/// The resources that `module` uses, in the order of the IR. One that is used
/// under two types comes twice.
llvm::SmallVector<mlir::DenseResourceElementsAttr> collectResources(mlir::ModuleOp module);

/// Fills `file` with the bytes of `resources`; `name` is what the attribute
/// calls it.
llvm::Expected<ResourceFileAttr> fillResourceFile(OutputFile &file, llvm::StringRef name,
                                                  llvm::ArrayRef<mlir::DenseResourceElementsAttr> resources);

} // namespace mpq

#endif // MPQ_FRONTEND_STAGE_RESOURCEFILE_H
