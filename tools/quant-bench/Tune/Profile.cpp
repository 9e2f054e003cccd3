//===----------------------------------------------------------------------===//
// Part of MPQ, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//===----------------------------------------------------------------------===//
//
// The kernels of a model, one line each: where its time goes, and where a cost
// table is wrong.
//
//===----------------------------------------------------------------------===//

#include "KernelSet.h"
#include "../Measure.h"
#include "Tune.h"

#include "dialects/MPQ/Module.h"
#include "mpq/Execution/Program.h"

#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/Parser/Parser.h"
#include "llvm/Support/FormatVariadic.h"

using namespace mlir;
using namespace mpq;

static void printRow(llvm::raw_ostream &os, const KernelWork &work,
                     int64_t uses, double measured, double predicted) {
  os << llvm::formatv("{0,-24} {1,4} {2,4} {3,10} {4,9} {5,9} {6,9} ",
                      work.kernel, uses, work.rows, work.multiplyAdds,
                      work.inputs, work.outputs, work.weightBytes);
  os << llvm::formatv("{0,9:F2} {1,9:F2} {2,6:F2}\n", measured / 1e3,
                      predicted / 1e3, predicted / measured);
}

llvm::Error mpq::profile(MLIRContext &context, llvm::StringRef path,
                         const CostTable &table, int64_t dynamicSize,
                         llvm::raw_ostream &os) {
  ParserConfig config(&context, /*verifyAfterParse=*/false);
  OwningOpRef<ModuleOp> module = parseSourceFile<ModuleOp>(path, config);
  auto main =
      module ? module->lookupSymbol<func::FuncOp>("main") : func::FuncOp();
  if (!main)
    return llvm::createStringError(path + ": there is no function @main");
  auto attr = (*module)->getAttrOfType<TargetAttr>(kTargetAttr);
  if (!attr)
    return llvm::createStringError(
        path + ": the module is of no stage that is for a CPU");
  TargetSpec target = {attr.getCpu().str(), attr.getFeatures().str()};
  double whole = predictModel(main, table, dynamicSize);
  double modelBytes = getModelBytes(main);
  auto set = KernelSet::compile(*module, target, dynamicSize);
  if (!set)
    return set.takeError();
  os << "kernel                   uses rows       MACs    inputs   outputs   "
        "weights  measured predicted  ratio (us of one use)\n";
  double measured = 0, predicted = 0;
  for (LoneKernel &kernel : set->kernels) {
    double ns = timeCalls([&] { kernel.run(); });
    double guess = table.predict(kernel.work, modelBytes);
    printRow(os, kernel.work, kernel.uses, ns, guess);
    measured += kernel.uses * ns;
    predicted += kernel.uses * guess;
  }
  os << llvm::formatv("kernels: {0:F2} us measured one by one, {1:F2} us "
                      "predicted; with plain loops {2:F2} us predicted\n",
                      measured / 1e3, predicted / 1e3, whole / 1e3);
  return llvm::Error::success();
}
