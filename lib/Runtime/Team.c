/*===----------------------------------------------------------------------===//
// Part of MPQ, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//===----------------------------------------------------------------------===*/
/*
 * Threads that do parts of the same thing: the calling one, which leads, and
 * helpers, which live as long as the team. The leader puts one part on offer for
 * each helper:
 *
 *     leader                          slot of a helper            helper
 *     write run, frame; exchange -->  OFFERED
 *     do part 0                       TAKEN    <-- compare and exchange
 *     spin                                         do the part
 *     go on                           IDLE     <-- store
 *
 * What has not been taken when the leader has done its own part it takes back
 * and does itself. So it waits for nothing but parts that a running thread has
 * begun: a team does not hang if its helpers never run, and helpers that are
 * asleep, or have lost their CPU to somebody else, cost a call nothing but their
 * help. Part p always goes to helper p, whose cache has what it wrote one
 * operation ago.
 *
 * A helper without an offer spins for SPINS pauses, some tens of microseconds:
 * longer than most operations that one thread does alone, and than the gap
 * between two runs of a busy program. Then it sleeps, and the leader wakes it
 * with the next offer, once. `state` and `sleeping` are written and then read,
 * one by each side, in sequentially consistent order, so one of the two sees
 * what the other wrote.
 *
 * Systems like to wake a thread on the CPU of the one that wakes it. There it
 * waits for milliseconds, since the leader never sleeps, or keeps the leader from
 * running for as long as it spins. So the leader takes its own CPU from those of
 * a helper that it wakes, if there is another one, and the helper, once it runs,
 * takes it back; and a helper that finds itself on the leader's CPU goes away.
 */
#define _GNU_SOURCE /* sched_getcpu, affinities */
#include "Runtime.h"

#include <sched.h>
#include <stdlib.h>

enum { SPINS = 2000, SPINS_ON_A_CPU = 32, LINE = 64 };

enum State { IDLE, OFFERED, TAKEN, OVER };

/* What one helper looks at, on a line of its own (and the next one, which some
 * CPUs fetch together with it). */
typedef struct {
  _Alignas(2 * LINE) atomic_int state;
  MpqPart run;
  void *frame;
  int64_t part, parts;
  atomic_int cpu; /* of the leader when it last made an offer; -1: none yet */

  atomic_bool sleeping; /* set by the helper, reset by both, under the mutex */
  cpu_set_t allowed, others; /* of a helper that sleeps, or that was woken */
  bool moved;                /* from the former to the latter, when woken */
  pthread_mutex_t mutex;
  pthread_cond_t wake;
  pthread_t thread;
} Slot;

struct MpqThreads {
  MpqTeam base;
  size_t helpers, started;
  Slot *slots; /* slot i is that of helper i + 1 */
};

static void pause_thread(void) {
#if defined(__x86_64__)
  __builtin_ia32_pause();
#elif defined(__aarch64__)
  __asm__ volatile("yield");
#endif
}

/* A part that the leader has taken back is nothing to wait for. */
static bool is_call(int state) { return state == OFFERED || state == OVER; }

/* The CPUs of `allowed` other than `cpu`; false: there are none. */
static bool exclude(int cpu, const cpu_set_t *allowed, cpu_set_t *others) {
  if (cpu < 0 || cpu >= CPU_SETSIZE)
    return false;
  *others = *allowed;
  CPU_CLR(cpu, others);
  return CPU_COUNT(others) != 0;
}

/* The helper leaves the leader's CPU. */
static void avoid_leader(Slot *slot) {
  cpu_set_t allowed, others;
  int cpu = atomic_load_explicit(&slot->cpu, memory_order_relaxed);
  if (cpu < 0 || sched_getcpu() != cpu)
    return;
  if (sched_getaffinity(0, sizeof allowed, &allowed) == 0 &&
      exclude(cpu, &allowed, &others) &&
      sched_setaffinity(0, sizeof others, &others) == 0)
    sched_setaffinity(0, sizeof allowed, &allowed);
  else
    sched_yield();
}

/* Until the leader wakes it, or has made a call before it could sleep. */
static void sleep_until_woken(Slot *slot) {
  pthread_mutex_lock(&slot->mutex);
  if (sched_getaffinity(0, sizeof slot->allowed, &slot->allowed) != 0)
    CPU_ZERO(&slot->allowed);
  slot->moved = false;
  atomic_store(&slot->sleeping, true);
  while (!is_call(atomic_load(&slot->state)) && atomic_load(&slot->sleeping))
    pthread_cond_wait(&slot->wake, &slot->mutex);
  atomic_store(&slot->sleeping, false);
  cpu_set_t now;
  /* Unless somebody else has bound this thread in the meantime. */
  if (slot->moved && sched_getaffinity(0, sizeof now, &now) == 0 &&
      CPU_EQUAL(&now, &slot->others))
    sched_setaffinity(0, sizeof slot->allowed, &slot->allowed);
  pthread_mutex_unlock(&slot->mutex);
}

static void wake(Slot *slot) {
  pthread_mutex_lock(&slot->mutex);
  if (atomic_load(&slot->sleeping)) {
    atomic_store(&slot->sleeping, false);
    int cpu = atomic_load_explicit(&slot->cpu, memory_order_relaxed);
    slot->moved = exclude(cpu, &slot->allowed, &slot->others) &&
                  pthread_setaffinity_np(slot->thread, sizeof slot->others,
                                         &slot->others) == 0;
    pthread_cond_signal(&slot->wake);
  }
  pthread_mutex_unlock(&slot->mutex);
}

/* Makes `state` seen, by a helper that sleeps, too. */
static void publish(Slot *slot, int state) {
  atomic_exchange(&slot->state, state);
  if (atomic_load(&slot->sleeping))
    wake(slot);
}

static int wait_for_call(Slot *slot) {
  for (;;) {
    for (int i = 0; i < SPINS; ++i) {
      int state = atomic_load_explicit(&slot->state, memory_order_acquire);
      if (is_call(state))
        return state;
      if (i % SPINS_ON_A_CPU == SPINS_ON_A_CPU - 1)
        avoid_leader(slot);
      pause_thread();
    }
    sleep_until_woken(slot);
  }
}

static bool take(Slot *slot) {
  int expected = OFFERED;
  return atomic_compare_exchange_strong_explicit(
      &slot->state, &expected, TAKEN, memory_order_acquire,
      memory_order_relaxed);
}

static void do_part(Slot *slot) {
  slot->run(slot->frame, slot->part, slot->parts);
  atomic_store_explicit(&slot->state, IDLE, memory_order_release);
}

static void *help(void *argument) {
  Slot *slot = argument;
  mpq_enter_float_mode();
  while (wait_for_call(slot) != OVER)
    if (take(slot))
      do_part(slot);
  return NULL;
}

/* After the leader's own part: does what is still on offer, waits for the rest.
 * That does not take long unless the system runs something else in the place of
 * a helper. */
static void finish(MpqThreads *team, int64_t parts) {
  for (int64_t part = 1; part < parts; ++part) {
    Slot *slot = &team->slots[part - 1];
    if (atomic_load_explicit(&slot->state, memory_order_relaxed) == OFFERED &&
        take(slot))
      do_part(slot);
  }
  for (int64_t part = 1; part < parts; ++part)
    for (int i = 0; atomic_load_explicit(&team->slots[part - 1].state,
                                         memory_order_acquire) != IDLE;
         ++i)
      if (i < SPINS)
        pause_thread();
      else
        sched_yield();
}

static void fork_parts(MpqTeam *base, MpqPart run, void *frame, int64_t parts) {
  MpqThreads *team = (MpqThreads *)base;
  if (parts > (int64_t)team->helpers + 1)
    parts = (int64_t)team->helpers + 1;
  if (parts < 2) {
    run(frame, 0, 1);
    return;
  }
  const int cpu = sched_getcpu();
  for (int64_t part = 1; part < parts; ++part) {
    Slot *slot = &team->slots[part - 1];
    atomic_store_explicit(&slot->cpu, cpu, memory_order_relaxed);
    slot->run = run;
    slot->frame = frame;
    slot->part = part;
    slot->parts = parts;
    publish(slot, OFFERED);
  }
  run(frame, 0, parts);
  finish(team, parts);
}

MpqThreads *mpq_threads_create(size_t count) {
  MpqThreads *team = calloc(1, sizeof *team);
  void *slots = NULL;
  if (!team || posix_memalign(&slots, 2 * LINE, (count - 1) * sizeof(Slot)) != 0) {
    free(team);
    return NULL;
  }
  team->base.fork = fork_parts;
  team->slots = slots;
  team->helpers = count - 1;
  for (size_t i = 0; i < team->helpers; ++i) {
    Slot *slot = &team->slots[i];
    atomic_init(&slot->state, IDLE);
    atomic_init(&slot->cpu, -1);
    atomic_init(&slot->sleeping, false);
    pthread_mutex_init(&slot->mutex, NULL);
    pthread_cond_init(&slot->wake, NULL);
  }
  while (team->started < team->helpers &&
         pthread_create(&team->slots[team->started].thread, NULL, help,
                        &team->slots[team->started]) == 0)
    ++team->started;
  return team;
}

bool mpq_threads_are_complete(const MpqThreads *team) {
  return team->started == team->helpers;
}

MpqTeam *mpq_threads_team(MpqThreads *team) { return &team->base; }

void mpq_threads_destroy(MpqThreads *team) {
  if (!team)
    return;
  for (size_t i = 0; i < team->started; ++i)
    publish(&team->slots[i], OVER);
  for (size_t i = 0; i < team->started; ++i)
    pthread_join(team->slots[i].thread, NULL);
  for (size_t i = 0; i < team->helpers; ++i) {
    pthread_mutex_destroy(&team->slots[i].mutex);
    pthread_cond_destroy(&team->slots[i].wake);
  }
  free(team->slots);
  free(team);
}
