//===----------------------------------------------------------------------===//
// Part of MPQ, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//===----------------------------------------------------------------------===//
//
// A compiled model, loaded from its library.
//
//===----------------------------------------------------------------------===//
#ifndef MPQ_TOOLS_QUANT_RUN_LOADEDMODEL_H
#define MPQ_TOOLS_QUANT_RUN_LOADEDMODEL_H

#include "mpq-c/Model.h"
#include "mpq/Support/Npz.h"

namespace mpq {

class LoadedModel {
public:
  /// Opens the library at `path`; the model is not made ready yet.
  static llvm::Expected<std::unique_ptr<LoadedModel>>
  open(llvm::StringRef path);
  ~LoadedModel();

  const MpqModelInfo &info() const { return *description; }
  llvm::ArrayRef<MpqTensorInfo> inputs() const {
    return {description->inputs, size_t(description->num_inputs)};
  }
  llvm::ArrayRef<MpqTensorInfo> outputs() const {
    return {description->outputs, size_t(description->num_outputs)};
  }
  llvm::StringRef path() const { return libraryPath; }

  /// Makes the model ready; needed before what follows.
  llvm::Error create(int32_t threads);
  llvm::StringRef cpu() const { return functions.cpu(model); }
  int32_t threads() const { return functions.num_threads(model); }
  /// The shape of output `index` in a run with `inputs`.
  llvm::Expected<llvm::SmallVector<int64_t>>
  getOutputShape(llvm::ArrayRef<DLTensor *> inputs, int32_t index);
  llvm::Error run(llvm::ArrayRef<DLTensor *> inputs,
                  llvm::ArrayRef<DLTensor *> outputs);

private:
  struct Functions {
    decltype(&mpq_model_info) info;
    decltype(&mpq_model_create) create;
    decltype(&mpq_model_destroy) destroy;
    decltype(&mpq_model_cpu) cpu;
    decltype(&mpq_model_num_threads) num_threads;
    decltype(&mpq_model_output_shape) output_shape;
    decltype(&mpq_model_run) run;
    decltype(&mpq_model_last_error) last_error;
  };

  LoadedModel(llvm::StringRef path, void *library)
      : libraryPath(path), library(library) {}
  llvm::Error bind();
  llvm::Error lastError() const;

  std::string libraryPath;
  void *library;
  Functions functions = {};
  const MpqModelInfo *description = nullptr;
  MpqModel *model = nullptr;
};

/// The array type of a model's tensor; none for those that files cannot hold.
std::optional<NpyType> getNpyType(DLDataType type);
/// The tensor type of an array.
DLDataType getDLType(NpyType type);
/// "float32[N, 4]".
std::string describe(const MpqTensorInfo &tensor);

} // namespace mpq

#endif // MPQ_TOOLS_QUANT_RUN_LOADEDMODEL_H
