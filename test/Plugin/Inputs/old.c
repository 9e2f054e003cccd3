/*===----------------------------------------------------------------------===//
// Part of MPQ, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//===----------------------------------------------------------------------===*/
/* A pass plugin as other versions of MPQ (API), LLVM (LLVM) and MLIR would have made it. */
#include <stdint.h>

#ifdef API
#ifndef LLVM
#define LLVM "22"
#endif
struct info {
  uint32_t api;
  const char *llvm;
} mpqGetPluginInfo(void) {
  return (struct info){API, LLVM};
}
#endif

struct plugin {
  uint32_t api;
  const char *name, *version;
  void (*registerPasses)(void);
} mlirGetPassPluginInfo(void) {
  return (struct plugin){77, "old", "1", 0};
}
