//===----------------------------------------------------------------------===//
// Part of MPQ, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//===----------------------------------------------------------------------===//
#include "mpq/Support/MappedFile.h"

#include "llvm/ADT/ScopeExit.h"

#include <cerrno>
#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

using namespace llvm;

namespace mpq {

static Error systemError() {
  return createStringError(std::error_code(errno, std::generic_category()),
                           std::generic_category().message(errno));
}

Expected<std::shared_ptr<MappedFile>>
MappedFile::open(const std::string &path) {
  // O_NONBLOCK: to open a pipe must not wait for its writer.
  int fd = ::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK);
  if (fd < 0)
    return systemError();
  auto close = make_scope_exit([&] { ::close(fd); });
  struct stat status;
  if (fstat(fd, &status) != 0)
    return systemError();
  if (!S_ISREG(status.st_mode))
    return createStringError("it is not a regular file");
  size_t size = status.st_size;
  if (size == 0)
    return std::shared_ptr<MappedFile>(new MappedFile(nullptr, 0));
  void *data = mmap(nullptr, size, PROT_READ, MAP_PRIVATE, fd, 0);
  if (data == MAP_FAILED)
    return systemError();
  return std::shared_ptr<MappedFile>(
      new MappedFile(static_cast<const char *>(data), size));
}

MappedFile::~MappedFile() {
  if (size)
    munmap(const_cast<char *>(data), size);
}

} // namespace mpq
