//===----------------------------------------------------------------------===//
// Part of MPQ, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//===----------------------------------------------------------------------===//
//
// The memory of this process, as Linux counts it.
//
//===----------------------------------------------------------------------===//

#include "mpq/Support/Memory.h"

#include "llvm/ADT/StringExtras.h"
#include "llvm/Support/MemoryBuffer.h"

#include <limits>
#include <malloc.h>

using namespace mpq;

/// Stacks and heaps of threads, diagnostics, the scratch of small steps.
static constexpr uint64_t kReserve = uint64_t(4) << 20;

/// A line `name:  123 kB` of /proc/self/status, in bytes. Unlike `getrusage` it
/// knows nothing of the process that started this one.
static uint64_t readStatus(llvm::StringRef name) {
  auto text = llvm::MemoryBuffer::getFileAsStream("/proc/self/status");
  if (!text)
    return 0;
  llvm::StringRef line = (*text)->getBuffer().split((name + ":").str()).second.split('\n').first;
  uint64_t kilobytes = 0;
  line.ltrim().split(' ').first.getAsInteger(10, kilobytes);
  return kilobytes << 10;
}

uint64_t mpq::getResidentMemory() { return readStatus("VmRSS"); }
uint64_t mpq::getPeakMemory() { return readStatus("VmHWM"); }

void MemoryLimit::releaseFreed() const {
  if (bytes)
    malloc_trim(0);
}

uint64_t MemoryLimit::getRest() const {
  if (!bytes)
    return std::numeric_limits<uint64_t>::max();
  releaseFreed();
  uint64_t taken = getResidentMemory() + kReserve;
  return bytes - std::min(bytes, taken);
}

llvm::Error MemoryLimit::check(const llvm::Twine &what, uint64_t needed) const {
  if (needed <= getRest())
    return llvm::Error::success();
  return llvm::createStringError(what + " takes " + llvm::Twine(needed) + " bytes beside the " +
                                 llvm::Twine(getResidentMemory() + kReserve) +
                                 " that the compiler has when the memory limit is " + llvm::Twine(bytes));
}

llvm::Error MemoryLimit::checkPeak(const llvm::Twine &what) const {
  uint64_t peak = getPeakMemory();
  if (!bytes || peak <= bytes)
    return llvm::Error::success();
  return llvm::createStringError(what + " takes " + llvm::Twine(peak) + " bytes when the memory limit is " +
                                 llvm::Twine(bytes));
}
