//===----------------------------------------------------------------------===//
// Part of MPQ, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//===----------------------------------------------------------------------===//
//
// Activations one element at a time, whatever their layout: what the reference
// kernels are made of.
//
// A reference kernel is one function from a position of the result to its
// value; where that position lies in memory is the layout's business:
//
//     writeElements(k, to, [&](ArrayRef<Index> at) {  // at = n, c, h, w
//       return readElement(k, from, at);              // an f32
//     });
//
// With 5 channels in blocks of 4, element (n, c, h, w) is lane c % 4 of block
// c / 4; lanes 1..3 of block 1 are the tail, which `writeElements` sets to zero
// together with the border.
//
//===----------------------------------------------------------------------===//
#ifndef MPQ_KERNEL_ELEMENTS_H
#define MPQ_KERNEL_ELEMENTS_H

#include "mpq/Kernel/KernelBuilder.h"

#include <array>

namespace mpq {

/// `quant` where the buffer holds codes; null where it holds f32, which is so
/// for dynamic quantization, too.
UniformAttr getCodes(UniformAttr quant);

/// The element index of a logical position: n, c, h, w, or for plain
/// activations of another rank as many indices as they have dimensions.
Index elementOffset(KernelBuilder &k, const Activation &activation,
                    llvm::ArrayRef<Index> position);

/// The real at a position.
mlir::Value readElement(KernelBuilder &k, const Activation &from,
                        llvm::ArrayRef<Index> position);

/// Writes all of `to`: `value` (an f32) at every logical position, zero (or the
/// zero point) in the border and in the channel tail.
void writeElements(
    KernelBuilder &k, const Activation &to,
    llvm::function_ref<mlir::Value(llvm::ArrayRef<Index>)> value);

/// The value that stands for zero in an element of `activation`.
mlir::Value makeZeroElement(KernelBuilder &k, const Activation &activation);

/// What happens to elements on their way from one activation to another:
/// nothing when both store them alike; otherwise they become reals, and are
/// stored anew.
struct Transfer {
  KernelBuilder &k;
  const Activation &from, &to;

  bool isRaw() const { return from.quant == to.quant; }
  /// Stored elements become what may be shuffled: themselves, or reals.
  mlir::Value open(mlir::Value elements) const {
    return isRaw() || !from.quant ? elements
                                  : k.dequantize(elements, from.quant);
  }
  /// What was shuffled becomes elements of `to`.
  mlir::Value close(mlir::Value values) const {
    return isRaw() || !to.quant ? values : k.quantize(values, to.quant);
  }
  /// Zeros as elements of `from`.
  mlir::Value makeZeros(int64_t lanes) const;
};

/// The concatenation of vectors of equal length, as many as a power of two.
mlir::Value concatenate(KernelBuilder &k, llvm::ArrayRef<mlir::Value> parts);

/// Transposes a strip of `rows` (4, 8 or 16) by 4. `load` gives four elements
/// of a row; the result is its four columns. `open` (null: nothing) is applied
/// to whole vectors on the way.
std::array<mlir::Value, 4>
transposeStrip(KernelBuilder &k, int64_t rows,
               llvm::function_ref<mlir::Value(int64_t)> load,
               llvm::function_ref<mlir::Value(mlir::Value)> open = nullptr);

/// Runs `body` over the channel blocks: once in a loop over the complete ones
/// (`valid` = block) and once for the last if it has a tail.
void forEachChannelBlock(
    KernelBuilder &k, const Activation &activation,
    llvm::function_ref<void(Index block, int64_t valid)> body);

/// Runs `body` for 0 .. count - 1, several per iteration of a loop.
void forEachUnrolled(KernelBuilder &k, int64_t count,
                     llvm::function_ref<void(Index)> body);

/// The quantization of an input of a map, null for f32.
UniformAttr getQuantOf(MapOp op, unsigned input);
/// Whether an input of a map has one value for each channel (of rows: for each
/// column), or one for each row.
bool isPerColumn(MapOp op, unsigned input);
bool isPerRow(MapOp op, unsigned input);

/// Whether `op` computes on blocks of channels: all its rank-4 activations have
/// layouts with one block size, or they have none yet (operands are tensors)
/// and there are channels enough to fill half a vector. `reason` says why not.
bool isOnBlocks(mlir::Operation *op, const KernelTarget &target,
                std::string &reason);

/// Blocks of one vector of f32 (of 16 where there are codes), no border, for
/// the result and all rank-4 activations.
KernelLayouts getVectorLayouts(mlir::Operation *op, const KernelTarget &target);

} // namespace mpq

#endif // MPQ_KERNEL_ELEMENTS_H
