//===----------------------------------------------------------------------===//
// Part of MPQ, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//===----------------------------------------------------------------------===//
//
// How long an op with a weight takes on a kind of CPU, predicted.
//
// A cost table holds what kernels were measured to do there. From two rates of
// a kernel, the arithmetic that it does and the weights that it streams, follows
// the roofline (Williams, Waterman, Patterson: Roofline, CACM 2009):
//
//     ns = max(multiply-adds / macs_per_ns, weight bytes / bytes_per_ns)
//
// Example, with conv/f32 at 60 multiply-adds and 27 bytes per ns: 3x3 from 16 to
// 16 channels at 32 x 32 is 2.36 M multiply-adds and 9 KiB of weights, so 39.3 us
// by arithmetic and 0.3 us by memory: 39.3 us.
//
// Tables are data (lib/Analysis/Cost/Tables/<cpu>.json, or a file of the user's):
//
//     { "cpu": "znver4", "source": "what was run, where",
//       "kernels": { "conv/f32": { "macs_per_ns": 60, "bytes_per_ns": 27 }, ... } }
//
// with one entry per kind of op (conv, depthwise, matmul) and of activations
// (f32, int8), for one thread.
//
//===----------------------------------------------------------------------===//
#ifndef MPQ_ANALYSIS_COST_H
#define MPQ_ANALYSIS_COST_H

#include "mpq/Analysis/Sites.h"

#include "llvm/ADT/StringMap.h"
#include "llvm/Support/Error.h"
#include "llvm/Support/MemoryBufferRef.h"

namespace mpq {

struct CostTable {
  struct Rates {
    double macsPerNs = 0, bytesPerNs = 0;
  };

  std::string cpu, source;
  llvm::StringMap<Rates> kernels; ///< by "conv/f32" and the like; all six

  /// Reads the JSON text; errors name the file and what is missing or not
  /// positive.
  static llvm::Expected<CostTable> parse(llvm::MemoryBufferRef json);

  /// The table for `cpu` (LLVM's name) that MPQ comes with. Where there is none
  /// it is another CPU's: ratios between kernels differ less than times do.
  static const CostTable &lookup(llvm::StringRef cpu);
};

/// The time, in ns, that all ops together take for one sample that read `site`
/// as their weight, their inputs stored as `activations`. Dimensions that are
/// not known count as `dynamicSize`.
int64_t predictNanoseconds(SiteOp site, Activations activations,
                           const CostTable &table, int64_t dynamicSize);

} // namespace mpq

#endif // MPQ_ANALYSIS_COST_H
