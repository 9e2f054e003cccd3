//===----------------------------------------------------------------------===//
// Part of MPQ, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//===----------------------------------------------------------------------===//
//
// The compiler, stage by stage. Every stage is a pass pipeline that quant-opt
// runs, too; this file only strings them together, reports, and writes files.
//
//===----------------------------------------------------------------------===//

#include "mpq/Pipeline/Compiler.h"

#include "Gpu.h"
#include "LibraryBuilder.h"
#include "Summary.h"

#include "dialects/MPQ/Module.h"
#include "mpq/Analysis/Cost.h"
#include "mpq/Analysis/Labels.h"
#include "mpq/Analysis/Limits.h"
#include "mpq/Analysis/Sites.h"
#include "mpq/Execution/Executor.h"
#include "mpq/Frontend/ONNX.h"
#include "mpq/Pipeline/Passes.h"
#include "mpq/Pipeline/Pipelines.h"
#include "mpq/Support/Memory.h"
#include "mpq/Support/OutputFile.h"
#include "mpq/Support/StepReport.h"
#include "mpq/Target/CPU.h"

#include "mlir/IR/Remarks.h"
#include "mlir/Pass/PassManager.h"
#include "llvm/ADT/StringExtras.h"
#include "llvm/Support/FormatVariadic.h"
#include "llvm/Support/raw_ostream.h"

using namespace mlir;
using namespace mpq;

namespace {

class Compilation {
public:
  Compilation(const CompileOptions &options, MLIRContext &context)
      : options(options), context(context), report(llvm::errs()), summary(options) {
    context.registerActionHandler([this](function_ref<void()> act, const tracing::Action &action) {
      act();
      if (auto *sample = dyn_cast<SampleAction>(&action))
        report.advance(sample->total);
    });
  }
  ~Compilation() { context.registerActionHandler(nullptr); }

  LogicalResult run() {
    if (failed(checkOutputs()) || failed(import()))
      return failure();
    if (FailureOr<bool> stop = endStage(Stage::Onnx, *module); failed(stop) || *stop)
      return stop;
    if (failed(quantize()))
      return failure();
    if (done)
      return success();
    return options.target == TargetKind::NVVM ? generatePtx() : generate();
  }

private:
  //===--- Steps ----------------------------------------------------------===//

  /// Not after minutes of work.
  LogicalResult checkOutputs() {
    for (const std::string &path : {options.output, options.emitPlan})
      if (!path.empty() && failed(check(checkOutput(path))))
        return failure();
    return success();
  }

  LogicalResult import() {
    if (failed(begin("import")))
      return failure();
    StringRef path = options.input;
    bool isModel = path.ends_with(".onnx");
    module = isModel ? importOnnx(path, &context) : readStageFile(path, &context);
    if (!module || (!isModel && failed(readStage())))
      return failure();
    if (start > Stage::Onnx)
      return verify(start, *module);
    return runPipeline(options.emit == Emit::Onnx ? "func.func(mpq-onnx-infer-shapes,mpq-onnx-fold)"
                                                  : "mpq-import-pipeline");
  }

  /// A file that a stage was written to says which; anything else is taken as
  /// the `onnx` stage.
  LogicalResult readStage() {
    if (!(*module)->hasAttr(kStageAttr))
      return success();
    auto attr = requireAttr<StageAttr>(*module, kStageAttr);
    if (!attr)
      return failure();
    start = attr.getValue();
    StringRef name = stringifyStage(start);
    if (static_cast<int>(start) > static_cast<int>(options.emit))
      return module->emitError("is of the stage '") << name << "', which lies behind the stage to emit";
    if (start >= Stage::Planned && options.quantizes())
      return module->emitError("is of the stage '")
             << name << "', where formats are chosen; a budget or a plan comes too late";
    return success();
  }

  /// Calibrate, score, allocate, apply.
  LogicalResult quantize();
  std::string missingInput() const;
  LogicalResult plan();
  LogicalResult checkBudgets();
  /// The allocation pass, with a limit of the time of all sites in us.
  std::string getAllocation(std::optional<double> limit) const;
  LogicalResult choose();
  /// The same with a limit of the time of the whole model.
  LogicalResult chooseInTime();
  /// What one sample takes with the plan, in us: all of it, and the ops that read a site.
  FailureOr<double> predictWhole();
  double predictSites();
  /// Of each site.
  using Choices = SmallVector<IntegerAttr>;
  Choices getChoices();
  void setChoices(const Choices &choices);
  LogicalResult refine(StringRef allocate);
  std::string predictCost() const;
  void recordActivations();
  LogicalResult apply();

  /// For each CPU: lower, generate kernels and code; then link.
  LogicalResult generate();
  LogicalResult generateVariant(StringRef cpu, StringRef suffix);
  LogicalResult setTarget(ModuleOp variant, StringRef cpu);
  LogicalResult writeCode();
  LogicalResult generatePtx();

  //===--- Pass options -----------------------------------------------------===//

  std::string getLimits() const;
  /// Of the passes that read a cost table.
  std::string getTable() const {
    return options.costTable.empty() ? "" : " table='" + options.costTable + "'";
  }
  std::string getMetric() const {
    return options.metric.empty() && options.divergence ? stringifyDivergence(*options.divergence).str() : options.metric;
  }
  std::string getActivations() const { return options.activations == ActivationFormat::Int8 ? "int8" : "f32"; }

  //===--- Helpers --------------------------------------------------------===//

  /// Ends the step before, and begins the next. What a step has taken of memory
  /// beyond the limit, in spite of all planning, is an error.
  LogicalResult begin(const Twine &step) {
    if (failed(endStep()))
      return failure();
    current = ("the step '" + step + "'").str();
    report.begin(step.str());
    MemoryLimit(options.memLimit).releaseFreed();
    return success();
  }

  LogicalResult endStep() {
    report.end();
    return check(MemoryLimit(options.memLimit).checkPeak(current));
  }

  LogicalResult runPipeline(StringRef pipeline) { return runPipeline(*module, pipeline); }

  LogicalResult runPipeline(ModuleOp on, StringRef pipeline) {
    PassManager pm(on->getName());
    if (failed(parsePassPipeline(pipeline, pm)))
      return failure();
    return pm.run(on);
  }

  /// With `isQuiet`, says nothing if it fails.
  LogicalResult tryPipeline(StringRef pipeline, bool isQuiet) {
    ScopedDiagnosticHandler handler(&context, [&](Diagnostic &) { return success(isQuiet); });
    return runPipeline(pipeline);
  }

  /// Whether one of these stages is the one to emit.
  bool isEmitted(Stage first, Stage last) const {
    int emit = static_cast<int>(options.emit);
    return static_cast<int>(first) <= emit && emit <= static_cast<int>(last);
  }

  LogicalResult verify(Stage stage, ModuleOp on) {
    return runPipeline(on, ("mpq-verify-" + stringifyStage(stage)).str());
  }

  /// `on` has come to the end of `stage`: checks its contract, and stops here if
  /// this is the stage to emit. Returns whether it is. Of a stage that lies
  /// before the input's nothing is left to be checked.
  FailureOr<bool> endStage(Stage stage, ModuleOp on) {
    if (stage < start)
      return false;
    setStage(on, stage);
    if ((stage > start || start == Stage::Onnx) && failed(verify(stage, on)))
      return failure();
    if (static_cast<int>(options.emit) != static_cast<int>(stage))
      return false;
    done = true;
    if (failed(begin("write")))
      return failure();
    if (failed(check(writeStageFile(on, options.output, options.stageFile))))
      return failure();
    return true;
  }

  /// Reports `error`, if there is one, at the model.
  LogicalResult check(llvm::Error error) {
    if (!error)
      return success();
    std::string message = llvm::toString(std::move(error));
    return emitError(FileLineColLoc::get(&context, options.input, 0, 0)) << message;
  }

  const CompileOptions &options;
  MLIRContext &context;
  StepReport report;
  std::string current = "the compiler, with nothing to do,"; ///< what takes memory
  Summary summary;
  OwningOpRef<ModuleOp> module;
  Stage start = Stage::Onnx; ///< of the input
  LibraryBuilder library;
  bool done = false; ///< the stage to emit is written
};

/// A pass option value, quoted.
std::string quote(StringRef value) { return ("'" + value + "'").str(); }

} // namespace

//===----------------------------------------------------------------------===//
// Quantization
//===----------------------------------------------------------------------===//

std::string Compilation::getLimits() const {
  return llvm::formatv(" threads={0} mem-limit={1}", options.threads, options.memLimit);
}

LogicalResult Compilation::quantize() {
  if (start > Stage::Quantized)
    return success();
  bool calibrates = start < Stage::Calibrated && !options.calibration.empty() &&
                    (options.quantizes() || options.emit == Emit::Calibrated);
  if (calibrates) {
    if (failed(begin("calibrate")))
      return failure();
    if (failed(runPipeline("mpq-calibrate{data=" + quote(options.calibration) + " observer=" + options.observer +
                           getLimits() + "}")))
      return failure();
  }
  if (calibrates || start == Stage::Calibrated)
    if (FailureOr<bool> stop = endStage(Stage::Calibrated, *module); failed(stop) || *stop)
      return stop;
  if (start < Stage::Planned && !options.quantizes()) {
    bool isMissing = isEmitted(Stage::Calibrated, Stage::Quantized) || !options.calibration.empty();
    return isMissing ? check(llvm::createStringError(missingInput())) : success();
  }
  if (start < Stage::Planned && failed(plan()))
    return failure();
  if (start < Stage::Quantized)
    summary.readPlan(*module);
  if (FailureOr<bool> stop = endStage(Stage::Planned, *module); failed(stop) || *stop)
    return stop;
  if (start < Stage::Quantized)
    return apply();
  return endStage(Stage::Quantized, *module);
}

/// Why the stage to emit cannot be reached.
std::string Compilation::missingInput() const {
  return options.emit == Emit::Calibrated ? "nothing to calibrate with: give --calibration"
                                          : "nothing to quantize: give --avg-bits, --max-bytes, --max-latency-us or --plan";
}

/// Where sites were scored by what the plan is judged by.
LogicalResult Compilation::refine(StringRef allocate) {
  if (!options.metric.empty() || options.refineRounds == 0)
    return success();
  if (failed(begin("refine")))
    return failure();
  return runPipeline(("mpq-refine{enough=0.01 choose={" + allocate + "} divergence=" + getMetric() + " rounds=" +
                      Twine(options.refineRounds) + getLimits() + "}")
                         .str());
}

LogicalResult Compilation::plan() {
  std::string limits = getLimits();
  if (failed(begin("sites")))
    return failure();
  std::string formats = llvm::join(options.formats, ",");
  std::string sites = "formats=" + formats;
  if (!options.groupSizes.empty())
    sites += " group-size=" + llvm::join(llvm::map_range(options.groupSizes, [](int64_t size) { return std::to_string(size); }), ",");
  if (options.activations == ActivationFormat::Auto)
    sites += " decide-activations";
  else if (options.activations == ActivationFormat::Int8 || options.target == TargetKind::NVVM)
    sites += " integer-products";
  if (options.activationGroups)
    sites += " activation-groups";
  sites += " activation-bits=" + std::to_string(options.activationBits);
  if (failed(runPipeline("mpq-sites{" + sites + "}")))
    return failure();
  if (!options.plan.empty()) {
    if (failed(begin("apply plan")))
      return failure();
    if (failed(runPipeline("mpq-apply-plan{file=" + quote(options.plan) + "}")))
      return failure();
  } else {
    if (options.predictsTime() && failed(runPipeline(predictCost())))
      return failure();
    if (failed(checkBudgets()) || failed(begin("sensitivity")))
      return failure();
    if (failed(runPipeline("mpq-sensitivity{metric=" + getMetric() + limits + "}")))
      return failure();
    if (!options.planPasses.empty() && failed(runPipeline(options.planPasses)))
      return failure();
    if (failed(begin("allocate")))
      return failure();
    if (failed(choose()))
      return failure();
  }
  recordActivations();
  if (options.emitPlan.empty())
    return success();
  return runPipeline("mpq-emit-plan{file=" + quote(options.emitPlan) + " activations=" + getActivations() + "}");
}

/// Not after all candidates have been measured.
LogicalResult Compilation::checkBudgets() {
  Limits limits{options.averageBits, options.maxBytes, std::nullopt};
  if (options.maxLatency)
    limits.maxNanoseconds = static_cast<int64_t>(*options.maxLatency * 1e3);
  return checkLimits(module->lookupSymbol<func::FuncOp>("main"), limits);
}

std::string Compilation::getAllocation(std::optional<double> limit) const {
  std::string budget;
  if (options.averageBits)
    budget += llvm::formatv(" avg-bits={0}", *options.averageBits);
  if (options.maxBytes)
    budget += llvm::formatv(" max-bytes={0}", *options.maxBytes);
  if (limit)
    budget += llvm::formatv(" max-ns={0}", static_cast<int64_t>(*limit * 1e3));
  return "mpq-allocate{allocator=" + options.allocator + budget + "}";
}

LogicalResult Compilation::choose() {
  if (options.maxLatency && options.target == TargetKind::CPU)
    return chooseInTime();
  std::string allocate = getAllocation(options.maxLatency);
  return failure(failed(runPipeline(allocate)) || failed(refine(allocate)));
}

/// Allocation knows the time of the ops that read a site, alone. What the others take, and
/// what fusion saves, is known when the model has been lowered as was chosen, and hardly
/// depends on the formats: what the model is over the limit is taken off what its sites may
/// take, until it keeps the limit. Then the plan is refined within that.
LogicalResult Compilation::chooseInTime() {
  constexpr int kMostPlans = 8, kMostRefined = 2;
  double limit = *options.maxLatency, share = limit;
  FailureOr<double> whole;
  std::optional<Choices> inTime; // before it was refined
  for (int plan = 0, refined = 0; plan < kMostPlans && refined < kMostRefined && share > 0; ++plan) {
    std::string allocate = getAllocation(share);
    if (refined && failed(begin("allocate")))
      return failure();
    if (failed(tryPipeline(allocate, /*isQuiet=*/plan > 0)))
      break;
    if (failed(whole = predictWhole()))
      return failure();
    if (*whole <= limit) {
      inTime = getChoices();
      if (failed(refine(allocate)))
        return failure();
      if (getChoices() == *inTime)
        return success();
      if (failed(whole = predictWhole()))
        return failure();
      if (*whole <= limit)
        return success();
      ++refined;
    }
    share = predictSites() - (*whole - limit);
  }
  if (inTime) {
    setChoices(*inTime);
    remark::missed(module->getLoc(), remark::RemarkOpts::name("Refined").category("quant-compile"))
        << remark::add("the plan is not refined") << remark::reason("refined it takes longer than {0} us", limit);
    return success();
  }
  if (failed(whole)) // the first allocation has said why
    return failure();
  StringRef advice = options.activations == ActivationFormat::F32 ? "; --activations=auto may" : "";
  return module->emitError() << llvm::formatv("is predicted to take {0:F3} us when --max-latency-us is {1:F3}, and other "
                                              "formats of its weights do not make it fast enough{2}",
                                              *whole, limit, advice)
                                    .str();
}

FailureOr<double> Compilation::predictWhole() {
  OwningOpRef<ModuleOp> lowered(module->clone());
  if (failed(runPipeline(*lowered, "mpq-quantize{activations=" + getActivations() + "}")) ||
      failed(setTarget(*lowered, options.cpus.empty() ? "native" : StringRef(options.cpus.front()))) ||
      failed(runPipeline(*lowered, "mpq-lowering-pipeline")))
    return failure();
  StringRef cpu = (*lowered)->getAttrOfType<TargetAttr>(kTargetAttr).getCpu();
  llvm::Expected<CostTable> table =
      options.costTable.empty() ? CostTable::lookup(cpu) : CostTable::read(options.costTable);
  if (!table)
    return module->emitError(llvm::toString(table.takeError()));
  return predictModel(lowered->lookupSymbol<func::FuncOp>("main"), *table, kTypicalSize) / 1e3;
}

double Compilation::predictSites() {
  double nanoseconds = 0;
  module->walk([&](SiteOp site) { nanoseconds += site.getChosen().getNanoseconds(); });
  return nanoseconds / 1e3;
}

Compilation::Choices Compilation::getChoices() {
  Choices choices;
  module->walk([&](SiteOp site) { choices.push_back(site.getChoiceAttr()); });
  return choices;
}

void Compilation::setChoices(const Choices &choices) {
  auto next = choices.begin();
  module->walk([&](SiteOp site) { site.setChoiceAttr(*next++); });
}

std::string Compilation::predictCost() const {
  return "mpq-predict-cost{cpu=" + (options.cpus.empty() ? "native" : options.cpus.front()) + getTable() +
         " activations=" + getActivations() + "}";
}

/// What was asked for is a decision, too: whoever goes on from the planned stage
/// finds it there.
void Compilation::recordActivations() {
  if (options.activations != ActivationFormat::Int8)
    return;
  module->walk([&](SiteOp site) {
    if (!site->hasAttr(kActivationsAttr))
      site->setAttr(kActivationsAttr, StringAttr::get(&context, getActivationsName(*module, Activations::Int8)));
  });
}

LogicalResult Compilation::apply() {
  if (failed(begin("quantize")))
    return failure();
  OwningOpRef<ModuleOp> reference(module->clone());
  std::string quantize = "mpq-quantize{activations=" + getActivations() + "}";
  if (failed(runPipeline(quantize)))
    return failure();
  if (FailureOr<bool> stop = endStage(Stage::Quantized, *module); failed(stop) || *stop)
    return stop;
  if (!options.calibration.empty()) {
    if (failed(begin("measure")))
      return failure();
    if (llvm::Error error = summary.measure(*reference, quantize))
      return check(std::move(error));
  }
  return success();
}

//===----------------------------------------------------------------------===//
// Code generation
//===----------------------------------------------------------------------===//

LogicalResult Compilation::generate() {
  // A module that was lowered for a CPU stays with it.
  std::vector<std::string> cpus = options.cpus;
  if (cpus.empty())
    cpus = {start >= Stage::Lowered ? "" : "native"};
  if (cpus.size() > 1 && (start >= Stage::Lowered || isEmitted(Stage::Lowered, Stage::LLVM)))
    return check(llvm::createStringError("--mcpu names " + Twine(cpus.size()) +
                                         " CPUs when a module of the stage lowered or later is for one"));
  for (auto [index, cpu] : llvm::enumerate(cpus)) {
    std::string suffix = cpus.size() > 1 ? "_" + std::to_string(index) : "";
    if (failed(generateVariant(cpu, suffix)))
      return failure();
    if (done)
      return success();
  }
  return writeCode();
}

/// Sets the target, or checks that the module was lowered for it.
LogicalResult Compilation::setTarget(ModuleOp variant, StringRef cpu) {
  if (start < Stage::Lowered)
    return runPipeline(
        variant,
        llvm::formatv("mpq-set-target{{mcpu={0} float-tolerance={1:e} float-activations={2} activation-products={3}{4}}",
                      cpu, options.floatTolerance, stringifyFloatActivations(options.floatActivations),
                      stringifyActivationProducts(options.activationProducts), getTable())
            .str());
  llvm::Expected<TargetSpec> own = readTarget(variant);
  if (!own)
    return variant.emitError(llvm::toString(own.takeError()));
  llvm::Expected<TargetSpec> asked = cpu.empty() ? *own : getTarget(cpu);
  if (!asked)
    return check(asked.takeError());
  if (asked->cpu != own->cpu || asked->features != own->features)
    return variant.emitError("was lowered for the CPU ")
           << own->cpu << " (" << own->features << "); it cannot be compiled for " << asked->cpu << " ("
           << asked->features << ")";
  return success();
}

LogicalResult Compilation::generateVariant(StringRef cpu, StringRef suffix) {
  OwningOpRef<ModuleOp> variant(module->clone());
  if (failed(setTarget(*variant, cpu)))
    return failure();
  std::string forCpu = " for " + (*variant)->getAttrOfType<TargetAttr>(kTargetAttr).getCpu().str();
  std::string toLLVM = suffix.empty() ? "mpq-llvm-pipeline" : ("mpq-llvm-pipeline{suffix=" + suffix + "}").str();
  struct {
    Stage stage;
    std::string step, pipeline;
  } steps[] = {{Stage::Lowered, "lower" + forCpu, "mpq-lowering-pipeline"},
               {Stage::Bufferized, "place" + forCpu, "mpq-bufferization-pipeline"},
               {Stage::Kernelized, "kernels" + forCpu, "mpq-kernel-pipeline{" + getTable() + "}"},
               {Stage::LLVM, "translate" + forCpu, toLLVM}};
  for (const auto &[stage, step, pipeline] : steps) {
    if (start < stage) {
      if (failed(begin(step)))
        return failure();
      if (failed(runPipeline(*variant, pipeline)))
        return failure();
      if (stage == Stage::Lowered)
        summary.predict(*variant);
    }
    if (FailureOr<bool> stop = endStage(stage, *variant); failed(stop) || *stop)
      return stop;
  }
  if (failed(begin("machine code" + forCpu)))
    return failure();
  return library.addVariant(*variant, suffix);
}

LogicalResult Compilation::writeCode() {
  bool isObject = options.emit == Emit::Object;
  if (failed(begin(isObject ? "join" : "link")))
    return failure();
  if (failed(check(isObject ? library.writeObject(options.output) : library.writeLibrary(options.output))))
    return failure();
  report.end();
  summary.print(llvm::errs());
  return success();
}

LogicalResult Compilation::generatePtx() {
  if (start >= Stage::Lowered)
    return module->emitError("is of the stage '")
           << stringifyStage(start) << "', lowered for a CPU; PTX is made from 'quantized' or before";
  if (failed(begin("kernels")))
    return failure();
  if (failed(compileToPtx(*module, options.cpus.empty() ? "" : options.cpus.front(), options.output)))
    return failure();
  report.end();
  return success();
}

LogicalResult mpq::compileModel(const CompileOptions &options, MLIRContext &context) {
  return Compilation(options, context).run();
}
