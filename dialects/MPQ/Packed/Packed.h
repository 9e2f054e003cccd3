//===----------------------------------------------------------------------===//
// Part of MPQ, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//===----------------------------------------------------------------------===//
//
// The layout of a packed weight as an attribute (Packed.td). What it means for
// each bit is in mpq/Kernel/PackedLayout.h.
//
//===----------------------------------------------------------------------===//
#ifndef MPQ_DIALECTS_MPQ_PACKED_PACKED_H
#define MPQ_DIALECTS_MPQ_PACKED_PACKED_H

#include "dialects/MPQ/MPQ.h"

#define GET_ATTRDEF_CLASSES
#include "dialects/MPQ/Packed/Packed.h.inc"

#endif // MPQ_DIALECTS_MPQ_PACKED_PACKED_H
