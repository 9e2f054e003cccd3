//===----------------------------------------------------------------------===//
// Part of MPQ, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//===----------------------------------------------------------------------===//
//
// Writes PTX with its companions: what to launch, as JSON, and the weights.
//
//===----------------------------------------------------------------------===//

#include "mpq/Target/NVVM.h"

#include "mpq/Support/OutputFile.h"

#include "llvm/ADT/STLExtras.h"
#include "llvm/ADT/SmallString.h"
#include "llvm/Support/FileSystem.h"
#include "llvm/Support/JSON.h"
#include "llvm/Support/Path.h"
#include "llvm/Support/raw_ostream.h"

using namespace llvm;
using namespace mpq;

//===----------------------------------------------------------------------===//
// JSON
//===----------------------------------------------------------------------===//

static StringRef getKindName(GpuTensor::Kind kind) {
  switch (kind) {
  case GpuTensor::Kind::Input:
    return "input";
  case GpuTensor::Kind::Output:
    return "output";
  case GpuTensor::Kind::Intermediate:
    return "intermediate";
  }
  return "";
}

namespace {
class ProgramWriter {
public:
  ProgramWriter(const GpuProgram &program, raw_ostream &os) : program(program), json(os, 2) {}

  void write(StringRef ptxName, StringRef weightsName) {
    json.object([&] {
      json.attribute("producer", program.producer);
      json.attribute("version", 2);
      json.attribute("arch", program.gpu.arch);
      json.attribute("ptx", ptxName);
      json.attributeObject("weights", [&] {
        json.attribute("file", weightsName);
        json.attribute("bytes", static_cast<int64_t>(program.weights.size()));
      });
      json.attribute("workspace_bytes", program.workspaceBytes);
      json.attributeArray("tensors", [&] {
        for (const GpuTensor &tensor : program.tensors)
          writeTensor(tensor);
      });
      json.attributeArray("launches", [&] {
        for (const GpuLaunch &launch : program.launches)
          writeLaunch(launch);
      });
    });
  }

private:
  void writeTensor(const GpuTensor &tensor) {
    json.object([&] {
      json.attribute("name", tensor.name);
      json.attribute("kind", getKindName(tensor.kind));
      json.attribute("type", "f" + std::to_string(tensor.bits));
      json.attributeArray("shape", [&] {
        for (int64_t size : tensor.shape)
          json.value(size);
      });
    });
  }

  void writeLaunch(const GpuLaunch &launch) {
    json.object([&] {
      json.attribute("name", launch.name);
      json.attribute(launch.perSample ? "rows_per_sample" : "rows", launch.rows);
      json.attributeArray("arguments", [&] {
        for (const GpuArgument &argument : launch.arguments)
          json.object([&] { std::visit([&](const auto &a) { writeArgument(a); }, argument); });
      });
      json.attributeArray("kernels", [&] {
        for (const GpuKernel &kernel : launch.kernels)
          writeKernel(kernel);
      });
    });
  }

  void writeArgument(const GpuTensorArgument &argument) {
    json.attribute("tensor", program.tensors[argument.tensor].name);
  }
  void writeArgument(const GpuWeightArgument &argument) {
    json.attribute("weights_offset", argument.offset);
    json.attribute("bytes", argument.bytes);
  }
  void writeArgument(const GpuRowsArgument &) { json.attribute("scalar", "rows"); }
  void writeArgument(const GpuWorkspaceArgument &) {
    json.attribute("workspace_offset", 0);
  }

  void writeKernel(const GpuKernel &kernel) {
    json.object([&] {
      json.attribute("name", kernel.name);
      if (kernel.maxRows)
        json.attribute("max_rows", *kernel.maxRows);
      json.attributeArray("block", [&] {
        for (int64_t size : {kernel.threads, int64_t(1), int64_t(1)})
          json.value(size);
      });
      json.attributeObject("grid", [&] {
        json.attribute("rows_per_block", kernel.rowsPerBlock);
        json.attribute("column_blocks", kernel.columnBlocks);
        json.attribute("splits", kernel.splits);
      });
      json.attribute("dynamic_shared_bytes", kernel.sharedBytes);
    });
  }

  const GpuProgram &program;
  json::OStream json;
};
} // namespace

//===----------------------------------------------------------------------===//
// Files
//===----------------------------------------------------------------------===//

Error mpq::writeGpuProgram(const GpuProgram &program, StringRef path) {
  auto beside = [&](StringRef extension) {
    SmallString<128> other(path);
    sys::path::replace_extension(other, extension);
    return other.str().str();
  };
  std::string jsonPath = beside("json"), weightsPath = beside("packed");
  if (path == jsonPath || path == weightsPath)
    return createFileError(
        path, createStringError("PTX cannot have the extension of its companions, .json and .packed"));
  std::string json;
  raw_string_ostream stream(json);
  ProgramWriter(program, stream).write(sys::path::filename(path), sys::path::filename(weightsPath));
  stream << '\n';

  std::pair<StringRef, StringRef> files[] = {
      {weightsPath, {program.weights.data(), program.weights.size()}}, {jsonPath, json}, {path, program.ptx}};
  for (auto [name, bytes] : files)
    if (sys::fs::is_directory(name))
      return createFileError(name, std::make_error_code(std::errc::is_a_directory));
  SmallVector<StringRef> written;
  for (auto [name, bytes] : files) {
    if (Error error = writeFile(name, [bytes = bytes](raw_ostream &os) { os << bytes; })) {
      for (StringRef other : written)
        sys::fs::remove(other);
      return error;
    }
    written.push_back(name);
  }
  return Error::success();
}
