/*===----------------------------------------------------------------------===//
// Part of MPQ, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//===----------------------------------------------------------------------===*/
/*
 * One run: the samples of the batch, shared out over the threads, and what is
 * left of them when each thread has had as many as the others, one by one with
 * all threads on each (Team.c).
 *
 * A sample is computed by the same code from the same
 * input whoever does it and in whichever arena, and how many do it together
 * changes no order of summation, so the result does not depend on the number of
 * threads.
 */
#include "Runtime.h"

#if defined(__x86_64__)
#include <xmmintrin.h>
unsigned mpq_enter_float_mode(void) {
  unsigned saved = _mm_getcsr();
  _mm_setcsr(0x1f80);
  return saved;
}
static void leave_float_mode(unsigned saved) { _mm_setcsr(saved); }
#else
unsigned mpq_enter_float_mode(void) { return 0; }
static void leave_float_mode(unsigned saved) { (void)saved; }
#endif

typedef struct {
  const MpqModel *model;
  DLTensor *const *inputs;
  DLTensor *const *outputs;
  MpqRunSizes sizes;
  /* Samples that each are one thread's, how many are taken at a time, and the
   * first that nobody has taken. */
  size_t alone, step;
  atomic_size_t next;
} Batch;

static void run_sample(Batch *batch, MpqArena *arena, size_t sample,
                       MpqTeam *team) {
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
  args[count] = team;
  model->variant->run(arena->args);
}

/* What one of the threads does: samples that nobody has taken. */
static void run_samples(void *context, int64_t part, int64_t parts) {
  (void)parts;
  Batch *batch = context;
  for (;;) {
    size_t first = atomic_fetch_add_explicit(&batch->next, batch->step,
                                             memory_order_relaxed);
    if (first >= batch->alone)
      return;
    size_t left = batch->alone - first;
    size_t count = left < batch->step ? left : batch->step;
    for (size_t i = first; i < first + count; ++i)
      run_sample(batch, batch->model->thread_arenas[part], i, NULL);
  }
}

/* Whether the threads were free, had the memory, and have done all samples. */
static bool try_threads(MpqModel *model, Batch *batch) {
  /* Parts of the batch for each thread: enough to even out what else the
   * system does. */
  enum { PARTS = 8 };
  size_t samples = (size_t)batch->sizes.samples;
  size_t threads = (size_t)model->num_threads;
  bool shares = model->variant->max_parts > 1;
  if (!model->threads || samples == 0 || (samples == 1 && !shares) ||
      atomic_flag_test_and_set_explicit(&model->threads_busy,
                                        memory_order_acquire))
    return false;
  batch->alone = shares ? samples - samples % threads : samples;
  batch->step = batch->alone / (threads * PARTS);
  batch->step += batch->step == 0;
  atomic_init(&batch->next, 0);
  bool ready = true;
  for (size_t i = 0; ready && i < (batch->alone ? threads : 1); ++i)
    ready = mpq_arena_reserve(model->thread_arenas[i], batch->sizes.arena_bytes);
  if (ready) {
    MpqTeam *team = mpq_threads_team(model->threads);
    unsigned saved = mpq_enter_float_mode();
    if (batch->alone != 0)
      team->fork(team, run_samples, batch, (int64_t)threads);
    for (size_t i = batch->alone; i < samples; ++i)
      run_sample(batch, model->thread_arenas[0], i, team);
    leave_float_mode(saved);
  }
  atomic_flag_clear_explicit(&model->threads_busy, memory_order_release);
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
  if (try_threads(model, &batch))
    return 0;
  MpqArena *arena = mpq_arena_acquire(model);
  if (!arena)
    return refuse_memory(&batch);
  if (!mpq_arena_reserve(arena, batch.sizes.arena_bytes)) {
    mpq_arena_release(model, arena);
    return refuse_memory(&batch);
  }
  unsigned saved = mpq_enter_float_mode();
  for (int64_t sample = 0; sample < batch.sizes.samples; ++sample)
    run_sample(&batch, arena, (size_t)sample, NULL);
  leave_float_mode(saved);
  mpq_arena_release(model, arena);
  return 0;
}
