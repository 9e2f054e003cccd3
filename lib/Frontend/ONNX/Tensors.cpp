//===----------------------------------------------------------------------===//
// Part of MPQ, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//===----------------------------------------------------------------------===//
#include "Tensors.h"

#include "dialects/ONNX/ONNX.h"

#include "mlir/IR/AsmState.h"
#include "mlir/IR/DialectResourceBlobManager.h"
#include "llvm/ADT/StringExtras.h"
#include "llvm/Support/CheckedArithmetic.h"
#include "llvm/Support/FileSystem.h"
#include "llvm/Support/FormatVariadic.h"
#include "llvm/Support/Path.h"

using namespace llvm;
using namespace mlir;

namespace mpq {

Expected<RankedTensorType> getTensorType(const ::onnx::TensorProto &tensor,
                                         MLIRContext *context) {
  Type element = onnx::getElementType(tensor.data_type(), context);
  if (!element || isa<onnx::StringType>(element))
    return createStringError(
        formatv("its element type, number {0} of TensorProto.DataType, is not "
                "supported",
                tensor.data_type()));
  std::optional<int64_t> count = 1;
  for (int64_t dim : tensor.dims()) {
    if (dim < 0)
      return createStringError(formatv("dimension {0} is negative", dim));
    count = count ? checkedMul<int64_t>(*count, dim) : count;
  }
  // 16 bytes are the widest element; then no size in bits overflows.
  if (!count || *count > INT64_MAX / 128)
    return createStringError("the product of its dimensions overflows");
  return RankedTensorType::get(
      ArrayRef<int64_t>(tensor.dims().data(), tensor.dims_size()), element);
}

/// Bits of an element in a file: bool has a byte, 4 and 2 bit are packed.
static unsigned getFileBits(Type element) {
  if (auto complex = dyn_cast<ComplexType>(element))
    return 2 * complex.getElementType().getIntOrFloatBitWidth();
  unsigned width = element.getIntOrFloatBitWidth();
  return width == 1 ? 8 : width;
}

static uint64_t getFileBytes(RankedTensorType type) {
  return (uint64_t(type.getNumElements()) * getFileBits(type.getElementType()) +
          7) /
         8;
}

//===----------------------------------------------------------------------===//
// Typed fields
//===----------------------------------------------------------------------===//

/// Converts the elements of a typed field to elements of `bytes` bytes.
template <typename Field>
static Expected<std::string> packField(const Field &field, uint64_t count,
                                       unsigned bytes, const char *name) {
  if (uint64_t(field.size()) != count)
    return createStringError(formatv("{0} has {1} elements when its "
                                     "dimensions say {2}",
                                     name, field.size(), count));
  std::string result;
  result.reserve(count * bytes);
  for (auto value : field)
    result.append(reinterpret_cast<const char *>(&value), bytes);
  return result;
}

/// The tensor's typed data in the format of raw_data. Which field holds which
/// type is written in onnx-ml.proto.
static Expected<std::string> packTyped(const ::onnx::TensorProto &tensor,
                                       RankedTensorType type) {
  uint64_t count = type.getNumElements();
  Type element = type.getElementType();
  if (auto complex = dyn_cast<ComplexType>(element)) {
    count *= 2;
    element = complex.getElementType();
  }
  if (element.isF32())
    return packField(tensor.float_data(), count, 4, "float_data");
  if (element.isF64())
    return packField(tensor.double_data(), count, 8, "double_data");
  if (element.isSignlessInteger(64))
    return packField(tensor.int64_data(), count, 8, "int64_data");
  if (element.isUnsignedInteger(32) || element.isUnsignedInteger(64))
    return packField(tensor.uint64_data(), count,
                     element.getIntOrFloatBitWidth() / 8, "uint64_data");
  unsigned bits = getFileBits(element);
  if (bits < 8) // packed already, one byte per int32
    return packField(tensor.int32_data(), getFileBytes(type), 1, "int32_data");
  return packField(tensor.int32_data(), count, bits / 8, "int32_data");
}

//===----------------------------------------------------------------------===//
// External data
//===----------------------------------------------------------------------===//

/// The real path of `location` in the model's folder. A model is input from
/// outside: it may not read what is not beside it.
static Expected<std::string> resolve(StringRef model, StringRef location) {
  auto leaves = [&](const char *why) {
    return createStringError(formatv(
        "external data '{0}' leaves the model's folder ({1})", location, why));
  };
  if (location.empty() || location.contains('\0'))
    return createStringError("external data without a location");
  if (sys::path::is_absolute(location))
    return leaves("an absolute path");
  for (StringRef part : llvm::split(location, '/'))
    if (part == "..")
      return leaves("..");
  SmallString<256> folder(sys::path::parent_path(model));
  if (folder.empty())
    folder = ".";
  SmallString<256> path(folder), realFolder, realPath;
  sys::path::append(path, location);
  if (std::error_code error = sys::fs::real_path(path, realPath))
    return createStringError(formatv("external data '{0}' cannot be read: {1}",
                                     location, error.message()));
  if (std::error_code error = sys::fs::real_path(folder, realFolder))
    return createStringError(error.message());
  StringRef inside = realPath;
  if (!inside.consume_front(realFolder) ||
      (realFolder != "/" && !inside.empty() && inside.front() != '/'))
    return leaves("a symbolic link");
  return std::string(realPath);
}

Expected<std::shared_ptr<MappedFile>>
TensorReader::mapExternal(StringRef location) {
  std::shared_ptr<MappedFile> &file = externals[location];
  if (file)
    return file;
  Expected<std::string> real = resolve(path, location);
  if (!real)
    return real.takeError();
  Expected<std::shared_ptr<MappedFile>> mapped = MappedFile::open(*real);
  if (!mapped)
    return createStringError(formatv("external data '{0}' cannot be read: {1}",
                                     location, toString(mapped.takeError())));
  file = std::move(*mapped);
  return file;
}

Expected<TensorReader::Bytes>
TensorReader::getExternal(const ::onnx::TensorProto &tensor, uint64_t size) {
  std::string location;
  uint64_t offset = 0, length = size;
  for (const auto &entry : tensor.external_data()) {
    uint64_t *number = entry.key() == "offset"   ? &offset
                       : entry.key() == "length" ? &length
                                                 : nullptr;
    if (number && StringRef(entry.value()).getAsInteger(10, *number))
      return createStringError(
          formatv("external data with {0} '{1}'", entry.key(), entry.value()));
    if (entry.key() == "location")
      location = entry.value();
  }
  Expected<std::shared_ptr<MappedFile>> file = mapExternal(location);
  if (!file)
    return file.takeError();
  if (length != size)
    return createStringError(
        formatv("external data of {0} bytes when its dimensions say {1}",
                length, size));
  uint64_t available = (*file)->getBytes().size();
  if (offset > available || length > available - offset)
    return createStringError(formatv(
        "external data [{0}, {0} + {1}) outside of '{2}', which has {3} bytes",
        offset, length, location, available));
  return Bytes{(*file)->getBytes().slice(offset, length), *file, {}};
}

//===----------------------------------------------------------------------===//
// Attributes
//===----------------------------------------------------------------------===//

Expected<TensorReader::Bytes>
TensorReader::getBytes(const ::onnx::TensorProto &tensor,
                       RankedTensorType type) {
  uint64_t size = getFileBytes(type);
  if (tensor.has_segment())
    return createStringError("tensors in segments are not supported");
  if (tensor.data_location() == ::onnx::TensorProto::EXTERNAL)
    return getExternal(tensor, size);
  if (tensor.has_raw_data()) {
    ArrayRef<char> raw = model.getRawData(tensor);
    if (raw.size() != size)
      return createStringError(
          formatv("raw_data has {0} bytes when its type, {1}, has {2}",
                  raw.size(), Type(type), size));
    return Bytes{raw, model.file, {}};
  }
  Expected<std::string> packed = packTyped(tensor, type);
  if (!packed)
    return packed.takeError();
  return Bytes{{}, nullptr, std::move(*packed)};
}

/// Elements of less than a byte, packed in the file from the low bits up, as
/// the bytes that DenseElementsAttr wants.
static std::string unpack(ArrayRef<char> data, RankedTensorType type) {
  unsigned bits = type.getElementTypeBitWidth(), perByte = 8 / bits;
  std::string result;
  for (int64_t i = 0, e = type.getNumElements(); i < e; ++i)
    result.push_back((uint8_t(data[i / perByte]) >> (i % perByte * bits)) &
                     ((1 << bits) - 1));
  return result;
}

static ElementsAttr getDense(ArrayRef<char> data, RankedTensorType type) {
  if (type.getElementType().isInteger(1)) {
    SmallVector<bool> values(data.begin(), data.end());
    return DenseElementsAttr::get(type, values);
  }
  if (type.getNumElements() == 0)
    return DenseElementsAttr::get(type, ArrayRef<Attribute>());
  if (!isa<ComplexType>(type.getElementType()) &&
      type.getElementTypeBitWidth() < 8) {
    std::string bytes = unpack(data, type);
    return DenseElementsAttr::getFromRawBuffer(
        type, ArrayRef<char>(bytes.data(), bytes.size()));
  }
  return DenseElementsAttr::getFromRawBuffer(type, data);
}

/// Numbers that a reader of the IR wants to see, and types that a resource
/// cannot hold.
static bool isInline(RankedTensorType type) {
  constexpr int64_t kMaxInlineIntegers = 1024;
  Type element = type.getElementType();
  if (type.getNumElements() <= 1)
    return true;
  if (isa<ComplexType>(element))
    return false;
  if (element.isInteger(1) || element.getIntOrFloatBitWidth() < 8)
    return true;
  return isa<IntegerType>(element) &&
         type.getNumElements() <= kMaxInlineIntegers;
}

Expected<ElementsAttr> TensorReader::read(const ::onnx::TensorProto &tensor,
                                          StringRef name) {
  Expected<RankedTensorType> type = getTensorType(tensor, context);
  if (!type)
    return type.takeError();
  Expected<Bytes> bytes = getBytes(tensor, *type);
  if (!bytes)
    return bytes.takeError();
  if (isInline(*type))
    return getDense(bytes->getData(), *type);
  // Kernels read weights with vector instructions of their element type's
  // alignment at least; 64 where we choose.
  size_t needed = std::max(1u, getFileBits(type->getElementType()) / 8);
  bool aligned =
      reinterpret_cast<uintptr_t>(bytes->mapped.data()) % needed == 0;
  AsmResourceBlob blob =
      bytes->file && aligned
          ? AsmResourceBlob(
                bytes->getData(), needed,
                [file = bytes->file](void *, size_t, size_t) {},
                /*dataIsMutable=*/false)
          : HeapAsmResourceBlob::allocateAndCopyWithAlign(
                bytes->getData(), 64, /*dataIsMutable=*/false);
  return DenseResourceElementsAttr::get(*type, name, std::move(blob));
}

} // namespace mpq
