/*===----------------------------------------------------------------------===//
// Part of MPQ, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//===----------------------------------------------------------------------===*/
/*
 * After the first runs of the largest batch nothing is allocated any more,
 * whatever the number of threads, and threads that have nothing to do sleep.
 * The model: x f32[N] -> y f32[N], with 64 bytes of scratch memory.
 */
#define _GNU_SOURCE
#include MODEL_HEADER

#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

/* What the program defines, the libraries that it loads call, too. */
static atomic_long allocations;
extern void *__libc_malloc(size_t), *__libc_calloc(size_t, size_t),
    *__libc_realloc(void *, size_t), *__libc_memalign(size_t, size_t);
void *malloc(size_t bytes) {
  ++allocations;
  return __libc_malloc(bytes);
}
void *calloc(size_t count, size_t bytes) {
  ++allocations;
  return __libc_calloc(count, bytes);
}
void *realloc(void *block, size_t bytes) {
  ++allocations;
  return __libc_realloc(block, bytes);
}
void *aligned_alloc(size_t alignment, size_t bytes) {
  ++allocations;
  return __libc_memalign(alignment, bytes);
}
void *mmap(void *at, size_t bytes, int protection, int flags, int file, off_t offset) {
  ++allocations;
  return (void *)syscall(SYS_mmap, at, bytes, protection, flags, file, offset);
}

static void check(int good, const char *what) {
  if (good)
    return;
  printf("FAILED: %s (%s)\n", what, mpq_model_last_error());
  exit(1);
}

enum { SAMPLES = 64 };
static float in[SAMPLES], out[SAMPLES];

static void run(MpqModel *model, int64_t samples) {
  DLTensor x, y;
  memset(&x, 0, sizeof x);
  x.device.device_type = kDLCPU;
  x.ndim = 1;
  x.dtype.code = kDLFloat;
  x.dtype.bits = 32;
  x.dtype.lanes = 1;
  x.shape = &samples;
  y = x;
  x.data = in;
  y.data = out;
  DLTensor *inputs[] = {&x}, *outputs[] = {&y};
  check(mpq_model_run(model, inputs, outputs) == 0, "run");
}

/* Of all threads of this process. */
static double cpu_seconds(void) {
  struct timespec time;
  clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &time);
  return (double)time.tv_sec + 1e-9 * (double)time.tv_nsec;
}

int main(void) {
  for (int threads = 1; threads <= 4; ++threads) {
    long before = allocations;
    MpqModel *model = mpq_model_create(threads);
    check(model != NULL, "create");
    check(allocations > before, "allocations are counted");
    run(model, 1);
    run(model, SAMPLES);
    before = allocations;
    for (int i = 0; i < 1000; ++i)
      run(model, 1 + i % SAMPLES);
    check(allocations == before, "a run allocates");
    /* A second is a thousand times what threads may wait for more work. */
    double start = cpu_seconds();
    usleep(1000000);
    check(cpu_seconds() - start < 0.5, "idle threads do not sleep");
    mpq_model_destroy(model);
  }
  puts("done");
  return 0;
}
