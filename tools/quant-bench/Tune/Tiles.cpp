//===----------------------------------------------------------------------===//
// Part of MPQ, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//===----------------------------------------------------------------------===//
//
// A handful of tiles for each family, width of codes and number of rows for which
// the compiler chooses it: first what
// the family does by itself, then other register tiles, then the best of these with
// other distances of prefetching. Each is compiled and timed with weights from DRAM,
// as a fraction of the roof at the same moment, which drifts less than times do. What
// is fastest then takes turns with the family's own: it has to win nearly all of them,
// by `kLeastGain` in the median, and be no loss for weights in a cache. So a machine
// that does other work, too, finds no tile rather than a wrong one.
//
//===----------------------------------------------------------------------===//

#include "Tiles.h"

#include "../ProblemRun.h"

#include "llvm/Support/FormatVariadic.h"

using namespace mpq;
using Tile = CostTable::Tile;

static constexpr double kLeastGain = 0.03;
static constexpr double kSeconds = 0.03;
/// Of the copies of a weight.
static constexpr int64_t kColdBytes = 64 << 20;

namespace {

/// A number of rows of activations, which stands for all that are cut alike, and
/// whether their kernels read the weight from memory, not from a decoded copy.
struct RowCount {
  int64_t m;
  bool prefetches;
};

struct TiledFamily {
  llvm::StringLiteral name, activations;
  /// "": none.
  llvm::StringLiteral feature;
  llvm::ArrayRef<int64_t> bits;
  llvm::ArrayRef<RowCount> rows;
};

} // namespace

static constexpr RowCount kIntegerRows[] = {{1, true}, {4, true}, {8, true}};
static constexpr RowCount kFloatRows[] = {{1, true}, {8, true}, {64, false}};
static constexpr int64_t kIntegerBits[] = {2, 4, 8}, kFloatBits[] = {4, 8};
static constexpr TiledFamily kFamilies[] = {
    {"matmul_packed", "a=int8", "", kIntegerBits, kIntegerRows},
    {"matmul_packed_f32", "", "", kFloatBits, kFloatRows},
    {"matmul_packed_bf16", "a=bf16", "avx512bf16", kFloatBits, kFloatRows}};

/// Rows and vectors of register tiles.
static constexpr std::pair<int64_t, int64_t> kShapes[] = {
    {1, 1}, {1, 2}, {1, 4}, {4, 1}, {4, 2}, {4, 3}, {6, 1}, {6, 2}, {8, 1}, {8, 2}};
/// Lines ahead, and to which cache.
static constexpr std::pair<int64_t, int64_t> kPrefetches[] = {
    {72, 1}, {0, 1}, {16, 1}, {144, 2}};

namespace {

class TileTuner {
public:
  TileTuner(mlir::MLIRContext &context, llvm::StringRef mcpu,
            const TargetSpec &target, const TiledFamily &family)
      : context(context), mcpu(mcpu), family(family),
        registers(target.has("avx512f") ? 32 : 16) {
    costs.cpu = target.cpu;
  }

  /// Whether `rows` x `vectors` are worth trying for `m` rows of activations: of many,
  /// a quarter to half of the registers are sums.
  bool isLikely(int64_t m, int64_t rows, int64_t vectors) const {
    int64_t sums = rows * vectors, most = registers / 2;
    if (m < 8)
      return rows == m && sums <= most;
    return rows > 1 && sums <= most && sums >= most / 2;
  }
  /// Whether the compiler has a kernel of the family for such a product.
  llvm::Expected<bool> isChosen(int64_t bits, int64_t m);
  /// Nothing if none is better than the family's own.
  llvm::Expected<std::optional<Tile>> choose(int64_t bits, RowCount rows);

private:
  llvm::Expected<Problem> parse(llvm::StringRef sizes, int64_t bits, int64_t m);
  /// The problem with `tile`, or with the family's own, ready to be measured.
  llvm::Expected<ProblemRun> prepare(llvm::StringRef sizes, int64_t bits,
                                     int64_t m, std::optional<Tile> tile);
  /// The fraction of the roof.
  llvm::Expected<double> measure(llvm::StringRef sizes, int64_t bits, int64_t m,
                                 std::optional<Tile> tile);
  /// Whether `tile` is faster than the family's own by `leastGain`, turn by turn.
  llvm::Expected<bool> wins(llvm::StringRef sizes, Tile tile, double leastGain,
                            int leastTurns);

  mlir::MLIRContext &context;
  llvm::StringRef mcpu;
  const TiledFamily &family;
  int64_t registers;
  CostTable costs;
};

} // namespace

/// With weights from DRAM, and in a cache.
static constexpr llvm::StringLiteral kCold = "n=256 k=4096 cold",
                                     kHot = "n=256 k=512 hot";

llvm::Expected<Problem> TileTuner::parse(llvm::StringRef sizes, int64_t bits,
                                         int64_t m) {
  return parseProblem(llvm::formatv("mpgemm m={0} w=int{1}:g32:f16 {2} {3}", m,
                                    bits, family.activations, sizes)
                          .str());
}

llvm::Expected<bool> TileTuner::isChosen(int64_t bits, int64_t m) {
  llvm::Expected<Problem> problem = parse(kCold, bits, m);
  if (!problem)
    return problem.takeError();
  costs.tiles.clear();
  RunOptions options;
  options.mcpu = mcpu.str();
  options.costs = &costs;
  auto run = ProblemRun::create(context, *problem, options);
  if (!run)
    return run.takeError();
  // By itself, or as the one that is asked before others and has its kernels.
  llvm::StringRef chosen = run->getFamily();
  return chosen.consume_front(family.name) &&
         (chosen.empty() || chosen == "_large");
}

llvm::Expected<ProblemRun> TileTuner::prepare(llvm::StringRef sizes,
                                              int64_t bits, int64_t m,
                                              std::optional<Tile> tile) {
  llvm::Expected<Problem> problem = parse(sizes, bits, m);
  if (!problem)
    return problem.takeError();
  costs.tiles.clear();
  if (tile)
    costs.tiles[family.name.str()] = {*tile};
  RunOptions options;
  options.mcpu = mcpu.str();
  options.family = family.name.str();
  options.costs = &costs;
  auto run = ProblemRun::create(context, *problem, options);
  if (!run)
    return run.takeError();
  run->prepare(kColdBytes);
  return run;
}

llvm::Expected<double> TileTuner::measure(llvm::StringRef sizes, int64_t bits,
                                          int64_t m, std::optional<Tile> tile) {
  llvm::Expected<ProblemRun> run = prepare(sizes, bits, m, tile);
  if (!run)
    return run.takeError();
  return run->getFraction(kSeconds);
}

/// The turns of the two. By chance one wins 10 of 11 once in 170 times.
static constexpr int kTurns = 11, kMostTurns = 10;

llvm::Expected<bool> TileTuner::wins(llvm::StringRef sizes, Tile tile,
                                     double leastGain, int leastTurns) {
  constexpr double kTurn = 0.015;
  llvm::Expected<ProblemRun> own =
      prepare(sizes, tile.bits, tile.m, std::nullopt);
  if (!own)
    return own.takeError();
  llvm::Expected<ProblemRun> other = prepare(sizes, tile.bits, tile.m, tile);
  if (!other)
    return other.takeError();
  std::vector<double> ratios;
  for (int turn = 0; turn < kTurns; ++turn) {
    double before = own->getFraction(kTurn);
    ratios.push_back(other->getFraction(kTurn) / before);
  }
  int won = llvm::count_if(ratios, [](double ratio) { return ratio > 1; });
  return won >= leastTurns && getQuantile(ratios, 0.5) >= 1 + leastGain;
}

llvm::Expected<std::optional<Tile>> TileTuner::choose(int64_t bits,
                                                      RowCount rows) {
  llvm::Expected<double> own = measure(kCold, bits, rows.m, std::nullopt);
  if (!own)
    return own.takeError();
  double most = 0;
  Tile best;
  auto attempt = [&](Tile tile) -> llvm::Error {
    llvm::Expected<double> fraction = measure(kCold, bits, rows.m, tile);
    if (!fraction)
      return fraction.takeError();
    if (*fraction > most) {
      most = *fraction;
      best = tile;
    }
    return llvm::Error::success();
  };
  auto [lines, level] = kPrefetches[rows.prefetches ? 0 : 1];
  for (auto [height, vectors] : kShapes)
    if (isLikely(rows.m, height, vectors))
      if (llvm::Error error =
              attempt({bits, rows.m, height, vectors, lines, level}))
        return std::move(error);
  if (rows.prefetches)
    for (auto [lines, level] : llvm::drop_begin(kPrefetches))
      if (llvm::Error error =
              attempt({bits, rows.m, best.rows, best.vectors, lines, level}))
        return std::move(error);
  if (most < *own * (1 + kLeastGain))
    return std::nullopt;
  for (auto [sizes, gain, turns] :
       {std::tuple(kCold, kLeastGain, kMostTurns), std::tuple(kHot, 0.0, 0)}) {
    llvm::Expected<bool> isBetter = wins(sizes, best, gain, turns);
    if (!isBetter)
      return isBetter.takeError();
    if (!*isBetter)
      return std::nullopt;
  }
  return best;
}

llvm::Expected<std::map<std::string, std::vector<Tile>>>
mpq::tuneTiles(mlir::MLIRContext &context, llvm::StringRef mcpu,
               const TargetSpec &target, StepReport &report) {
  std::map<std::string, std::vector<Tile>> tiles;
  for (const TiledFamily &family : kFamilies) {
    if (!family.feature.empty() && !target.has(family.feature))
      continue;
    report.begin(("tiles of " + family.name).str());
    TileTuner tuner(context, mcpu, target, family);
    for (int64_t bits : family.bits)
      for (RowCount rows : family.rows) {
        llvm::Expected<std::optional<Tile>> tile = std::nullopt;
        llvm::Expected<bool> isChosen = tuner.isChosen(bits, rows.m);
        if (!isChosen)
          return isChosen.takeError();
        if (*isChosen)
          tile = tuner.choose(bits, rows);
        if (!tile)
          return tile.takeError();
        if (*tile)
          tiles[family.name.str()].push_back(**tile);
        report.advance(family.bits.size() * family.rows.size());
      }
  }
  return tiles;
}
