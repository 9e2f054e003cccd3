//===----------------------------------------------------------------------===//
// Part of MPQ, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//===----------------------------------------------------------------------===//
//
// Matrix product of u8 rows with integer weights of 1 to 8 bits that stay packed
// in memory: as many bytes are read for each weight as its format has bits. Rows
// that arrive as f32 are quantized here, each with its own scale.
//
// Weights are the unsigned operand of the dot product and activations the signed
// one (SignedRows.h says what becomes of the zero points), so codes need nothing
// but a mask (Tile.h). The layout is PackedLayout.h; docs/Rationale/Packed.md has
// the reasons and the measurements.
//
// Two families with the same kernels: one is asked before matmul_vnni and takes
// what is faster packed, the other is asked behind it and takes anything.
//
//===----------------------------------------------------------------------===//

#include "lib/Kernel/CPU/MatmulPacked/Loops.h"
#include "lib/Kernel/CPU/MatmulPacked/Tile.h"
#include "lib/Kernel/CPU/Packed/MeasuredTiles.h"
#include "lib/Kernel/CPU/Packed/PackedFamily.h"

#include "mlir/IR/DialectRegistry.h"
#include "llvm/Support/FormatVariadic.h"

using namespace mlir;
using namespace mpq;
using namespace mpq::packed;

namespace {

class MatmulPacked final : public PackedFamily {
public:
  using PackedFamily::PackedFamily;

private:
  std::string checkInput(MatmulOp op) const override {
    return checkCodes(op);
  }
  std::string check(MatmulOp op, StoredTensorType weight) const override {
    return checkIntegerSums(op, weight);
  }
  std::string checkGain(MatmulOp op, const PackedLayout &layout) const override;

  PackedAttr getLayout(StoredTensorType weight, const KernelTarget &target,
                       std::string &reason) const override {
    return PackedLayout::get(weight, reason, canLookUp(target));
  }

  void emitLoops(KernelBuilder &k, MatmulOp op, const PackedLayout &layout,
                 ValueRange operands) const override {
    Tuning tuning = getTuning(k.target, layout.bits);
    useMeasuredTiles<TileTuning>(op, "matmul_packed", layout.bits,
                                 tuning.tiles);
    int64_t rowsAtOnce = PanelLoops::getBlockHeight(
        k.rows(operands[0]),
        SignedRows::getRowsIn(layout, tuning.activationBytes),
        tuning.tiles.back().rows);
    SignedRows rows(k, layout,
                    k.activation(operands[0], {}, op.getInputQuantAttr()),
                    rowsAtOnce, TileEmitter::getStartShift(layout, tuning));
    TileEmitter tiles(k, layout, tuning, operands[1], rows);
    PackedLoops(k, op, layout, tuning.tiles, rowsAtOnce, tiles, rows, operands)
        .emit();
  }
};

} // namespace

/// matmul_vnni decodes a weight once, at load, to one byte for each code. Where
/// that costs no memory, or so little that it stays in the first-level cache,
/// masks are all that packed codes add (docs/Rationale/Packed.md).
std::string MatmulPacked::checkGain(MatmulOp op,
                                    const PackedLayout &layout) const {
  if (std::string reason = checkNearness(layout); !reason.empty())
    return reason;
  if (layout.bits != 8)
    return {};
  if (!layout.isGrouped())
    return "8-bit codes with a scale for each row are bytes already";
  constexpr int64_t kMostRows = 2;
  int64_t rows = cast<ShapedType>(op.getInput().getType()).getDimSize(0);
  if (ShapedType::isDynamic(rows))
    return "8-bit codes are bytes already, and rows are expected to be many";
  if (rows > kMostRows)
    return llvm::formatv("8-bit codes are bytes already, and {0} rows of "
                         "activations are more than {1}",
                         rows, kMostRows);
  return {};
}

namespace mpq {
void registerKernelFamilyMatmulPacked(DialectRegistry &) {
  packed::registerPackedFamily<MatmulPacked>(
      "matmul_packed", 290, "matmul_packed_large", kMultiplyPriority);
}
} // namespace mpq
