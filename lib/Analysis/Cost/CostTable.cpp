//===----------------------------------------------------------------------===//
// Part of MPQ, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//===----------------------------------------------------------------------===//
//
// Reading cost tables, and those that MPQ comes with.
//
//===----------------------------------------------------------------------===//

#include "mpq/Analysis/Cost.h"

#include "llvm/ADT/STLExtras.h"
#include "llvm/Support/JSON.h"

#include <cmath>

using namespace llvm;
using namespace mpq;

static constexpr StringLiteral kKernels[] = {
    "conv/f32",       "conv/int8",  "depthwise/f32",
    "depthwise/int8", "matmul/f32", "matmul/int8"};

Expected<CostTable> CostTable::parse(MemoryBufferRef text) {
  auto wrong = [&](const Twine &message) {
    return createStringError(text.getBufferIdentifier() + ": " + message);
  };
  Expected<json::Value> value = json::parse(text.getBuffer());
  if (!value)
    return wrong(toString(value.takeError()));
  const json::Object *object = value->getAsObject();
  const json::Object *kernels = object ? object->getObject("kernels") : nullptr;
  std::optional<StringRef> cpu =
      object ? object->getString("cpu") : std::nullopt;
  if (!kernels || !cpu)
    return wrong("a cost table is an object with 'cpu' and 'kernels'");
  CostTable table;
  table.cpu = cpu->str();
  table.source = object->getString("source").value_or("").str();
  for (StringRef name : kKernels) {
    const json::Object *entry = kernels->getObject(name);
    if (!entry)
      return wrong("there is no kernel '" + name + "'");
    for (auto [key, rate] : {std::pair("macs_per_ns", &Rates::macsPerNs),
                             std::pair("bytes_per_ns", &Rates::bytesPerNs)}) {
      std::optional<double> number = entry->getNumber(key);
      if (!number || !(*number > 0) || std::isinf(*number))
        return wrong("'" + Twine(key) + "' of kernel '" + name +
                     "' is not a positive number");
      table.kernels[name].*rate = *number;
    }
  }
  return table;
}

static std::vector<CostTable> readBuiltinTables() {
  static constexpr std::pair<StringLiteral, StringLiteral> texts[] = {
#include "Tables.inc"
  };
  std::vector<CostTable> tables;
  for (const auto &[name, text] : texts)
    tables.push_back(cantFail(CostTable::parse(MemoryBufferRef(text, name))));
  return tables;
}

const CostTable &CostTable::lookup(StringRef cpu) {
  static const std::vector<CostTable> tables = readBuiltinTables();
  auto found = find_if(tables, [&](const CostTable &t) { return t.cpu == cpu; });
  return found != tables.end() ? *found : tables.front();
}
