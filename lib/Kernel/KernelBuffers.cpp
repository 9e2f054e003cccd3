//===----------------------------------------------------------------------===//
// Part of MPQ, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//===----------------------------------------------------------------------===//
//
// Loads and stores of kernels: whole vectors, parts of vectors, borders.
//
//===----------------------------------------------------------------------===//

#include "mpq/Kernel/ParallelRows.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/LLVMIR/LLVMDialect.h"
#include "mlir/Dialect/MemRef/IR/MemRef.h"
#include "mlir/Dialect/SCF/IR/SCF.h"
#include "mlir/Dialect/Vector/IR/VectorOps.h"

#include <algorithm>

using namespace mlir;
using namespace mpq;

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
  forLoop(0, a.shape[0] * a.channelBlocks(), 1,
          [&](Index plane) { fillPlaneBorder(*this, a, plane); });
}
