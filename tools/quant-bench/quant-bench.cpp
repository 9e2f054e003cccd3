//===----------------------------------------------------------------------===//
// Part of MPQ, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//===----------------------------------------------------------------------===//
//
// Checks and measures kernels, one problem per line (Problem.h has the words):
//
//   quant-bench 'conv 16x32x32 k3 o16 s1 p1 relu residual' 'matmul 1x256x1000'
//   quant-bench --check --mcpu=haswell --file=problems.txt
//
// A measurement prints, for each problem, the family that took it, the time of
// one call, billions of multiply-adds per second, and what that is of the f32
// roof of the same minute. --check compares with plain loops instead and
// measures nothing. Any problem that fails makes the exit status 1.
//
//===----------------------------------------------------------------------===//

#include "Data.h"
#include "Measure.h"

#include "mpq/Support/Registration.h"

#include "mlir/IR/MLIRContext.h"
#include "mlir/InitAllDialects.h"
#include "mlir/InitAllExtensions.h"
#include "mlir/InitAllPasses.h"
#include "mlir/Target/LLVMIR/Dialect/Builtin/BuiltinToLLVMIRTranslation.h"
#include "mlir/Target/LLVMIR/Dialect/LLVMIR/LLVMToLLVMIRTranslation.h"
#include "llvm/ADT/StringExtras.h"
#include "llvm/Support/CommandLine.h"
#include "llvm/Support/FormatVariadic.h"
#include "llvm/Support/InitLLVM.h"
#include "llvm/Support/MemoryBuffer.h"
#include "llvm/Support/TargetSelect.h"

using namespace llvm;
using namespace mpq;

static cl::OptionCategory category("quant-bench options");
static cl::list<std::string>
    problemTexts(cl::Positional, cl::desc("<problem>..."), cl::cat(category));
static cl::list<std::string>
    problemFiles("file", cl::desc("read problems from this file, one per line"),
                 cl::cat(category));
static cl::opt<std::string> mcpu("mcpu", cl::desc("CPU to generate code for"),
                                 cl::init("native"), cl::cat(category));
static cl::opt<std::string> familyName("family",
                                       cl::desc("use this kernel family only"),
                                       cl::cat(category));
static cl::opt<bool>
    checkOnly("check",
              cl::desc("compare with the reference instead of measuring"),
              cl::cat(category));
static cl::opt<bool> dumpKernels("dump",
                                 cl::desc("print the IR of each kernel"),
                                 cl::cat(category));
static cl::opt<std::string>
    objectFile("object",
               cl::desc("write the object file of the last problem here"),
               cl::cat(category));
static cl::opt<double>
    milliseconds("ms", cl::desc("time to measure each problem for"),
                 cl::init(200), cl::cat(category));

/// The problems of the command line and of the files; '#' starts a comment.
static Expected<std::vector<std::string>> readProblems() {
  std::vector<std::string> lines(problemTexts.begin(), problemTexts.end());
  for (StringRef path : problemFiles) {
    auto file = MemoryBuffer::getFileOrSTDIN(path);
    if (!file)
      return createStringError("cannot read " + path + ": " +
                               file.getError().message());
    for (StringRef line : split((*file)->getBuffer(), '\n'))
      if (line = line.split('#').first.trim(); !line.empty())
        lines.push_back(line.str());
  }
  if (lines.empty())
    return createStringError("no problem given");
  return lines;
}

static Error runProblem(mlir::MLIRContext &context, StringRef line,
                        const TargetSpec &target) {
  Expected<Problem> problem = parseProblem(line);
  if (!problem)
    return problem.takeError();
  Expected<CompiledProblem> compiled =
      compileProblem(context, *problem, target, familyName, dumpKernels);
  if (!compiled)
    return compiled.takeError();
  if (!objectFile.empty()) {
    std::error_code code;
    raw_fd_ostream file(objectFile, code);
    if (code)
      return createStringError("cannot write " + objectFile + ": " +
                               code.message());
    file << StringRef(compiled->object.data(), compiled->object.size());
  }
  ProblemData data(*problem, *compiled);
  data.pack();
  if (std::string difference = data.check(); !difference.empty())
    return createStringError("problem '" + problem->text + "' (" +
                             compiled->family + "): " + difference);
  if (checkOnly) {
    outs() << formatv("ok  {0,-14} {1}\n", compiled->family, problem->text);
    return Error::success();
  }
  Measurement m = measure([&] { data.run(); }, target, milliseconds / 1e3);
  double rate = problem->multiplyAdds() / m.seconds;
  outs() << formatv(
      "{0,-52} {1,-14} {2,10:F3} us {3,8:F1} GMAC/s {4,6:F1} % "
      "{5,6} B code {6,5:F0} ms\n",
      problem->text, compiled->family, m.seconds * 1e6, rate / 1e9,
      m.possible ? 100 * problem->multiplyAdds() / m.possible : 0.0,
      compiled->codeBytes, compiled->seconds * 1e3);
  outs().flush();
  return Error::success();
}

int main(int argc, char **argv) {
  InitLLVM init(argc, argv);
  InitializeNativeTarget();
  InitializeNativeTargetAsmPrinter();
  cl::HideUnrelatedOptions(category);
  cl::ParseCommandLineOptions(argc, argv, "MPQ kernel benchmark\n");
  mlir::registerAllPasses();
  mpq::registerAllPasses();
  mlir::DialectRegistry registry;
  mlir::registerAllDialects(registry);
  mlir::registerAllExtensions(registry);
  mlir::registerBuiltinDialectTranslation(registry);
  mlir::registerLLVMDialectTranslation(registry);
  mpq::registerAllComponents(registry);
  mlir::MLIRContext context(registry);
  context.loadAllAvailableDialects();

  ExitOnError exitOnError("quant-bench: error: ");
  TargetSpec target = exitOnError(getTarget(mcpu));
  bool failed = false;
  for (const std::string &line : exitOnError(readProblems()))
    if (Error error = runProblem(context, line, target)) {
      logAllUnhandledErrors(std::move(error), errs(), "quant-bench: error: ");
      failed = true;
    }
  return failed;
}
