//===----------------------------------------------------------------------===//
// Part of MPQ, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//===----------------------------------------------------------------------===//
//
// The small model of a core on which register tiles are ranked. It has to rank
// them, not to predict times.
//
//===----------------------------------------------------------------------===//
#ifndef MPQ_LIB_KERNEL_CPU_VNNI_CORE_H
#define MPQ_LIB_KERNEL_CPU_VNNI_CORE_H

#include <cstdint>

namespace mpq::vnni {

constexpr int64_t kRegisters = 32;
/// Registers that constants and temporaries take beside tile and weights.
constexpr int64_t kReserved = 3;
/// With 512-bit vectors, as on the CPUs since Ice Lake (server) and Zen 5.
constexpr double kDotsPerCycle = 2, kDotLatency = 5, kLoadsPerCycle = 2;
/// Instructions that leave the front end per cycle.
constexpr double kIssue = 6;
/// Bytes per cycle from the second-level cache.
constexpr double kL2Bytes = 32;
/// What of the first-level cache weights may fill.
constexpr int64_t kL1Bytes = 32 * 1024;
/// Cycles of the epilogue per result vector, of the loops per tile and step.
constexpr double kEpilogue = 3, kTileOverhead = 15, kStepOverhead = 0.7;
/// Dot products in one unrolled loop body.
constexpr int64_t kBodySize = 200;

} // namespace mpq::vnni

#endif // MPQ_LIB_KERNEL_CPU_VNNI_CORE_H
