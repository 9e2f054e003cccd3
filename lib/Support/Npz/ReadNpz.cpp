//===----------------------------------------------------------------------===//
// Part of MPQ, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//===----------------------------------------------------------------------===//
//
// Reads `.npz` and `.npy` files. What a file says about itself is not believed:
// a size is compared with the bytes that are there before memory is taken.
//
//===----------------------------------------------------------------------===//
#include "NpyHeader.h"

#include "llvm/ADT/ScopeExit.h"
#include "llvm/ADT/StringExtras.h"
#include "llvm/Support/FileSystem.h"
#include "llvm/Support/Path.h"

#include <zip.h>

using namespace llvm;
using namespace mpq;

/// A message about one array, or about the whole file where `array` is empty.
static Error makeError(StringRef path, StringRef array, const Twine &reason) {
  return createStringError(
      path + ": " + (array.empty() ? "" : "array '" + array + "': ") + reason);
}

namespace {
/// One member of an archive, read from its start to its end.
class Member {
public:
  Member(StringRef path, StringRef name, zip_file_t *file, uint64_t size)
      : path(path), name(name), file(file), remaining(size) {}
  ~Member() { zip_fclose(file); }

  Expected<NpyArray> read();

private:
  Error fail(const Twine &reason) { return makeError(path, name, reason); }
  Error fail(Error reason) { return fail(toString(std::move(reason))); }

  Error readBytes(char *data, uint64_t size) {
    while (size != 0) {
      zip_int64_t count = zip_fread(file, data, size);
      if (count < 0)
        return fail(zip_error_strerror(zip_file_get_error(file)));
      if (count == 0)
        return fail("the data ends " + Twine(size) + " bytes early");
      data += count;
      size -= count;
      remaining -= std::min<uint64_t>(remaining, count);
    }
    return Error::success();
  }

  /// The header's bytes.
  Error readHeader(std::string &bytes) {
    bytes.resize(std::min<uint64_t>(kNpyPrefixBytes, remaining));
    if (Error error = readBytes(bytes.data(), bytes.size()))
      return error;
    Expected<size_t> size = getNpyHeaderBytes(bytes);
    if (!size)
      return fail(size.takeError());
    if (*size < bytes.size() || *size - bytes.size() > remaining)
      return fail("the .npy header says it has " + Twine(*size) +
                  " bytes, which the member does not hold");
    size_t have = bytes.size();
    bytes.resize(*size);
    return readBytes(bytes.data() + have, *size - have);
  }

  StringRef path, name;
  zip_file_t *file;
  uint64_t remaining;
};
} // namespace

/// Copies an array whose first index runs fastest into C order.
static void convertFromFortran(const char *from, NpyArray &to) {
  const size_t size = getByteSize(to.type);
  const size_t rank = to.shape.size();
  SmallVector<int64_t> index(rank, 0), stride(rank, 1);
  for (size_t d = 1; d < rank; ++d)
    stride[d] = stride[d - 1] * to.shape[d - 1];
  int64_t source = 0;
  char *target = to.data();
  for (int64_t i = 0, count = to.getNumElements(); i < count;
       ++i, target += size) {
    memcpy(target, from + source * size, size);
    for (size_t d = rank; d-- > 0;) {
      source += stride[d];
      if (++index[d] < to.shape[d])
        break;
      source -= stride[d] * to.shape[d];
      index[d] = 0;
    }
  }
}

Expected<NpyArray> Member::read() {
  std::string bytes;
  if (Error error = readHeader(bytes))
    return std::move(error);
  Expected<NpyHeader> header = parseNpyHeader(bytes);
  if (!header)
    return fail(header.takeError());
  Expected<uint64_t> size = getDataBytes(header->type, header->shape);
  if (!size)
    return fail(size.takeError());
  if (*size != remaining)
    return fail("shape " + formatShape(header->shape) + " of " +
                getName(header->type) + " needs " + Twine(*size) +
                " bytes, the member has " + Twine(remaining));
  Expected<NpyArray> array =
      NpyArray::create(name, header->type, header->shape);
  if (!array)
    return makeError(path, "", toString(array.takeError()));
  if (Error error = readBytes(array->data(), *size))
    return std::move(error);
  // A last read past the end makes libzip compare the checksum.
  char end;
  if (zip_fread(file, &end, 1) < 0)
    return fail(zip_error_strerror(zip_file_get_error(file)));
  if (!header->fortranOrder || header->shape.size() < 2)
    return array;
  Expected<NpyArray> converted =
      NpyArray::create(name, header->type, header->shape);
  if (!converted)
    return makeError(path, "", toString(converted.takeError()));
  convertFromFortran(array->data(), *converted);
  return converted;
}

/// A deflated byte comes from at least this part of a compressed one.
static constexpr uint64_t kMaxDeflateRatio = 1032;

static Expected<NpyArray> readMember(StringRef path, zip_t *archive,
                                     zip_uint64_t index, uint64_t fileBytes) {
  zip_stat_t stat;
  if (zip_stat_index(archive, index, 0, &stat) != 0 ||
      !(stat.valid & ZIP_STAT_NAME))
    return makeError(path, "", zip_strerror(archive));
  StringRef name(stat.name);
  name.consume_back(".npy");
  if (!(stat.valid & ZIP_STAT_SIZE) || !(stat.valid & ZIP_STAT_COMP_SIZE))
    return makeError(path, name, "the archive does not say how large it is");
  if (stat.comp_size > fileBytes ||
      stat.size / kMaxDeflateRatio > stat.comp_size)
    return makeError(path, name,
                     "it claims " + Twine(stat.size) +
                         " bytes, more than a file of " + Twine(fileBytes) +
                         " bytes can hold");
  zip_file_t *file = zip_fopen_index(archive, index, 0);
  if (!file)
    return makeError(path, name, zip_strerror(archive));
  return Member(path, name, file, stat.size).read();
}

static Expected<std::vector<NpyArray>> readArchive(StringRef path,
                                                   uint64_t fileBytes) {
  int code = 0;
  zip_t *archive = zip_open(path.str().c_str(), ZIP_RDONLY, &code);
  if (!archive) {
    zip_error_t error;
    zip_error_init_with_code(&error, code);
    std::string message = zip_error_strerror(&error);
    zip_error_fini(&error);
    return makeError(path, "", "not a readable .npz archive: " + message);
  }
  scope_exit close([&] { zip_discard(archive); });
  std::vector<NpyArray> arrays;
  for (zip_int64_t i = 0, count = zip_get_num_entries(archive, 0); i < count;
       ++i) {
    Expected<NpyArray> array = readMember(path, archive, i, fileBytes);
    if (!array)
      return array.takeError();
    arrays.push_back(std::move(*array));
  }
  return std::move(arrays);
}

static Expected<std::vector<NpyArray>> readSingle(StringRef path,
                                                  StringRef bytes) {
  StringRef name = sys::path::stem(path);
  auto fail = [&](Error error) {
    return makeError(path, "", toString(std::move(error)));
  };
  Expected<size_t> headerBytes = getNpyHeaderBytes(bytes);
  if (!headerBytes)
    return fail(headerBytes.takeError());
  if (*headerBytes > bytes.size())
    return makeError(path, "", "the .npy header is cut short");
  Expected<NpyHeader> header = parseNpyHeader(bytes.take_front(*headerBytes));
  if (!header)
    return fail(header.takeError());
  bytes = bytes.drop_front(*headerBytes);
  Expected<uint64_t> size = getDataBytes(header->type, header->shape);
  if (!size)
    return fail(size.takeError());
  if (*size != bytes.size())
    return makeError(path, "",
                     "shape " + formatShape(header->shape) + " of " +
                         getName(header->type) + " needs " + Twine(*size) +
                         " bytes, the file has " + Twine(bytes.size()));
  Expected<NpyArray> array =
      NpyArray::create(name, header->type, header->shape);
  if (!array)
    return fail(array.takeError());
  if (header->fortranOrder && header->shape.size() > 1)
    convertFromFortran(bytes.data(), *array);
  else if (!bytes.empty())
    memcpy(array->data(), bytes.data(), bytes.size());
  std::vector<NpyArray> arrays;
  arrays.push_back(std::move(*array));
  return std::move(arrays);
}

Expected<std::vector<NpyArray>> mpq::readNpz(StringRef path) {
  // Mapped, so that an archive costs no memory here; libzip opens it itself.
  auto file = MemoryBuffer::getFile(path, /*IsText=*/false,
                                    /*RequiresNullTerminator=*/false);
  if (!file)
    return makeError(path, "", file.getError().message());
  StringRef bytes = (*file)->getBuffer();
  if (bytes.starts_with("PK"))
    return readArchive(path, bytes.size());
  if (bytes.starts_with("\x93NUMPY"))
    return readSingle(path, bytes);
  return makeError(path, "",
                   bytes.empty() ? "the file is empty"
                                 : "neither a .npz archive nor a .npy file");
}
