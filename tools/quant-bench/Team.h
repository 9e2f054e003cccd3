//===----------------------------------------------------------------------===//
// Part of MPQ, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//===----------------------------------------------------------------------===//
//
// Threads that do one thing at the same time, each on a CPU of its own.
//
//===----------------------------------------------------------------------===//
#ifndef MPQ_TOOLS_QUANT_BENCH_TEAM_H
#define MPQ_TOOLS_QUANT_BENCH_TEAM_H

#include "llvm/ADT/STLFunctionalExtras.h"

#include <atomic>
#include <thread>
#include <vector>

namespace mpq {

/// The calling thread is member 0. Between calls of `run` the others spin.
class Team {
public:
  explicit Team(int64_t threads);
  ~Team();
  Team(const Team &) = delete;

  int64_t size() const { return workers.size() + 1; }
  /// Calls `work` with the number of each member, and waits for all of them.
  void run(llvm::function_ref<void(int64_t)> work);

private:
  void serve(int64_t member);

  llvm::function_ref<void(int64_t)> work;
  std::atomic<int64_t> round = 0, done = 0;
  std::atomic<bool> ending = false;
  std::vector<std::thread> workers;
};

} // namespace mpq

#endif // MPQ_TOOLS_QUANT_BENCH_TEAM_H
