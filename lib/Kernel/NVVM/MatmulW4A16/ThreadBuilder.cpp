//===----------------------------------------------------------------------===//
// Part of MPQ, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//===----------------------------------------------------------------------===//

#include "ThreadBuilder.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/LLVMIR/LLVMDialect.h"
#include "mlir/Dialect/SCF/IR/SCF.h"
#include "mlir/IR/Matchers.h"

using namespace mlir;
using namespace mpq::w4a16;

//===----------------------------------------------------------------------===//
// Constants
//===----------------------------------------------------------------------===//

Value ThreadBuilder::constant(TypedAttr value) {
  Value &known = constants[value];
  if (!known) {
    OpBuilder::InsertionGuard guard(b);
    b.setInsertionPointToStart(entry);
    known = arith::ConstantOp::create(b, value);
  }
  return known;
}

Value ThreadBuilder::pair(double value) {
  FloatAttr half = FloatAttr::get(f16Type(), value);
  return constant(DenseElementsAttr::get(cast<VectorType>(pairType()), Attribute(half)));
}

//===----------------------------------------------------------------------===//
// i32 arithmetic
//===----------------------------------------------------------------------===//

static std::optional<int64_t> getConstant(Value value) {
  APInt number;
  if (matchPattern(value, m_ConstantInt(&number)))
    return number.getSExtValue();
  return std::nullopt;
}

Value ThreadBuilder::add(Value x, Value y) {
  if (auto number = getConstant(y))
    return add(x, *number);
  if (auto number = getConstant(x))
    return add(y, *number);
  return arith::AddIOp::create(b, x, y);
}

Value ThreadBuilder::add(Value x, int64_t y) {
  if (y == 0)
    return x;
  if (auto number = getConstant(x))
    return i32(*number + y);
  return arith::AddIOp::create(b, x, i32(y));
}

Value ThreadBuilder::sub(Value x, Value y) {
  return arith::SubIOp::create(b, x, y);
}

Value ThreadBuilder::mul(Value x, int64_t y) {
  if (y == 1)
    return x;
  if (auto number = getConstant(x))
    return i32(*number * y);
  return arith::MulIOp::create(b, x, i32(y));
}

Value ThreadBuilder::div(Value x, int64_t y) {
  if (y == 1)
    return x;
  if (auto number = getConstant(x))
    return i32(*number / y);
  return arith::DivUIOp::create(b, x, i32(y));
}

Value ThreadBuilder::rem(Value x, int64_t y) {
  if (y == 1)
    return i32(0);
  if (auto number = getConstant(x))
    return i32(*number % y);
  return arith::RemUIOp::create(b, x, i32(y));
}

Value ThreadBuilder::exclusiveOr(Value x, Value y) {
  return arith::XOrIOp::create(b, x, y);
}

Value ThreadBuilder::min(Value x, Value y) {
  auto a = getConstant(x), c = getConstant(y);
  return a && c ? i32(std::min(*a, *c))
                : arith::MinUIOp::create(b, x, y).getResult();
}

Value ThreadBuilder::lessThan(Value x, Value y) {
  return arith::CmpIOp::create(b, arith::CmpIPredicate::ult, x, y);
}

Value ThreadBuilder::equal(Value x, int64_t y) {
  return arith::CmpIOp::create(b, arith::CmpIPredicate::eq, x, i32(y));
}

Value ThreadBuilder::both(Value x, Value y) {
  return !x ? y : !y ? x : arith::AndIOp::create(b, x, y).getResult();
}

Value ThreadBuilder::select(Value condition, Value x, Value y) {
  return condition ? arith::SelectOp::create(b, condition, x, y).getResult() : x;
}

//===----------------------------------------------------------------------===//
// Control
//===----------------------------------------------------------------------===//

SmallVector<Value> ThreadBuilder::forLoop(int64_t upper, ValueRange init,
                                          LoopBody body) {
  if (upper == 1)
    return body(i32(0), init);
  auto loop = scf::ForOp::create(b, i32(0), i32(upper), i32(1), init);
  OpBuilder::InsertionGuard guard(b);
  b.setInsertionPointToStart(loop.getBody());
  SmallVector<Value> next = body(loop.getInductionVar(), loop.getRegionIterArgs());
  if (!init.empty())
    scf::YieldOp::create(b, next);
  return SmallVector<Value>(loop.getResults());
}

void ThreadBuilder::ifThen(Value condition, function_ref<void()> body) {
  if (!condition)
    return body();
  auto branch = scf::IfOp::create(b, condition, /*withElseRegion=*/false);
  OpBuilder::InsertionGuard guard(b);
  b.setInsertionPointToStart(&branch.getThenRegion().front());
  body();
}

SmallVector<Value>
ThreadBuilder::ifThen(Value condition, ValueRange values,
                      function_ref<SmallVector<Value>()> body) {
  auto branch = scf::IfOp::create(b, values.getTypes(), condition, /*withElseRegion=*/true);
  OpBuilder::InsertionGuard guard(b);
  b.setInsertionPointToStart(&branch.getThenRegion().front());
  scf::YieldOp::create(b, body());
  b.setInsertionPointToStart(&branch.getElseRegion().front());
  scf::YieldOp::create(b, values);
  return SmallVector<Value>(branch.getResults());
}

void ThreadBuilder::barrier() { NVVM::Barrier0Op::create(b); }

//===----------------------------------------------------------------------===//
// Memory
//===----------------------------------------------------------------------===//

Value ThreadBuilder::advance(Value pointer, Value bytes, int64_t more) {
  if (auto number = getConstant(bytes))
    return advance(pointer, *number + more);
  Value moved = LLVM::GEPOp::create(b, pointer.getType(), b.getI8Type(), pointer,
                                    ArrayRef<LLVM::GEPArg>{bytes});
  return advance(moved, more);
}

Value ThreadBuilder::advance(Value pointer, int64_t bytes) {
  if (bytes == 0)
    return pointer;
  if (!llvm::isInt<32>(bytes))
    return LLVM::GEPOp::create(b, pointer.getType(), b.getI8Type(), pointer,
                               ArrayRef<LLVM::GEPArg>{constant(b.getI64IntegerAttr(bytes))});
  return LLVM::GEPOp::create(b, pointer.getType(), b.getI8Type(), pointer,
                             ArrayRef<LLVM::GEPArg>{static_cast<int32_t>(bytes)});
}

Value ThreadBuilder::advanceFar(Value pointer, Value index, int64_t pitch) {
  Value wide = arith::ExtUIOp::create(b, b.getI64Type(), index);
  Value bytes = arith::MulIOp::create(b, wide, constant(b.getI64IntegerAttr(pitch)));
  return advance(pointer, bytes);
}

Value ThreadBuilder::load(Type type, Value pointer, unsigned alignment) {
  return LLVM::LoadOp::create(b, type, pointer, alignment);
}

void ThreadBuilder::store(Value value, Value pointer, unsigned alignment) {
  LLVM::StoreOp::create(b, value, pointer, alignment);
}

void ThreadBuilder::copyAsync(Value shared, Value global, Value bytes,
                              Value condition) {
  if (!condition) {
    NVVM::CpAsyncOp::create(b, shared, global, 16,
                            NVVM::LoadCacheModifierKind::CG, bytes);
    return;
  }
  assembly(Type(), {shared, global, bytes ? bytes : i32(16), condition},
           "@$3 cp.async.cg.shared.global [$0], [$1], 16, $2;", "r,l,r,b",
           /*hasEffects=*/true);
}

void ThreadBuilder::fence() {
  NVVM::MembarOp::create(b, NVVM::MemScopeKind::GPU);
}

Value ThreadBuilder::atomicAdd(Value pointer, int64_t value) {
  return LLVM::AtomicRMWOp::create(b, LLVM::AtomicBinOp::add, pointer,
                                   i32(value), LLVM::AtomicOrdering::monotonic,
                                   "device");
}

void ThreadBuilder::commitCopies() { NVVM::CpAsyncCommitGroupOp::create(b); }

void ThreadBuilder::waitForCopies(unsigned groupsInFlight) {
  NVVM::CpAsyncWaitGroupOp::create(b, groupsInFlight);
}

//===----------------------------------------------------------------------===//
// Vectors
//===----------------------------------------------------------------------===//

Value ThreadBuilder::element(Value vector, int64_t at) {
  return LLVM::ExtractElementOp::create(b, vector, i32(at));
}

Value ThreadBuilder::vector(ArrayRef<Value> elements) {
  auto type = VectorType::get(elements.size(), elements[0].getType());
  Value vector = LLVM::PoisonOp::create(b, type);
  for (auto [at, element] : llvm::enumerate(elements))
    vector = LLVM::InsertElementOp::create(b, vector, element, i32(at));
  return vector;
}

Value ThreadBuilder::bitcast(Type type, Value value) {
  return LLVM::BitcastOp::create(b, type, value);
}

Value ThreadBuilder::fma(Value x, Value y, Value z) {
  return LLVM::FMAOp::create(b, x, y, z);
}

//===----------------------------------------------------------------------===//
// What has no op
//===----------------------------------------------------------------------===//

Value ThreadBuilder::assembly(Type type, ValueRange operands, StringRef text,
                              std::string constraints, bool hasEffects) {
  if (hasEffects)
    constraints += ",~{memory}";
  return LLVM::InlineAsmOp::create(b, type ? TypeRange(type) : TypeRange(),
                                   operands, text, constraints, hasEffects,
                                   /*is_align_stack=*/false,
                                   LLVM::tailcallkind::TailCallKind::None,
                                   LLVM::AsmDialectAttr(), ArrayAttr())
      .getRes();
}
