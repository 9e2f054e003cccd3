//===----------------------------------------------------------------------===//
// Part of MPQ, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//===----------------------------------------------------------------------===//
//
// The embedded files, for C++.
//
//===----------------------------------------------------------------------===//
#include "Library.h"

extern "C" const char mpq_embedded_runtime_begin[], mpq_embedded_runtime_end[];
extern "C" const char mpq_embedded_header_begin[], mpq_embedded_header_end[];

llvm::StringRef mpq::getRuntimeArchive() {
  return {mpq_embedded_runtime_begin,
          size_t(mpq_embedded_runtime_end - mpq_embedded_runtime_begin)};
}

llvm::StringRef mpq::getModelHeader() {
  return {mpq_embedded_header_begin,
          size_t(mpq_embedded_header_end - mpq_embedded_header_begin)};
}
