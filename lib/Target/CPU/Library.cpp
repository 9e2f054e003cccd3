//===----------------------------------------------------------------------===//
// Part of MPQ, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//===----------------------------------------------------------------------===//
//
// Writes a library: its parts go to files in a folder beside the output, lld
// links them there, and the finished files are renamed into place.
//
//===----------------------------------------------------------------------===//
#include "Library.h"

#include "mpq/Support/OutputFile.h"

#include "llvm/Support/FileSystem.h"
#include "llvm/Support/Path.h"
#include "llvm/Support/raw_ostream.h"

using namespace llvm;
using namespace mpq;

namespace {
/// A folder that disappears with everything in it.
class ScratchFolder {
public:
  static Expected<std::unique_ptr<ScratchFolder>> create(StringRef beside) {
    // A relative name would be one below the system's folder for such things.
    SmallString<128> prefix = beside, path;
    std::error_code code = sys::fs::make_absolute(prefix);
    if (!code)
      code = sys::fs::createUniqueDirectory(prefix + ".tmp", path);
    if (code)
      return createFileError(beside, code);
    return std::make_unique<ScratchFolder>(path.str());
  }
  explicit ScratchFolder(StringRef path) : path(path) {}
  ~ScratchFolder() { sys::fs::remove_directories(path); }

  std::string getPath(const Twine &name) const {
    return (path + "/" + name).str();
  }

  /// Writes a file of the folder; its path.
  Expected<std::string> write(const Twine &name, StringRef bytes) const {
    std::string file = getPath(name);
    std::error_code code;
    raw_fd_ostream os(file, code);
    if (code)
      return createFileError(file, code);
    os << bytes;
    os.close();
    if (os.has_error()) {
      code = os.error();
      os.clear_error();
      return createFileError(file, code);
    }
    return file;
  }

private:
  std::string path;
};
} // namespace

/// The functions of mpq-c/Model.h are all that a library shows.
static constexpr StringLiteral kExports =
    "{ global: mpq_model_*; local: *; };\n";

/// The descriptor and the code as object files.
static Error writeObjects(const LibrarySpec &library,
                         const ScratchFolder &folder,
                         std::vector<std::string> &inputs) {
  auto add = [&](const Twine &name, StringRef bytes) -> Error {
    auto path = folder.write(name, bytes);
    if (!path)
      return path.takeError();
    inputs.push_back(*path);
    return Error::success();
  };
  SmallVector<char, 0> descriptor;
  if (Error error = emitDescriptor(library, descriptor))
    return error;
  if (Error error = add("descriptor.o", {descriptor.data(), descriptor.size()}))
    return error;
  for (auto [index, variant] : enumerate(library.variants))
    if (Error error = add("variant" + Twine(index) + ".o",
                          {variant.object.data(), variant.object.size()}))
      return error;
  return Error::success();
}

static Error moveInto(const std::string &from, StringRef to) {
  if (std::error_code code = sys::fs::rename(from, to))
    return createFileError(to, code);
  return Error::success();
}

/// The output takes the place of what has its name, so it has to be a file.
static Error checkFile(StringRef path) {
  if (!isFile(path))
    return createFileError(path, createStringError("it is not a regular file"));
  return checkOutput(path);
}

Error mpq::writeLibrary(const LibrarySpec &library, StringRef outputPath) {
  if (Error error = checkLibrary(library))
    return error;
  SmallString<128> headerPath(outputPath);
  sys::path::replace_extension(headerPath, ".h");
  if (headerPath == outputPath)
    return createFileError(
        outputPath,
        createStringError(
            "a library cannot have the extension of its header, .h"));
  if (Error error = checkFile(outputPath))
    return error;
  auto folder = ScratchFolder::create(outputPath);
  if (!folder)
    return folder.takeError();
  std::vector<std::string> inputs;
  if (Error error = writeObjects(library, **folder, inputs))
    return error;
  auto runtime = (*folder)->write("runtime.a", getRuntimeArchive());
  if (!runtime)
    return runtime.takeError();
  inputs.push_back(*runtime);
  auto exports = (*folder)->write("exports.map", kExports);
  if (!exports)
    return exports.takeError();
  std::string linked = (*folder)->getPath("library.so");
  if (Error error = linkShared(inputs, *exports, linked))
    return createFileError(outputPath, std::move(error));
  auto header = (*folder)->write(
      "library.h", writeHeader(library, sys::path::filename(outputPath)));
  if (!header)
    return header.takeError();
  if (Error error = moveInto(*header, headerPath))
    return error;
  return moveInto(linked, outputPath);
}

Error mpq::writeObject(const LibrarySpec &library, StringRef outputPath) {
  if (Error error = checkLibrary(library))
    return error;
  if (Error error = checkFile(outputPath))
    return error;
  auto folder = ScratchFolder::create(outputPath);
  if (!folder)
    return folder.takeError();
  std::vector<std::string> inputs;
  if (Error error = writeObjects(library, **folder, inputs))
    return error;
  std::string linked = (*folder)->getPath("model.o");
  if (Error error = linkRelocatable(inputs, linked))
    return createFileError(outputPath, std::move(error));
  return moveInto(linked, outputPath);
}
