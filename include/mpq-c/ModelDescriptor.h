/*===----------------------------------------------------------------------===//
// Part of MPQ, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//===----------------------------------------------------------------------===*/
/*
 * What the compiler writes into a library for the runtime to read. Internal:
 * users see include/mpq-c/Model.h. The compiler (lib/Target/CPU) emits the
 * descriptor as a constant of the object file under the symbol
 * `mpq_model_descriptor`.
 */
#ifndef MPQ_C_MODELDESCRIPTOR_H
#define MPQ_C_MODELDESCRIPTOR_H

#include "mpq-c/Model.h"

#ifdef __cplusplus
extern "C" {
#endif

/* What a run asks to be shared out: part number `part` of `parts` equal ones. */
typedef void (*MpqPart)(void *frame, int64_t part, int64_t parts);

/* Threads that one run may use. `fork` calls `run` for every part of at most
 * `parts`, each once, on any of the threads, and returns when all are done. */
typedef struct MpqTeam {
  void (*fork)(struct MpqTeam *team, MpqPart run, void *frame, int64_t parts);
} MpqTeam;

/* The code for one CPU. `features` is a string like "+avx512f,+avx512vnni":
 * everything the code needs beyond the base architecture, in the names of
 * mpq-c/CpuFeatures.def. */
typedef struct {
  const char *cpu;
  const char *features;
  uint64_t arena_bytes; /* scratch of one running call, 64-byte aligned, zero at
                           first; with symbols `sizes` says how much it is */
  uint64_t prepared_bytes; /* weights decoded at load, 64-byte aligned */
  void (*prepare)(
      void **args); /* {weights, prepared}; NULL: nothing to prepare */
  void (*run)(
      void **args); /* {weights, prepared, arena, inputs..., outputs..., team};
                       with symbols their values come before the inputs; the
                       team, an MpqTeam or NULL, is read where max_parts > 1 */
  uint64_t weights_offset; /* of this variant's weights; 64-byte aligned */
  /* {symbols, sizes}: from the values of the symbols, int64_t each, computes
   * sizes[0]    0, or why the values do not fit: -1, one is less than 1; -2, a
   *             size exceeds the address space; n > 0, requirement n - 1
   * sizes[1]    the bytes of the arena
   * sizes[2]... the sizes of all dimensions of all outputs, of one sample
   * NULL without symbols. */
  void (*sizes)(void **args);
  int32_t max_parts; /* the most that `run` asks its team for; 1: nothing */
} MpqVariant;

/* Sizes that are only known when the model runs: symbols, which are dimensions
 * of inputs. These bounds keep a run's sizes on the stack. */
enum { MPQ_MAX_SYMBOLS = 16, MPQ_MAX_SIZES = 64 };

/* What values of the symbols a model takes. */
typedef struct {
  const char *condition; /* "T <= 512" */
  const char *op;        /* the node of the model that asks for it */
} MpqRequirement;

typedef struct {
  MpqModelInfo info; /* the part that users see */
  /* Nonzero: `run` handles one sample; dimension 0 of every input and output
   * runs over samples, which are independent of one another. Zero: `run`
   * handles the whole, static shapes. */
  uint32_t sample_parallel;
  const MpqVariant *variants; /* info.num_variants of them */
  const uint8_t *weights;     /* page-aligned, read-only, in the file */
  int32_t num_symbols, num_requirements;
  const char *const *symbols; /* their names */
  /* For each dimension of each input, one after the other, which symbol it is,
   * or -1. */
  const int32_t *input_symbols;
  const MpqRequirement *requirements;
} MpqModelDescriptor;

extern const MpqModelDescriptor mpq_model_descriptor;

#ifdef __cplusplus
}
#endif

#endif /* MPQ_C_MODELDESCRIPTOR_H */
