//===----------------------------------------------------------------------===//
// Part of MPQ, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//===----------------------------------------------------------------------===//
//
// What one core of this CPU can do at most: multiply-adds with all operands in
// registers, and bytes read in a row.
//
//===----------------------------------------------------------------------===//
#ifndef MPQ_TOOLS_QUANT_BENCH_ROOF_H
#define MPQ_TOOLS_QUANT_BENCH_ROOF_H

#include "llvm/ADT/StringRef.h"

#include <cstdint>
#include <string>

namespace mpq {

struct TargetSpec;

/// An instruction, or the shortest sequence of them, that multiplies and adds.
struct DotInstruction {
  enum Kind {
    None,
    MulAdd,
    Fma,
    Maddubs,
    Vnni,
    VexVnni,
    Bf16,
    Popcnt,
    TablePopcnt
  };
  Kind kind = None;
  unsigned bits = 128;
  /// Products of one bit with one bit that make up one multiply-add.
  int64_t pairs = 1;

  /// For f32 operands, by `target`'s instructions in vectors of `bits`.
  static DotInstruction getF32(const TargetSpec &target, unsigned bits);
  /// For 8-bit operands: the best that this machine has in vectors of `bits`,
  /// whether `target` may use it or not.
  static DotInstruction getInt8(unsigned bits);
  /// For bf16 operands; None on machines without.
  static DotInstruction getBf16(unsigned bits);
  /// For operands of few bits, one bit of each at a time, `pairs` times: by
  /// vpopcntd or a table of the halves of bytes.
  static DotInstruction getCounts(const TargetSpec &target, unsigned bits,
                                  int64_t pairs);

  /// As in "vpdpbusd zmm".
  std::string getName() const;
  /// Executes it on independent accumulators for some 25 us times `length`, and
  /// returns the number of multiply-adds.
  double run(int64_t length) const;
};

/// Reads `bytes` bytes from `start` (a multiple of 64) on, in the widest loads
/// of this machine.
void readBytes(const char *start, int64_t bytes);

/// "AMD EPYC (family 25 model 17, znver4)".
std::string getCpuName();

} // namespace mpq

#endif // MPQ_TOOLS_QUANT_BENCH_ROOF_H
