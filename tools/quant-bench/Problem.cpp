//===----------------------------------------------------------------------===//
// Part of MPQ, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//===----------------------------------------------------------------------===//
//
// The parser of problems.
//
//===----------------------------------------------------------------------===//

#include "Problem.h"

#include "llvm/ADT/StringExtras.h"
#include "llvm/ADT/StringSwitch.h"

using namespace llvm;
using namespace mpq;

const char mpq::kProblemHelp[] = R"(
A problem is one line: what is computed, then words in any order.

  conv 16x32x32 k3 o16 p1 relu residual      C x H x W of the input
  matmul 8x256x512 relu                      M x K x N
  mpgemm m=8 n=4096 k=4096 w=int4:g32:f16 a=int8 isa=avx512vnni cold threads=2
                                             a matmul without bias

  k3 k1x7          kernel, height x width (conv; 1)
  o16              output channels (conv; as many as of the input)
  s2 s2x1          strides (conv; 1)
  d2 d2x1          dilations (conv; 1)
  p1 p0x1x2x1      padding: top, left, bottom, right (conv; 0)
  g4 depthwise     groups (conv; 1)
  n2               samples (conv; 1)
  m=8 n=16 k=32    sizes (matmul)
  dynamic          rows are known at run time only (matmul); with m=1,5,8 --check
                   runs one kernel with each of these numbers of rows
  bias nobias      with a bias (conv, matmul) or without (mpgemm)
  residual         a residual is added
  relu clamp=-1:6  fused activation
  w=int4:g32       format of the weight, any that quant-opt knows (f32);
                   int4:g32 alone is the same
  a=f32 a=bf16     input of floats
  a=int8           the same, quantized in the kernel with scales from the data
  a=int8:group     the same, with a scale for each group of the weight
  a=int8:static    input of 8-bit codes with a known scale; u8in is the same
  a=int2 ...       any of these with codes of 1 to 8 bits
  u8res u8out      residual, result of 8-bit codes
  bf16res bf16out  residual, result in bf16
  zero=0           the zero point of the input's codes (115, its upper bits)
  border=1         borders wider than the kernel asks for, as other readers of
                   the same activation may want them (conv; 0)
  tolerance=1e-5   the error that kernels may have, relative to the largest
                   result (0: rounding only)
  isa=avx2         instruction sets: portable, avx2, avxvnni, avx512, avx512vnni,
                   avx512bf16, or the name of a CPU (--mcpu)
  vectors=256      width of vectors in bits (the widest of the target)
  family=NAME      the only kernel family to be asked (--family)
  hot              the same weights again and again, as near as caches hold them
  cold             weights from DRAM: calls take turns on copies of them, as
                   many as 256 MiB need and two at least
  threads=2        so many threads share the parallel loops of the kernel, each
                   on a CPU of its own; every call waits for all of them
)";

int64_t Problem::outputSize(int dimension) const {
  int64_t size = dimension ? width : height;
  int64_t span = size + pads[dimension] + pads[dimension + 2] -
                 ((kernel[dimension] - 1) * dilations[dimension] + 1);
  return span < 0 ? 0 : span / strides[dimension] + 1;
}

double Problem::multiplyAdds() const {
  return double(samples) * outputs * outputSize(0) * outputSize(1) *
         weightsPerOutput();
}

/// `3` or `3x5`; a single number stands for all of `sizes`.
static bool parseSizes(StringRef text, MutableArrayRef<int64_t> sizes) {
  SmallVector<StringRef> parts;
  text.split(parts, 'x');
  if (parts.size() != sizes.size() && parts.size() != 1)
    return false;
  for (auto [i, size] : enumerate(sizes))
    if (parts[parts.size() == 1 ? 0 : i].getAsInteger(10, size) || size < 0)
      return false;
  return true;
}

static bool parseClamp(StringRef text, Problem &p) {
  auto [low, high] = text.split(':');
  return !low.getAsDouble(p.clampMin) && !high.getAsDouble(p.clampMax);
}

static bool parseInput(StringRef text, Problem &p) {
  p.bf16Input = text == "bf16";
  if (!text.consume_front("int"))
    return p.bf16Input || text == "f32";
  auto [bits, kind] = text.split(':');
  if (bits.getAsInteger(10, p.inputBits) || p.inputBits < 1 || p.inputBits > 8)
    return false;
  p.int8Groups = kind == "group";
  p.u8Input = kind == "static";
  p.int8Input = !p.u8Input;
  // A level on either side of zero takes 2 bits.
  if (p.int8Groups)
    return p.inputBits > 1;
  return p.u8Input || kind == "dynamic" || !text.contains(':');
}

static bool parsePositive(StringRef text, int64_t &number) {
  return !text.getAsInteger(10, number) && number > 0;
}

/// Numbers of rows: the largest is that of the problem.
static bool parseRows(StringRef text, Problem &p) {
  SmallVector<StringRef> numbers;
  text.split(numbers, ',');
  SmallVector<int64_t> rows;
  for (StringRef number : numbers)
    if (!parsePositive(number, rows.emplace_back()))
      return false;
  llvm::sort(rows);
  p.samples = rows.pop_back_val();
  p.fewerRows = std::move(rows);
  return !p.isConv;
}

/// A word that has a value behind its name.
static bool parseNamed(StringRef name, StringRef value, Problem &p) {
  if (name == "clamp")
    return parseClamp(value, p);
  if (name == "border")
    return p.isConv && parseSizes(value, p.border);
  if (name == "w") {
    p.format = value == "f32" ? "" : value.str();
    return !value.empty();
  }
  if (name == "a")
    return parseInput(value, p);
  if (name == "isa") {
    p.isa = value.str();
    return !value.empty();
  }
  if (name == "family") {
    p.family = value.str();
    return !value.empty();
  }
  if (name == "m")
    return parseRows(value, p);
  if (name == "vectors")
    return parsePositive(value, p.vectorBits) &&
           (p.vectorBits == 128 || p.vectorBits == 256 || p.vectorBits == 512);
  if (name == "tolerance")
    return !value.getAsDouble(p.tolerance) && p.tolerance >= 0;
  if (name == "zero")
    return !value.getAsInteger(10, p.inputZero) && p.inputZero >= 0 &&
           p.inputZero <= 255;
  if (name == "threads")
    return parsePositive(value, p.threads) && p.threads <= 1024;
  int64_t *size = StringSwitch<int64_t *>(name)
                      .Case("n", &p.outputs)
                      .Case("k", &p.channels)
                      .Default(nullptr);
  return size && !p.isConv && parsePositive(value, *size);
}

/// One word after the shape.
static bool parseWord(StringRef word, Problem &p) {
  bool *flag = StringSwitch<bool *>(word)
                   .Case("residual", &p.residual)
                   .Case("u8in", &p.u8Input)
                   .Case("u8res", &p.u8Residual)
                   .Case("u8out", &p.u8Output)
                   .Case("bf16res", &p.bf16Residual)
                   .Case("bf16out", &p.bf16Output)
                   .Case("dynamic", p.isConv ? nullptr : &p.dynamic)
                   .Default(nullptr);
  if (flag)
    return *flag = true;
  if (word == "bias" || word == "nobias") {
    p.bias = word == "bias";
    return true;
  }
  if (word == "hot" || word == "cold") {
    p.cold = word == "cold";
    return true;
  }
  if (word == "relu") {
    p.clampMin = 0;
    return true;
  }
  if (word == "depthwise" && p.isConv) {
    p.groups = p.outputs = p.channels;
    return true;
  }
  if (word.contains('='))
    return parseNamed(word.split('=').first, word.split('=').second, p);
  if (word.starts_with("int")) {
    p.format = word.str();
    return true;
  }
  StringRef value = word.drop_front();
  switch (word.front()) {
  case 'k':
    return p.isConv && parseSizes(value, p.kernel);
  case 's':
    return p.isConv && parseSizes(value, p.strides);
  case 'd':
    return p.isConv && parseSizes(value, p.dilations);
  case 'p':
    return p.isConv && parseSizes(value, p.pads);
  case 'g':
    return p.isConv && parseSizes(value, p.groups) && p.groups > 0;
  case 'o':
    return p.isConv && parseSizes(value, p.outputs);
  case 'n':
    return p.isConv && parseSizes(value, p.samples);
  default:
    return false;
  }
}

static bool parseShape(StringRef word, Problem &p) {
  int64_t sizes[3];
  if (!parseSizes(word, sizes) || !word.contains('x'))
    return false;
  if (p.isConv) {
    std::tie(p.channels, p.height, p.width) =
        std::tie(sizes[0], sizes[1], sizes[2]);
    p.outputs = p.channels;
  } else {
    std::tie(p.samples, p.channels, p.outputs) =
        std::tie(sizes[0], sizes[1], sizes[2]);
  }
  return true;
}

static Error makeError(StringRef line, const Twine &message) {
  return createStringError("problem '" + line + "': " + message);
}

Expected<Problem> mpq::parseProblem(StringRef line) {
  SmallVector<StringRef> words;
  line.split(words, ' ', -1, /*KeepEmpty=*/false);
  Problem p;
  p.text = join(words, " ");
  if (words.empty() || !is_contained({"conv", "matmul", "mpgemm"}, words[0]))
    return makeError(line, "expected 'conv CxHxW ...', 'matmul MxKxN ...' or "
                           "'mpgemm m=M n=N k=K ...'");
  p.isConv = words[0] == "conv";
  p.bias = words[0] != "mpgemm";
  ArrayRef<StringRef> rest = ArrayRef(words).drop_front();
  if (words[0] != "mpgemm") {
    StringRef shape = rest.empty() ? "" : rest.front();
    if (!parseShape(shape, p))
      return makeError(line,
                       "expected a shape of 3 sizes, got '" + shape + "'");
    rest = rest.drop_front();
  }
  for (StringRef word : rest)
    if (!parseWord(word, p))
      return makeError(line, "do not understand '" + word + "'");
  if (p.channels % p.groups || p.outputs % p.groups)
    return makeError(line, Twine(p.channels) + " and " + Twine(p.outputs) +
                               " channels cannot be split into " +
                               Twine(p.groups) + " groups");
  if (p.multiplyAdds() <= 0)
    return makeError(line, "the result is empty");
  if (!p.fewerRows.empty() && !p.dynamic)
    return makeError(line, "has several numbers of rows, but is not dynamic");
  if (p.inputZero < 0)
    p.inputZero = 115 >> (8 - p.inputBits);
  if (p.inputZero >> p.inputBits)
    return makeError(line, "the zero point " + Twine(p.inputZero) +
                               " is no code of " + Twine(p.inputBits) +
                               " bits");
  p.u8Residual &= p.residual;
  p.bf16Residual &= p.residual;
  return p;
}
