//===----------------------------------------------------------------------===//
// Part of MPQ, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//===----------------------------------------------------------------------===//
//
// The stage, as an attribute of the module.
//
//===----------------------------------------------------------------------===//

#include "dialects/MPQ/Module.h"

#include "mlir/Pass/Pass.h"

namespace mpq {
#define GEN_PASS_DECL_SETSTAGEPASS
#define GEN_PASS_DEF_SETSTAGEPASS
#include "SetStage.h.inc"
} // namespace mpq

namespace {

struct SetStagePass : mpq::impl::SetStagePassBase<SetStagePass> {
  using Base::Base;

  void runOnOperation() override { mpq::setStage(getOperation(), stage); }
};

} // namespace
