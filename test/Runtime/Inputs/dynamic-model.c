/*===----------------------------------------------------------------------===//
// Part of MPQ, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//===----------------------------------------------------------------------===*/
/*
 * A model with a size that is known when it runs, written by hand, so that the
 * sanitizers see its code, too:
 *
 *   x f32[N, T, 4] -> y f32[N, 2 * T], T <= 64; y[2t] and y[2t + 1] are the sum
 *   and the largest of row t plus the weight of the row before
 *
 * The arena holds a copy of the sample, so it grows with T. A team shares the
 * rows, first to copy, then to add: what one thread copies another reads.
 */
#include "mpq-c/ModelDescriptor.h"

typedef struct {
  const float *weights, *x;
  float *copy, *y;
  int64_t length;
} Frame;

static void copy_rows(void *frame, int64_t part, int64_t parts) {
  const Frame *f = frame;
  for (int64_t i = 4 * (f->length * part / parts); i < 4 * (f->length * (part + 1) / parts); ++i)
    f->copy[i] = f->x[i];
}

/* From the last part to the first, so that threads read what others wrote. */
static void add_rows(void *frame, int64_t part, int64_t parts) {
  const Frame *f = frame;
  const float *weights = f->weights, *copy = f->copy;
  float *y = f->y;
  part = parts - 1 - part;
  for (int64_t t = f->length * part / parts; t < f->length * (part + 1) / parts; ++t) {
    float sum = weights[t % 4], most = copy[4 * t];
    for (int i = 0; i < 4; ++i) {
      sum += copy[4 * t + i];
      most = copy[4 * t + i] > most ? copy[4 * t + i] : most;
    }
    y[2 * t] = sum;
    y[2 * t + 1] = most;
  }
}

static void run(void **args) {
  Frame frame = {args[0], args[4], args[2], args[5], *(const int64_t *)args[3]};
  MpqTeam *team = args[6];
  if (!team) {
    copy_rows(&frame, 0, 1);
    add_rows(&frame, 0, 1);
    return;
  }
  team->fork(team, copy_rows, &frame, 3);
  team->fork(team, add_rows, &frame, 64);
}

static void compute_sizes(void **args) {
  const int64_t length = *(const int64_t *)args[0];
  int64_t *sizes = args[1];
  sizes[0] = length > 64 ? 1 : 0;
  sizes[1] = length * 16;
  sizes[2] = 1;
  sizes[3] = 2 * length;
}

static const int64_t x_shape[] = {-1, -1, 4}, y_shape[] = {-1, -1};
static const char *const x_dims[] = {"N", "T", ""}, *const y_dims[] = {"N", "2 * T"};
static const MpqTensorInfo x = {"x", {kDLFloat, 32, 1}, 3, x_shape, x_dims};
static const MpqTensorInfo y = {"y", {kDLFloat, 32, 1}, 2, y_shape, y_dims};
static const MpqVariant variant = {"any", "", 0, 0, NULL, run, 0, compute_sizes, 64};
static const float weights[] __attribute__((aligned(64))) = {1, 2, 3, 4};
static const char *const symbols[] = {"T"};
static const int32_t input_symbols[] = {-1, 0, -1};
static const MpqRequirement requirement = {"T <= 64", "reshape"};
const MpqModelDescriptor mpq_model_descriptor = {
    {MPQ_MODEL_ABI_VERSION, "by hand", 1, 1, &x, &y, sizeof weights, 1},
    1, &variant, (const uint8_t *)weights, 1, 1, symbols, input_symbols, &requirement};
