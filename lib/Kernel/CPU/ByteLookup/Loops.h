//===----------------------------------------------------------------------===//
// Part of MPQ, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//===----------------------------------------------------------------------===//
//
// The loops of one matrix product by bytes of the weight that are looked up:
//
//     for block of rows:                what shares the weight in the cache
//       prepare them                    (PanelSums.h)
//       for stripe of the weight:       as many rows as there is scratch for sums
//         for run of groups, part:      (ByteLayout.h)
//           for row:
//             tables of the run and part
//             for panel of the stripe, group of the run:
//               sums of the group's part
//               f32 sum += scale * sum of the group    with its last part
//         for panel, row: result
//
// So a row has the first-level cache for its tables, and the weight passes by: from
// DRAM for the first row of a block, one stream that the hardware follows, from the
// second-level cache for the others.
//
// All sums wait in memory from one run to the next: f32, and, where a group has
// several parts, those of the group, integers with integer activations. Rows are
// summed in the same way, whatever rows are beside them; with integer activations
// the results are those of matmul_packed, operation by operation.
//
//===----------------------------------------------------------------------===//
#ifndef MPQ_LIB_KERNEL_CPU_BYTELOOKUP_LOOPS_H
#define MPQ_LIB_KERNEL_CPU_BYTELOOKUP_LOOPS_H

#include "lib/Kernel/CPU/ByteLookup/PanelSums.h"
#include "lib/Kernel/CPU/Packed/PanelLoops.h"
#include "lib/Kernel/CPU/Packed/SignedRows.h"

namespace mpq::bytelookup {

/// What is measured, not derived. Results are the same with any of these numbers.
struct Tuning {
  /// Rows of a block: each has sums, which wait in the second-level cache.
  static constexpr int64_t kRows = 8;
  /// Bytes of stack for the sums of a stripe.
  static constexpr int64_t kStripeBytes = 256 * 1024;
};

class ByteLoops : packed::PanelLoops {
public:
  /// `plain` describes rows of activations; `activations` are null for floats.
  ByteLoops(KernelBuilder &k, MatmulOp op, const ByteLayout &bytes,
            const PackedLayout &plain, int64_t rowsAtOnce, PanelSums &sums,
            packed::SignedRows *activations, mlir::ValueRange operands);
  void emit();

private:
  /// Rows [first, first + count) of the input, which are a block.
  struct InputRows {
    Index first, count;
  };
  /// Panels [first, first + count), for `columns` columns of the result.
  struct Stripe {
    Index first;
    int64_t count, columns;
  };

  void forRows(const InputRows &rows,
               llvm::function_ref<void(const InputRow &)> body);
  void emitStripe(const InputRows &rows, const Stripe &stripe);
  void startSums(const InputRows &rows, const Stripe &stripe);
  /// Adds the groups of a run, or a part of one, the last or not.
  void emitPiece(const InputRows &rows, const Stripe &stripe,
                 const Piece &piece, bool isLast);
  /// The same for a panel and row. `sums`: those of the groups, if they have parts
  /// or there is one group only, and the f32 sums, if there are several groups.
  Values addGroup(const InputRow &row, Index group, Index at, Index firstLine,
                  bool isLast, mlir::ValueRange sums);
  Values addScaled(const InputRow &row, Index group, Index scales,
                   Values levels, mlir::ValueRange before);
  void emitResults(const InputRows &rows, const Stripe &stripe);
  void emitResult(const InputRow &row, Index local, const Panel &panel,
                  Index factorsAt);

  bool keepsLevels() const { return !bytes.isGrouped() || bytes.parts > 1; }
  /// Sums of a row: an odd number of lines, or those of a block compete for the same
  /// lines of the cache.
  int64_t getPitch() const {
    return stripePanels * bytes.panelRows + PackedLayout::kRows;
  }
  /// The vectors of a panel in `buffer`.
  Values loadSums(mlir::Value buffer, Index local, Index row);
  void storeSums(mlir::ValueRange sums, mlir::Value buffer, Index local,
                 Index row);
  Values zeros(bool areIntegers);
  mlir::Value toReal(mlir::Value sums);
  /// Vector `vector` of what lies `at`, 4 or fewer bytes for each row of a panel.
  mlir::Value loadFactor(Index at, int64_t vector, int64_t size);

  const ByteLayout &bytes;
  int64_t rowsAtOnce, stripePanels;
  PanelSums &sums;
  packed::SignedRows *activations;
  /// Sums of groups, in the making, and f32 sums of rows.
  mlir::Value levels, totals;
};

} // namespace mpq::bytelookup

#endif // MPQ_LIB_KERNEL_CPU_BYTELOOKUP_LOOPS_H
