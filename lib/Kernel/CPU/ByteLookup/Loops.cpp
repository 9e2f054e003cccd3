//===----------------------------------------------------------------------===//
// Part of MPQ, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//===----------------------------------------------------------------------===//
//
// Stripes, runs, parts, groups. docs/Rationale/Lookup.md has the measurements.
//
//===----------------------------------------------------------------------===//

#include "lib/Kernel/CPU/ByteLookup/Loops.h"

#include "mlir/Dialect/Arith/IR/Arith.h"

using namespace mlir;
using namespace mpq;
using namespace mpq::bytelookup;

ByteLoops::ByteLoops(KernelBuilder &k, MatmulOp op, const ByteLayout &bytes,
                     const PackedLayout &plain, int64_t rowsAtOnce,
                     PanelSums &sums, packed::SignedRows *activations,
                     ValueRange operands)
    : PanelLoops(k, op, plain, operands, sums.lanes(),
                 /*convertsHalves=*/true),
      bytes(bytes), rowsAtOnce(rowsAtOnce),
      stripePanels(std::clamp<int64_t>(Tuning::kStripeBytes /
                                           (4 * rowsAtOnce * bytes.panelRows),
                                       1, bytes.panels())),
      sums(sums), activations(activations) {
  int64_t count = rowsAtOnce * getPitch();
  Type real = k.b.getF32Type();
  if (keepsLevels())
    levels = k.stackBuffer(sums.areIntegers() ? Type(k.b.getI32Type()) : real,
                           count);
  if (bytes.isGrouped())
    totals = k.stackBuffer(real, count);
}

void ByteLoops::forRows(const InputRows &rows,
                        function_ref<void(const InputRow &)> body) {
  k.forLoop(0, rows.count, 1,
            [&](Index row) { body({row, k.add(rows.first, row)}); });
}

void ByteLoops::emit() {
  // Threads share the panels, each with tables and sums of its own.
  forRowBlocks(
      rowsAtOnce,
      [&](Index first, Index count) {
        InputRows rows{first, count};
        forRows(rows, [&](const InputRow &row) { sums.emitRow(row); });
        // The last stripe has what is left, and is not empty.
        int64_t whole = (bytes.panels() - 1) / stripePanels;
        k.forLoop(0, whole, 1, [&](Index stripe) {
          emitStripe(rows, {k.mul(stripe, stripePanels), stripePanels,
                            stripePanels * bytes.panelRows});
        });
        int64_t done = whole * stripePanels;
        emitStripe(rows, {done, bytes.panels() - done,
                          layout.rows - done * bytes.panelRows});
      },
      /*parallel=*/false);
}

void ByteLoops::emitStripe(const InputRows &rows, const Stripe &stripe) {
  startSums(rows, stripe);
  k.forLoop(0, bytes.runs, 1, [&](Index run) {
    int64_t last = bytes.parts - 1;
    k.forLoop(0, last, 1, [&](Index part) {
      emitPiece(rows, stripe, {run, part}, /*isLast=*/false);
    });
    emitPiece(rows, stripe, {run, last}, /*isLast=*/true);
  });
  emitResults(rows, stripe);
}

//===----------------------------------------------------------------------===//
// Sums that wait
//===----------------------------------------------------------------------===//

ByteLoops::Values ByteLoops::loadSums(Value buffer, Index local, Index row) {
  Index at = k.add(k.mul(row, getPitch()), k.mul(local, bytes.panelRows));
  Values values;
  for (int64_t v = 0; v < sums.vectors(); ++v)
    values.push_back(k.loadVector(buffer, at + v * lanes, lanes));
  return values;
}

void ByteLoops::storeSums(ValueRange values, Value buffer, Index local,
                          Index row) {
  Index at = k.add(k.mul(row, getPitch()), k.mul(local, bytes.panelRows));
  for (auto [v, value] : llvm::enumerate(values))
    k.storeVector(value, buffer, at + int64_t(v) * lanes);
}

ByteLoops::Values ByteLoops::zeros(bool areIntegers) {
  return Values(sums.vectors(), areIntegers ? k.splatInteger(32, 0, lanes)
                                            : k.splatF32(0.0, lanes));
}

Value ByteLoops::toReal(Value values) {
  if (!sums.areIntegers())
    return values;
  return arith::SIToFPOp::create(k.b, VectorType::get(lanes, k.b.getF32Type()),
                                 values);
}

Value ByteLoops::loadFactor(Index at, int64_t vector, int64_t size) {
  return factors.loadReals({at, vector * lanes}, 0, size);
}

/// At the correction for the activations' zero points, or, where there is none yet,
/// at zero.
void ByteLoops::startSums(const InputRows &rows, const Stripe &stripe) {
  bool isCorrected =
      bytes.isGrouped() && activations && !activations->isGrouped();
  k.parallelFor(0, stripe.count, 1, [&](Index local) {
    Index at = k.mul(k.add(stripe.first, local), bytes.getFactorsPitch()) +
               (bytes.getFactorsOffset() + bytes.getSumsOffset());
    forRows(rows, [&](const InputRow &row) {
      if (levels)
        storeSums(zeros(sums.areIntegers()), levels, local, row.block);
      if (!totals)
        return;
      Values start = zeros(/*areIntegers=*/false);
      Value offset;
      if (isCorrected)
        offset = k.broadcast(
            arith::SIToFPOp::create(k.b, k.b.getF32Type(),
                                    activations->loadOffset(row.block)),
            lanes);
      for (int64_t v = 0; isCorrected && v < sums.vectors(); ++v)
        start[v] = k.mulf(offset, loadFactor(at, v, 4));
      storeSums(start, totals, local, row.block);
    });
  });
}

//===----------------------------------------------------------------------===//
// Runs
//===----------------------------------------------------------------------===//

void ByteLoops::emitPiece(const InputRows &rows, const Stripe &stripe,
                          const Piece &piece, bool isLast) {
  Index from = k.add(k.mul(piece.run, bytes.getRunPitch()),
                     k.mul(piece.part, bytes.getPartPitch()));
  bool addsScaled = totals && isLast;
  forRows(rows, [&](const InputRow &row) {
    sums.emitTables(row, piece);
    k.parallelFor(0, stripe.count, 1, [&](Index local) {
      Index at = k.add(
          from, k.mul(k.add(stripe.first, local), bytes.getPanelPitch(isLast)));
      Values values;
      if (levels)
        llvm::append_range(values, loadSums(levels, local, row.block));
      if (addsScaled)
        llvm::append_range(values, loadSums(totals, local, row.block));
      values = k.forLoop(
          0, bytes.runGroups, 1, values, [&](Index group, ValueRange v) {
            return addGroup(
                row, k.add(k.mul(piece.run, bytes.runGroups), group),
                k.add(at, k.mul(group, bytes.getGroupBytes(isLast))),
                k.mul(group, bytes.partLines), isLast, v);
          });
      ArrayRef<Value> all = values;
      if (levels)
        storeSums(all.take_front(sums.vectors()), levels, local, row.block);
      if (addsScaled)
        storeSums(all.take_back(sums.vectors()), totals, local, row.block);
    });
  });
}

ByteLoops::Values ByteLoops::addGroup(const InputRow &row, Index group,
                                      Index at, Index firstLine, bool isLast,
                                      ValueRange before) {
  Values ofGroup = sums.emitGroup(at, firstLine);
  if (levels)
    for (auto [sum, more] : llvm::zip_first(ofGroup, before))
      sum = sums.areIntegers()
                ? arith::AddIOp::create(k.b, more, sum).getResult()
                : k.addf(more, sum);
  if (!totals || !isLast)
    return ofGroup;
  k.keepLoadsInOrder();
  Values result;
  if (levels)
    result = zeros(sums.areIntegers());
  llvm::append_range(result,
                     addScaled(row, group, at + bytes.getLineBytes(), ofGroup,
                               before.take_back(sums.vectors())));
  return result;
}

ByteLoops::Values ByteLoops::addScaled(const InputRow &row, Index group,
                                       Index scales, Values ofGroup,
                                       ValueRange before) {
  // Groups that are not there have scales of zero.
  if (bytes.runs * bytes.runGroups > bytes.groups)
    group = k.min(group, bytes.groups - 1);
  Value ofActivations;
  if (activations && activations->isGrouped()) {
    ofActivations =
        k.broadcast(activations->loadScale(row.block, group), lanes);
  }
  Values result;
  for (auto [v, sum] : llvm::enumerate(ofGroup)) {
    Value scale = loadFactor(scales, v, bytes.scaleBytes);
    if (ofActivations)
      scale = k.mulf(scale, ofActivations);
    result.push_back(
        k.fma(toReal(sums.finish(row, group, sum)), scale, before[v]));
  }
  return result;
}

//===----------------------------------------------------------------------===//
// Results
//===----------------------------------------------------------------------===//

void ByteLoops::emitResults(const InputRows &rows, const Stripe &stripe) {
  auto visit = [&](Index local, int64_t columns) {
    Index panel = k.add(stripe.first, local);
    Index at = k.mul(panel, bytes.getFactorsPitch()) + bytes.getFactorsOffset();
    Panel result = makePanel(k.mul(panel, sums.vectors()),
                             llvm::divideCeil(columns, lanes), columns);
    forRows(rows,
            [&](const InputRow &row) { emitResult(row, local, result, at); });
  };
  int64_t full = stripe.columns / bytes.panelRows;
  k.parallelFor(0, full, 1,
                [&](Index local) { visit(local, bytes.panelRows); });
  // Each thread has to come back to its own panels.
  if (full < stripe.count)
    k.parallelOnce(
        [&] { visit(full, stripe.columns - full * bytes.panelRows); },
        full ? KernelBuilder::Units::Joined : KernelBuilder::Units::Own);
}

void ByteLoops::emitResult(const InputRow &row, Index local, const Panel &panel,
                           Index factorsAt) {
  Values values = loadSums(totals ? totals : levels, local, row.block);
  Values results;
  for (int64_t v = 0; v < panel.vectors(); ++v) {
    Value sum = totals ? values[v] : sums.finish(row, 0, values[v]);
    if (!totals && activations) {
      Value levelSums = factors.loadIntegers(
          {factorsAt + bytes.getSumsOffset(), v * lanes}, 0, 4);
      Value offset = k.broadcast(activations->loadOffset(row.block), lanes);
      sum = arith::AddIOp::create(
          k.b, sum, arith::MulIOp::create(k.b, levelSums, offset));
    }
    Value scale = totals ? Value() : loadFactor(factorsAt, v, 4);
    Value ofActivations;
    if (activations && !activations->isGrouped())
      ofActivations = k.broadcast(activations->loadScale(row.block), lanes);
    if (scale && ofActivations)
      sum = k.mulf(toReal(sum), scale);
    if (Value last = ofActivations ? ofActivations : scale)
      sum = k.fma(sum, last, panel.bias[v]);
    else
      sum = k.addf(sum, panel.bias[v]);
    results.push_back(sum);
  }
  PanelLoops::emitResults(panel, {row.block, row.input, 1}, results);
}
