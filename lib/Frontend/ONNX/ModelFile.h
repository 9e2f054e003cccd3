//===----------------------------------------------------------------------===//
// Part of MPQ, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//===----------------------------------------------------------------------===//
//
// Parsing a model without copying its weights.
//
// A model file is one protobuf message, and nearly all of it is weights: the
// `raw_data` bytes of the tensors. Protobuf would copy them to the heap. So the
// file is mapped, its outer levels are walked by hand, and what protobuf gets
// to parse is a copy in which each raw_data is replaced by 16 bytes that say
// where the data are in the mapping:
//
//   ModelProto                          ModelProto
//     graph                               graph
//       initializer "w"        =>           initializer "w"
//         dims 64, 64                         dims 64, 64
//         raw_data <16384 bytes>              raw_data {offset, size}
//       node "c" (Constant)                 node "c" (Constant)
//         attribute value                     attribute value
//           t: raw_data <...>                   t: raw_data {offset, size}
//
//===----------------------------------------------------------------------===//
#ifndef MPQ_FRONTEND_ONNX_MODELFILE_H
#define MPQ_FRONTEND_ONNX_MODELFILE_H

#include "mpq/Support/MappedFile.h"

#include "onnx-ml.pb.h"

namespace mpq {

struct ModelFile {
  std::shared_ptr<MappedFile> file;
  ::onnx::ModelProto model;

  /// The error says what is wrong, without the path.
  static llvm::Expected<std::unique_ptr<ModelFile>>
  read(const std::string &path);

  /// The raw_data of a tensor of `model`.
  llvm::ArrayRef<char> getRawData(const ::onnx::TensorProto &tensor) const;
};

} // namespace mpq

#endif // MPQ_FRONTEND_ONNX_MODELFILE_H
