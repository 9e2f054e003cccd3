//===----------------------------------------------------------------------===//
// Part of MPQ, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//===----------------------------------------------------------------------===//
//
// A pass for tests of LoweringOpInterface: replaces every onnx op of a function
// by its lowering, and prints the results, as f32, instead of returning them.
//
//===----------------------------------------------------------------------===//
#include "dialects/ONNX/ONNX.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Bufferization/IR/Bufferization.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/Dialect/Linalg/IR/Linalg.h"
#include "mlir/Dialect/Math/IR/Math.h"
#include "mlir/Dialect/MemRef/IR/MemRef.h"
#include "mlir/Dialect/Tensor/IR/Tensor.h"
#include "mlir/IR/IRMapping.h"
#include "mlir/Pass/Pass.h"
#include "mlir/Tools/Plugins/PassPlugin.h"

using namespace mlir;
using mpq::onnx::LoweringOpInterface;
using mpq::onnx::ONNXDialect;

namespace {

struct TestOnnxLower : PassWrapper<TestOnnxLower, OperationPass<ModuleOp>> {
  MLIR_DEFINE_EXPLICIT_INTERNAL_INLINE_TYPE_ID(TestOnnxLower)

  StringRef getArgument() const final { return "test-onnx-lower"; }
  StringRef getDescription() const final {
    return "lower onnx ops through LoweringOpInterface and print the results";
  }
  void getDependentDialects(DialectRegistry &registry) const override {
    registry.insert<arith::ArithDialect, bufferization::BufferizationDialect,
                    func::FuncDialect, linalg::LinalgDialect, math::MathDialect,
                    memref::MemRefDialect, tensor::TensorDialect>();
  }

  void runOnOperation() override {
    OpBuilder b(getOperation().getBodyRegion());
    auto unranked = UnrankedMemRefType::get(b.getF32Type(), {});
    auto print =
        func::FuncOp::create(b, getOperation().getLoc(), "printMemrefF32",
                             b.getFunctionType(unranked, {}));
    print.setPrivate();
    print->setAttr("llvm.emit_c_interface", b.getUnitAttr());
    for (auto function : getOperation().getOps<func::FuncOp>())
      if (!function.isExternal() && failed(lower(function, print)))
        return signalPassFailure();
  }

  static LogicalResult lower(func::FuncOp function, func::FuncOp print) {
    IRMapping mapping;
    SmallVector<Operation *> old;
    for (Operation &op : function.getBody().front().without_terminator()) {
      auto lowering = dyn_cast<LoweringOpInterface>(op);
      if (!isa<ONNXDialect>(op.getDialect()))
        continue;
      if (!lowering)
        return op.emitOpError("has no lowering");
      OpBuilder b(&op);
      SmallVector<Value> operands;
      for (Value operand : op.getOperands())
        operands.push_back(mapping.lookupOrDefault(operand));
      FailureOr<SmallVector<Value>> results = lowering.lower(b, operands);
      if (failed(results))
        return failure();
      for (auto [from, to] : llvm::zip_equal(op.getResults(), *results)) {
        if (from.getType() != to.getType())
          return op.emitOpError() << "is lowered to type " << to.getType();
        mapping.map(from, to);
      }
      old.push_back(&op);
    }
    Operation *end = function.getBody().front().getTerminator();
    OpBuilder b(end);
    for (Value result : end->getOperands()) {
      auto type = cast<RankedTensorType>(result.getType());
      Value memref = bufferization::ToBufferOp::create(
          b, end->getLoc(),
          MemRefType::get(type.getShape(), type.getElementType()),
          mapping.lookup(result));
      Value cast = memref::CastOp::create(
          b, end->getLoc(), print.getArgumentTypes().front(), memref);
      func::CallOp::create(b, end->getLoc(), print, cast);
    }
    func::ReturnOp::create(b, end->getLoc());
    end->erase();
    for (Operation *op : llvm::reverse(old))
      op->erase();
    function.setType(b.getFunctionType(function.getArgumentTypes(), {}));
    function.setAllResultAttrs(ArrayRef<DictionaryAttr>());
    return success();
  }
};

} // namespace

extern "C" LLVM_ATTRIBUTE_WEAK PassPluginLibraryInfo mlirGetPassPluginInfo() {
  return {MLIR_PLUGIN_API_VERSION, "OnnxLower", "1",
          [] { PassRegistration<TestOnnxLower>(); }};
}
