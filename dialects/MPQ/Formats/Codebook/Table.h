//===----------------------------------------------------------------------===//
// Part of MPQ, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//===----------------------------------------------------------------------===//
//
// Tables of levels: the known ones, and the search for the scale, and for the
// table, with the least squared error. Pure functions on arrays.
//
//===----------------------------------------------------------------------===//
#ifndef MPQ_FORMATS_CODEBOOK_TABLE_H
#define MPQ_FORMATS_CODEBOOK_TABLE_H

#include "mpq/Support/Quantization.h"

#include "llvm/ADT/SmallVector.h"
#include "llvm/ADT/StringRef.h"

namespace mpq {

/// The names of the tables that are the same for every tensor.
llvm::ArrayRef<llvm::StringLiteral> getTableNames();
/// The levels of one of them by code; empty for another name. Equal levels are
/// equally good; the search uses the first.
llvm::ArrayRef<float> lookupTable(llvm::StringRef name);

/// Which code is nearest to a value, for levels in any order.
class NearestLevel {
public:
  explicit NearestLevel(llvm::ArrayRef<float> levels);
  /// Ties go to the smaller level; a NaN is what zero is.
  unsigned code(double value) const;
  double level(double value) const { return sorted[index(value)]; }

private:
  unsigned index(double value) const;

  llvm::SmallVector<double> sorted,
      bounds;                        ///< bounds[i] is between i and i + 1
  llvm::SmallVector<unsigned> codes; ///< of the sorted levels
};

/// The scale, of either sign and stored as `type`, with the least squared error
/// of `values` against scale * level: a grid of shrinking factors, then
/// alternating between codes and the best scale for them. Not finite values
/// count as zero.
float chooseCodebookScale(llvm::ArrayRef<float> values,
                          const NearestLevel &levels, float largestLevel,
                          ScaleType type);

/// The 2^bits levels, ascending, with the least squared error of `values`, each
/// weighted: Lloyd's algorithm (S. Lloyd: Least Squares Quantization in PCM,
/// 1982) from the quantiles on. `values` and `weights` have equal length.
llvm::SmallVector<float> learnLevels(llvm::ArrayRef<float> values,
                                     llvm::ArrayRef<float> weights,
                                     unsigned bits);

} // namespace mpq

#endif // MPQ_FORMATS_CODEBOOK_TABLE_H
