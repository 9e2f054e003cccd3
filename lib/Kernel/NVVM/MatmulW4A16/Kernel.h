//===----------------------------------------------------------------------===//
// Part of MPQ, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//===----------------------------------------------------------------------===//
//
// The kernel: what one thread does.
//
//   for each step of stageDepth along K:
//     wait until its stage has arrived; barrier
//     start the copies of the stage that is stages - 1 ahead
//     for each slice of this warp:
//       A fragments by ldmatrix, B fragments by one load, decoded by lop3
//       mma for each (16 rows, 8 columns)
//   add the sums of the warps along K
//   sum * factor + bias + residual, clamp, store
//
//===----------------------------------------------------------------------===//
#ifndef MPQ_KERNEL_NVVM_MATMULW4A16_KERNEL_H
#define MPQ_KERNEL_NVVM_MATMULW4A16_KERNEL_H

#include "Plan.h"
#include "ThreadBuilder.h"

namespace mpq::w4a16 {

/// The operands of the kernel; global pointers, absent ones are null.
struct KernelArguments {
  mlir::Value input, weight, bias, residual, output;
  mlir::Value rows; ///< i32
  mlir::Type inputType, residualType, outputType; ///< f32 or f16
};

/// Where this thread stands.
struct ThreadPosition {
  ThreadPosition(ThreadBuilder &t, const Plan &plan);

  mlir::Value thread, lane;
  mlir::Value warpM, warpN, warpK;
  mlir::Value laneGroup, laneInGroup; ///< lane / 4, lane % 4: g and t
  mlir::Value rowBlock, columnBlock;  ///< of the grid
  /// The panel of this warp; the last one where there is none.
  mlir::Value panel, hasPanel; ///< i32, i1 (null: always)
};

/// Loads A into shared memory, as f16, swizzled. Activations that are f16
/// already, with rows of whole 16-byte chunks, are copied asynchronously; others
/// go through registers.
class InputLoader {
public:
  InputLoader(ThreadBuilder &t, const Plan &plan, const ThreadPosition &at,
              const KernelArguments &arguments);

  /// Starts loading the tile of `step` into `stage` (a shared pointer).
  void begin(mlir::Value step, mlir::Value stage);
  /// Finishes what `begin` has started: stores what is still in registers.
  void finish();

private:
  struct Chunk {
    mlir::Value row;     ///< global pointer to the row
    mlir::Value depth;   ///< of the chunk in the tile
    mlir::Value place;   ///< byte offset in the stage
    mlir::Value guard;   ///< whether there is such a chunk (null: yes)
  };
  struct Pending {
    llvm::SmallVector<mlir::Value> elements; ///< 8, of the input's type
    mlir::Value to, guard;
  };
  Chunk makeChunk(int64_t index);
  Pending loadChunk(const Chunk &chunk, mlir::Value step, mlir::Value stage);
  void loadElements(const Chunk &chunk, mlir::Value at, Pending &pending);
  void store(const Pending &pending);

  ThreadBuilder &t;
  const Plan &plan;
  const KernelArguments &arguments;
  int64_t elementBytes;
  int64_t vectorLength; ///< elements of one load
  llvm::SmallVector<Chunk> chunks;
  llvm::SmallVector<Pending> pending;
};

/// Loads B and the scale rows into shared memory.
class WeightLoader {
public:
  WeightLoader(ThreadBuilder &t, const Plan &plan, const ThreadPosition &at,
               mlir::Value packed);
  void begin(mlir::Value step, mlir::Value stage);

private:
  struct Chunk {
    mlir::Value from;  ///< global pointer, at the panel
    mlir::Value slice; ///< in the stage
    mlir::Value within; ///< byte offset in the slice, or in the scale row
    mlir::Value place; ///< byte offset in the stage
    mlir::Value guard; ///< whether there is such a chunk (null: yes)
  };

  ThreadBuilder &t;
  const Plan &plan;
  llvm::SmallVector<Chunk> slices, scales;
};

/// The sums of a warp, [blocksM][8 blocks of columns][4] f32.
class Accumulators {
public:
  Accumulators(ThreadBuilder &t, const Plan &plan, const ThreadPosition &at)
      : t(t), plan(plan), at(at) {}

  int64_t size() const { return plan.blocksM * kPanelBlocks * 4; }
  llvm::SmallVector<mlir::Value> makeZero();
  /// Adds the products of this warp's slices of `stage`.
  void multiply(mlir::Value stage, llvm::MutableArrayRef<mlir::Value> sums);
  /// Adds the sums of the warps along K; those with warpK = 0 have the result.
  llvm::SmallVector<mlir::Value> reduce(mlir::Value shared,
                                        llvm::ArrayRef<mlir::Value> sums);

private:
  /// Scales and zero points of this lane's eight columns, as pairs of f16.
  struct Columns {
    llvm::SmallVector<mlir::Value> scale, zero, highZero;
  };
  Columns loadColumns(mlir::Value stage, mlir::Value slice);
  llvm::SmallVector<mlir::Value> loadRow(mlir::Value at);
  llvm::SmallVector<mlir::Value> loadInputFragment(mlir::Value stage,
                                                   mlir::Value slice, int64_t block);
  /// b0 or b1 of column block `block`.
  mlir::Value decode(mlir::Value word, bool high, const Columns &columns, int64_t block);
  void multiplySlice(mlir::Value stage, mlir::Value slice, const Columns &columns,
                     llvm::MutableArrayRef<mlir::Value> sums);

  ThreadBuilder &t;
  const Plan &plan;
  const ThreadPosition &at;
};

/// Writes the result. `clamp` may be null.
void emitEpilogue(ThreadBuilder &t, const Plan &plan, const ThreadPosition &at,
                  const KernelArguments &arguments, RangeAttr clamp,
                  llvm::ArrayRef<mlir::Value> sums);

} // namespace mpq::w4a16

#endif // MPQ_KERNEL_NVVM_MATMULW4A16_KERNEL_H
