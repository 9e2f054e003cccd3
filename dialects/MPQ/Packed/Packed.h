//===----------------------------------------------------------------------===//
// Part of MPQ, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//===----------------------------------------------------------------------===//
//
// The layout of a packed weight as an attribute (Packed.td), whose meaning for
// each bit is in mpq/Kernel/PackedLayout.h; and how kernels that read it are cut.
//
//===----------------------------------------------------------------------===//
#ifndef MPQ_DIALECTS_MPQ_PACKED_PACKED_H
#define MPQ_DIALECTS_MPQ_PACKED_PACKED_H

#include "dialects/MPQ/MPQ.h"

#define GET_ATTRDEF_CLASSES
#include "dialects/MPQ/Packed/Packed.h.inc"

namespace mpq {

/// The attribute of a module with the tiles that were measured on its CPU: a
/// dictionary of arrays of `#mpq.tile`, by kernel family.
constexpr llvm::StringLiteral kTilesAttr = "mpq.tiles";

} // namespace mpq

#endif // MPQ_DIALECTS_MPQ_PACKED_PACKED_H
