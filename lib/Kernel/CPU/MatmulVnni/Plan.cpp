//===----------------------------------------------------------------------===//
// Part of MPQ, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//===----------------------------------------------------------------------===//
//
// The choice of the register tile, on the same model of the core as the
// convolution's.
//
//===----------------------------------------------------------------------===//

#include "lib/Kernel/CPU/MatmulVnni/Plan.h"

#include "lib/Kernel/CPU/Vnni/Core.h"

using namespace mpq;
using namespace mpq::vnni;

/// Stack for rows that are quantized in the kernel.
static constexpr int64_t kScratchBytes = 128 * 1024;
/// Packed weights of which the second-level cache holds several: short blocks of
/// rows read them again and again. (64 bytes of them arrive in 2 cycles, and are
/// multiplied for as many as there are rows.)
static constexpr int64_t kMaxBytesReadAgain = 160 * 1024;
/// Rows of such a block, where they are known.
static constexpr int64_t kFewRows = 16;

MatmulPlan::MatmulPlan(MatmulOp op) {
  m = mlir::cast<mlir::ShapedType>(op.getInput().getType()).getDimSize(0);
  bool isDynamic = mlir::ShapedType::isDynamic(m);
  if (isDynamic)
    m = kManyRows;
  n = op.getWeightShape()[0];
  k = op.getWeightShape()[1];
  totalVectors = llvm::divideCeil(n, kRows);
  totalSteps = llvm::divideCeil(k, kColumns);
  groupSteps = totalSteps;
  mlir::Type weight = op.getWeight().getType();
  if (auto stored = mlir::dyn_cast<StoredTensorType>(weight)) {
    int64_t group = stored.getFormat().getIntegerGroup(k);
    if (group > 0 && group < k) {
      groupSteps = llvm::divideCeil(group, kColumns);
      groups = llvm::divideCeil(totalSteps, groupSteps);
    }
  } else if (auto packed = mlir::dyn_cast<mlir::MemRefType>(weight)) {
    int64_t bytes = packed.getNumElements();
    if (bytes != packedBytes()) {
      groups =
          ((bytes - kHeaderBytes) / totalVectors - totalSteps * kVectorBytes) /
              kFactorBytes -
          1;
      groupSteps = 0;
    }
  }
  chooseTile();
  chooseBlocks(!isDynamic, !op.getInputQuant()->isDynamic());
}

void MatmulPlan::chooseBlocks(bool areRowsKnown, bool areCodes) {
  rowsAtOnce = m;
  if (!areCodes) {
    int64_t blocks =
        llvm::divideCeil(m, std::max(rows, kScratchBytes / scratchPitch()));
    rowsAtOnce = std::max(rows, int64_t(llvm::divideCeil(m, blocks)));
    if (!areRowsKnown) // whole tiles, but for the last block
      rowsAtOnce = std::max(rows, rowsAtOnce / rows * rows);
  }
  isCutByRows = packedBytes() <= kMaxBytesReadAgain;
  if (!isCutByRows)
    return;
  if (!areRowsKnown) {
    rowsAtOnce = rows;
    return;
  }
  // Tiles of all blocks are those that there would be without blocks.
  int64_t tiles = packedBytes() <= kL1Bytes ? 1 : kFewRows / rows;
  tiles = std::max<int64_t>(std::min(tiles, rowsAtOnce / rows), 1);
  while (llvm::divideCeil(m, rows) % tiles)
    --tiles;
  rowsAtOnce = tiles * rows;
}

int64_t MatmulPlan::fullPanels() const {
  return (n % kRows ? totalVectors - 1 : totalVectors) / vectors;
}

double MatmulPlan::estimate() {
  int64_t accumulators = rows * vectors;
  int64_t room = kRegisters - kReserved - vectors;
  if (accumulators * (isGrouped() ? 2 : 1) > room)
    return -1;
  chains = 1;
  while (!isGrouped() && chains < unroll && accumulators * chains < 10 &&
         accumulators * (chains + 1) <= room)
    ++chains;
  auto getStep = [&](double vectors) {
    double dots = rows * vectors;
    double step =
        std::max(getStepCycles(dots, vectors + rows), kDotLatency / chains);
    if (totalSteps * vectors * kVectorBytes > kL1Bytes)
      step = std::max(step, vectors * kVectorBytes / kL2Bytes);
    return totalSteps * (step + kStepOverhead) + kTileOverhead +
           dots * (kEpilogue + (groups - 1));
  };
  double panels = fullPanels() * getStep(vectors);
  if (lastVectors())
    panels += getStep(lastVectors());
  return llvm::divideCeil(m, rows) * panels;
}

void MatmulPlan::chooseTile() {
  unroll = isGrouped() ? 1 : std::min<int64_t>(4, totalSteps);
  MatmulPlan best = *this;
  double least = -1;
  for (vectors = 1; vectors <= std::min<int64_t>(totalVectors, 8); ++vectors)
    for (rows = 1; rows <= std::min<int64_t>(m, 16); ++rows) {
      double cycles = estimate();
      if (cycles >= 0 && (least < 0 || cycles < least * 0.999)) {
        least = cycles;
        best = *this;
      }
    }
  *this = best;
}
