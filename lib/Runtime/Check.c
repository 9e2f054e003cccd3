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
  int64_t expected = 1;
  for (int32_t d = tensor->ndim - 1; d >= 0; --d) {
    if (tensor->shape[d] != 1 && tensor->strides[d] != expected) {
      mpq_set_error("%s '%s': stride %d is %lld elements when it should be "
                    "%lld (compact, row-major)",
                    kind, name, (int)d, (long long)tensor->strides[d],
                    (long long)expected);
      return false;
    }
    expected *= tensor->shape[d];
  }
  return true;
}

/* Dimension -1 takes the size that the first tensor with one has. */
static bool check_shape(const char *kind, const MpqTensorInfo *info,
                        const DLTensor *tensor, int64_t *batch,
                        const char **batch_from) {
  for (int32_t d = 0; d < info->ndim; ++d) {
    int64_t size = tensor->shape[d];
    if (info->shape[d] >= 0) {
      if (size != info->shape[d]) {
        mpq_set_error("%s '%s': dimension %d is %lld when it should be %lld",
                      kind, info->name, (int)d, (long long)size,
                      (long long)info->shape[d]);
        return false;
      }
      continue;
    }
    if (size < 0) {
      mpq_set_error("%s '%s': dimension %d is %lld when it should be 0 or more",
                    kind, info->name, (int)d, (long long)size);
      return false;
    }
    if (!*batch_from) {
      *batch = size;
      *batch_from = info->name;
    } else if (size != *batch) {
      mpq_set_error("%s '%s': dimension %d is %lld when it should be %lld, the "
                    "batch of '%s'",
                    kind, info->name, (int)d, (long long)size,
                    (long long)*batch, *batch_from);
      return false;
    }
  }
  return true;
}

static bool check_memory(const char *kind, const char *name,
                         const DLTensor *tensor, uint64_t sample_bytes,
                         int64_t samples) {
  if (samples == 0 || sample_bytes == 0)
    return true;
  if (sample_bytes > INT64_MAX / (uint64_t)samples) {
    mpq_set_error(
        "%s '%s': %lld samples of %llu bytes exceed the address space", kind,
        name, (long long)samples, (unsigned long long)sample_bytes);
    return false;
  }
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

static bool check_tensor(const char *kind, const MpqTensorInfo *info,
                         const DLTensor *tensor, int64_t *batch,
                         const char **batch_from) {
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
  return check_shape(kind, info, tensor, batch, batch_from) &&
         check_strides(kind, info->name, tensor);
}

bool mpq_check_tensors(const MpqModel *model, DLTensor *const *inputs,
                       DLTensor *const *outputs, int64_t *samples) {
  const MpqModelInfo *info = &model->descriptor->info;
  if ((!inputs && info->num_inputs != 0) ||
      (!outputs && info->num_outputs != 0)) {
    mpq_set_error("the array of %s is null", inputs ? "outputs" : "inputs");
    return false;
  }
  int64_t batch = 1;
  const char *batch_from = NULL;
  int32_t count = info->num_inputs + info->num_outputs;
  for (int32_t i = 0; i < count; ++i) {
    bool is_input = i < info->num_inputs;
    const DLTensor *tensor =
        is_input ? inputs[i] : outputs[i - info->num_inputs];
    if (!check_tensor(is_input ? "input" : "output", mpq_tensor_info(info, i),
                      tensor, &batch, &batch_from))
      return false;
  }
  for (int32_t i = 0; i < count; ++i) {
    bool is_input = i < info->num_inputs;
    const DLTensor *tensor =
        is_input ? inputs[i] : outputs[i - info->num_inputs];
    if (!check_memory(is_input ? "input" : "output",
                      mpq_tensor_info(info, i)->name, tensor,
                      model->sample_bytes[i], batch))
      return false;
  }
  *samples = batch;
  return true;
}
