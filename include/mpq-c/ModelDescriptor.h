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

/* The code for one CPU. `features` is a string like "+avx512f,+avx512vnni":
 * everything the code needs beyond the base architecture, in the names of
 * mpq-c/CpuFeatures.def. */
typedef struct {
  const char *cpu;
  const char *features;
  uint64_t arena_bytes; /* scratch of one running call, 64-byte aligned, zero at
                           first */
  uint64_t prepared_bytes; /* weights decoded at load, 64-byte aligned */
  void (*prepare)(
      void **args); /* {weights, prepared}; NULL: nothing to prepare */
  void (*run)(
      void **args); /* {weights, prepared, arena, inputs..., outputs...} */
  uint64_t weights_offset; /* of this variant's weights; 64-byte aligned */
} MpqVariant;

typedef struct {
  MpqModelInfo info; /* the part that users see */
  /* Nonzero: `run` handles one sample; dimension 0 of every input and output
   * runs over samples, which are independent of one another. Zero: `run`
   * handles the whole, static shapes. */
  uint32_t sample_parallel;
  const MpqVariant *variants; /* info.num_variants of them */
  const uint8_t *weights;     /* page-aligned, read-only, in the file */
} MpqModelDescriptor;

extern const MpqModelDescriptor mpq_model_descriptor;

#ifdef __cplusplus
}
#endif

#endif /* MPQ_C_MODELDESCRIPTOR_H */
