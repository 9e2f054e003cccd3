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

#include "Summary.h"
#include "mpq/Execution/Executor.h"
#include "mpq/Frontend/ONNX.h"
#include "mpq/Pipeline/Passes.h"
#include "mpq/Pipeline/Pipelines.h"
#include "mpq/Support/StepReport.h"
#include "mpq/Target/CPU.h"

#include "mlir/Bytecode/BytecodeWriter.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/Parser/Parser.h"
#include "mlir/Pass/PassManager.h"
#include "llvm/ADT/StringExtras.h"
#include "llvm/Support/FormatVariadic.h"
#include "llvm/Support/raw_ostream.h"

using namespace mlir;
using namespace mpq;

/// Which stage a written module is of.
static constexpr StringLiteral kStageAttr = "mpq.stage";

static constexpr std::pair<Stage, StringLiteral> kStageNames[] = {
    {Stage::Onnx, "onnx"},           {Stage::Calibrated, "calibrated"}, {Stage::Planned, "planned"},
    {Stage::Quantized, "quantized"}, {Stage::Lowered, "lowered"},       {Stage::Bufferized, "bufferized"},
    {Stage::Kernelized, "kernelized"}, {Stage::LLVM, "llvm"}};

static StringRef getName(Stage stage) {
  auto found = llvm::find_if(kStageNames, [&](const auto &entry) { return entry.first == stage; });
  return found->second;
}

static std::optional<Stage> parseStage(StringRef name) {
  for (const auto &[stage, known] : kStageNames)
    if (name == known)
      return stage;
  return std::nullopt;
}

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
    if (failed(import()))
      return failure();
    if (options.emit == Stage::Onnx)
      return writeModule(*module, Stage::Onnx);
    if ((options.quantizes() || start == Stage::Planned) && start < Stage::Quantized && failed(quantize()))
      return failure();
    if (done)
      return success();
    return generate();
  }

private:
  //===--- Steps ----------------------------------------------------------===//

  LogicalResult import() {
    report.begin("import");
    StringRef path = options.input;
    bool isModel = path.ends_with(".onnx");
    module = isModel ? importOnnx(path, &context) : parseSourceFile<ModuleOp>(path, ParserConfig(&context));
    if (!module || (!isModel && failed(readStage())))
      return failure();
    if (start > Stage::Onnx)
      return success();
    return runPipeline(options.emit == Stage::Onnx ? "func.func(mpq-onnx-infer-shapes,mpq-onnx-fold)"
                                                   : "mpq-import-pipeline");
  }

  /// A file that a stage was written to says which; anything else is taken as
  /// the `onnx` stage.
  LogicalResult readStage() {
    auto name = (*module)->getAttrOfType<StringAttr>(kStageAttr);
    if (!name)
      return success();
    std::optional<Stage> stage = parseStage(name);
    if (!stage || *stage >= Stage::Bufferized)
      return module->emitError("cannot go on from the stage '")
             << name.getValue() << "'; onnx to lowered can be continued";
    if (*stage > options.emit)
      return module->emitError("is of the stage '") << name.getValue() << "', which lies behind the stage to emit";
    start = *stage;
    if (start >= Stage::Planned && options.quantizes())
      return module->emitError("is of the stage '")
             << name.getValue() << "', where formats are chosen; a budget or a plan comes too late";
    return success();
  }

  /// Calibrate, score, allocate, apply.
  LogicalResult quantize();
  LogicalResult plan();
  LogicalResult apply();

  /// For each CPU: lower, generate kernels and code; then link.
  LogicalResult generate();
  LogicalResult generateVariant(const TargetSpec &target, StringRef suffix, LibrarySpec &library);
  LogicalResult writeLibraryFile(LibrarySpec &library);
  /// Where `bytes` lie among the library's weights.
  uint64_t addWeights(ArrayRef<char> bytes);

  //===--- Pass options -----------------------------------------------------===//

  std::string getLimits() const;
  std::string getActivations() const { return options.activations == ActivationFormat::Int8 ? "int8" : "f32"; }

  //===--- Helpers --------------------------------------------------------===//

  LogicalResult runPipeline(StringRef pipeline) { return runPipeline(*module, pipeline); }

  LogicalResult runPipeline(ModuleOp on, StringRef pipeline) {
    PassManager pm(on->getName());
    if (failed(parsePassPipeline(pipeline, pm)))
      return failure();
    return pm.run(on);
  }

  /// Stops here if this is the stage to emit. Returns whether it is.
  FailureOr<bool> stopAt(Stage stage, ModuleOp on) {
    if (options.emit != stage)
      return false;
    done = true;
    if (failed(writeModule(on, stage)))
      return failure();
    return true;
  }

  LogicalResult writeModule(ModuleOp on, Stage stage) {
    report.begin("write");
    on->setAttr(kStageAttr, StringAttr::get(&context, getName(stage)));
    llvm::Error error = llvm::writeToOutput(options.output, [&](raw_ostream &os) -> llvm::Error {
      if (StringRef(options.output).ends_with(".mlirbc"))
        return succeeded(writeBytecodeToFile(on, os)) ? llvm::Error::success()
                                                      : llvm::createStringError("could not write bytecode");
      OpPrintingFlags flags;
      flags.enableDebugInfo(true);
      on.print(os, flags);
      os << '\n';
      return llvm::Error::success();
    });
    return check(std::move(error));
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
  Summary summary;
  OwningOpRef<ModuleOp> module;
  Stage start = Stage::Onnx; ///< of the input
  std::vector<char> weights;                                ///< of all variants
  std::vector<std::pair<uint64_t, uint64_t>> weightBlobs;   ///< offset and size of each
  bool done = false;
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
  if (!options.calibration.empty() && start < Stage::Calibrated) {
    report.begin("calibrate");
    if (failed(runPipeline("mpq-calibrate{data=" + quote(options.calibration) + " observer=" + options.observer +
                           getLimits() + "}")))
      return failure();
  }
  if (FailureOr<bool> stop = stopAt(Stage::Calibrated, *module); failed(stop) || *stop)
    return stop;
  if (start < Stage::Planned && failed(plan()))
    return failure();
  summary.readPlan(*module);
  if (FailureOr<bool> stop = stopAt(Stage::Planned, *module); failed(stop) || *stop)
    return stop;
  return apply();
}

LogicalResult Compilation::plan() {
  std::string limits = getLimits();
  report.begin("sites");
  std::string formats = llvm::join(options.formats, ",");
  if (failed(runPipeline("mpq-sites{formats=" + formats + " group-size=" + std::to_string(options.groupSize) + "}")))
    return failure();
  if (!options.plan.empty()) {
    report.begin("apply plan");
    if (failed(runPipeline("mpq-apply-plan{file=" + quote(options.plan) + "}")))
      return failure();
  } else {
    report.begin("sensitivity");
    if (failed(runPipeline("mpq-sensitivity{metric=" + options.metric + limits + "}")))
      return failure();
    report.begin("allocate");
    std::string budget;
    if (options.averageBits)
      budget += llvm::formatv(" avg-bits={0}", *options.averageBits);
    if (options.maxBytes)
      budget += llvm::formatv(" max-bytes={0}", *options.maxBytes);
    if (failed(runPipeline("mpq-allocate{allocator=" + options.allocator + budget + "}")))
      return failure();
  }
  if (options.emitPlan.empty())
    return success();
  return runPipeline("mpq-emit-plan{file=" + quote(options.emitPlan) + " activations=" + getActivations() + "}");
}

LogicalResult Compilation::apply() {
  report.begin("quantize");
  OwningOpRef<ModuleOp> reference(module->clone());
  if (failed(runPipeline("mpq-quantize{activations=" + getActivations() + "}")))
    return failure();
  if (FailureOr<bool> stop = stopAt(Stage::Quantized, *module); failed(stop) || *stop)
    return stop;
  if (!options.calibration.empty()) {
    report.begin("measure");
    if (llvm::Error error = summary.measure(*reference, *module))
      return check(std::move(error));
  }
  return success();
}

//===----------------------------------------------------------------------===//
// Code generation
//===----------------------------------------------------------------------===//

/// DLPack's code for an element type (kDLInt 0, kDLUInt 1, kDLFloat 2, kDLBool 6).
static uint8_t getTypeCode(Type type) {
  if (isa<FloatType>(type))
    return 2;
  if (type.isInteger(1))
    return 6;
  return type.isUnsignedInteger() ? 1 : 0;
}

/// The model's interface as its users see it: with the batch dimension.
static std::vector<TensorSpec> describeInterface(func::FuncOp main, bool results) {
  std::vector<TensorSpec> specs;
  TypeRange types = results ? TypeRange(main.getResultTypes()) : TypeRange(main.getArgumentTypes());
  for (auto [index, type] : llvm::enumerate(types)) {
    auto get = [&](StringRef name) {
      return results ? main.getResultAttr(index, name) : main.getArgAttr(index, name);
    };
    TensorSpec spec;
    auto tensor = cast<RankedTensorType>(type);
    auto name = dyn_cast_or_null<StringAttr>(get("onnx.name"));
    spec.name = name ? name.str() : (results ? "output" : "input") + std::to_string(index);
    spec.typeCode = getTypeCode(tensor.getElementType());
    spec.typeBits = std::max(8u, tensor.getElementTypeBitWidth());
    spec.shape.assign(tensor.getShape().begin(), tensor.getShape().end());
    if (auto declared = dyn_cast_or_null<DenseI64ArrayAttr>(get("onnx.shape")))
      if (declared.size() == tensor.getRank() && declared.size() > 0)
        spec.shape[0] = declared[0];
    if (main->hasAttr("mpq.sample_parallel") && !spec.shape.empty())
      spec.shape[0] = -1;
    specs.push_back(std::move(spec));
  }
  return specs;
}

LogicalResult Compilation::generate() {
  LibrarySpec library;
  auto main = module->lookupSymbol<func::FuncOp>("main");
  library.producer = "mpq 0.1.0";
  library.inputs = describeInterface(main, false);
  library.outputs = describeInterface(main, true);
  library.sampleParallel = main->hasAttr("mpq.sample_parallel");
  for (auto [index, cpu] : llvm::enumerate(options.cpus)) {
    llvm::Expected<TargetSpec> target = getTarget(cpu);
    if (!target)
      return check(target.takeError());
    std::string suffix = options.cpus.size() > 1 ? "_" + std::to_string(index) : "";
    if (failed(generateVariant(*target, suffix, library)))
      return failure();
    if (done)
      return success();
  }
  return writeLibraryFile(library);
}

/// A module that was lowered for one kind of CPU is not for another.
static LogicalResult checkKernelTarget(ModuleOp lowered, const TargetSpec &target) {
  OwningOpRef<ModuleOp> other(ModuleOp::create(lowered.getLoc()));
  setKernelTarget(*other, target);
  for (StringRef name : {"mpq.vector_bits", "mpq.features"})
    if (lowered->getAttr(name) != (*other)->getAttr(name))
      return lowered.emitError("was lowered for a CPU with ")
             << name << " = " << lowered->getAttr(name) << " when " << target.cpu << " has " << (*other)->getAttr(name);
  return success();
}

LogicalResult Compilation::generateVariant(const TargetSpec &target, StringRef suffix, LibrarySpec &library) {
  OwningOpRef<ModuleOp> variant(module->clone());
  if (start < Stage::Lowered)
    setKernelTarget(*variant, target);
  else if (failed(checkKernelTarget(*variant, target)))
    return failure();
  report.begin("lower for " + target.cpu);
  if (start < Stage::Lowered && failed(runPipeline(*variant, "mpq-lowering-pipeline")))
    return failure();
  if (FailureOr<bool> stop = stopAt(Stage::Lowered, *variant); failed(stop) || *stop)
    return stop;

  if (start < Stage::Bufferized && failed(runPipeline(*variant, "mpq-bufferization-pipeline")))
    return failure();
  if (FailureOr<bool> stop = stopAt(Stage::Bufferized, *variant); failed(stop) || *stop)
    return stop;

  report.begin("pack weights");
  llvm::Expected<AlignedBytes> packed = packWeightBlob(*variant);
  if (!packed)
    return check(packed.takeError());
  auto main = variant->lookupSymbol<func::FuncOp>("main");
  main->setAttr("mpq.entry", StringAttr::get(&context, "mpq_run"));
  VariantSpec spec;
  spec.target = target;
  spec.arenaBytes = main->getAttrOfType<IntegerAttr>("mpq.arena_bytes").getInt();
  spec.preparedBytes = main->getAttrOfType<IntegerAttr>("mpq.prepared_bytes").getInt();
  spec.runSymbol = ("mpq_run" + suffix).str();
  if (spec.preparedBytes)
    spec.prepareSymbol = ("mpq_prepare" + suffix).str();

  report.begin("kernels");
  if (start < Stage::Kernelized && failed(runPipeline(*variant, "mpq-kernel-pipeline")))
    return failure();
  if (FailureOr<bool> stop = stopAt(Stage::Kernelized, *variant); failed(stop) || *stop)
    return stop;
  for (Operation &op : llvm::make_early_inc_range(*variant->getBody()))
    if (op.getName().getStringRef() == "mpq.slot")
      op.erase();
  std::string llvmPipeline = suffix.empty() ? "mpq-llvm-pipeline" : ("mpq-llvm-pipeline{suffix=" + suffix + "}").str();
  if (failed(runPipeline(*variant, llvmPipeline)))
    return failure();
  if (FailureOr<bool> stop = stopAt(Stage::LLVM, *variant); failed(stop) || *stop)
    return stop;

  report.begin("machine code");
  SmallVector<char, 0> object;
  if (llvm::Error error = compileToObject(*variant, target, object))
    return check(std::move(error));
  if (options.emit == Stage::Object) {
    done = true;
    return check(llvm::writeToOutput(options.output, [&](raw_ostream &os) {
      os.write(object.data(), object.size());
      return llvm::Error::success();
    }));
  }
  spec.object.assign(object.begin(), object.end());
  spec.weightsOffset = addWeights(ArrayRef<char>(packed->data(), packed->size()));
  library.variants.push_back(std::move(spec));
  return success();
}

uint64_t Compilation::addWeights(ArrayRef<char> bytes) {
  // CPUs of one vector width pack alike, and share.
  auto same = llvm::find_if(weightBlobs, [&](const auto &blob) {
    return ArrayRef<char>(weights).slice(blob.first, blob.second) == bytes;
  });
  if (same != weightBlobs.end())
    return same->first;
  constexpr uint64_t alignment = 64;
  weights.resize(llvm::alignTo(weights.size(), alignment));
  weightBlobs.push_back({weights.size(), bytes.size()});
  weights.insert(weights.end(), bytes.begin(), bytes.end());
  return weightBlobs.back().first;
}

LogicalResult Compilation::writeLibraryFile(LibrarySpec &library) {
  report.begin("link");
  library.weights = weights;
  if (llvm::Error error = writeLibrary(library, options.output))
    return check(std::move(error));
  report.end();
  summary.print(llvm::errs());
  return success();
}

LogicalResult mpq::compileModel(const CompileOptions &options, MLIRContext &context) {
  return Compilation(options, context).run();
}
