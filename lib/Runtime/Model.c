/*===----------------------------------------------------------------------===//
// Part of MPQ, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//===----------------------------------------------------------------------===*/
/*
 * The life of a model: choose the code for this CPU, prepare the weights, start
 * the threads; and the other way round.
 */
#define _GNU_SOURCE /* sched_getaffinity */
#include "Runtime.h"

#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { MAX_THREADS = 1024 };

const MpqModelInfo *mpq_model_info(void) { return &mpq_model_descriptor.info; }

/* The first variant that this CPU can run; else NULL, and the error says what
 * each of them misses. */
static const MpqVariant *choose_variant(const MpqModelDescriptor *descriptor) {
  char reasons[768] = "";
  for (int32_t i = 0; i < descriptor->info.num_variants; ++i) {
    const MpqVariant *variant = &descriptor->variants[i];
    char missing[256];
    if (mpq_cpu_supports(variant->features, missing, sizeof missing))
      return variant;
    size_t used = strlen(reasons);
    snprintf(reasons + used, sizeof reasons - used, "%s%s (missing: %s)",
             i == 0 ? "" : "; ", variant->cpu, missing);
  }
  mpq_set_error(
      "this CPU lacks instructions that the model was compiled for: %s",
      reasons);
  return NULL;
}

static int32_t available_cpus(void) {
  cpu_set_t set;
  int count = sched_getaffinity(0, sizeof set, &set) == 0 ? CPU_COUNT(&set) : 1;
  return count < 1 ? 1 : count > MAX_THREADS ? MAX_THREADS : count;
}

/* More than one thread: an arena for each. */
static bool start_threads(MpqModel *model) {
  size_t count = (size_t)model->num_threads;
  model->thread_arenas = calloc(count, sizeof *model->thread_arenas);
  if (!model->thread_arenas)
    return false;
  for (size_t i = 0; i < count; ++i)
    if (!(model->thread_arenas[i] = mpq_arena_create(model)))
      return false;
  model->threads = mpq_threads_create(count);
  return model->threads && mpq_threads_are_complete(model->threads);
}

static bool prepare(MpqModel *model) {
  model->prepared = mpq_block_allocate(model->variant->prepared_bytes);
  if (!model->prepared)
    return false;
  if (model->variant->prepare) {
    void *args[] = {(void *)(model->descriptor->weights +
                            model->variant->weights_offset),
                    model->prepared};
    model->variant->prepare(args);
  }
  MpqArena *arena = mpq_arena_create(model);
  if (!arena)
    return false;
  mpq_arena_release(model, arena);
  return model->num_threads == 1 || start_threads(model);
}

MpqModel *mpq_model_create(int32_t num_threads) {
  const MpqModelDescriptor *descriptor = &mpq_model_descriptor;
  if (num_threads < 0 || num_threads > MAX_THREADS) {
    mpq_set_error("the number of threads is %d when it should be 0 (one for "
                  "each CPU) to %d",
                  (int)num_threads, (int)MAX_THREADS);
    return NULL;
  }
  const MpqVariant *variant = choose_variant(descriptor);
  if (!variant)
    return NULL;
  MpqModel *model = calloc(1, sizeof *model);
  if (!model) {
    mpq_set_error("out of memory");
    return NULL;
  }
  model->descriptor = descriptor;
  model->variant = variant;
  model->num_threads = num_threads != 0 ? num_threads : available_cpus();
  /* Without anything to share out, neither samples nor a sample, one thread
   * does everything. */
  if (!descriptor->sample_parallel && variant->max_parts < 2)
    model->num_threads = 1;
  pthread_mutex_init(&model->free_mutex, NULL);
  atomic_flag_clear(&model->threads_busy);
  if (!prepare(model)) {
    if (model->threads)
      mpq_set_error("the system does not start %d threads; it may have reached its limit", (int)model->num_threads - 1);
    else
      mpq_set_error("out of memory: the model needs %llu bytes of prepared "
                  "weights and %llu bytes for each of %d "
                  "threads",
                  (unsigned long long)variant->prepared_bytes,
                  (unsigned long long)variant->arena_bytes,
                  (int)model->num_threads);
    mpq_model_destroy(model);
    return NULL;
  }
  return model;
}

void mpq_model_destroy(MpqModel *model) {
  if (!model)
    return;
  mpq_threads_destroy(model->threads);
  for (int32_t i = 0; model->thread_arenas && i < model->num_threads; ++i)
    mpq_arena_destroy(model->thread_arenas[i]);
  free(model->thread_arenas);
  while (model->free_arenas) {
    MpqArena *next = model->free_arenas->next;
    mpq_arena_destroy(model->free_arenas);
    model->free_arenas = next;
  }
  pthread_mutex_destroy(&model->free_mutex);
  mpq_block_free(model->prepared, model->variant->prepared_bytes);
  free(model);
}

const char *mpq_model_cpu(const MpqModel *model) { return model->variant->cpu; }

int32_t mpq_model_num_threads(const MpqModel *model) {
  return model->num_threads;
}
