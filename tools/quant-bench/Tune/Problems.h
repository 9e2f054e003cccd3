//===----------------------------------------------------------------------===//
// Part of MPQ, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//===----------------------------------------------------------------------===//
//
// What a cost table is measured with.
//
//===----------------------------------------------------------------------===//
#ifndef MPQ_TOOLS_QUANT_BENCH_TUNE_PROBLEMS_H
#define MPQ_TOOLS_QUANT_BENCH_TUNE_PROBLEMS_H

#include <string>
#include <vector>

namespace mpq {

/// Products and convolutions with a weight: problems of quant-bench, in many sizes.
std::vector<std::string> listProducts();

/// Everything else that is a kernel: modules whose @main has one op, on memrefs.
std::vector<std::string> listOps();

} // namespace mpq

#endif // MPQ_TOOLS_QUANT_BENCH_TUNE_PROBLEMS_H
