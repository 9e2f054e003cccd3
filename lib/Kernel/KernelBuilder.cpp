//===----------------------------------------------------------------------===//
// Part of MPQ, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//===----------------------------------------------------------------------===//
//
// Constants, folding indices, loops, buffers and arithmetic of kernels.
// QuantizedReals.cpp has the quantized activations, Bfloat16.cpp those in bf16.
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
// Buffers
//===----------------------------------------------------------------------===//

Value KernelBuilder::flatten(Value memref) {
  auto type = cast<MemRefType>(memref.getType());
  assert(type.getLayout().isIdentity() && "kernels see contiguous buffers");
  if (type.getRank() == 1)
    return memref;
  if (type.getRank() == 0) {
    auto flat = MemRefType::get({1}, type.getElementType());
    return memref::ExpandShapeOp::create(b, flat, memref,
                                         ArrayRef<ReassociationIndices>{});
  }
  SmallVector<ReassociationIndices> all(1);
  llvm::append_range(all[0], llvm::seq<int64_t>(0, type.getRank()));
  return memref::CollapseShapeOp::create(b, memref, all);
}

Value KernelBuilder::view(Value bytes, Type element, int64_t byteOffset,
                          int64_t count) {
  auto type = MemRefType::get({count}, element);
  return memref::ViewOp::create(b, type, bytes, index(byteOffset),
                                ValueRange{});
}

Value KernelBuilder::stackBuffer(Type element, int64_t count) {
  OpBuilder::InsertionGuard guard(b);
  b.setInsertionPointToStart(entry);
  return memref::AllocaOp::create(b, MemRefType::get({count}, element),
                                  b.getI64IntegerAttr(64));
}

Activation KernelBuilder::activation(Value memref, BlockedAttr layout,
                                     UniformAttr quant) {
  Activation result;
  result.quant = quant;
  if (layout) {
    result.shape.assign(layout.getShape().begin(), layout.getShape().end());
    result.block = layout.getBlock();
    result.top = layout.getTop();
    result.left = layout.getLeft();
    result.bottom = layout.getBottom();
    result.right = layout.getRight();
  } else {
    ArrayRef<int64_t> shape = cast<MemRefType>(memref.getType()).getShape();
    result.shape.assign(shape.begin(), shape.end());
  }
  result.buffer = flatten(memref);
  return result;
}

Index Activation::offset(KernelBuilder &k, Index n, Index channelBlock, Index h,
                         Index w) const {
  Index at = k.add(k.mul(n, samplePitch()), k.mul(channelBlock, planePitch()));
  at = k.add(at, k.mul(h + top, rowPitch()));
  return k.add(at, k.mul(w + left, block));
}

static Type getElement(Value buffer) {
  return cast<MemRefType>(buffer.getType()).getElementType();
}

Value KernelBuilder::load(Value buffer, Index at) {
  return widen(memref::LoadOp::create(b, buffer, value(at)));
}

void KernelBuilder::store(Value scalar, Value buffer, Index at) {
  memref::StoreOp::create(b, narrow(scalar, getElement(buffer)), buffer,
                          value(at));
}

Value KernelBuilder::loadStored(Value buffer, Index at, int64_t lanes) {
  return vector::LoadOp::create(b, VectorType::get(lanes, getElement(buffer)),
                                buffer, value(at));
}

Value KernelBuilder::loadVector(Value buffer, Index at, int64_t lanes) {
  return widen(loadStored(buffer, at, lanes));
}

void KernelBuilder::storeVector(Value vector, Value buffer, Index at) {
  vector::StoreOp::create(b, narrow(vector, getElement(buffer)), buffer,
                          value(at));
}

/// The mask of the first `valid` of `lanes`.
static Value makeMask(KernelBuilder &k, int64_t lanes, int64_t valid) {
  SmallVector<bool> bits(lanes, false);
  std::fill_n(bits.begin(), std::min(valid, lanes), true);
  return k.constant(
      DenseElementsAttr::get(VectorType::get(lanes, k.b.getI1Type()), bits));
}

static Value makeZero(KernelBuilder &k, VectorType type) {
  return k.constant(cast<TypedAttr>(k.b.getZeroAttr(type)));
}

/// Whether a mask on `buffer` has to be taken apart here: without instructions
/// for 16 bits under a mask LLVM does it, by way of a function of libgcc for
/// each bf16.
static bool takesMaskApart(KernelBuilder &k, Value buffer) {
  return getElement(buffer).isBF16() && !k.target.avx512bw;
}

static Value isValid(KernelBuilder &k, int64_t lane, Index valid) {
  return arith::CmpIOp::create(k.b, arith::CmpIPredicate::sgt, k.value(valid),
                               k.index(lane));
}

static Value loadLanes(KernelBuilder &k, Value buffer, Index at, int64_t lanes,
                       Index valid) {
  SmallVector<Value> values;
  for (int64_t lane = 0; lane < lanes; ++lane) {
    if (valid.isConstant()) {
      values.push_back(lane < valid.offset ? k.load(buffer, at + lane)
                                           : k.f32(0.0));
      continue;
    }
    auto branch = scf::IfOp::create(k.b, k.b.getF32Type(),
                                    isValid(k, lane, valid),
                                    /*withElseRegion=*/true);
    OpBuilder::InsertionGuard guard(k.b);
    k.b.setInsertionPointToStart(&branch.getThenRegion().front());
    scf::YieldOp::create(k.b, k.load(buffer, at + lane));
    k.b.setInsertionPointToStart(&branch.getElseRegion().front());
    scf::YieldOp::create(k.b, k.f32(0.0));
    values.push_back(branch.getResult(0));
  }
  return vector::FromElementsOp::create(
      k.b, VectorType::get(lanes, k.b.getF32Type()), values);
}

static void storeLanes(KernelBuilder &k, Value vector, Value buffer, Index at,
                       Index valid) {
  int64_t lanes = cast<VectorType>(vector.getType()).getNumElements();
  for (int64_t lane = 0; lane < lanes; ++lane) {
    auto store = [&] {
      k.store(vector::ExtractOp::create(k.b, vector, lane), buffer, at + lane);
    };
    if (!valid.isConstant())
      k.ifThen(isValid(k, lane, valid), store);
    else if (lane < valid.offset)
      store();
  }
}

Value KernelBuilder::loadPartial(Value buffer, Index at, int64_t lanes,
                                 int64_t valid) {
  if (valid >= lanes)
    return loadVector(buffer, at, lanes);
  if (takesMaskApart(*this, buffer))
    return loadLanes(*this, buffer, at, lanes, valid);
  auto type = VectorType::get(lanes, getElement(buffer));
  return widen(vector::MaskedLoadOp::create(b, type, buffer, value(at),
                                            makeMask(*this, lanes, valid),
                                            makeZero(*this, type)));
}

void KernelBuilder::storePartial(Value vector, Value buffer, Index at,
                                 int64_t valid) {
  int64_t lanes = cast<VectorType>(vector.getType()).getNumElements();
  if (valid >= lanes)
    return storeVector(vector, buffer, at);
  // LLVM 22 makes a plain store of a masked one of a single lane, and where the
  // lanes were narrowed before, stores the wide one: 4 bytes instead of 1.
  if (valid == 1 || takesMaskApart(*this, buffer))
    return storeLanes(*this, vector, buffer, at, valid);
  vector::MaskedStoreOp::create(b, buffer, value(at),
                                makeMask(*this, lanes, valid),
                                narrow(vector, getElement(buffer)));
}

Value KernelBuilder::mask(int64_t lanes, Index valid) {
  if (valid.isConstant())
    return makeMask(*this, lanes, valid.offset);
  return vector::CreateMaskOp::create(b, VectorType::get(lanes, b.getI1Type()),
                                      value(valid));
}

Value KernelBuilder::loadPartial(Value buffer, Index at, int64_t lanes,
                                 Index valid) {
  if (valid.isConstant())
    return loadPartial(buffer, at, lanes, valid.offset);
  if (takesMaskApart(*this, buffer))
    return loadLanes(*this, buffer, at, lanes, valid);
  auto type = VectorType::get(lanes, getElement(buffer));
  return widen(vector::MaskedLoadOp::create(
      b, type, buffer, value(at), mask(lanes, valid), makeZero(*this, type)));
}

void KernelBuilder::storePartial(Value vector, Value buffer, Index at,
                                 Index valid) {
  if (valid.isConstant())
    return storePartial(vector, buffer, at, valid.offset);
  if (takesMaskApart(*this, buffer))
    return storeLanes(*this, vector, buffer, at, valid);
  int64_t lanes = cast<VectorType>(vector.getType()).getNumElements();
  vector::MaskedStoreOp::create(b, buffer, value(at), mask(lanes, valid),
                                narrow(vector, getElement(buffer)));
}

Value KernelBuilder::loadBefore(Value buffer, Index at, int64_t lanes,
                                int64_t end) {
  if (at.isConstant())
    return loadPartial(buffer, at, lanes,
                       std::max<int64_t>(0, end - at.offset));
  auto type = VectorType::get(lanes, getElement(buffer));
  Value left = arith::SubIOp::create(b, index(end), value(at));
  if (takesMaskApart(*this, buffer))
    return loadLanes(*this, buffer, at, lanes, left);
  Value mask = vector::CreateMaskOp::create(
      b, VectorType::get(lanes, b.getI1Type()), left);
  return widen(vector::MaskedLoadOp::create(b, type, buffer, value(at), mask,
                                            makeZero(*this, type)));
}

void KernelBuilder::prefetch(Value buffer, Index at) {
  memref::PrefetchOp::create(b, buffer, value(at), /*isWrite=*/false,
                             /*localityHint=*/3,
                             /*isDataCache=*/true);
}

void KernelBuilder::keepLoadsInOrder() {
  // An empty piece of assembly that might touch any memory.
  LLVM::InlineAsmOp::create(b, Type(), ValueRange(), "", "~{memory}",
                            /*has_side_effects=*/true,
                            /*is_align_stack=*/false, LLVM::TailCallKind::None,
                            LLVM::AsmDialectAttr(), ArrayAttr());
}

void KernelBuilder::fill(Value buffer, Index at, int64_t count, Value scalar) {
  int64_t bytes = scalar.getType().getIntOrFloatBitWidth() / 8;
  int64_t lanes = 64 / bytes;
  if (count >= lanes) {
    Value vector = broadcast(scalar, lanes);
    forLoop(0, count / lanes, 1, [&](Index i) {
      storeVector(vector, buffer, add(at, mul(i, lanes)));
    });
  }
  // What is left is a sum of powers of two.
  for (int64_t done = count / lanes * lanes; lanes >>= 1, done < count;)
    if (count - done >= lanes) {
      storeVector(broadcast(scalar, lanes), buffer, at + done);
      done += lanes;
    }
}

void KernelBuilder::fillBorder(const Activation &a) {
  if (!a.top && !a.left && !a.bottom && !a.right)
    return;
  Value zero = a.quant ? integer(8, static_cast<int8_t>(a.quant.getZeroPoint()))
                       : f32(0.0);
  // The border of a plane is a few contiguous stretches: what lies before the
  // first pixel, between the rows, and after the last pixel.
  int64_t before = a.top * a.rowPitch() + a.left * a.block;
  int64_t between = (a.left + a.right) * a.block;
  int64_t after = a.right * a.block + a.bottom * a.rowPitch();
  int64_t row = a.shape[3] * a.block;
  forLoop(0, a.shape[0] * a.channelBlocks(), 1, [&](Index plane) {
    Index at = mul(plane, a.planePitch());
    fill(a.buffer, at, before, zero);
    if (between)
      forLoop(1, a.shape[2], 1, [&](Index h) {
        fill(a.buffer, add(at, mul(h, a.rowPitch())) + (before - between),
             between, zero);
      });
    fill(a.buffer, at + (before + (a.shape[2] - 1) * a.rowPitch() + row), after,
         zero);
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
