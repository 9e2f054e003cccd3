//===----------------------------------------------------------------------===//
// Part of MPQ, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//===----------------------------------------------------------------------===//
//
// The two ways a weight reaches a packer: as an f32 tensor, or as the payload
// of a number format. Packers see a matrix [rows][k] either way.
//
// Rows run along one axis of the tensor, k is everything else in row-major
// order. With `inner` elements behind the axis, the tensor is
// [outer][rows][inner] and
//
//     element(row, k) = tensor[k / inner][row][k % inner]
//
// A convolution (O x I x KH x KW, axis 0) has outer = 1; the B of a Gemm that
// is not transposed (K x N, axis 1) has inner = 1, and reads columns.
//
//===----------------------------------------------------------------------===//
#ifndef MPQ_KERNEL_WEIGHTREADER_H
#define MPQ_KERNEL_WEIGHTREADER_H

#include "mpq/Kernel/KernelFamily.h"

namespace mpq {

/// Reads the f32 tensor of `shape` in `memref` (contiguous; of that shape or
/// flat) as the matrix whose rows run along `axis`.
std::unique_ptr<WeightReader> makeFloatReader(mlir::Value memref,
                                              llvm::ArrayRef<int64_t> shape,
                                              int64_t axis);

/// Reads `payload`, a 1-D memref of i8 that holds a weight of `type`.
std::unique_ptr<WeightReader> makeStoredReader(mlir::Value payload,
                                               StoredTensorType type);

} // namespace mpq

#endif // MPQ_KERNEL_WEIGHTREADER_H
