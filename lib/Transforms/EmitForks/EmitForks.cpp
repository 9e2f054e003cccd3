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
// or, where the last operand of the call is not 1, into that many parts. Calls
// that join the one before them (`mpq-join-forks`) are in the same request: their
// operands follow in the frame, and `part` calls one kernel after the other. There
// are two functions for the whole module to share:
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
#include "llvm/ADT/StringExtras.h"
#include "llvm/ADT/StringMap.h"

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
    SmallVector<Request> requests;
    for (LLVM::CallOp call : calls) {
      auto parts = call->getAttrOfType<IntegerAttr>(kPartsAttr);
      auto kernel =
          module.lookupSymbol<LLVM::LLVMFuncOp>(call.getCallee().value_or(""));
      if (!parts || !kernel || call->getNumResults() ||
          call.getCalleeOperands().size() < 2)
        return call->emitOpError("has '")
               << kPartsAttr << "', but is no call of a split kernel";
      if (parts.getInt() < 1)
        return call->emitOpError("asks for ")
               << parts.getInt() << " parts when it should be at least 1";
      most = std::max(most, parts.getInt());
      if (requests.empty() || !call->hasAttr(kJoinsAttr))
        requests.emplace_back();
      requests.back().push_back({call, kernel, parts.getInt()});
    }
    for (ArrayRef<SplitCall> request : requests)
      emitRequest(request);
    main->setAttr(kPartsAttr, b.getI64IntegerAttr(most));
    return success();
  }

private:
  struct SplitCall {
    LLVM::CallOp call;
    LLVM::LLVMFuncOp kernel;
    int64_t parts;

    /// All but part and parts.
    OperandRange getOperands() {
      return call.getCalleeOperands().drop_back(2);
    }
  };
  /// Calls that share a fork.
  using Request = SmallVector<SplitCall, 1>;

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

  LLVM::LLVMFuncOp getPart(ArrayRef<SplitCall> calls) {
    SmallVector<StringRef> names;
    for (SplitCall call : calls)
      names.push_back(call.kernel.getName());
    std::string name = llvm::join(names, "_and_") + "_part";
    LLVM::LLVMFuncOp &part = partFunctions[name];
    if (part)
      return part;
    Type i64 = b.getI64Type();
    part = createFunction(name, {pointer, i64, i64});
    Block *entry = &part.getBody().front();
    int32_t word = 0;
    for (SplitCall call : calls) {
      SmallVector<Value> operands;
      for (Type type : call.kernel.getArgumentTypes().drop_back(2))
        operands.push_back(LLVM::LoadOp::create(
            b, type, getWord(entry->getArgument(0), word++)));
      operands.append({entry->getArgument(1), entry->getArgument(2)});
      LLVM::CallOp::create(b, call.kernel, operands);
    }
    LLVM::ReturnOp::create(b, ValueRange{});
    return part;
  }

  /// The largest number of parts of `calls`.
  Value emitParts(ArrayRef<SplitCall> calls) {
    int64_t most = 0;
    SmallVector<Value> counts;
    for (SplitCall call : calls) {
      Value atRunTime = call.call->getOperands().back();
      if (matchPattern(atRunTime, m_One()))
        most = std::max(most, call.parts);
      else
        counts.push_back(atRunTime);
    }
    if (most)
      counts.push_back(constant(most));
    Value largest = counts.front();
    for (Value count : ArrayRef(counts).drop_front())
      largest = LLVM::UMaxOp::create(b, largest, count);
    return largest;
  }

  void emitRequest(ArrayRef<SplitCall> calls) {
    LLVM::LLVMFuncOp part = getPart(calls);
    SmallVector<Value> operands;
    for (SplitCall call : calls)
      llvm::append_range(operands, call.getOperands());
    b.setInsertionPointToStart(&main.getBody().front());
    Value &frame = frames[operands.size()];
    if (!frame)
      frame = LLVM::AllocaOp::create(b, pointer, b.getI64Type(),
                                     constant(operands.size()));
    // All operands are known at the last of them.
    b.setInsertionPoint(calls.back().call);
    for (auto [i, operand] : llvm::enumerate(operands))
      LLVM::StoreOp::create(b, operand, getWord(frame, i));
    Value address = LLVM::AddressOfOp::create(b, part);
    LLVM::CallOp::create(b, fork,
                         ValueRange{team, address, frame, emitParts(calls)});
    for (SplitCall call : calls)
      call.call.erase();
  }

  LLVM::LLVMFuncOp main;
  ModuleOp module;
  ImplicitLocOpBuilder b;
  Type pointer, none;
  LLVM::LLVMFuncOp fork;
  Value team;
  llvm::StringMap<LLVM::LLVMFuncOp> partFunctions;
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
