//===----------------------------------------------------------------------===//
// Part of MPQ, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//===----------------------------------------------------------------------===//
//
// How long a kernel takes on a kind of CPU, predicted.
//
// A kernel's time is linear in what it does, as long as the number of rows of a
// matrix product is the same, and never less than its weights take to arrive:
//
//     ns = max(ns_per_call                 entering it, its loops
//              + ns_per_mac    * multiply-adds
//              + ns_per_input  * elements read   (quantizing them, if it does)
//              + ns_per_output * elements written (bias, activation, rounding)
//              + ns_per_far_byte * bytes of weights that are far
//              + ns_per_dram_byte * those of them that come from DRAM,
//              bytes of weights / bytes_per_ns)
//
// The six numbers of a kernel, a *rate*, belong to a number of rows and to a
// number of bits that a weight has in memory, its part of the scales included.
// Between two numbers of rows times are interpolated over the logarithm; of
// several numbers of bits the nearest counts. `bytes_per_ns` is that of the
// smallest memory that holds the weights of the whole model, as the next run
// wants them again; where that is not the first of the memories, the second-level
// cache, all weights are far, and where it is the last, all come from DRAM. In a
// model, each kernel takes `ns_per_turn` longer than again and again by itself, when
// its code and its operands are as near as they get.
//
// Example: 'conv_f32' with 0.0170 ns a multiply-add, 0.02 an output and 150 a
// call. 3x3 from 16 to 16 channels at 32 x 32 is 2.36 M multiply-adds and 16 Ki
// outputs: 40.1 + 0.3 + 0.15 us. Its 9 KiB of weights arrive in 0.1 us.
//
// Tables are data, one for a CPU, written by `quant-bench --tune`
// (lib/Analysis/Cost/Tables/<cpu>.json are those that MPQ comes with):
//
//     { "schema": 4, "kernels_version": 3, "cpu": "znver4", "source": "...",
//       "ns_per_turn": 40.0,
//       "memories": [ {"bytes": 1048576, "bytes_per_ns": 110.0},
//                     {"bytes": 33554432, "bytes_per_ns": 80.0},
//                     {"bytes_per_ns": 28.5} ],
//       "kernels": { "matmul_vnni": [
//           {"rows": 1, "bits": 8, "ns_per_call": 110.0, "ns_per_mac": 0.0151,
//            "ns_per_input": 0.0, "ns_per_output": 0.1, "ns_per_far_byte": 0.0,
//            "ns_per_dram_byte": 0.001},
//            ...],
//         ... },
//       "tiles": { "matmul_packed": [
//           {"bits": 4, "m": 8, "rows": 4, "vectors": 2, "prefetch": 144,
//            "level": 2}, ...] } }
//
// `tiles`, which may be missing, is how kernels are cut on this CPU where that is
// faster than what they do by themselves: the fields of `#mpq.tile`
// (dialects/MPQ/Packed/Packed.td), by kernel family.
//
//===----------------------------------------------------------------------===//
#ifndef MPQ_ANALYSIS_COST_H
#define MPQ_ANALYSIS_COST_H

#include "mpq/Analysis/Sites.h"
#include "mpq/Support/TypicalSize.h"

#include "llvm/Support/Error.h"
#include "llvm/Support/MemoryBufferRef.h"
#include "llvm/Support/raw_ostream.h"

#include <map>

namespace mpq {

struct KernelTarget;

/// What a kernel does in one call, on one thread.
struct KernelWork {
  /// Its family; with ":dynamic" where it finds the scales of int8 activations
  /// itself, ":causal" for attention that is, and ":functions" for a `map` that
  /// computes exponentials and the like; then ":codes" or ":bf16" where what reads
  /// or writes such elements is no product.
  std::string kernel;
  /// Of the activations of a matrix product; 1 for everything else.
  double rows = 1;
  double multiplyAdds = 0; ///< those of lanes that are padding included
  double inputs = 0, outputs = 0; ///< elements of activations
  double weightBytes = 0;
  double farBytes = 0;  ///< of these, behind the second-level cache
  double dramBytes = 0; ///< of these, behind all caches
  /// Of a weight in memory, without padding; 0: there is none.
  double bits = 0;
};

/// What the compute op or linalg op `op` does, on tensors or on memrefs. The
/// kernel is the op's `family` or, of linalg ops, "loops". Dimensions that are
/// not known count as `dynamicSize`.
KernelWork describeWork(mlir::Operation *op, int64_t dynamicSize);

struct CostTable {
  /// Raised when the form of the file changes.
  static constexpr int64_t kSchema = 4;
  /// Raised when kernels change so much that measured times do not hold.
  static constexpr int64_t kKernelsVersion = 3;

  struct Rate {
    double rows = 1, bits = 0;
    double nsPerCall = 0, nsPerMac = 0, nsPerInput = 0, nsPerOutput = 0,
           nsPerFarByte = 0, nsPerDramByte = 0;
  };
  struct Memory {
    double bytes = 0; ///< that it holds; 0: all
    double bytesPerNs = 0;
  };
  /// As in `#mpq.tile`.
  struct Tile {
    int64_t bits = 1, m = 1, rows = 1, vectors = 1, prefetch = 0, level = 1;
  };

  std::string cpu, source;
  int64_t kernelsVersion = kKernelsVersion;
  double nsPerTurn = 0;
  std::vector<Memory> memories;                     ///< smallest first
  std::map<std::string, std::vector<Rate>> kernels; ///< by bits, then rows
  std::map<std::string, std::vector<Tile>> tiles;   ///< of kernel families

  /// Reads the JSON text; errors name the file and what is wrong with it.
  static llvm::Expected<CostTable> parse(llvm::MemoryBufferRef json);
  /// The same of a file.
  static llvm::Expected<CostTable> read(const llvm::Twine &path);
  /// Writes that text, numbers with up to four digits.
  void print(llvm::raw_ostream &os) const;

  /// Why the table may not hold for `cpu` with the kernels of this compiler;
  /// empty: it does.
  std::string getDoubt(llvm::StringRef cpu) const;

  /// The table for `cpu` (LLVM's name) that MPQ comes with. Where there is none
  /// it is another CPU's: ratios between kernels differ less than times do.
  static const CostTable &lookup(llvm::StringRef cpu);

  /// The time of one call, in ns, in a model whose weights take `modelBytes`
  /// together, without `nsPerTurn`. A kernel that was not measured counts as what
  /// it is a variant of ("map:codes" as "map"), else as the
  /// slowest of those whose names begin with the most of its words, as
  /// "conv_bf16" does with "conv_f32"; where none begins with its first word, as
  /// "loops"; without those it takes no time.
  double predict(const KernelWork &work, double modelBytes) const;
};

/// Sets `mpq.tiles` of `module` to the tiles of `table`, or removes it if there are
/// none; fails, with an error at the module, if one is not valid.
llvm::LogicalResult setTiles(mlir::ModuleOp module, const CostTable &table);

/// What a kernel did, and how long it took.
struct CostSample {
  KernelWork work;
  double nanoseconds = 0;
};

/// The rates that make the sum of the squared relative errors least, for every
/// kernel, number of bits and number of rows among `samples`. No rate is
/// negative: what is not seen in the samples costs nothing.
std::map<std::string, std::vector<CostTable::Rate>>
fitRates(llvm::ArrayRef<CostSample> samples);

/// Bytes of the weights that the kernels of `main` read.
double getModelBytes(mlir::func::FuncOp main);

/// The time, in ns, that one sample takes in the lowered or bufferized `main`:
/// the sum over its kernels.
double predictModel(mlir::func::FuncOp main, const CostTable &table,
                    int64_t dynamicSize);

/// The time, in ns, that all ops together take for one sample that read `site`
/// as their weight in the candidate's format, on `target`. `modelBytes` as
/// above; activations that neither the candidate nor the site decides are
/// `byDefault`.
double predictSite(SiteOp site, CandidateAttr candidate, const CostTable &table,
                   const KernelTarget &target, double modelBytes,
                   int64_t dynamicSize, Activations byDefault);

} // namespace mpq

#endif // MPQ_ANALYSIS_COST_H
