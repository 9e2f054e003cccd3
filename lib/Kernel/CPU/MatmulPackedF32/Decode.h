//===----------------------------------------------------------------------===//
// Part of MPQ, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//===----------------------------------------------------------------------===//
//
// Codes to floats, in registers. A vector of 4-byte lanes is 4 columns of as many
// rows of a step (PackedLayout.h); one column of them at a time becomes
//
//   an entry of a table     codes up to 5 bits and codebooks: the line, shifted,
//                           is the index, and what is above the code does not
//                           matter, since permutations ignore it and short tables
//                           repeat
//
//       line      ... | d c | b a |          4 bits: column 0 is a and b,
//       index     vpsrld line, 4             of two steps
//       float     vpermps                    reads the lowest 4 bits
//
//   a float made of bits    other levels: a byte below the exponent of 2^23 is
//                           2^23 + code, and a subtraction, which is exact, takes
//                           off 2^23 and the zero point:
//
//       0x4b0000cc - (2^23 + zero point)  =  code - zero point
//
// Both give the level, exactly; scales come later (Loops.h).
//
// For products of pairs of bf16 (vdpbf16ps) levels are bf16, of two columns in each
// lane of 4 bytes. Integers of up to 8 bits are exact in bf16, too. A permutation of
// lanes of 2 bytes looks up both columns. It reads the lowest bits of bytes 0 and 2,
// so these have to be neighbours: bytes 1 and 2 change places once for a line.
//
//       line      ... | d c | b a |          4 bits: columns 3, 1, 2, 0
//       index     vpsrlw line, 4
//       2 x bf16  vpermw                     tables of 32, vpermi2w of 64
//
// With a zero point z of b bits for each row, code + (2^b - 1) - z is the index, in
// a table of 2^(b + 1) differences.
//
// Where there is no table, each column becomes an f32 as above, whose lower half is
// zero, and two upper halves are put together.
//
//===----------------------------------------------------------------------===//
#ifndef MPQ_LIB_KERNEL_CPU_MATMULPACKEDF32_DECODE_H
#define MPQ_LIB_KERNEL_CPU_MATMULPACKEDF32_DECODE_H

#include "lib/Kernel/CPU/MatmulPackedF32/Tuning.h"
#include "lib/Kernel/CPU/Packed/Factors.h"

namespace mpq::packedf32 {

using packed::StreamPart;

class Decoder {
public:
  Decoder(KernelBuilder &k, const PackedLayout &layout, Isa isa,
          mlir::Value packed);

  /// Rows of the weight in one vector.
  static int64_t getLanes(Isa isa) { return isa == Isa::Avx2 ? 8 : 16; }
  int64_t lanes() const { return getLanes(isa); }
  /// Columns in one vector: pairs are multiplied where levels are bf16.
  int64_t columns() const { return isPaired() ? 2 : 1; }
  int64_t elements() const { return lanes() * columns(); }
  /// Of the levels.
  mlir::FloatType getType() const;

  /// The codes of 4 columns of a vector of rows.
  struct Step {
    mlir::Value dwords;
    unsigned bit; ///< of the byte, where the code begins
    mlir::Value offset;
  };
  /// The cells that begin `codes` bytes behind the beginning of a stream, and
  /// the lines of them that have been loaded.
  struct Cells {
    StreamPart part;
    Index codes;
    mlir::Value offset; ///< see `getOffset`
    llvm::SmallDenseMap<int64_t, mlir::Value> lines{}; // explicit constructor
  };
  /// Loads the lines of steps [first, first + count), in order.
  void loadLines(Cells &cells, int64_t first, int64_t count);
  /// Step `step`.
  Step getStep(Cells &cells, int64_t step);
  /// The levels of one of its 4 columns, or of that one and the next.
  mlir::Value emitLevels(const Step &step, int64_t column);

  /// What `Cells` want to know of a group: its zero points (i32; null
  /// without) in the form in which they are subtracted, or added to an index.
  /// Null with tables of levels.
  mlir::Value getOffset(mlir::Value zeroPoints);

private:
  bool isPaired() const { return isa == Isa::Bf16; }
  mlir::Value getLine(Cells &cells, int64_t line);
  /// In f32, where there is no table.
  mlir::Value emitColumn(const Step &step, int64_t column);
  bool usesTable() const { return !tables.empty() || gathered; }
  void makeTables();
  mlir::Value makeTable(int64_t firstCode);
  mlir::Value loadTable(mlir::Value levels, int64_t firstCode);
  /// Of the lanes, whatever their width; to the left by what is negative.
  mlir::Value shiftRight(mlir::Value lanes, int64_t bits);
  mlir::Value maskBytes(mlir::Value dwords, int64_t mask);
  mlir::Value lookUp(mlir::Value index);
  mlir::Value permute(mlir::Value index, int64_t table);
  /// A byte of each lane, below the exponent of 2^23.
  mlir::Value placeByte(const Step &step, int64_t column);

  KernelBuilder &k;
  const PackedLayout &layout;
  Isa isa;
  mlir::Value packed;
  mlir::VectorType words, reals, shorts;
  /// The table in registers; or in memory.
  llvm::SmallVector<mlir::Value> tables;
  mlir::Value gathered;
};

} // namespace mpq::packedf32

#endif // MPQ_LIB_KERNEL_CPU_MATMULPACKEDF32_DECODE_H
