//===----------------------------------------------------------------------===//
// Part of MPQ, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//===----------------------------------------------------------------------===//
#ifndef QUINARY_H
#define QUINARY_H

#include "dialects/MPQ/MPQ.h"

#include "QuinaryDialect.h.inc"
#define GET_ATTRDEF_CLASSES
#include "QuinaryAttrs.h.inc"

#endif // QUINARY_H
