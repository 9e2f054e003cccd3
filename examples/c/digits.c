/*===----------------------------------------------------------------------===//
// Part of MPQ, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//===----------------------------------------------------------------------===*/
/*
 * Classifies two drawings with the digits model, which is linked to this
 * program: its header is the one that was written beside the library.
 */
#include "digits.h"

#include <stdio.h>

enum { kImages = 2, kPixels = 8 * 8, kClasses = 10 };

static const char kDrawings[kImages][kPixels + 1] = {"  ####  "
                                                     " ##  ## "
                                                     " #    # "
                                                     " #    # "
                                                     " #    # "
                                                     " #    # "
                                                     " ##  ## "
                                                     "  ####  ",
                                                     "    ##  "
                                                     "   ###  "
                                                     "  ####  "
                                                     " ## ##  "
                                                     "    ##  "
                                                     "    ##  "
                                                     "    ##  "
                                                     "    ##  "};

static int fail(void) {
  fprintf(stderr, "error: %s\n", mpq_model_last_error());
  return 1;
}

int main(void) {
  static float images[kImages][kPixels], logits[kImages][kClasses];
  int64_t image_shape[] = {kImages, 1, 8, 8},
          logits_shape[] = {kImages, kClasses};
  DLTensor input = {images,      {kDLCPU, 0}, 4, {kDLFloat, 32, 1},
                    image_shape, NULL,        0};
  DLTensor output = {logits,       {kDLCPU, 0}, 2, {kDLFloat, 32, 1},
                     logits_shape, NULL,        0};
  DLTensor *inputs[] = {&input}, *outputs[] = {&output};
  MpqModel *model = mpq_model_create(0);
  int i, j;
  if (!model)
    return fail();

  for (i = 0; i < kImages; ++i)
    for (j = 0; j < kPixels; ++j)
      images[i][j] = kDrawings[i][j] == '#' ? 1.0f : 0.0f;
  if (mpq_model_run(model, inputs, outputs) != 0)
    return fail();

  for (i = 0; i < kImages; ++i) {
    int best = 0;
    for (j = 1; j < kClasses; ++j)
      if (logits[i][j] > logits[i][best])
        best = j;
    printf("image %d is a %d\n", i, best);
  }
  mpq_model_destroy(model);
  return 0;
}
