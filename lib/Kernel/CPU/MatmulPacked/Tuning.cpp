//===----------------------------------------------------------------------===//
// Part of MPQ, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//===----------------------------------------------------------------------===//
//
// The table. docs/Rationale/Packed.md has the measurements.
//
//===----------------------------------------------------------------------===//

#include "lib/Kernel/CPU/MatmulPacked/Tuning.h"

using namespace mpq;
using namespace mpq::packed;

static constexpr int64_t kAnyRows = INT64_MAX;

static Isa getIsa(const KernelTarget &target) {
  if (target.avx512vnni && target.avx512bw && target.vectorBits >= 512)
    return Isa::Vnni512;
  if (target.avxvnni || (target.avx512vnni && target.avx512vl))
    return Isa::Vnni256;
  return target.avx2 ? Isa::Avx2 : Isa::Portable;
}

bool packed::canLookUp(const KernelTarget &target) {
  return getIsa(target) != Isa::Portable;
}

Tuning packed::getTuning(const KernelTarget &target, unsigned bits) {
  Tuning tuning;
  tuning.isa = getIsa(target);
  switch (tuning.isa) {
  case Isa::Vnni512: // Zen 4
    tuning.permutesBytes = target.avx512vbmi;
    tuning.tiles = {{1, 1, 1, 0, 0},
                    {2, 2, 1, 72, 3},
                    {4, 4, 1, 144, 2},
                    {16, 4, 1, 144, 2},
                    {kAnyRows, 8, 1, 72, 3}};
    if (bits > 4) // a step is a line, or nearly
      tuning.tiles.back() = {kAnyRows, 8, 1, 144, 2};
    if (bits <= 2) // dot products are what takes time
      tuning.tiles[3] = {16, 8, 1, 72, 3};
    break;
  case Isa::Vnni256: // Zen 4, with AVX-512 VL
    tuning.tiles = {{1, 1, 2, 0, 0}, {kAnyRows, 4, 2, 144, 2}};
    break;
  case Isa::Avx2: // Zen 4
    tuning.tiles = {{1, 1, 2, 0, 0}, {kAnyRows, 4, 2, 72, 3}};
    // 16-bit sums hold only so much.
    tuning.shiftSums = false;
    break;
  case Isa::Portable:
    tuning.tiles = {{kAnyRows, 2, 1, 0, 0}};
    tuning.unrolledSteps = 8; // each is a dozen instructions and more
    break;
  }
  return tuning;
}
