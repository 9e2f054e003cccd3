/*===----------------------------------------------------------------------===//
// Part of MPQ, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//===----------------------------------------------------------------------===*/
/*
 * Where the caller's tensors lie: inside the address space, and no output over
 * another tensor. Samples are computed in any order and by several threads, so
 * an output that lies over an input would be read half old and half new.
 */
#include "Runtime.h"

typedef struct {
  uintptr_t begin, end; /* equal where the tensor is empty */
} Range;

/* The shape has been checked, so its size does not overflow. */
static uint64_t count_bytes(const DLTensor *tensor) {
  uint64_t bytes = tensor->dtype.bits / 8;
  for (int32_t d = 0; d < tensor->ndim; ++d)
    bytes *= (uint64_t)tensor->shape[d];
  return bytes;
}

static bool get_range(const char *kind, const char *name,
                      const DLTensor *tensor, Range *range) {
  uint64_t bytes = count_bytes(tensor);
  range->begin = range->end = 0;
  if (bytes == 0)
    return true;
  if (__builtin_add_overflow((uintptr_t)tensor->data, tensor->byte_offset,
                             &range->begin) ||
      __builtin_add_overflow(range->begin, bytes, &range->end)) {
    mpq_set_error("%s '%s': %llu bytes at offset %llu run over the end of the "
                  "address space",
                  kind, name, (unsigned long long)bytes,
                  (unsigned long long)tensor->byte_offset);
    return false;
  }
  return true;
}

bool mpq_check_ranges(const MpqModel *model, DLTensor *const *inputs,
                      DLTensor *const *outputs) {
  const MpqModelInfo *info = &model->descriptor->info;
  const int32_t count = info->num_inputs + info->num_outputs;
  for (int32_t i = 0; i < count; ++i) {
    bool is_input = i < info->num_inputs;
    Range range;
    if (!get_range(is_input ? "input" : "output", mpq_tensor_info(info, i)->name,
                   is_input ? inputs[i] : outputs[i - info->num_inputs],
                   &range))
      return false;
    for (int32_t j = 0; j < i && !is_input; ++j) {
      bool other_is_input = j < info->num_inputs;
      Range other;
      get_range("", "", other_is_input ? inputs[j] : outputs[j - info->num_inputs],
                &other);
      if (range.begin < other.end && other.begin < range.end) {
        mpq_set_error("output '%s' overlaps %s '%s' in memory",
                      mpq_tensor_info(info, i)->name,
                      other_is_input ? "input" : "output",
                      mpq_tensor_info(info, j)->name);
        return false;
      }
    }
  }
  return true;
}
