//===----------------------------------------------------------------------===//
// Part of MPQ, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//===----------------------------------------------------------------------===//
//
// Blocks of rows, panels, cells, bundles, results.
//
//===----------------------------------------------------------------------===//

#include "lib/Kernel/CPU/MatmulLut/Loops.h"

#include "lib/Kernel/CPU/Packed/PanelLoops.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/MemRef/IR/MemRef.h"
#include "mlir/Dialect/Vector/IR/VectorOps.h"

using namespace mlir;
using namespace mpq;
using namespace mpq::lut;

static constexpr int64_t kLanes = LutLayout::kLanes, kLine = LutLayout::kLine,
                         kRows = LutLayout::kRows,
                         kStreams = LutLayout::kStreams;

//===----------------------------------------------------------------------===//
// What is measured, not derived (docs/Rationale/Lookup.md)
//===----------------------------------------------------------------------===//

/// Rows that are looked up for in registers, at most.
static int64_t getFewRows(const KernelTarget &target) {
  return target.lanes() == kLanes ? 4 : 1;
}

/// Rows of a tile of products with the buffer: four sums each.
static int64_t getTileRows(const KernelTarget &target) {
  return target.lanes() == kLanes ? 6 : 1;
}

/// Rows that share a buffer: their activations fit the second-level cache.
static int64_t getMostRows(const LutLayout &layout) {
  constexpr int64_t kBytes = 512 * 1024, kLeast = 8, kMost = 64;
  return std::clamp(kBytes / (4 * layout.getColumns().end), kLeast, kMost);
}

/// Bytes of stack for activations that have to be copied.
static constexpr int64_t kActivationBytes = 256 * 1024;

/// Lines between use and prefetch.
static constexpr int64_t kPrefetchLines = 72;

//===----------------------------------------------------------------------===//
// Blocks of rows
//===----------------------------------------------------------------------===//

LutLoops::LutLoops(KernelBuilder &k, MatmulOp op, const LutLayout &layout,
                   ValueRange operands)
    : k(k), op(op), layout(layout), m(k.rows(operands[0])),
      output(k.activation(operands.back(), {}, op.getOutputQuantAttr())),
      packed(operands[1]),
      lookup(k, this->layout, packed,
             layout.shared ? 1 : layout.teamRows * layout.cellGroups),
      activations(k, layout.getColumns(), operands[0], op.getInputQuantAttr(),
                  k.b.getF32Type(), getMostRows(layout), kActivationBytes),
      rowsAtOnce(
          packed::PanelLoops::getBlockHeight(m, activations.getRowsAtOnce())) {
  if (op.getBias())
    bias = operands[2];
  if (op.getResidual())
    residual = k.activation(operands[operands.size() - 2], {},
                            op.getResidualQuantAttr());
  Type f32 = k.b.getF32Type();
  totals = k.stackBuffer(f32, rowsAtOnce * kRows * kLanes);
  if (rowsAtOnce > getFewRows(k.target))
    buffer = k.stackBuffer(f32, layout.runs * layout.runColumns() * kRows);
}

void LutLoops::forRowBlocks(function_ref<void(Index, Index)> body) {
  if (!m.isConstant())
    return k.forLoop(0, m, rowsAtOnce, [&](Index first) {
      body(first, k.min(k.sub(m, first), rowsAtOnce));
    });
  // The last block overlaps its neighbour: it has as many rows as the others.
  int64_t blocks = llvm::divideCeil(m.offset, rowsAtOnce);
  k.parallelFor(0, blocks, 1, [&](Index block) {
    body(k.min(k.mul(block, rowsAtOnce), m.offset - rowsAtOnce), rowsAtOnce);
  });
}

void LutLoops::emit() {
  if (layout.shared)
    shared = lookup.load(layout.getSharedOffset(), 0);
  int64_t few = std::min(getFewRows(k.target), rowsAtOnce);
  forRowBlocks([&](Index first, Index count) {
    activations.emitBlock(first, count);
    auto forPanels = [&](Index count, function_ref<void(Index)> body) {
      k.parallelFor(0, layout.panels(), 1, [&](Index panel) {
        body(panel);
        k.forLoop(0, count, 1, [&](Index row) {
          emitResults(panel, row, k.add(first, row));
        });
      });
    };
    auto emitMost = [&](Index count) {
      forPanels(count, [&](Index panel) { emitMany(panel, count); });
    };
    k.switchTo(count, few, [&](int64_t rows) {
      forPanels(rows, [&](Index panel) { emitFew(panel, rows); });
    });
    if (!count.isConstant() && rowsAtOnce > few)
      k.ifThen(arith::CmpIOp::create(k.b, arith::CmpIPredicate::ugt,
                                     k.value(count), k.index(few)),
               [&] { emitMost(count); });
    else if (count.isConstant() && count.offset > few)
      emitMost(count);
  });
}

//===----------------------------------------------------------------------===//
// Cells, bundles
//===----------------------------------------------------------------------===//

LutLoops::Cell LutLoops::getCell(Index team, Index cell) {
  Cell result;
  result.at =
      k.add(k.mul(team, layout.teamBytes()), k.mul(cell, layout.cellBytes()));
  result.column = k.mul(cell, layout.cellColumns());
  for (int64_t row = 0; row < layout.teamRows; ++row) {
    if (layout.shared) {
      Value scale = k.loadVector(packed, result.at + 4 * row, 4);
      scale = vector::BitCastOp::create(
          k.b, VectorType::get(1, k.b.getF32Type()), scale);
      scale = vector::ExtractOp::create(k.b, scale, 0);
      result.scales.push_back(k.broadcast(scale, kLanes));
      continue;
    }
    for (int64_t group = 0; group < layout.cellGroups; ++group)
      result.tables.push_back(
          lookup.load(result.at + layout.getTableOffset(row, group),
                      row * layout.cellGroups + group));
  }
  return result;
}

const Lookup::Table &LutLoops::getTable(const Cell &cell, int64_t row,
                                        int64_t slot) const {
  if (shared)
    return *shared;
  if (layout.cellGroups > 1)
    row = row * layout.cellGroups + slot / layout.groupSlots;
  return cell.tables[row];
}

void LutLoops::forSlots(const Cell &cell, Index bundle, Index line,
                        function_ref<void(int64_t, const Values &)> body) {
  Index at = k.add(k.add(cell.at, k.mul(bundle, layout.bundleBytes())),
                   k.mul(line, kStreams * kLine)) +
             layout.getLinesOffset();
  SmallVector<Lookup::Line> lines;
  // The hardware follows a stream that is read in order.
  k.keepLoadsInOrder();
  for (int64_t stream = 0; stream < kStreams; ++stream) {
    Index from = at + stream * kLine;
    memref::PrefetchOp::create(
        k.b, packed, k.value(from + kPrefetchLines * kLine), /*isWrite=*/false,
        /*locality=*/3, /*isDataCache=*/true);
    lines.push_back(lookup.read(from, getTable(cell, stream / layout.runs, 0)));
  }
  for (int64_t slot = 0; slot < layout.slots; ++slot) {
    k.keepLoadsInOrder();
    Values levels;
    for (auto [stream, codes] : llvm::enumerate(lines))
      levels.push_back(lookup.getLevels(
          codes, getTable(cell, stream / layout.runs, slot), slot));
    body(slot, levels);
  }
}

Index LutLoops::getColumn(const Cell &cell, Index bundle, int64_t run,
                          Index line, int64_t slot) {
  Index column = k.mul(bundle, layout.runs) + run;
  column = k.add(k.mul(column, layout.runLines), line);
  return k.add(cell.column, k.mul(column, layout.lineColumns())) +
         slot * kLanes;
}

LutLoops::Values LutLoops::addRuns(ValueRange sums, const Values &products,
                                   const Values &scales, int64_t runs) {
  Values result(sums);
  for (auto [i, product] : llvm::enumerate(products)) {
    Value &sum = result[i / runs];
    sum = scales.empty()
              ? k.addf(sum, product)
              : k.fma(product, scales[i / runs % scales.size()], sum);
  }
  return result;
}

//===----------------------------------------------------------------------===//
// Few rows
//===----------------------------------------------------------------------===//

void LutLoops::emitFew(Index panel, int64_t rows) {
  k.forLoop(0, layout.teams(), 1, [&](Index team) {
    Index number = k.add(k.mul(panel, layout.teams()), team);
    Values zeros(rows * layout.teamRows, k.splatF32(0.0, kLanes));
    Values sums =
        k.forLoop(0, layout.cells, 1, zeros, [&](Index index, ValueRange v) {
          Cell cell = getCell(number, index);
          return k.forLoop(0, layout.bundles, 1, v,
                           [&](Index bundle, ValueRange v) {
                             return emitBundle(cell, bundle, rows, v);
                           });
        });
    for (auto [i, sum] : llvm::enumerate(sums))
      k.storeVector(sum, totals,
                    getTotal(i / layout.teamRows, k.mul(team, layout.teamRows) +
                                                      i % layout.teamRows));
  });
}

LutLoops::Values LutLoops::emitBundle(const Cell &cell, Index bundle,
                                      int64_t rows, ValueRange sums) {
  Values zeros(rows * kStreams, k.splatF32(0.0, kLanes));
  Values products =
      k.forLoop(0, layout.runLines, 1, zeros, [&](Index line, ValueRange v) {
        Values next(v);
        forSlots(cell, bundle, line, [&](int64_t slot, const Values &levels) {
          for (int64_t row = 0; row < rows; ++row)
            for (int64_t run = 0; run < layout.runs; ++run) {
              Value x = activations.load(
                  row, getColumn(cell, bundle, run, line, slot), kLanes);
              for (int64_t i = run; i < kStreams; i += layout.runs) {
                Value &sum = next[row * kStreams + i];
                sum = k.fma(levels[i], x, sum);
              }
            }
        });
        return next;
      });
  return addRuns(sums, products, cell.scales, layout.runs);
}

//===----------------------------------------------------------------------===//
// Many rows
//===----------------------------------------------------------------------===//

void LutLoops::emitMany(Index panel, Index count) {
  k.forLoop(0, count, 1, [&](Index row) {
    for (int64_t i = 0; i < kRows; ++i)
      k.storeVector(k.splatF32(0.0, kLanes), totals, getTotal(row, i));
  });
  k.forLoop(0, layout.cells, 1, [&](Index index) {
    k.forLoop(0, layout.bundles, 1, [&](Index bundle) {
      Values scales;
      k.forLoop(0, layout.teams(), 1, [&](Index team) {
        Cell cell = getCell(k.add(k.mul(panel, layout.teams()), team), index);
        scales = cell.scales; // of the only team, if there are any
        emitLevels(cell, team, bundle);
      });
      Index column = k.add(k.mul(index, layout.cellColumns()),
                           k.mul(bundle, layout.runs * layout.runColumns()));
      k.forRowTiles(count, getTileRows(k.target),
                    [&](Index row, int64_t height) {
                      emitProducts(column, scales, row, height);
                    });
    });
  });
}

void LutLoops::emitLevels(const Cell &cell, Index team, Index bundle) {
  k.forLoop(0, layout.runLines, 1, [&](Index line) {
    forSlots(cell, bundle, line, [&](int64_t slot, const Values &levels) {
      for (auto [stream, some] : llvm::enumerate(levels)) {
        int64_t run = stream % layout.runs, row = stream / layout.runs;
        Index vector = k.mul(line, layout.slots) + slot;
        k.storeVector(
            some, buffer,
            getLevel(run, vector, k.add(k.mul(team, layout.teamRows), row)));
      }
    });
  });
}

void LutLoops::emitProducts(Index column, const Values &scales, Index row,
                            int64_t height) {
  Values sums;
  for (int64_t i = 0; i < height * kRows; ++i)
    sums.push_back(
        k.loadVector(totals, getTotal(row + i / kRows, i % kRows), kLanes));
  for (int64_t run = 0; run < layout.runs; ++run) {
    Values zeros(height * kRows, k.splatF32(0.0, kLanes));
    Values products =
        k.forLoop(0, layout.runLines * layout.slots, 1, zeros,
                  [&](Index vector, ValueRange v) {
                    Values next(v), levels;
                    for (int64_t i = 0; i < kRows; ++i)
                      levels.push_back(k.loadVector(
                          buffer, getLevel(run, vector, i), kLanes));
                    Index at = k.add(column, k.mul(vector, kLanes)) +
                               run * layout.runColumns();
                    for (int64_t i = 0; i < height * kRows; i += kRows) {
                      Value x = activations.load(row + i / kRows, at, kLanes);
                      for (int64_t j = 0; j < kRows; ++j)
                        next[i + j] = k.fma(levels[j], x, next[i + j]);
                    }
                    return next;
                  });
    sums = addRuns(sums, products, scales, /*runs=*/1);
  }
  for (auto [i, sum] : llvm::enumerate(sums))
    k.storeVector(sum, totals, getTotal(row + i / kRows, i % kRows));
}

//===----------------------------------------------------------------------===//
// Results
//===----------------------------------------------------------------------===//

/// Lanes of `a`, then of `b`, those of each whose number has `bit` set or not.
static Value selectLanes(KernelBuilder &k, Value a, Value b, int64_t bit,
                         bool isSet) {
  int64_t count = cast<VectorType>(a.getType()).getNumElements();
  SmallVector<int64_t> from;
  for (int64_t i = 0; i < 2 * count; ++i)
    if (bool(i & bit) == isSet)
      from.push_back(i);
  return vector::ShuffleOp::create(k.b, a, b, from);
}

/// Halves of the lanes of a pair of vectors are added at a time: from 4 x 16
/// lanes to 4.
Value LutLoops::addLanes(Values sums) {
  auto add = [&](Value a, Value b, int64_t bit) {
    return k.addf(selectLanes(k, a, b, bit, false),
                  selectLanes(k, a, b, bit, true));
  };
  Value pairs = add(add(sums[0], sums[1], 8), add(sums[2], sums[3], 8), 4);
  // 16 lanes, 4 of each row.
  auto halve = [&](Value lanes, int64_t bit) {
    int64_t count = cast<VectorType>(lanes.getType()).getNumElements();
    SmallVector<int64_t> lower, upper;
    for (int64_t i = 0; i < count; ++i)
      (i & bit ? upper : lower).push_back(i);
    return k.addf(vector::ShuffleOp::create(k.b, lanes, lanes, lower),
                  vector::ShuffleOp::create(k.b, lanes, lanes, upper));
  };
  return halve(halve(pairs, 2), 1);
}

void LutLoops::emitResults(Index panel, Index row, Index outputRow) {
  Values sums;
  for (int64_t i = 0; i < kRows; ++i)
    sums.push_back(k.loadVector(totals, getTotal(row, i), kLanes));
  Value result = addLanes(sums);
  Index column = k.mul(panel, kRows);
  Index valid = kRows;
  if (layout.rows % kRows)
    valid = k.min(k.sub(layout.rows, column), kRows);
  auto load = [&](Value buffer, Index at) {
    return valid.isConstant() ? k.loadPartial(buffer, at, kRows, valid.offset)
                              : k.loadPartial(buffer, at, kRows, valid);
  };
  if (bias)
    result = k.addf(result, load(bias, column));
  Index to = k.add(k.mul(outputRow, layout.rows), column);
  if (residual) {
    Value more = load(residual->buffer, to);
    result = k.addf(
        result, residual->quant ? k.dequantize(more, residual->quant) : more);
  }
  result = output.quant ? k.quantize(result, output.quant, op.getClampAttr())
                        : k.clamp(result, op.getClampAttr());
  if (valid.isConstant())
    return k.storePartial(result, output.buffer, to, valid.offset);
  k.storePartial(result, output.buffer, to, valid);
}
