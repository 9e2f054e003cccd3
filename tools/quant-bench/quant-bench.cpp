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

#include <map>

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

namespace {

/// The parts of a problem that threads do, compiled, with their operands.
class ProblemRun {
public:
  static Expected<ProblemRun> create(mlir::MLIRContext &context,
                                     const Problem &problem);
  Error check();
  Error measure();
  Error writeObject() const;
  StringRef getFamily() const { return parts[0]->compiled->family; }

private:
  ProblemRun(const Problem &problem, TargetSpec target)
      : problem(problem), target(std::move(target)) {}
  Error addPart(mlir::MLIRContext &context, Problem part);
  int64_t getWeightBytes() const;
  Subject makeSubject();
  Error wrong(StringRef difference) const {
    return createStringError("problem '" + problem.text + "' (" + getFamily() +
                             "): " + difference);
  }

  struct Part {
    Problem problem;
    const CompiledProblem *compiled;
    std::unique_ptr<ProblemData> data;
  };

  Problem problem;
  TargetSpec target;
  /// By the number of output channels.
  std::map<int64_t, CompiledProblem> compiled;
  std::vector<std::unique_ptr<Part>> parts;
  int64_t copies = 1;
};

} // namespace

Error ProblemRun::addPart(mlir::MLIRContext &context, Problem part) {
  auto found = compiled.find(part.outputs);
  if (found == compiled.end()) {
    Expected<CompiledProblem> result =
        compileProblem(context, part, target, familyName, dumpKernels);
    if (!result)
      return result.takeError();
    found = compiled.emplace(part.outputs, std::move(*result)).first;
  }
  parts.push_back(std::make_unique<Part>());
  parts.back()->problem = std::move(part);
  parts.back()->compiled = &found->second;
  parts.back()->data =
      std::make_unique<ProblemData>(parts.back()->problem, found->second);
  return Error::success();
}

Expected<ProblemRun> ProblemRun::create(mlir::MLIRContext &context,
                                        const Problem &problem) {
  Expected<TargetSpec> target = getProblemTarget(problem, mcpu);
  if (!target)
    return target.takeError();
  ProblemRun run(problem, *target);
  for (int64_t thread = 0; thread < problem.threads; ++thread)
    if (Problem part = problem.slice(thread); part.outputs > 0)
      if (Error error = run.addPart(context, std::move(part)))
        return std::move(error);
  return std::move(run);
}

Error ProblemRun::writeObject() const {
  std::error_code code;
  raw_fd_ostream file(objectFile, code);
  if (code)
    return createStringError("cannot write " + objectFile + ": " +
                             code.message());
  ArrayRef<char> object = parts[0]->compiled->object;
  file << StringRef(object.data(), object.size());
  return Error::success();
}

int64_t ProblemRun::getWeightBytes() const {
  int64_t bytes = 0;
  for (auto &part : parts)
    bytes += part->data->getWeightBytes();
  return bytes;
}

Error ProblemRun::check() {
  constexpr int64_t kColdBytes = 256 << 20;
  if (problem.cold && !checkOnly)
    copies = std::max<int64_t>(2, divideCeil(kColdBytes, getWeightBytes()));
  for (auto &part : parts) {
    part->data->pack(copies);
    if (std::string difference = part->data->check(); !difference.empty())
      return wrong(difference);
  }
  return Error::success();
}

Subject ProblemRun::makeSubject() {
  Subject subject;
  subject.run = [&](int64_t member, int64_t call) {
    parts[member]->data->run(call % copies);
  };
  subject.multiplyAdds = problem.multiplyAdds();
  unsigned bits = target.getVectorBits();
  if (problem.vectorBits)
    bits = std::min<unsigned>(bits, problem.vectorBits);
  subject.dot = problem.int8Input || problem.u8Input
                    ? DotInstruction::getInt8(bits)
                    : DotInstruction::getF32(target, bits);
  subject.weightBytes = getWeightBytes();
  subject.weights = [&](int64_t member, int64_t call) {
    ProblemData &data = *parts[member]->data;
    return std::pair(data.getWeights((call + copies / 2) % copies),
                     data.getWeightBytes());
  };
  return subject;
}

/// The line of a problem.
static void print(const Problem &problem, const CompiledProblem &compiled,
                  const Subject &subject, const Measurement &m,
                  int64_t copies) {
  double work = 2 * subject.multiplyAdds;
  bool fromMemory = m.isBoundByMemory(subject);
  std::string memory = formatv("{0} {1:F1} GB/s", problem.cold ? "DRAM" : "hot",
                               m.bytesPerSecond / 1e9);
  outs() << formatv("{0,-52} {1,-14} {2,10:F4} ms {3,8:F1} GOPS {4,6:F1} GB/s "
                    "{5,6:F1} % of {6}; roofs: {7} {8:F1} GOPS, {9}; ",
                    problem.text, compiled.family, m.seconds * 1e3,
                    work / m.seconds / 1e9,
                    subject.weightBytes / m.seconds / 1e9, 100 * m.fraction,
                    fromMemory ? (problem.cold ? "DRAM" : "hot reads") : "dots",
                    subject.dot.getName(), 2 * m.dotsPerSecond / 1e9, memory);
  if (problem.cold)
    outs() << formatv("{0} x {1:F1} MB of weights, ", copies,
                      subject.weightBytes / 1e6);
  outs() << formatv("{0} B of code compiled in {1:F0} ms\n", compiled.codeBytes,
                    compiled.seconds * 1e3);
  outs().flush();
}

Error ProblemRun::measure() {
  for (auto &part : parts)
    if (std::string difference = part->data->checkCopies(); !difference.empty())
      return wrong(difference);
  Team team(parts.size());
  Subject subject = makeSubject();
  Measurement m = mpq::measure(subject, team, milliseconds / 1e3);
  for (auto &part : parts)
    if (std::string difference = part->data->checkResult(); !difference.empty())
      return wrong(difference);
  print(problem, *parts[0]->compiled, subject, m, copies);
  return Error::success();
}

static Error runProblem(mlir::MLIRContext &context, StringRef line) {
  Expected<Problem> problem = parseProblem(line);
  if (!problem)
    return problem.takeError();
  Expected<ProblemRun> run = ProblemRun::create(context, *problem);
  if (!run)
    return run.takeError();
  if (!objectFile.empty())
    if (Error error = run->writeObject())
      return error;
  if (Error error = run->check())
    return error;
  if (!checkOnly)
    return run->measure();
  outs() << formatv("ok  {0,-14} {1}\n", run->getFamily(), problem->text);
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
  bool failed = false;
  std::vector<std::string> problems = exitOnError(readProblems());
  if (!checkOnly)
    outs() << "# " << getCpuName() << "; medians\n";
  for (const std::string &line : problems)
    if (Error error = runProblem(context, line)) {
      logAllUnhandledErrors(std::move(error), errs(), "quant-bench: error: ");
      failed = true;
    }
  return failed;
}
