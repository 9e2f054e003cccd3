//===----------------------------------------------------------------------===//
// Part of MPQ, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//===----------------------------------------------------------------------===//
//
// From sums to the result.
//
// A lane has, of each 16 x 8 block, columns 2t and 2t + 1 of rows g and g + 8.
//
//===----------------------------------------------------------------------===//

#include "Kernel.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/LLVMIR/LLVMDialect.h"

using namespace mlir;
using namespace mpq;
using namespace mpq::w4a16;

namespace {

class Epilogue {
public:
  Epilogue(ThreadBuilder &t, const Plan &plan, const ThreadPosition &at,
           const KernelArguments &arguments, RangeAttr clamp)
      : t(t), plan(plan), at(at), arguments(arguments), clamp(clamp),
        columns(plan.weight.columns), isWide(columns % 2 == 0) {}

  void emit(ArrayRef<Value> sums) {
    Value firstRow = t.add(t.add(t.mul(at.rowBlock, plan.rows()),
                                 t.mul(at.warpM, plan.blocksM * 16)),
                           at.laneGroup);
    for (int64_t block = 0; block < kPanelBlocks; ++block) {
      Value within = t.add(t.mul(at.laneInGroup, 2), block * kBlockColumns);
      Value column = t.add(t.mul(at.panel, kPanelColumns), within);
      auto [factor, bias] = loadColumnTerms(column);
      for (int64_t m = 0; m < plan.blocksM; ++m)
        for (int64_t half : {0, 1}) {
          const Value *sum = &sums[(m * kPanelBlocks + block) * 4 + 2 * half];
          Value row = t.add(firstRow, 16 * m + 8 * half);
          SmallVector<Value> values;
          for (int64_t i = 0; i < 2; ++i)
            values.push_back(t.fma(sum[i], factor[i], bias[i]));
          Value hasRow = t.lessThan(row, arguments.rows);
          t.ifThen(hasRow, [&] { storePair(row, column, values); });
        }
    }
  }

private:
  using Pair = std::array<Value, 2>;

  /// Factor and bias of a column and its neighbour; any where there are none.
  std::pair<Pair, Pair> loadColumnTerms(Value column) {
    Value factors = t.advance(arguments.weight,
                              t.constant(t.b.getI64IntegerAttr(plan.weight.factorsStart())));
    Pair factor = loadPair(factors, column, t.f32Type(), true);
    Pair bias = {t.f32(0.0), t.f32(0.0)};
    if (arguments.bias)
      for (int64_t i = 0; i < 2; ++i) {
        Value inside = isWhole() ? t.add(column, i) : t.min(t.add(column, i), columns - 1);
        bias[i] = t.load(t.f32Type(), t.advance(arguments.bias, t.mul(inside, 4)), 4);
      }
    return {factor, bias};
  }

  bool isWhole() const { return columns % kPanelColumns == 0; }

  Pair loadPair(Value from, Value index, Type type, bool aligned) {
    int64_t bytes = type.getIntOrFloatBitWidth() / 8;
    Value at = t.advance(from, t.mul(index, bytes));
    if (!aligned)
      return {t.load(type, at, bytes), t.load(type, t.advance(at, bytes), bytes)};
    Value pair = t.load(VectorType::get(2, type), at, 2 * bytes);
    return {t.element(pair, 0), t.element(pair, 1)};
  }

  Value finish(Value value, Value residual) {
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

  Value loadResidual(Value from) {
    Value loaded = t.load(arguments.residualType, from,
                          arguments.residualType.getIntOrFloatBitWidth() / 8);
    return widen(loaded);
  }
  Value widen(Value value) {
    return value.getType().isF16()
               ? arith::ExtFOp::create(t.b, t.f32Type(), value).getResult()
               : value;
  }

  /// Stores columns `column`, `column` + 1 of `row`, where they exist.
  void storePair(Value row, Value column, ArrayRef<Value> values) {
    auto address = [&](Value pointer, Type type) {
      int64_t bytes = type.getIntOrFloatBitWidth() / 8;
      return t.advance(t.advanceFar(pointer, row, columns * bytes), t.mul(column, bytes));
    };
    Value to = address(arguments.output, arguments.outputType);
    Value residual = arguments.residual ? address(arguments.residual, arguments.residualType) : Value();
    auto guard = [&](int64_t i) {
      return isWhole() ? Value() : t.lessThan(t.add(column, i), columns);
    };
    int64_t bytes = arguments.outputType.getIntOrFloatBitWidth() / 8;
    int64_t residualBytes = residual ? arguments.residualType.getIntOrFloatBitWidth() / 8 : 0;
    auto get = [&](int64_t i) {
      return finish(values[i], residual ? loadResidual(t.advance(residual, i * residualBytes)) : Value());
    };
    if (isWide) {
      t.ifThen(guard(1), [&] { t.store(t.vector({get(0), get(1)}), to, 2 * bytes); });
      return;
    }
    for (int64_t i = 0; i < 2; ++i)
      t.ifThen(guard(i), [&] { t.store(get(i), t.advance(to, i * bytes), bytes); });
  }

  ThreadBuilder &t;
  const Plan &plan;
  const ThreadPosition &at;
  const KernelArguments &arguments;
  RangeAttr clamp;
  int64_t columns;
  bool isWide;
};

} // namespace

void mpq::w4a16::emitEpilogue(ThreadBuilder &t, const Plan &plan,
                              const ThreadPosition &at,
                              const KernelArguments &arguments, RangeAttr clamp,
                              ArrayRef<Value> sums) {
  // Sums of other warps along K are incomplete; panels may not exist.
  Value writes = at.hasPanel;
  if (plan.warpsK > 1)
    writes = t.both(writes, t.lessThan(at.warpK, 1));
  t.ifThen(writes, [&] { Epilogue(t, plan, at, arguments, clamp).emit(sums); });
}
