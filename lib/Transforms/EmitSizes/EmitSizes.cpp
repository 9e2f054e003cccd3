//===----------------------------------------------------------------------===//
// Part of MPQ, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//===----------------------------------------------------------------------===//
//
// The function that the runtime calls before it runs a model with symbols:
// whether their values fit, how large the arena and the results are.
//
// Everything is computed twice, in i64 and in f64. The second is not exact, but
// it does not wrap around: where it stays below 2^62 all the way, so does the
// first, and is exact.
//
//===----------------------------------------------------------------------===//

#include "dialects/ONNX/Sizes.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/Dialect/MemRef/IR/MemRef.h"
#include "mlir/Pass/Pass.h"

namespace mpq {
#define GEN_PASS_DEF_EMITSIZESPASS
#include "EmitSizes.h.inc"
} // namespace mpq

using namespace mlir;
using namespace mpq;

namespace {

/// What a size must stay below.
constexpr double kLimit = double(int64_t(1) << 62);

/// One number, twice.
struct Number {
  Value exact, real;
};

class SizeEmitter {
public:
  SizeEmitter(OpBuilder &b, Location loc, Value symbolArray, Value out)
      : b(b), loc(loc), out(out) {
    status = integer(0);
    largest = real(0);
    tooSmall = arith::ConstantOp::create(b, loc, b.getBoolAttr(false));
    int64_t count = cast<MemRefType>(symbolArray.getType()).getDimSize(0);
    for (int64_t i = 0; i < count; ++i) {
      Value value = memref::LoadOp::create(b, loc, symbolArray, index(i));
      Value less = compare(arith::CmpIPredicate::slt, value, integer(1));
      tooSmall = arith::OrIOp::create(b, loc, tooSmall, less);
      symbols.push_back({value, toReal(value)});
      bound(symbols.back());
    }
  }

  /// Status n if the set does not contain the symbols' values.
  void require(IntegerSet set, int64_t n) {
    for (unsigned i = 0; i < set.getNumConstraints(); ++i) {
      Value value = emit(set.getConstraint(i)).exact;
      auto wrong =
          set.isEq(i) ? arith::CmpIPredicate::ne : arith::CmpIPredicate::slt;
      Value isFirst = compare(arith::CmpIPredicate::eq, status, integer(0));
      Value fails = compare(wrong, value, integer(0));
      fails = arith::AndIOp::create(b, loc, fails, isFirst);
      status = arith::SelectOp::create(b, loc, fails, integer(n), status);
    }
  }

  Number emit(AffineExpr expr) {
    if (auto symbol = dyn_cast<AffineSymbolExpr>(expr))
      return symbols[symbol.getPosition()];
    if (auto constant = dyn_cast<AffineConstantExpr>(expr))
      return number(constant.getValue());
    auto binary = cast<AffineBinaryOpExpr>(expr);
    Number x = emit(binary.getLHS()), y = emit(binary.getRHS());
    switch (binary.getKind()) {
    case AffineExprKind::Add:
      return bound({arith::AddIOp::create(b, loc, x.exact, y.exact),
                    arith::AddFOp::create(b, loc, x.real, y.real)});
    case AffineExprKind::Mul:
      return bound({arith::MulIOp::create(b, loc, x.exact, y.exact),
                    arith::MulFOp::create(b, loc, x.real, y.real)});
    case AffineExprKind::Mod:
      return fromExact(arith::RemSIOp::create(b, loc, x.exact, y.exact));
    case AffineExprKind::FloorDiv:
      return fromExact(arith::FloorDivSIOp::create(b, loc, x.exact, y.exact));
    default:
      return fromExact(arith::CeilDivSIOp::create(b, loc, x.exact, y.exact));
    }
  }

  Number add(Number x, Number y) {
    return bound({arith::AddIOp::create(b, loc, x.exact, y.exact),
                  arith::AddFOp::create(b, loc, x.real, y.real)});
  }
  Number max(Number x, Number y) {
    return {arith::MaxSIOp::create(b, loc, x.exact, y.exact),
            arith::MaximumFOp::create(b, loc, x.real, y.real)};
  }
  Number number(int64_t value) { return {integer(value), real(value)}; }

  void store(Value value, int64_t at) {
    memref::StoreOp::create(b, loc, value, out, index(at));
  }

  /// The status, at last. A requirement says more than that a size is too
  /// large, which it may be because of that.
  void storeStatus() {
    Value tooLarge = arith::CmpFOp::create(b, loc, arith::CmpFPredicate::UGE,
                                           largest, real(kLimit));
    Value fits = compare(arith::CmpIPredicate::eq, status, integer(0));
    tooLarge = arith::AndIOp::create(b, loc, tooLarge, fits);
    status = arith::SelectOp::create(b, loc, tooLarge, integer(-2), status);
    status = arith::SelectOp::create(b, loc, tooSmall, integer(-1), status);
    store(status, 0);
  }

private:
  Value index(int64_t value) {
    return arith::ConstantIndexOp::create(b, loc, value);
  }
  Value integer(int64_t value) {
    return arith::ConstantOp::create(b, loc, b.getI64IntegerAttr(value));
  }
  Value real(double value) {
    return arith::ConstantOp::create(b, loc, b.getF64FloatAttr(value));
  }
  Value toReal(Value exact) {
    return arith::SIToFPOp::create(b, loc, b.getF64Type(), exact);
  }
  Value compare(arith::CmpIPredicate predicate, Value x, Value y) {
    return arith::CmpIOp::create(b, loc, predicate, x, y);
  }
  Number fromExact(Value exact) { return {exact, toReal(exact)}; }
  /// Notes how large the number is.
  Number bound(Number x) {
    Value negative = arith::NegFOp::create(b, loc, x.real);
    largest = arith::MaximumFOp::create(b, loc, largest, x.real);
    largest = arith::MaximumFOp::create(b, loc, largest, negative);
    return x;
  }

  OpBuilder &b;
  Location loc;
  Value out, status, largest, tooSmall;
  SmallVector<Number> symbols;
};

/// The sizes of the results, one after the other.
SmallVector<AffineExpr> getResultSizes(func::FuncOp main) {
  SmallVector<AffineExpr> sizes;
  for (unsigned i = 0; i < main.getNumArguments(); ++i)
    if (main.getArgAttr(i, onnx::kResultAttr))
      llvm::append_range(
          sizes, main.getArgAttrOfType<AffineMapAttr>(i, onnx::kSizesAttr)
                     .getValue()
                     .getResults());
  return sizes;
}

void emitSizes(func::FuncOp main, int64_t numSymbols) {
  OpBuilder b(main);
  Location loc = main.getLoc();
  SmallVector<AffineExpr> results = getResultSizes(main);
  auto getArrayType = [&](int64_t size) {
    return MemRefType::get({size}, b.getI64Type());
  };
  auto function = func::FuncOp::create(
      b, loc, "sizes",
      b.getFunctionType(
          {getArrayType(numSymbols), getArrayType(2 + int64_t(results.size()))},
          {}));
  function->setAttr("mpq.entry", b.getStringAttr("mpq_sizes"));
  Block *block = function.addEntryBlock();
  b.setInsertionPointToStart(block);
  SizeEmitter emitter(b, loc, block->getArgument(0), block->getArgument(1));
  if (auto all = main->getAttrOfType<ArrayAttr>(onnx::kRequirementsAttr))
    for (auto [n, requirement] : llvm::enumerate(all.getAsRange<ArrayAttr>()))
      emitter.require(cast<IntegerSetAttr>(requirement[0]).getValue(), n + 1);
  Number arena = emitter.number(
      main->getAttrOfType<IntegerAttr>("mpq.arena_bytes").getInt());
  if (auto slots = main->getAttrOfType<ArrayAttr>("mpq.arena_slots"))
    for (AffineMap slot : slots.getAsValueRange<AffineMapAttr>()) {
      Number size = emitter.emit(slot.getResult(0));
      for (AffineExpr other : slot.getResults().drop_front())
        size = emitter.max(size, emitter.emit(other));
      arena = emitter.add(arena, size);
    }
  emitter.store(arena.exact, 1);
  for (auto [i, size] : llvm::enumerate(results))
    emitter.store(emitter.emit(size).exact, 2 + i);
  emitter.storeStatus();
  func::ReturnOp::create(b, loc);
}

struct EmitSizesPass : mpq::impl::EmitSizesPassBase<EmitSizesPass> {
  using Base::Base;

  void runOnOperation() override {
    auto main = getOperation().lookupSymbol<func::FuncOp>("main");
    auto symbols =
        main ? main->getAttrOfType<ArrayAttr>(onnx::kSymbolsAttr) : nullptr;
    if (!symbols)
      return;
    if (!main->hasAttr("mpq.arena_bytes")) {
      main.emitError("has no memory plan; run mpq-plan-memory first");
      return signalPassFailure();
    }
    emitSizes(main, symbols.size());
  }
};

} // namespace
