/*===----------------------------------------------------------------------===//
// Part of MPQ, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//===----------------------------------------------------------------------===*/
/*
 * A compiled model, linked statically with a runtime that a sanitizer watches:
 * many threads run one object, and many objects run side by side, in batches of
 * all sizes. Every sample has one right answer, to the last bit, which is what
 * one thread computes alone.
 */
#include "mpq-c/Model.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { CALLERS = 8, RUNS = 1000, SAMPLES = 32, MOST = 9 };

static size_t in_size, out_size; /* elements of one sample */
static float *in, *expected;     /* SAMPLES of them */
static MpqModel *shared;

static size_t count(const MpqTensorInfo *info) {
  size_t size = 1;
  for (int32_t d = 1; d < info->ndim; ++d)
    size *= (size_t)info->shape[d];
  return size;
}

static int run(MpqModel *model, float *from, float *to, int64_t samples) {
  const MpqModelInfo *info = mpq_model_info();
  int64_t in_shape[8], out_shape[8];
  memcpy(in_shape, info->inputs[0].shape, (size_t)info->inputs[0].ndim * 8);
  memcpy(out_shape, info->outputs[0].shape, (size_t)info->outputs[0].ndim * 8);
  in_shape[0] = out_shape[0] = samples;
  DLTensor x, y;
  memset(&x, 0, sizeof x);
  x.device.device_type = kDLCPU;
  x.dtype = info->inputs[0].dtype;
  y = x;
  y.dtype = info->outputs[0].dtype;
  x.data = from, x.shape = in_shape, x.ndim = info->inputs[0].ndim;
  y.data = to, y.shape = out_shape, y.ndim = info->outputs[0].ndim;
  DLTensor *inputs[] = {&x}, *outputs[] = {&y};
  return mpq_model_run(model, inputs, outputs);
}

/* Runs `runs` batches; what went wrong, or NULL. */
static const char *call(MpqModel *model, unsigned caller, int runs) {
  float *out = malloc(MOST * out_size * sizeof *out);
  const char *failure = NULL;
  for (int i = 0; i < runs && !failure; ++i) {
    unsigned samples = 1 + (unsigned)(i * 5 + (int)caller * 3) % MOST;
    unsigned first = (unsigned)(i * 7 + (int)caller * 11) % (SAMPLES - MOST);
    memset(out, 0xff, MOST * out_size * sizeof *out);
    if (run(model, in + first * in_size, out, samples) != 0)
      failure = mpq_model_last_error();
    else if (memcmp(out, expected + first * out_size,
                    samples * out_size * sizeof *out) != 0)
      failure = "another result";
    /* A mistake in between, whose message must be this thread's own. */
    else if (i % 100 == 0 &&
             (run(model, NULL, out, samples) == 0 ||
              !strstr(mpq_model_last_error(), "the data pointer is null")))
      failure = "another thread's message";
  }
  free(out);
  return failure;
}

static void *call_shared(void *caller) {
  return (void *)call(shared, *(unsigned *)caller, RUNS);
}

/* Makes, uses and destroys objects of its own. */
static void *call_own(void *caller) {
  for (int round = 0; round < 10; ++round) {
    MpqModel *model = mpq_model_create(1 + round % 3);
    if (!model)
      return (void *)mpq_model_last_error();
    const char *failure = call(model, *(unsigned *)caller + round, 20);
    mpq_model_destroy(model);
    if (failure)
      return (void *)failure;
  }
  return NULL;
}

static int run_callers(const char *what, void *(*callee)(void *)) {
  pthread_t threads[CALLERS];
  unsigned numbers[CALLERS];
  int failures = 0;
  for (unsigned i = 0; i < CALLERS; ++i) {
    numbers[i] = i;
    pthread_create(&threads[i], NULL, callee, &numbers[i]);
  }
  for (unsigned i = 0; i < CALLERS; ++i) {
    void *failure;
    pthread_join(threads[i], &failure);
    if (failure)
      printf("%s, caller %u: %s\n", what, i, (const char *)failure);
    failures += failure != NULL;
  }
  return failures;
}

int main(void) {
  const MpqModelInfo *info = mpq_model_info();
  in_size = count(&info->inputs[0]);
  out_size = count(&info->outputs[0]);
  in = malloc(SAMPLES * in_size * sizeof *in);
  expected = malloc(SAMPLES * out_size * sizeof *expected);
  for (size_t i = 0; i < SAMPLES * in_size; ++i)
    in[i] = (float)(i * 2654435761u % 1000) / 1000;
  MpqModel *alone = mpq_model_create(1);
  for (int i = 0; i < SAMPLES; ++i)
    if (run(alone, in + (size_t)i * in_size, expected + (size_t)i * out_size, 1)) {
      printf("%s\n", mpq_model_last_error());
      return 1;
    }
  mpq_model_destroy(alone);

  int failures = 0;
  for (int threads = 1; threads <= 4; threads += 3) {
    shared = mpq_model_create(threads);
    failures += run_callers(threads == 1 ? "one object" : "one object with a pool", call_shared);
    mpq_model_destroy(shared);
  }
  failures += run_callers("many objects", call_own);
  free(in);
  free(expected);
  puts(failures ? "failed" : "done");
  return failures != 0;
}
