//===----------------------------------------------------------------------===//
// Part of MPQ, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//===----------------------------------------------------------------------===//
//
// Reading and writing cost tables, those that MPQ comes with, and what follows
// from their numbers.
//
//===----------------------------------------------------------------------===//

#include "mpq/Analysis/Cost.h"

#include "llvm/ADT/STLExtras.h"
#include "llvm/Support/JSON.h"
#include "llvm/Support/MemoryBuffer.h"

#include <array>
#include <charconv>
#include <cmath>

using namespace llvm;
using namespace mpq;

// In the order of a file: of the alphabet.
static constexpr std::pair<StringLiteral, double CostTable::Rate::*>
    kRateFields[] = {{"bits", &CostTable::Rate::bits},
                     {"ns_per_call", &CostTable::Rate::nsPerCall},
                     {"ns_per_dram_byte", &CostTable::Rate::nsPerDramByte},
                     {"ns_per_far_byte", &CostTable::Rate::nsPerFarByte},
                     {"ns_per_input", &CostTable::Rate::nsPerInput},
                     {"ns_per_mac", &CostTable::Rate::nsPerMac},
                     {"ns_per_output", &CostTable::Rate::nsPerOutput},
                     {"rows", &CostTable::Rate::rows}};

static constexpr std::pair<StringLiteral, int64_t CostTable::Tile::*>
    kTileFields[] = {{"bits", &CostTable::Tile::bits},
                     {"level", &CostTable::Tile::level},
                     {"m", &CostTable::Tile::m},
                     {"prefetch", &CostTable::Tile::prefetch},
                     {"rows", &CostTable::Tile::rows},
                     {"vectors", &CostTable::Tile::vectors}};

//===----------------------------------------------------------------------===//
// Reading and writing
//===----------------------------------------------------------------------===//

namespace {

/// Fields of a table; the first thing that is wrong is kept.
class Reader {
public:
  Error read(const json::Value &value, CostTable &table);

private:
  void fail(const Twine &message) {
    if (problem.empty())
      problem = message.str();
  }
  double readNumber(const json::Object &object, StringRef key,
                    const Twine &what, bool positive);
  void readMemories(const json::Array &array, CostTable &table);
  void readRates(StringRef name, const json::Value &value, CostTable &table);
  void readTiles(StringRef name, const json::Value &value, CostTable &table);

  std::string problem;
};

} // namespace

double Reader::readNumber(const json::Object &object, StringRef key,
                          const Twine &what, bool positive) {
  std::optional<double> number = object.getNumber(key);
  if (!number || std::isinf(*number) ||
      !(positive ? *number > 0 : *number >= 0)) {
    fail("'" + key + "' of " + what + " is not a " +
         (positive ? "positive number" : "number that is at least 0"));
    return 1;
  }
  return *number;
}

void Reader::readMemories(const json::Array &array, CostTable &table) {
  for (auto [index, value] : enumerate(array)) {
    const json::Object *object = value.getAsObject();
    if (!object)
      return fail("memory " + Twine(index) + " is not an object");
    CostTable::Memory memory;
    std::string what = "memory " + std::to_string(index);
    if (index + 1 < array.size())
      memory.bytes = readNumber(*object, "bytes", what, true);
    memory.bytesPerNs = readNumber(*object, "bytes_per_ns", what, true);
    table.memories.push_back(memory);
  }
  if (table.memories.empty())
    fail("there are no 'memories'");
}

void Reader::readRates(StringRef name, const json::Value &value,
                       CostTable &table) {
  const json::Array *array = value.getAsArray();
  if (!array || array->empty())
    return fail("kernel '" + name + "' has no array of rates");
  std::vector<CostTable::Rate> &rates = table.kernels[name.str()];
  for (const json::Value &entry : *array) {
    const json::Object *object = entry.getAsObject();
    if (!object)
      return fail("a rate of kernel '" + name + "' is not an object");
    CostTable::Rate rate;
    for (auto [key, field] : kRateFields)
      rate.*field =
          readNumber(*object, key, "kernel '" + name + "'", key == "rows");
    rates.push_back(rate);
  }
  if (!is_sorted(rates, [](const auto &a, const auto &b) {
        return std::pair(a.bits, a.rows) < std::pair(b.bits, b.rows);
      }))
    fail("the rates of kernel '" + name + "' are not sorted by bits and rows");
}

void Reader::readTiles(StringRef name, const json::Value &value,
                       CostTable &table) {
  const json::Array *array = value.getAsArray();
  if (!array)
    return fail("the tiles of '" + name + "' are not an array");
  for (const json::Value &entry : *array) {
    const json::Object *object = entry.getAsObject();
    CostTable::Tile tile;
    for (auto [key, field] : kTileFields) {
      std::optional<int64_t> number =
          object ? object->getInteger(key) : std::nullopt;
      if (!number)
        return fail("a tile of '" + name + "' has no integer '" + key + "'");
      tile.*field = *number;
    }
    table.tiles[name.str()].push_back(tile);
  }
}

Error Reader::read(const json::Value &value, CostTable &table) {
  const json::Object *object = value.getAsObject();
  const json::Object *kernels = object ? object->getObject("kernels") : nullptr;
  const json::Array *memories = object ? object->getArray("memories") : nullptr;
  std::optional<StringRef> cpu =
      object ? object->getString("cpu") : std::nullopt;
  std::optional<int64_t> schema =
      object ? object->getInteger("schema") : std::nullopt;
  if (schema != CostTable::kSchema && object)
    return createStringError((schema ? "'schema' is " + std::to_string(*schema)
                                     : std::string("there is no 'schema'")) +
                             " when this compiler reads " +
                             std::to_string(CostTable::kSchema) +
                             "; write the table anew with quant-bench --tune");
  std::optional<int64_t> version =
      object ? object->getInteger("kernels_version") : std::nullopt;
  if (!kernels || !memories || !cpu || !version)
    return createStringError("a cost table is an object with 'schema', "
                             "'kernels_version', 'cpu', 'memories' and "
                             "'kernels'");
  table.cpu = cpu->str();
  table.kernelsVersion = *version;
  table.source = object->getString("source").value_or("").str();
  table.nsPerTurn = readNumber(*object, "ns_per_turn", "the table", false);
  readMemories(*memories, table);
  for (const auto &[name, rates] : *kernels)
    readRates(name, rates, table);
  const json::Value *tiles = object->get("tiles");
  if (tiles && !tiles->getAsObject())
    fail("'tiles' is not an object");
  else if (tiles)
    for (const auto &[name, list] : *tiles->getAsObject())
      readTiles(name, list, table);
  return problem.empty() ? Error::success() : createStringError(problem);
}

Expected<CostTable> CostTable::parse(MemoryBufferRef text) {
  auto wrong = [&](const Twine &message) {
    return createStringError(text.getBufferIdentifier() + ": " + message);
  };
  Expected<json::Value> value = json::parse(text.getBuffer());
  if (!value)
    return wrong(toString(value.takeError()));
  CostTable table;
  if (Error error = Reader().read(*value, table))
    return wrong(toString(std::move(error)));
  return table;
}

Expected<CostTable> CostTable::read(const Twine &path) {
  auto text = MemoryBuffer::getFile(path, /*IsText=*/true);
  if (!text)
    return createStringError("cannot read the cost table '" + path +
                             "': " + text.getError().message());
  return parse(**text);
}

/// Rounded to four digits, more than measurements have, and as short as it can be
/// written: `json::Value` writes all 17 digits.
static void printNumber(json::OStream &os, StringRef key, double number) {
  if (number != 0) {
    double unit = std::pow(10, 3 - std::floor(std::log10(number)));
    number = std::round(number * unit) / unit;
  }
  std::array<char, 32> text;
  char *end =
      std::to_chars(text.data(), text.data() + text.size(), number).ptr;
  os.attributeBegin(key);
  os.rawValue(StringRef(text.data(), end - text.data()));
  os.attributeEnd();
}

/// For each name, an array of what `printFields` writes.
template <typename EntryT>
static void printLists(json::OStream &os,
                       const std::map<std::string, std::vector<EntryT>> &lists,
                       function_ref<void(const EntryT &)> printFields) {
  for (const auto &[name, list] : lists)
    os.attributeArray(name, [&, &list = list] {
      for (const EntryT &entry : list)
        os.object([&] { printFields(entry); });
    });
}

void CostTable::print(raw_ostream &stream) const {
  json::OStream os(stream, /*IndentSize=*/2);
  os.object([&] {
    os.attribute("cpu", cpu);
    os.attributeObject("kernels", [&] {
      printLists<Rate>(os, kernels, [&](const Rate &rate) {
        for (auto [key, field] : kRateFields)
          printNumber(os, key, rate.*field);
      });
    });
    os.attribute("kernels_version", kernelsVersion);
    os.attributeArray("memories", [&] {
      for (const Memory &memory : memories)
        os.object([&] {
          if (memory.bytes)
            os.attribute("bytes", int64_t(memory.bytes));
          printNumber(os, "bytes_per_ns", memory.bytesPerNs);
        });
    });
    printNumber(os, "ns_per_turn", nsPerTurn);
    os.attribute("schema", kSchema);
    os.attribute("source", source);
    if (!tiles.empty())
      os.attributeObject("tiles", [&] {
        printLists<Tile>(os, tiles, [&](const Tile &tile) {
          for (auto [key, field] : kTileFields)
            os.attribute(key, tile.*field);
        });
      });
  });
  stream << '\n';
}

//===----------------------------------------------------------------------===//
// Which table
//===----------------------------------------------------------------------===//

std::string CostTable::getDoubt(StringRef target) const {
  if (cpu != target)
    return ("it is for " + cpu + " and not for " + target).str();
  if (kernelsVersion != kKernelsVersion)
    return ("it is for version " + Twine(kernelsVersion) +
            " of the kernels and not for " + Twine(kKernelsVersion))
        .str();
  return {};
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
  auto found =
      find_if(tables, [&](const CostTable &t) { return t.cpu == cpu; });
  return found != tables.end() ? *found : tables.front();
}

//===----------------------------------------------------------------------===//
// Times
//===----------------------------------------------------------------------===//

static double apply(const CostTable::Rate &rate, const KernelWork &work) {
  return rate.nsPerCall + rate.nsPerMac * work.multiplyAdds +
         rate.nsPerInput * work.inputs + rate.nsPerOutput * work.outputs +
         rate.nsPerFarByte * work.farBytes +
         rate.nsPerDramByte * work.dramBytes;
}

/// Interpolates between the rates of the nearest number of bits.
static double interpolate(ArrayRef<CostTable::Rate> rates,
                          const KernelWork &work) {
  double bits = rates.front().bits;
  for (const CostTable::Rate &rate : rates)
    if (std::abs(rate.bits - work.bits) < std::abs(bits - work.bits))
      bits = rate.bits;
  rates = rates.drop_while([&](const auto &rate) { return rate.bits != bits; })
              .take_while([&](const auto &rate) { return rate.bits == bits; });
  const CostTable::Rate *upper =
      find_if(rates, [&](const auto &rate) { return rate.rows >= work.rows; });
  if (upper == rates.end())
    return apply(rates.back(), work);
  if (upper == rates.begin() || upper->rows == work.rows)
    return apply(*upper, work);
  const CostTable::Rate *lower = upper - 1;
  double share =
      std::log(work.rows / lower->rows) / std::log(upper->rows / lower->rows);
  return (1 - share) * apply(*lower, work) + share * apply(*upper, work);
}

/// How many words the names of two kernels have in common at their beginnings; one
/// more where they are the same but for what is behind a colon.
static size_t countCommonWords(StringRef name, StringRef other) {
  name = name.split(':').first;
  other = other.split(':').first;
  SmallVector<StringRef> words, others;
  name.split(words, '_');
  other.split(others, '_');
  auto end = std::mismatch(words.begin(), words.end(), others.begin(), others.end());
  return (end.first - words.begin()) + (name == other);
}

/// The time that the rates of `kernel` give; without those, that of the kernel that
/// it is a variant of or, without those, the longest time of its kin; nothing if
/// there is none.
static std::optional<double>
predictByName(const std::map<std::string, std::vector<CostTable::Rate>> &kernels,
              const KernelWork &work) {
  for (StringRef name = work.kernel; !name.empty(); name = name.rsplit(':').first) {
    if (auto found = kernels.find(name.str()); found != kernels.end())
      return interpolate(found->second, work);
    if (!name.contains(':'))
      break;
  }
  size_t most = 1;
  std::optional<double> longest;
  for (const auto &[name, rates] : kernels) {
    size_t common = countCommonWords(work.kernel, name);
    if (common < most)
      continue;
    double time = interpolate(rates, work);
    longest = common > most ? time : std::max(longest.value_or(0), time);
    most = common;
  }
  return longest;
}

double CostTable::predict(const KernelWork &given, double modelBytes) const {
  auto memory = find_if(memories, [&](const Memory &memory) {
    return !memory.bytes || modelBytes <= memory.bytes;
  });
  KernelWork work = given;
  if (memory != memories.begin()) {
    work.farBytes = work.weightBytes;
    if (std::next(memory) == memories.end())
      work.dramBytes = work.weightBytes;
  }
  std::optional<double> time = predictByName(kernels, work);
  if (!time) {
    work.kernel = "loops";
    time = predictByName(kernels, work);
  }
  double arrival =
      memory == memories.end() ? 0 : work.weightBytes / memory->bytesPerNs;
  return time ? std::max(*time, arrival) : 0;
}
