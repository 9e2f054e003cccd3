//===----------------------------------------------------------------------===//
// Part of MPQ, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//===----------------------------------------------------------------------===//
//
// Runs passes on MLIR, like mlir-opt, with all of MPQ and of upstream MLIR. An
// input file that ends in .onnx is imported, so
//
//   quant-opt model.onnx --mpq-onnx-infer-shapes
//
// works. Passes and dialects can be loaded: --load-pass-plugin=p.so.
//
//===----------------------------------------------------------------------===//
#include "dialects/ONNX/ONNX.h"
#include "mpq/Frontend/NodeNames.h"
#include "mpq/Frontend/ONNX.h"
#include "mpq/Frontend/StageFile.h"
#include "mpq/Pipeline/Passes.h"
#include "mpq/Pipeline/Pipelines.h"
#include "mpq/Support/CommandLine.h"
#include "mpq/Support/OutputFile.h"
#include "mpq/Support/Plugin.h"
#include "mpq/Support/Registration.h"

#include "mlir/Bytecode/BytecodeWriter.h"
#include "mlir/IR/Diagnostics.h"
#include "mlir/IR/MLIRContext.h"
#include "mlir/InitAllDialects.h"
#include "mlir/InitAllExtensions.h"
#include "mlir/InitAllPasses.h"
#include "mlir/Pass/PassManager.h"
#include "mlir/Pass/PassRegistry.h"
#include "mlir/Support/FileUtilities.h"
#include "mlir/Target/LLVMIR/Dialect/All.h"
#include "mlir/Tools/mlir-opt/MlirOptMain.h"
#include "llvm/ADT/StringExtras.h"
#include "llvm/Support/CommandLine.h"
#include "llvm/Support/Format.h"
#include "llvm/Support/InitLLVM.h"
#include "llvm/Support/MemoryBuffer.h"
#include "llvm/Support/Path.h"
#include "llvm/Support/SourceMgr.h"
#include "llvm/Support/WithColor.h"

using namespace mlir;
namespace cl = llvm::cl;

namespace {

/// The options of this tool beside MLIR's, and the groups of both.
struct CommandLine {
  /// MLIR's options of these names load plugins when they are parsed, too late
  /// for their passes to be options.
  struct Removal {
    Removal() { mpq::removeOptions({"load-pass-plugin", "load-dialect-plugin"}); }
  } removal;
  cl::OptionCategory inOut{"Input and output"}, passes{"Passes"}, looking{"Looking at what happens"},
      checking{"Checking"}, extensions{"Extensions"};

  cl::opt<std::string> input{cl::Positional, cl::desc("<model.onnx | file.mlir>"), cl::init("-")};
  cl::opt<std::string> output{"o", cl::value_desc("file"), cl::desc("Output file (default: standard output)"),
                              cl::init("-"), cl::cat(inOut)};
  cl::opt<mpq::EmitWeights> emitWeights{
      "emit-weights", cl::desc("Where the weights go (default: beside a file, inline on standard output):"),
      cl::cat(inOut),
      cl::values(clEnumValN(mpq::EmitWeights::Beside, "beside", "a file beside the output, with the extension .weights"),
                 clEnumValN(mpq::EmitWeights::Inline, "inline", "into the IR"),
                 clEnumValN(mpq::EmitWeights::Elided, "elided", "nowhere: to read only"))};
  cl::opt<bool> listOnnxOps{"list-onnx-ops", cl::desc("Print which ops of the ONNX standard can be compiled, and exit"),
                            cl::cat(passes)};
  cl::list<std::string> passPlugins{"load-pass-plugin", cl::value_desc("file.so"),
                                    cl::desc("Load passes from a plugin"), cl::cat(extensions)};
  cl::list<std::string> dialectPlugins{"load-dialect-plugin", cl::value_desc("file.so"),
                                       cl::desc("Load formats, metrics, observers, allocators or kernels from a plugin"),
                                       cl::cat(extensions)};

  /// What of MLIR's many options a newcomer needs.
  void groupMlirOptions() {
    auto group = [](cl::OptionCategory &category, ArrayRef<StringRef> names) {
      for (StringRef name : names)
        if (cl::Option *option = cl::getRegisteredOptions().lookup(name))
          option->addCategory(category);
    };
    group(inOut, {"emit-bytecode", "mlir-elide-resource-strings-if-larger", "mlir-elide-elementsattrs-if-larger",
                  "mlir-print-debuginfo", "mlir-use-nameloc-as-prefix"});
    group(passes, {"pass-pipeline", "list-passes", "dump-pass-pipeline", "run-reproducer"});
    group(looking, {"mlir-print-ir-before", "mlir-print-ir-after", "mlir-print-ir-after-all", "mlir-print-ir-after-change",
                    "mlir-print-ir-tree-dir", "mlir-print-op-on-diagnostic", "mlir-timing", "remarks-filter", "remark-format", "remarks-output-file"});
    group(checking, {"verify-each", "verify-diagnostics", "verify-roundtrip", "split-input-file",
                     "mlir-pass-pipeline-crash-reproducer", "mlir-disable-threading"});
    group(extensions, {"show-dialects", "allow-unregistered-dialect"});
  }
};

/// "name types compiled" of each op, with a dash for what MPQ cannot do.
void listOnnxOps(const DialectRegistry &registry) {
  MLIRContext context(registry);
  context.loadDialect<mpq::onnx::ONNXDialect>();
  context.loadAllAvailableDialects(); // models of interfaces are with those that lower to them
  SmallVector<RegisteredOperationName> ops =
      llvm::to_vector(context.getRegisteredOperationsByDialect(mpq::onnx::ONNXDialect::getDialectNamespace()));
  llvm::sort(ops, [](RegisteredOperationName a, RegisteredOperationName b) {
    return a.getStringRef() < b.getStringRef();
  });
  for (RegisteredOperationName op : ops)
    llvm::outs() << llvm::left_justify(op.stripDialect(), 28)
                 << (op.hasInterface<mpq::onnx::ShapeInferenceOpInterface>() ? " types" : " -    ")
                 << (op.hasInterface<mpq::onnx::LoweringOpInterface>() ? " compiled" : " -") << '\n';
}

/// The registered passes and pipelines whose names begin with `prefix`.
mpq::ToolHelp::Section listPasses(StringRef title, StringRef prefix) {
  mpq::ToolHelp::Section section;
  section.title = title.str();
  for (auto &[name, option] : cl::getRegisteredOptions()) {
    const PassRegistryEntry *entry = PassInfo::lookup(name);
    if (!entry)
      entry = PassPipelineInfo::lookup(name);
    if (entry && name.starts_with(prefix))
      section.entries.push_back({("--" + name).str(), entry->getPassDescription().str()});
  }
  llvm::sort(section.entries);
  return section;
}

mpq::ToolHelp makeHelp(CommandLine &line) {
  mpq::ToolHelp help;
  help.name = "quant-opt";
  help.summary = "run passes on a model or on MLIR, and print the result";
  help.usage = {"<model.onnx | file.mlir> [passes and options]"};
  help.categories = {&line.inOut, &line.passes, &line.looking, &line.checking, &line.extensions};
  help.sections = {listPasses("Passes and pipelines of MPQ, with options as --name=\"option=value ...\" (--help-hidden lists MLIR's, too)",
                              "mpq-")};
  help.examples = {
      {"Import a model, infer its shapes, fold constants, for one sample at a time:",
       "quant-opt model.onnx --mpq-import-pipeline -o model.mlir"},
      {"Which formats could each weight get, and what would each cost in quality?",
       "quant-opt model.mlir --mpq-calibrate=data=calib.npz --mpq-sites=formats=int4,int8 --mpq-sensitivity"},
      {"What does each pass of a pipeline change?",
       "quant-opt model.mlir --mpq-set-target --mpq-lowering-pipeline --mlir-print-ir-after-change -o lowered.mlir"}};
  return help;
}

} // namespace

/// The model as bytecode, which the usual driver then reads. Not as text: that
/// would double the size of the weights, and lose the locations' names.
static std::unique_ptr<llvm::MemoryBuffer>
importToBytecode(StringRef path, const DialectRegistry &registry) {
  MLIRContext context(registry);
  llvm::SourceMgr sources;
  SourceMgrDiagnosticHandler diagnostics(sources, &context);
  OwningOpRef<ModuleOp> module = mpq::importOnnx(path, &context);
  if (!module)
    return nullptr;
  llvm::SmallVector<char, 0> bytes;
  llvm::raw_svector_ostream os(bytes);
  if (failed(writeBytecodeToFile(*module, os)))
    return nullptr;
  // Bytecode holds resources of up to this alignment, relative to its start.
  auto buffer = llvm::WritableMemoryBuffer::getNewUninitMemBuffer(
      bytes.size(), path, llvm::Align(64));
  llvm::copy(bytes, buffer->getBufferStart());
  return buffer;
}

/// The model or the IR file as the driver wants it; null after a message.
static std::unique_ptr<llvm::MemoryBuffer> openInput(StringRef path, const DialectRegistry &registry) {
  if (path.ends_with(".onnx"))
    return importToBytecode(path, registry);
  std::string error;
  std::unique_ptr<llvm::MemoryBuffer> buffer = openInputFile(path, &error);
  if (!buffer)
    llvm::WithColor::error(llvm::errs(), "quant-opt") << error << '\n';
  return buffer;
}

/// Sets an option of MLIR's unless the command line did.
static void setDefault(StringRef name, StringRef value) {
  cl::Option *option = cl::getRegisteredOptions().lookup(name);
  if (option && !option->getNumOccurrences())
    option->addOccurrence(0, name, value);
}

/// Puts `first` before the passes of `pm`. A pass manager only appends, so they
/// go through their text.
static LogicalResult prepend(std::unique_ptr<Pass> first, PassManager &pm) {
  std::string text;
  llvm::raw_string_ostream os(text);
  pm.printAsTextualPipeline(os);
  StringRef passes(text);
  if (!passes.consume_front("builtin.module(") || !passes.consume_back(")")) {
    llvm::WithColor::error(llvm::errs(), "quant-opt") << "passes of a file with weights beside it start at the module: "
                                                         "give --pass-pipeline='builtin.module(...)'\n";
    return failure();
  }
  static_cast<OpPassManager &>(pm) = OpPassManager("builtin.module");
  pm.addPass(std::move(first));
  return passes.empty() ? success() : parsePassPipeline(passes, pm);
}

/// Around the passes asked for: those that read and write the file with the
/// weights (mpq/Frontend/StageFile.h).
static MlirOptMainConfig makeConfig(const CommandLine &line, StringRef input) {
  bool isSplit = !MlirOptMainConfig::createFromCLOptions().inputSplitMarker().empty();
  mpq::EmitWeights where = line.emitWeights.getNumOccurrences() ? line.emitWeights
                           : !mpq::isFile(line.output) || isSplit ? mpq::EmitWeights::Inline
                                                                  : mpq::EmitWeights::Beside;
  if (where != mpq::EmitWeights::Inline) {
    setDefault("mlir-elide-resource-strings-if-larger", "0");
    setDefault("elide-resource-data-from-bytecode", "true");
  }
  // Names of nodes and weights are in the locations, and a plan knows sites by
  // name: a file keeps them where the input has them.
  if (mpq::isFile(line.output) &&
      (StringRef(line.input).ends_with(".onnx") || input.starts_with("ML\xefR") || input.contains("\n#loc")))
    setDefault("mlir-print-debuginfo", "true");
  MlirOptMainConfig config = MlirOptMainConfig::createFromCLOptions();
  mpq::MapResourcesPassOptions map;
  map.folder = llvm::sys::path::parent_path(line.input).str();
  mpq::WriteResourcesPassOptions write;
  write.file = mpq::getResourcePath(line.output);
  bool maps = input.contains("mpq.resource_file"), writes = where == mpq::EmitWeights::Beside;
  config.setPassPipelineSetupFn([=, asked = config](PassManager &pm) -> LogicalResult {
    if (failed(asked.setupPassPipeline(pm)) || (maps && failed(prepend(mpq::createMapResourcesPass(map), pm))))
      return failure();
    if (writes)
      pm.addPass(mpq::createWriteResourcesPass(write));
    return success();
  });
  return config;
}

/// Prints `quant-opt: error: ...`; the exit code.
static int report(llvm::Error error) {
  llvm::WithColor::error(llvm::errs(), "quant-opt") << llvm::toString(std::move(error)) << '\n';
  return 1;
}

int main(int argc, char **argv) {
  llvm::InitLLVM init(argc, argv);
  mlir::registerAllPasses();
  mpq::registerAllPasses();
  mpq::registerPipelines();
  DialectRegistry registry;
  mlir::registerAllDialects(registry);
  mlir::registerAllExtensions(registry);
  registerAllToLLVMIRTranslations(registry);
  mpq::registerAllComponents(registry);
  mpq::registerNodeNames(registry);
  if (llvm::Error error = mpq::PluginPaths::find(ArrayRef(argv, argc)).load(registry))
    return report(std::move(error));

  registerCLIOptions("quant-opt", registry);
  CommandLine line;
  line.groupMlirOptions();
  mpq::parseCommandLine(argc, argv, makeHelp(line));
  setDefault("mlir-print-op-on-diagnostic", "false"); // which for many passes is the whole model
  if (line.listOnnxOps) {
    listOnnxOps(registry);
    return 0;
  }
  if (!mpq::isFile(line.output) && line.emitWeights.getNumOccurrences() &&
      line.emitWeights == mpq::EmitWeights::Beside) {
    llvm::WithColor::error(llvm::errs(), "quant-opt") << "--emit-weights=beside needs a file to write to: give -o\n";
    return 1;
  }
  std::unique_ptr<llvm::MemoryBuffer> input = openInput(line.input, registry);
  if (!input)
    return 1;
  MlirOptMainConfig config = makeConfig(line, input->getBuffer());
  llvm::Expected<mpq::OutputFile> output = mpq::OutputFile::create(line.output);
  if (!output)
    return report(output.takeError());
  if (failed(MlirOptMain(output->os(), std::move(input), registry, config)))
    return 1;
  if (llvm::Error error = output->keep())
    return report(std::move(error));
  return 0;
}
