/*===----------------------------------------------------------------------===//
// Part of MPQ, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//===----------------------------------------------------------------------===*/
/*
 * Whether the caller's tensors are what the model takes. Every difference is
 * one message that names the tensor and both values.
 */
#include "Runtime.h"

#include <stdio.h>

/* "f32", "i8", "bool". */
static const char *format_type(DLDataType type, char *text, size_t size) {
  const char *kind = type.code == kDLInt      ? "i"
                     : type.code == kDLUInt   ? "u"
                     : type.code == kDLFloat  ? "f"
                     : type.code == kDLBfloat ? "bf"
                                              : NULL;
  if (type.lanes != 1)
    snprintf(text, size, "a vector type of %d lanes", type.lanes);
  else if (type.code == 6)
    snprintf(text, size, "bool");
  else if (kind)
    snprintf(text, size, "%s%d", kind, type.bits);
  else
    snprintf(text, size, "type code %d of %d bits", type.code, type.bits);
  return text;
}

/* Whether the strides say what no strides would: compact, row-major. The
 * stride of a dimension of size 1, and all strides of an empty tensor, are
 * never used and may be anything. */
static bool check_strides(const char *kind, const char *name,
                          const DLTensor *tensor) {
  if (!tensor->strides)
    return true;
  for (int32_t d = 0; d < tensor->ndim; ++d)
    if (tensor->shape[d] == 0)
      return true;
  uint64_t expected = 1; /* wraps around where the size is refused later */
  for (int32_t d = tensor->ndim - 1; d >= 0; --d) {
    if (tensor->shape[d] != 1 && tensor->strides[d] != (int64_t)expected) {
      mpq_set_error("%s '%s': stride %d is %lld elements when it should be "
                    "%lld (compact, row-major)",
                    kind, name, (int)d, (long long)tensor->strides[d],
                    (long long)expected);
      return false;
    }
    expected *= (uint64_t)tensor->shape[d];
  }
  return true;
}

/* What a dimension that depends on the run must be: known from an earlier
 * tensor, or free still. */
typedef struct {
  int64_t size;
  const char *name; /* "the batch", or the symbol's */
  const char *from; /* the tensor that has set the size; NULL: none yet */
} Bound;

static bool check_bound(const char *kind, const char *tensor, int32_t d,
                        int64_t size, int64_t least, Bound *bound) {
  if (size < least) {
    mpq_set_error(
        "%s '%s': dimension %d is %lld when it should be %lld or more", kind,
        tensor, (int)d, (long long)size, (long long)least);
    return false;
  }
  if (!bound->from) {
    bound->size = size;
    bound->from = tensor;
    return true;
  }
  if (size == bound->size)
    return true;
  mpq_set_error(
      "%s '%s': dimension %d is %lld when it should be %lld, the %s of "
      "'%s'",
      kind, tensor, (int)d, (long long)size, (long long)bound->size,
      bound->name, bound->from);
  return false;
}

static bool check_fixed(const char *kind, const char *tensor, int32_t d,
                        int64_t size, int64_t wanted) {
  if (size == wanted)
    return true;
  mpq_set_error("%s '%s': dimension %d is %lld when it should be %lld", kind,
                tensor, (int)d, (long long)size, (long long)wanted);
  return false;
}

/* The shape of an input: binds the batch and the symbols. `which` is the symbol
 * of each of its dimensions, or -1. */
static bool check_input_shape(const MpqTensorInfo *info, const DLTensor *tensor,
                              const int32_t *which, Bound *batch,
                              Bound *symbols) {
  for (int32_t d = 0; d < info->ndim; ++d) {
    int64_t size = tensor->shape[d];
    int32_t symbol = which ? which[d] : -1;
    bool fits = symbol >= 0 ? check_bound("input", info->name, d, size, 1,
                                          &symbols[symbol])
                : info->shape[d] < 0
                    ? check_bound("input", info->name, d, size, 0, batch)
                    : check_fixed("input", info->name, d, size, info->shape[d]);
    if (!fits)
      return false;
  }
  return true;
}

/* `sizes` are those that follow from the inputs, NULL without symbols. */
static bool check_output_shape(const MpqTensorInfo *info,
                               const DLTensor *tensor, const int64_t *sizes,
                               bool sample_parallel, Bound *batch) {
  for (int32_t d = 0; d < info->ndim; ++d) {
    int64_t size = tensor->shape[d];
    bool is_batch = info->shape[d] < 0 && d == 0 && sample_parallel;
    bool fits =
        is_batch || (info->shape[d] < 0 && !sizes)
            ? check_bound("output", info->name, d, size, 0, batch)
            : check_fixed("output", info->name, d, size,
                          info->shape[d] < 0 ? sizes[d] : info->shape[d]);
    if (!fits)
      return false;
  }
  return true;
}

uint64_t mpq_sample_bytes(const MpqModel *model, const DLTensor *tensor) {
  uint64_t bytes = tensor->dtype.bits / 8;
  for (int32_t d = model->descriptor->sample_parallel ? 1 : 0; d < tensor->ndim;
       ++d)
    bytes *= (uint64_t)tensor->shape[d];
  return bytes;
}

/* Whether all bytes of a tensor can be counted. */
static bool check_size(const char *kind, const char *name,
                       const DLTensor *tensor, int64_t samples,
                       bool sample_parallel) {
  uint64_t bytes = tensor->dtype.bits / 8;
  for (int32_t d = 0; d < tensor->ndim; ++d)
    if (tensor->shape[d] == 0)
      return true;
  bool overflows = false;
  for (int32_t d = sample_parallel ? 1 : 0; d < tensor->ndim; ++d)
    overflows |=
        __builtin_mul_overflow(bytes, (uint64_t)tensor->shape[d], &bytes);
  overflows |= bytes > INT64_MAX;
  if (!overflows && bytes <= INT64_MAX / (uint64_t)(samples < 1 ? 1 : samples))
    return true;
  if (overflows)
    mpq_set_error("%s '%s': its size exceeds the address space", kind, name);
  else
    mpq_set_error(
        "%s '%s': %lld samples of %llu bytes exceed the address space", kind,
        name, (long long)samples, (unsigned long long)bytes);
  return false;
}

static bool check_memory(const char *kind, const char *name,
                         const DLTensor *tensor) {
  for (int32_t d = 0; d < tensor->ndim; ++d)
    if (tensor->shape[d] == 0)
      return true;
  if (!tensor->data) {
    mpq_set_error("%s '%s': the data pointer is null", kind, name);
    return false;
  }
  unsigned align = tensor->dtype.bits / 8;
  uintptr_t address = (uintptr_t)tensor->data + tensor->byte_offset;
  if (address % align != 0) {
    mpq_set_error(
        "%s '%s': the data is aligned to %u bytes when it should be %u", kind,
        name, (unsigned)(address & -address), align);
    return false;
  }
  return true;
}

/* All but sizes and memory. */
static bool check_tensor(const char *kind, const MpqTensorInfo *info,
                         const DLTensor *tensor) {
  char have[48], want[48];
  if (!tensor) {
    mpq_set_error("%s '%s': the tensor is null", kind, info->name);
    return false;
  }
  if (tensor->device.device_type != kDLCPU) {
    mpq_set_error("%s '%s': the tensor is on device type %d when it should be "
                  "%d (kDLCPU)",
                  kind, info->name, (int)tensor->device.device_type,
                  (int)kDLCPU);
    return false;
  }
  if (tensor->dtype.code != info->dtype.code ||
      tensor->dtype.bits != info->dtype.bits ||
      tensor->dtype.lanes != info->dtype.lanes) {
    mpq_set_error("%s '%s': the type is %s when it should be %s", kind,
                  info->name, format_type(tensor->dtype, have, sizeof have),
                  format_type(info->dtype, want, sizeof want));
    return false;
  }
  if (tensor->ndim != info->ndim) {
    mpq_set_error("%s '%s': the rank is %d when it should be %d", kind,
                  info->name, (int)tensor->ndim, (int)info->ndim);
    return false;
  }
  if (info->ndim > 0 && !tensor->shape) {
    mpq_set_error("%s '%s': the shape pointer is null", kind, info->name);
    return false;
  }
  return true;
}

static Bound make_batch(void) {
  Bound batch = {1, "batch", NULL};
  return batch;
}

/* The batch that the inputs have said, for the outputs to agree with. */
static Bound get_batch(const MpqModel *model, DLTensor *const *inputs) {
  const MpqModelInfo *info = &model->descriptor->info;
  Bound batch = make_batch();
  for (int32_t i = 0; i < info->num_inputs && !batch.from; ++i)
    if (info->inputs[i].ndim > 0 && info->inputs[i].shape[0] < 0 &&
        model->descriptor->sample_parallel) {
      batch.size = inputs[i]->shape[0];
      batch.from = info->inputs[i].name;
    }
  return batch;
}

bool mpq_check_inputs(const MpqModel *model, DLTensor *const *inputs,
                      MpqRunSizes *run) {
  const MpqModelDescriptor *descriptor = model->descriptor;
  const MpqModelInfo *info = &descriptor->info;
  if (!inputs && info->num_inputs != 0) {
    mpq_set_error("the array of inputs is null");
    return false;
  }
  Bound batch = make_batch(), symbols[MPQ_MAX_SYMBOLS];
  for (int32_t i = 0; i < descriptor->num_symbols; ++i) {
    symbols[i].name = descriptor->symbols[i];
    symbols[i].from = NULL;
  }
  const int32_t *which = descriptor->input_symbols;
  for (int32_t i = 0; i < info->num_inputs; ++i) {
    const MpqTensorInfo *tensor = &info->inputs[i];
    if (!check_tensor("input", tensor, inputs[i]) ||
        !check_input_shape(tensor, inputs[i], which, &batch, symbols) ||
        !check_strides("input", tensor->name, inputs[i]))
      return false;
    which = which ? which + tensor->ndim : NULL;
  }
  run->samples = descriptor->sample_parallel ? batch.size : 1;
  for (int32_t i = 0; i < descriptor->num_symbols; ++i)
    run->symbols[i] = symbols[i].size;
  return mpq_compute_sizes(model, run);
}

bool mpq_check_outputs(const MpqModel *model, DLTensor *const *inputs,
                       DLTensor *const *outputs, const MpqRunSizes *run) {
  const MpqModelInfo *info = &model->descriptor->info;
  if (!outputs && info->num_outputs != 0) {
    mpq_set_error("the array of outputs is null");
    return false;
  }
  bool sample_parallel = model->descriptor->sample_parallel != 0;
  Bound batch = get_batch(model, inputs);
  for (int32_t i = 0; i < info->num_outputs; ++i) {
    const MpqTensorInfo *tensor = &info->outputs[i];
    const int64_t *sizes = model->descriptor->num_symbols != 0
                               ? mpq_output_sizes(model, run, i)
                               : NULL;
    if (!check_tensor("output", tensor, outputs[i]) ||
        !check_output_shape(tensor, outputs[i], sizes, sample_parallel,
                            &batch) ||
        !check_strides("output", tensor->name, outputs[i]))
      return false;
  }
  for (int32_t i = 0; i < info->num_inputs + info->num_outputs; ++i) {
    bool is_input = i < info->num_inputs;
    const DLTensor *tensor =
        is_input ? inputs[i] : outputs[i - info->num_inputs];
    const char *kind = is_input ? "input" : "output",
               *name = mpq_tensor_info(info, i)->name;
    if (!check_size(kind, name, tensor, run->samples, sample_parallel) ||
        !check_memory(kind, name, tensor))
      return false;
  }
  return true;
}
