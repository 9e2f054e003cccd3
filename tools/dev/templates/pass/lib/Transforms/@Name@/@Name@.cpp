//===----------------------------------------------------------------------===//
// Part of MPQ, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//===----------------------------------------------------------------------===//
//
// What this pass does and why, with the IR before and after:
//
//     %s = mpq.site %w ...        =>   the same, and a remark
//
//===----------------------------------------------------------------------===//

#include "mpq/Analysis/Sites.h"

#include "mlir/IR/Remarks.h"
#include "mlir/Pass/Pass.h"

namespace mpq {
#define GEN_PASS_DECL_@NAME@PASS
#define GEN_PASS_DEF_@NAME@PASS
#include "@Name@.h.inc"
} // namespace mpq

using namespace mlir;
using namespace mpq;

namespace {

struct @Name@Pass : mpq::impl::@Name@PassBase<@Name@Pass> {
  using Base::Base;

  void runOnOperation() override {
    func::FuncOp main = lookupMain(getOperation());
    if (!main)
      return signalPassFailure();
    int64_t least = minWeights, sites = 0, weights = 0;
    if (least < 0) {
      main.emitError("min-weights is ") << least << " when it should be at least 0";
      return signalPassFailure();
    }
    for (SiteOp site : getSites(main)) {
      if (getNumWeights(site) < least)
        continue;
      ++sites;
      weights += getNumWeights(site);
    }
    remark::analysis(main.getLoc(), remark::RemarkOpts::name("Counted").category("mpq-@name@"))
        << remark::add("{0} sites of at least {1} weights, {2} weights in all", sites, least, weights);
  }
};

} // namespace
