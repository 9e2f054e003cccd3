//===----------------------------------------------------------------------===//
// Part of MPQ, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//===----------------------------------------------------------------------===//
//
// Files that are complete or not there. A full disk is an error like any other,
// and a file that had the name stays as it was until the new one takes its place.
//
//===----------------------------------------------------------------------===//
#ifndef MPQ_SUPPORT_OUTPUTFILE_H
#define MPQ_SUPPORT_OUTPUTFILE_H

#include "llvm/ADT/STLFunctionalExtras.h"
#include "llvm/ADT/StringRef.h"
#include "llvm/Support/Error.h"
#include "llvm/Support/FileSystem.h"
#include "llvm/Support/raw_ostream.h"

#include <memory>
#include <optional>
#include <string>

namespace mpq {

/// Whether `path` names a regular file, or could: not "-", a pipe or a device.
/// (About a folder there will be an error.)
bool isFile(llvm::StringRef path);

/// An error that names `path` if no file can get this name: it is a folder, or
/// the folder that it would lie in is not there or cannot be written to. To be
/// asked before the work is done whose result is to be written.
llvm::Error checkOutput(llvm::StringRef path);

/// A file that gets its name only when it is complete, and leaves nothing behind
/// when it does not get there, or when the process is interrupted. What is no
/// file (`isFile`) is written to directly. Errors name the path.
class OutputFile {
public:
  static llvm::Expected<OutputFile> create(llvm::StringRef path);
  OutputFile(OutputFile &&) = default;
  OutputFile &operator=(OutputFile &&) = delete;
  ~OutputFile();

  llvm::raw_ostream &os() { return *stream; }
  /// Whether all that went to `os()` has been written.
  llvm::Error finish();
  /// Finishes it, and gives it its name.
  llvm::Error keep();

private:
  explicit OutputFile(llvm::StringRef path) : path(path) {}
  std::optional<llvm::sys::fs::TempFile> file;
  std::unique_ptr<llvm::raw_fd_ostream> stream;
  std::string path;
};

/// Writes a whole file.
llvm::Error writeFile(llvm::StringRef path, llvm::function_ref<void(llvm::raw_ostream &)> write);

} // namespace mpq

#endif // MPQ_SUPPORT_OUTPUTFILE_H
