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

/// One word after the shape.
static bool parseWord(StringRef word, Problem &p) {
  bool *flag = StringSwitch<bool *>(word)
                   .Case("residual", &p.residual)
                   .Case("u8in", &p.u8Input)
                   .Case("u8res", &p.u8Residual)
                   .Case("u8out", &p.u8Output)
                   .Case("dynamic", p.isConv ? nullptr : &p.dynamic)
                   .Default(nullptr);
  if (flag)
    return *flag = true;
  if (word == "nobias")
    return !(p.bias = false);
  if (word == "relu") {
    p.clampMin = 0;
    return true;
  }
  if (word == "depthwise") {
    p.groups = p.outputs = p.channels;
    return true;
  }
  if (word.consume_front("clamp="))
    return parseClamp(word, p);
  if (word.consume_front("border="))
    return parseSizes(word, p.border);
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
  if (words.size() < 2 || (words[0] != "conv" && words[0] != "matmul"))
    return makeError(line, "expected 'conv CxHxW ...' or 'matmul MxKxN ...'");
  p.isConv = words[0] == "conv";
  if (!parseShape(words[1], p))
    return makeError(line,
                     "expected a shape of 3 sizes, got '" + words[1] + "'");
  for (StringRef word : ArrayRef(words).drop_front(2))
    if (!parseWord(word, p))
      return makeError(line, "do not understand '" + word + "'");
  if (p.channels % p.groups || p.outputs % p.groups)
    return makeError(line, Twine(p.channels) + " and " + Twine(p.outputs) +
                               " channels cannot be split into " +
                               Twine(p.groups) + " groups");
  if (p.multiplyAdds() <= 0)
    return makeError(line, "the result is empty");
  p.u8Residual &= p.residual;
  return p;
}
