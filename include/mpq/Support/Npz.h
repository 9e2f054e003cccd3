//===----------------------------------------------------------------------===//
// Part of MPQ, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//===----------------------------------------------------------------------===//
//
// Arrays in numpy's files: `.npy` (one array) and `.npz` (a zip archive of
// `.npy` members). Samples, labels and outputs travel in them.
//
// Read: stored and deflated members, zip64, headers of versions 1 to 3,
// little-endian element types, C or Fortran order (converted to C order).
// Written: stored members, header version 1, C order; the same arrays give the
// same bytes. Format: numpy.lib.format of the numpy manual, NEP 1.
//
//===----------------------------------------------------------------------===//
#ifndef MPQ_SUPPORT_NPZ_H
#define MPQ_SUPPORT_NPZ_H

#include "llvm/ADT/ArrayRef.h"
#include "llvm/ADT/STLExtras.h"
#include "llvm/ADT/SmallVector.h"
#include "llvm/ADT/StringRef.h"
#include "llvm/Support/Error.h"
#include "llvm/Support/MemoryBuffer.h"

#include <cassert>
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

namespace mpq {

enum class NpyType : uint8_t {
  Bool,
  I8,
  I16,
  I32,
  I64,
  U8,
  U16,
  U32,
  U64,
  F16,
  F32,
  F64
};

/// Bytes of one element.
unsigned getByteSize(NpyType type);
/// numpy's name: "float32", "int8", "bool".
llvm::StringRef getName(NpyType type);

/// "[2, 3, 4]", as diagnostics print it.
std::string formatShape(llvm::ArrayRef<int64_t> shape);

/// One array, C order (the last index runs fastest), data aligned to 64 bytes.
/// Movable; the bytes have one owner.
class NpyArray {
public:
  NpyArray() = default;

  /// An array of unspecified contents; null `data` never results: it is an
  /// error if the size overflows or the memory is not there.
  static llvm::Expected<NpyArray> create(llvm::StringRef name, NpyType type,
                                         llvm::ArrayRef<int64_t> shape);

  std::string name;
  NpyType type = NpyType::F32;
  llvm::SmallVector<int64_t, 6> shape;

  int64_t getNumElements() const;
  size_t getNumBytes() const { return buffer ? buffer->getBufferSize() : 0; }
  char *data() { return buffer ? buffer->getBufferStart() : nullptr; }
  const char *data() const {
    return buffer ? buffer->getBufferStart() : nullptr;
  }

  /// The elements as `T`, which must have the size of `type`.
  template <typename T> llvm::ArrayRef<T> as() const {
    assert(sizeof(T) == getByteSize(type) &&
           "element type and T differ in size");
    return {reinterpret_cast<const T *>(data()), size_t(getNumElements())};
  }
  template <typename T> llvm::MutableArrayRef<T> as() {
    assert(sizeof(T) == getByteSize(type) &&
           "element type and T differ in size");
    return {reinterpret_cast<T *>(data()), size_t(getNumElements())};
  }

private:
  std::unique_ptr<llvm::WritableMemoryBuffer> buffer;
};

/// All arrays of a `.npz` archive in the archive's order, or the one array of a
/// `.npy` file (named after the file's stem). Which of the two it is, the first
/// bytes decide. Errors name the file, the array and the reason.
llvm::Expected<std::vector<NpyArray>> readNpz(llvm::StringRef path);

/// Writes a `.npz` archive, to a temporary file first that then takes the name.
llvm::Error writeNpz(llvm::StringRef path, llvm::ArrayRef<NpyArray> arrays);

/// The array called `name`, or an error that lists the arrays there are.
/// `path` is for the message.
llvm::Expected<const NpyArray *> findArray(llvm::ArrayRef<NpyArray> arrays,
                                           llvm::StringRef name,
                                           llvm::StringRef path);

} // namespace mpq

#endif // MPQ_SUPPORT_NPZ_H
