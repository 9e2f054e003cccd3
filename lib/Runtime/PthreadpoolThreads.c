/*===----------------------------------------------------------------------===//
// Part of MPQ, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//===----------------------------------------------------------------------===*/
/*
 * The thread pool's waiting, made shorter. The library lets an idle worker, and
 * a caller whose workers are not done, spin for a million pauses (50 ms) before
 * it sleeps. A model that runs now and then would so keep all cores busy, and
 * two threads on one core would wait for each other's time slice. SPINS pauses
 * are some tens of microseconds: longer than the gap between two runs of a busy
 * program, and no more than what waking a sleeper costs anyway.
 */
#include "threadpool-common.h"

#undef PTHREADPOOL_SPIN_WAIT_ITERATIONS
#define PTHREADPOOL_SPIN_WAIT_ITERATIONS 1000

#include "pthreads.c"
