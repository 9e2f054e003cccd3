//===----------------------------------------------------------------------===//
// Part of MPQ, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//===----------------------------------------------------------------------===//
//
// Runs single ops through a kernel family, machine code included, and compares
// every byte of the destination with plain C++.
//
//===----------------------------------------------------------------------===//
#ifndef MPQ_TEST_KERNEL_DATA_RUNNER_H
#define MPQ_TEST_KERNEL_DATA_RUNNER_H

#include <array>
#include <cstdint>
#include <functional>
#include <string>
#include <vector>

namespace mpq::test {

/// How an activation is stored; block 0 is plain.
struct Format {
  int64_t block = 0;
  std::array<int64_t, 4> border = {0, 0, 0, 0}; ///< top, left, bottom, right
  float scale = 0;                              ///< 0: f32
  int zeroPoint = 0;
  bool bf16 = false; ///< of floats
};

/// A buffer in memory with its logical contents. Shapes of rank other than 4
/// are plain.
class Buffer {
public:
  Buffer(std::vector<int64_t> shape, Format format);

  std::vector<int64_t> shape;
  Format format;

  std::string getType() const;   ///< memref type
  std::string getLayout() const; ///< attribute, empty if plain
  std::string getQuant() const;  ///< attribute, empty if f32
  int64_t getCount() const;      ///< logical elements
  void *data() { return bytes.data(); }

  /// The real of logical element `index`, in row-major order of `shape`.
  float get(int64_t index) const;
  void set(int64_t index, float value);
  float at(int64_t n, int64_t c, int64_t h, int64_t w) const;
  /// Random reals in [-2, 2], floats among those that bf16 has; border as kernels leave it, tail large but
  /// finite.
  void randomize(unsigned seed);
  void poison();
  /// Whether all bytes are the same, also those behind the elements.
  bool equals(const Buffer &other) const;
  /// Stores floats as bf16; false if one of them would be rounded.
  bool narrow();
  /// What is wrong with `this`, of which `expected` gives the logical values:
  /// empty if nothing. Also checks border (zero) and tail (finite). f32 may be
  /// off by `tolerance` (relative to 1 + |value|), codes by a rounding tie.
  std::string check(const std::function<float(int64_t)> &expected,
                    float tolerance) const;

private:
  int64_t offset(int64_t index) const;
  int64_t elementBytes() const {
    return format.scale ? 1 : format.bf16 ? 2 : 4;
  }
  float read(int64_t element) const;
  void write(int64_t element, float value);

  struct alignas(64) Line {
    char bytes[64];
  };
  int64_t physical = 0;
  std::vector<Line> bytes;
};

/// One op on one set of buffers.
struct Case {
  std::string name;   ///< for messages
  std::string family; ///< empty: the first that accepts
  std::string op; ///< its text: "mpq.pool max $ins $outs {$attrs}", with $lists
                  ///< for mpq.map
  std::vector<Buffer> inputs;
  Buffer output;
  std::function<float(int64_t)> expected; ///< by logical index of the output
  float tolerance = 0;
  std::string chosen; ///< set: the family that was used
  bool isParallel = false; ///< set: whether threads may share its kernel
};

/// Compiles all cases for a CPU ("x86-64-v2" has 128-bit vectors, "x86-64-v3"
/// 256, "native" what there is, "native/256" half of that at most), runs and
/// checks them. Then every fourth of them (compiling takes long), if bf16 can
/// hold its floats, stored as that, and for the last of `getTestedCpus` every
/// third, or six or seven of many, in 2, 3 and 7 parts, if threads may share
/// it. `repeat` > 0 instead times each: nanoseconds of the fastest of `repeat`
/// calls.
std::vector<double> runCases(std::vector<Case> &cases, const std::string &cpu,
                             int repeat = 0);

/// The CPUs of this machine that tests cover.
std::vector<std::string> getTestedCpus();

} // namespace mpq::test

#endif // MPQ_TEST_KERNEL_DATA_RUNNER_H
