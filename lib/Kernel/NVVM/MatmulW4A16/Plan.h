//===----------------------------------------------------------------------===//
// Part of MPQ, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//===----------------------------------------------------------------------===//
//
// The tiles of a kernel, and what lies where in shared memory.
//
// A block of threads computes `rows()` x `columns()` of the result. Its warps
// are arranged in three dimensions:
//
//   warpsM   each has other rows (16 x blocksM of them)
//   warpsN   each has another panel of 64 columns
//   warpsK   each has other slices of the same product; sums are added at the end
//
// warpsN x warpsK is 4. Few rows mean that the weights' bytes limit the speed;
// then all multiprocessors must be busy with them, and blocks are narrow
// (warpsN = 1) unless there are columns enough.
//
// Weights and scales come through a ring of `stages` stages in shared memory:
//
//   stage:  | A: rows x depth f16 | B: warpsN x slices x 512 | scale rows |
//
// A is swizzled: the 16-byte chunk c of row r lies at chunk c ^ (r % 8), so that
// the eight rows that one `ldmatrix` reads at the same c are in different banks.
//
//     row 0   c0 c1 c2 c3 c4 c5 c6 c7          each chunk is four banks
//     row 1   c1 c0 c3 c2 c5 c4 c7 c6
//     row 2   c2 c3 c0 c1 c6 c7 c4 c5
//     ...
//
//===----------------------------------------------------------------------===//
#ifndef MPQ_KERNEL_NVVM_MATMULW4A16_PLAN_H
#define MPQ_KERNEL_NVVM_MATMULW4A16_PLAN_H

#include "WeightLayout.h"
#include "mpq/Kernel/KernelFamily.h"

namespace mpq::w4a16 {

struct Plan {
  /// The kernel for up to `maxRows` rows of activations.
  Plan(const WeightLayout &weight, const GpuTarget &target, int64_t maxRows);

  WeightLayout weight;
  int64_t warpsM = 1, warpsN = 1, warpsK = 4;
  int64_t blocksM = 1;
  int64_t stageSlices = 4;
  int64_t stages = 2;

  int64_t rows() const { return warpsM * blocksM * 16; }
  int64_t columns() const { return warpsN * kPanelColumns; }
  int64_t threads() const { return warpsM * warpsN * warpsK * kLanes; }
  int64_t columnBlocks() const { return llvm::divideCeil(weight.panels, warpsN); }

  int64_t stageDepth() const { return stageSlices * kSliceDepth; }
  int64_t steps() const { return llvm::divideCeil(weight.slices, stageSlices); }
  int64_t warpSlices() const { return stageSlices / warpsK; }

  /// Scale rows per panel in a stage: one where a stage never has two groups.
  int64_t stageGroups() const {
    return weight.groups == 1 || weight.paddedGroup % stageDepth() == 0
               ? 1
               : stageSlices;
  }

  int64_t rowBytes() const { return stageDepth() * 2; }
  int64_t bStart() const { return rows() * rowBytes(); }
  int64_t scaleStart() const { return bStart() + warpsN * stageSlices * kSliceBytes; }
  int64_t panelScaleBytes() const { return stageGroups() * weight.groupBytes(); }
  int64_t stageBytes() const { return scaleStart() + warpsN * panelScaleBytes(); }

  /// Sums of half of the warps, on their way to the others.
  int64_t exchangeBytes() const {
    return warpsK == 1 ? 0
                       : warpsM * warpsN * (warpsK / 2) * blocksM * kPanelBlocks *
                             kLanes * 16;
  }
  int64_t sharedBytes() const {
    return std::max(stages * stageBytes(), exchangeBytes());
  }

private:
  void chooseWarpsN(int64_t processors);
};

/// The row counts up to which the kernels of an op differ; the last is
/// `KernelLaunch::kAnyRows`.
llvm::ArrayRef<int64_t> getRowLimits();

} // namespace mpq::w4a16

#endif // MPQ_KERNEL_NVVM_MATMULW4A16_PLAN_H
