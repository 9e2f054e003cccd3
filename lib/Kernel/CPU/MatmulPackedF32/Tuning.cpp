//===----------------------------------------------------------------------===//
// Part of MPQ, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//===----------------------------------------------------------------------===//
//
// The table. docs/Rationale/Packed.md has the measurements.
//
//===----------------------------------------------------------------------===//

#include "lib/Kernel/CPU/MatmulPackedF32/Tuning.h"

using namespace mpq;
using namespace mpq::packedf32;

static constexpr int64_t kAnyRows = INT64_MAX;

static Isa getIsa(const KernelTarget &target) {
  if (target.avx512f && target.avx512bw && target.vectorBits >= 512)
    return Isa::Avx512;
  return target.avx2 ? Isa::Avx2 : Isa::Portable;
}

Tuning packedf32::getTuning(const KernelTarget &target) {
  Tuning tuning;
  tuning.isa = getIsa(target);
  switch (tuning.isa) {
  case Isa::Avx512: // Zen 4
    tuning.tiles = {{1, 1, 1, 2, 0, 0},
                    {4, 4, 2, 1, 72, 2},
                    {16, 8, 1, 1, 72, 2},
                    {kAnyRows, 8, 3, 1, 0, 0, true}};
    break;
  case Isa::Avx2: // Zen 4
    tuning.tiles = {{1, 1, 4, 1, 72, 2},
                    {16, 4, 2, 1, 72, 2},
                    {kAnyRows, 4, 2, 1, 0, 0, true}};
    break;
  case Isa::Portable: // vectors of 16 lanes are several registers
    tuning.tiles = {{4, 2, 1, 1, 0, 0}, {kAnyRows, 2, 1, 1, 0, 0, true}};
    break;
  }
  return tuning;
}
