//===----------------------------------------------------------------------===//
// Part of MPQ, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//===----------------------------------------------------------------------===//
//
// Loads a compiled model with dlopen.
//
//===----------------------------------------------------------------------===//
#include "LoadedModel.h"

#include "llvm/ADT/StringExtras.h"
#include "llvm/Object/ELF.h"
#include "llvm/Support/FileSystem.h"
#include "llvm/Support/MemoryBuffer.h"
#include "llvm/Support/raw_ostream.h"

#include <dlfcn.h>

using namespace llvm;
using namespace mpq;

/// That a shared library is as long as its segments say: over one that was cut
/// off, dlopen would end the process with SIGBUS. About any other file it knows
/// what to say.
static Error checkComplete(StringRef path) {
  auto buffer = MemoryBuffer::getFile(path);
  if (!buffer)
    return createStringError(path + ": " + buffer.getError().message());
  uint64_t size = (*buffer)->getBufferSize();
  auto elf = object::ELF64LEFile::create((*buffer)->getBuffer());
  if (!elf) {
    consumeError(elf.takeError());
    return Error::success();
  }
  auto segments = elf->program_headers();
  if (!segments) {
    consumeError(segments.takeError());
    return Error::success();
  }
  for (const auto &segment : *segments)
    if (uint64_t end = segment.p_offset + segment.p_filesz; end > size)
      return createStringError(path + ": cut off: it has " + Twine(size) +
                               " bytes when its segments take " + Twine(end));
  return Error::success();
}

Expected<std::unique_ptr<LoadedModel>> LoadedModel::open(StringRef path) {
  sys::fs::file_status status;
  if (std::error_code code = sys::fs::status(path, status))
    return createStringError(path + ": " + code.message());
  if (status.type() != sys::fs::file_type::regular_file)
    return createStringError(path + ": not a regular file");
  if (Error error = checkComplete(path))
    return std::move(error);
  // A name without a folder would be searched for among the system's libraries.
  SmallString<128> absolute(path);
  sys::fs::make_absolute(absolute);
  void *library = dlopen(absolute.c_str(), RTLD_NOW | RTLD_LOCAL);
  if (!library)
    return createStringError(
        path + ": not a shared library of this machine: " + dlerror());
  std::unique_ptr<LoadedModel> model(new LoadedModel(path, library));
  if (Error error = model->bind())
    return std::move(error);
  return std::move(model);
}

Error LoadedModel::bind() {
  auto find = [&](auto &function, const char *name) -> Error {
    function = reinterpret_cast<std::remove_reference_t<decltype(function)>>(
        dlsym(library, name));
    if (!function)
      return createStringError(
          libraryPath + ": not a model of MPQ: it has no function " + name);
    return Error::success();
  };
  if (Error error = find(functions.info, "mpq_model_info"))
    return error;
  description = functions.info();
  if (description->abi_version != MPQ_MODEL_ABI_VERSION)
    return createStringError(libraryPath + ": the library has version " +
                             Twine(description->abi_version) +
                             " of the model interface, this program version " +
                             Twine(MPQ_MODEL_ABI_VERSION));
  if (Error error = find(functions.create, "mpq_model_create"))
    return error;
  if (Error error = find(functions.destroy, "mpq_model_destroy"))
    return error;
  if (Error error = find(functions.cpu, "mpq_model_cpu"))
    return error;
  if (Error error = find(functions.num_threads, "mpq_model_num_threads"))
    return error;
  if (Error error = find(functions.output_shape, "mpq_model_output_shape"))
    return error;
  if (Error error = find(functions.run, "mpq_model_run"))
    return error;
  return find(functions.last_error, "mpq_model_last_error");
}

LoadedModel::~LoadedModel() {
  if (model)
    functions.destroy(model);
  dlclose(library);
}

Error LoadedModel::lastError() const {
  return createStringError(libraryPath + ": " + functions.last_error());
}

Error LoadedModel::create(int32_t threads) {
  model = functions.create(threads);
  return model ? Error::success() : lastError();
}

Expected<SmallVector<int64_t>>
LoadedModel::getOutputShape(ArrayRef<DLTensor *> inputs, int32_t index) {
  SmallVector<int64_t> shape(description->outputs[index].ndim);
  if (functions.output_shape(model, inputs.data(), index, shape.data()) != 0)
    return lastError();
  return shape;
}

Error LoadedModel::run(ArrayRef<DLTensor *> inputs,
                       ArrayRef<DLTensor *> outputs) {
  return functions.run(model, inputs.data(), outputs.data()) == 0
             ? Error::success()
             : lastError();
}

//===----------------------------------------------------------------------===//
// Types
//===----------------------------------------------------------------------===//

namespace {
struct TypePair {
  NpyType npy;
  uint8_t code, bits;
};
} // namespace

static constexpr uint8_t kBoolCode = 6;
static constexpr TypePair kTypes[] = {
    {NpyType::Bool, kBoolCode, 8}, {NpyType::I8, kDLInt, 8},
    {NpyType::I16, kDLInt, 16},    {NpyType::I32, kDLInt, 32},
    {NpyType::I64, kDLInt, 64},    {NpyType::U8, kDLUInt, 8},
    {NpyType::U16, kDLUInt, 16},   {NpyType::U32, kDLUInt, 32},
    {NpyType::U64, kDLUInt, 64},   {NpyType::F16, kDLFloat, 16},
    {NpyType::F32, kDLFloat, 32},  {NpyType::F64, kDLFloat, 64}};

std::optional<NpyType> mpq::getNpyType(DLDataType type) {
  for (const TypePair &pair : kTypes)
    if (pair.code == type.code && pair.bits == type.bits && type.lanes == 1)
      return pair.npy;
  return std::nullopt;
}

DLDataType mpq::getDLType(NpyType type) {
  for (const TypePair &pair : kTypes)
    if (pair.npy == type)
      return {pair.code, pair.bits, 1};
  llvm_unreachable("every NpyType has a DLPack type");
}

std::string mpq::describe(const MpqTensorInfo &tensor) {
  std::string text;
  raw_string_ostream os(text);
  if (std::optional<NpyType> type = getNpyType(tensor.dtype))
    os << getName(*type);
  else
    os << "type code " << unsigned(tensor.dtype.code) << " of "
       << unsigned(tensor.dtype.bits) << " bits ";
  os << '[';
  for (int32_t d = 0; d < tensor.ndim; ++d) {
    os << (d ? ", " : "");
    if (tensor.shape[d] >= 0)
      os << tensor.shape[d];
    else
      os << (tensor.dim_names[d][0] ? tensor.dim_names[d] : "N");
  }
  os << ']';
  return text;
}
