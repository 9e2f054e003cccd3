/*===----------------------------------------------------------------------===//
// Part of MPQ, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//===----------------------------------------------------------------------===*/
/*
 * Loads the models that are named on the command line side by side, and runs
 * each once on zeros: what a program does that has several models, or learns
 * only when it runs which.
 *
 *   cc -std=c99 -I PREFIX/include several.c -ldl -o several
 *   ./several ./one.so ./other.so
 */
#include "mpq-c/Model.h"

#include <dlfcn.h>
#include <stdio.h>
#include <stdlib.h>

/* The functions of one library; all libraries have them under the same names.
 */
typedef struct {
  const MpqModelInfo *(*info)(void);
  MpqModel *(*create)(int32_t num_threads);
  void (*destroy)(MpqModel *model);
  int (*run)(MpqModel *model, DLTensor *const *inputs,
             DLTensor *const *outputs);
  int (*output_shape)(MpqModel *model, DLTensor *const *inputs, int32_t output,
                      int64_t *shape);
  const char *(*last_error)(void);
} Library;

static void fail(const char *path, const char *message) {
  fprintf(stderr, "error: %s: %s\n", path, message);
  exit(1);
}

/* ISO C has no conversion from an object pointer to a function pointer. */
static void find(void *handle, const char *path, const char *name,
                 void *function) {
  if (!(*(void **)function = dlsym(handle, name)))
    fail(path, "not a model of MPQ");
}

static Library load(const char *path) {
  Library library;
  void *handle =
      dlopen(path, RTLD_NOW | RTLD_LOCAL); /* local: the names are no others' */
  if (!handle)
    fail(path, dlerror());
  find(handle, path, "mpq_model_info", &library.info);
  if (library.info()->abi_version != MPQ_MODEL_ABI_VERSION)
    fail(path, "made for another version of mpq-c/Model.h");
  find(handle, path, "mpq_model_create", &library.create);
  find(handle, path, "mpq_model_destroy", &library.destroy);
  find(handle, path, "mpq_model_run", &library.run);
  find(handle, path, "mpq_model_output_shape", &library.output_shape);
  find(handle, path, "mpq_model_last_error", &library.last_error);
  return library;
}

/* A tensor of zeros; sizes that depend on the run are 1. `shape` is of a tensor
 * of the model, or null: what `info` says. */
static DLTensor *make_tensor(const MpqTensorInfo *info, const int64_t *shape) {
  DLTensor *tensor = calloc(1, sizeof *tensor);
  int64_t count = 1;
  int d;
  tensor->device.device_type = kDLCPU;
  tensor->dtype = info->dtype;
  tensor->ndim = info->ndim;
  tensor->shape = calloc(info->ndim + 1, sizeof *tensor->shape);
  for (d = 0; d < info->ndim; ++d) {
    tensor->shape[d] = shape                ? shape[d]
                       : info->shape[d] < 0 ? 1
                                            : info->shape[d];
    count *= tensor->shape[d];
  }
  tensor->data = calloc(count + 1, info->dtype.bits / 8);
  return tensor;
}

static void free_tensor(DLTensor *tensor) {
  free(tensor->data);
  free(tensor->shape);
  free(tensor);
}

static void run(const char *path) {
  enum { kMost = 64 };
  DLTensor *inputs[kMost], *outputs[kMost];
  int64_t shape[kMost];
  Library library = load(path);
  const MpqModelInfo *info = library.info();
  MpqModel *model = library.create(1);
  int32_t i;
  if (!model)
    fail(path, library.last_error());
  if (info->num_inputs > kMost || info->num_outputs > kMost)
    fail(path, "more tensors than this example is for");
  for (i = 0; i < info->num_inputs; ++i)
    inputs[i] = make_tensor(&info->inputs[i], NULL);
  for (i = 0; i < info->num_outputs; ++i) {
    if (library.output_shape(model, inputs, i, shape) != 0)
      fail(path, library.last_error());
    outputs[i] = make_tensor(&info->outputs[i], shape);
  }
  if (library.run(model, inputs, outputs) != 0)
    fail(path, library.last_error());
  printf("%s: %d inputs, %d outputs", path, (int)info->num_inputs,
         (int)info->num_outputs);
  if (info->num_outputs && outputs[0]->dtype.code == kDLFloat &&
      outputs[0]->dtype.bits == 32)
    printf(", the first begins with %.4g", (double)*(float *)outputs[0]->data);
  printf("\n");
  for (i = 0; i < info->num_inputs; ++i)
    free_tensor(inputs[i]);
  for (i = 0; i < info->num_outputs; ++i)
    free_tensor(outputs[i]);
  library.destroy(model);
}

int main(int argc, char **argv) {
  int i;
  for (i = 1; i < argc; ++i)
    run(argv[i]);
  return 0;
}
