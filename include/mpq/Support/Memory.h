//===----------------------------------------------------------------------===//
// Part of MPQ, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//===----------------------------------------------------------------------===//
//
// What this process has of the machine's memory, and what it may have.
//
// Whoever plans how much to keep at once asks `MemoryLimit::getRest` at the
// moment of planning: what the process has by then (the compiler, the model,
// compiled programs) is counted as the system counts it, and need not be known.
//
//===----------------------------------------------------------------------===//
#ifndef MPQ_SUPPORT_MEMORY_H
#define MPQ_SUPPORT_MEMORY_H

#include "llvm/ADT/Twine.h"
#include "llvm/Support/Error.h"

#include <cstdint>

namespace mpq {

/// Resident memory of this process in bytes, shared libraries included.
uint64_t getResidentMemory();

/// The most resident memory that this process has had, in bytes.
uint64_t getPeakMemory();

/// The resident memory that this process may have.
class MemoryLimit {
public:
  /// In bytes; 0: no limit.
  MemoryLimit(uint64_t bytes) : bytes(bytes) {}
  explicit operator bool() const { return bytes != 0; }

  /// The bytes that may still be taken, after what has been freed has gone back
  /// to the system, and less a few MB for stacks and small things; without a
  /// limit the largest number.
  uint64_t getRest() const;

  /// With a limit, gives back to the system what has been freed, which it would
  /// count otherwise.
  void releaseFreed() const;

  /// An error with both values if `needed` more bytes for `what` do not fit.
  llvm::Error check(const llvm::Twine &what, uint64_t needed) const;

  /// An error with both values if the process has had more than the limit. For
  /// what cannot be planned, such as the memory of LLVM's code generator.
  llvm::Error checkPeak(const llvm::Twine &what) const;

private:
  uint64_t bytes;
};

} // namespace mpq

#endif // MPQ_SUPPORT_MEMORY_H
