//===----------------------------------------------------------------------===//
// Part of MPQ, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//===----------------------------------------------------------------------===//
//
// quant-compile: an ONNX model in, a native library out.
//
//   quant-compile resnet20.onnx -o resnet20_f32.so
//   quant-compile resnet20.onnx --calibration=calib.npz --avg-bits=4 -o resnet20.so
//
//===----------------------------------------------------------------------===//

#include "mpq/Allocation/Allocator.h"
#include "mpq/Analysis/Calibration.h"
#include "mpq/Analysis/Sensitivity.h"
#include "mpq/Frontend/NodeNames.h"
#include "mpq/Pipeline/Compiler.h"
#include "mpq/Pipeline/Pipelines.h"
#include "mpq/Support/CommandLine.h"
#include "mpq/Support/Plugin.h"
#include "mpq/Support/Registration.h"

#include "mlir/IR/Diagnostics.h"
#include "mlir/IR/Remarks.h"
#include "mlir/InitAllDialects.h"
#include "mlir/InitAllExtensions.h"
#include "mlir/InitAllPasses.h"
#include "mlir/Target/LLVMIR/Dialect/All.h"
#include "llvm/ADT/SmallString.h"
#include "llvm/Support/CommandLine.h"
#include "llvm/Support/FormatVariadic.h"
#include "llvm/Support/InitLLVM.h"
#include "llvm/Support/Path.h"
#include "llvm/Support/SourceMgr.h"
#include "llvm/Support/TargetSelect.h"
#include "llvm/Support/WithColor.h"

#include <variant>

using namespace mlir;
using namespace mpq;
namespace cl = llvm::cl;

namespace {

/// Takes the options that LLVM's library registers for its own tools out of the
/// way of ours of the same names.
struct OwnOptions {
  OwnOptions() {
    removeOptions({"threads", "mcpu", "v", "o", "emit", "target", "formats", "plan", "metric"});
  }
};

/// "name: what it is" of all implementations, plugins' included, under `title`.
template <typename Interface> ToolHelp::Section listRegistered(StringRef title) {
  ToolHelp::Section section{title.str(), {}};
  const auto &registry = Registry<Interface>::get();
  SmallVector<StringRef> names;
  std::string all = registry.names(",");
  StringRef(all).split(names, ',');
  for (StringRef name : names)
    section.entries.push_back({name.str(), registry.lookup(name)->description().str()});
  return section;
}

/// The command line, bound to fields so that nothing is global.
struct CommandLine {
  OwnOptions own;
  cl::OptionCategory inOut{"Input and output"}, quantization{"Quantization"}, target{"Target"},
      execution{"Running the model while compiling"}, extension{"Extensions"};

  cl::opt<std::string> input{cl::Positional, cl::Required, cl::desc("<model.onnx | stage.mlir>"), cl::cat(inOut)};
  cl::opt<std::string> output{"o", cl::value_desc("file"), cl::desc("Output file (default: the model's name with .so)"),
                              cl::cat(inOut)};
  cl::opt<Emit> emit{
      "emit", cl::desc("Stop at a stage; its file can be given back, to go on to the same library:"), cl::init(Emit::Library), cl::cat(inOut),
      cl::values(clEnumValN(Emit::Onnx, "onnx", "shapes inferred, constants folded"),
                 clEnumValN(Emit::Calibrated, "calibrated", "activation ranges observed"),
                 clEnumValN(Emit::Planned, "planned", "formats chosen"),
                 clEnumValN(Emit::Quantized, "quantized", "weights encoded"),
                 clEnumValN(Emit::Lowered, "lowered", "compute ops on blocked layouts"),
                 clEnumValN(Emit::Bufferized, "bufferized", "one arena"),
                 clEnumValN(Emit::Kernelized, "kernelized", "loops and vectors"),
                 clEnumValN(Emit::LLVM, "llvm", "LLVM dialect"), clEnumValN(Emit::Object, "obj", "object file, to link with libmpq_runtime.a"),
                 clEnumValN(Emit::Library, "lib", "shared library and header"),
                 clEnumValN(Emit::Ptx, "ptx", "PTX, its launches (.json) and weights (.packed); --target=nvvm"))};
  cl::opt<EmitWeights> emitWeights{
      "emit-weights", cl::desc("Where the weights of a stage go:"), cl::init(EmitWeights::Beside), cl::cat(inOut),
      cl::values(clEnumValN(EmitWeights::Beside, "beside", "a file beside the IR, with the extension .weights (default)"),
                 clEnumValN(EmitWeights::Inline, "inline", "into the IR"),
                 clEnumValN(EmitWeights::Elided, "elided", "nowhere: to read only"))};
  cl::opt<bool> emitBytecode{"emit-bytecode",
                             cl::desc("Write a stage as MLIR bytecode (default where the file ends in .mlirbc)"),
                             cl::cat(inOut)};

  cl::opt<std::string> calibration{"calibration", cl::value_desc("file.npz"),
                                   cl::desc("Samples: one array per input, dimension 0 runs over samples"),
                                   cl::cat(quantization)};
  cl::opt<double> averageBits{"avg-bits", cl::value_desc("F"),
                              cl::desc("Bits per weight, everything stored included; never exceeded"),
                              cl::cat(quantization)};
  cl::opt<int64_t> maxBytes{"max-bytes", cl::value_desc("N"), cl::desc("Bytes of all weights; never exceeded"),
                            cl::cat(quantization)};
  cl::list<std::string> formats{"formats", cl::CommaSeparated, cl::value_desc("int2,int4:g32,..."),
                                cl::desc("Formats to choose from (default: int2,3,4,5,6,8:f16;\n"
                                         "but for convolutions, int2,3:g64:f16; where activations are f32, kmeans3,4:f16)"),
                                cl::cat(quantization)};
  cl::list<int64_t> groupSizes{
      "group-size", cl::CommaSeparated, cl::value_desc("N,..."),
      cl::desc("Weights per scale along the input, several to choose from (default 0: one scale per output channel)"),
      cl::cat(quantization)};
  cl::opt<bool> activationGroups{
      "activation-groups",
      cl::desc("Give rows that are quantized while the model runs a scale for "
               "each group of the weight, not one each"),
      cl::cat(quantization)};
  cl::opt<int64_t> activationBits{
      "activation-bits", cl::value_desc("N"),
      cl::desc("Bits of the codes of activations, where these are integers: 1 to 8 (default 8)"),
      cl::init(8), cl::cat(quantization)};
  cl::opt<ActivationFormat> activations{
      "activations", cl::desc("Format of the activations that meet quantized weights:"),
      cl::init(ActivationFormat::F32), cl::cat(quantization),
      cl::values(clEnumValN(ActivationFormat::F32, "f32", "as in the model"),
                 clEnumValN(ActivationFormat::Int8, "int8", "integers of --activation-bits bits, ranges from calibration"),
                 clEnumValN(ActivationFormat::Auto, "auto", "chosen for each weight by measured error and predicted time"))};
  cl::opt<double> maxLatency{"max-latency-us", cl::value_desc("F"),
                             cl::desc("Predicted time of the model, one sample, one core; never exceeded"),
                             cl::cat(quantization)};
  cl::opt<std::string> costTable{"cost-table", cl::value_desc("file.json"),
                                 cl::desc("Predict times with these rates, and cut products as measured (default: the table for the CPU)"),
                                 cl::cat(quantization)};
  cl::opt<std::string> plan{"plan", cl::value_desc("file"), cl::desc("Apply this plan; no search"),
                            cl::cat(quantization)};
  cl::opt<std::string> emitPlan{"emit-plan", cl::value_desc("file"), cl::desc("Write the plan"), cl::cat(quantization)};
  cl::opt<Divergence> divergence{
      "divergence", cl::desc("What the outputs of a plan are compared by (default: what fits the end of the model):"),
      cl::cat(quantization),
      cl::values(clEnumValN(Divergence::KL, "kl", "scores of classes or tokens: KL divergence of their softmax"),
                 clEnumValN(Divergence::Similarity, "similarity", "embeddings: how their cosines with each other change"),
                 clEnumValN(Divergence::Cosine, "cosine", "vectors: 1 - the cosine with the reference"),
                 clEnumValN(Divergence::MSE, "mse", "anything else: squared error relative to the signal"))};
  cl::opt<std::string> metric{"metric", cl::value_desc("name"), cl::desc("Sensitivity metric (default: the divergence)"),
                              cl::cat(quantization)};
  cl::opt<std::string> allocator{"allocator", cl::value_desc("name"), cl::desc("Allocator (default pareto)"),
                                 cl::init("pareto"), cl::cat(quantization)};
  cl::opt<unsigned> refineRounds{"refine", cl::value_desc("N"), cl::init(2), cl::cat(quantization),
                                 cl::desc("Score formats again beside those chosen, and choose again, at most so often "
                                          "(default 2)")};
  cl::opt<std::string> observer{"observer", cl::value_desc("name"),
                                cl::desc("Calibration observer (default percentile)"),
                                cl::init("percentile"), cl::cat(quantization)};

  cl::opt<std::string> planPasses{"plan-passes", cl::value_desc("pipeline"),
                                  cl::desc("Passes to run once sites are scored, before formats are chosen"),
                                  cl::cat(quantization)};

  cl::opt<TargetKind> targetKind{"target", cl::desc("Kind of machine:"), cl::init(TargetKind::CPU), cl::cat(target),
                                 cl::values(clEnumValN(TargetKind::CPU, "cpu", "x86-64 shared library"),
                                            clEnumValN(TargetKind::NVVM, "nvvm",
                                                       "NVIDIA GPU: kernels of quantized MatMuls, with --emit=ptx"))};
  cl::list<std::string> cpus{"mcpu", cl::CommaSeparated, cl::value_desc("name,..."),
                             cl::desc("CPUs to compile for; several make a library that picks one when it is loaded\n"
                                      "(default: what the input was lowered for, else native)"),
                             cl::cat(target)};

  cl::opt<double> floatTolerance{
      "float-tolerance", cl::value_desc("F"),
      cl::desc("Error that float kernels may have, relative to the largest result (default 0: rounding only).\n"
               "1e-5 allows Winograd's convolution: four times the memory for a quarter of the products"),
      cl::init(0.0), cl::cat(target)};

  cl::opt<FloatActivations> floatActivations{
      "float-activations", cl::desc("Float activations between the ops of a model are stored as:"),
      cl::init(FloatActivations::F32), cl::cat(target), getFloatActivationsValues()};

  cl::opt<ActivationProducts> activationProducts{
      "activation-products", cl::desc("Attention and other products of two activations are computed in:"),
      cl::init(ActivationProducts::F32), cl::cat(target), getActivationProductsValues()};

  cl::opt<unsigned> threads{"threads", cl::value_desc("N"), cl::desc("Threads (default: all cores)"), cl::init(0),
                            cl::cat(execution)};
  cl::opt<std::string> memLimit{"mem-limit", cl::value_desc("bytes[K|M|G]"),
                                cl::desc("Resident memory that the compiler may have, itself and its libraries included (default: no limit)"), cl::cat(execution)};

  cl::opt<bool> verbose{"v", cl::desc("Print remarks: which kernels, why not others, each decision"),
                        cl::cat(execution)};
  cl::list<std::string> passPlugins{"load-pass-plugin", cl::value_desc("file.so"),
                                    cl::desc("Load passes from a plugin"), cl::cat(extension)};
  cl::list<std::string> dialectPlugins{"load-dialect-plugin", cl::value_desc("file.so"),
                                       cl::desc("Load formats, metrics, observers, allocators or kernels from a plugin"), cl::cat(extension)};

  /// What `--help` says. Components are registered, and plugins loaded.
  ToolHelp makeHelp() {
    ToolHelp help;
    help.name = "quant-compile";
    help.summary = "compile an ONNX model into a library, weights in mixed precision";
    help.usage = {"<model.onnx> [options]                 compile as it is, in f32",
                  "<model.onnx> --avg-bits=F --calibration=samples.npz [options]",
                  "<stage.mlir> [options]                 go on from a stage written with --emit"};
    help.categories = {&inOut, &quantization, &target, &execution, &extension};
    ToolHelp::Section formats{"Formats, for --formats", {}};
    for (FormatParser *parser : Registry<FormatParser>::get().all())
      formats.entries.push_back({parser->getSyntax(), ""});
    help.sections = {formats, listRegistered<SensitivityMetric>("Metrics, for --metric"),
                     listRegistered<Allocator>("Allocators, for --allocator"),
                     listRegistered<Observer>("Observers, for --observer")};
    help.examples = {
        {"In f32:", "quant-compile model.onnx -o model.so"},
        {"4 bits a weight on average, formats chosen by measured sensitivity; keep the choices as a text file:",
         "quant-compile model.onnx --calibration=samples.npz --avg-bits=4 --emit-plan=model.plan -o model.so"},
        {"What was chosen, edited by hand:", "quant-compile model.onnx --plan=model.plan -o edited.so"}};
    return help;
  }
};

/// Prints `quant-compile: error: message`; the exit code of a wrong call.
int reportUsage(const Twine &message) {
  llvm::WithColor::error(llvm::errs(), "quant-compile") << message << '\n';
  return 1;
}

/// "512M" in bytes.
std::optional<uint64_t> parseBytes(StringRef text) {
  unsigned shift = 0;
  if (text.consume_back_insensitive("k"))
    shift = 10;
  else if (text.consume_back_insensitive("m"))
    shift = 20;
  else if (text.consume_back_insensitive("g"))
    shift = 30;
  uint64_t value;
  if (text.getAsInteger(10, value) || value > (UINT64_MAX >> shift))
    return std::nullopt;
  return value << shift;
}

/// The options, or an exit code after a message.
std::variant<CompileOptions, int> readOptions(const CommandLine &line) {
  CompileOptions options;
  options.input = line.input;
  options.output = line.output;
  options.emit = line.emit;
  options.stageFile.weights = line.emitWeights;
  options.stageFile.bytecode = line.emitBytecode || StringRef(line.output).ends_with(".mlirbc");
  options.calibration = line.calibration;
  if (line.averageBits.getNumOccurrences())
    options.averageBits = line.averageBits;
  if (line.maxBytes.getNumOccurrences())
    options.maxBytes = line.maxBytes;
  for (const std::string &format : line.formats)
    options.formats.push_back(StringRef(format).trim().str());
  options.groupSizes.assign(line.groupSizes.begin(), line.groupSizes.end());
  options.activations = line.activations;
  options.activationGroups = line.activationGroups;
  options.activationBits = line.activationBits;
  if (line.maxLatency.getNumOccurrences())
    options.maxLatency = line.maxLatency;
  options.costTable = line.costTable;
  options.plan = line.plan;
  options.emitPlan = line.emitPlan;
  if (line.divergence.getNumOccurrences())
    options.divergence = line.divergence;
  options.metric = line.metric;
  options.allocator = line.allocator;
  options.refineRounds = line.refineRounds;
  options.observer = line.observer;
  options.planPasses = line.planPasses;
  options.cpus.assign(line.cpus.begin(), line.cpus.end());
  options.target = line.targetKind;
  options.floatTolerance = line.floatTolerance;
  options.floatActivations = line.floatActivations;
  options.activationProducts = line.activationProducts;
  options.threads = line.threads;
  options.verbose = line.verbose;

  if (!line.memLimit.empty()) {
    std::optional<uint64_t> bytes = parseBytes(line.memLimit);
    if (!bytes)
      return reportUsage("--mem-limit is '" + line.memLimit + "' when it should be a number of bytes, K, M or G");
    options.memLimit = *bytes;
  }
  if (options.averageBits && !(*options.averageBits > 0))
    return reportUsage("--avg-bits is " + std::to_string(*options.averageBits) + " when it should be positive");
  if (!(options.floatTolerance >= 0 && options.floatTolerance < 1))
    return reportUsage("--float-tolerance is " + llvm::formatv("{0}", double(line.floatTolerance)).str() +
                       " when it should be at least 0 and below 1");
  if (options.maxBytes && *options.maxBytes <= 0)
    return reportUsage("--max-bytes is " + Twine(*options.maxBytes) + " when it should be positive");
  if (options.maxLatency && !(*options.maxLatency > 0 && *options.maxLatency < 1e12))
    return reportUsage("--max-latency-us is " + std::to_string(*options.maxLatency) + " when it should be positive");
  if (!options.plan.empty() && options.hasBudget())
    return reportUsage("--plan already decides; leave out --avg-bits, --max-bytes and --max-latency-us");
  if (!options.plan.empty() && !options.planPasses.empty())
    return reportUsage("--plan already decides; leave out --plan-passes");
  if (!options.plan.empty() && line.activations.getNumOccurrences())
    return reportUsage("--plan already decides; its column 'activations' takes the place of --activations");
  if (options.activationBits < 1 || options.activationBits > 8)
    return reportUsage("--activation-bits is " + Twine(options.activationBits) + " when it should be 1 to 8");
  if (options.plan.empty() && options.activations == ActivationFormat::F32)
    for (auto [option, isGiven] : {std::pair("--activation-bits", options.activationBits != 8),
                                   std::pair("--activation-groups", options.activationGroups)})
      if (isGiven)
        return reportUsage(Twine(option) + " is about integers: give --activations=int8 or auto");
  if (options.activationGroups && options.activationBits == 1)
    return reportUsage("--activation-bits is 1 when --activation-groups needs 2, for a level on either side of zero");
  if (!options.quantizes() &&
      (options.activations != ActivationFormat::F32 || options.activationGroups || !options.emitPlan.empty() ||
       !options.formats.empty() || !options.groupSizes.empty() || !options.planPasses.empty()))
    return reportUsage("nothing to quantize: give --avg-bits, --max-bytes, --max-latency-us or --plan");
  SensitivityMetric *metric = Registry<SensitivityMetric>::get().lookup(options.metric);
  bool needsData = options.metric.empty() || (metric && metric->needsData());
  if (options.calibration.empty() && options.hasBudget() && needsData)
    return reportUsage((options.metric.empty() ? "sensitivity is measured" : "--metric=" + options.metric + " runs the model") +
                       " on samples: give --calibration, or --metric=weight-mse");
  if (options.target == TargetKind::NVVM && options.emit != Emit::Ptx)
    return reportUsage("--target=nvvm makes the kernels of quantized MatMuls: give --emit=ptx");
  if (options.emit == Emit::Ptx && options.target != TargetKind::NVVM)
    return reportUsage("--emit=ptx needs --target=nvvm");
  if (options.target == TargetKind::NVVM && options.cpus.size() > 1)
    return reportUsage("--target=nvvm takes one --mcpu; the driver compiles PTX for later GPUs, too");
  if (options.output.empty()) {
    SmallString<128> path(llvm::sys::path::filename(options.input));
    llvm::sys::path::replace_extension(path, options.emit == Emit::Library   ? "so"
                                             : options.emit == Emit::Object  ? "o"
                                             : options.emit == Emit::Ptx     ? "ptx"
                                             : options.stageFile.bytecode    ? "mlirbc"
                                                                             : "mlir");
    options.output = path.str().str();
  }
  return options;
}

/// Lets every remark through, as a diagnostic.
LogicalResult printRemarks(MLIRContext &context) {
  remark::RemarkCategories categories;
  // `all` alone only adds to kinds that are named.
  categories.all = categories.passed = categories.missed = categories.analysis = categories.failed = ".*";
  return remark::enableOptimizationRemarks(context, /*streamer=*/nullptr,
                                           std::make_unique<remark::RemarkEmittingPolicyAll>(), categories,
                                           /*printAsEmitRemarks=*/true);
}

} // namespace

int main(int argc, char **argv) {
  llvm::InitLLVM init(argc, argv);
  // Code for any x86 CPU; and this is an x86 compiler only by its kernels.
  llvm::InitializeAllTargetInfos();
  llvm::InitializeNativeTarget();
  llvm::InitializeNativeTargetAsmPrinter();

  mlir::registerAllPasses();
  mpq::registerAllPasses();
  mpq::registerPipelines();
  DialectRegistry registry;
  mlir::registerAllDialects(registry);
  mlir::registerAllExtensions(registry);
  registerAllToLLVMIRTranslations(registry);
  mpq::registerAllComponents(registry);
  mpq::registerNodeNames(registry);
  if (llvm::Error error = PluginPaths::find(ArrayRef(argv, argc)).load(registry))
    return reportUsage(llvm::toString(std::move(error)));

  CommandLine line;
  parseCommandLine(argc, argv, line.makeHelp());
  std::variant<CompileOptions, int> options = readOptions(line);
  if (int *code = std::get_if<int>(&options))
    return *code;

  MLIRContext context(registry);
  context.printOpOnDiagnostic(false); // a message names its op by the location
  llvm::SourceMgr sources;
  SourceMgrDiagnosticHandler diagnostics(sources, &context);
  context.loadAllAvailableDialects(); // whose handler of diagnostics comes before that which prints
  const auto &chosen = std::get<CompileOptions>(options);
  if (chosen.verbose && failed(printRemarks(context)))
    return 1;
  return succeeded(compileModel(chosen, context)) ? 0 : 1;
}
