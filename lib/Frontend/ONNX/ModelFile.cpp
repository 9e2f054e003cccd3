//===----------------------------------------------------------------------===//
// Part of MPQ, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//===----------------------------------------------------------------------===//
#include "ModelFile.h"

#include <climits>
#include <google/protobuf/io/coded_stream.h>
#include <google/protobuf/wire_format_lite.h>

using namespace llvm;
using google::protobuf::internal::WireFormatLite;
using google::protobuf::io::CodedInputStream;

namespace mpq {
namespace {

/// A message on the way to raw_data: which of its fields lead on, to what.
struct Level {
  struct Step {
    uint32_t field;
    const Level *next; // null: this field is raw_data
  };
  ArrayRef<Step> steps;
};

// Field numbers of onnx-ml.proto; the format cannot change them.
const Level::Step kTensorSteps[] = {{9 /*raw_data*/, nullptr}};
const Level kTensor = {kTensorSteps};
const Level::Step kAttributeSteps[] = {{5 /*t*/, &kTensor}};
const Level kAttribute = {kAttributeSteps};
const Level::Step kNodeSteps[] = {{5 /*attribute*/, &kAttribute}};
const Level kNode = {kNodeSteps};
const Level::Step kGraphSteps[] = {{1 /*node*/, &kNode},
                                   {5 /*initializer*/, &kTensor}};
const Level kGraph = {kGraphSteps};
const Level::Step kModelSteps[] = {{7 /*graph*/, &kGraph}};
const Level kModel = {kModelSteps};

void appendVarint(std::string &out, uint64_t value) {
  for (; value >= 0x80; value >>= 7)
    out.push_back(static_cast<char>(value | 0x80));
  out.push_back(static_cast<char>(value));
}

/// Where raw_data are in the file.
struct Reference {
  uint64_t offset;
  uint64_t size;
};

/// Copies the message in file[begin, begin+size) to `out`, with references for
/// raw_data. Recursion follows the levels above, never the input.
bool copyMessage(ArrayRef<char> file, size_t begin, size_t size,
                 const Level &level, std::string &out) {
  const char *base = file.data() + begin;
  CodedInputStream in(reinterpret_cast<const uint8_t *>(base), size);
  while (true) {
    int start = in.CurrentPosition();
    uint32_t tag = in.ReadTag();
    if (tag == 0)
      return in.ConsumedEntireMessage() && in.CurrentPosition() == int(size);
    const auto *step = llvm::find_if(level.steps, [&](const Level::Step &s) {
      return tag == WireFormatLite::MakeTag(
                        s.field, WireFormatLite::WIRETYPE_LENGTH_DELIMITED);
    });
    if (step == level.steps.end()) {
      if (!WireFormatLite::SkipField(&in, tag))
        return false;
      out.append(base + start, in.CurrentPosition() - start);
      continue;
    }
    uint32_t length;
    if (!in.ReadVarint32(&length) || length > size - in.CurrentPosition())
      return false;
    size_t offset = begin + in.CurrentPosition();
    std::string content;
    if (step->next) {
      if (!copyMessage(file, offset, length, *step->next, content))
        return false;
    } else {
      Reference reference = {offset, length};
      content.assign(reinterpret_cast<const char *>(&reference),
                     sizeof(reference));
    }
    appendVarint(out, tag);
    appendVarint(out, content.size());
    out += content;
    if (!in.Skip(length))
      return false;
  }
}

} // namespace

Expected<std::unique_ptr<ModelFile>> ModelFile::read(const std::string &path) {
  auto result = std::make_unique<ModelFile>();
  if (auto file = MappedFile::open(path))
    result->file = std::move(*file);
  else
    return file.takeError();
  ArrayRef<char> bytes = result->file->getBytes();
  if (bytes.empty())
    return createStringError("the file is empty");
  // Protobuf counts bytes with an int.
  if (bytes.size() > INT_MAX)
    return createStringError("the file has " + Twine(bytes.size()) +
                             " bytes when a protobuf has less than 2 GiB; "
                             "larger models keep weights in external data");
  // Protobuf writes what it thinks of the input to stderr; we say it ourselves.
  google::protobuf::LogSilencer silence;
  std::string skeleton;
  if (!copyMessage(bytes, 0, bytes.size(), kModel, skeleton) ||
      skeleton.size() > INT_MAX ||
      !result->model.ParseFromArray(skeleton.data(), skeleton.size()))
    return createStringError("it is not a valid ONNX protobuf, or truncated");
  return result;
}

ArrayRef<char> ModelFile::getRawData(const ::onnx::TensorProto &tensor) const {
  Reference reference;
  if (tensor.raw_data().size() != sizeof(reference))
    return {}; // a tensor where copyMessage does not get to
  std::memcpy(&reference, tensor.raw_data().data(), sizeof(reference));
  return file->getBytes().slice(reference.offset, reference.size);
}

} // namespace mpq
