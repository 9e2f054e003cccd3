//===----------------------------------------------------------------------===//
// Part of MPQ, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//===----------------------------------------------------------------------===//
//
// The loops of one matrix product:
//
//     for block of rows:
//       quantize them, if that is left to the kernel
//       for panel, tile of rows:
//         for group, step: accumulate
//         epilogue
//
// Threads share blocks first: each then quantizes only rows of its own, and the
// next op that is cut by rows finds them in the same thread's cache. Panels are
// outside of tiles so that their weights stay in the cache; weights that stay
// there anyway are read again for each block, which may be short then. Where a tile
// does not divide the rows, the last one overlaps its neighbour; rows that are
// counted at run time are cut into tiles of nearly equal height, with code for
// each height.
//
//===----------------------------------------------------------------------===//

#include "lib/Kernel/CPU/MatmulVnni/Loops.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Vector/IR/VectorOps.h"

using namespace mlir;
using namespace mpq;
using namespace mpq::vnni;

MatmulLoops::MatmulLoops(KernelBuilder &k, MatmulOp op, ValueRange operands)
    : k(k), op(op), plan(op), m(k.rows(operands[0])),
      input(k.activation(operands[0], {}, op.getInputQuantAttr())),
      output(k.activation(operands.back(), {}, op.getOutputQuantAttr())),
      packed(operands[1]),
      epilogue(k, bool(op.getResidual()), op.getResidualQuantAttr(),
               op.getOutputQuantAttr(), op.getClampAttr()),
      isDynamic(op.getInputQuant()->isDynamic()), codes(input.buffer),
      pitch(plan.k) {
  if (op.getBias())
    bias = operands[2];
  if (op.getResidual())
    residual = k.activation(operands[operands.size() - 2], {},
                            op.getResidualQuantAttr());
  if (!isDynamic)
    return;
  pitch = plan.scratchPitch();
  codes = k.stackBuffer(k.b.getI8Type(), plan.rowsAtOnce * pitch);
  rowScales = k.stackBuffer(k.b.getF32Type(), plan.rowsAtOnce);
  rowZeros = k.stackBuffer(k.b.getI32Type(), plan.rowsAtOnce);
}

void MatmulLoops::emit() {
  int64_t most = plan.rowsAtOnce;
  if (m.isConstant())
    return k.parallelFor(0, llvm::divideCeil(plan.m, most), 1, [&](Index block) {
      Index first = k.mul(block, most);
      if (plan.m % most)
        first = k.min(first, plan.m - most);
      emitBlock(first, most, Share::PanelsAndTiles);
    });
  if (!plan.isCutByRows)
    return k.forLoop(0, m, most, [&](Index first) {
      emitBlock(first, k.min(k.sub(m, first), most), Share::PanelsAndTiles);
    });
  // Each tile is a block, with all panels for it: heights that are known there
  // leave nothing to LLVM that it would move out of the loops, and spill.
  k.forRowTiles(m, plan.rows, [&](Index first, int64_t count) {
    emitBlock(first, count, Share::Nothing);
  }, /*parallel=*/true);
}

void MatmulLoops::emitBlock(Index first, Index count, Share share) {
  if (isDynamic)
    k.forLoop(0, count, 1, [&](Index row) {
      emitRow(k.mul(k.add(first, row), plan.k), k.mul(row, pitch), row);
    });
  emitRows(first, count, share);
}

/// Several chains of minima and maxima hide their latency.
DynamicQuantization MatmulLoops::emitScale(Index from) {
  constexpr int64_t kChains = 4, kStride = kChains * kRows;
  RangeFinder finder(k);
  SmallVector<Value> ranges;
  for (int64_t chain = 0; chain < kChains; ++chain)
    ranges.append(finder.start());
  int64_t whole = plan.k / kStride * kStride;
  auto include = [&](MutableArrayRef<Value> ranges, Index at, int64_t chain,
                     int64_t count) {
    Value x = k.loadPartial(input.buffer, k.add(from, at) + chain * kRows,
                            kRows, count);
    llvm::copy(finder.include({ranges[2 * chain], ranges[2 * chain + 1]}, x),
               ranges.begin() + 2 * chain);
  };
  ranges = k.forLoop(0, whole, kStride, ranges, [&](Index i, ValueRange v) {
    SmallVector<Value> next(v);
    for (int64_t chain = 0; chain < kChains; ++chain)
      include(next, i, chain, kRows);
    return next;
  });
  for (int64_t chain = 0; whole + chain * kRows < plan.k; ++chain)
    include(ranges, whole, chain, plan.k - whole - chain * kRows);
  for (int64_t chain = 1; chain < kChains; ++chain)
    for (int64_t side : {0, 1})
      ranges[side] = finder.include({ranges[0], ranges[1]},
                                    ranges[2 * chain + side])[side];
  return finder.finish(input.quant, {ranges[0], ranges[1]});
}

void MatmulLoops::emitRow(Index from, Index to, Index row) {
  DynamicQuantization quant = emitScale(from);
  k.store(quant.scale, rowScales, row);
  Value zero = arith::NegFOp::create(k.b, quant.zeroPoint);
  k.store(arith::FPToSIOp::create(k.b, k.b.getI32Type(), zero), rowZeros, row);
  auto visit = [&](Index i, int64_t count) {
    Value x = k.loadPartial(input.buffer, k.add(from, i), kRows, count);
    k.storeVector(emitCodes(k, quant, x), codes, k.add(to, i));
  };
  int64_t whole = plan.k / kRows * kRows;
  k.forLoop(0, whole, kRows, [&](Index i) { visit(i, kRows); });
  if (whole < plan.k)
    visit(whole, plan.k - whole);
}

//===----------------------------------------------------------------------===//
// Panels and tiles
//===----------------------------------------------------------------------===//

void MatmulLoops::emitRows(Index first, Index count, Share share) {
  auto emitTileAt = [&](const Panel &panel, Index row, int64_t height) {
    Rows rows;
    rows.codes = k.mul(isDynamic ? row : k.add(first, row), pitch);
    rows.scratchRow = row;
    rows.output = k.mul(k.add(first, row), plan.n);
    rows.count = height;
    emitTile(panel, rows);
  };
  auto emitPanel = [&](const Panel &panel) {
    if (!count.isConstant())
      return k.forRowTiles(count, plan.rows, [&](Index row, int64_t height) {
        emitTileAt(panel, row, height);
      }, /*parallel=*/true);
    if (share == Share::Nothing)
      return emitTileAt(panel, 0, count.offset);
    k.parallelFor(0, llvm::divideCeil(count.offset, plan.rows), 1, [&](Index tile) {
      Index row = k.mul(tile, plan.rows);
      if (count.offset % plan.rows)
        row = k.min(row, count.offset - plan.rows);
      emitTileAt(panel, row, plan.rows);
    });
  };
  int64_t columns = plan.vectors * kRows, full = plan.fullPanels();
  Index start = plan.streamOffset();
  auto emitFull = [&](Index panel) {
    emitPanel(makePanel(k.add(start, k.mul(panel, plan.panelBytes())),
                        k.mul(panel, columns), plan.vectors, columns));
  };
  auto emitLast = [&] {
    if (int64_t last = plan.lastVectors())
      emitPanel(makePanel(start + full * plan.panelBytes(), full * columns,
                          last, plan.n - full * columns));
  };
  if (share == Share::Nothing) {
    k.forLoop(0, full, 1, emitFull);
    return emitLast();
  }
  k.parallelFor(0, full, 1, emitFull);
  if (plan.lastVectors())
    k.parallelOnce(emitLast, KernelBuilder::Units::Joined);
}

Value MatmulLoops::loadFactors(Type element, Index at, int64_t v) {
  int64_t bytes = kRows * 4;
  Value vector = k.loadVector(packed, at + v * bytes, bytes);
  return vector::BitCastOp::create(k.b, VectorType::get(kRows, element),
                                   vector);
}

MatmulLoops::Panel MatmulLoops::makePanel(Index weights, Index column,
                                          int64_t vectors, int64_t columns) {
  Panel panel{weights, column, vectors, columns, {}, {}};
  for (int64_t v = 0; v < vectors; ++v) {
    // Grouped sums have their scales already.
    Value scale = k.splatF32(1.0, kRows);
    if (!plan.isGrouped())
      scale =
          loadFactors(k.b.getF32Type(),
                      weights + plan.totalSteps * vectors * kVectorBytes, v);
    panel.scale.push_back(
        isDynamic ? scale
                  : epilogue.foldScale(scale, op.getInputQuant()->getScale()));
    Value values;
    if (bias)
      values =
          k.loadPartial(bias, column + v * kRows, kRows, columns - v * kRows);
    panel.bias.push_back(epilogue.foldBias(values));
  }
  return panel;
}

void MatmulLoops::emitTile(const Panel &panel, const Rows &rows) {
  emitResults(panel, rows, emitSums(panel, rows));
}

Value MatmulLoops::loadZero(const Rows &rows, int64_t row) {
  if (!isDynamic)
    return k.splatInteger(32, -op.getInputQuant()->getZeroPoint(), kRows);
  return k.broadcast(k.load(rowZeros, rows.scratchRow + row), kRows);
}

MatmulLoops::Accumulators MatmulLoops::emitSums(const Panel &panel,
                                                const Rows &rows) {
  if (plan.isGrouped())
    return emitGroups(panel, rows);
  auto reals = VectorType::get(kRows, k.b.getF32Type());
  Accumulators sums = emitGroup(panel, rows, rows.codes, panel.weights,
                                plan.k / kColumns, plan.k % kColumns);
  for (Value &sum : sums)
    sum = arith::SIToFPOp::create(k.b, reals, sum);
  return sums;
}

MatmulLoops::Accumulators MatmulLoops::emitGroups(const Panel &panel,
                                                  const Rows &rows) {
  Type f32 = k.b.getF32Type();
  auto reals = VectorType::get(kRows, f32);
  int64_t stepBytes = panel.vectors * kVectorBytes;
  int64_t factorBytes = panel.vectors * kFactorBytes;
  // The length of a group is known at run time only.
  Value header = k.load(k.view(packed, k.b.getI32Type(), 0, 1), 0);
  Value steps = arith::IndexCastOp::create(k.b, k.b.getIndexType(), header);
  auto emitScaled = [&](Index group, bool last, ValueRange sums) {
    Index first = arith::MulIOp::create(k.b, k.value(group), steps).getResult();
    Index count = last ? k.sub(plan.k / kColumns, first) : Index(steps);
    Index all = last ? k.sub(plan.totalSteps, first) : Index(steps);
    Index weights = k.add(k.add(panel.weights, k.mul(first, stepBytes)),
                          k.mul(group, factorBytes));
    Accumulators levels =
        emitGroup(panel, rows, k.add(rows.codes, k.mul(first, kColumns)),
                  weights, count, last && plan.k % kColumns);
    Index scales = k.add(weights, k.mul(all, stepBytes));
    Accumulators next;
    for (int64_t row = 0; row < rows.count; ++row)
      for (int64_t v = 0; v < panel.vectors; ++v) {
        int64_t at = row * panel.vectors + v;
        Value sum = arith::SIToFPOp::create(k.b, reals, levels[at]);
        next.push_back(k.fma(sum, loadFactors(f32, scales, v), sums[at]));
      }
    return next;
  };
  // Starting at the correction for the zero point.
  Accumulators sums;
  for (int64_t row = 0; row < rows.count; ++row) {
    Value zero = arith::SIToFPOp::create(k.b, reals, loadZero(rows, row));
    for (int64_t v = 0; v < panel.vectors; ++v)
      sums.push_back(k.mulf(zero, loadFactors(f32, panel.sums(plan), v)));
  }
  sums = k.forLoop(0, plan.groups - 1, 1, sums, [&](Index group, ValueRange v) {
    return emitScaled(group, false, v);
  });
  return emitScaled(plan.groups - 1, true, sums);
}

MatmulLoops::Accumulators MatmulLoops::emitStart(const Panel &panel,
                                                 const Rows &rows) {
  Accumulators start(rows.count * panel.vectors * plan.chains,
                     k.splatInteger(32, 0, kRows));
  if (plan.isGrouped())
    return start;
  for (int64_t v = 0; v < panel.vectors; ++v) {
    Value levels = loadFactors(k.b.getI32Type(), panel.sums(plan), v);
    for (int64_t row = 0; row < rows.count; ++row)
      start[slot(panel, row, v)] =
          arith::MulIOp::create(k.b, levels, loadZero(rows, row));
  }
  return start;
}

MatmulLoops::Accumulators MatmulLoops::emitGroup(const Panel &panel,
                                                 const Rows &rows, Index codes,
                                                 Index weights, Index steps,
                                                 bool tail) {
  int64_t stepBytes = panel.vectors * kVectorBytes;
  auto emitSteps = [&](Index step, int64_t count, int64_t bytes, ValueRange v) {
    Accumulators next(v);
    for (int64_t u = 0; u < count; ++u)
      emitStep(panel, k.add(codes, k.mul(step + u, kColumns)),
               k.add(weights, k.mul(step + u, stepBytes)), u % plan.chains,
               bytes, next);
    return next;
  };
  Accumulators result = emitStart(panel, rows);
  int64_t unroll = plan.unroll, rest = 0;
  if (steps.isConstant())
    rest = steps.offset % unroll;
  result = k.forLoop(0, steps + -rest, unroll, result,
                     [&](Index step, ValueRange v) {
                       return emitSteps(step, unroll, kColumns, v);
                     });
  if (rest)
    result = emitSteps(steps + -rest, rest, kColumns, result);
  if (tail)
    result = emitSteps(steps, 1, plan.k % kColumns, result);
  // Chains end here.
  Accumulators sum;
  for (int64_t row = 0; row < rows.count; ++row)
    for (int64_t v = 0; v < panel.vectors; ++v) {
      sum.push_back(result[slot(panel, row, v)]);
      for (int64_t chain = 1; chain < plan.chains; ++chain)
        sum.back() = arith::AddIOp::create(k.b, sum.back(),
                                           result[slot(panel, row, v, chain)]);
    }
  return sum;
}

void MatmulLoops::emitStep(const Panel &panel, Index codes, Index weights,
                           int64_t chain, int64_t bytes,
                           Accumulators &accumulators) {
  SmallVector<Value> vectors;
  for (int64_t v = 0; v < panel.vectors; ++v)
    vectors.push_back(
        k.loadVector(packed, weights + v * kVectorBytes, kVectorBytes));
  int64_t rows = accumulators.size() / (panel.vectors * plan.chains);
  for (int64_t row = 0; row < rows; ++row) {
    Value dword = broadcastCodes(codes + row * pitch, bytes);
    for (int64_t v = 0; v < panel.vectors; ++v) {
      Value &sum = accumulators[slot(panel, row, v, chain)];
      sum = emitDot(k, sum, dword, vectors[v]);
    }
  }
}

Value MatmulLoops::broadcastCodes(Index at, int64_t bytes) {
  Type i32 = k.b.getI32Type();
  Value dword;
  if (bytes == kColumns) {
    Value vector = k.loadVector(codes, at, kColumns);
    vector = vector::BitCastOp::create(k.b, VectorType::get(1, i32), vector);
    dword = vector::ExtractOp::create(k.b, vector, 0);
  } else {
    // The end of a row of the input, behind which another buffer may be.
    for (int64_t i = 0; i < bytes; ++i) {
      Value code = arith::ExtUIOp::create(k.b, i32, k.load(codes, at + i));
      if (i)
        code = arith::OrIOp::create(
            k.b, dword, arith::ShLIOp::create(k.b, code, k.integer(32, 8 * i)));
      dword = code;
    }
  }
  return k.broadcast(dword, kRows);
}

//===----------------------------------------------------------------------===//
// Results
//===----------------------------------------------------------------------===//

void MatmulLoops::emitResults(const Panel &panel, const Rows &rows,
                              const Accumulators &sums) {
  constexpr int64_t kAtOnce = 4; // vectors of codes in a store
  for (int64_t row = 0; row < rows.count; ++row) {
    Index to = k.add(rows.output, panel.column) + row * plan.n;
    SmallVector<Value> results;
    for (int64_t v = 0; v < panel.vectors; ++v) {
      Value scale = panel.scale[v], other;
      if (isDynamic)
        scale =
            epilogue.foldScale(scale, k.load(rowScales, rows.scratchRow + row));
      if (residual)
        other = k.loadPartial(residual->buffer, to + v * kRows, kRows,
                              panel.columns - v * kRows);
      results.push_back(epilogue.apply(sums[row * panel.vectors + v], scale,
                                       panel.bias[v], other));
    }
    if (!output.quant) {
      for (int64_t v = 0; v < panel.vectors; ++v)
        k.storePartial(results[v], output.buffer, to + v * kRows,
                       panel.columns - v * kRows);
      continue;
    }
    for (int64_t v = 0; v < panel.vectors; v += kAtOnce) {
      int64_t count = std::min(kAtOnce, panel.vectors - v);
      Value codes = epilogue.encode(ArrayRef(results).slice(v, count));
      k.storePartial(codes, output.buffer, to + v * kRows,
                     std::min(count * kRows, panel.columns - v * kRows));
    }
  }
}
