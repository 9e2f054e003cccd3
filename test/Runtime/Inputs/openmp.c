/*===----------------------------------------------------------------------===//
// Part of MPQ, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//===----------------------------------------------------------------------===*/
/*
 * A model in a program that has threads of its own, by OpenMP: called by one
 * thread between parallel regions, and by all threads within one. Results are
 * the same as those of one thread. The model: x f32[N] -> y f32[N].
 */
#include MODEL_HEADER

#include <omp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { SAMPLES = 203, THREADS = 4, ROUNDS = 200 };
static float in[SAMPLES], expected[SAMPLES], out[THREADS][SAMPLES];

static int run(MpqModel *model, float *to) {
  int64_t samples = SAMPLES;
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
  y.data = to;
  DLTensor *inputs[] = {&x}, *outputs[] = {&y};
  memset(to, 0xff, SAMPLES * sizeof *to);
  return mpq_model_run(model, inputs, outputs) == 0 &&
         memcmp(to, expected, sizeof expected) == 0;
}

int main(void) {
  for (int i = 0; i < SAMPLES; ++i)
    in[i] = (float)i / 7;
  MpqModel *alone = mpq_model_create(1), *model = mpq_model_create(THREADS);
  if (!alone || !model)
    return 1;
  run(alone, expected);
  omp_set_num_threads(THREADS);
  int wrong = expected[1] == expected[2];
  for (int round = 0; round < ROUNDS; ++round) {
    wrong += !run(model, out[0]);
#pragma omp parallel reduction(+ : wrong)
    wrong += !run(model, out[omp_get_thread_num()]);
  }
  mpq_model_destroy(model);
  mpq_model_destroy(alone);
  printf("%d wrong\n", wrong);
  return wrong != 0;
}
