//===----------------------------------------------------------------------===//
// Part of MPQ, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//===----------------------------------------------------------------------===//
//
// Parts for threads, copies for cold weights, and the line that is printed.
//
//===----------------------------------------------------------------------===//

#include "ProblemRun.h"

#include "llvm/Support/FormatVariadic.h"

#include <iostream>

using namespace llvm;
using namespace mpq;

Error ProblemRun::addPart(mlir::MLIRContext &context, Problem part,
                          const RunOptions &options) {
  auto found = compiled.find(part.outputs);
  if (found == compiled.end()) {
    Expected<CompiledProblem> result = compileProblem(
        context, part, target,
        problem.family.empty() ? options.family : problem.family, options.dump);
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
                                        const Problem &problem,
                                        const RunOptions &options) {
  Expected<TargetSpec> target = getProblemTarget(problem, options.mcpu);
  if (!target)
    return target.takeError();
  ProblemRun run(problem, *target);
  for (int64_t thread = 0; thread < problem.threads; ++thread)
    if (Problem part = problem.slice(thread); part.outputs > 0)
      if (Error error = run.addPart(context, std::move(part), options))
        return std::move(error);
  return std::move(run);
}

int64_t ProblemRun::getWeightBytes() const {
  int64_t bytes = 0;
  for (auto &part : parts)
    bytes += part->data->getWeightBytes();
  return bytes;
}

Error ProblemRun::check(bool copyCold) {
  constexpr int64_t kColdBytes = 256 << 20;
  if (problem.cold && copyCold)
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
                : problem.bf16Input && target.has("avx512bf16")
                    ? DotInstruction::getBf16(bits)
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
  for (auto &part : parts)
    if (std::string difference = part->data->checkCopies(); !difference.empty())
      return wrong(difference);
  Team team(parts.size());
  Subject subject = makeSubject();
  Measurement m = mpq::measure(subject, team, seconds);
  for (auto &part : parts)
    if (std::string difference = part->data->checkResult(); !difference.empty())
      return wrong(difference);
  print(os, problem, *parts[0]->compiled, subject, m, copies);
  return Error::success();
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
    Team team(parts.size());
    Measurement m = mpq::measure(subject, team, seconds);
    outs() << formatv("{0:E6} {1:F4}\n", m.seconds, m.fraction);
    outs().flush();
  }
  return Error::success();
}
