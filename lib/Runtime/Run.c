/*===----------------------------------------------------------------------===//
// Part of MPQ, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//===----------------------------------------------------------------------===*/
/*
 * One run: the samples of the batch, shared out over the threads.
 *
 * Each thread starts with a contiguous part and takes over samples of others
 * when it has finished. A sample is computed by the same code from the same
 * input whoever does it and in whichever arena, so the result does not depend
 * on the number of threads.
 */
#include "Runtime.h"

#include <pthreadpool.h>

#if defined(__x86_64__)
#include <xmmintrin.h>
/* The caller's float mode must not change the result, nor differ between its
 * thread and the pool's: round to nearest, denormals kept, nothing trapped. */
static unsigned enter_float_mode(void) {
  unsigned saved = _mm_getcsr();
  _mm_setcsr(0x1f80);
  return saved;
}
static void leave_float_mode(unsigned saved) { _mm_setcsr(saved); }
#else
static unsigned enter_float_mode(void) { return 0; }
static void leave_float_mode(unsigned saved) { (void)saved; }
#endif

typedef struct {
  const MpqModel *model;
  DLTensor *const *inputs;
  DLTensor *const *outputs;
  MpqRunSizes sizes;
} Batch;

static void run_sample(Batch *batch, MpqArena *arena, size_t sample) {
  const MpqModel *model = batch->model;
  void **args = arena->args + 3;
  if (model->descriptor->num_symbols != 0)
    *args++ = batch->sizes.symbols;
  const int32_t num_inputs = model->descriptor->info.num_inputs;
  const int32_t count = num_inputs + model->descriptor->info.num_outputs;
  for (int32_t i = 0; i < count; ++i) {
    const DLTensor *tensor =
        i < num_inputs ? batch->inputs[i] : batch->outputs[i - num_inputs];
    args[i] = (char *)tensor->data + tensor->byte_offset +
              sample * mpq_sample_bytes(model, tensor);
  }
  model->variant->run(arena->args);
}

static void run_in_pool(void *context, size_t thread, size_t sample) {
  Batch *batch = context;
  unsigned saved = enter_float_mode();
  run_sample(batch, batch->model->pool_arenas[thread], sample);
  leave_float_mode(saved);
}

/* Whether the pool was free, had the memory, and has done all samples. */
static bool try_pool(MpqModel *model, Batch *batch) {
  size_t samples = (size_t)batch->sizes.samples;
  if (!model->pool || samples < 2 ||
      atomic_flag_test_and_set_explicit(&model->pool_busy,
                                        memory_order_acquire))
    return false;
  bool ready = true;
  for (int32_t i = 0; ready && i < model->num_threads; ++i)
    ready = mpq_arena_reserve(model->pool_arenas[i], batch->sizes.arena_bytes);
  if (ready)
    pthreadpool_parallelize_1d_with_thread(model->pool, run_in_pool, batch,
                                           samples, 0);
  atomic_flag_clear_explicit(&model->pool_busy, memory_order_release);
  return ready;
}

static int refuse_memory(const Batch *batch) {
  mpq_set_error("out of memory: one more concurrent run needs %llu bytes",
                (unsigned long long)batch->sizes.arena_bytes);
  return 1;
}

int mpq_model_run(MpqModel *model, DLTensor *const *inputs,
                  DLTensor *const *outputs) {
  if (!model) {
    mpq_set_error("the model is null");
    return 1;
  }
  Batch batch;
  batch.model = model;
  batch.inputs = inputs;
  batch.outputs = outputs;
  if (!mpq_check_inputs(model, inputs, &batch.sizes) ||
      !mpq_check_outputs(model, inputs, outputs, &batch.sizes) ||
      !mpq_check_ranges(model, inputs, outputs))
    return 1;
  if (try_pool(model, &batch))
    return 0;
  MpqArena *arena = mpq_arena_acquire(model);
  if (!arena)
    return refuse_memory(&batch);
  if (!mpq_arena_reserve(arena, batch.sizes.arena_bytes)) {
    mpq_arena_release(model, arena);
    return refuse_memory(&batch);
  }
  unsigned saved = enter_float_mode();
  for (int64_t sample = 0; sample < batch.sizes.samples; ++sample)
    run_sample(&batch, arena, (size_t)sample);
  leave_float_mode(saved);
  mpq_arena_release(model, arena);
  return 0;
}
