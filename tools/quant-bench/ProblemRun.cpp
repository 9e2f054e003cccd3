//===----------------------------------------------------------------------===//
// Part of MPQ, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//===----------------------------------------------------------------------===//
//
// Copies for cold weights, parts for threads, and the line that is printed.
//
//===----------------------------------------------------------------------===//

#include "ProblemRun.h"

#include "llvm/Support/FormatVariadic.h"

#include <iostream>

using namespace llvm;
using namespace mpq;

Expected<ProblemRun> ProblemRun::create(mlir::MLIRContext &context,
                                        const Problem &problem,
                                        const RunOptions &options) {
  Expected<TargetSpec> target = getProblemTarget(problem, options.mcpu);
  if (!target)
    return target.takeError();
  Expected<CompiledProblem> compiled = compileProblem(
      context, problem, *target,
      problem.family.empty() ? options.family : problem.family, options.dump,
      options.costs);
  if (!compiled)
    return compiled.takeError();
  return ProblemRun(problem, std::move(*target), std::move(*compiled));
}

ProblemRun::ProblemRun(const Problem &given, TargetSpec target,
                       CompiledProblem kernel)
    : problem(std::make_unique<Problem>(given)), target(std::move(target)),
      compiled(std::make_unique<CompiledProblem>(std::move(kernel))),
      data(std::make_unique<ProblemData>(*problem, *compiled)) {}

void ProblemRun::prepare(int64_t coldBytes) {
  if (problem->cold && coldBytes)
    copies =
        std::max<int64_t>(2, divideCeil(coldBytes, data->getWeightBytes()));
  data->pack(copies);
}

Error ProblemRun::check(bool copyCold) {
  constexpr int64_t kColdBytes = 256 << 20;
  prepare(copyCold ? kColdBytes : 0);
  if (std::string difference = data->check(); !difference.empty())
    return wrong(difference);
  return Error::success();
}

Error ProblemRun::compare(const ProblemRun &other) const {
  if (data->getChecked() == other.data->getChecked())
    return Error::success();
  return wrong("the result differs from that of " + other.getFamily().str());
}

Subject ProblemRun::makeSubject() {
  Subject subject;
  subject.run = [&](int64_t member, int64_t call) {
    data->runPart(call % copies, member);
  };
  subject.multiplyAdds = problem->multiplyAdds();
  unsigned bits = target.getVectorBits();
  if (problem->vectorBits)
    bits = std::min<unsigned>(bits, problem->vectorBits);
  subject.dot = compiled->planePairs
                    ? DotInstruction::getCounts(target, bits,
                                                compiled->planePairs)
                : problem->int8Input || problem->u8Input
                    ? DotInstruction::getInt8(bits)
                : problem->bf16Input && target.has("avx512bf16")
                    ? DotInstruction::getBf16(bits)
                    : DotInstruction::getF32(target, bits);
  subject.weightBytes = data->getWeightBytes();
  subject.weights = [&](int64_t member, int64_t call) {
    int64_t bytes = data->getWeightBytes(), threads = problem->threads;
    int64_t first = bytes * member / threads / 64 * 64,
            end = bytes * (member + 1) / threads / 64 * 64;
    return std::pair(data->getWeights((call + copies / 2) % copies) + first,
                     (member + 1 == threads ? bytes : end) - first);
  };
  return subject;
}

/// The line of a problem.
static void print(raw_ostream &os, const Problem &problem,
                  const CompiledProblem &compiled, const Subject &subject,
                  const Measurement &m, int64_t copies) {
  double work = 2 * subject.multiplyAdds;
  bool fromMemory = m.isBoundByMemory(subject);
  std::string memory = formatv("{0} {1:F1} GB/s", problem.cold ? "DRAM" : "hot",
                               m.bytesPerSecond / 1e9);
  os << formatv("{0,-52} {1,-14} {2,10:F4} ms {3,8:F1} GOPS {4,6:F1} GB/s "
                "{5,6:F1} % of {6}; roofs: {7} {8:F1} GOPS, {9}; ",
                problem.text, compiled.family, m.seconds * 1e3,
                work / m.seconds / 1e9, subject.weightBytes / m.seconds / 1e9,
                100 * m.fraction,
                fromMemory ? (problem.cold ? "DRAM" : "hot reads") : "dots",
                subject.dot.getName(), 2 * m.dotsPerSecond / 1e9, memory);
  if (problem.cold)
    os << formatv("{0} x {1:F1} MB of weights, ", copies,
                  subject.weightBytes / 1e6);
  os << formatv("{0} B of code compiled in {1:F0} ms\n", compiled.codeBytes,
                compiled.seconds * 1e3);
  os.flush();
}

Error ProblemRun::measure(double seconds, raw_ostream &os) {
  if (std::string difference = data->checkCopies(); !difference.empty())
    return wrong(difference);
  Team team(problem->threads);
  Subject subject = makeSubject();
  Measurement m = mpq::measure(subject, team, seconds);
  if (std::string difference = data->checkResult(); !difference.empty())
    return wrong(difference);
  print(os, *problem, *compiled, subject, m, copies);
  return Error::success();
}

double ProblemRun::getFraction(double seconds) {
  Team team(problem->threads);
  return mpq::measure(makeSubject(), team, seconds).fraction;
}

/// The team is there while it measures only: it spins.
Error ProblemRun::takeTurns() {
  outs() << "ready\n";
  outs().flush();
  Subject subject = makeSubject();
  std::string line;
  for (double seconds; std::getline(std::cin, line);) {
    if (StringRef(line).trim().getAsDouble(seconds))
      return createStringError("expected seconds, got '" + line + "'");
    Team team(problem->threads);
    Measurement m = mpq::measure(subject, team, seconds);
    outs() << formatv("{0:E6} {1:F4}\n", m.seconds, m.fraction);
    outs().flush();
  }
  return Error::success();
}
