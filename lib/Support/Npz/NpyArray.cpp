//===----------------------------------------------------------------------===//
// Part of MPQ, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//===----------------------------------------------------------------------===//
//
// One array in memory.
//
//===----------------------------------------------------------------------===//
#include "NpyHeader.h"

#include "llvm/ADT/StringExtras.h"
#include "llvm/Support/raw_ostream.h"

using namespace llvm;
using namespace mpq;

unsigned mpq::getByteSize(NpyType type) {
  switch (type) {
  case NpyType::Bool:
  case NpyType::I8:
  case NpyType::U8:
    return 1;
  case NpyType::I16:
  case NpyType::U16:
  case NpyType::F16:
    return 2;
  case NpyType::I32:
  case NpyType::U32:
  case NpyType::F32:
    return 4;
  case NpyType::I64:
  case NpyType::U64:
  case NpyType::F64:
    return 8;
  }
  llvm_unreachable("unknown NpyType");
}

StringRef mpq::getName(NpyType type) {
  static constexpr StringLiteral names[] = {
      "bool",   "int8",   "int16",  "int32",   "int64",   "uint8",
      "uint16", "uint32", "uint64", "float16", "float32", "float64"};
  return names[size_t(type)];
}

std::string mpq::formatShape(ArrayRef<int64_t> shape) {
  std::string text;
  raw_string_ostream os(text);
  os << '[';
  interleaveComma(shape, os);
  os << ']';
  return text;
}

Expected<NpyArray> NpyArray::create(StringRef name, NpyType type,
                                    ArrayRef<int64_t> shape) {
  Expected<uint64_t> bytes = getDataBytes(type, shape);
  if (!bytes)
    return createStringError("array '" + name +
                             "': " + toString(bytes.takeError()));
  NpyArray array;
  array.name = name.str();
  array.type = type;
  array.shape.assign(shape.begin(), shape.end());
  array.buffer =
      WritableMemoryBuffer::getNewUninitMemBuffer(*bytes, name, Align(64));
  if (!array.buffer)
    return createStringError("array '" + name + "': no memory for " +
                             Twine(*bytes) + " bytes");
  return array;
}

int64_t NpyArray::getNumElements() const {
  int64_t count = 1;
  for (int64_t size : shape)
    if (size == 0)
      return 0;
  for (int64_t size : shape)
    count *= size;
  return count;
}

Expected<const NpyArray *> mpq::findArray(ArrayRef<NpyArray> arrays,
                                          StringRef name, StringRef path) {
  for (const NpyArray &array : arrays)
    if (array.name == name)
      return &array;
  std::string known;
  raw_string_ostream os(known);
  interleave(
      arrays, os, [&](const NpyArray &array) { os << array.name; }, ", ");
  return createStringError(path + ": no array '" + name + "'; the file has " +
                           (known.empty() ? "none" : known));
}
