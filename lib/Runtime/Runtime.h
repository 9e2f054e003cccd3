/*===----------------------------------------------------------------------===//
// Part of MPQ, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//===----------------------------------------------------------------------===*/
/*
 * The runtime's parts, seen from inside. Everything here has hidden visibility:
 * a compiled model exports the functions of mpq-c/Model.h and nothing else.
 */
#ifndef MPQ_LIB_RUNTIME_RUNTIME_H
#define MPQ_LIB_RUNTIME_RUNTIME_H

#include "mpq-c/ModelDescriptor.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>

/* Cpu.c: which instruction sets this machine has. */

/* Whether all of `features` ("+avx2,+fma") can be used here. If not, the names
 * of those that cannot, separated by ", ", are put into `missing`. A name that
 * the runtime does not know counts as missing. */
bool mpq_cpu_supports(const char *features, char *missing, size_t size);

/* Error.c: the calling thread's last error. */
void mpq_set_error(const char *format, ...)
    __attribute__((format(printf, 1, 2)));

/* Memory.c: zeroed memory for weights and activations. */

/* `bytes` (0 allowed) zero bytes, 64-byte aligned; in huge pages where large
 * and the system has them. NULL: no memory. */
void *mpq_block_allocate(uint64_t bytes);
void mpq_block_free(void *block, uint64_t bytes);

/* What one running call owns: its scratch memory and its argument array. */
typedef struct MpqArena {
  struct MpqArena *next; /* in the model's list of free arenas */
  void *memory;
  uint64_t bytes; /* of the memory; it only grows */
  void *args[];   /* weights, prepared, arena, symbols (if there are any),
                     inputs..., outputs..., team */
} MpqArena;

/* What is different from run to run. */
typedef struct {
  int64_t samples; /* how often the variant's code must run */
  int64_t symbols[MPQ_MAX_SYMBOLS];
  int64_t sizes[MPQ_MAX_SIZES]; /* see MpqVariant; with symbols only */
  uint64_t arena_bytes;
} MpqRunSizes;

struct MpqModel {
  const MpqModelDescriptor *descriptor;
  const MpqVariant *variant;
  void *prepared;
  int32_t num_threads;

  /* Arenas that no call uses. Calls that run at the same time make the list
   * grow, once; in the steady state a run allocates nothing. */
  pthread_mutex_t free_mutex;
  MpqArena *free_arenas;

  /* Only with more than one thread. One run uses them at a time; runs that find
   * them busy use their own thread, whose result is the same. */
  struct MpqThreads *threads;
  atomic_flag threads_busy;
  MpqArena **thread_arenas; /* one for each thread */
};

MpqArena *mpq_arena_create(const MpqModel *model);
void mpq_arena_destroy(MpqArena *arena);
/* Makes sure of that many bytes; false: no memory, and it is as it was. */
bool mpq_arena_reserve(MpqArena *arena, uint64_t bytes);
/* An arena for one call; NULL: no memory. */
MpqArena *mpq_arena_acquire(MpqModel *model);
void mpq_arena_release(MpqModel *model, MpqArena *arena);

/* Check.c: whether the caller's tensors are what the model takes, and all sizes
 * of the run. */
bool mpq_check_inputs(const MpqModel *model, DLTensor *const *inputs,
                      MpqRunSizes *run);
bool mpq_check_outputs(const MpqModel *model, DLTensor *const *inputs,
                       DLTensor *const *outputs, const MpqRunSizes *run);
/* Bytes of one sample, or of the whole tensor, of a checked tensor. */
uint64_t mpq_sample_bytes(const MpqModel *model, const DLTensor *tensor);

/* Sizes.c */

/* Computes `sizes` and `arena_bytes` from the symbols. False: they do not fit. */
bool mpq_compute_sizes(const MpqModel *model, MpqRunSizes *run);
/* The sizes of an output as `sizes` has them. */
const int64_t *mpq_output_sizes(const MpqModel *model, const MpqRunSizes *run,
                                int32_t output);

/* Team.c: threads that share what one run has to do. */

typedef struct MpqThreads MpqThreads;

/* `count`, at least 2, the calling thread included. NULL: no memory. */
MpqThreads *mpq_threads_create(size_t count);
void mpq_threads_destroy(MpqThreads *threads);
/* Whether the system has started all of them. */
bool mpq_threads_are_complete(const MpqThreads *threads);
/* Who calls its `fork` leads; nobody else may at the same time. */
MpqTeam *mpq_threads_team(MpqThreads *threads);

/* Run.c: the caller's float mode must not change the result, nor differ between
 * its thread and others: round to nearest, denormals kept, nothing trapped.
 * Returns what to leave it with. */
unsigned mpq_enter_float_mode(void);

/* Ranges.c: whether tensors that have passed that check lie where they may. */
bool mpq_check_ranges(const MpqModel *model, DLTensor *const *inputs,
                      DLTensor *const *outputs);

/* Tensor number i, inputs before outputs. */
static inline const MpqTensorInfo *mpq_tensor_info(const MpqModelInfo *info,
                                                   int32_t i) {
  return i < info->num_inputs ? &info->inputs[i]
                              : &info->outputs[i - info->num_inputs];
}

#endif /* MPQ_LIB_RUNTIME_RUNTIME_H */
