/*===----------------------------------------------------------------------===//
// Part of MPQ, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//===----------------------------------------------------------------------===*/
/*
 * What the compiler writes into a library for the runtime to read. Internal:
 * users see include/mpq-c/Model.h. The compiler emits the descriptor as a
 * constant of the object file under the symbol `mpq_model_descriptor`.
 */
#ifndef MPQ_C_MODELDESCRIPTOR_H
#define MPQ_C_MODELDESCRIPTOR_H

#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

#define MPQ_DESCRIPTOR_VERSION 1

/* Type codes and bits as in DLPack (kDLInt 0, kDLUInt 1, kDLFloat 2, kDLBool 6). */
typedef struct {
  const char *name;
  uint8_t type_code;
  uint8_t type_bits;
  int32_t rank;
  const int64_t *shape; /* rank entries; -1: any size (the batch dimension) */
} MpqTensorInfo;

/* The code for one CPU. `features` is a string like "+avx512f,+avx512vnni":
 * everything the code needs beyond the base architecture. */
typedef struct {
  const char *cpu;
  const char *features;
  uint64_t arena_bytes;    /* scratch of one running sample, 64-byte aligned */
  uint64_t prepared_bytes; /* weights decoded at load, 64-byte aligned */
  void (*prepare)(void **args); /* {weights, prepared} */
  void (*run)(void **args);     /* {weights, prepared, arena, inputs..., outputs...} */
} MpqVariant;

typedef struct {
  uint32_t version;
  const char *producer; /* "mpq 0.1.0" */
  /* Nonzero: `run` handles one sample; dimension 0 of every input and output
   * runs over samples, which are independent of one another. Zero: `run`
   * handles the whole, static shapes. */
  uint32_t sample_parallel;
  int32_t num_inputs, num_outputs;
  const MpqTensorInfo *inputs;
  const MpqTensorInfo *outputs;
  int32_t num_variants; /* most demanding first */
  const MpqVariant *variants;
  uint64_t weights_bytes;
  const uint8_t *weights; /* 64-byte aligned, read-only, in the file */
} MpqModelDescriptor;

#ifdef __cplusplus
}
#endif

#endif /* MPQ_C_MODELDESCRIPTOR_H */
