//===----------------------------------------------------------------------===//
// Part of MPQ, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//===----------------------------------------------------------------------===//
//
// The kernel: what one thread does.
//
//   for each step of stageDepth along this block's part of K (Multiplier):
//     multiply the slices of this stage
//     wait until the next stage has arrived; barrier
//     start the copies of a later stage; prepare the next
//   for each tile of the result: sums to shared memory, and from there
//     where K is not split:  sum * factor + bias + residual, clamp, store
//     where it is:           store; the last block to come adds all parts first
//
//===----------------------------------------------------------------------===//
#ifndef MPQ_KERNEL_NVVM_MATMULW4A16_KERNEL_H
#define MPQ_KERNEL_NVVM_MATMULW4A16_KERNEL_H

#include "Plan.h"
#include "ThreadBuilder.h"

#include <memory>

namespace mpq::w4a16 {

/// The operands of the kernel; global pointers, absent ones are null.
struct KernelArguments {
  mlir::Value input, weight, bias, residual, output;
  mlir::Value rows; ///< i32
  mlir::Value workspace;                          ///< global pointer
  mlir::Type inputType, residualType, outputType; ///< f32 or f16
};

/// Where this thread stands.
struct ThreadPosition {
  ThreadPosition(ThreadBuilder &t, const Plan &plan);

  mlir::Value thread, lane;
  mlir::Value warp;                   ///< in the block
  mlir::Value laneGroup, laneInGroup; ///< lane / 4, lane % 4: g and t
  mlir::Value rowBlock, columnBlock, split; ///< of the grid
};

/// Loads A into shared memory, as f16, swizzled. Activations that are f16
/// already, with rows of whole 16-byte chunks, are copied asynchronously; others
/// go through registers.
class InputLoader {
public:
  InputLoader(ThreadBuilder &t, const Plan &plan, const ThreadPosition &at,
              const KernelArguments &arguments);

  /// Starts loading the tile of `step` into `stage` (a shared pointer), which
  /// is only read where `condition` (null: true) holds.
  void begin(mlir::Value step, mlir::Value stage, mlir::Value condition);
  /// Finishes what `begin` has started: stores what is still in registers.
  void finish();

private:
  struct Chunk {
    mlir::Value row;     ///< global pointer to the row
    mlir::Value depth;   ///< of the chunk in the tile
    mlir::Value place;   ///< byte offset in the stage
    mlir::Value guard;   ///< whether there is such a chunk (null: yes)
    mlir::Value isRow;   ///< whether there is such a row
  };
  struct Pending {
    llvm::SmallVector<mlir::Value> elements; ///< 8, of the input's type
    mlir::Value to, guard;
  };
  bool isAsynchronous() const {
    return elementBytes == 2 && vectorLength == kChunk &&
           plan.weight.isIdentity();
  }
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
  void begin(mlir::Value step, mlir::Value stage, mlir::Value condition);

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

/// The sums that one thread has: makes them, and knows where they belong.
class Multiplier {
public:
  virtual ~Multiplier() = default;

  virtual llvm::SmallVector<mlir::Value> makeZero() = 0;
  /// Reads of `stage` what can be read before the products of the stage before
  /// are there.
  virtual llvm::SmallVector<mlir::Value> prepare(mlir::Value stage) {
    return {};
  }
  /// Adds the products of this thread's share of `stage`; `prepared` is of this
  /// stage. The sums may be on their way until `wait`.
  virtual void multiply(mlir::Value stage, mlir::ValueRange prepared,
                        llvm::MutableArrayRef<mlir::Value> sums) = 0;
  virtual void wait(llvm::MutableArrayRef<mlir::Value> sums) {}
  /// Writes the sums of tile `pass` to shared memory, [tileRows][tilePitch].
  virtual void store(int64_t pass, llvm::ArrayRef<mlir::Value> sums,
                     mlir::Value tile) = 0;
};

/// By `mma` of each warp, or by `wgmma` of four together.
std::unique_ptr<Multiplier> makeWarpMultiplier(ThreadBuilder &t,
                                               const Plan &plan,
                                               const ThreadPosition &at);
std::unique_ptr<Multiplier> makeWarpgroupMultiplier(ThreadBuilder &t,
                                                    const Plan &plan,
                                                    const ThreadPosition &at);

/// Writes the result. `clamp` may be null.
void emitEpilogue(ThreadBuilder &t, const Plan &plan, const ThreadPosition &at,
                  const KernelArguments &arguments, RangeAttr clamp,
                  Multiplier &multiplier, mlir::Value shared,
                  llvm::ArrayRef<mlir::Value> sums);

} // namespace mpq::w4a16

#endif // MPQ_KERNEL_NVVM_MATMULW4A16_KERNEL_H
