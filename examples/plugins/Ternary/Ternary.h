//===----------------------------------------------------------------------===//
// Part of MPQ, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//===----------------------------------------------------------------------===//
#ifndef TERNARY_H
#define TERNARY_H

#include "dialects/MPQ/MPQ.h"

#include "TernaryDialect.h.inc"
#define GET_ATTRDEF_CLASSES
#include "TernaryAttrs.h.inc"

#endif // TERNARY_H
