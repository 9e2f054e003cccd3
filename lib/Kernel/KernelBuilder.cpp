//===----------------------------------------------------------------------===//
// Part of MPQ, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//===----------------------------------------------------------------------===//
//
// Constants, folding indices, loops and arithmetic of kernels. KernelBuffers.cpp
// has loads and stores, QuantizedReals.cpp the quantized activations, Bfloat16.cpp
// those in bf16.
//
//===----------------------------------------------------------------------===//

#include "mpq/Kernel/KernelBuilder.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/LLVMIR/LLVMDialect.h"
#include "mlir/Dialect/MemRef/IR/MemRef.h"
#include "mlir/Dialect/SCF/IR/SCF.h"
#include "mlir/Dialect/Vector/IR/VectorOps.h"
#include "mlir/Interfaces/FunctionInterfaces.h"

#include <cmath>

using namespace mlir;
using namespace mpq;

KernelBuilder::KernelBuilder(OpBuilder &builder, Location loc,
                             const KernelTarget &target)
    : b(loc, builder), target(target) {
  entry = builder.getInsertionBlock();
  while (!isa<FunctionOpInterface>(entry->getParentOp()))
    entry = entry->getParentOp()->getBlock();
  entry = &entry->getParent()->front();
}

//===----------------------------------------------------------------------===//
// Constants
//===----------------------------------------------------------------------===//

Value KernelBuilder::constant(TypedAttr value) {
  Value &known = constants[value];
  if (!known) {
    OpBuilder::InsertionGuard guard(b);
    b.setInsertionPointToStart(entry);
    known = arith::ConstantOp::create(b, value);
  }
  return known;
}

Value KernelBuilder::index(int64_t value) {
  return constant(b.getIndexAttr(value));
}
Value KernelBuilder::f32(double value) {
  return constant(b.getF32FloatAttr(float(value)));
}
Value KernelBuilder::integer(unsigned bits, int64_t value) {
  return constant(IntegerAttr::get(b.getIntegerType(bits), value));
}

Value KernelBuilder::splatF32(double value, int64_t lanes) {
  auto type = VectorType::get(lanes, b.getF32Type());
  return constant(DenseElementsAttr::get(type, float(value)));
}

Value KernelBuilder::splatInteger(unsigned bits, int64_t value, int64_t lanes) {
  auto element = b.getIntegerType(bits);
  return constant(
      DenseElementsAttr::get(VectorType::get(lanes, element),
                             Attribute(IntegerAttr::get(element, value))));
}

//===----------------------------------------------------------------------===//
// Indices
//===----------------------------------------------------------------------===//

Value KernelBuilder::value(Index index) {
  if (index.isConstant())
    return this->index(index.offset);
  if (index.offset == 0)
    return index.base;
  return arith::AddIOp::create(b, index.base, this->index(index.offset));
}

Index KernelBuilder::add(Index x, Index y) {
  Index sum(x.offset + y.offset);
  sum.base = !x.base   ? y.base
             : !y.base ? x.base
                       : arith::AddIOp::create(b, x.base, y.base).getResult();
  return sum;
}

Index KernelBuilder::mul(Index x, int64_t factor) {
  Index product(x.offset * factor);
  if (x.base && factor)
    product.base =
        factor == 1
            ? x.base
            : arith::MulIOp::create(b, x.base, index(factor)).getResult();
  return product;
}

Index KernelBuilder::mul(Index x, Index y) {
  if (y.isConstant())
    return mul(x, y.offset);
  if (x.isConstant())
    return mul(y, x.offset);
  return arith::MulIOp::create(b, value(x), value(y)).getResult();
}

Index KernelBuilder::sub(Index x, Index y) {
  if (y.isConstant())
    return x + -y.offset;
  return Index(arith::SubIOp::create(b, value(x), y.base).getResult()) +
         -y.offset;
}

Index KernelBuilder::min(Index x, int64_t bound) {
  if (x.isConstant())
    return std::min(x.offset, bound);
  return arith::MinUIOp::create(b, value(x), index(bound)).getResult();
}

Index KernelBuilder::min(Index x, Index y) {
  if (y.isConstant())
    return min(x, y.offset);
  if (x.isConstant())
    return min(y, x.offset);
  return arith::MinUIOp::create(b, value(x), value(y)).getResult();
}

Index KernelBuilder::floorDiv(Index x, int64_t divisor) {
  if (divisor == 1)
    return x;
  if (x.isConstant())
    return x.offset / divisor;
  return arith::DivUIOp::create(b, value(x), index(divisor)).getResult();
}

Index KernelBuilder::mod(Index x, int64_t divisor) {
  if (divisor == 1)
    return 0;
  if (x.isConstant())
    return x.offset % divisor;
  return arith::RemUIOp::create(b, value(x), index(divisor)).getResult();
}

Index KernelBuilder::floorDiv(Index x, Index y) {
  if (y.isConstant())
    return floorDiv(x, y.offset);
  return arith::DivUIOp::create(b, value(x), value(y)).getResult();
}

Index KernelBuilder::mod(Index x, Index y) {
  if (y.isConstant())
    return mod(x, y.offset);
  return arith::RemUIOp::create(b, value(x), value(y)).getResult();
}

Value KernelBuilder::lessThan(Index x, int64_t bound) {
  if (x.isConstant())
    return integer(1, uint64_t(x.offset) < uint64_t(bound));
  return arith::CmpIOp::create(b, arith::CmpIPredicate::ult, value(x),
                               index(bound));
}

Index KernelBuilder::linear(ArrayRef<Index> at, ArrayRef<int64_t> sizes) {
  assert(at.size() == sizes.size());
  Index position;
  int64_t pitch = 1;
  for (auto [index, size] : llvm::reverse(llvm::zip(at, sizes))) {
    position = add(position, mul(index, pitch));
    pitch *= size;
  }
  return position;
}

Index KernelBuilder::dim(Value memref, int64_t dimension) {
  auto type = cast<MemRefType>(memref.getType());
  if (!type.isDynamicDim(dimension))
    return type.getDimSize(dimension);
  return memref::DimOp::create(b, memref, index(dimension)).getResult();
}

Index KernelBuilder::rows(Value memref, int64_t inner) {
  Index rows = 1;
  int64_t rank = cast<MemRefType>(memref.getType()).getRank();
  for (int64_t d = 0; d < rank - inner; ++d)
    rows = mul(rows, dim(memref, d));
  return rows;
}

//===----------------------------------------------------------------------===//
// Loops
//===----------------------------------------------------------------------===//

void KernelBuilder::forLoop(int64_t lower, int64_t upper, int64_t step,
                            Body body) {
  forLoop(lower, upper, step, {},
          [&](Index iv, ValueRange) -> SmallVector<Value> {
            body(iv);
            return {};
          });
}

void KernelBuilder::forLoop(Index lower, Index upper, int64_t step, Body body) {
  forLoop(lower, upper, step, {},
          [&](Index iv, ValueRange) -> SmallVector<Value> {
            body(iv);
            return {};
          });
}

SmallVector<Value> KernelBuilder::forLoop(int64_t lower, int64_t upper,
                                          int64_t step, ValueRange init,
                                          CarryingBody body) {
  return forLoop(Index(lower), Index(upper), step, init, body);
}

SmallVector<Value> KernelBuilder::forLoop(Index lower, Index upper,
                                          int64_t step, ValueRange init,
                                          CarryingBody body) {
  if (lower.isConstant() && upper.isConstant()) {
    if (lower.offset >= upper.offset)
      return SmallVector<Value>(init);
    if (lower.offset + step >= upper.offset)
      return body(lower, init);
  }
  auto loop =
      scf::ForOp::create(b, value(lower), value(upper), index(step), init);
  OpBuilder::InsertionGuard guard(b);
  // An scf.for without results has its terminator already.
  b.setInsertionPointToStart(loop.getBody());
  SmallVector<Value> next =
      body(loop.getInductionVar(), loop.getRegionIterArgs());
  if (!init.empty())
    scf::YieldOp::create(b, next);
  return SmallVector<Value>(loop.getResults());
}

void KernelBuilder::parallelFor(Index lower, Index upper, int64_t step,
                                Body body, Units units) {
  bool isConstant = lower.isConstant() && upper.isConstant();
  if (isConstant && lower.offset >= upper.offset)
    return;
  // A single iteration stays a loop, for one of the threads; the body may still
  // know where it is.
  bool isSingle = isConstant && lower.offset + step >= upper.offset;
  auto loop = scf::ForOp::create(b, value(lower), value(upper), index(step));
  loop->setAttr(kParallelAttr, b.getUnitAttr());
  if (units == Units::Joined)
    loop->setAttr(kJoinedAttr, b.getUnitAttr());
  OpBuilder::InsertionGuard guard(b);
  b.setInsertionPointToStart(loop.getBody());
  body(isSingle ? lower : Index(loop.getInductionVar()));
}

void KernelBuilder::parallelOnce(function_ref<void()> body, Units units) {
  parallelFor(0, 1, 1, [&](Index) { body(); }, units);
}

void KernelBuilder::forEach(ArrayRef<int64_t> sizes,
                            function_ref<void(ArrayRef<Index>)> body) {
  SmallVector<Index> indices;
  auto nest = [&](auto &self) -> void {
    if (indices.size() == sizes.size())
      return body(indices);
    forLoop(0, sizes[indices.size()], 1, [&](Index iv) {
      indices.push_back(iv);
      self(self);
      indices.pop_back();
    });
  };
  nest(nest);
}

void KernelBuilder::ifThen(Value condition, function_ref<void()> body) {
  auto branch = scf::IfOp::create(b, condition, /*withElseRegion=*/false);
  OpBuilder::InsertionGuard guard(b);
  b.setInsertionPointToStart(&branch.getThenRegion().front());
  body();
}

void KernelBuilder::switchTo(Index selector, int64_t count,
                             function_ref<void(int64_t)> body) {
  if (selector.isConstant()) {
    if (selector.offset >= 1 && selector.offset <= count)
      body(selector.offset);
    return;
  }
  auto cases = llvm::to_vector(llvm::seq_inclusive<int64_t>(1, count));
  auto op =
      scf::IndexSwitchOp::create(b, TypeRange(), value(selector), cases, count);
  OpBuilder::InsertionGuard guard(b);
  auto fill = [&](Region &region, int64_t number) {
    b.createBlock(&region);
    if (number)
      body(number);
    scf::YieldOp::create(b);
  };
  fill(op.getDefaultRegion(), 0);
  for (auto [region, number] : llvm::zip_equal(op.getCaseRegions(), cases))
    fill(region, number);
}

void KernelBuilder::forRowTiles(Index rows, int64_t most,
                                function_ref<void(Index, int64_t)> body,
                                bool parallel) {
  auto loop = [&](Index lower, Index upper, int64_t step, Units units,
                  Body body) {
    if (parallel)
      parallelFor(lower, upper, step, body, units);
    else
      forLoop(lower, upper, step, body);
  };
  if (rows.isConstant()) {
    if (rows.offset == 0)
      return;
    int64_t tiles = llvm::divideCeil(rows.offset, most);
    int64_t height = rows.offset / tiles, higher = rows.offset % tiles;
    loop(0, higher * (height + 1), height + 1, Units::Own,
         [&](Index row) { body(row, height + 1); });
    loop(higher * (height + 1), rows.offset, height,
         higher ? Units::Joined : Units::Own,
         [&](Index row) { body(row, height); });
    return;
  }
  // At least one tile, so that nothing is divided by zero; its height may be.
  Index tiles = floorDiv(rows + (most - 1), most);
  Index divisor = arith::MaxUIOp::create(b, value(tiles), index(1)).getResult();
  Index height = floorDiv(rows, divisor), higher = mod(rows, divisor);
  loop(0, tiles, 1, Units::Own, [&](Index tile) {
    Index row = add(mul(tile, height), min(tile, higher));
    Value isHigher = arith::CmpIOp::create(b, arith::CmpIPredicate::ult,
                                           value(tile), value(higher));
    Index extra =
        arith::IndexCastUIOp::create(b, b.getIndexType(), isHigher).getResult();
    switchTo(add(height, extra), most,
             [&](int64_t height) { body(row, height); });
  });
}

//===----------------------------------------------------------------------===//
// Packing
//===----------------------------------------------------------------------===//

Index KernelBuilder::limit(Index at, int64_t end, int64_t bound, Value &valid) {
  if (end <= bound)
    return at;
  Value below = lessThan(at, bound);
  valid = valid ? arith::AndIOp::create(b, valid, below).getResult() : below;
  return min(at, bound - 1);
}

Index KernelBuilder::tableRow(Value index, int64_t rows) {
  Value row = arith::IndexCastOp::create(b, b.getIndexType(), index);
  Value negative =
      arith::CmpIOp::create(b, arith::CmpIPredicate::slt, row, this->index(0));
  Value wrapped = arith::AddIOp::create(b, row, this->index(rows));
  row = arith::SelectOp::create(b, negative, wrapped, row);
  row = arith::MaxSIOp::create(b, row, this->index(0));
  return Index(
      Value(arith::MinSIOp::create(b, row, this->index(rows - 1))));
}

Value KernelBuilder::readWeight(const WeightReader &weight, Index row,
                                Index column, Value valid) {
  Value element = weight.emitValue(b, b.getLoc(), value(row), value(column));
  return valid ? arith::SelectOp::create(b, valid, element, f32(0.0)) : element;
}

//===----------------------------------------------------------------------===//
// Arithmetic
//===----------------------------------------------------------------------===//

Value KernelBuilder::broadcast(Value scalar, int64_t lanes) {
  return vector::BroadcastOp::create(
      b, VectorType::get(lanes, scalar.getType()), scalar);
}

Value KernelBuilder::fma(Value x, Value y, Value z) {
  if (target.fma && isa<VectorType>(x.getType()))
    return vector::FMAOp::create(b, x, y, z);
  return arith::AddFOp::create(b, arith::MulFOp::create(b, x, y), z);
}

Value KernelBuilder::addf(Value x, Value y) {
  return arith::AddFOp::create(b, x, y);
}
Value KernelBuilder::mulf(Value x, Value y) {
  return arith::MulFOp::create(b, x, y);
}

/// `value` in every lane of `type`, which is f32 or a vector of it.
static Value makeReal(KernelBuilder &k, Type type, double value) {
  if (auto vector = dyn_cast<VectorType>(type))
    return k.splatF32(value, vector.getNumElements());
  return k.f32(value);
}

Value KernelBuilder::maxf(Value value, double bound) {
  return arith::MaxNumFOp::create(b, value,
                                  makeReal(*this, value.getType(), bound));
}

Value KernelBuilder::minf(Value value, double bound) {
  return arith::MinNumFOp::create(b, value,
                                  makeReal(*this, value.getType(), bound));
}

Value KernelBuilder::clamp(Value value, RangeAttr range) {
  if (!range)
    return value;
  if (!std::isinf(range.getMin().value))
    value = maxf(value, range.getMin());
  if (!std::isinf(range.getMax().value))
    value = minf(value, range.getMax());
  return value;
}

Value KernelBuilder::intrinsic(StringRef name, Type result,
                               ValueRange operands) {
  return LLVM::CallIntrinsicOp::create(b, result, b.getStringAttr(name),
                                       operands)
      .getResult(0);
}
