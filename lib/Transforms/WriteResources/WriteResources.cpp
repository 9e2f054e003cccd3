//===----------------------------------------------------------------------===//
// Part of MPQ, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//===----------------------------------------------------------------------===//
//
// The pass around mpq/Frontend/StageFile.h for tools whose driver writes the IR.
//
//===----------------------------------------------------------------------===//

#include "mpq/Frontend/StageFile.h"

#include "dialects/MPQ/MPQ.h"

#include "mlir/Pass/Pass.h"

namespace mpq {
#define GEN_PASS_DECL_WRITERESOURCESPASS
#define GEN_PASS_DEF_WRITERESOURCESPASS
#include "WriteResources.h.inc"
} // namespace mpq

namespace {

struct WriteResourcesPass : mpq::impl::WriteResourcesPassBase<WriteResourcesPass> {
  using Base::Base;

  void runOnOperation() override {
    if (llvm::Error error = mpq::writeResources(getOperation(), file)) {
      getOperation().emitError("cannot write the weights: ") << llvm::toString(std::move(error));
      signalPassFailure();
    }
    markAllAnalysesPreserved();
  }
};

} // namespace
