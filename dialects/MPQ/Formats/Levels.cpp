//===----------------------------------------------------------------------===//
// Part of MPQ, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//===----------------------------------------------------------------------===//
//
// See Levels.h.
//
//===----------------------------------------------------------------------===//

#include "dialects/MPQ/Formats/Levels.h"

#include "llvm/ADT/STLExtras.h"
#include "llvm/ADT/Sequence.h"

#include <algorithm>
#include <cmath>
#include <numeric>

using namespace llvm;
using namespace mpq;

//===----------------------------------------------------------------------===//
// The nearest level
//===----------------------------------------------------------------------===//

NearestLevel::NearestLevel(ArrayRef<float> levels) {
  SmallVector<unsigned> order =
      llvm::to_vector(llvm::seq<unsigned>(0, levels.size()));
  llvm::stable_sort(
      order, [&](unsigned a, unsigned b) { return levels[a] < levels[b]; });
  for (unsigned code : order) {
    if (!sorted.empty() && sorted.back() == levels[code])
      continue;
    if (!sorted.empty())
      bounds.push_back((sorted.back() + levels[code]) / 2);
    sorted.push_back(levels[code]);
    codes.push_back(code);
  }
}

/// Counting, without branches, is quick for the sixteen levels that matter.
unsigned NearestLevel::index(double value) const {
  if (bounds.size() > 16)
    return llvm::lower_bound(bounds, value) - bounds.begin();
  unsigned index = 0;
  for (double bound : bounds)
    index += value > bound;
  return index;
}

unsigned NearestLevel::code(double value) const {
  return codes[index(std::isnan(value) ? 0 : value)];
}

//===----------------------------------------------------------------------===//
// Learned tables
//===----------------------------------------------------------------------===//

namespace {

/// Values in ascending order, with their weights. The level of a stretch of
/// them is its mean.
class SortedValues {
public:
  SortedValues(ArrayRef<float> values, ArrayRef<float> weights);

  size_t size() const { return sorted.size(); }
  double operator[](size_t i) const { return sorted[i]; }
  double getMass(size_t begin, size_t end) const {
    return mass[end] - mass[begin];
  }
  double getMean(size_t begin, size_t end) const {
    return (moment[end] - moment[begin]) / getMass(begin, end);
  }
  /// By how much its mean in the place of zero makes the error of a stretch
  /// smaller.
  double getGain(size_t begin, size_t end) const {
    double total = moment[end] - moment[begin];
    return getMass(begin, end) > 0 ? total * total / getMass(begin, end) : 0;
  }
  /// The first value from `begin` on that is greater than `bound`.
  size_t findAbove(size_t begin, double bound) const {
    return std::upper_bound(sorted.begin() + begin, sorted.end(), bound) -
           sorted.begin();
  }
  /// Where stretches may begin or end, so that there are few enough places for
  /// `findStretches`: all, or those that divide the values or their range
  /// evenly.
  std::vector<uint32_t> getPlaces(size_t most) const;

private:
  std::vector<float> sorted;
  std::vector<double> mass, moment; ///< before each value
};

/// The ends of the `count` stretches with the least squared error, by dynamic
/// programming: best[j], of the values before place j, for ever more stretches.
/// The best beginning of the last stretch grows with its end, which halves the
/// range to be searched at each step (H. Wang, M. Song: Ckmeans.1d.dp, The R
/// Journal 3/2, 2011).
class StretchFinder {
public:
  StretchFinder(const SortedValues &values, size_t count)
      : values(values), places(values.getPlaces(getMostPlaces(count))),
        count(count) {}
  std::vector<size_t> find();

private:
  /// The time goes with their number times that of the stretches.
  static size_t getMostPlaces(size_t count) {
    constexpr size_t kMost = 1024, kSearched = 16 * 1024;
    return std::max(count, std::min(kMost, kSearched / count));
  }
  void search(uint32_t *from, size_t first, size_t last, size_t least,
              size_t most);

  const SortedValues &values;
  std::vector<uint32_t> places;
  size_t count;
  std::vector<double> best, next;
};

} // namespace

SortedValues::SortedValues(ArrayRef<float> values, ArrayRef<float> weights)
    : sorted(values.size()), mass(values.size() + 1),
      moment(values.size() + 1) {
  std::vector<uint32_t> order(values.size());
  std::iota(order.begin(), order.end(), 0);
  llvm::sort(order, [&](uint32_t a, uint32_t b) {
    return values[a] != values[b] ? values[a] < values[b] : a < b;
  });
  for (auto [i, at] : llvm::enumerate(order)) {
    sorted[i] = values[at];
    mass[i + 1] = mass[i] + weights[at];
    moment[i + 1] = moment[i] + double(weights[at]) * values[at];
  }
}

std::vector<uint32_t> SortedValues::getPlaces(size_t most) const {
  std::vector<uint32_t> places;
  if (size() <= most) {
    places.resize(size() + 1);
    std::iota(places.begin(), places.end(), 0);
    return places;
  }
  double low = sorted.front(), range = sorted.back() - low;
  for (size_t i = 0; i <= most / 2; ++i) {
    places.push_back(i * size() / (most / 2));
    places.push_back(findAbove(0, low + range * i / (most / 2)));
  }
  llvm::sort(places);
  places.erase(llvm::unique(places), places.end());
  return places;
}

/// Of stretches that end at places [first, last), which begin in [least, most].
void StretchFinder::search(uint32_t *from, size_t first, size_t last,
                           size_t least, size_t most) {
  if (first == last)
    return;
  size_t end = (first + last) / 2;
  next[end] = -1;
  for (size_t begin = least; begin <= std::min(most, end); ++begin) {
    double gain = best[begin] + values.getGain(places[begin], places[end]);
    if (gain <= next[end])
      continue;
    next[end] = gain;
    from[end] = begin;
  }
  search(from, first, end, least, from[end]);
  search(from, end + 1, last, from[end], most);
}

std::vector<size_t> StretchFinder::find() {
  size_t size = places.size();
  if (size <= count + 1) { // one stretch between each two, empty ones first
    std::vector<size_t> ends(count, 0);
    std::copy(places.begin() + 1, places.end(), ends.end() - (size - 1));
    return ends;
  }
  std::vector<uint32_t> from(count * size, 0);
  best.resize(size);
  next.resize(size);
  for (size_t end = 0; end < size; ++end)
    best[end] = values.getGain(0, places[end]);
  for (size_t level = 1; level < count; ++level) {
    search(from.data() + level * size, 0, size, 0, size - 1);
    std::swap(best, next);
  }
  std::vector<size_t> ends(count);
  size_t end = size - 1;
  for (size_t level = count; level-- > 0; end = from[level * size + end])
    ends[level] = places[end];
  return ends;
}

/// Levels in the middle of their values, and values at their nearest levels, in
/// turns (S. Lloyd: Least Squares Quantization in PCM, 1982).
static void improve(const SortedValues &values, SmallVector<double> &levels) {
  constexpr int kRounds = 100;
  for (int round = 0; round < kRounds; ++round) {
    bool changed = false;
    size_t begin = 0;
    for (size_t i = 0; i < levels.size(); ++i) {
      size_t end = values.size();
      if (i + 1 < levels.size())
        end = values.findAbove(begin, (levels[i] + levels[i + 1]) / 2);
      if (values.getMass(begin, end) > 0) {
        double mean = values.getMean(begin, end);
        changed |= mean != levels[i];
        levels[i] = mean;
      }
      begin = end;
    }
    if (!changed)
      break;
  }
}

SmallVector<float> mpq::learnLevels(ArrayRef<float> values,
                                    ArrayRef<float> weights, unsigned bits) {
  SortedValues sorted(values, weights);
  SmallVector<double> levels(size_t(1) << bits, 0);
  size_t begin = 0;
  for (auto [i, end] :
       llvm::enumerate(StretchFinder(sorted, levels.size()).find())) {
    // A stretch of nothing, such as come first, has the level of the next.
    double level = 0;
    if (sorted.getMass(begin, end) > 0)
      level = sorted.getMean(begin, end);
    else if (sorted.size() > 0)
      level = sorted[std::min(end, sorted.size() - 1)];
    levels[i] = level;
    begin = end;
  }
  improve(sorted, levels);
  SmallVector<float> result(levels.begin(), levels.end());
  llvm::sort(result);
  return result;
}
