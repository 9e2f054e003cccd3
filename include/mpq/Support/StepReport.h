//===----------------------------------------------------------------------===//
// Part of MPQ, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//===----------------------------------------------------------------------===//
//
// What the user sees while the compiler works: numbered steps with their time
// and the peak memory of the process.
//
//===----------------------------------------------------------------------===//
#ifndef MPQ_SUPPORT_STEPREPORT_H
#define MPQ_SUPPORT_STEPREPORT_H

#include "llvm/ADT/StringRef.h"
#include "llvm/Support/raw_ostream.h"

#include <chrono>
#include <cstdint>
#include <mutex>
#include <optional>

namespace mpq {

/// A bar on one line of the terminal, rewritten in place; nothing when the
/// stream is not a terminal. Safe to call from one thread at a time.
class ProgressBar {
public:
  ProgressBar(llvm::raw_ostream &os, llvm::StringRef label);
  ~ProgressBar();
  void update(int64_t done, int64_t total);

private:
  llvm::raw_ostream &os;
  std::string label;
  bool shown = false;
  int percent = -1;
};

/// Prints `[3] sensitivity             4.21 s   212 MB` for each step, and while
/// it lasts how far it is.
class StepReport {
public:
  explicit StepReport(llvm::raw_ostream &os) : os(os) {}

  /// Ends the step before, if any, and begins the next.
  void begin(llvm::StringRef name);
  /// One more of `total` parts of the step is done. Any thread may say so. A
  /// step that goes through its parts several times starts again.
  void advance(int64_t total);
  /// Ends the last step.
  void end();

private:
  using Clock = std::chrono::steady_clock;

  llvm::raw_ostream &os;
  std::string name;
  unsigned number = 0;
  bool open = false;
  Clock::time_point start;
  std::mutex mutex;
  int64_t done = 0;
  std::optional<ProgressBar> bar;
};

} // namespace mpq

#endif // MPQ_SUPPORT_STEPREPORT_H
