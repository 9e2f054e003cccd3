/*===----------------------------------------------------------------------===//
// Part of MPQ, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//===----------------------------------------------------------------------===*/
/*
 * Two files that every compiled model gets, inside the compiler, so that there
 * is nothing to install beside it or to find at run time.
 */
#define MPQ_EMBED(NAME, FILE)                                                  \
  __asm__(".section .rodata\n"                                                 \
          ".global " #NAME "_begin, " #NAME "_end\n"                           \
          ".hidden " #NAME "_begin, " #NAME "_end\n"                           \
          ".balign 16\n" #NAME "_begin:\n"                                     \
          ".incbin \"" FILE "\"\n" #NAME "_end:\n"                             \
          ".previous\n")

MPQ_EMBED(mpq_embedded_runtime, MPQ_RUNTIME_ARCHIVE);
MPQ_EMBED(mpq_embedded_header, MPQ_MODEL_HEADER);
