//===----------------------------------------------------------------------===//
// Part of MPQ, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//===----------------------------------------------------------------------===//
//
// Calls of split kernels become requests to a team of threads:
//
//   llvm.call @k(%x, %y, %c0, %c1) {mpq.parts = 2}
//     =>  frame = {%x, %y};  mpq_fork(%team, @k_part, frame, 2)
//
// or, where the last operand of the call is not 1, into that many parts; with two
// functions for the whole module to share:
//
//   mpq_fork(team, part, frame, parts):
//     team ? team->fork(team, part, frame, parts) : part(frame, 0, 1)
//   k_part(frame, part, parts):
//     k(frame[0], frame[1], part, parts)
//
//===----------------------------------------------------------------------===//

#include "mpq/Kernel/Parts.h"

#include "mlir/Dialect/LLVMIR/LLVMDialect.h"
#include "mlir/IR/BuiltinOps.h"
#include "mlir/IR/ImplicitLocOpBuilder.h"
#include "mlir/IR/Matchers.h"
#include "mlir/Pass/Pass.h"

namespace mpq {
#define GEN_PASS_DECL_EMITFORKSPASS
#define GEN_PASS_DEF_EMITFORKSPASS
#include "EmitForks.h.inc"
} // namespace mpq

using namespace mlir;
using namespace mpq;

namespace {

class ForkEmitter {
public:
  explicit ForkEmitter(LLVM::LLVMFuncOp main)
      : main(main), module(main->getParentOfType<ModuleOp>()),
        b(main.getLoc(), main.getContext()),
        pointer(LLVM::LLVMPointerType::get(main.getContext())),
        none(LLVM::LLVMVoidType::get(main.getContext())) {}

  LogicalResult emit(ArrayRef<LLVM::CallOp> calls) {
    fork = emitFork();
    addTeam();
    int64_t most = 0;
    for (LLVM::CallOp call : calls) {
      auto parts = call->getAttrOfType<IntegerAttr>(kPartsAttr);
      auto kernel =
          module.lookupSymbol<LLVM::LLVMFuncOp>(call.getCallee().value_or(""));
      if (!parts || !kernel || call->getNumResults() ||
          call.getCalleeOperands().size() < 2)
        return call->emitOpError("has '")
               << kPartsAttr << "', but is no call of a split kernel";
      most = std::max(most, parts.getInt());
      emitCall(call, kernel, parts.getInt());
    }
    main->setAttr(kPartsAttr, b.getI64IntegerAttr(most));
    return success();
  }

private:
  LLVM::LLVMFuncOp createFunction(const Twine &name, TypeRange arguments) {
    b.setInsertionPointToEnd(module.getBody());
    auto function = LLVM::LLVMFuncOp::create(
        b, name.str(),
        LLVM::LLVMFunctionType::get(none, llvm::to_vector(arguments)),
        LLVM::Linkage::Internal);
    b.setInsertionPointToStart(function.addEntryBlock(b));
    return function;
  }

  Value constant(int64_t value) {
    return LLVM::ConstantOp::create(b, b.getI64Type(),
                                    b.getI64IntegerAttr(value));
  }

  /// The address of word `index` of a frame.
  Value getWord(Value frame, int32_t index) {
    return LLVM::GEPOp::create(b, pointer, b.getI64Type(), frame,
                               ArrayRef<LLVM::GEPArg>{index});
  }

  LLVM::LLVMFuncOp emitFork() {
    Type i64 = b.getI64Type();
    auto function =
        createFunction("mpq_fork", {pointer, pointer, pointer, i64});
    Block *entry = &function.getBody().front();
    Value team = entry->getArgument(0), part = entry->getArgument(1),
          frame = entry->getArgument(2), parts = entry->getArgument(3);
    Block *alone = b.createBlock(&function.getBody(), {});
    Block *together = b.createBlock(&function.getBody(), {});
    b.setInsertionPointToEnd(entry);
    Value null = LLVM::ZeroOp::create(b, pointer);
    Value isAlone =
        LLVM::ICmpOp::create(b, LLVM::ICmpPredicate::eq, team, null);
    LLVM::CondBrOp::create(b, isAlone, alone, together);
    b.setInsertionPointToEnd(alone);
    LLVM::CallOp::create(
        b, LLVM::LLVMFunctionType::get(none, {pointer, i64, i64}),
        ValueRange{part, frame, constant(0), constant(1)});
    LLVM::ReturnOp::create(b, ValueRange{});
    b.setInsertionPointToEnd(together);
    // The first member of the team.
    Value callee = LLVM::LoadOp::create(b, pointer, team);
    LLVM::CallOp::create(
        b, LLVM::LLVMFunctionType::get(none, {pointer, pointer, pointer, i64}),
        ValueRange{callee, team, part, frame, parts});
    LLVM::ReturnOp::create(b, ValueRange{});
    return function;
  }

  void addTeam() {
    LLVM::LLVMFunctionType type = main.getFunctionType();
    SmallVector<Type> arguments(type.getParams());
    arguments.push_back(pointer);
    main.setFunctionType(
        LLVM::LLVMFunctionType::get(type.getReturnType(), arguments));
    team = main.getBody().front().addArgument(pointer, main.getLoc());
    if (ArrayAttr attrs = main.getAllArgAttrs()) {
      SmallVector<Attribute> all(attrs.getValue());
      all.push_back(b.getDictionaryAttr({}));
      main.setArgAttrsAttr(b.getArrayAttr(all));
    }
  }

  LLVM::LLVMFuncOp getPart(LLVM::LLVMFuncOp kernel) {
    LLVM::LLVMFuncOp &part = partFunctions[kernel];
    if (part)
      return part;
    Type i64 = b.getI64Type();
    part = createFunction(kernel.getName() + "_part", {pointer, i64, i64});
    Block *entry = &part.getBody().front();
    SmallVector<Value> operands;
    for (auto [i, type] : llvm::enumerate(kernel.getArgumentTypes().drop_back(2)))
      operands.push_back(
          LLVM::LoadOp::create(b, type, getWord(entry->getArgument(0), i)));
    operands.append({entry->getArgument(1), entry->getArgument(2)});
    LLVM::CallOp::create(b, kernel, operands);
    LLVM::ReturnOp::create(b, ValueRange{});
    return part;
  }

  void emitCall(LLVM::CallOp call, LLVM::LLVMFuncOp kernel, int64_t parts) {
    LLVM::LLVMFuncOp part = getPart(kernel);
    OperandRange operands = call.getCalleeOperands().drop_back(2);
    Value atRunTime = call.getCalleeOperands().back();
    b.setInsertionPointToStart(&main.getBody().front());
    Value &frame = frames[operands.size()];
    if (!frame)
      frame = LLVM::AllocaOp::create(b, pointer, b.getI64Type(),
                                     constant(operands.size()));
    b.setInsertionPoint(call);
    for (auto [i, operand] : llvm::enumerate(operands))
      LLVM::StoreOp::create(b, operand, getWord(frame, i));
    Value address = LLVM::AddressOfOp::create(b, part);
    Value count = matchPattern(atRunTime, m_One()) ? constant(parts) : atRunTime;
    LLVM::CallOp::create(b, fork, ValueRange{team, address, frame, count});
    call.erase();
  }

  LLVM::LLVMFuncOp main;
  ModuleOp module;
  ImplicitLocOpBuilder b;
  Type pointer, none;
  LLVM::LLVMFuncOp fork;
  Value team;
  llvm::DenseMap<Operation *, LLVM::LLVMFuncOp> partFunctions;
  /// One for each number of words: calls follow each other.
  llvm::DenseMap<unsigned, Value> frames;
};

struct EmitForksPass : mpq::impl::EmitForksPassBase<EmitForksPass> {
  using Base::Base;

  void runOnOperation() override {
    auto main = getOperation().lookupSymbol<LLVM::LLVMFuncOp>("main");
    if (!main || main.isExternal())
      return;
    SmallVector<LLVM::CallOp> calls;
    main.walk([&](LLVM::CallOp call) {
      if (call->hasAttr(kPartsAttr))
        calls.push_back(call);
    });
    if (!calls.empty() && failed(ForkEmitter(main).emit(calls)))
      signalPassFailure();
  }
};

} // namespace
