/*===----------------------------------------------------------------------===//
// Part of MPQ, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//===----------------------------------------------------------------------===*/
/*
 * The thread pool of the library, with two things changed.
 *
 * Its waiting is shorter. The library lets an idle worker, and
 * a caller whose workers are not done, spin for a million pauses (50 ms) before
 * it sleeps. A model that runs now and then would so keep all cores busy, and
 * two threads on one core would wait for each other's time slice. SPINS pauses
 * are some tens of microseconds: longer than the gap between two runs of a busy
 * program, and no more than what waking a sleeper costs anyway.
 *
 * And threads that the system does not start are seen. The library takes it for
 * granted that pthread_create works; where it does not, it would wait for ever
 * for that thread to say that it is there. Here the starter says so in its
 * place, no thread is joined that never was, and `mpq_pool_is_complete` tells.
 */
#include "Runtime.h"
#include "threadpool-common.h"
#include "threadpool-object.h"

static void checkin_worker_thread(struct pthreadpool *pool);

/* The pool's memory is zero at first, which is no thread's identifier. */
static int start_worker(pthread_t *thread, void *(*run)(void *), void *info) {
  int error = pthread_create(thread, NULL, run, info);
  if (error != 0) {
    *thread = 0;
    checkin_worker_thread(((struct thread_info *)info)->threadpool);
  }
  return error;
}

static int join_worker(pthread_t thread) {
  return thread == 0 ? 0 : pthread_join(thread, NULL);
}

#define pthread_create(thread, attributes, run, info) start_worker(thread, run, info)
#define pthread_join(thread, result) join_worker(thread)

#undef PTHREADPOOL_SPIN_WAIT_ITERATIONS
#define PTHREADPOOL_SPIN_WAIT_ITERATIONS 1000

#include "pthreads.c"

bool mpq_pool_is_complete(const struct pthreadpool *pool) {
  for (size_t i = 1; i < pool->threads_count.value; ++i)
    if (pool->threads[i].thread_object == 0)
      return false;
  return true;
}
