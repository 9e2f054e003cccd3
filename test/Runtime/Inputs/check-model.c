/*===----------------------------------------------------------------------===//
// Part of MPQ, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//===----------------------------------------------------------------------===*/
/*
 * Uses a model as a program would, through the header that was written beside
 * it; C11 and C++. First what must work, then every mistake a caller can make.
 * The model: x f32[N, 4] -> y f32[N, 4], y = x * (2, 4, 6, 8).
 */
#include MODEL_HEADER

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void check(int good, const char *what) {
  if (good)
    return;
  printf("FAILED: %s (%s)\n", what, mpq_model_last_error());
  exit(1);
}

static DLTensor make_tensor(void *data, int32_t rank, int64_t *shape) {
  DLTensor tensor;
  memset(&tensor, 0, sizeof tensor);
  tensor.data = data;
  tensor.device.device_type = kDLCPU;
  tensor.ndim = rank;
  tensor.dtype.code = kDLFloat;
  tensor.dtype.bits = 32;
  tensor.dtype.lanes = 1;
  tensor.shape = shape;
  return tensor;
}

enum { SAMPLES = 37 };
static float in[SAMPLES * 4 + 1], out[SAMPLES * 4 + 1];

static void test_run(MpqModel *model, int64_t samples) {
  int64_t shape[] = {samples, 4}, strides[] = {4, 1};
  DLTensor x = make_tensor(in, 2, shape), y = make_tensor(out, 2, shape);
  DLTensor *inputs[] = {&x}, *outputs[] = {&y};
  x.strides = strides;
  x.byte_offset = 4; /* an element into the buffer */
  memset(out, 0xff, sizeof out);
  check(mpq_model_run(model, inputs, outputs) == 0, "run");
  for (int i = 0; i < samples * 4; ++i)
    check(out[i] == in[i + 1] * 2.0f * (float)(i % 4 + 1), "value");
  unsigned char *past = (unsigned char *)&out[samples * 4];
  check(past[0] == 0xff && past[3] == 0xff, "nothing is written past the end");
}

/* Each of these is refused with a message. */
static void test_mistakes(MpqModel *model) {
  int64_t shape[] = {2, 4}, other[] = {3, 4}, wide[] = {2, 5},
          negative[] = {-2, 4}, huge[] = {INT64_MAX / 2, 4};
  int64_t transposed[] = {1, 2}, compact[] = {4, 1};
  DLTensor good = make_tensor(in, 2, shape), y = make_tensor(out, 2, shape), x;
  DLTensor *inputs[] = {&x}, *outputs[] = {&y};
#define REFUSED(...)                                                           \
  x = good;                                                                    \
  __VA_ARGS__;                                                                 \
  check(mpq_model_run(model, inputs, outputs) != 0, #__VA_ARGS__);             \
  puts(mpq_model_last_error())
  REFUSED(x.ndim = 1);
  REFUSED(x.shape = wide);
  REFUSED(x.shape = other);
  REFUSED(x.shape = negative);
  REFUSED(x.shape = huge; y.shape = huge);
  REFUSED(x.shape = huge; x.strides = compact);
  y.shape = shape;
  REFUSED(x.ndim = -1);
  REFUSED(x.byte_offset = UINT64_MAX - 3);
  REFUSED(y.data = in + 4);
  y.data = out;
  REFUSED(x.shape = NULL);
  REFUSED(x.dtype.bits = 64);
  REFUSED(x.dtype.code = 6; x.dtype.bits = 8);
  REFUSED(x.dtype.code = 77);
  REFUSED(x.dtype.lanes = 4);
  REFUSED(x.device.device_type = (DLDeviceType)2);
  REFUSED(x.strides = transposed);
  REFUSED(x.byte_offset = 2);
  REFUSED(x.data = NULL);
  REFUSED(inputs[0] = NULL);
  inputs[0] = &x;
  REFUSED(y.dtype.code = kDLInt);
  int64_t asked[2];
  x = good;
  check(mpq_model_output_shape(model, inputs, 0, asked) == 0 && asked[0] == 2 && asked[1] == 4, "shape");
  check(mpq_model_output_shape(model, inputs, 1, asked) != 0, "no such output");
  puts(mpq_model_last_error());
  check(mpq_model_output_shape(model, inputs, 0, NULL) != 0, "no shape");
  puts(mpq_model_last_error());
  check(mpq_model_output_shape(model, NULL, 0, asked) != 0, "no inputs for a shape");
  puts(mpq_model_last_error());
  check(mpq_model_run(model, NULL, outputs) != 0, "no inputs");
  puts(mpq_model_last_error());
  check(mpq_model_run(NULL, inputs, outputs) != 0, "no model");
  puts(mpq_model_last_error());
  check(!mpq_model_create(-1), "threads");
  puts(mpq_model_last_error());
}

int main(void) {
  const MpqModelInfo *info = mpq_model_info();
  check(mpq_model_last_error()[0] == '\0', "no error at first");
  printf("%s %d %d %s[%lld, %lld] %s\n", info->producer, (int)info->num_inputs,
         (int)info->num_outputs, info->inputs[0].name,
         (long long)info->inputs[0].shape[0],
         (long long)info->inputs[0].shape[1], info->outputs[0].name);
  for (int i = 0; i < SAMPLES * 4 + 1; ++i)
    in[i] = (float)i / 7;
  for (int threads = 0; threads <= 5; ++threads) {
    MpqModel *model = mpq_model_create(threads);
    check(model != NULL, "create");
    check(threads == 0 || mpq_model_num_threads(model) == threads, "threads");
    check(mpq_model_cpu(model)[0] != '\0', "cpu");
    for (int64_t samples = 0; samples <= SAMPLES; ++samples)
      test_run(model, samples);
    mpq_model_destroy(model);
  }
  mpq_model_destroy(NULL);
  MpqModel *model = mpq_model_create(2);
  test_mistakes(model);
  test_run(model, 5);
  mpq_model_destroy(model);
  puts("done");
  return 0;
}
