//===----------------------------------------------------------------------===//
// Part of MPQ, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//===----------------------------------------------------------------------===//
//
// The text at the start of a `.npy` file.
//
//   93 'N' 'U' 'M' 'P' 'Y'  major minor  length  text, padded with spaces, '\n'
//   {'descr': '<f4', 'fortran_order': False, 'shape': (3, 4), }
//
// `length` is 16 bits in version 1 and 32 bits in versions 2 and 3, which
// differ in the text's encoding. Magic, version, length and text together are
// padded to a multiple of 64 bytes.
//
//===----------------------------------------------------------------------===//
#ifndef MPQ_LIB_SUPPORT_NPZ_NPYHEADER_H
#define MPQ_LIB_SUPPORT_NPZ_NPYHEADER_H

#include "mpq/Support/Npz.h"

namespace mpq {

struct NpyHeader {
  NpyType type = NpyType::F32;
  bool fortranOrder = false;
  llvm::SmallVector<int64_t, 6> shape;
};

/// Bytes that are enough to know how long the header is.
constexpr size_t kNpyPrefixBytes = 12;

/// Length of the whole header, given at least its first kNpyPrefixBytes bytes
/// (or all of a shorter file).
llvm::Expected<size_t> getNpyHeaderBytes(llvm::StringRef prefix);

/// Parses the whole header.
llvm::Expected<NpyHeader> parseNpyHeader(llvm::StringRef header);

/// The header, version 1 (2 where the shape is that long), in C order.
std::string writeNpyHeader(NpyType type, llvm::ArrayRef<int64_t> shape);

/// Bytes of the elements, or an error if that overflows.
llvm::Expected<uint64_t> getDataBytes(NpyType type,
                                      llvm::ArrayRef<int64_t> shape);

} // namespace mpq

#endif // MPQ_LIB_SUPPORT_NPZ_NPYHEADER_H
