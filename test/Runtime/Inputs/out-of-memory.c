/*===----------------------------------------------------------------------===//
// Part of MPQ, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//===----------------------------------------------------------------------===*/
/*
 * Every request to the system fails once: memory, and threads. Linked with
 * --wrap for each of the functions below; the first `allowed` of their calls
 * succeed. Creating or running the model then fails with a message and leaves
 * nothing behind (a leak is an error of the sanitizer), or works.
 */
#include "mpq-c/Model.h"

#include <errno.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

static atomic_long allowed = 1 << 30;

static int refused(void) { return atomic_fetch_sub(&allowed, 1) <= 0; }

void *__real_malloc(size_t size);
void *__wrap_malloc(size_t size) { return refused() ? NULL : __real_malloc(size); }

void *__real_calloc(size_t count, size_t size);
void *__wrap_calloc(size_t count, size_t size) {
  return refused() ? NULL : __real_calloc(count, size);
}

int __real_posix_memalign(void **memory, size_t alignment, size_t size);
int __wrap_posix_memalign(void **memory, size_t alignment, size_t size) {
  return refused() ? ENOMEM : __real_posix_memalign(memory, alignment, size);
}

void *__real_mmap(void *address, size_t size, int protection, int flags, int file, off_t offset);
void *__wrap_mmap(void *address, size_t size, int protection, int flags, int file, off_t offset) {
  return refused() ? MAP_FAILED : __real_mmap(address, size, protection, flags, file, offset);
}

int __real_pthread_create(pthread_t *thread, const pthread_attr_t *attributes, void *(*start)(void *), void *argument);
int __wrap_pthread_create(pthread_t *thread, const pthread_attr_t *attributes, void *(*start)(void *), void *argument) {
  return refused() ? EAGAIN : __real_pthread_create(thread, attributes, start, argument);
}

static float in[64 * 64], out[64 * 64];

static int run(MpqModel *model) {
  const MpqModelInfo *info = mpq_model_info();
  int64_t in_shape[8], out_shape[8];
  memcpy(in_shape, info->inputs[0].shape, (size_t)info->inputs[0].ndim * 8);
  memcpy(out_shape, info->outputs[0].shape, (size_t)info->outputs[0].ndim * 8);
  in_shape[0] = out_shape[0] = 4;
  for (int32_t d = 1; d < info->inputs[0].ndim; ++d)
    if (in_shape[d] < 0)
      in_shape[d] = 8;
  DLTensor x, y;
  memset(&x, 0, sizeof x);
  x.device.device_type = kDLCPU;
  x.dtype = info->inputs[0].dtype;
  y = x;
  x.data = in, x.shape = in_shape, x.ndim = info->inputs[0].ndim;
  y.data = out, y.shape = out_shape, y.ndim = info->outputs[0].ndim;
  DLTensor *inputs[] = {&x}, *outputs[] = {&y};
  return mpq_model_output_shape(model, inputs, 0, out_shape) != 0 ||
         mpq_model_run(model, inputs, outputs) != 0;
}

/* A second caller while the first holds the model's only arena would need
 * another; here it is the message's own memory that may be missing, too. */
static void check_message(const char *what, long limit) {
  const char *message = mpq_model_last_error();
  /* Where there was no memory for the message either, it is the last one. */
  if (*message && !strstr(message, "out of memory") && !strstr(message, "threads"))
    printf("%s with %ld requests: %s\n", what, limit, message);
}

int main(void) {
  int failed = 0, worked = 0;
  for (int threads = 1; threads <= 3; ++threads)
    for (long limit = 0; worked < threads; ++limit) {
      atomic_store(&allowed, limit);
      MpqModel *model = mpq_model_create(threads);
      if (!model)
        check_message("create", limit);
      else if (run(model) != 0)
        check_message("run", limit);
      else
        ++worked;
      failed += worked < threads;
      atomic_store(&allowed, 1 << 30);
      mpq_model_destroy(model);
    }
  printf("%s\n", failed > 6 ? "done" : "too few requests were refused");
  return 0;
}
