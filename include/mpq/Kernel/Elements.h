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

namespace mpq {

/// `quant` where the buffer holds codes; null where it holds f32, which is so
/// for dynamic quantization, too.
UniformAttr getCodes(UniformAttr quant);

/// The element index of a logical position: n, c, h, w, or for plain
/// activations of another rank as many indices as they have dimensions.
Index elementOffset(KernelBuilder &k, const Activation &activation, llvm::ArrayRef<Index> position);

/// The real at a position.
mlir::Value readElement(KernelBuilder &k, const Activation &from, llvm::ArrayRef<Index> position);

/// Writes all of `to`: `value` (an f32) at every logical position, zero (or the
/// zero point) in the border and in the channel tail.
void writeElements(KernelBuilder &k, const Activation &to,
                   llvm::function_ref<mlir::Value(llvm::ArrayRef<Index>)> value);

/// The value that stands for zero in an element of `activation`.
mlir::Value makeZeroElement(KernelBuilder &k, const Activation &activation);

/// Runs `body` over the channel blocks: once in a loop over the complete ones
/// (`valid` = block) and once for the last if it has a tail.
void forEachChannelBlock(KernelBuilder &k, const Activation &activation,
                         llvm::function_ref<void(Index block, int64_t valid)> body);

} // namespace mpq

#endif // MPQ_KERNEL_ELEMENTS_H
