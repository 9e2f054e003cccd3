//===----------------------------------------------------------------------===//
// Part of MPQ, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//===----------------------------------------------------------------------===//
//
// The ways to rewrite an activation. Each writes all but the border of `to`,
// converting between quantizations on the way, and wants what its name says:
//
//   copyRows      equal blocks: rows of pixels are contiguous in both
//   interleave    planar to blocked: channels and pixels are transposed
//   packPixels    planar to u8 in blocks of 4: a pixel is one 32-bit word
//   deinterleave  blocked to planar: transposed back
//   regroup       blocked to blocked, pixel by pixel
//   copyPixels    planar to or from blocked, 1 x 1: the channels of a pixel are
//                 contiguous in both
//
// Threads share rows, as those of the layers beside do (ParallelRows.h); what has
// one row only is done by one thread.
//
//===----------------------------------------------------------------------===//
#ifndef MPQ_LIB_KERNEL_CPU_CONVERT_CONVERT_H
#define MPQ_LIB_KERNEL_CPU_CONVERT_CONVERT_H

#include "mpq/Kernel/Elements.h"

namespace mpq::convert {

void copyRows(const Transfer &transfer);
void copyPixels(const Transfer &transfer);
void regroup(const Transfer &transfer);
void interleave(const Transfer &transfer);
void packPixels(const Transfer &transfer);
void deinterleave(const Transfer &transfer);

} // namespace mpq::convert

#endif // MPQ_LIB_KERNEL_CPU_CONVERT_CONVERT_H
