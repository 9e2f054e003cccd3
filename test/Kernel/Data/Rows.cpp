//===----------------------------------------------------------------------===//
// Part of MPQ, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//===----------------------------------------------------------------------===//
//
// Texts and lists of cases.
//
//===----------------------------------------------------------------------===//

#include "Rows.h"

#include <gtest/gtest.h>

using namespace mpq::test;

void mpq::test::runOnAllCpus(std::vector<Case> cases) {
  for (const std::string &cpu : getTestedCpus())
    runCases(cases, cpu);
}

Buffer mpq::test::makeBuffer(std::vector<int64_t> shape, unsigned seed) {
  Buffer buffer(shape, {});
  buffer.randomize(seed);
  return buffer;
}

/// `type` with its last dimension but one (or, of rank 1, its only one) known
/// at run time only.
static std::string makeDynamic(const std::string &type) {
  std::vector<size_t> ends;
  for (size_t at = type.find('x'); at != std::string::npos;
       at = type.find('x', at + 1))
    ends.push_back(at);
  size_t last = ends.size() - 1, dim = last ? last - 1 : 0;
  size_t start = dim ? ends[dim - 1] + 1 : type.find('<') + 1;
  return type.substr(0, start) + "?" + type.substr(ends[dim]);
}

Case mpq::test::makeCase(const Text &text, std::vector<Buffer> inputs,
                         Buffer output, std::function<float(int64_t)> expected,
                         float tolerance, const std::vector<size_t> &dynamic) {
  std::vector<std::string> names, types;
  std::string casts;
  for (size_t i = 0; i <= inputs.size(); ++i) {
    bool isResult = i == inputs.size();
    names.push_back(isResult ? "%o" : "%i" + std::to_string(i));
    types.push_back((isResult ? output : inputs[i]).getType());
  }
  for (size_t i : dynamic) {
    std::string type = makeDynamic(types[i]), name = "%d" + std::to_string(i);
    casts += name + " = memref.cast " + names[i] + " : " + types[i] + " to " +
             type + "\n";
    names[i] = name;
    types[i] = type;
  }
  std::string op = casts + text(names, types);
  return {op,
          "",
          op,
          std::move(inputs),
          std::move(output),
          std::move(expected),
          tolerance,
          ""};
}

void mpq::test::addCases(std::vector<Case> &cases, Case test, std::string family) {
  for (std::string name : {family, "reference_" + family}) {
    test.family = name;
    cases.push_back(test);
  }
}

void mpq::test::checkCodes(std::vector<Case> reals, std::vector<Case> codes,
                           const std::vector<std::string> &cpus) {
  for (const std::string &cpu : cpus) {
    runCases(reals, cpu);
    runCases(codes, cpu);
    std::vector<Case> converts;
    for (size_t i = 0; i < reals.size(); ++i) {
      Buffer from = reals[i].output;
      converts.push_back({"conversion",
                          "convert",
                          "mpq.convert $ins $outs {$attrs}",
                          {from},
                          Buffer(from.shape, codes[i].output.format),
                          [from](int64_t i) { return from.get(i); },
                          1e-6f,
                          ""});
    }
    runCases(converts, cpu);
    for (size_t i = 0; i < reals.size(); ++i)
      for (int64_t e = 0; e < codes[i].output.getCount(); ++e)
        ASSERT_EQ(codes[i].output.get(e), converts[i].output.get(e))
            << "element " << e << " of " << codes[i].op << " on " << cpu;
  }
}
