/*===----------------------------------------------------------------------===//
// Part of MPQ, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//===----------------------------------------------------------------------===*/
/*
 * Memory for prepared weights and for arenas: straight from the system, zero
 * and page-aligned, so that a block is zeroed by being made. Large blocks are
 * aligned to huge pages and ask for them: a sweep over megabytes of weights
 * then misses the TLB five hundred times less often.
 */
#include "Runtime.h"

#include <stdlib.h>
#include <sys/mman.h>

#define HUGE_PAGE ((uint64_t)2 << 20)

void *mpq_block_allocate(uint64_t bytes) {
  if (bytes == 0)
    bytes = 1;
  if (bytes > SIZE_MAX - HUGE_PAGE)
    return NULL;
  bool large = bytes >= HUGE_PAGE;
  size_t mapped = large ? bytes + HUGE_PAGE : bytes;
  char *base = mmap(NULL, mapped, PROT_READ | PROT_WRITE,
                    MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  if (base == MAP_FAILED)
    return NULL;
  if (!large)
    return base;
  /* Cut the ends off, so that what remains starts on a huge page. */
  size_t page = 4096;
  size_t skip = (HUGE_PAGE - (uintptr_t)base % HUGE_PAGE) % HUGE_PAGE;
  size_t used = (bytes + page - 1) / page * page;
  if (skip != 0)
    munmap(base, skip);
  if (mapped > skip + used)
    munmap(base + skip + used, mapped - skip - used);
  madvise(base + skip, used, MADV_HUGEPAGE);
  return base + skip;
}

void mpq_block_free(void *block, uint64_t bytes) {
  if (block)
    munmap(block, bytes == 0 ? 1 : bytes);
}

MpqArena *mpq_arena_create(const MpqModel *model) {
  const MpqModelInfo *info = &model->descriptor->info;
  size_t num_args = 5 + (size_t)info->num_inputs + (size_t)info->num_outputs;
  MpqArena *arena = malloc(sizeof(MpqArena) + num_args * sizeof(void *));
  if (!arena)
    return NULL;
  arena->next = NULL;
  arena->bytes = model->variant->arena_bytes;
  arena->memory = mpq_block_allocate(arena->bytes);
  if (!arena->memory) {
    free(arena);
    return NULL;
  }
  arena->args[0] = (void *)(model->descriptor->weights + model->variant->weights_offset);
  arena->args[1] = model->prepared;
  arena->args[2] = arena->memory;
  return arena;
}

bool mpq_arena_reserve(MpqArena *arena, uint64_t bytes) {
  if (bytes <= arena->bytes)
    return true;
  void *memory = mpq_block_allocate(bytes);
  if (!memory)
    return false;
  mpq_block_free(arena->memory, arena->bytes);
  arena->memory = memory;
  arena->bytes = bytes;
  arena->args[2] = memory;
  return true;
}

void mpq_arena_destroy(MpqArena *arena) {
  if (!arena)
    return;
  mpq_block_free(arena->memory, arena->bytes);
  free(arena);
}

MpqArena *mpq_arena_acquire(MpqModel *model) {
  pthread_mutex_lock(&model->free_mutex);
  MpqArena *arena = model->free_arenas;
  if (arena)
    model->free_arenas = arena->next;
  pthread_mutex_unlock(&model->free_mutex);
  return arena ? arena : mpq_arena_create(model);
}

void mpq_arena_release(MpqModel *model, MpqArena *arena) {
  pthread_mutex_lock(&model->free_mutex);
  arena->next = model->free_arenas;
  model->free_arenas = arena;
  pthread_mutex_unlock(&model->free_mutex);
}
