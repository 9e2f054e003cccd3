//===----------------------------------------------------------------------===//
// Part of MPQ, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//===----------------------------------------------------------------------===//
//
// Levels and codes of any table: which level is nearest, and which levels a set
// of values wants. Pure functions on arrays.
//
//===----------------------------------------------------------------------===//
#ifndef MPQ_FORMATS_LEVELS_H
#define MPQ_FORMATS_LEVELS_H

#include "llvm/ADT/ArrayRef.h"
#include "llvm/ADT/SmallVector.h"

namespace mpq {

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

/// The 2^bits levels, ascending, with the least squared error of `values`, each
/// weighted: the best ones of up to 4 bits for up to 1024 values, otherwise those
/// that Lloyd's algorithm makes of nearly the best. `values` and `weights` have
/// equal length.
llvm::SmallVector<float> learnLevels(llvm::ArrayRef<float> values,
                                     llvm::ArrayRef<float> weights,
                                     unsigned bits);

} // namespace mpq

#endif // MPQ_FORMATS_LEVELS_H
