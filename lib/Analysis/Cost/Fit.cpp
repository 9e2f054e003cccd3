//===----------------------------------------------------------------------===//
// Part of MPQ, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//===----------------------------------------------------------------------===//
//
// Least squares under the condition that no rate is negative, by coordinate
// descent: each rate in turn is set to what is best for the others as they are.
//
//===----------------------------------------------------------------------===//

#include "mpq/Analysis/Cost.h"

#include <algorithm>
#include <array>
#include <tuple>

using namespace mpq;

static constexpr int kNumRates = 6;
using Row = std::array<double, kNumRates>;

/// What the rates are multiplied with, by the measured time: the product should
/// be 1.
static Row getRow(const CostSample &sample) {
  const KernelWork &work = sample.work;
  Row row = {1, work.multiplyAdds, work.inputs, work.outputs,
             work.farBytes, work.dramBytes};
  for (double &number : row)
    number /= sample.nanoseconds;
  return row;
}

static CostTable::Rate fitOne(llvm::ArrayRef<const CostSample *> samples) {
  constexpr int kRounds = 2000;
  std::vector<Row> rows;
  for (const CostSample *sample : samples)
    rows.push_back(getRow(*sample));
  Row rates = {};
  for (int round = 0; round < kRounds; ++round)
    for (int i = 0; i < kNumRates; ++i) {
      double above = 0, below = 0;
      for (const Row &row : rows) {
        double rest = 1;
        for (int j = 0; j < kNumRates; ++j)
          rest -= j == i ? 0 : row[j] * rates[j];
        above += row[i] * rest;
        below += row[i] * row[i];
      }
      rates[i] = below > 0 ? std::max(0.0, above / below) : 0;
    }
  CostTable::Rate rate;
  rate.rows = samples.front()->work.rows;
  rate.bits = samples.front()->work.bits;
  std::tie(rate.nsPerCall, rate.nsPerMac, rate.nsPerInput, rate.nsPerOutput,
           rate.nsPerFarByte, rate.nsPerDramByte) = std::tuple_cat(rates);
  return rate;
}

std::map<std::string, std::vector<CostTable::Rate>>
mpq::fitRates(llvm::ArrayRef<CostSample> samples) {
  std::map<std::tuple<std::string, double, double>,
           std::vector<const CostSample *>>
      groups;
  for (const CostSample &sample : samples)
    groups[{sample.work.kernel, sample.work.bits, sample.work.rows}].push_back(
        &sample);
  std::map<std::string, std::vector<CostTable::Rate>> kernels;
  for (auto &[key, group] : groups)
    kernels[std::get<0>(key)].push_back(fitOne(group));
  return kernels;
}
