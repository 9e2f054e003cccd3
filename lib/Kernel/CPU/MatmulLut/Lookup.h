//===----------------------------------------------------------------------===//
// Part of MPQ, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//===----------------------------------------------------------------------===//
//
// From a line of codes (LutLayout.h) to vectors of 16 levels, f32, exactly.
//
//   16 levels    a shift brings a slot to the bottom of the lanes; of the index
//                a permutation reads the lowest 4 bits (vpermps zmm), or 3, and
//                the next bit chooses between two (AVX2)
//   256 levels   bytes of 64 levels at a time: vpermi2b has a table of 128, and
//                the sign of a code chooses between two of them, for each of
//                the 4 or 2 bytes of a level:
//
//                     codes   | c0 c1 c2 ...           64 bytes of a row
//                     plane 0 | lowest bytes of the levels
//                     plane 1 | the next bytes
//                     words   | vpunpcklbw, vpunpckhbw 2 x 32 f16: vcvtph2ps
//                     f32     | vpunpcklwd, vpunpckhwd 4 x 16 f32
//
//   any          loads from a table in memory (gathers), where there is no
//                other way
//
// 16 levels are one register, 256 are 8 (f16) or 16.
//
//===----------------------------------------------------------------------===//
#ifndef MPQ_LIB_KERNEL_CPU_MATMULLUT_LOOKUP_H
#define MPQ_LIB_KERNEL_CPU_MATMULLUT_LOOKUP_H

#include "lib/Kernel/CPU/MatmulLut/LutLayout.h"
#include "lib/Kernel/CPU/Packed/Factors.h"

namespace mpq::lut {

/// The instructions that look levels up.
enum class Isa {
  Avx512,   ///< vpermps: a table of 16 floats
  Avx2,     ///< vpermps: 8
  Portable, ///< loads
};

class Lookup {
public:
  using Values = llvm::SmallVector<mlir::Value>;

  /// `tables`: how many are in use at a time, at most.
  Lookup(KernelBuilder &k, const LutLayout &layout, mlir::Value packed,
         int64_t tables);

  static Isa getIsa(const KernelTarget &target);
  /// Whether bytes of levels are looked up.
  static bool hasPlanes(const KernelTarget &target);

  /// A table in registers, or where it is in memory.
  struct Table {
    Values registers;
    Index memory;
  };
  /// The table that begins at a byte of the packed weight, number `number` of
  /// those in use.
  Table load(Index at, int64_t number);

  /// The codes of a line, or its levels.
  struct Line {
    mlir::Value dwords;
    Values levels;
  };
  Line read(Index at, const Table &table);
  /// The levels of slot `slot`; `table` is its table.
  mlir::Value getLevels(const Line &line, const Table &table, int64_t slot);

private:
  /// 16 levels of a table that is not stored in planes.
  mlir::Value loadLevels(Index at, int64_t first);
  Values interleave(llvm::ArrayRef<mlir::Value> planes);
  mlir::Value lookUpBytes(mlir::Value codes, mlir::ValueRange table);
  mlir::Value gather(mlir::Value index, const Table &table);
  mlir::Value permuteHalves(mlir::Value index, const Table &table);

  KernelBuilder &k;
  const LutLayout &layout;
  Isa isa;
  mlir::Value packed;
  packed::StreamFactors factors;
  mlir::VectorType reals, dwords, bytes;
  /// Tables in memory, as f32.
  mlir::Value memory;
};

} // namespace mpq::lut

#endif // MPQ_LIB_KERNEL_CPU_MATMULLUT_LOOKUP_H
