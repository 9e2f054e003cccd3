//===----------------------------------------------------------------------===//
// Part of MPQ, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//===----------------------------------------------------------------------===//
//
// Convolutions and matrix products with data, and their results in plain C++:
// double precision, straight from the definition.
//
//===----------------------------------------------------------------------===//
#ifndef MPQ_TEST_KERNEL_INTEGER_PROBLEM_H
#define MPQ_TEST_KERNEL_INTEGER_PROBLEM_H

#include <array>
#include <cmath>
#include <cstdint>
#include <limits>
#include <string>
#include <vector>

namespace mpq::test {

/// The quantization of an activation; scale 0 without `dynamic` is f32.
struct Quant {
  double scale = 0;
  int zeroPoint = 0;
  bool dynamic = false;
  bool isStored() const { return scale != 0; }
};

/// A convolution, or with `isMatmul` the product [n, ic] x [oc, ic]^T.
struct Problem {
  std::string name;
  bool isMatmul = false;
  int64_t n = 1, ic = 16, h = 1, w = 1, oc = 16, kh = 1, kw = 1;
  std::array<int64_t, 2> strides = {1, 1}, dilations = {1, 1};
  std::array<int64_t, 4> pads = {0, 0, 0, 0}; ///< top, left, bottom, right
  int64_t groups = 1;
  Quant input = {0.02, 7}, residual, output;
  bool hasBias = true, hasResidual = false;
  double clampMin = -std::numeric_limits<double>::infinity();
  double clampMax = std::numeric_limits<double>::infinity();
  std::string format = "int8"; ///< empty: f32
  /// All codes of the input are this, and all weights 1: with zero points, the
  /// largest code. Negative: random.
  int extremeCode = -1;
  /// The layouts get this much more border than the kernel asks for.
  std::array<int64_t, 4> extraBorder = {0, 0, 0, 0};
  /// Layouts are blocked by this where the family asks for plain ones.
  int64_t block = 0;

  bool hasClamp() const {
    return std::isfinite(clampMin) || std::isfinite(clampMax);
  }
  int64_t oh() const {
    return (h + pads[0] + pads[2] - (kh - 1) * dilations[0] - 1) / strides[0] +
           1;
  }
  int64_t ow() const {
    return (w + pads[1] + pads[3] - (kw - 1) * dilations[1] - 1) / strides[1] +
           1;
  }
  int64_t k() const { return ic / groups * kh * kw; }
  std::vector<int64_t> inputShape() const;
  std::vector<int64_t> outputShape() const;
  std::vector<int64_t> weightShape() const;
  int64_t multiplyAdds() const { return n * oc * oh() * ow() * k(); }
};

/// Logical values in row-major order: codes of a stored activation, else reals.
struct Data {
  std::vector<float> input, weight, bias, residual;
  explicit Data(const Problem &problem, unsigned seed = 1);
};

/// The exact result.
struct Expected {
  std::vector<double> real;      ///< clamped, not quantized
  std::vector<double> magnitude; ///< sum of the absolute terms
};
/// `weight`: the values that the kernel's weights stand for.
Expected compute(const Problem &problem, const Data &data,
                 const std::vector<float> &weight);

} // namespace mpq::test

#endif // MPQ_TEST_KERNEL_INTEGER_PROBLEM_H
