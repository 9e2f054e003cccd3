//===----------------------------------------------------------------------===//
// Part of MPQ, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//===----------------------------------------------------------------------===//
//
// The parts of the library writer, seen from inside.
//
//===----------------------------------------------------------------------===//
#ifndef MPQ_LIB_TARGET_CPU_LIBRARY_H
#define MPQ_LIB_TARGET_CPU_LIBRARY_H

#include "mpq/Target/CPU.h"

namespace mpq {

/// Descriptor.cpp: whether the runtime can work with `library`.
llvm::Error checkLibrary(const LibrarySpec &library);

/// Descriptor.cpp: the object file with the descriptor and the weights.
llvm::Error emitDescriptor(const LibrarySpec &library,
                           llvm::SmallVectorImpl<char> &object);

/// Header.cpp: the text of the C header for users of `library`.
std::string writeHeader(const LibrarySpec &library,
                        llvm::StringRef libraryName);

/// Embedded.c: the archive of lib/Runtime and the text of mpq-c/Model.h.
llvm::StringRef getRuntimeArchive();
llvm::StringRef getModelHeader();

/// Link.cpp: links objects and archives, given by path, into a shared library
/// that exports what the version script `exports` says.
llvm::Error linkShared(llvm::ArrayRef<std::string> inputs,
                       llvm::StringRef exports, llvm::StringRef output);

/// Link.cpp: joins objects into one.
llvm::Error linkRelocatable(llvm::ArrayRef<std::string> inputs,
                            llvm::StringRef output);

} // namespace mpq

#endif // MPQ_LIB_TARGET_CPU_LIBRARY_H
