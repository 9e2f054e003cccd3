//===----------------------------------------------------------------------===//
// Part of MPQ, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//===----------------------------------------------------------------------===//
//
// TensorProto to attribute. Data may be in `raw_data`, in one of the typed
// fields, or in an external file beside the model. Nothing is allocated before
// the size that the dimensions promise has been found to be there.
//
//===----------------------------------------------------------------------===//
#ifndef MPQ_FRONTEND_ONNX_TENSORS_H
#define MPQ_FRONTEND_ONNX_TENSORS_H

#include "ModelFile.h"

#include "mlir/IR/BuiltinAttributes.h"
#include "mlir/IR/BuiltinTypes.h"
#include "llvm/ADT/StringMap.h"

namespace mpq {

/// The type of a tensor, all dimensions checked.
llvm::Expected<mlir::RankedTensorType>
getTensorType(const ::onnx::TensorProto &tensor, mlir::MLIRContext *context);

class TensorReader {
public:
  TensorReader(const ModelFile &model, llvm::StringRef path,
               mlir::MLIRContext *context)
      : model(model), path(path), context(context) {}

  /// The value of `tensor`: small integers as `dense`, weights as
  /// `dense_resource` under the tensor's name.
  llvm::Expected<mlir::ElementsAttr> read(const ::onnx::TensorProto &tensor,
                                          llvm::StringRef name);

private:
  /// Bytes in a mapped file, or our own.
  struct Bytes {
    llvm::ArrayRef<char> mapped;
    std::shared_ptr<MappedFile> file;
    std::string owned;
    llvm::ArrayRef<char> getData() const {
      return file ? mapped : llvm::ArrayRef<char>(owned.data(), owned.size());
    }
  };
  llvm::Expected<Bytes> getBytes(const ::onnx::TensorProto &tensor,
                                 mlir::RankedTensorType type);
  llvm::Expected<Bytes> getExternal(const ::onnx::TensorProto &tensor,
                                    uint64_t size);
  llvm::Expected<std::shared_ptr<MappedFile>>
  mapExternal(llvm::StringRef location);

  const ModelFile &model;
  std::string path;
  mlir::MLIRContext *context;
  llvm::StringMap<std::shared_ptr<MappedFile>> externals;
};

} // namespace mpq

#endif // MPQ_FRONTEND_ONNX_TENSORS_H
