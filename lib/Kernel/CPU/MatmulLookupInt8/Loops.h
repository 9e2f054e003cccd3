//===----------------------------------------------------------------------===//
// Part of MPQ, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//===----------------------------------------------------------------------===//
//
// The loops of one matrix product of u8 rows with weights of 1 bit, by tables:
//
//     for block of rows:               a tile, whose tables share the cache
//       quantize them, make tables     (SignedRows.h, ByteTables.h)
//       for stripe of the weight:      as many rows as there is scratch for sums
//         for chunk of columns:        (PackedLayout.h)
//           for stream of the stripe:
//             for block of groups, group:
//               integer sums           all rows of the tile
//               f32 sum += scale * integer sum
//         for stream of the stripe:
//           result
//
// The sums wait in memory between chunks: f32, or integers where a row is one
// group. Chunks let tables stay in the first-level cache while memory is read from
// its beginning to its end: one stream of loads is all that the hardware follows
// here, and tables from the second-level cache are another.
//
// Sums are those of matmul_packed, operation by operation, and so are results.
//
//===----------------------------------------------------------------------===//
#ifndef MPQ_LIB_KERNEL_CPU_MATMULLOOKUPINT8_LOOPS_H
#define MPQ_LIB_KERNEL_CPU_MATMULLOOKUPINT8_LOOPS_H

#include "lib/Kernel/CPU/MatmulLookupInt8/ByteTables.h"
#include "lib/Kernel/CPU/Packed/PanelLoops.h"

namespace mpq::lookupint8 {

/// What is measured, not derived. Results are the same with any of these numbers.
struct Tuning {
  /// Rows of a tile, and of one where so many rows are known to come that reading
  /// the weight does not count.
  int64_t rows = 2, rowsOfMany = 4, many = 32;
  /// Streams of a stripe.
  int64_t streams = 256;
  /// Columns of a chunk, at least.
  static constexpr int64_t kChunkColumns = 1024;
  /// Bytes of stack for tables; half of a second-level cache.
  static constexpr int64_t kTableBytes = 512 * 1024;
};

class LookupLoops : packed::PanelLoops {
public:
  LookupLoops(KernelBuilder &k, MatmulOp op, const PackedLayout &layout,
              const Tuning &tuning, mlir::ValueRange operands);
  void emit();

private:
  /// Streams [first, first + count), for `columns` columns of the result.
  struct Stripe {
    Index first;
    int64_t count, columns;
  };
  struct Chunk {
    Index index;
    bool isLast;
  };

  void emitRows(const Rows &rows);
  void emitStripe(const Rows &rows, const Stripe &stripe);
  /// What threads may share, the same way for each loop over a stripe.
  void forStreams(const Stripe &stripe,
                  llvm::function_ref<void(Index local, int64_t columns)> body);
  void startSums(const Rows &rows, const Stripe &stripe);
  void emitChunk(const Rows &rows, const Stripe &stripe, const Chunk &chunk);
  Values emitGroups(const Rows &rows, const Chunk &chunk, Index at,
                    mlir::ValueRange before);
  Values emitBlock(const Rows &rows, const Block &block,
                   mlir::ValueRange before);
  Values emitPartOfGroup(const Rows &rows, const Chunk &chunk, Index at,
                         mlir::ValueRange before);
  /// Adds codes times activations over `steps` steps, from step `step` of all on,
  /// to `start`, one for each row; their codes begin at `at`, in half `half` of the
  /// bytes.
  Values emitSteps(const Rows &rows, Index at, int64_t half, Index step,
                   int64_t steps, mlir::ValueRange start);
  /// Adds those of these halves of the bytes of `lines` lines.
  Values emitLines(const Rows &rows, Index at, int64_t lines,
                   llvm::ArrayRef<int64_t> halves, Index step,
                   mlir::ValueRange before);
  /// Where the integer sums of a group start.
  Values loadStart(const Rows &rows, Index group);
  void emitResult(const Rows &rows, const Stripe &stripe, Index local,
                  int64_t columns);
  /// What waits for a stream, 16 x f32 or i32 for each row.
  mlir::Value loadSum(Index local, int64_t row);
  void storeSum(mlir::Value sum, Index local, int64_t row);
  packed::StreamPart getFactors(Index stream) const;
  /// Of the rows' weights, or levels.
  mlir::Value loadSums(Index stream, bool areReal);
  mlir::Value toReal(mlir::Value integers);

  const Tuning &tuning;
  int64_t rowsAtOnce;
  packed::SignedRows activations;
  ByteTables tables;
  int64_t stripeStreams;
  mlir::Value partials;
};

} // namespace mpq::lookupint8

#endif // MPQ_LIB_KERNEL_CPU_MATMULLOOKUPINT8_LOOPS_H
