//===----------------------------------------------------------------------===//
// Part of MPQ, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//===----------------------------------------------------------------------===//
//
// The tiles of a kernel, and what lies where in shared memory.
//
// A block of threads computes `rows()` x `panels()` panels of 64 columns of the
// result, over all of K or over one of `splits` parts of it. Who does what:
//
//   warps        multiply by `mma`. They are arranged in three dimensions:
//                  warpsM   each has other rows (16 x blocksM of them)
//                  warpsN   each has another panel
//                  warpsK   each has other slices of the same product
//   warpgroups   multiply by `wgmma` (sm_90a): four warps have all rows of a
//                panel
//
// Few rows mean that the weights' bytes limit the speed. Then several blocks
// must be on every multiprocessor, or too few bytes are on their way; so K is
// split until there are enough. Many rows mean that tensor cores limit it, and
// that activations are read once for every block of columns: tiles are large.
//
// Weights and scales come through a ring of `stages` stages in shared memory:
//
//   stage:  | A: rows x depth f16 | B: panels x slices x 512 | scale rows |
//
// A is swizzled: the 16-byte chunk c of row r lies at chunk c ^ (r % 8), so
// that the eight rows that one `ldmatrix` reads at the same c are in different
// banks. Where rows are 128 bytes this is what `wgmma` calls a swizzle of 128
// bytes.
//
//     row 0   c0 c1 c2 c3 c4 c5 c6 c7          each chunk is four banks
//     row 1   c1 c0 c3 c2 c5 c4 c7 c6
//     row 2   c2 c3 c0 c1 c6 c7 c4 c5
//     ...
//
// When K is done, sums pass through shared memory once more, a *tile* at a time
// (`passes()` of them), so that the result is written in whole lines. Parts of
// K meet in global memory; whoever comes last adds them up, in their order.
//
//===----------------------------------------------------------------------===//
#ifndef MPQ_KERNEL_NVVM_MATMULW4A16_PLAN_H
#define MPQ_KERNEL_NVVM_MATMULW4A16_PLAN_H

#include "WeightLayout.h"
#include "mpq/Kernel/KernelFamily.h"

namespace mpq::w4a16 {

inline constexpr int64_t kChunk = 8; ///< f16 in 16 bytes

struct Plan {
  /// The kernel for up to `maxRows` rows of activations.
  Plan(const WeightLayout &weight, const GpuTarget &target, int64_t maxRows);

  WeightLayout weight;
  int64_t warpsM = 1, warpsN = 1, warpsK = 1;
  int64_t blocksM = 1;
  /// 0: multiplies by `mma`, and `groupRows` means nothing.
  int64_t warpgroups = 0, groupRows = 0;
  int64_t splits = 1, splitSteps = 1;
  int64_t stageSlices = 4;
  int64_t stages = 2;

  bool usesWarpgroups() const { return warpgroups > 0; }
  int64_t rows() const {
    return usesWarpgroups() ? groupRows : warpsM * blocksM * 16;
  }
  int64_t panels() const { return usesWarpgroups() ? warpgroups : warpsN; }
  int64_t threads() const {
    return (usesWarpgroups() ? warpgroups * kGroupWarps
                             : warpsM * warpsN * warpsK) *
           kLanes;
  }
  int64_t columnBlocks() const {
    return llvm::divideCeil(weight.panels, panels());
  }

  //===--- The ring -------------------------------------------------------===//

  int64_t stageDepth() const { return stageSlices * kSliceDepth; }
  int64_t steps() const { return llvm::divideCeil(weight.slices, stageSlices); }
  int64_t warpSlices() const { return stageSlices / warpsK; }
  /// How many steps copies are ahead. They start when warps have finished with
  /// the stage of this step; `wgmma` may still read it.
  int64_t ahead() const { return stages - (usesWarpgroups() ? 1 : 0); }

  /// Scale rows per panel in a stage: one where a stage never has two groups.
  int64_t stageGroups() const {
    return weight.groups == 1 || weight.paddedGroup % stageDepth() == 0
               ? 1
               : stageSlices;
  }

  int64_t rowBytes() const { return stageDepth() * 2; }
  int64_t bStart() const { return rows() * rowBytes(); }
  int64_t scaleStart() const {
    return bStart() + panels() * stageSlices * kSliceBytes;
  }
  int64_t panelScaleBytes() const { return stageGroups() * weight.groupBytes(); }
  int64_t stageBytes() const {
    int64_t bytes = scaleStart() + panels() * panelScaleBytes();
    return usesWarpgroups() ? llvm::alignTo(bytes, kSwizzleBytes) : bytes;
  }

  //===--- Tiles of the result --------------------------------------------===//

  int64_t passes() const { return usesWarpgroups() ? 1 : blocksM; }
  int64_t tileRows() const {
    return usesWarpgroups() ? groupRows : warpsM * 16;
  }
  int64_t tileColumns() const { return panels() * kPanelColumns; }
  /// Bytes from row to row: accesses of lanes do not meet in a bank.
  int64_t tilePitch() const {
    return (tileColumns() + (usesWarpgroups() ? 4 : 8)) * 4;
  }
  int64_t tileBytes() const { return tileRows() * tilePitch(); }

  int64_t sharedBytes() const {
    return std::max(stages * stageBytes(), tileBytes());
  }

  //===--- Where parts of K meet ------------------------------------------===//

  /// Counters of blocks that have arrived, then [split][block][pass][tile] f32.
  int64_t partsStart() const { return llvm::alignTo(columnBlocks() * 4, 256); }
  int64_t partBytes() const { return tileRows() * tileColumns() * 4; }
  int64_t workspaceBytes() const {
    return splits == 1 ? 0
                       : partsStart() +
                             splits * columnBlocks() * passes() * partBytes();
  }

private:
  void split(int64_t blocks);

  static constexpr int64_t kGroupWarps = 4;
  static constexpr int64_t kSwizzleBytes =
      1024; ///< to which a stage is aligned for `wgmma`
};

/// The row counts up to which the kernels of an op differ; the last is
/// `KernelLaunch::kAnyRows`.
llvm::ArrayRef<int64_t> getRowLimits();

} // namespace mpq::w4a16

#endif // MPQ_KERNEL_NVVM_MATMULW4A16_PLAN_H
