//===----------------------------------------------------------------------===//
// Part of MPQ, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//===----------------------------------------------------------------------===//
//
// The known tables of levels, and the search for the scale with the least squared
// error. Pure functions on arrays.
//
//===----------------------------------------------------------------------===//
#ifndef MPQ_FORMATS_CODEBOOK_TABLE_H
#define MPQ_FORMATS_CODEBOOK_TABLE_H

#include "dialects/MPQ/Formats/Levels.h"
#include "mpq/Support/Quantization.h"

#include "llvm/ADT/StringRef.h"

namespace mpq {

/// The names of the tables that are the same for every tensor.
llvm::ArrayRef<llvm::StringLiteral> getTableNames();
/// The levels of one of them by code; empty for another name. Equal levels are
/// equally good; the search uses the first.
llvm::ArrayRef<float> lookupTable(llvm::StringRef name);

/// The scale, of either sign and stored as `type`, with the least squared error
/// of `values` against scale * level: a grid of shrinking factors, then
/// alternating between codes and the best scale for them. Not finite values
/// count as zero.
float chooseCodebookScale(llvm::ArrayRef<float> values,
                          const NearestLevel &levels, float largestLevel,
                          ScaleType type);

} // namespace mpq

#endif // MPQ_FORMATS_CODEBOOK_TABLE_H
