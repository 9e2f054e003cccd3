//===----------------------------------------------------------------------===//
// Part of MPQ, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//===----------------------------------------------------------------------===//
//
// The whole compiler as one object: from a model file to a library, or to any
// stage in between. quant-compile is its command line.
//
//===----------------------------------------------------------------------===//
#ifndef MPQ_PIPELINE_COMPILER_H
#define MPQ_PIPELINE_COMPILER_H

#include "mpq/Analysis/Divergence.h"
#include "mpq/Frontend/StageFile.h"
#include "mpq/Kernel/FloatActivations.h"
#include "mpq/Kernel/QuantizedProduct.h"

#include "mlir/IR/MLIRContext.h"

#include <optional>
#include <string>
#include <vector>

namespace mpq {

/// Where to stop: one of the stages (dialects/MPQ/ModuleAttrs.td), in their
/// order, or with code.
enum class Emit { Onnx, Calibrated, Planned, Quantized, Lowered, Bufferized, Kernelized, LLVM, Object, Library, Ptx };

/// Kinds of machines to compile for. `NVVM` goes with `Emit::Ptx`.
enum class TargetKind { CPU, NVVM };

/// Auto: allocation decides, site by site.
enum class ActivationFormat { F32, Int8, Auto };

struct CompileOptions {
  std::string input;
  std::string output;
  Emit emit = Emit::Library;
  StageFileOptions stageFile; ///< how a stage is written

  // What to quantize, and how far.
  std::string calibration;              ///< .npz; empty: none
  std::optional<double> averageBits;    ///< stored bits per weight of the sites
  std::optional<int64_t> maxBytes;      ///< stored bytes of the sites
  std::vector<std::string> formats;     ///< spellings; empty: getDefaultFormats() of Sites.h
  std::vector<int64_t> groupSizes;      ///< a candidate each; 0: per output channel
  ActivationFormat activations = ActivationFormat::F32;
  bool activationGroups = false;        ///< `mpq-sites{activation-groups}`
  int64_t activationBits = 8;           ///< of integers: `mpq-sites{activation-bits}`
  std::optional<double> maxLatency;     ///< predicted time of one sample, in us
  std::string costTable;                ///< .json; empty: the CPU's
  std::string plan;                     ///< apply this plan, no search
  std::string emitPlan;                 ///< write the plan here
  std::optional<Divergence> divergence; ///< of plans; none: what fits the outputs
  std::string metric;                   ///< of sites; empty: the divergence
  std::string allocator = "pareto";
  unsigned refineRounds = 2;            ///< how often formats are chosen again; mpq-refine
  std::string observer = "percentile";
  std::string planPasses;               ///< run on the scored sites, before formats are chosen

  // For which machine. Empty: what the input was lowered for, else this one; for
  // NVVM, the oldest GPU that is supported.
  TargetKind target = TargetKind::CPU;
  std::vector<std::string> cpus;
  double floatTolerance = 0; ///< of float kernels, relative to the largest result
  FloatActivations floatActivations = FloatActivations::F32;
  ActivationProducts activationProducts = ActivationProducts::F32;

  // How.
  unsigned threads = 0;   ///< 0: all cores
  uint64_t memLimit = 0;  ///< bytes of memory that the process may have; 0: no limit
  bool verbose = false;

  bool hasBudget() const { return averageBits || maxBytes || maxLatency; }
  bool quantizes() const { return hasBudget() || !plan.empty(); }
  /// Whether predicted times are a part of the decision.
  bool predictsTime() const { return maxLatency || activations == ActivationFormat::Auto; }
};

/// Compiles as `options` say and prints the steps and the summary to stderr.
/// Diagnostics have been printed through the context when it fails.
llvm::LogicalResult compileModel(const CompileOptions &options, mlir::MLIRContext &context);

} // namespace mpq

#endif // MPQ_PIPELINE_COMPILER_H
