//===----------------------------------------------------------------------===//
// Part of MPQ, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//===----------------------------------------------------------------------===//
//
// Start and end by spinning: what is measured is the kernels, not a pool.
//
//===----------------------------------------------------------------------===//

#include "Team.h"

#include <sched.h>

using namespace mpq;

static void pause() {
#if defined(__x86_64__)
  __builtin_ia32_pause();
#endif
}

/// Puts the calling thread on the `member`-th of the CPUs that the process may
/// use, from the last one down: interrupts tend to go to the first.
static void pin(int64_t member, const cpu_set_t &allowed) {
  int64_t skip = member % CPU_COUNT(&allowed);
  for (int cpu = CPU_SETSIZE - 1; cpu >= 0; --cpu)
    if (CPU_ISSET(cpu, &allowed) && skip-- == 0) {
      cpu_set_t one;
      CPU_ZERO(&one);
      CPU_SET(cpu, &one);
      sched_setaffinity(0, sizeof(one), &one);
      return;
    }
}

/// What the process could use when it started.
static const cpu_set_t &getAllowed() {
  static const cpu_set_t allowed = [] {
    cpu_set_t set;
    CPU_ZERO(&set);
    sched_getaffinity(0, sizeof(set), &set);
    return set;
  }();
  return allowed;
}

Team::Team(int64_t threads) {
  pin(0, getAllowed());
  for (int64_t member = 1; member < threads; ++member)
    workers.emplace_back([this, member] {
      pin(member, getAllowed());
      serve(member);
    });
}

Team::~Team() {
  ending = true;
  ++round;
  for (std::thread &worker : workers)
    worker.join();
  sched_setaffinity(0, sizeof(cpu_set_t), &getAllowed());
}

void Team::serve(int64_t member) {
  for (int64_t seen = 0;; ++seen) {
    while (round.load(std::memory_order_acquire) == seen)
      pause();
    if (ending)
      return;
    work(member);
    done.fetch_add(1, std::memory_order_release);
  }
}

void Team::run(llvm::function_ref<void(int64_t)> newWork) {
  work = newWork;
  done.store(0, std::memory_order_relaxed);
  round.fetch_add(1, std::memory_order_release);
  newWork(0);
  while (done.load(std::memory_order_acquire) != int64_t(workers.size()))
    pause();
}
