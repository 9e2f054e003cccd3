//===----------------------------------------------------------------------===//
// Part of MPQ, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//===----------------------------------------------------------------------===//
#include "mpq/Frontend/NodeNames.h"

#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/IR/Diagnostics.h"
#include "mlir/IR/Location.h"
#include "mlir/IR/MLIRContext.h"

using namespace mlir;

static LogicalResult addName(Diagnostic &diagnostic) {
  if (auto name = diagnostic.getLocation()->findInstanceOf<NameLoc>())
    if (!StringRef(diagnostic.str()).contains(name.getName().getValue()))
      diagnostic << " (at '" << name.getName().getValue() << "')";
  return failure(); // the handler that prints it is still to come
}

void mpq::registerNodeNames(DialectRegistry &registry) {
  // A dialect that every module has.
  registry.addExtension(
      +[](MLIRContext *context, func::FuncDialect *) { context->getDiagEngine().registerHandler(addName); });
}
