//===----------------------------------------------------------------------===//
// Part of MPQ, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//===----------------------------------------------------------------------===//
//
// The samples of a file, cut into the batches that a model takes.
//
// Dimension 0 runs over samples. A model with a free dimension 0 takes any
// number at once; one whose dimension 0 is fixed to B takes them B at a time:
//
//   model x[1, 3], file x[100, 3]:  100 runs,  y[1, 10] each  ->  y[100, 10]
//   model x[N, 3], file x[100, 3]:  --batch=32: runs of 32, 32, 32 and 4
//
// An array of exactly the shape that a fixed input has goes into every run.
//
//===----------------------------------------------------------------------===//
#ifndef MPQ_TOOLS_QUANT_RUN_SESSION_H
#define MPQ_TOOLS_QUANT_RUN_SESSION_H

#include "LoadedModel.h"

namespace mpq {

class Session {
public:
  /// Matches the arrays of `inputPath` with the model's inputs by name. `batch`
  /// samples make a run; 0: as many as there are, or as the model takes.
  static llvm::Expected<Session> create(LoadedModel &model,
                                        llvm::ArrayRef<NpyArray> arrays,
                                        llvm::StringRef inputPath,
                                        int64_t batch);

  int64_t getNumRuns() const { return numRuns; }
  int64_t getNumSamples() const { return numSamples; }
  int64_t getBatch() const { return batch; }

  /// Runs all samples. An output element that the model leaves unwritten is an
  /// error.
  llvm::Error runAll();
  /// Time of run number 0, in ms, once more.
  llvm::Expected<double> timeFirstRun();

  llvm::ArrayRef<NpyArray> outputs() const { return results; }

private:
  Session(LoadedModel &model) : model(model) {}
  llvm::Error matchInput(const MpqTensorInfo &info, const NpyArray &array,
                         llvm::StringRef path);
  llvm::Error chooseBatch(int64_t requested);
  llvm::Error allocateOutputs();
  llvm::Error run(int64_t index);
  /// Samples of run `index`.
  int64_t getNumSamples(int64_t index) const;

  /// Tensors with a home for their shapes.
  class Tensors {
  public:
    void add(const MpqTensorInfo &info, const char *data,
             llvm::ArrayRef<int64_t> shape);
    llvm::SmallVector<DLTensor *> getPointers() const;

  private:
    struct Entry {
      llvm::SmallVector<int64_t> shape;
      DLTensor tensor;
    };
    llvm::SmallVector<std::unique_ptr<Entry>> entries;
  };
  void addInputs(Tensors &tensors, int64_t index) const;

  /// Bytes of output `i` that run `index` fills.
  llvm::MutableArrayRef<char> getOutputBytes(size_t i, int64_t index);
  void poison(int64_t index, uint8_t pattern);
  llvm::Error checkWritten(int64_t index, uint8_t pattern);

  LoadedModel &model;
  llvm::SmallVector<const NpyArray *> arrays; ///< of each input
  llvm::SmallVector<bool>
      batched;             ///< each input: dimension 0 runs over samples
  bool free = false;       ///< the model takes any number of samples
  int64_t numSamples = -1; ///< -1: no input runs over samples
  int64_t modelBatch = -1; ///< the model's fixed dimension 0
  int64_t batch = 1, numRuns = 1;
  std::vector<NpyArray> results;
};

} // namespace mpq

#endif // MPQ_TOOLS_QUANT_RUN_SESSION_H
