/*===----------------------------------------------------------------------===//
// Part of MPQ, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//===----------------------------------------------------------------------===*/
/*
 * The calling thread's last error, in memory of the thread that is made at its
 * first error. A key of pthreads rather than a `_Thread_local` variable: those
 * of a library that is loaded at run time need the loader's __tls_get_addr, and
 * a model needs nothing but the C library.
 */
#include "Runtime.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

enum { ERROR_BYTES = 1024 };

static pthread_key_t error_key;
static bool have_key;

__attribute__((constructor)) static void create_key(void) {
  have_key = pthread_key_create(&error_key, free) == 0;
}

/* Threads that end later must not call back into a library that is gone. */
__attribute__((destructor)) static void delete_key(void) {
  if (!have_key)
    return;
  free(pthread_getspecific(error_key));
  pthread_key_delete(error_key);
}

void mpq_set_error(const char *format, ...) {
  if (!have_key)
    return;
  char *text = pthread_getspecific(error_key);
  if (!text) {
    text = malloc(ERROR_BYTES);
    if (!text || pthread_setspecific(error_key, text) != 0) {
      free(text);
      return;
    }
  }
  va_list args;
  va_start(args, format);
  vsnprintf(text, ERROR_BYTES, format, args);
  va_end(args);
}

const char *mpq_model_last_error(void) {
  const char *text = have_key ? pthread_getspecific(error_key) : NULL;
  return text ? text : "";
}
