//===----------------------------------------------------------------------===//
// Part of MPQ, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//===----------------------------------------------------------------------===//
#include "mpq/Support/OutputFile.h"

#include "llvm/Support/Path.h"

using namespace llvm;
using namespace mpq;

bool mpq::isFile(StringRef path) {
  sys::fs::file_status status;
  // The names of open files, such as /dev/stdout, may lead to a regular one.
  if (path == "-" || path.starts_with("/dev/") || path.starts_with("/proc/"))
    return false;
  return sys::fs::status(path, status) || sys::fs::is_regular_file(status) || sys::fs::is_directory(status);
}

Error mpq::checkOutput(StringRef path) {
  if (!isFile(path))
    return Error::success();
  if (sys::fs::is_directory(path))
    return createFileError(path, std::make_error_code(std::errc::is_a_directory));
  StringRef folder = sys::path::parent_path(path);
  if (std::error_code code = sys::fs::access(folder.empty() ? "." : folder, sys::fs::AccessMode::Write))
    return createFileError(path, code);
  return Error::success();
}

Expected<OutputFile> OutputFile::create(StringRef path) {
  if (Error error = checkOutput(path))
    return std::move(error);
  OutputFile result(path);
  if (!isFile(path)) {
    std::error_code code;
    result.stream = std::make_unique<raw_fd_ostream>(path, code);
    if (code)
      return createFileError(path, code);
    return result;
  }
  auto file = sys::fs::TempFile::create(path + ".tmp%%%%%%");
  if (!file)
    return createFileError(path, file.takeError());
  result.file = std::move(*file);
  result.stream = std::make_unique<raw_fd_ostream>(result.file->FD, /*shouldClose=*/false);
  return result;
}

OutputFile::~OutputFile() {
  if (stream) { // whose destructor would end the process over what is left to be written
    stream->flush();
    stream->clear_error();
    stream.reset();
  }
  if (file)
    consumeError(file->discard());
}

Error OutputFile::finish() {
  stream->flush();
  if (!stream->has_error())
    return Error::success();
  std::error_code code = stream->error();
  stream->clear_error();
  return createFileError(path, code);
}

Error OutputFile::keep() {
  if (Error error = finish())
    return error;
  stream.reset();
  if (!file)
    return Error::success();
  sys::fs::TempFile kept = std::move(*file);
  file.reset();
  if (Error error = kept.keep(path))
    return createFileError(path, std::move(error));
  return Error::success();
}

Error mpq::writeFile(StringRef path, function_ref<void(raw_ostream &)> write) {
  Expected<OutputFile> file = OutputFile::create(path);
  if (!file)
    return file.takeError();
  write(file->os());
  return file->keep();
}
