/*===----------------------------------------------------------------------===//
// Part of MPQ, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//===----------------------------------------------------------------------===*/
/*
 * Sizes that follow from those of the inputs: the variant has a function that
 * checks and computes them.
 */
#include "Runtime.h"

#include <stdio.h>
#include <string.h>

/* "T = 600, P = 3". */
static const char *format_symbols(const MpqModelDescriptor *descriptor,
                                  const MpqRunSizes *run, char *text,
                                  size_t size) {
  text[0] = '\0';
  for (int32_t i = 0; i < descriptor->num_symbols; ++i) {
    size_t used = strlen(text);
    snprintf(text + used, size - used, "%s%s = %lld", i == 0 ? "" : ", ",
             descriptor->symbols[i], (long long)run->symbols[i]);
  }
  return text;
}

bool mpq_compute_sizes(const MpqModel *model, MpqRunSizes *run) {
  const MpqModelDescriptor *descriptor = model->descriptor;
  run->arena_bytes = model->variant->arena_bytes;
  if (descriptor->num_symbols == 0)
    return true;
  void *args[] = {run->symbols, run->sizes};
  model->variant->sizes(args);
  int64_t status = run->sizes[0];
  run->arena_bytes = (uint64_t)run->sizes[1];
  if (status == 0)
    return true;
  char symbols[512];
  format_symbols(descriptor, run, symbols, sizeof symbols);
  if (status > 0) {
    const MpqRequirement *needs = &descriptor->requirements[status - 1];
    mpq_set_error("%s does not fit the model: '%s' needs %s", symbols,
                  needs->op, needs->condition);
  } else if (status == -1) {
    mpq_set_error("%s, which should be at least 1", symbols);
  } else {
    mpq_set_error("%s exceeds the address space", symbols);
  }
  return false;
}

const int64_t *mpq_output_sizes(const MpqModel *model, const MpqRunSizes *run,
                                int32_t output) {
  const int64_t *sizes = run->sizes + 2;
  for (int32_t i = 0; i < output; ++i)
    sizes += model->descriptor->info.outputs[i].ndim;
  return sizes;
}

int mpq_model_output_shape(MpqModel *model, DLTensor *const *inputs,
                           int32_t output, int64_t *shape) {
  if (!model || !shape) {
    mpq_set_error("the %s is null", model ? "shape" : "model");
    return 1;
  }
  const MpqModelInfo *info = &model->descriptor->info;
  if (output < 0 || output >= info->num_outputs) {
    mpq_set_error("output %d does not exist; the model has %d", (int)output,
                  (int)info->num_outputs);
    return 1;
  }
  MpqRunSizes run;
  if (!mpq_check_inputs(model, inputs, &run))
    return 1;
  const MpqTensorInfo *tensor = &info->outputs[output];
  for (int32_t d = 0; d < tensor->ndim; ++d)
    shape[d] = tensor->shape[d] >= 0 ? tensor->shape[d]
               : d == 0 && model->descriptor->sample_parallel
                   ? run.samples
                   : mpq_output_sizes(model, &run, output)[d];
  return 0;
}
