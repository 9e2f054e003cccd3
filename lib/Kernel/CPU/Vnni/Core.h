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

#include <algorithm>
#include <cstdint>

namespace mpq::vnni {

constexpr int64_t kRegisters = 32;
/// Registers beside tile and weights: a broadcast, constants.
constexpr int64_t kReserved = 3;
/// What a convolution needs beyond that, so that LLVM does not spill while it
/// moves the broadcasts of several columns ahead.
constexpr int64_t kReservedForColumns = 3;
/// With 512-bit vectors, as on the CPUs since Ice Lake (server) and Zen 5.
constexpr double kDotsPerCycle = 2, kDotLatency = 5, kLoadsPerCycle = 2;
/// Instructions that leave the front end per cycle.
constexpr double kIssue = 6;
/// What a load takes from the dot products beside it. (Measured on Sapphire
/// Rapids: 48 dot products with 10 to 27 loads take 24 cycles and 0.11 to 0.17
/// for every load, whether it fills a register or broadcasts.)
constexpr double kLoad = 0.13;
/// Bytes per cycle from the second-level cache.
constexpr double kL2Bytes = 32;
/// What of the first-level cache weights may fill.
constexpr int64_t kL1Bytes = 32 * 1024;
/// Cycles of the epilogue per result vector, of the loops per tile and step.
constexpr double kEpilogue = 2.5, kTileOverhead = 15, kStepOverhead = 0.3;
/// Dot products in one unrolled loop body.
constexpr int64_t kBodySize = 200;

/// Cycles of a step of so many dot products and loads.
inline double getStepCycles(double dots, double loads) {
  return std::max({dots / kDotsPerCycle + loads * kLoad, loads / kLoadsPerCycle,
                   (dots + loads) / kIssue});
}

} // namespace mpq::vnni

#endif // MPQ_LIB_KERNEL_CPU_VNNI_CORE_H
