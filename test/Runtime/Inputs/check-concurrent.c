/*===----------------------------------------------------------------------===//
// Part of MPQ, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//===----------------------------------------------------------------------===*/
/*
 * Several threads run one model at once, with batches of all sizes; each also
 * makes mistakes, whose messages must be its own. The model: x f32[N] -> y
 * f32[N], y = x + 1000, through its arena.
 */
#include "m.h"

#include <pthread.h>
#include <stdio.h>
#include <string.h>

enum { CALLERS = 6, ROUNDS = 60, MOST = 24 };

static MpqModel *model;

static int run(float *in, float *out, int64_t in_samples, int64_t out_samples) {
  DLTensor x = {in, {kDLCPU, 0}, 1, {kDLFloat, 32, 1}, &in_samples, NULL, 0};
  DLTensor y = {out, {kDLCPU, 0}, 1, {kDLFloat, 32, 1}, &out_samples, NULL, 0};
  DLTensor *inputs[] = {&x}, *outputs[] = {&y};
  return mpq_model_run(model, inputs, outputs);
}

static void *call(void *argument) {
  int caller = *(int *)argument;
  float in[MOST], out[MOST];
  for (int round = 0; round < ROUNDS; ++round) {
    int samples = (round * 7 + caller) % MOST + 1;
    for (int i = 0; i < samples; ++i)
      in[i] = (float)(caller * 10000 + round * 100 + i);
    if (run(in, out, samples, samples) != 0)
      return "a run failed";
    for (int i = 0; i < samples; ++i)
      if (out[i] != in[i] + 1000)
        return "a wrong value";
    char expected[80];
    snprintf(expected, sizeof expected,
             "dimension 0 is %d when it should be %d,", 500 + caller, samples);
    if (run(in, out, samples, 500 + caller) == 0 ||
        !strstr(mpq_model_last_error(), expected))
      return "another thread's message";
  }
  return NULL;
}

int main(void) {
  for (int threads = 1; threads <= 4; ++threads) {
    pthread_t callers[CALLERS];
    int numbers[CALLERS];
    model = mpq_model_create(threads);
    for (int i = 0; i < CALLERS; ++i) {
      numbers[i] = i;
      pthread_create(&callers[i], NULL, call, &numbers[i]);
    }
    for (int i = 0; i < CALLERS; ++i) {
      void *failure;
      pthread_join(callers[i], &failure);
      if (failure)
        printf("%d threads, caller %d: %s\n", threads, i, (char *)failure);
    }
    mpq_model_destroy(model);
  }
  puts("done");
  return 0;
}
