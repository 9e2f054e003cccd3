//===----------------------------------------------------------------------===//
// Part of MPQ, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//===----------------------------------------------------------------------===//
//
// Rounds and medians.
//
//===----------------------------------------------------------------------===//

#include "Measure.h"

#include "llvm/ADT/STLExtras.h"

#include <algorithm>
#include <chrono>
#include <limits>

using namespace mpq;

static double now() {
  return std::chrono::duration<double>(
             std::chrono::steady_clock::now().time_since_epoch())
      .count();
}

double mpq::getQuantile(std::vector<double> values, double fraction) {
  if (values.empty())
    return 0;
  auto at = values.begin() +
            std::min<size_t>(values.size() * fraction, values.size() - 1);
  std::nth_element(values.begin(), at, values.end());
  return *at;
}

static double median(std::vector<double> values) {
  return getQuantile(std::move(values), 0.5);
}

double mpq::timeCalls(llvm::function_ref<void()> run, double budget) {
  constexpr double kBatch = 20e-6;
  constexpr size_t kFewest = 7;
  run();
  double once = now();
  run();
  once = std::max(now() - once, 1e-8);
  int64_t batch = std::max(1.0, kBatch / once);
  std::vector<double> times;
  for (double end = now() + budget; times.size() < kFewest || now() < end;) {
    double start = now();
    for (int64_t i = 0; i < batch; ++i)
      run();
    times.push_back((now() - start) / batch);
  }
  return median(times) * 1e9;
}

std::vector<double>
mpq::timeInTurns(llvm::ArrayRef<std::function<void()>> runs) {
  constexpr int kTurns = 3;
  constexpr double kTurn = 2.5e-3;
  std::vector<double> least(runs.size(),
                            std::numeric_limits<double>::infinity());
  for (int turn = 0; turn < kTurns; ++turn)
    for (auto [time, run] : llvm::zip(least, runs))
      time = std::min(time, timeCalls(run, kTurn));
  return least;
}

namespace {

class Rounds {
public:
  Rounds(const Subject &subject, Team &team) : subject(subject), team(team) {}
  Measurement measure(double budget);

private:
  double time(llvm::function_ref<void(int64_t)> work) {
    double start = now();
    team.run(work);
    return now() - start;
  }
  double timeCalls() {
    int64_t first = call;
    call += batch;
    // Calls in a model follow each other: each waits for all of its parts.
    double start = now();
    for (int64_t i = first; i < first + batch; ++i)
      team.run([&](int64_t member) { subject.run(member, i); });
    return now() - start;
  }
  double timeReads();
  double timeDots();
  void addRound();

  const Subject &subject;
  Team &team;
  /// Calls in a batch, and the length of the dot loop that takes as long. The
  /// clock depends on how long wide vectors have been busy.
  int64_t batch = 1, length = 1;
  int64_t call = 0;
  std::vector<double> seconds, dots, bytes, fractions;
};

} // namespace

/// Reads what a batch of calls half a turn away reads: weights that come from
/// DRAM for the calls come from there for the loop, too, and those in a cache
/// from the cache.
double Rounds::timeReads() {
  int64_t first = call;
  return time([&](int64_t member) {
    for (int64_t i = first; i < first + batch; ++i) {
      auto [start, size] = subject.weights(member, i);
      readBytes(start, size);
    }
  });
}

double Rounds::timeDots() {
  double work = 0;
  double elapsed = time([&](int64_t member) {
    double done = subject.dot.run(length);
    if (member == 0)
      work = done;
  });
  return elapsed / (work * team.size());
}

void Rounds::addRound() {
  double secondsPerDot = 0, secondsPerByte = 0;
  if (subject.dot.kind != DotInstruction::None)
    secondsPerDot = timeDots();
  seconds.push_back(timeCalls() / batch);
  if (subject.weightBytes)
    secondsPerByte = timeReads() / (batch * subject.weightBytes);
  if (secondsPerDot)
    dots.push_back(1 / secondsPerDot);
  if (secondsPerByte)
    bytes.push_back(1 / secondsPerByte);
  fractions.push_back(std::max(subject.multiplyAdds * secondsPerDot,
                               subject.weightBytes * secondsPerByte) /
                      seconds.back());
}

Measurement Rounds::measure(double budget) {
  constexpr double kShortest = 50e-6, kLongestLoop = 2e-3, kLoop = 25e-6;
  constexpr size_t kFewest = 5;
  timeCalls();
  double once = std::max(timeCalls(), 1e-7);
  batch = std::max(1.0, kShortest / once);
  length = std::max(1.0, std::min(batch * once, kLongestLoop) / kLoop);
  for (double end = now() + budget; seconds.size() < kFewest || now() < end;)
    addRound();
  return {median(seconds), median(dots), median(bytes), median(fractions)};
}

bool Measurement::isBoundByMemory(const Subject &subject) const {
  if (!bytesPerSecond || !dotsPerSecond)
    return bytesPerSecond;
  return subject.weightBytes / bytesPerSecond >
         subject.multiplyAdds / dotsPerSecond;
}

Measurement mpq::measure(const Subject &subject, Team &team, double budget) {
  return Rounds(subject, team).measure(budget);
}
