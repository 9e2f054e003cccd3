//===----------------------------------------------------------------------===//
// Part of MPQ, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//===----------------------------------------------------------------------===//
#ifndef MPQ_SUPPORT_TYPICALSIZE_H
#define MPQ_SUPPORT_TYPICALSIZE_H

#include <cstdint>

namespace mpq {

/// What dimensions count that are known at run time only, where nobody says: for
/// predicted times, and for families that are faster for some numbers of rows.
constexpr int64_t kTypicalSize = 32;

} // namespace mpq

#endif // MPQ_SUPPORT_TYPICALSIZE_H
