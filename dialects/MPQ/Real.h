//===----------------------------------------------------------------------===//
// Part of MPQ, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//===----------------------------------------------------------------------===//
//
// A double as an attribute parameter: hashed and compared by its bits, since
// attributes are uniqued.
//
//===----------------------------------------------------------------------===//
#ifndef MPQ_DIALECTS_MPQ_REAL_H
#define MPQ_DIALECTS_MPQ_REAL_H

#include "llvm/ADT/Hashing.h"
#include "llvm/ADT/bit.h"

#include <cstdint>

namespace mpq {

struct Real {
  double value;
  Real(double value) : value(value) {}
  operator double() const { return value; }
};

inline bool operator==(const Real &a, const Real &b) {
  return llvm::bit_cast<uint64_t>(a.value) == llvm::bit_cast<uint64_t>(b.value);
}

inline llvm::hash_code hash_value(const Real &real) {
  return llvm::hash_value(llvm::bit_cast<uint64_t>(real.value));
}

} // namespace mpq

#endif // MPQ_DIALECTS_MPQ_REAL_H
