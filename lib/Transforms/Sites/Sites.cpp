//===----------------------------------------------------------------------===//
// Part of MPQ, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//===----------------------------------------------------------------------===//
//
//   onnx.Conv(%x, %w)
//     =>  onnx.Conv(%x, mpq.site %w "name" axis 0 candidates [...])
//
//===----------------------------------------------------------------------===//

#include "mpq/Analysis/Sites.h"

#include "mlir/Pass/Pass.h"

namespace mpq {
#define GEN_PASS_DECL_SITESPASS
#define GEN_PASS_DEF_SITESPASS
#include "Sites.h.inc"
} // namespace mpq

using namespace mlir;
using namespace mpq;

namespace {

struct SitesPass : mpq::impl::SitesPassBase<SitesPass> {
  using Base::Base;

  void runOnOperation() override {
    func::FuncOp main = lookupMain(getOperation());
    SiteOptions options;
    options.formats.assign(formats.begin(), formats.end());
    options.groupSizes.assign(groupSizes.begin(), groupSizes.end());
    options.decideActivations = decideActivations;
    options.integerProducts = integerProducts;
    if (activationGroups)
      getOperation()->setAttr(kActivationGroupsAttr,
                              UnitAttr::get(&getContext()));
    if (activationBits < 1 || activationBits > 8) {
      getOperation().emitError() << "activation-bits is " << int64_t(activationBits)
                                 << " when it should be 1 to 8";
      return signalPassFailure();
    }
    if (activationBits != 8)
      getOperation()->setAttr(
          kActivationBitsAttr,
          IntegerAttr::get(IntegerType::get(&getContext(), 64),
                           activationBits));
    if (!main || failed(insertSites(main, options)))
      signalPassFailure();
  }
};

} // namespace
