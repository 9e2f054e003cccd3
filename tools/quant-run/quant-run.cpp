//===----------------------------------------------------------------------===//
// Part of MPQ, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//===----------------------------------------------------------------------===//
//
// quant-run: runs a compiled model on the samples of a file, compares what
// comes out with a reference, and measures the time.
//
//   quant-run model.so --input=test.npz --reference=expected.npz --repeat=100
//
//===----------------------------------------------------------------------===//
#include "Compare.h"
#include "Session.h"
#include "mpq/Support/CommandLine.h"

#include "llvm/Support/Format.h"
#include "llvm/Support/InitLLVM.h"
#include "llvm/Support/WithColor.h"
#include "llvm/Support/raw_ostream.h"

using namespace llvm;
using namespace mpq;

namespace {
// LLVM's library has an option of this name too; it goes before ours comes.
const bool replacedThreads = [] {
  removeOptions({"threads"});
  return true;
}();

cl::OptionCategory inOut("Input and output"), comparing("Comparing"),
    running("Running");

cl::opt<std::string> modelPath(cl::Positional, cl::Required,
                               cl::desc("MODEL.so"), cl::cat(inOut));
cl::opt<std::string> inputPath(
    "input",
    cl::desc("Samples: arrays named after the model's inputs (.npz, .npy)"),
    cl::value_desc("in.npz"), cl::cat(inOut));
cl::opt<std::string> outputPath("output",
                                cl::desc("Where to write the outputs"),
                                cl::value_desc("out.npz"), cl::cat(inOut));
cl::opt<std::string>
    referencePath("reference",
                  cl::desc("Compare the outputs with these arrays"),
                  cl::value_desc("expected.npz"), cl::cat(comparing));
cl::opt<double> tolerance("tolerance",
                          cl::desc("Exit with 1 if an output differs from the "
                                   "reference by more than this"),
                          cl::cat(comparing));
cl::opt<std::string> labelsName(
    "labels", cl::init("labels"), cl::value_desc("name"),
    cl::desc("Integer array of the input file with the right classes (labels)"),
    cl::cat(comparing));
cl::opt<unsigned> threads("threads", cl::init(0),
                          cl::desc("Threads; 0: one for each CPU (0)"),
                          cl::cat(running));
cl::opt<unsigned>
    batch("batch", cl::init(0),
          cl::desc("Samples in one run; 0: all, or what the model takes (0)"),
          cl::cat(running));
cl::opt<unsigned>
    repeat("repeat", cl::init(0),
           cl::desc("Time the first batch this often (0: no timing)"),
           cl::cat(running));
cl::opt<bool> list("list", cl::desc("Describe the model and stop"),
                   cl::cat(inOut));
} // namespace

/// What the library holds, and whether this machine can run it.
static Error describeModel(LoadedModel &model) {
  const MpqModelInfo &info = model.info();
  outs() << "producer  " << info.producer << "\n";
  for (const MpqTensorInfo &tensor : model.inputs())
    outs() << "input     " << tensor.name << "  " << describe(tensor) << "\n";
  for (const MpqTensorInfo &tensor : model.outputs())
    outs() << "output    " << tensor.name << "  " << describe(tensor) << "\n";
  outs() << "weights   " << info.weights_bytes << " bytes\n";
  outs() << "variants  " << info.num_variants << "\n";
  if (Error error = model.create(/*threads=*/1)) {
    outs() << "here      cannot run: " << toString(std::move(error)) << "\n";
    return Error::success();
  }
  outs() << "here      runs the code for " << model.cpu() << "\n";
  return Error::success();
}

/// Prints the comparisons; whether all are within the tolerance.
static Expected<bool> compareAll(ArrayRef<NpyArray> outputs) {
  Expected<std::vector<NpyArray>> references = readNpz(referencePath);
  if (!references)
    return references.takeError();
  bool within = true;
  for (const NpyArray &output : outputs) {
    Expected<const NpyArray *> reference =
        findArray(*references, output.name, referencePath);
    if (!reference)
      return reference.takeError();
    Expected<Comparison> result = compare(output, **reference, referencePath);
    if (!result)
      return result.takeError();
    outs() << "output '" << output.name << "': max abs "
           << format("%.3g", result->maxAbs) << ", max rel "
           << format("%.3g", result->maxRel) << ", cosine "
           << format("%.7f", result->cosine) << ", SQNR "
           << format("%.2f", result->sqnr) << " dB, argmax agreement "
           << format("%.2f", result->argmax) << " %\n";
    if (tolerance.getNumOccurrences() == 0 || result->maxAbs <= tolerance)
      continue;
    within = false;
    outs().flush();
    WithColor::error(errs(), "quant-run")
        << "output '" << output.name << "' differs by "
        << format("%.3g", result->maxAbs) << ", more than the tolerance "
        << format("%.3g", double(tolerance)) << "\n";
  }
  return within;
}

static Error printAccuracy(ArrayRef<NpyArray> outputs,
                           ArrayRef<NpyArray> inputs) {
  bool asked = labelsName.getNumOccurrences() != 0;
  Expected<const NpyArray *> labels = findArray(inputs, labelsName, inputPath);
  if (!labels) {
    if (asked)
      return labels.takeError();
    consumeError(labels.takeError());
    return Error::success();
  }
  bool printed = false;
  for (const NpyArray &output : outputs) {
    if (output.shape.size() != 2)
      continue;
    Expected<int64_t> correct = countCorrect(output, **labels, inputPath);
    if (!correct)
      return correct.takeError();
    int64_t rows = output.shape[0];
    outs() << "top-1 accuracy of '" << output.name
           << "': " << format("%.2f", rows == 0 ? 0 : 100.0 * *correct / rows)
           << " % (" << *correct << " of " << rows << ")\n";
    printed = true;
  }
  if (asked && !printed)
    return createStringError(
        modelPath +
        ": --labels is given, and no output has the shape [samples, classes]");
  return Error::success();
}

static Error measure(LoadedModel &model, Session &session) {
  if (session.getNumRuns() == 0 || session.getBatch() == 0)
    return createStringError(inputPath + ": there are no samples to time");
  // The caches and the clock settle within a few runs.
  unsigned warmup = std::clamp(repeat / 10, 3u, 100u);
  std::vector<double> times;
  for (unsigned i = 0; i < warmup + repeat; ++i) {
    Expected<double> time = session.timeFirstRun();
    if (!time)
      return time.takeError();
    if (i >= warmup)
      times.push_back(*time);
  }
  sort(times);
  size_t half = times.size() / 2;
  double median =
      times.size() % 2 ? times[half] : (times[half - 1] + times[half]) / 2;
  outs() << "median " << format("%.4g", median) << " ms (min "
         << format("%.4g", times.front()) << ", max "
         << format("%.4g", times.back()) << ", " << times.size()
         << " runs, batch " << session.getBatch() << ", " << model.threads()
         << (model.threads() == 1 ? " thread" : " threads") << ")\n";
  return Error::success();
}

/// The whole run; whether all outputs are within the tolerance.
static Expected<bool> runTool() {
  Expected<std::unique_ptr<LoadedModel>> model = LoadedModel::open(modelPath);
  if (!model)
    return model.takeError();
  if (list) {
    if (Error error = describeModel(**model))
      return std::move(error);
    return true;
  }
  if (inputPath.empty())
    return createStringError("--input is missing: a file with the samples");
  if (tolerance.getNumOccurrences() != 0 && referencePath.empty())
    return createStringError("--tolerance needs --reference");
  Expected<std::vector<NpyArray>> arrays = readNpz(inputPath);
  if (!arrays)
    return arrays.takeError();
  if (Error error = (*model)->create(threads))
    return std::move(error);
  Expected<Session> session =
      Session::create(**model, *arrays, inputPath, batch);
  if (!session)
    return session.takeError();
  if (Error error = session->runAll())
    return std::move(error);
  if (!outputPath.empty())
    if (Error error = writeNpz(outputPath, session->outputs()))
      return std::move(error);
  bool within = true;
  if (!referencePath.empty()) {
    Expected<bool> result = compareAll(session->outputs());
    if (!result)
      return result.takeError();
    within = *result;
  }
  if (Error error = printAccuracy(session->outputs(), *arrays))
    return std::move(error);
  if (repeat != 0)
    if (Error error = measure(**model, *session))
      return std::move(error);
  return within;
}

static ToolHelp makeHelp() {
  ToolHelp help;
  help.name = "quant-run";
  help.summary = "run a compiled model on the samples of a file";
  help.usage = {"<model.so> --input=<samples.npz> [options]",
                "<model.so> --list"};
  help.categories = {&inOut, &comparing, &running};
  help.examples = {
      {"What does the model take and give, and does it run here?",
       "quant-run model.so --list"},
      {"Accuracy (with an array 'labels' in the file), and the outputs:",
       "quant-run model.so --input=test.npz --output=outputs.npz"},
      {"The time of one run on one core, 200 times, and the difference from "
       "known outputs:",
       "quant-run model.so --input=test.npz --reference=expected.npz "
       "--threads=1 --repeat=200"}};
  return help;
}

int main(int argc, char **argv) {
  InitLLVM init(argc, argv);
  parseCommandLine(argc, argv, makeHelp());
  Expected<bool> within = runTool();
  if (within)
    return *within ? 0 : 1;
  outs().flush();
  WithColor::error(errs(), "quant-run") << toString(within.takeError()) << "\n";
  return 1;
}
