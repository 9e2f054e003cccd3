//===----------------------------------------------------------------------===//
// Part of MPQ, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//===----------------------------------------------------------------------===//
//
// Which floats become bf16:
//
//   %1 = conv(%x : f32)  : f32            %1 = conv(%x)    : bf16
//   %2 = matmul(%r : f32) : f32      =>   %c = convert(%r) : bf16
//   %3 = map(%1, %2)      : f32           %2 = matmul(%c)  : bf16
//   return %3                             %3 = map(%1, %2) : f32
//                                         return %3
//
// A value changes its type where it is made; who reads it needs no change,
// since compute ops take either type. Changes of shape between the two follow.
// It is done on plain tensors, once all is fused: what is fused is not rounded.
//
// Products and convolutions are to read bf16 even where the value stays f32,
// because their kernels for it are twice as fast. An image of a few channels is
// cheaper to read as it is: in pairs of channels much of each product is empty.
//
//===----------------------------------------------------------------------===//

#include "dialects/MPQ/ComputeOps.h"
#include "mpq/Kernel/FloatActivations.h"

#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/Dialect/Tensor/IR/Tensor.h"
#include "mlir/IR/Remarks.h"
#include "mlir/Pass/Pass.h"

namespace mpq {
#define GEN_PASS_DEF_NARROWACTIVATIONSPASS
#include "NarrowActivations.h.inc"
} // namespace mpq

using namespace mlir;
using namespace mpq;

namespace {

/// Up to so many channels, a convolution reads f32.
constexpr int64_t kFewChannels = 4;

bool isF32(Value value) {
  auto type = dyn_cast<RankedTensorType>(value.getType());
  return type && type.getElementType().isF32();
}

bool isReshape(Operation *op) {
  return isa<tensor::CollapseShapeOp, tensor::ExpandShapeOp>(op);
}

/// Whether `use` is a compute op's read of an activation that may be of either
/// type. Masks stay f32: they hold the lowest number there is.
bool readsEither(OpOperand &use) {
  auto op = dyn_cast<ComputeOpInterface>(use.getOwner());
  if (!op || !llvm::is_contained(op.getActivationOperands(), &use))
    return false;
  auto attention = dyn_cast<AttentionOp>(use.getOwner());
  return !attention || use.get() != attention.getMask();
}

/// Whether nobody but compute ops reads `value`, however it is reshaped.
bool isBetweenComputeOps(Value value) {
  return llvm::all_of(value.getUses(), [](OpOperand &use) {
    Operation *user = use.getOwner();
    return isReshape(user) ? isBetweenComputeOps(user->getResult(0))
                           : readsEither(use);
  });
}

class Narrower {
public:
  explicit Narrower(func::FuncOp function)
      : function(function), bf16(BFloat16Type::get(function.getContext())) {}

  void run() {
    SmallVector<ComputeOpInterface> ops(
        function.getBody().getOps<ComputeOpInterface>());
    for (ComputeOpInterface op : ops)
      if (op->getNumResults() == 1 && isF32(op->getResult(0)) &&
          isBetweenComputeOps(op->getResult(0)))
        narrowResult(op);
    for (ComputeOpInterface op : ops)
      narrowInput(op);
    remark::analysis(function.getLoc(),
                     remark::RemarkOpts::name("NarrowActivations")
                         .category("mpq-narrow-activations"))
        << "activations stored as bf16: " << remark::metric("values", values)
        << ", rounded for their readers: "
        << remark::metric("converts", converts.size());
  }

private:
  void narrowResult(ComputeOpInterface op) {
    Value result = op->getResult(0);
    OpBuilder builder(op);
    cast<DestinationStyleOpInterface>(op.getOperation())
        .setDpsInitOperand(0, makeInit(builder, result));
    retype(result);
    ++values;
  }

  /// `value` and what it is reshaped to.
  void retype(Value value) {
    value.setType(cast<RankedTensorType>(value.getType()).clone(bf16));
    for (Operation *user : value.getUsers())
      if (isReshape(user))
        retype(user->getResult(0));
  }

  /// A destination of bf16 for a value like `like`.
  Value makeInit(OpBuilder &builder, Value like) {
    auto type = cast<RankedTensorType>(like.getType());
    SmallVector<Value> sizes;
    for (int64_t d = 0; d < type.getRank(); ++d)
      if (type.isDynamicDim(d))
        sizes.push_back(getSize(builder, like, d));
    return tensor::EmptyOp::create(builder, like.getLoc(), type.getShape(),
                                   bf16, sizes);
  }

  /// A size of `value`, which need not exist yet at the builder: of a result,
  /// that of its destination.
  Value getSize(OpBuilder &builder, Value value, int64_t d) {
    if (auto op = value.getDefiningOp<DestinationStyleOpInterface>())
      value = op.getDpsInitOperand(0)->get();
    return tensor::DimOp::create(builder, value.getLoc(), value, d);
  }

  /// Makes the f32 input of a product bf16.
  void narrowInput(ComputeOpInterface op) {
    if (auto conv = dyn_cast<ConvOp>(op.getOperation())) {
      if (conv.getInputQuantAttr() || conv.isDepthwise() ||
          conv.getInputShape()[1] <= kFewChannels)
        return;
    } else if (auto matmul = dyn_cast<MatmulOp>(op.getOperation())) {
      if (matmul.getInputQuantAttr())
        return;
    } else {
      return;
    }
    OpOperand &input = *op.getActivationOperands().front();
    if (isF32(input.get()))
      input.set(round(op, input.get()));
  }

  /// `value` in bf16; converted once for all who read it.
  Value round(ComputeOpInterface op, Value value) {
    Value &rounded = converts[value];
    if (!rounded) {
      OpBuilder builder(op->getContext());
      builder.setInsertionPointAfterValue(value);
      auto type = cast<RankedTensorType>(value.getType()).clone(bf16);
      rounded = ConvertOp::create(builder, value.getLoc(), TypeRange(type),
                                  value, makeInit(builder, value),
                                  BlockedAttr(), BlockedAttr(), UniformAttr(),
                                  UniformAttr(), StringAttr())
                    ->getResult(0);
    }
    return rounded;
  }

  func::FuncOp function;
  FloatType bf16;
  int64_t values = 0;
  llvm::DenseMap<Value, Value> converts;
};

struct NarrowActivationsPass
    : mpq::impl::NarrowActivationsPassBase<NarrowActivationsPass> {
  using Base::Base;

  void runOnOperation() override {
    auto module = getOperation()->getParentOfType<ModuleOp>();
    auto type = module ? module->getAttrOfType<TypeAttr>(kFloatActivationsAttr)
                       : TypeAttr();
    if (!type || type.getValue().isF32() || getOperation().isExternal())
      return;
    if (!type.getValue().isBF16()) {
      module.emitError("'")
          << kFloatActivationsAttr << "' is " << type.getValue()
          << " when it should be f32 or bf16";
      return signalPassFailure();
    }
    Narrower(getOperation()).run();
  }
};

} // namespace
