/*===----------------------------------------------------------------------===//
// Part of MPQ, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//===----------------------------------------------------------------------===*/
/*
 * The C interface of a model that MPQ compiled. Each `model.so` exports exactly
 * these functions, needs nothing but the C library, and can be linked directly
 * or loaded with dlopen. C99 and later, and C++.
 *
 *   MpqModel *model = mpq_model_create(0);
 *   if (!model)
 *     fail(mpq_model_last_error());
 *   int64_t in_shape[] = {8, 3, 32, 32}, out_shape[] = {8, 10};
 *   DLTensor x = {in, {kDLCPU, 0}, 4, {kDLFloat, 32, 1}, in_shape, NULL, 0};
 *   DLTensor y = {out, {kDLCPU, 0}, 2, {kDLFloat, 32, 1}, out_shape, NULL, 0};
 *   DLTensor *inputs[] = {&x}, *outputs[] = {&y};
 *   if (mpq_model_run(model, inputs, outputs) != 0)
 *     fail(mpq_model_last_error());
 *   mpq_model_destroy(model);
 *
 * Tensors are DLPack's. Where <dlpack/dlpack.h> can be included it is; else the
 * few types that are needed are defined here, in the layout that DLPack
 * publishes (a program with a dlpack.h elsewhere includes that one first).
 */
#ifndef MPQ_C_MODEL_H
#define MPQ_C_MODEL_H

#include <stddef.h>
#include <stdint.h>

#if !defined(DLPACK_DLPACK_H_) && defined(__has_include)
#if __has_include(<dlpack/dlpack.h>)
#include <dlpack/dlpack.h>
#endif
#endif
#ifndef DLPACK_DLPACK_H_
#define DLPACK_DLPACK_H_
/* Where the data is; other values name accelerators, which are refused here. */
typedef enum { kDLCPU = 1 } DLDeviceType;
typedef struct {
  DLDeviceType device_type;
  int32_t device_id;
} DLDevice;
typedef enum {
  kDLInt = 0,
  kDLUInt = 1,
  kDLFloat = 2,
  kDLBfloat = 4
} DLDataTypeCode;
typedef struct {
  uint8_t code; /* a DLDataTypeCode; 6: bool, one byte each */
  uint8_t bits;
  uint16_t lanes; /* 1 */
} DLDataType;
typedef struct {
  void *data;
  DLDevice device;
  int32_t ndim;
  DLDataType dtype;
  int64_t *shape;
  int64_t *strides;     /* in elements; NULL: compact, row-major */
  uint64_t byte_offset; /* of the first element, from data */
} DLTensor;
#endif

#ifdef __cplusplus
extern "C" {
#endif

#ifndef MPQ_API
#define MPQ_API
#endif

/* Changes when a program built for one version cannot use a library of another.
 */
#define MPQ_MODEL_ABI_VERSION 2

/* An input or output of the model. */
typedef struct {
  const char *name;
  DLDataType dtype;
  int32_t ndim;
  const int64_t *shape; /* ndim entries; -1: depends on the run */
  const char *const *dim_names; /* ndim entries, "" where shape has a number.
                                   Dimensions of one name have one size in a run;
                                   those of outputs may be expressions like
                                   "2 * T". Dimension 0 is mostly the batch, any
                                   size from 0 on; others are at least 1. */
} MpqTensorInfo;

/* What the library holds; available whatever the CPU. Later versions append. */
typedef struct {
  uint32_t abi_version; /* MPQ_MODEL_ABI_VERSION of the library */
  const char *producer; /* "mpq 0.1.0" */
  int32_t num_inputs, num_outputs;
  const MpqTensorInfo *inputs;
  const MpqTensorInfo *outputs;
  uint64_t weights_bytes; /* read-only, mapped from the file */
  int32_t
      num_variants; /* code for this many kinds of CPU, most demanding first */
} MpqModelInfo;

/* A model ready to run: its weights prepared, its threads started. */
typedef struct MpqModel MpqModel;

MPQ_API const MpqModelInfo *mpq_model_info(void);

/* Makes the model ready. num_threads: how many threads share the samples of one
 * run, the calling one included, and the operations of a sample where there are
 * fewer samples than threads; 0: one for each CPU that the process may use.
 * The result of a run does not depend on it, bit for bit. NULL on failure, for
 * example when the CPU lacks instructions that the code needs. */
MPQ_API MpqModel *mpq_model_create(int32_t num_threads);

/* Frees everything; no run may be in progress. NULL is allowed. */
MPQ_API void mpq_model_destroy(MpqModel *model);

/* The CPU of the chosen variant, as in "sapphirerapids", and the number of
 * threads. */
MPQ_API const char *mpq_model_cpu(const MpqModel *model);
MPQ_API int32_t mpq_model_num_threads(const MpqModel *model);

/* Runs the model: reads num_inputs tensors, fills num_outputs tensors that the
 * caller owns. Tensors lie in CPU memory, compact and row-major, aligned to
 * their element size; outputs overlap nothing. Returns 0, or nonzero without
 * having written anything when a tensor is not as described. Any number of
 * threads may run the same model at the same time. Memory for intermediate
 * results is kept from run to run: only a run that is larger than all before it,
 * or one more at the same time, allocates. */
MPQ_API int mpq_model_run(MpqModel *model, DLTensor *const *inputs,
                          DLTensor *const *outputs);

/* The shape that output number `output` will have in a run with `inputs`, for
 * callers that are yet to make the output tensors: ndim entries of `shape`. Of
 * the inputs only shapes, types and strides are looked at. Returns 0, or nonzero
 * when they do not fit together or the model. */
MPQ_API int mpq_model_output_shape(MpqModel *model, DLTensor *const *inputs,
                                   int32_t output, int64_t *shape);

/* Why the calling thread's last failed call failed; valid until its next
 * failure. "" when there was none. */
MPQ_API const char *mpq_model_last_error(void);

#ifdef __cplusplus
}
#endif

#endif /* MPQ_C_MODEL_H */
