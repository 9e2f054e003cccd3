//===----------------------------------------------------------------------===//
// Part of MPQ, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//===----------------------------------------------------------------------===//
//
// Checks and measures kernels, one problem per line (Problem.h):
//
//   quant-bench 'conv 16x32x32 k3 o16 s1 p1 relu residual' 'matmul 1x256x1000'
//   quant-bench 'mpgemm m=1 n=4096 k=4096 w=int4:g32 a=int8 cold threads=2'
//   quant-bench --check --mcpu=haswell --file=problems.txt
//
// Every problem is checked against plain loops. A measurement then prints the
// family that took it, the time of one call, billions of operations (two for a
// multiply-add) per second, the bytes of weights read per second, and what the
// time is of the lower of two roofs, those of the same moment: multiply-adds
// from registers, and reading the weights alone. --check measures nothing. Any
// problem that fails makes the exit status 1.
//
//===----------------------------------------------------------------------===//

#include "ProblemRun.h"
#include "Tune/Tune.h"

#include "mpq/Support/OutputFile.h"
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
#include "llvm/TargetParser/Host.h"

using namespace llvm;
using namespace mpq;

static cl::OptionCategory category("quant-bench options");
static cl::list<std::string>
    problemTexts(cl::Positional, cl::desc("<problem>..."), cl::cat(category));
static cl::list<std::string>
    problemFiles("file", cl::desc("read problems from this file, one per line"),
                 cl::cat(category));
static cl::extrahelp problemHelp(kProblemHelp);
static cl::opt<std::string> mcpu("mcpu", cl::desc("CPU to generate code for"),
                                 cl::init("native"), cl::cat(category));
static cl::opt<std::string> familyName("family",
                                       cl::desc("use this kernel family only"),
                                       cl::cat(category));
static cl::opt<bool>
    checkOnly("check",
              cl::desc("compare with the reference instead of measuring"),
              cl::cat(category));
static cl::opt<std::string> sameAs(
    "same-as", cl::value_desc("family"),
    cl::desc("with --check, compare with this family's result, too, which has "
             "to be the same bits"),
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

static cl::opt<bool> takesTurns(
    "turns",
    cl::desc(
        "measure one problem for as many seconds as each line of the "
        "standard input says, and print seconds of a call and the fraction "
        "of the roof: for scripts that compare"),
    cl::cat(category));
static cl::opt<std::string> tunedTable(
    "tune", cl::value_desc("file.json"),
    cl::desc("measure the kernels of this machine and how they are best cut, on the problems given or in "
             "some minutes on all kinds, and write a cost table, which "
             "quant-compile --cost-table reads"),
    cl::cat(category));
static cl::opt<std::string> profiledModel(
    "profile", cl::value_desc("file.mlir"),
    cl::desc("time each kernel of a model (quant-compile --emit=bufferized), "
             "beside what a cost table predicts"),
    cl::cat(category));
static cl::opt<std::string>
    costTable("cost-table", cl::value_desc("file.json"),
              cl::desc("predict with this table, and cut products as it says "
                       "(default: that of the CPU)"),
              cl::cat(category));
static cl::opt<int64_t> dynamicSize(
    "dynamic-size",
    cl::desc("what sizes of a model count that are known at run time only"),
    cl::init(32), cl::cat(category));

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

/// Whether the family of `--same-as` computes what `run` has.
static Error checkSame(mlir::MLIRContext &context, Problem problem,
                       const CostTable *costs, const ProblemRun &run) {
  problem.family = sameAs;
  Expected<ProblemRun> other =
      ProblemRun::create(context, problem, {mcpu, sameAs, dumpKernels, costs});
  if (!other)
    return other.takeError();
  if (Error error = other->check(/*copyCold=*/false))
    return error;
  return run.compare(*other);
}

static Error runProblem(mlir::MLIRContext &context, StringRef line,
                        const CostTable *costs) {
  Expected<Problem> problem = parseProblem(line);
  if (!problem)
    return problem.takeError();
  if (!checkOnly && !problem->fewerRows.empty())
    return createStringError("problem '" + problem->text +
                             "': several numbers of rows need --check");
  Expected<ProblemRun> run = ProblemRun::create(
      context, *problem, {mcpu, familyName, dumpKernels, costs});
  if (!run)
    return run.takeError();
  if (!objectFile.empty())
    if (Error error = mpq::writeFile(objectFile, [&](raw_ostream &os) {
          os.write(run->getObject().data(), run->getObject().size());
        }))
      return error;
  if (Error error = run->check(/*copyCold=*/!checkOnly))
    return error;
  if (!sameAs.empty())
    if (Error error = checkSame(context, *problem, costs, *run))
      return error;
  if (takesTurns)
    return run->takeTurns();
  if (!checkOnly)
    return run->measure(milliseconds / 1e3, outs());
  outs() << formatv("ok  {0,-14} {1}\n", run->getFamily(), problem->text);
  return Error::success();
}

static Error runTune(mlir::MLIRContext &context) {
  std::vector<std::string> problems;
  if (!problemTexts.empty() || !problemFiles.empty()) {
    Expected<std::vector<std::string>> given = readProblems();
    if (!given)
      return given.takeError();
    problems = std::move(*given);
  }
  Expected<CostTable> table = tune(context, mcpu, problems);
  if (!table)
    return table.takeError();
  return mpq::writeFile(tunedTable, [&](raw_ostream &os) {
    table->print(os);
  });
}

/// The table that was given, if one was.
static Expected<std::optional<CostTable>> readTable() {
  if (costTable.empty())
    return std::nullopt;
  Expected<CostTable> table = CostTable::read(costTable);
  if (!table)
    return table.takeError();
  return std::optional(std::move(*table));
}

static Error runProfile(mlir::MLIRContext &context, const CostTable *given) {
  StringRef cpu = sys::getHostCPUName();
  if (std::string doubt = given ? given->getDoubt(cpu) : ""; !doubt.empty())
    errs() << "quant-bench: warning: the times of the cost table '" << costTable
           << "' may not hold: " << doubt << "\n";
  return profile(context, profiledModel,
                 given ? *given : CostTable::lookup(cpu), dynamicSize, outs());
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
  std::optional<CostTable> table = exitOnError(readTable());
  const CostTable *costs = table ? &*table : nullptr;
  if (!tunedTable.empty())
    exitOnError(runTune(context));
  if (!profiledModel.empty())
    exitOnError(runProfile(context, costs));
  if (!tunedTable.empty() || !profiledModel.empty())
    return 0;
  bool failed = false;
  std::vector<std::string> problems = exitOnError(readProblems());
  if (takesTurns && problems.size() != 1)
    exitOnError(createStringError("--turns takes one problem"));
  if (!checkOnly && !takesTurns)
    outs() << "# " << getCpuName() << "; medians\n";
  for (const std::string &line : problems)
    if (Error error = runProblem(context, line, costs)) {
      logAllUnhandledErrors(std::move(error), errs(), "quant-bench: error: ");
      failed = true;
    }
  return failed;
}
