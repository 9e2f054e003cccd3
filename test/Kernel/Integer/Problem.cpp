//===----------------------------------------------------------------------===//
// Part of MPQ, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//===----------------------------------------------------------------------===//
//
// Random data, and results by definition.
//
//===----------------------------------------------------------------------===//

#include "Problem.h"

#include <algorithm>
#include <random>

using namespace mpq::test;

std::vector<int64_t> Problem::inputShape() const {
  return isMatmul ? std::vector<int64_t>{n, ic}
                  : std::vector<int64_t>{n, ic, h, w};
}
std::vector<int64_t> Problem::outputShape() const {
  return isMatmul ? std::vector<int64_t>{n, oc}
                  : std::vector<int64_t>{n, oc, oh(), ow()};
}
std::vector<int64_t> Problem::weightShape() const {
  return isMatmul ? std::vector<int64_t>{oc, ic}
                  : std::vector<int64_t>{oc, ic / groups, kh, kw};
}

static std::vector<float> makeActivation(const Quant &quant, int64_t count,
                                         std::mt19937 &random) {
  std::vector<float> values(count);
  if (quant.isStored()) {
    std::uniform_int_distribution<int> codes(0, 255);
    for (float &value : values)
      value = codes(random);
  } else {
    std::uniform_real_distribution<float> reals(-1.5f, 2.5f);
    for (float &value : values)
      value = reals(random);
  }
  return values;
}

Data::Data(const Problem &p, unsigned seed) {
  std::mt19937 random(seed);
  int64_t outputs = p.n * p.oc * p.oh() * p.ow();
  input = makeActivation(p.input, p.n * p.ic * p.h * p.w, random);
  std::normal_distribution<float> normal(0.02f, 0.3f);
  weight.resize(p.oc * p.k());
  for (float &value : weight)
    value = normal(random);
  if (p.extremeCode >= 0) {
    std::fill(input.begin(), input.end(), p.extremeCode);
    std::fill(weight.begin(), weight.end(), 1.f);
  }
  if (p.hasBias)
    for (int64_t o = 0; o < p.oc; ++o)
      bias.push_back(normal(random));
  if (p.hasResidual)
    residual = makeActivation(p.residual, outputs, random);
}

/// The reals of `count` values; dynamic ones are rounded to their own scale,
/// in f32, as DynamicQuantization.h defines.
static std::vector<double> getReals(const Quant &quant, const float *values,
                                    int64_t count) {
  std::vector<double> reals(values, values + count);
  if (quant.isStored()) {
    for (double &real : reals)
      real = quant.scale * (real - quant.zeroPoint);
  } else if (quant.dynamic) {
    float low = std::min(0.f, *std::min_element(values, values + count));
    float high = std::max(0.f, *std::max_element(values, values + count));
    float scale = (high - low) / 255.f;
    if (!(scale >= std::numeric_limits<float>::min()))
      scale = 1.f;
    float inverse = 1.f / scale;
    float zero = std::clamp(std::nearbyint(-low * inverse), 0.f, 255.f);
    for (int64_t i = 0; i < count; ++i) {
      float code =
          std::clamp(std::nearbyint(values[i] * inverse) + zero, 0.f, 255.f);
      reals[i] = double(scale) * (code - zero);
    }
  }
  return reals;
}

Expected mpq::test::compute(const Problem &p, const Data &data,
                            const std::vector<float> &weight) {
  int64_t sample = p.ic * p.h * p.w, oh = p.oh(), ow = p.ow(),
          channels = p.ic / p.groups;
  std::vector<double> residual;
  if (p.hasResidual)
    residual = getReals(p.residual, data.residual.data(), data.residual.size());
  Expected expected;
  for (int64_t n = 0; n < p.n; ++n) {
    std::vector<double> x =
        getReals(p.input, data.input.data() + n * sample, sample);
    for (int64_t o = 0; o < p.oc; ++o)
      for (int64_t y = 0; y < oh; ++y)
        for (int64_t z = 0; z < ow; ++z) {
          double sum = 0, magnitude = 0;
          auto add = [&](double term) {
            sum += term, magnitude += std::fabs(term);
          };
          int64_t first = o / (p.oc / p.groups) * channels;
          for (int64_t i = 0; i < channels; ++i)
            for (int64_t kh = 0; kh < p.kh; ++kh)
              for (int64_t kw = 0; kw < p.kw; ++kw) {
                int64_t r = y * p.strides[0] - p.pads[0] + kh * p.dilations[0];
                int64_t c = z * p.strides[1] - p.pads[1] + kw * p.dilations[1];
                if (r >= 0 && r < p.h && c >= 0 && c < p.w)
                  add(x[((first + i) * p.h + r) * p.w + c] *
                      weight[((o * channels + i) * p.kh + kh) * p.kw + kw]);
              }
          if (p.hasBias)
            add(data.bias[o]);
          if (p.hasResidual)
            add(residual[expected.real.size()]);
          expected.real.push_back(
              std::min(std::max(sum, p.clampMin), p.clampMax));
          expected.magnitude.push_back(magnitude);
        }
  }
  return expected;
}
