//===----------------------------------------------------------------------===//
// Part of MPQ, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//===----------------------------------------------------------------------===//
//
// Runs a model inside the compiler, many times: for calibration, for
// sensitivity (one weight substituted, the rest as it was), for joint checks.
//
// The model is compiled once. Samples are independent, so they run on all
// cores; results are handed out in the order of the samples, whatever the
// number of threads.
//
// Prefix reuse. A program compiled in steps keeps everything that crosses from
// one step to the next in the arena. For each sample the baseline runs once;
// where it reaches the first step that reads a substituted weight, the arena is
// copied, and the variant continues from there. A variant of the last layer
// thus costs one layer, not one network.
//
//===----------------------------------------------------------------------===//
#ifndef MPQ_EXECUTION_EXECUTOR_H
#define MPQ_EXECUTION_EXECUTOR_H

#include "mpq/Execution/Program.h"
#include "mpq/Support/Npz.h"

#include "mlir/IR/Action.h"
#include "llvm/ADT/STLFunctionalExtras.h"

namespace mpq {

/// The samples to run on: one array per input of the model, dimension 0 runs
/// over samples.
class Dataset {
public:
  /// Reads `path` (.npz) and matches its arrays with the program's inputs by
  /// name. Errors name the file, the array and both shapes or types. Values
  /// that are not finite are an error, too.
  static llvm::Expected<Dataset> load(llvm::StringRef path, llvm::ArrayRef<ProgramTensor> inputs);

  int64_t size() const { return samples; }
  /// The bytes of one sample of input `index`.
  const char *getSample(unsigned index, int64_t sample) const {
    return arrays[index].data() + sample * strides[index];
  }

private:
  std::vector<NpyArray> arrays; ///< in the order of the inputs
  std::vector<int64_t> strides; ///< bytes of one sample
  int64_t samples = 0;
};

/// A weight of the program replaced by another, already packed.
struct WeightSubstitution {
  unsigned slot = 0;
  llvm::ArrayRef<char> packed;
};

/// Weights that are replaced together. None: the program as it is.
using WeightVariant = llvm::SmallVector<WeightSubstitution, 1>;

struct ExecutorOptions {
  unsigned threads = 0;  ///< 0: all cores
  uint64_t memLimit = 0; ///< bytes that the process may have resident; 0: no limit
};

/// The execution of one of `total` samples. Whoever wants to know how far a run
/// is (a progress bar, a trace) registers a handler of actions with the context
/// of the module; it is called by several threads at once.
class SampleAction : public mlir::tracing::ActionImpl<SampleAction> {
public:
  SampleAction(llvm::ArrayRef<mlir::IRUnit> units, int64_t sample, int64_t total)
      : ActionImpl(units), sample(sample), total(total) {}

  static constexpr llvm::StringLiteral tag = "mpq-sample";
  void print(llvm::raw_ostream &os) const override { os << "sample " << sample << " of " << total; }

  const int64_t sample, total;
};

class Executor {
public:
  /// Compiles `module` for this machine. `inSteps` is needed for variants.
  static llvm::Expected<std::unique_ptr<Executor>> create(mlir::ModuleOp module, ExecutorOptions options,
                                                          bool inSteps = false);

  const Program &getProgram() const { return *program; }

  /// The outputs of one sample: a pointer per output of the program.
  using Outputs = llvm::ArrayRef<const char *>;

  /// Runs all samples and calls `consume(sample, outputs)` in their order.
  llvm::Error run(const Dataset &data, llvm::function_ref<void(int64_t, Outputs)> consume);

  /// The same with several programs: `consume(sample, outputs of each)`. Nothing
  /// is kept from one sample to the next.
  static llvm::Error runSideBySide(llvm::ArrayRef<Executor *> executors, const Dataset &data,
                                   llvm::function_ref<void(int64_t, llvm::ArrayRef<Outputs>)> consume);

  /// Runs all samples as they are, and then with each variant of the program that
  /// has the weights `base`. `measure(variant, sample, ...)` is called with the
  /// outputs of the program as it is and of the variant, from any thread.
  llvm::Error runVariants(const Dataset &data, llvm::ArrayRef<WeightVariant> variants,
                          llvm::function_ref<void(unsigned, int64_t, Outputs reference, Outputs variant)> measure,
                          const WeightVariant &base = {});

  /// What a thread of `runVariants` takes beside the variants.
  uint64_t getVariantRunnerBytes() const;

  /// `values`, the weight of `slot` in its own shape, packed as the program
  /// reads it.
  AlignedBytes pack(unsigned slot, llvm::ArrayRef<float> values) const;

  /// The slot of the weight called `site`, if there is one.
  std::optional<unsigned> lookupSlot(llvm::StringRef site) const;

private:
  class Runner;
  class VariantRunner;

  mlir::MLIRContext *context = nullptr;
  std::unique_ptr<Program> program;
  ProgramWeights weights;
  ExecutorOptions options;
};

} // namespace mpq

MLIR_DECLARE_EXPLICIT_TYPE_ID(mpq::SampleAction)

#endif // MPQ_EXECUTION_EXECUTOR_H
