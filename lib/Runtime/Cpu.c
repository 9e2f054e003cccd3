/*===----------------------------------------------------------------------===//
// Part of MPQ, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//===----------------------------------------------------------------------===*/
/*
 * Which instruction sets this machine has: CPUID says what the processor can
 * do, XGETBV whether the operating system saves the wider registers. The table
 * is the compiler's (mpq-c/CpuFeatures.def).
 */
#include "Runtime.h"

#include <stdint.h>
#include <string.h>

#if defined(__x86_64__)
#include <cpuid.h>

/* Bits of XCR0: xmm and ymm; with masks and the two parts of zmm. */
enum { STATE_NONE = 0, STATE_AVX = 0x6, STATE_AVX512 = 0xe6 };
enum { EAX, EBX, ECX, EDX };

static uint32_t saved_state(void) {
  unsigned a, b, c, d;
  const unsigned osxsave = 1u << 27;
  if (!__get_cpuid(1, &a, &b, &c, &d) || !(c & osxsave))
    return 0;
  uint32_t low, high;
  __asm__ volatile("xgetbv" : "=a"(low), "=d"(high) : "c"(0));
  return low;
}

static bool has_bit(uint32_t leaf, uint32_t subleaf, int reg, int bit,
                    uint32_t state) {
  unsigned regs[4];
  /* An extended leaf that the CPU lacks fails; a subleaf that it lacks reads
   * zero. */
  if (!__get_cpuid_count(leaf, subleaf, &regs[EAX], &regs[EBX], &regs[ECX],
                         &regs[EDX]))
    return false;
  return (regs[reg] >> bit & 1) && (saved_state() & state) == state;
}

static bool has_feature(const char *name, size_t length) {
#define MPQ_CPU_FEATURE(NAME, LEAF, SUBLEAF, REGISTER, BIT, STATE)             \
  if (length == sizeof(NAME) - 1 && memcmp(name, NAME, length) == 0)           \
    return has_bit(LEAF, SUBLEAF, REGISTER, BIT, STATE_##STATE);
#include "mpq-c/CpuFeatures.def"
  return false;
}
#else
static bool has_feature(const char *name, size_t length) {
  (void)name;
  (void)length;
  return false;
}
#endif

/* Appends `text` to the string of at most `size` bytes in `buffer`. */
static void append(char *buffer, size_t size, const char *text, size_t length) {
  size_t used = strlen(buffer);
  if (used + 1 >= size)
    return;
  if (length > size - used - 1)
    length = size - used - 1;
  memcpy(buffer + used, text, length);
  buffer[used + length] = '\0';
}

bool mpq_cpu_supports(const char *features, char *missing, size_t size) {
  bool all = true;
  missing[0] = '\0';
  while (*features) {
    size_t length = strcspn(features, ",");
    const char *name = features;
    size_t name_length = length;
    if (length != 0 && *name == '+') {
      ++name;
      --name_length;
    }
    if (name_length != 0 && !has_feature(name, name_length)) {
      if (!all)
        append(missing, size, ", ", 2);
      append(missing, size, name, name_length);
      all = false;
    }
    features += length;
    if (*features == ',')
      ++features;
  }
  return all;
}
