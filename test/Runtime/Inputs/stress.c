/*===----------------------------------------------------------------------===//
// Part of MPQ, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//===----------------------------------------------------------------------===*/
/*
 * A model, linked statically with a runtime that a sanitizer watches: many
 * threads run one object, and many objects run side by side, in batches of all
 * sizes and, where the model has a size that depends on the run, with several
 * values of it. Every sample has one right answer, to the last bit, which is
 * what one thread computes alone.
 */
#include "mpq-c/Model.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { CALLERS = 8, RUNS = 1000, SAMPLES = 32, MOST = 9, LENGTHS = 6, RANK = 8 };

/* The samples for one value of the open size (or the only one). */
typedef struct {
  size_t in_size, out_size; /* elements of one sample */
  float *in, *expected;     /* SAMPLES of them */
  int64_t length;
} Case;

static Case cases[LENGTHS];
static int num_cases;
static MpqModel *shared;

/* A tensor of `samples` samples; open dimensions other than 0 are `length`. */
static DLTensor make_tensor(const MpqTensorInfo *info, float *data,
                            int64_t *shape, int64_t samples, int64_t length) {
  DLTensor tensor;
  memset(&tensor, 0, sizeof tensor);
  tensor.device.device_type = kDLCPU;
  tensor.dtype = info->dtype;
  tensor.ndim = info->ndim;
  tensor.shape = shape;
  tensor.data = data;
  for (int32_t d = 0; d < info->ndim; ++d)
    shape[d] = d == 0 ? samples : info->shape[d] < 0 ? length : info->shape[d];
  return tensor;
}

static int run(MpqModel *model, const Case *one, float *from, float *to,
               int64_t samples) {
  const MpqModelInfo *info = mpq_model_info();
  int64_t in_shape[RANK], out_shape[RANK];
  DLTensor x = make_tensor(&info->inputs[0], from, in_shape, samples, one->length);
  DLTensor y = make_tensor(&info->outputs[0], to, out_shape, samples, 0);
  DLTensor *inputs[] = {&x}, *outputs[] = {&y};
  if (mpq_model_output_shape(model, inputs, 0, out_shape) != 0)
    return 1;
  return mpq_model_run(model, inputs, outputs);
}

/* Runs `runs` batches; what went wrong, or NULL. */
static const char *call(MpqModel *model, unsigned caller, int runs) {
  const char *failure = NULL;
  for (int i = 0; i < runs && !failure; ++i) {
    const Case *one = &cases[(unsigned)(i + (int)caller) % (unsigned)num_cases];
    unsigned samples = 1 + (unsigned)(i * 5 + (int)caller * 3) % MOST;
    unsigned first = (unsigned)(i * 7 + (int)caller * 11) % (SAMPLES - MOST);
    float *out = malloc(samples * one->out_size * sizeof *out);
    if (run(model, one, one->in + first * one->in_size, out, samples) != 0)
      failure = mpq_model_last_error();
    else if (memcmp(out, one->expected + first * one->out_size,
                    samples * one->out_size * sizeof *out) != 0)
      failure = "another result";
    /* A mistake in between, whose message must be this thread's own. */
    else if (i % 100 == 0 &&
             (run(model, one, NULL, out, samples) == 0 ||
              !strstr(mpq_model_last_error(), "the data pointer is null")))
      failure = "another thread's message";
    free(out);
  }
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
    const char *failure = call(model, *(unsigned *)caller + (unsigned)round, 20);
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

static size_t count(const int64_t *shape, int32_t rank) {
  size_t size = 1;
  for (int32_t d = 1; d < rank; ++d)
    size *= (size_t)shape[d];
  return size;
}

/* The inputs for this length, and what one thread makes of them. */
static int prepare(MpqModel *alone, Case *one, int64_t length) {
  const MpqModelInfo *info = mpq_model_info();
  int64_t in_shape[RANK], out_shape[RANK];
  one->length = length;
  DLTensor x = make_tensor(&info->inputs[0], NULL, in_shape, 1, length);
  DLTensor *inputs[] = {&x};
  if (mpq_model_output_shape(alone, inputs, 0, out_shape) != 0)
    return 1;
  one->in_size = count(in_shape, info->inputs[0].ndim);
  one->out_size = count(out_shape, info->outputs[0].ndim);
  one->in = malloc(SAMPLES * one->in_size * sizeof *one->in);
  one->expected = malloc(SAMPLES * one->out_size * sizeof *one->expected);
  for (size_t i = 0; i < SAMPLES * one->in_size; ++i)
    one->in[i] = (float)((i + (size_t)length) * 2654435761u % 1000) / 1000;
  for (size_t i = 0; i < SAMPLES; ++i)
    if (run(alone, one, one->in + i * one->in_size, one->expected + i * one->out_size, 1))
      return 1;
  return 0;
}

int main(void) {
  const MpqTensorInfo *input = &mpq_model_info()->inputs[0];
  num_cases = 1;
  for (int32_t d = 1; d < input->ndim; ++d)
    if (input->shape[d] < 0)
      num_cases = LENGTHS;
  MpqModel *alone = mpq_model_create(1);
  for (int i = 0; i < num_cases; ++i)
    if (prepare(alone, &cases[i], 1 + 7 * i) != 0) {
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
  for (int i = 0; i < num_cases; ++i) {
    free(cases[i].in);
    free(cases[i].expected);
  }
  puts(failures ? "failed" : "done");
  return failures != 0;
}
