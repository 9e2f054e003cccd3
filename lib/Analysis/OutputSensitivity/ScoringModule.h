//===----------------------------------------------------------------------===//
// Part of MPQ, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//===----------------------------------------------------------------------===//
//
// A copy of the model to be compiled for scoring, in which every site has a
// constant of its own. Lowering merges equal constants and does not keep names;
// the constant's attribute survives it, and tells which packed weight of the
// program is which site.
//
//===----------------------------------------------------------------------===//
#ifndef MPQ_ANALYSIS_OUTPUTSENSITIVITY_SCORINGMODULE_H
#define MPQ_ANALYSIS_OUTPUTSENSITIVITY_SCORINGMODULE_H

#include "mpq/Analysis/Sites.h"
#include "mpq/Execution/Program.h"

#include "mlir/IR/OwningOpRef.h"

namespace mpq {

class ScoringModule {
public:
  /// A copy of `module` whose sites, in order, have the values `weights`, which
  /// live as long as this.
  ScoringModule(mlir::ModuleOp module,
                llvm::ArrayRef<std::vector<float>> weights);
  ~ScoringModule();
  ScoringModule(const ScoringModule &) = delete;
  ScoringModule &operator=(const ScoringModule &) = delete;

  mlir::ModuleOp getModule() { return *module; }

  /// The slot through which alone the program reads site `index`, or the reason
  /// why there is none.
  llvm::Expected<unsigned> getOnlySlot(unsigned index,
                                       llvm::ArrayRef<ProgramSlot> slots);

private:
  mlir::OwningOpRef<mlir::ModuleOp> module;
  std::vector<SiteOp> sites;
  std::vector<mlir::DenseResourceElementsAttr> values;
};

} // namespace mpq

#endif // MPQ_ANALYSIS_OUTPUTSENSITIVITY_SCORINGMODULE_H
