//===----------------------------------------------------------------------===//
// Part of MPQ, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//===----------------------------------------------------------------------===//
//
// What is measured, not derived. Results are the same with any of these numbers
// but one.
//
//===----------------------------------------------------------------------===//
#ifndef MPQ_LIB_KERNEL_CPU_MATMULPACKEDF32_TUNING_H
#define MPQ_LIB_KERNEL_CPU_MATMULPACKEDF32_TUNING_H

#include "lib/Kernel/CPU/Packed/PanelLoops.h"

namespace mpq::packedf32 {

/// The instructions that look up and convert codes.
enum class Isa {
  Avx512,   ///< vpermps and vpermi2ps: tables of 16 and 32 floats
  Bf16,     ///< vpermw and vpermi2w: tables of 32 and 64 bf16; vdpbf16ps
  Avx2,     ///< vpermps: tables of 8
  Portable, ///< shifts, and loads from tables
};

struct TileTuning : packed::TileTuning {
  /// Groups, or pieces of one, that are summed at once.
  int64_t pieces;
  /// Codes are decoded into a buffer that many tiles read.
  bool buffered = false;
};

struct Tuning {
  Isa isa = Isa::Portable;
  /// For ever more rows; the last has no bound.
  llvm::SmallVector<TileTuning, 4> tiles;
  /// Rows that share a decoded buffer, at most.
  int64_t rowsAtOnce = 64;
  /// Steps that are unrolled, a multiple of 8.
  int64_t unrolledSteps = 8;
  /// Steps of a piece of a long group, a multiple of those. Sums depend on it.
  int64_t pieceSteps = 8;
  /// Steps of a long group that are decoded at once, a multiple of those.
  int64_t bufferSteps = 32;
  /// Bytes of stack for activations that have to be copied.
  int64_t activationBytes = 256 * 1024;
};

/// For this CPU, or what was measured on the one most like it. `multipliesBf16`:
/// for products of bf16, which the target has.
Tuning getTuning(const KernelTarget &target, const PackedLayout &layout,
                 bool multipliesBf16);

} // namespace mpq::packedf32

#endif // MPQ_LIB_KERNEL_CPU_MATMULPACKEDF32_TUNING_H
