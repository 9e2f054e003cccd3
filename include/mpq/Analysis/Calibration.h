//===----------------------------------------------------------------------===//
// Part of MPQ, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//===----------------------------------------------------------------------===//
//
// The extension point for calibration observers: what sees the values that a
// tensor takes on the calibration samples, and says which range to quantize.
// An implementation lives in lib/Analysis/Calibration/<Name>/ and adds itself
// to `Registry<Observer>`.
//
//     state = observer.start(options)       one per tensor (and per thread)
//     state.update(values)                  for every batch, in any order
//     state.merge(other thread's state)
//     range = state.finish()
//
// The result does not depend on the order of values, on how they are cut into
// batches, or on how batches are spread over threads.
//
//===----------------------------------------------------------------------===//
#ifndef MPQ_ANALYSIS_CALIBRATION_H
#define MPQ_ANALYSIS_CALIBRATION_H

#include "mpq/Support/Registry.h"

#include "llvm/ADT/ArrayRef.h"
#include "llvm/Support/Error.h"

#include <memory>

namespace mpq {

/// The values to represent; what is outside is clipped. Within the range of the
/// observed values (extended to zero where the observer says so); whoever turns
/// it into scale and zero point extends it to zero.
struct ClipRange {
  float min = 0, max = 0;
};

struct ObserverOptions {
  /// How many percent of the values are at most the maximum, and as many at
  /// least the minimum; above 50, up to 100. For `percentile`.
  double percentile = 99.99;
  /// Bits of the codes whose error is minimised, 2 to 8. For `mse`.
  unsigned bits = 8;
};

/// What an observer has seen of one tensor.
struct ObserverState {
  virtual ~ObserverState() = default;

  /// Sees `values`. NaN or infinity among them is an error that says where, and
  /// the state is then as before.
  virtual llvm::Error update(llvm::ArrayRef<float> values) = 0;

  /// Sees all that `other` has seen. `other` was started by the same observer
  /// with the same options.
  virtual void merge(const ObserverState &other) = 0;

  /// The range, or an error if nothing was seen.
  virtual llvm::Expected<ClipRange> finish() const = 0;
};

/// A way to choose a range. Holds no state of its own.
struct Observer {
  virtual ~Observer() = default;

  /// One line for help texts.
  virtual llvm::StringRef description() const = 0;

  /// Whether there is anything to see. Without ranges, int8 activations are
  /// quantized by what they are while the model runs, and the model need not be
  /// run on the samples.
  virtual bool observes() const { return true; }

  /// A state that has seen nothing. Options that make no sense are errors.
  virtual llvm::Expected<std::unique_ptr<ObserverState>>
  start(const ObserverOptions &options) const = 0;
};

/// The observer called `name`; an unknown name is an error that lists the
/// known.
llvm::Expected<Observer *> getObserver(llvm::StringRef name);

/// An error for the first NaN or infinity in `values`, if there is one:
/// "value 17 is nan".
llvm::Error checkFinite(llvm::ArrayRef<float> values);

} // namespace mpq

#endif // MPQ_ANALYSIS_CALIBRATION_H
