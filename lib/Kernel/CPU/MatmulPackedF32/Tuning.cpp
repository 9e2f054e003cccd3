//===----------------------------------------------------------------------===//
// Part of MPQ, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//===----------------------------------------------------------------------===//
//
// The table. docs/Rationale/PackedF32.md has the measurements.
//
//===----------------------------------------------------------------------===//

#include "lib/Kernel/CPU/MatmulPackedF32/Tuning.h"

using namespace mpq;
using namespace mpq::packedf32;

static constexpr int64_t kAnyRows = INT64_MAX;

static Isa getIsa(const KernelTarget &target, bool multipliesBf16) {
  if (multipliesBf16)
    return Isa::Bf16;
  if (target.avx512f && target.avx512bw && target.vectorBits >= 512)
    return Isa::Avx512;
  return target.avx2 ? Isa::Avx2 : Isa::Portable;
}

/// One row, AVX-512: one linear stream, with one line fetched beside each line that
/// is read, and two groups or pieces at a time, which hides the latency of the sums.
static TileTuning getRowTile(const PackedLayout &layout, Isa isa) {
  bool isBf16 = isa == Isa::Bf16;
  // Two groups of lines that hold a step, or nearly, are two streams, and do not fit
  // the registers.
  if (layout.bits >= (isBf16 ? 7 : 8))
    return {{1, 1, 1, 72, 3}, 1};
  // Where the core waits for DRAM anyway the hardware is ahead without help.
  if (isBf16 && (layout.bits <= 3 || layout.bits == 5))
    return {{1, 1, 1, 0, 0}, 2};
  return {{1, 1, 1, 72, 3}, 2};
}

Tuning packedf32::getTuning(const KernelTarget &target,
                            const PackedLayout &layout, bool multipliesBf16) {
  Tuning tuning;
  tuning.isa = getIsa(target, multipliesBf16);
  switch (tuning.isa) {
  case Isa::Avx512: // Zen 4
  case Isa::Bf16:
    tuning.tiles = {getRowTile(layout, tuning.isa),
                    {{16, 8, 1, 72, 3}, 1},
                    {{kAnyRows, 4, 3, 0, 0}, 1, true}};
    tuning.rowsAtOnce = 128;
    break;
  case Isa::Avx2: // Zen 4
    tuning.tiles = {{{1, 1, 4, 72, 2}, 1},
                    {{16, 4, 2, 72, 2}, 1},
                    {{kAnyRows, 4, 2, 0, 0}, 1, true}};
    break;
  case Isa::Portable: // vectors of 16 lanes are several registers
    tuning.tiles = {{{4, 2, 1, 0, 0}, 1}, {{kAnyRows, 2, 1, 0, 0}, 1, true}};
    break;
  }
  return tuning;
}
