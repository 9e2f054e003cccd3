//===----------------------------------------------------------------------===//
// Part of MPQ, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//===----------------------------------------------------------------------===//
//
// Fails, naming the op, where an activation has no range or a wrong one.
//
//===----------------------------------------------------------------------===//

#include "mpq/Analysis/Ranges.h"
#include "mpq/Analysis/Sites.h"

#include "mlir/Pass/Pass.h"

#include <cmath>

namespace mpq {
#define GEN_PASS_DEF_VERIFYCALIBRATEDPASS
#include "VerifyCalibrated.h.inc"
} // namespace mpq

using namespace mlir;
using namespace mpq;

namespace {

LogicalResult verify(func::FuncOp main, Value value) {
  if (auto type = cast<RankedTensorType>(value.getType());
      type.hasStaticShape() && type.getNumElements() == 0)
    return success();
  auto report = [&]() -> InFlightDiagnostic {
    if (auto argument = dyn_cast<BlockArgument>(value))
      return main.emitOpError("argument ") << argument.getArgNumber();
    return value.getDefiningOp()->emitOpError("result ")
           << cast<OpResult>(value).getResultNumber();
  };
  RangeAttr range = getRange(value);
  if (!range)
    return report() << " has no calibrated range; run mpq-calibrate first";
  if (!std::isfinite(range.getMin().value) ||
      !std::isfinite(range.getMax().value))
    return report() << " has the range " << range << ", which is not finite";
  return success();
}

struct VerifyCalibratedPass
    : mpq::impl::VerifyCalibratedPassBase<VerifyCalibratedPass> {
  using Base::Base;

  void runOnOperation() override {
    func::FuncOp main = lookupMain(getOperation());
    if (!main)
      return signalPassFailure();
    markAllAnalysesPreserved();
    if (main->hasAttr(kNoRangesAttr))
      return;
    for (Value value : getActivations(main))
      if (failed(verify(main, value)))
        return signalPassFailure();
  }
};

} // namespace
