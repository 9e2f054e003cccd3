//===----------------------------------------------------------------------===//
// Part of MPQ, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//===----------------------------------------------------------------------===//
//
// Reading text that people write, line by line, with `file:line: error:` for
// whatever is wrong in it. Accepts LF and CRLF and a UTF-8 byte order mark;
// refuses NUL bytes, lines above 64 KiB and files above 64 MiB.
//
// Names. A name is written as it is if it is a plain word: not empty, without
// blanks, control characters, quotes, `\`, `#`, `|` and `=`, and not `-` alone.
// Any other is quoted: "a b", with `\"`, `\\` and `\xHH` inside.
//
//===----------------------------------------------------------------------===//
#ifndef MPQ_LIB_ALLOCATION_TEXTREADER_H
#define MPQ_LIB_ALLOCATION_TEXTREADER_H

#include "llvm/ADT/SmallVector.h"
#include "llvm/ADT/StringRef.h"
#include "llvm/Support/Error.h"
#include "llvm/Support/MemoryBufferRef.h"

#include <string>

namespace llvm {
class raw_ostream;
} // namespace llvm

namespace mpq {

class TextReader {
public:
  static constexpr size_t maxBytes = size_t(64) << 20;
  static constexpr size_t maxLineBytes = size_t(64) << 10;

  /// A reader before the first line.
  static llvm::Expected<TextReader> create(llvm::MemoryBufferRef text);

  /// Goes to the next line. False at the end, or before a line that cannot be
  /// read; `takeError` tells which.
  bool next();
  llvm::Error takeError();

  /// The current line without its line end, and its number from 1.
  llvm::StringRef line() const { return current; }
  unsigned number() const { return lineNumber; }

  /// `file:line: error: message`, for the current line or another.
  llvm::Error error(const llvm::Twine &message) const;
  llvm::Error errorAt(unsigned line, const llvm::Twine &message) const;

private:
  TextReader(llvm::MemoryBufferRef text)
      : file(text.getBufferIdentifier()), rest(text.getBuffer()) {}

  llvm::StringRef file, rest, current;
  unsigned lineNumber = 0;
  std::string problem;
};

/// Writes `name`, quoted if it must be.
void printName(llvm::raw_ostream &os, llvm::StringRef name);

/// Reads a quoted or plain name from the front of `text`. On failure the error
/// is only the reason; the caller knows the place.
llvm::Expected<std::string> takeName(llvm::StringRef &text);

/// Reads a finite or infinite decimal number, or NaN, all of `text`.
bool readNumber(llvm::StringRef text, double &value);

/// Writes `value` with as few digits as read back the same.
void printNumber(llvm::raw_ostream &os, double value);

/// ", did you mean 'x'?" for the nearest of `known`, or nothing if none is
/// near.
std::string suggestion(llvm::StringRef name,
                       llvm::ArrayRef<llvm::StringRef> known);

} // namespace mpq

#endif // MPQ_LIB_ALLOCATION_TEXTREADER_H
