//===----------------------------------------------------------------------===//
// Part of MPQ, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//===----------------------------------------------------------------------===//
//
// The C header that is written beside a library: mpq-c/Model.h, and before it a
// comment that says what this model's tensors are.
//
//===----------------------------------------------------------------------===//
#include "Library.h"

#include "llvm/ADT/StringExtras.h"
#include "llvm/Support/raw_ostream.h"

using namespace llvm;
using namespace mpq;

static StringRef getKind(uint8_t typeCode) {
  switch (typeCode) {
  case 0:
    return "int";
  case 1:
    return "uint";
  case 2:
    return "float";
  case 4:
    return "bfloat";
  case 6:
    return "bool";
  }
  return "type";
}

/// A name may hold anything, the end or the start of a comment too.
static std::string escape(StringRef text) {
  std::string name;
  raw_string_ostream escaped(name);
  printEscapedString(text, escaped);
  for (size_t at; (at = name.find("*/")) != std::string::npos;)
    name.replace(at, 2, "*\\2F");
  for (size_t at; (at = name.find("/*")) != std::string::npos;)
    name.replace(at, 2, "/\\2A");
  return name;
}

static void describe(raw_ostream &os, StringRef kind, unsigned index,
                     const TensorSpec &tensor) {
  os << " *   " << kind << " " << index << ": \"" << escape(tensor.name) << "\" "
     << getKind(tensor.typeCode) << unsigned(tensor.typeBits) << "[";
  size_t next = 0;
  interleaveComma(tensor.shape, os, [&](int64_t size) {
    StringRef dim;
    if (next < tensor.dimNames.size())
      dim = tensor.dimNames[next];
    ++next;
    if (size >= 0)
      os << size;
    else
      os << (dim.empty() ? "N" : escape(dim));
  });
  os << "]\n";
}

std::string mpq::writeHeader(const LibrarySpec &library,
                             StringRef libraryName) {
  std::string text;
  raw_string_ostream os(text);
  os << "/*\n * " << libraryName << ", compiled by " << library.producer
     << "\n";
  for (auto [index, tensor] : enumerate(library.inputs))
    describe(os, "input", index, tensor);
  for (auto [index, tensor] : enumerate(library.outputs))
    describe(os, "output", index, tensor);
  os << " */\n" << getModelHeader();
  return text;
}
