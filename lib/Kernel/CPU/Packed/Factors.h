//===----------------------------------------------------------------------===//
// Part of MPQ, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//===----------------------------------------------------------------------===//
//
// What a packed weight has beside its codes: scales, zero points, sums.
//
//===----------------------------------------------------------------------===//
#ifndef MPQ_LIB_KERNEL_CPU_PACKED_FACTORS_H
#define MPQ_LIB_KERNEL_CPU_PACKED_FACTORS_H

#include "mpq/Kernel/KernelBuilder.h"
#include "mpq/Kernel/PackedLayout.h"

namespace mpq::packed {

/// A vector of rows of the weight: where its stream begins, and which of the
/// stream's 16 rows is its first.
struct StreamPart {
  Index stream, row;
};

/// `vectors` vectors of `lanes` rows from vector `first` on, which is a multiple of
/// `vectors` or a constant.
llvm::SmallVector<StreamPart> getStreamParts(KernelBuilder &k,
                                             const PackedLayout &layout,
                                             int64_t lanes, Index first,
                                             int64_t vectors);

/// Reads the factors of `lanes` rows. They lie `offset` bytes behind the
/// beginning of the stream, one of `bytes` bytes for each of its 16 rows.
class StreamFactors {
public:
  /// `convertsHalves`: the target has an instruction for it.
  StreamFactors(KernelBuilder &k, mlir::Value packed, int64_t lanes,
                bool convertsHalves)
      : k(k), packed(packed), lanes(lanes), convertsHalves(convertsHalves) {}

  /// f32 or f16, as f32.
  mlir::Value loadReals(const StreamPart &part, Index offset, int64_t bytes);
  /// i32 or u8, as i32.
  mlir::Value loadIntegers(const StreamPart &part, Index offset, int64_t bytes);

private:
  KernelBuilder &k;
  mlir::Value packed;
  int64_t lanes;
  bool convertsHalves;
};

} // namespace mpq::packed

#endif // MPQ_LIB_KERNEL_CPU_PACKED_FACTORS_H
