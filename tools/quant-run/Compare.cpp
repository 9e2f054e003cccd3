//===----------------------------------------------------------------------===//
// Part of MPQ, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//===----------------------------------------------------------------------===//
//
// How far outputs are from a reference, and how often they are right.
//
//===----------------------------------------------------------------------===//
#include "Compare.h"

#include "llvm/ADT/APFloat.h"

#include <cmath>
#include <limits>

using namespace llvm;
using namespace mpq;

template <typename T>
static std::vector<double> convert(const NpyArray &array) {
  ArrayRef<T> values = array.as<T>();
  return {values.begin(), values.end()};
}

static std::vector<double> toDoubles(const NpyArray &array) {
  switch (array.type) {
  case NpyType::Bool:
  case NpyType::U8:
    return convert<uint8_t>(array);
  case NpyType::I8:
    return convert<int8_t>(array);
  case NpyType::I16:
    return convert<int16_t>(array);
  case NpyType::I32:
    return convert<int32_t>(array);
  case NpyType::I64:
    return convert<int64_t>(array);
  case NpyType::U16:
    return convert<uint16_t>(array);
  case NpyType::U32:
    return convert<uint32_t>(array);
  case NpyType::U64:
    return convert<uint64_t>(array);
  case NpyType::F32:
    return convert<float>(array);
  case NpyType::F64:
    return convert<double>(array);
  case NpyType::F16: {
    std::vector<double> values;
    for (uint16_t bits : array.as<uint16_t>()) {
      APFloat half(APFloat::IEEEhalf(), APInt(16, bits));
      bool inexact;
      half.convert(APFloat::IEEEdouble(), APFloat::rmNearestTiesToEven,
                   &inexact);
      values.push_back(half.convertToDouble());
    }
    return values;
  }
  }
  llvm_unreachable("unknown NpyType");
}

/// Place of the largest element; a NaN is larger than anything.
static size_t findLargest(ArrayRef<double> row) {
  size_t best = 0;
  for (size_t i = 0; i < row.size(); ++i) {
    if (std::isnan(row[i]))
      return i;
    if (row[i] > row[best])
      best = i;
  }
  return best;
}

/// |y - r|; equal infinities and two NaNs do not differ.
static double getDistance(double y, double r) {
  if (y == r || (std::isnan(y) && std::isnan(r)))
    return 0;
  if (!std::isfinite(y) || !std::isfinite(r))
    return std::numeric_limits<double>::infinity();
  return std::fabs(y - r);
}

static double getArgmaxAgreement(ArrayRef<double> y, ArrayRef<double> r,
                                 ArrayRef<int64_t> shape) {
  size_t width = shape.empty() ? 1 : shape.back();
  size_t rows = width == 0 ? 0 : y.size() / width;
  if (rows == 0)
    return 100;
  size_t same = 0;
  for (size_t row = 0; row < rows; ++row)
    same += findLargest(y.slice(row * width, width)) ==
            findLargest(r.slice(row * width, width));
  return 100.0 * same / rows;
}

Expected<Comparison> mpq::compare(const NpyArray &output,
                                  const NpyArray &reference,
                                  StringRef referencePath) {
  if (output.shape != reference.shape)
    return createStringError(referencePath + ": array '" + reference.name +
                             "' has shape " + formatShape(reference.shape) +
                             " when the output has " +
                             formatShape(output.shape));
  std::vector<double> y = toDoubles(output), r = toDoubles(reference);
  Comparison result;
  double signal = 0, noise = 0, energy = 0, product = 0;
  for (size_t i = 0; i < y.size(); ++i) {
    double distance = getDistance(y[i], r[i]);
    result.maxAbs = std::max(result.maxAbs, distance);
    if (r[i] != 0 && distance != 0)
      result.maxRel = std::max(result.maxRel, distance / std::fabs(r[i]));
    signal += r[i] * r[i];
    energy += y[i] * y[i];
    product += y[i] * r[i];
    noise += distance * distance;
  }
  // Two zero vectors point the same way; a zero and another one do not.
  result.cosine = signal == 0 && energy == 0 ? 1
                  : signal == 0 || energy == 0
                      ? 0
                      : product / std::sqrt(signal * energy);
  result.sqnr = noise == 0 ? std::numeric_limits<double>::infinity()
                           : 10 * std::log10(signal / noise);
  result.argmax = getArgmaxAgreement(y, r, output.shape);
  return result;
}

Expected<int64_t> mpq::countCorrect(const NpyArray &output,
                                    const NpyArray &labels,
                                    StringRef labelsPath) {
  auto fail = [&](const Twine &reason) {
    return createStringError(labelsPath + ": array '" + labels.name + "' " +
                             reason);
  };
  if (labels.type == NpyType::F16 || labels.type == NpyType::F32 ||
      labels.type == NpyType::F64)
    return fail("is " + getName(labels.type) + " when labels are integers");
  if (output.shape.size() != 2)
    return fail("has labels, and output '" + output.name + "' has shape " +
                formatShape(output.shape) +
                " when it should be [samples, classes]");
  int64_t rows = output.shape[0], classes = output.shape[1];
  if (labels.getNumElements() != rows)
    return fail("has " + Twine(labels.getNumElements()) +
                " labels when output '" + output.name + "' has " + Twine(rows) +
                " rows");
  std::vector<double> y = toDoubles(output), wanted = toDoubles(labels);
  int64_t correct = 0;
  for (int64_t row = 0; classes != 0 && row < rows; ++row)
    correct += double(findLargest(ArrayRef(y).slice(row * classes, classes))) ==
               wanted[row];
  return correct;
}
