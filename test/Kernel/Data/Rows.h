//===----------------------------------------------------------------------===//
// Part of MPQ, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//===----------------------------------------------------------------------===//
//
// Cases of ops on rows, with sizes known at compile time or at run time only.
//
//===----------------------------------------------------------------------===//
#ifndef MPQ_TEST_KERNEL_DATA_ROWS_H
#define MPQ_TEST_KERNEL_DATA_ROWS_H

#include "Runner.h"

namespace mpq::test {

void runOnAllCpus(std::vector<Case> cases);

Buffer makeBuffer(std::vector<int64_t> shape, unsigned seed);

/// Writes an op from the names and the types of its operands, the destination
/// last.
using Text = std::function<std::string(const std::vector<std::string> &names,
                                       const std::vector<std::string> &types)>;

/// Operands number `dynamic` have sizes known at run time only.
Case makeCase(const Text &text, std::vector<Buffer> inputs, Buffer output,
              std::function<float(int64_t)> expected, float tolerance,
              const std::vector<size_t> &dynamic = {});

/// `op` with the family of this name and with the reference.
void addCases(std::vector<Case> &cases, Case test, std::string family);

/// Checks that `codes[i]` writes, to the bit, what converting the result of
/// `reals[i]` to codes gives.
void checkCodes(std::vector<Case> reals, std::vector<Case> codes,
                const std::vector<std::string> &cpus);

} // namespace mpq::test

#endif // MPQ_TEST_KERNEL_DATA_ROWS_H
