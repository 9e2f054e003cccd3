//===----------------------------------------------------------------------===//
// Part of MPQ, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//===----------------------------------------------------------------------===//
//
// The table at the end of a compilation.
//
//===----------------------------------------------------------------------===//

#include "Summary.h"

#include "dialects/MPQ/MPQ.h"
#include "dialects/MPQ/Module.h"
#include "mpq/Analysis/Cost.h"
#include "mpq/Analysis/Divergence.h"
#include "mpq/Analysis/Labels.h"
#include "mpq/Analysis/Sites.h"
#include "mpq/Execution/Executor.h"
#include "mpq/Execution/Specialize.h"

#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/Pass/PassManager.h"
#include "mlir/Pass/PassRegistry.h"
#include "llvm/Support/FormatVariadic.h"

using namespace mlir;
using namespace mpq;

void Summary::readPlan(ModuleOp planned) {
  integers = getActivationsName(planned, Activations::Int8);
  planned.walk([&](SiteOp site) {
    CandidateAttr chosen = site.getChosen();
    int64_t weights = countWeights(site), bytes = countBytes(site, chosen);
    for (Row *row : {&rows[chosen ? chosen.getFormat().getSpelling() : "f32"], &total}) {
      ++row->sites;
      row->weights += weights;
      row->bytes += bytes;
    }
    if (chosen) {
      predictedError += chosen.getError();
      predictedNanoseconds += chosen.getNanoseconds();
      integerSites += chosen.getActivations() == Activations::Int8;
      if (!chosen.getMetric().empty())
        metric = chosen.getMetric().str();
    }
  });
}

llvm::Error Summary::measure(ModuleOp planned, StringRef quantize) {
  ExecutorOptions executorOptions;
  executorOptions.threads = options.threads;
  executorOptions.memLimit = options.memLimit;
  auto plannedForData = specializeSizes(planned, options.calibration);
  if (!plannedForData)
    return plannedForData.takeError();
  // Sizes become numbers first: ops of the quantized stage have them already.
  OwningOpRef<ModuleOp> quantized((*plannedForData)->clone());
  PassManager pm(quantized->getContext());
  if (failed(parsePassPipeline(quantize, pm)) || failed(pm.run(*quantized)))
    return llvm::createStringError("could not quantize the model for the sizes of " + options.calibration);
  auto reference = Executor::create(**plannedForData, executorOptions);
  if (!reference)
    return reference.takeError();
  auto candidate = Executor::create(*quantized, executorOptions);
  if (!candidate)
    return candidate.takeError();
  llvm::Expected<Dataset> data = Dataset::load(options.calibration, (*reference)->getProgram().getInputs());
  if (!data)
    return data.takeError();
  divergence = options.divergence.value_or(chooseDivergence(**plannedForData));
  OutputDivergence diverge(**plannedForData, divergence);
  llvm::Error error = OutputDivergence::check(**plannedForData, divergence);
  if (!error)
    error = diverge.checkSamples(data->size());
  if (error && options.divergence)
    return error;
  // Of a plan that is given, nobody has asked for this.
  if (error) {
    notMeasured = llvm::toString(std::move(error));
    return llvm::Error::success();
  }
  int64_t flips = 0;
  size_t width = diverge.getWidth();
  std::vector<float> kept(data->size() * width);
  auto compare = [&](int64_t sample, ArrayRef<Executor::Outputs> outputs) {
    diverge.compare(outputs[0], outputs[1], MutableArrayRef(kept).slice(sample * width, width));
    flips += diverge.argmaxDiffers(outputs[0], outputs[1]);
  };
  if (llvm::Error error = Executor::runSideBySide({reference->get(), candidate->get()}, *data, compare))
    return error;
  samples = data->size();
  measuredDivergence = diverge.reduce(kept);
  argmaxFlips = 100.0 * flips / samples;
  return llvm::Error::success();
}

/// The table of the options, else that of `cpu`; none where neither is there.
/// What is wrong with a file, the pass that predicts has said.
static std::optional<CostTable> findTable(StringRef path, StringRef cpu) {
  if (path.empty()) {
    const CostTable &table = CostTable::lookup(cpu);
    return table.cpu == cpu ? std::optional(table) : std::nullopt;
  }
  llvm::Expected<CostTable> table = CostTable::read(path);
  if (table)
    return *table;
  llvm::consumeError(table.takeError());
  return std::nullopt;
}

void Summary::predict(ModuleOp lowered) {
  auto main = lowered.lookupSymbol<func::FuncOp>("main");
  auto target = lowered->getAttrOfType<TargetAttr>(kTargetAttr);
  if (!main || !target || modelNanoseconds) // of several CPUs the first
    return;
  std::optional<CostTable> table = findTable(options.costTable, target.getCpu());
  if (!table)
    return;
  modelNanoseconds = predictModel(main, *table, kTypicalSize);
  modelCpu = target.getCpu().str();
}

void Summary::print(raw_ostream &os) const {
  if (rows.empty())
    return;
  auto line = [&](StringRef name, const Row &row) {
    os << llvm::formatv("  {0,-24} {1,6} {2,7:F1} % {3,10} {4,7:F1} % {5,10} {6,8:F3}\n", name, row.sites,
                        100.0 * row.sites / total.sites, row.weights, 100.0 * row.weights / total.weights, row.bytes,
                        8.0 * row.bytes / row.weights);
  };
  os << "\n  format                    sites  of all      weights  of all        bytes  bits/weight\n";
  for (const auto &[name, row] : rows)
    line(name, row);
  line("all sites", total);
  os << llvm::formatv("\n  bytes of these weights: {0} in f32, {1} now ({2:F2} x smaller)\n", total.weights * 4,
                      total.bytes, 4.0 * total.weights / total.bytes);
  os << "  counted: codes, scales, zero points and padding of every quantizable weight\n";
  if (predictedNanoseconds)
    os << llvm::formatv("  predicted time of the ops with these weights: {0:F1} us a sample on one core, {1} of {2} "
                        "sites with {3} activations\n",
                        predictedNanoseconds / 1e3, integerSites, total.sites, integers);
  if (modelNanoseconds)
    os << llvm::formatv("  predicted time of the whole model: {0:F1} us a sample on one core of a {1} (sizes known at "
                        "run time only count 32)\n",
                        modelNanoseconds / 1e3, modelCpu);
  if (!metric.empty())
    os << llvm::formatv("  predicted output divergence ({0}, sum over sites): {1:e3}\n", metric, predictedError);
  if (!notMeasured.empty())
    os << "  output divergence is not measured: " << notMeasured << "\n";
  if (!measuredDivergence)
    return;
  os << llvm::formatv("  measured output divergence ({0}, all sites together): {1:e3}", stringifyDivergence(divergence),
                      *measuredDivergence);
  // Embeddings and images have no class whose score is the largest.
  if (divergence == Divergence::KL)
    os << llvm::formatv("; argmax changed on {0:F2} %", argmaxFlips);
  os << llvm::formatv(" of {0} calibration samples\n", samples);
}
