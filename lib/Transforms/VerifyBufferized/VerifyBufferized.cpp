//===----------------------------------------------------------------------===//
// Part of MPQ, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//===----------------------------------------------------------------------===//
//
// Fails, naming the op, where something is not in memory or not in its place.
//
//===----------------------------------------------------------------------===//

#include "dialects/MPQ/Bytes.h"
#include "dialects/ONNX/Sizes.h"

#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/Dialect/MemRef/IR/MemRef.h"
#include "mlir/Pass/Pass.h"

namespace mpq {
#define GEN_PASS_DEF_VERIFYBUFFERIZEDPASS
#include "VerifyBufferized.h.inc"
} // namespace mpq

using namespace mlir;
using namespace mpq;

namespace {

/// Arguments of @main before the model's own: weights, prepared, arena. With
/// symbols their values follow.
constexpr unsigned kNumBlobs = 3;

class ProgramVerifier {
public:
  explicit ProgramVerifier(ModuleOp module) : module(module) {}

  LogicalResult verify() {
    interface = requireAttr<InterfaceAttr>(module, kInterfaceAttr);
    if (!interface || !requireAttr<TargetAttr>(module, kTargetAttr))
      return failure();
    main = module.lookupSymbol<func::FuncOp>("main");
    prepare = module.lookupSymbol<func::FuncOp>("prepare");
    if (!main || !prepare)
      return module.emitError("module has no function @") << (main ? "prepare" : "main");
    if (failed(verifyAttributes()) || failed(verifyArguments()))
      return failure();
    for (SlotOp slot : module.getOps<SlotOp>())
      if (failed(verifySlot(slot)))
        return failure();
    for (auto function : module.getOps<func::FuncOp>())
      if (function.walk([&](Operation *op) { return verifyOp(function, op); }).wasInterrupted())
        return failure();
    return success();
  }

private:
  LogicalResult verifyAttributes() {
    for (func::FuncOp function : {main, prepare})
      if (!requireAttr<StringAttr>(function, "mpq.entry"))
        return failure();
    for (StringRef name : {"mpq.weights_bytes", "mpq.prepared_bytes", "mpq.arena_bytes"})
      if (!requireBytes(main, name))
        return failure();
    return success();
  }

  int64_t getBytes(StringRef name) { return main->getAttrOfType<IntegerAttr>(name).getInt(); }

  LogicalResult verifyArguments() {
    bool hasSymbols = main->hasAttr(onnx::kSymbolsAttr);
    unsigned before = kNumBlobs + hasSymbols;
    unsigned expected = before + interface.getInputTypes().size() + interface.getOutputTypes().size();
    if (main.getNumArguments() != expected || main.getNumResults())
      return main.emitOpError("has ") << main.getNumArguments() << " arguments and " << main.getNumResults()
                                      << " results when the interface has " << expected << " and 0";
    for (unsigned i = 0; i < expected; ++i) {
      auto type = dyn_cast<MemRefType>(main.getArgumentTypes()[i]);
      Type element = i < before ? IntegerType::get(module.getContext(), i < kNumBlobs ? 8 : 64)
                                : getElementType(i - before);
      if (!type || type.getElementType() != element)
        return main.emitOpError("argument ") << i << " is of type " << main.getArgumentTypes()[i]
                                             << " when it should be a memref of " << element;
    }
    return success();
  }

  /// Of tensor i of the model, inputs first.
  Type getElementType(unsigned i) {
    unsigned numInputs = interface.getInputTypes().size();
    return (i < numInputs ? interface.getInputTypes()[i] : interface.getOutputTypes()[i - numInputs]).getElementType();
  }

  LogicalResult verifyRange(SlotOp slot, int64_t offset, int64_t bytes, StringRef blob, int64_t size) {
    if (offset >= 0 && bytes >= 0 && bytes <= size && offset <= size - bytes)
      return success();
    return slot.emitOpError("'") << slot.getName() << "' has " << bytes << " bytes at " << offset << " when '" << blob
                                 << "' has " << size;
  }

  LogicalResult verifySlot(SlotOp slot) {
    int64_t weights = getBytes("mpq.weights_bytes"), prepared = getBytes("mpq.prepared_bytes");
    auto value = dyn_cast<RankedTensorType>(slot.getValue().getType());
    auto packer = module.lookupSymbol<func::FuncOp>(slot.getPackerAttr());
    if (!packer || !value)
      return slot.emitOpError("'") << slot.getName() << "' names the packing function @" << slot.getPacker()
                                   << ", which the module does not have";
    auto bytes = MemRefType::get({static_cast<int64_t>(slot.getSize())}, IntegerType::get(module.getContext(), 8));
    auto source = MemRefType::get(value.getShape(), value.getElementType());
    auto type = FunctionType::get(module.getContext(), {source, bytes}, {});
    if (packer.getFunctionType() != type)
      return slot.emitOpError("'") << slot.getName() << "' is packed by a function of type "
                                   << packer.getFunctionType() << " when it should be " << type;
    if (!slot.getPrepared())
      return verifyRange(slot, slot.getOffset(), slot.getSize(), "weights", weights);
    if (failed(verifyRange(slot, *slot.getSourceOffset(), value.getNumElements(), "weights", weights)))
      return failure();
    return verifyRange(slot, slot.getOffset(), slot.getSize(), "prepared", prepared);
  }

  WalkResult verifyOp(func::FuncOp function, Operation *op) {
    for (Type type : llvm::concat<const Type>(SmallVector<Type>(op->getOperandTypes()), SmallVector<Type>(op->getResultTypes())))
      if (isa<TensorType, StoredTensorType>(type)) {
        op->emitOpError("works on ") << type << "; run mpq-bufferization-pipeline";
        return WalkResult::interrupt();
      }
    if (function == main && isa<memref::AllocOp>(op)) {
      op->emitOpError("allocates memory while the model runs; run mpq-plan-memory");
      return WalkResult::interrupt();
    }
    return WalkResult::advance();
  }

  ModuleOp module;
  InterfaceAttr interface;
  func::FuncOp main, prepare;
};

struct VerifyBufferizedPass : mpq::impl::VerifyBufferizedPassBase<VerifyBufferizedPass> {
  using Base::Base;

  void runOnOperation() override {
    if (failed(ProgramVerifier(getOperation()).verify()))
      return signalPassFailure();
    markAllAnalysesPreserved();
  }
};

} // namespace
