//===----------------------------------------------------------------------===//
// Part of MPQ, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//===----------------------------------------------------------------------===//
//
// What the loops (Loops.h) leave to the kind of kernel: tables of sums of activations,
// and the sums of a panel's lines by these.
//
//===----------------------------------------------------------------------===//
#ifndef MPQ_LIB_KERNEL_CPU_BYTELOOKUP_PANELSUMS_H
#define MPQ_LIB_KERNEL_CPU_BYTELOOKUP_PANELSUMS_H

#include "lib/Kernel/CPU/ByteLookup/ByteLayout.h"
#include "mpq/Kernel/KernelBuilder.h"

namespace mpq::bytelookup {

/// A row of activations: of the block, of the input.
struct InputRow {
  Index block, input;
};

/// Columns: part `part` of the groups of run `run`.
struct Piece {
  Index run, part;
};

class PanelSums {
public:
  using Values = llvm::SmallVector<mlir::Value>;
  PanelSums(KernelBuilder &k, const ByteLayout &layout, mlir::Value packed)
      : k(k), layout(layout), packed(packed) {}
  virtual ~PanelSums() = default;

  /// Rows of the weight in one vector of sums; vectors of a panel.
  int64_t lanes() const { return layout.line / 4; }
  int64_t vectors() const { return 4 * layout.streams; }

  /// i32; f32 otherwise.
  virtual bool areIntegers() const = 0;
  /// What is done once for each row.
  virtual void emitRow(const InputRow &row) = 0;
  /// Makes the tables of a row for a piece; there is room for those only.
  virtual void emitTables(const InputRow &row, const Piece &piece) = 0;
  /// The sums of level times activation, or what `finish` makes these of, over the
  /// lines of a group that begin at byte `at`, with the tables made last, from line
  /// `firstLine` of the piece on.
  virtual Values emitGroup(Index at, Index firstLine) = 0;
  /// The sum of a whole group `group` of a row, of which `sum` is what `emitGroup`
  /// gave, all parts together.
  virtual mlir::Value finish(const InputRow &row, Index group,
                             mlir::Value sum) {
    return sum;
  }

protected:
  /// Calls `body` for all lines of a piece, with the number of its line in it, the
  /// group, and the first of its columns within the group.
  void forLines(
      const Piece &piece,
      llvm::function_ref<void(Index line, Index group, Index column)> body) {
    k.forEach({layout.runGroups, layout.partLines},
              [&](llvm::ArrayRef<Index> i) {
                Index inPart = k.add(k.mul(piece.part, layout.partLines), i[1]);
                body(k.linear(i, {layout.runGroups, layout.partLines}),
                     k.add(k.mul(piece.run, layout.runGroups), i[0]),
                     k.mul(inPart, layout.columns));
              });
  }
  /// Line `line` of stream `stream`, counted from `at`.
  mlir::Value loadLine(Index at, int64_t line, int64_t stream) {
    return k.loadVector(packed,
                        at + (line * layout.streams + stream) * layout.line,
                        layout.line);
  }

  KernelBuilder &k;
  const ByteLayout &layout;
  mlir::Value packed;
};

} // namespace mpq::bytelookup

#endif // MPQ_LIB_KERNEL_CPU_BYTELOOKUP_PANELSUMS_H
