//===----------------------------------------------------------------------===//
// Part of MPQ, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//===----------------------------------------------------------------------===//
//
// The pass around mpq/Frontend/StageFile.h for tools whose driver reads the IR.
//
//===----------------------------------------------------------------------===//

#include "mpq/Frontend/StageFile.h"

#include "mlir/Pass/Pass.h"

namespace mpq {
#define GEN_PASS_DECL_MAPRESOURCESPASS
#define GEN_PASS_DEF_MAPRESOURCESPASS
#include "MapResources.h.inc"
} // namespace mpq

namespace {

struct MapResourcesPass : mpq::impl::MapResourcesPassBase<MapResourcesPass> {
  using Base::Base;

  void runOnOperation() override {
    if (failed(mpq::mapResources(getOperation(), folder)))
      signalPassFailure();
    markAllAnalysesPreserved();
  }
};

} // namespace
