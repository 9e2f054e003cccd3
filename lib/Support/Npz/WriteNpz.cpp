//===----------------------------------------------------------------------===//
// Part of MPQ, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//===----------------------------------------------------------------------===//
//
// Writes `.npz` files.
//
//===----------------------------------------------------------------------===//
#include "NpyHeader.h"

#include "mpq/Support/OutputFile.h"

#include "llvm/ADT/ScopeExit.h"
#include "llvm/ADT/StringSet.h"

#include <zip.h>

using namespace llvm;
using namespace mpq;

static Error makeError(StringRef path, const Twine &reason) {
  return createStringError(path + ": " + reason);
}

/// Adds the member of one array. `header` and the array's data must live until
/// the archive is closed.
static Error addMember(StringRef path, zip_t *archive, const NpyArray &array,
                       const std::string &header) {
  zip_buffer_fragment_t parts[2] = {
      {reinterpret_cast<zip_uint8_t *>(const_cast<char *>(header.data())),
       header.size()},
      {reinterpret_cast<zip_uint8_t *>(const_cast<char *>(array.data())),
       array.getNumBytes()}};
  zip_source_t *source = zip_source_buffer_fragment(
      archive, parts, array.getNumBytes() == 0 ? 1 : 2, 0);
  if (!source)
    return makeError(path, zip_strerror(archive));
  zip_int64_t index = zip_file_add(archive, (array.name + ".npy").c_str(),
                                   source, ZIP_FL_ENC_UTF_8);
  if (index < 0) {
    zip_source_free(source);
    return makeError(path,
                     "array '" + array.name + "': " + zip_strerror(archive));
  }
  // Stored, so that it can be mapped, and at zip's earliest date (1980-01-01),
  // so that the bytes depend on the arrays alone.
  if (zip_set_file_compression(archive, index, ZIP_CM_STORE, 0) != 0 ||
      zip_file_set_dostime(archive, index, 0, 0x21, 0) != 0)
    return makeError(path,
                     "array '" + array.name + "': " + zip_strerror(archive));
  return Error::success();
}

Error mpq::writeNpz(StringRef path, ArrayRef<NpyArray> arrays) {
  if (arrays.empty())
    return makeError(path, "there are no arrays to write");
  StringSet<> names;
  for (const NpyArray &array : arrays)
    if (!names.insert(array.name).second)
      return makeError(path, "two arrays are called '" + array.name + "'");
  if (Error error = checkOutput(path))
    return error;
  if (!isFile(path))
    return makeError(path, "it is not a regular file");
  int code = 0;
  zip_t *archive =
      zip_open(path.str().c_str(), ZIP_CREATE | ZIP_TRUNCATE, &code);
  if (!archive) {
    zip_error_t error;
    zip_error_init_with_code(&error, code);
    std::string message = zip_error_strerror(&error);
    zip_error_fini(&error);
    return makeError(path, message);
  }
  scope_exit discard([&] { zip_discard(archive); });
  std::vector<std::string> headers;
  for (const NpyArray &array : arrays)
    headers.push_back(writeNpyHeader(array.type, array.shape));
  for (size_t i = 0; i < arrays.size(); ++i)
    if (Error error = addMember(path, archive, arrays[i], headers[i]))
      return error;
  // libzip writes a temporary file and renames it.
  if (zip_close(archive) != 0)
    return makeError(path, zip_strerror(archive));
  discard.release();
  return Error::success();
}
