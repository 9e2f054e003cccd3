//===----------------------------------------------------------------------===//
// Part of MPQ, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//===----------------------------------------------------------------------===//
//
// What is measured, not derived: which tiles, how far ahead to fetch, how to
// decode. Results are the same with any of these numbers.
//
//===----------------------------------------------------------------------===//
#ifndef MPQ_LIB_KERNEL_CPU_MATMULPACKED_TUNING_H
#define MPQ_LIB_KERNEL_CPU_MATMULPACKED_TUNING_H

#include "lib/Kernel/CPU/Packed/PanelLoops.h"

namespace mpq::packed {

/// The instructions that multiply codes with activations.
enum class Isa {
  Vnni512,  ///< vpdpbusd on zmm
  Vnni256,  ///< the same on ymm: AVX-VNNI, or AVX-512 VL
  Avx2,     ///< vpmaddubsw, sums in 16 bits as long as they fit
  Portable, ///< i32 multiplications
};

struct Tuning {
  Isa isa = Isa::Portable;
  /// For ever more rows; the last has no bound.
  llvm::SmallVector<TileTuning, 4> tiles;
  /// Codes are masked where they are and their sums shifted, not the codes.
  bool shiftSums = true;
  /// vpermb: a table of 64 bytes.
  bool permutesBytes = false;
  /// Steps of a group that are unrolled, a multiple of 8: 32 take 128 columns.
  int64_t unrolledSteps = 32;
  /// Bytes of stack for activations: half of a second-level cache.
  int64_t activationBytes = 512 * 1024;
};

/// Whether bytes can be looked up in a table of 16.
bool canLookUp(const KernelTarget &target);

/// For this CPU, or what was measured on the one most like it, and codes of so
/// many bits.
Tuning getTuning(const KernelTarget &target, unsigned bits);

} // namespace mpq::packed

#endif // MPQ_LIB_KERNEL_CPU_MATMULPACKED_TUNING_H
