//===----------------------------------------------------------------------===//
// Part of MPQ, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//===----------------------------------------------------------------------===//
//
// From sums to the result, a tile at a time (Plan.h). Threads have sums of
// single columns in many rows; through shared memory they come to four columns
// of one row, which is what memory likes to be written.
//
// Where K is split, each block writes its part to the workspace and counts
// itself. The last one to come for a tile adds all parts, its own too, in the
// order of K: the result does not depend on who that was.
//
//===----------------------------------------------------------------------===//

#include "Kernel.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/LLVMIR/LLVMDialect.h"

using namespace mlir;
using namespace mpq;
using namespace mpq::w4a16;

namespace {

constexpr int64_t kChunkColumns = 4;

class Epilogue {
public:
  Epilogue(ThreadBuilder &t, const Plan &plan, const ThreadPosition &at,
           const KernelArguments &arguments, RangeAttr clamp, Value shared)
      : t(t), plan(plan), at(at), arguments(arguments), clamp(clamp),
        shared(shared), columns(plan.weight.columns),
        isWide(columns % kChunkColumns == 0) {}

  void emit(Multiplier &multiplier, ArrayRef<Value> sums) {
    t.waitForCopies(0); // copies past the end still write zeros into the ring
    for (int64_t pass = 0; pass < plan.passes(); ++pass) {
      t.barrier(); // what was there has been read
      multiplier.store(pass, sums, shared);
      t.barrier();
      forEachChunk(pass, [&](const Chunk &chunk) {
        Value tile = t.add(t.mul(chunk.tileRow, plan.tilePitch()),
                           t.mul(chunk.tileColumn, 4));
        Value sum = t.load(quadType(), t.advance(shared, tile), 16);
        if (plan.splits == 1)
          storeResult(chunk, sum);
        else
          t.store(sum,
                  t.advance(getPart(at.split, pass), t.mul(chunk.index, 16)),
                  16);
      });
    }
    if (plan.splits > 1)
      t.ifThen(isLastBlock(), [&] { addParts(); });
  }

private:
  struct Chunk {
    Value index;               ///< in the tile
    Value tileRow, tileColumn; ///< of the first of four columns
    Value row, column;         ///< of the result
  };

  Type quadType() { return VectorType::get(kChunkColumns, t.f32Type()); }

  /// Calls `body` for this thread's chunks of the tile that are in a row of the
  /// result.
  void forEachChunk(int64_t pass, function_ref<void(const Chunk &)> body) {
    int64_t perRow = plan.tileColumns() / kChunkColumns,
            count = plan.tileRows() * perRow;
    t.forLoop(
        llvm::divideCeil(count, plan.threads()), {}, [&](Value i, ValueRange) {
          Chunk chunk;
          chunk.index = t.add(t.mul(i, plan.threads()), at.thread);
          chunk.tileRow = t.div(chunk.index, perRow);
          chunk.tileColumn = t.mul(t.rem(chunk.index, perRow), kChunkColumns);
          chunk.row = t.add(t.mul(at.rowBlock, plan.rows()),
                            getRow(chunk.tileRow, pass));
          chunk.column = t.add(t.mul(at.columnBlock, plan.tileColumns()),
                               chunk.tileColumn);
          Value guard = t.lessThan(chunk.row, arguments.rows);
          if (count % plan.threads())
            guard = t.both(guard, t.lessThan(chunk.index, count));
          t.ifThen(guard, [&] { body(chunk); });
          return SmallVector<Value>();
        });
  }

  /// Of the block, for a row of the tile: each warp has blocksM times 16.
  Value getRow(Value tileRow, int64_t pass) {
    if (plan.usesWarpgroups() || plan.blocksM == 1)
      return tileRow;
    Value warp = t.mul(t.div(tileRow, 16), plan.blocksM * 16);
    return t.add(t.add(warp, pass * 16), t.rem(tileRow, 16));
  }

  //===--- Parts of K -----------------------------------------------------===//

  Value getPart(Value split, int64_t pass) {
    Value tile = t.add(t.mul(split, plan.columnBlocks()), at.columnBlock);
    Value part = t.advanceFar(arguments.workspace, tile,
                              plan.passes() * plan.partBytes());
    return t.advance(part, plan.partsStart() + pass * plan.partBytes());
  }

  /// Counts this block; true in all of its threads if it was the last of its
  /// tile.
  Value isLastBlock() {
    t.fence();
    t.barrier(); // all have written their parts, and read the tile
    Value counter = t.advance(arguments.workspace, t.mul(at.columnBlock, 4));
    t.ifThen(t.equal(at.thread, 0), [&] {
      Value before = t.atomicAdd(counter, 1);
      t.store(before, shared, 4);
      t.ifThen(t.equal(before, plan.splits - 1),
               [&] { t.store(t.i32(0), counter, 4); });
    });
    t.barrier();
    t.fence();
    return t.equal(t.load(t.i32Type(), shared, 4), plan.splits - 1);
  }

  void addParts() {
    for (int64_t pass = 0; pass < plan.passes(); ++pass)
      forEachChunk(pass, [&](const Chunk &chunk) {
        Value sum;
        for (int64_t split = 0; split < plan.splits; ++split) {
          Value from =
              t.advance(getPart(t.i32(split), pass), t.mul(chunk.index, 16));
          Value part = t.load(quadType(), from, 16);
          sum = sum ? arith::AddFOp::create(t.b, sum, part) : part;
        }
        storeResult(chunk, sum);
      });
  }

  //===--- Results --------------------------------------------------------===//

  void storeResult(const Chunk &chunk, Value sum) {
    if (isWide) {
      Value inside = columns % plan.tileColumns()
                         ? t.lessThan(chunk.column, columns)
                         : Value();
      t.ifThen(inside, [&] { storeColumns(chunk, sum, 0, kChunkColumns); });
      return;
    }
    for (int64_t i = 0; i < kChunkColumns; ++i)
      t.ifThen(t.lessThan(t.add(chunk.column, i), columns),
               [&] { storeColumns(chunk, sum, i, 1); });
  }

  /// `count` columns of a chunk from the one at `first` on.
  void storeColumns(const Chunk &chunk, Value sum, int64_t first,
                    int64_t count) {
    Value column = t.add(chunk.column, first);
    auto load = [&](Type type, Value row) {
      int64_t bytes = type.getIntOrFloatBitWidth() / 8;
      return loadColumns(type, t.advance(row, t.mul(column, bytes)), count);
    };
    Value factors = t.advance(arguments.weight, plan.weight.factorsStart());
    SmallVector<Value> factor = load(t.f32Type(), factors), bias, residual,
                       values;
    if (arguments.bias)
      bias = load(t.f32Type(), arguments.bias);
    if (arguments.residual)
      residual =
          load(arguments.residualType,
               rowOf(arguments.residual, arguments.residualType, chunk.row));
    for (int64_t i = 0; i < count; ++i) {
      Value value = t.fma(t.element(sum, first + i), factor[i],
                          bias.empty() ? t.f32(0.0) : bias[i]);
      values.push_back(finish(value, residual.empty() ? Value() : residual[i]));
    }
    int64_t bytes = arguments.outputType.getIntOrFloatBitWidth() / 8;
    Value to =
        t.advance(rowOf(arguments.output, arguments.outputType, chunk.row),
                  t.mul(column, bytes));
    t.store(count == 1 ? values[0] : t.vector(values), to, count * bytes);
  }

  SmallVector<Value> loadColumns(Type type, Value from, int64_t count) {
    int64_t bytes = type.getIntOrFloatBitWidth() / 8;
    Value loaded = t.load(count == 1 ? type : VectorType::get(count, type),
                          from, count * bytes);
    SmallVector<Value> values;
    for (int64_t i = 0; i < count; ++i)
      values.push_back(count == 1 ? loaded : t.element(loaded, i));
    return values;
  }

  Value rowOf(Value pointer, Type type, Value row) {
    return t.advanceFar(pointer, row,
                        columns * type.getIntOrFloatBitWidth() / 8);
  }

  Value finish(Value value, Value residual) {
    if (residual && residual.getType().isF16())
      residual = arith::ExtFOp::create(t.b, t.f32Type(), residual);
    if (residual)
      value = arith::AddFOp::create(t.b, value, residual);
    // The ops of arith would become calls of CUDA's libdevice.
    if (clamp && double(clamp.getMin()) > -INFINITY)
      value = LLVM::MaxNumOp::create(t.b, value, t.f32(double(clamp.getMin())));
    if (clamp && double(clamp.getMax()) < INFINITY)
      value = LLVM::MinNumOp::create(t.b, value, t.f32(double(clamp.getMax())));
    if (arguments.outputType.isF16())
      value = arith::TruncFOp::create(t.b, t.f16Type(), value);
    return value;
  }

  ThreadBuilder &t;
  const Plan &plan;
  const ThreadPosition &at;
  const KernelArguments &arguments;
  RangeAttr clamp;
  Value shared;
  int64_t columns;
  bool isWide; ///< four columns are inside or outside together, and aligned
};

} // namespace

void mpq::w4a16::emitEpilogue(ThreadBuilder &t, const Plan &plan,
                              const ThreadPosition &at,
                              const KernelArguments &arguments, RangeAttr clamp,
                              Multiplier &multiplier, Value shared,
                              ArrayRef<Value> sums) {
  Epilogue(t, plan, at, arguments, clamp, shared).emit(multiplier, sums);
}
