//===----------------------------------------------------------------------===//
// Part of MPQ, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//===----------------------------------------------------------------------===//
// Root of the ops, by theme.
#ifndef MPQ_OPS_TD
#define MPQ_OPS_TD

include "dialects/MPQ/Ops/Sites.td"
include "dialects/MPQ/Ops/Compute.td"
include "dialects/MPQ/Ops/Data.td"
include "dialects/MPQ/Ops/Rows.td"
include "dialects/MPQ/Ops/Program.td"

#endif // MPQ_OPS_TD
