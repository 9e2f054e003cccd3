//===----------------------------------------------------------------------===//
// Part of MPQ, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//===----------------------------------------------------------------------===//
//
// The file beside the IR: bytes of resources, one after the other, each at a
// multiple of 64. What lies where is in the IR (`#mpq.resource_file`).
//
//===----------------------------------------------------------------------===//

#include "ResourceFile.h"

#include "mpq/Frontend/StageFile.h"
#include "mpq/Support/MappedFile.h"

#include "mlir/IR/AttrTypeSubElements.h"
#include "mlir/IR/DialectResourceBlobManager.h"
#include "llvm/ADT/StringExtras.h"
#include "llvm/ADT/StringMap.h"
#include "llvm/ADT/StringSet.h"
#include "llvm/Support/Path.h"
#include "llvm/Support/raw_ostream.h"
#include "llvm/Support/xxhash.h"

using namespace mlir;
using namespace mpq;

static constexpr int64_t kAlignment = 64;

static std::string getChecksum(ArrayRef<char> bytes) {
  uint64_t hash = llvm::xxh3_64bits(StringRef(bytes.data(), bytes.size()));
  return llvm::utohexstr(hash, /*LowerCase=*/true, /*Width=*/16);
}

SmallVector<DenseResourceElementsAttr> mpq::collectResources(ModuleOp module) {
  SmallVector<DenseResourceElementsAttr> resources;
  llvm::DenseSet<Attribute> seen;
  AttrTypeWalker walker;
  walker.addWalk([&](DenseResourceElementsAttr attr) {
    if (seen.insert(attr).second)
      resources.push_back(attr);
  });
  module->walk<WalkOrder::PreOrder>([&](Operation *op) { walker.walk(op->getAttrDictionary()); });
  return resources;
}

//===----------------------------------------------------------------------===//
// Writing
//===----------------------------------------------------------------------===//

llvm::Expected<ResourceFileAttr> mpq::fillResourceFile(OutputFile &file, StringRef name,
                                                       ArrayRef<DenseResourceElementsAttr> resources) {
  SmallVector<ResourceAttr> entries;
  llvm::StringSet<> written;
  int64_t position = 0;
  for (DenseResourceElementsAttr resource : resources) {
    StringRef key = resource.getRawHandle().getKey();
    AsmResourceBlob *blob = resource.getRawHandle().getBlob();
    if (!written.insert(key).second)
      continue;
    if (!blob)
      return llvm::createStringError("resource \"" + key + "\" has no data");
    int64_t offset = llvm::alignTo(position, kAlignment);
    file.os().write_zeros(offset - position);
    ArrayRef<char> bytes = blob->getData();
    file.os().write(bytes.data(), bytes.size());
    position = offset + bytes.size();
    entries.push_back(ResourceAttr::get(resource.getContext(), key, offset, bytes.size(), getChecksum(bytes)));
  }
  return ResourceFileAttr::get(resources.front().getContext(), name, position, kAlignment, entries);
}

std::string mpq::getResourcePath(StringRef path) {
  SmallString<128> beside(path);
  llvm::sys::path::replace_extension(beside, "weights");
  return beside.str().str();
}

llvm::Error mpq::writeResources(ModuleOp module, StringRef path) {
  SmallVector<DenseResourceElementsAttr> resources = collectResources(module);
  if (resources.empty())
    return llvm::Error::success();
  StringRef name = llvm::sys::path::filename(path);
  if (name.empty() || name == ".")
    return llvm::createStringError("'" + path + "' is not the name of a file");
  auto file = OutputFile::create(path);
  if (!file)
    return file.takeError();
  auto attr = fillResourceFile(*file, name, resources);
  if (!attr)
    return attr.takeError();
  if (llvm::Error error = file->keep())
    return error;
  module->setAttr(kResourcesAttr, *attr);
  return llvm::Error::success();
}

//===----------------------------------------------------------------------===//
// Reading
//===----------------------------------------------------------------------===//

/// The bytes of `resource` in the mapped file; the error says what is wrong.
static llvm::Expected<AsmResourceBlob> mapResource(ResourceAttr resource, const std::shared_ptr<MappedFile> &file,
                                                   int64_t alignment) {
  ArrayRef<char> bytes = file->getBytes().slice(resource.getOffset(), resource.getSize());
  std::string checksum = getChecksum(bytes);
  if (checksum != resource.getChecksum().lower())
    return llvm::createStringError("the bytes of \"" + resource.getName() + "\" have changed: their checksum is " +
                                   checksum + " when it should be " + resource.getChecksum());
  // The mapping lives for as long as somebody holds the blob.
  return AsmResourceBlob(bytes, alignment, [file](void *, size_t, size_t) {}, /*dataIsMutable=*/false);
}

static llvm::Error mapResources(ModuleOp module, ResourceFileAttr attr, const std::string &path) {
  llvm::Expected<std::shared_ptr<MappedFile>> file = MappedFile::open(path);
  if (!file)
    return file.takeError();
  int64_t size = (*file)->getBytes().size();
  if (size != attr.getSize())
    return llvm::createStringError("it has " + Twine(size) + " bytes when it should have " + Twine(attr.getSize()));
  llvm::StringMap<ResourceAttr> entries;
  for (ResourceAttr resource : attr.getResources())
    entries[resource.getName()] = resource;
  for (DenseResourceElementsAttr used : collectResources(module)) {
    auto *entry = used.getRawHandle().getResource();
    auto found = entries.find(entry->getKey());
    if (entry->getBlob() || found == entries.end())
      continue;
    auto blob = mapResource(found->second, *file, attr.getAlignment());
    if (!blob)
      return blob.takeError();
    entry->setBlob(std::move(*blob));
  }
  return llvm::Error::success();
}

LogicalResult mpq::mapResources(ModuleOp module, StringRef folder) {
  if (!module->hasAttr(kResourcesAttr))
    return success();
  auto attr = requireAttr<ResourceFileAttr>(module, kResourcesAttr);
  if (!attr)
    return failure();
  SmallString<128> path(folder);
  llvm::sys::path::append(path, attr.getName());
  if (llvm::Error error = ::mapResources(module, attr, path.str().str()))
    return module->emitError("cannot read the weights in '") << path << "': " << llvm::toString(std::move(error));
  module->removeAttr(kResourcesAttr);
  return success();
}
