//===----------------------------------------------------------------------===//
// Part of MPQ, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//===----------------------------------------------------------------------===//
//
// Operands, reference, comparison.
//
//===----------------------------------------------------------------------===//

#include "Data.h"

#include "llvm/ADT/bit.h"
#include "llvm/Support/FormatVariadic.h"

#include <algorithm>
#include <cmath>
#include <cstring>
#include <limits>
#include <random>
#include <sys/mman.h>
#include <unistd.h>

using namespace llvm;
using namespace mpq;

static constexpr int64_t kHugePage = 2 << 20;

GuardedBuffer::GuardedBuffer(int64_t bytes) : bytes(bytes) {
  int64_t page = sysconf(_SC_PAGESIZE);
  int64_t aligned = alignTo(bytes, 64);
  mapped = alignTo(aligned, page) + 2 * page;
  void *memory = mmap(nullptr, mapped, PROT_READ | PROT_WRITE,
                      MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  if (memory == MAP_FAILED)
    report_fatal_error("out of memory");
  mapping = static_cast<char *>(memory);
  // As the runtime does for weights and activations.
  if (aligned >= kHugePage)
    madvise(mapping, mapped, MADV_HUGEPAGE);
  mprotect(mapping, page, PROT_NONE);
  mprotect(mapping + mapped - page, page, PROT_NONE);
  start = mapping + mapped - page - aligned;
}

GuardedBuffer::~GuardedBuffer() {
  if (mapping)
    munmap(mapping, mapped);
}

GuardedBuffer::GuardedBuffer(GuardedBuffer &&other)
    : mapping(other.mapping), start(other.start), bytes(other.bytes),
      mapped(other.mapped) {
  other.mapping = nullptr;
}

GuardedBuffer &GuardedBuffer::operator=(GuardedBuffer &&other) {
  std::swap(mapping, other.mapping);
  std::swap(start, other.start);
  std::swap(bytes, other.bytes);
  std::swap(mapped, other.mapped);
  return *this;
}

//===----------------------------------------------------------------------===//
// Operands
//===----------------------------------------------------------------------===//

using Random = std::mt19937;
static float draw(Random &random) {
  return std::uniform_real_distribution<float>(-1, 1)(random);
}

/// The upper half of the nearest bf16, half to even.
static uint16_t toBf16(float real) {
  uint32_t bits = bit_cast<uint32_t>(real);
  return (bits + 0x7fff + (bits >> 16 & 1)) >> 16;
}

static float load(const Storage &storage, const GuardedBuffer &buffer,
                  int64_t at) {
  if (storage.bf16) {
    uint32_t bits = reinterpret_cast<const uint16_t *>(buffer.data())[at] << 16;
    return bit_cast<float>(bits);
  }
  if (!storage.isCodes())
    return reinterpret_cast<const float *>(buffer.data())[at];
  int code = uint8_t(buffer.data()[at]);
  return float(storage.quant.getScale()) *
         float(code - storage.quant.getZeroPoint());
}

/// Fills an activation: random values inside, zero in the border, and, since
/// that is allowed, large numbers in the channel tail.
static GuardedBuffer makeActivation(const Storage &storage,
                                    ArrayRef<int64_t> shape, Random &random) {
  GuardedBuffer buffer(storage.type ? storage.bytes() : 0);
  if (!storage.type)
    return buffer;
  auto set = [&](int64_t at, float real, uint8_t code) {
    if (storage.isCodes())
      buffer.data()[at] = code;
    else if (storage.bf16)
      reinterpret_cast<uint16_t *>(buffer.data())[at] = toBf16(real);
    else
      reinterpret_cast<float *>(buffer.data())[at] = real;
  };
  uint8_t zero = storage.isCodes() ? storage.quant.getZeroPoint() : 0;
  uint8_t mask = storage.isCodes() ? storage.quant.getMaxCode() : 0;
  for (int64_t i = 0; i < storage.elements(); ++i)
    set(i, 0, zero);
  int64_t channels = shape[1];
  if (storage.layout)
    channels = storage.layout.getChannelBlocks() * storage.layout.getBlock();
  for (int64_t n = 0; n < shape[0]; ++n)
    for (int64_t c = 0; c < channels; ++c)
      for (int64_t h = 0; h < shape[2]; ++h)
        for (int64_t w = 0; w < shape[3]; ++w)
          set(storage.at(shape, n, c, h, w), c < shape[1] ? draw(random) : 1e6f,
              random() & mask);
  return buffer;
}

static std::vector<int64_t> getInputShape(const Problem &p) {
  return {p.samples, p.channels, p.height, p.width};
}
static std::vector<int64_t> getResultShape(const Problem &p) {
  return {p.samples, p.outputs, p.outputSize(0), p.outputSize(1)};
}

/// The weights as floats, and as stored; with a format, what it stores.
static GuardedBuffer makeWeight(const Problem &p, FormatAttrInterface format,
                                std::vector<float> &weights, Random &random) {
  int64_t k = p.weightsPerOutput();
  weights.resize(p.outputs * k);
  for (float &weight : weights)
    weight = draw(random);
  // Kernels for bf16 may round the weights: here they find nothing to round.
  for (float &weight : weights)
    if (p.bf16Input && !format)
      weight = bit_cast<float>(uint32_t(toBf16(weight)) << 16);
  if (!format) {
    GuardedBuffer buffer(weights.size() * sizeof(float));
    memcpy(buffer.data(), weights.data(), buffer.size());
    return buffer;
  }
  GuardedBuffer buffer(format.getStorageBytes(p.outputs, k));
  MutableArrayRef<char> payload(buffer.data(), buffer.size());
  format.encode(weights, p.outputs, k, payload);
  format.decode(payload, p.outputs, k, weights);
  return buffer;
}

static GuardedBuffer makeBias(const Problem &p, Random &random) {
  GuardedBuffer buffer(p.bias ? p.outputs * sizeof(float) : 0);
  for (int64_t o = 0; p.bias && o < p.outputs; ++o)
    reinterpret_cast<float *>(buffer.data())[o] = draw(random);
  return buffer;
}

ProblemData::ProblemData(const Problem &problem,
                         const CompiledProblem &compiled)
    : p(problem), compiled(compiled), inputShape(getInputShape(p)),
      resultShape(getResultShape(p)), weight([&] {
        Random random(1);
        return makeWeight(p, compiled.format, weights, random);
      }()),
      packed(compiled.packedBytes), input([&] {
        Random random(2);
        return makeActivation(compiled.input, inputShape, random);
      }()),
      bias([&] {
        Random random(3);
        return makeBias(p, random);
      }()),
      residual([&] {
        Random random(4);
        return makeActivation(p.residual ? compiled.residual : Storage(),
                              resultShape, random);
      }()),
      result(compiled.result.bytes()) {
  inputReals.reserve(p.samples * p.channels * p.height * p.width);
  for (int64_t n = 0; n < p.samples; ++n)
    for (int64_t c = 0; c < p.channels; ++c)
      for (int64_t h = 0; h < p.height; ++h)
        for (int64_t w = 0; w < p.width; ++w)
          inputReals.push_back(load(compiled.input, input,
                                    compiled.input.at(inputShape, n, c, h, w)));
  if (p.int8Input)
    roundInput();
}

/// What the kernel makes of `values`: mpq/Kernel/DynamicQuantization.h. Returns how
/// far the smallest and the largest code are apart.
static float roundTrip(MutableArrayRef<float> values, UniformAttr quant) {
  bool symmetric = quant.isGrouped();
  float largest = quant.getMaxCode(), middle = quant.getMiddle();
  float low = std::min(0.0f, *std::min_element(values.begin(), values.end()));
  float high = std::max(0.0f, *std::max_element(values.begin(), values.end()));
  float scale =
      symmetric ? std::max(-low, high) / (largest - middle)
                : (high - low) / largest;
  if (!(scale >= std::numeric_limits<float>::min()))
    scale = 1;
  float inverse = 1.0f / scale;
  auto clamp = [largest](float code) { return std::clamp(code, 0.0f, largest); };
  float zero = symmetric ? middle : clamp(std::nearbyint(-low * inverse));
  for (float &x : values)
    x = (clamp(std::nearbyint(x * inverse) + zero) - zero) * scale;
  return largest * scale;
}

void ProblemData::roundInput() {
  int64_t size = inputReals.size() / p.samples;
  UniformAttr quant = compiled.input.quant;
  int64_t group = quant.isGrouped() ? quant.getGroup() : size;
  for (int64_t n = 0; n < p.samples; ++n)
    for (int64_t i = 0; i < size; i += group) {
      float range = roundTrip(
          MutableArrayRef(&inputReals[n * size + i], std::min(group, size - i)),
          quant);
      if (!quant.isGrouped())
        inputRanges.push_back(range);
    }
}

void ProblemData::pack(int64_t count) {
  memset(packed.data(), 0xAA, packed.size());
  compiled.pack(weight.data(), packed.data());
  copies = GuardedBuffer((count - 1) * packed.size());
  for (int64_t copy = 1; copy < count; ++copy)
    memcpy(getWeights(copy), packed.data(), packed.size());
}

void ProblemData::run(int64_t copy, int64_t rows) {
  for (int64_t part = 0; part < p.threads; ++part)
    runPart(copy, part, rows);
}

void ProblemData::runPart(int64_t copy, int64_t part, int64_t rows) {
  void *arguments[8] = {input.data(), getWeights(copy)};
  int count = 2;
  if (p.bias)
    arguments[count++] = bias.data();
  if (p.residual)
    arguments[count++] = residual.data();
  arguments[count++] = result.data();
  rows = rows ? rows : p.samples;
  if (p.dynamic)
    arguments[count++] = &rows;
  if (p.threads > 1) {
    arguments[count++] = reinterpret_cast<void *>(part);
    arguments[count++] = reinterpret_cast<void *>(p.threads);
  }
  // Surplus arguments are ignored by the C calling convention.
  using P = void *;
  reinterpret_cast<void (*)(P, P, P, P, P, P, P, P)>(compiled.run)(
      arguments[0], arguments[1], arguments[2], arguments[3], arguments[4],
      arguments[5], arguments[6], arguments[7]);
}

//===----------------------------------------------------------------------===//
// Reference and comparison
//===----------------------------------------------------------------------===//

double ProblemData::getExpected(int64_t n, int64_t o, int64_t h, int64_t w,
                                double &magnitude) const {
  double sum = 0;
  magnitude = 0;
  auto add = [&](double term) {
    sum += term;
    magnitude += std::abs(term);
  };
  int64_t channels = p.channels / p.groups,
          first = o / (p.outputs / p.groups) * channels;
  const float *row = &weights[o * p.weightsPerOutput()];
  for (int64_t c = 0; c < channels; ++c)
    for (int64_t kh = 0; kh < p.kernel[0]; ++kh)
      for (int64_t kw = 0; kw < p.kernel[1]; ++kw) {
        int64_t y = h * p.strides[0] + kh * p.dilations[0] - p.pads[0];
        int64_t x = w * p.strides[1] + kw * p.dilations[1] - p.pads[1];
        if (y < 0 || x < 0 || y >= p.height || x >= p.width)
          continue;
        int64_t at =
            ((n * p.channels + first + c) * p.height + y) * p.width + x;
        double level = row[(c * p.kernel[0] + kh) * p.kernel[1] + kw];
        add(double(inputReals[at]) * level);
        // Codes are summed from where it suits the kernel, and the zero point's
        // share subtracted: two roundings, where magnitudes allow for many.
        if (!inputRanges.empty())
          magnitude += std::abs(inputRanges[n] * level) / 8;
      }
  if (p.bias)
    add(reinterpret_cast<const float *>(bias.data())[o]);
  if (p.residual)
    add(load(compiled.residual, residual,
             compiled.residual.at(resultShape, n, o, h, w)));
  return sum;
}

void ProblemData::findLargest() {
  Random random(6);
  constexpr int kSamples = 4096;
  double magnitude;
  largest = 0;
  for (int i = 0; p.tolerance > 0 && i < kSamples; ++i) {
    auto index = [&](int dimension) {
      return int64_t(random() % resultShape[dimension]);
    };
    int64_t n = index(0), o = index(1), h = index(2), w = index(3);
    largest = std::max(largest, std::abs(getExpected(n, o, h, w, magnitude)));
  }
}

/// Kernels that decode weights, levels times scales, to bf16.
static bool roundsWeights(StringRef family) {
  return family == "conv_bf16" || family == "matmul_bf16";
}

std::string ProblemData::checkElement(int64_t n, int64_t o, int64_t h,
                                      int64_t w) const {
  double magnitude;
  double sum = getExpected(n, o, h, w, magnitude);
  double expected = std::min(std::max(sum, p.clampMin), p.clampMax);
  double tolerance = 2e-6 * magnitude + 1e-6 + p.tolerance * largest;
  // Half of the last place of the result, and of the weights once decoded.
  constexpr double kHalfPlace = 1.0 / 256;
  if (p.bf16Output)
    tolerance += kHalfPlace * std::abs(expected);
  if (!p.format.empty() && roundsWeights(compiled.family))
    tolerance += kHalfPlace * magnitude;
  if (UniformAttr quant = compiled.result.quant) {
    // The nearest code; its neighbour where the exact value is a tie but for
    // rounding errors.
    double scale = quant.getScale(), zero = quant.getZeroPoint();
    double code =
        std::min(std::max(std::nearbyint(expected / scale) + zero, 0.0), 255.0);
    expected =
        std::min(std::max(expected, -zero * scale), (255 - zero) * scale);
    tolerance += (0.5 + 1e-5) * scale;
    if (std::abs((code - zero) * scale - expected) > tolerance)
      return "the reference contradicts itself";
  }
  double actual = load(compiled.result, result,
                       compiled.result.at(resultShape, n, o, h, w));
  if (std::abs(actual - expected) <= tolerance)
    return {};
  return formatv(
      "at ({0}, {1}, {2}, {3}) the result is {4:e8} when it should be {5:e8}", n, o,
      h, w, actual, expected);
}

/// Outside of the logical elements: zero in the border, finite in the tail.
std::string ProblemData::checkBorder() const {
  BlockedAttr layout = compiled.result.layout;
  if (!layout)
    return {};
  int64_t block = layout.getBlock();
  for (int64_t i = 0; i < compiled.result.elements(); ++i) {
    int64_t lane = i % block,
            x = i / block % layout.getPaddedWidth() - layout.getLeft();
    int64_t y = i / block / layout.getPaddedWidth() % layout.getPaddedHeight() -
                layout.getTop();
    bool inside = x >= 0 && y >= 0 && x < resultShape[3] && y < resultShape[2];
    float actual = load(compiled.result, result, i);
    if (inside ? !std::isfinite(actual) : actual != 0)
      return formatv("element {0} (lane {1} of pixel ({2}, {3})) is {4} when "
                     "it should be {5}",
                     i, lane, y, x, actual, inside ? "finite" : "zero");
  }
  return {};
}

/// Multiply-adds that the reference does in a fraction of a second.
static constexpr double kMostMultiplyAdds = 2e8;

/// Random elements of the result, and that all of it was written.
std::string ProblemData::checkSample() const {
  Random random(5);
  double cost = p.weightsPerOutput();
  for (double done = 0; done < kMostMultiplyAdds; done += cost) {
    auto index = [&](int dimension) {
      return int64_t(random() % resultShape[dimension]);
    };
    int64_t n = index(0), o = index(1), h = index(2), w = index(3);
    if (std::string difference = checkElement(n, o, h, w); !difference.empty())
      return difference;
  }
  for (int64_t i = 0; i < compiled.result.elements(); ++i)
    if (!std::isfinite(load(compiled.result, result, i)))
      return formatv("element {0} is not finite", i);
  return checkBorder();
}

std::string ProblemData::check() {
  // NaN in f32; in u8 two different poisons would be needed to be sure, and the
  // reference comparison does the rest.
  memset(result.data(), 0xFF, result.size());
  run();
  checked.assign(result.data(), result.data() + result.size());
  findLargest();
  for (int64_t rows : p.fewerRows)
    if (std::string difference = checkFewer(rows); !difference.empty())
      return difference;
  memcpy(result.data(), checked.data(), result.size());
  if (p.multiplyAdds() > kMostMultiplyAdds)
    return checkSample();
  for (int64_t n = 0; n < resultShape[0]; ++n)
    for (int64_t o = 0; o < resultShape[1]; ++o)
      for (int64_t h = 0; h < resultShape[2]; ++h)
        for (int64_t w = 0; w < resultShape[3]; ++w)
          if (std::string difference = checkElement(n, o, h, w);
              !difference.empty())
            return difference;
  return checkBorder();
}

std::string ProblemData::checkFewer(int64_t rows) {
  memset(result.data(), 0xFF, result.size());
  run(0, rows);
  size_t bytes = checked.size() / p.samples * rows;
  if (memcmp(result.data(), checked.data(), bytes) != 0)
    return formatv("{0} rows alone are not what they are among {1}", rows,
                   p.samples);
  if (std::any_of(result.data() + bytes, result.data() + checked.size(),
                  [](char byte) { return byte != char(0xFF); }))
    return formatv("with {0} rows, something is written behind them", rows);
  return {};
}

std::string ProblemData::checkCopies() {
  for (int64_t copy = 0; copy <= copies.size() / packed.size(); ++copy) {
    memset(result.data(), 0xFF, result.size());
    run(copy);
    if (std::string difference = checkResult(); !difference.empty())
      return formatv("with copy {0} of the weights, {1}", copy, difference);
  }
  return {};
}

std::string ProblemData::checkResult() const {
  if (memcmp(result.data(), checked.data(), checked.size()) == 0)
    return {};
  return "the result differs from that of the first run";
}
