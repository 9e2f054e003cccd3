//===----------------------------------------------------------------------===//
// Part of MPQ, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//===----------------------------------------------------------------------===//
//
// Who computes each op, and in which layout every activation lives.
//
// Every value of the function is, logically, a plain tensor. The pass decides
// in which *versions* it is materialized. A version is one block size; its
// border is the widest that any reader of that block size asks for. The
// producer writes one version directly (the block size its family wants), every
// other version is an `mpq.convert` of it. Three steps:
//
//   1. choose a family for each compute op and collect its wishes;
//   2. for each value and block size, take the maximum of the wished borders;
//   3. rebuild the ops in order on the versions.
//
//===----------------------------------------------------------------------===//

#include "dialects/MPQ/ComputeOps.h"
#include "mpq/Kernel/KernelFamily.h"

#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/Dialect/Tensor/IR/Tensor.h"
#include "mlir/IR/Remarks.h"
#include "mlir/Pass/Pass.h"
#include "llvm/ADT/MapVector.h"

namespace mpq {
#define GEN_PASS_DEF_LAYOUTPASS
#include "Layout.h.inc"
} // namespace mpq

using namespace mlir;
using namespace mpq;

namespace {

/// The plain layout counts as block size 0.
int64_t getBlockOf(BlockedAttr layout) {
  return layout ? layout.getBlock() : 0;
}

/// The layout that serves readers of `a` and of `b` (same block size).
BlockedAttr widenBorder(BlockedAttr a, BlockedAttr b) {
  if (!a || !b)
    return a ? a : b;
  return BlockedAttr::get(a.getContext(), a.getShape(), a.getBlock(),
                          std::max(a.getTop(), b.getTop()),
                          std::max(a.getLeft(), b.getLeft()),
                          std::max(a.getBottom(), b.getBottom()),
                          std::max(a.getRight(), b.getRight()));
}

class LayoutAssignment {
public:
  explicit LayoutAssignment(func::FuncOp function)
      : function(function), target(KernelTarget::get(function)) {}

  LogicalResult run() {
    SmallVector<Operation *> ops =
        llvm::map_to_vector(function.getBody().front().getOperations(),
                            [](Operation &op) { return &op; });
    for (Operation *op : ops)
      if (auto compute = dyn_cast<ComputeOpInterface>(op)) {
        if (op->getNumResults() == 0)
          return op->emitOpError(
              "is on memrefs already; layouts are chosen for tensors");
        if (failed(collectWishes(compute)))
          return failure();
      }
    for (Operation *op : ops)
      rebuild(op);
    for (Operation *op : llvm::reverse(replaced))
      op->erase();
    remark::analysis(function.getLoc(),
                     remark::RemarkOpts::name("Layouts").category("mpq-layout"))
        << "repacking operations inserted: "
        << remark::metric("converts", converts);
    return success();
  }

private:
  /// Step 1 and 2 for one op.
  LogicalResult collectWishes(ComputeOpInterface op) {
    KernelFamily *family = choose(op);
    if (!family)
      return failure();
    op->setAttr("family", StringAttr::get(op.getContext(), family->getName()));
    KernelLayouts layouts = family->getLayouts(op, target);
    for (auto [operand, layout] :
         llvm::zip(op.getActivationOperands(), layouts.activations))
      if (layout) {
        BlockedAttr &widest = widestBorder[{operand->get(), layout.getBlock()}];
        widest = widenBorder(layout, widest);
      }
    wishes[op] = layouts;
    return success();
  }

  KernelFamily *choose(ComputeOpInterface op) {
    KernelChoice choice = chooseKernelFamily(op, target);
    if (!choice.family) {
      InFlightDiagnostic error =
          op.emitOpError("is accepted by no kernel family");
      for (const std::string &rejection : choice.rejections)
        error.attachNote() << rejection;
      return nullptr;
    }
    remark::passed(
        op.getLoc(),
        remark::RemarkOpts::name("KernelFamily").category("mpq-layout"))
        << "kernel family " << choice.family->getName();
    for (const std::string &rejection : choice.rejections)
      remark::missed(
          op.getLoc(),
          remark::RemarkOpts::name("KernelFamily").category("mpq-layout"))
          << rejection;
    return choice.family;
  }

  /// Step 3: replaces a compute op by one on the versions, and gives other ops
  /// plain operands.
  void rebuild(Operation *op) {
    OpBuilder builder(op);
    auto compute = dyn_cast<ComputeOpInterface>(op);
    if (!compute) {
      for (OpOperand &operand : op->getOpOperands())
        if (versions.count(operand.get()))
          operand.set(getVersion(builder, operand.get(), nullptr));
      return;
    }
    const KernelLayouts &layouts = wishes[op];
    Value oldResult = op->getResult(0);
    BlockedAttr resultLayout = layouts.result;
    if (resultLayout)
      resultLayout = widenBorder(
          resultLayout,
          widestBorder.lookup({oldResult, resultLayout.getBlock()}));

    SmallVector<Value> inputs;
    for (auto [operand, layout] : llvm::zip(compute.getActivationOperands(), layouts.activations))
      inputs.push_back(getVersion(builder, operand->get(), layout));
    // What else it reads, a computed bias or factors, is plain.
    SmallVector<std::pair<unsigned, Value>> others;
    for (OpOperand &operand : op->getOpOperands())
      if (versions.count(operand.get()) &&
          !llvm::is_contained(compute.getActivationOperands(), &operand))
        others.push_back({operand.getOperandNumber(),
                          getVersion(builder, operand.get(), nullptr)});
    auto rebuilt = cast<ComputeOpInterface>(builder.clone(*op));
    for (auto [index, value] : others)
      rebuilt->setOperand(index, value);
    for (auto [index, operand] : llvm::enumerate(compute.getActivationOperands())) {
      rebuilt.getActivationOperands()[index]->set(inputs[index]);
      rebuilt.setActivationLayout(index, getLayoutOf(operand->get(), layouts.activations[index]));
    }
    if (resultLayout) {
      auto element = cast<ShapedType>(oldResult.getType()).getElementType();
      RankedTensorType type = resultLayout.getTensorType(element);
      OpBuilder before(rebuilt);
      Value init = tensor::EmptyOp::create(
          before, op->getLoc(), type.getShape(), element, type.getEncoding());
      cast<DestinationStyleOpInterface>(rebuilt.getOperation())
          .setDpsInitOperand(0, init);
      rebuilt.setResultLayout(resultLayout);
      rebuilt->getResult(0).setType(type);
    }
    versions[oldResult][getBlockOf(resultLayout)] = {resultLayout,
                                                     rebuilt->getResult(0)};
    replaced.push_back(op);
  }

  /// The layout of the version of `value` that serves `wish`.
  BlockedAttr getLayoutOf(Value value, BlockedAttr wish) {
    return versions[value][getBlockOf(wish)].first;
  }

  /// The version of `value` that serves `wish`, converted from another one if
  /// need be.
  Value getVersion(OpBuilder &builder, Value value, BlockedAttr wish) {
    auto &known = versions[value];
    if (known.empty())
      known[0] = {BlockedAttr(), value};
    auto found = known.find(getBlockOf(wish));
    if (found != known.end())
      return found->second.second;
    BlockedAttr layout =
        wish ? widestBorder.lookup({value, wish.getBlock()}) : nullptr;
    auto [from, source] = known.begin()->second;
    Value converted = convert(builder, value, source, from, layout);
    known[getBlockOf(wish)] = {layout, converted};
    return converted;
  }

  Value convert(OpBuilder &builder, Value plain, Value source, BlockedAttr from,
                BlockedAttr to) {
    OpBuilder::InsertionGuard guard(builder);
    auto type = cast<RankedTensorType>(plain.getType());
    UniformAttr codes;
    if (type.getElementType().isInteger(8)) // same quantization on both sides
      codes = UniformAttr::get(builder.getContext(), Real(1.0),
                               getZeroPoint(plain));
    if (to)
      type = to.getTensorType(type.getElementType());
    Value init =
        tensor::EmptyOp::create(builder, plain.getLoc(), type.getShape(),
                                type.getElementType(), type.getEncoding());
    auto op =
        ConvertOp::create(builder, plain.getLoc(), TypeRange(type), source,
                          init, from, to, codes, codes, StringAttr());
    KernelChoice choice = chooseKernelFamily(op, target);
    if (choice.family)
      op.setFamily(choice.family->getName());
    ++converts;
    return op->getResult(0);
  }

  /// The zero point of a quantized activation: the value of its borders.
  int64_t getZeroPoint(Value plain) {
    if (auto *producer = plain.getDefiningOp())
      if (auto quant = producer->getAttrOfType<UniformAttr>("output_quant"))
        return quant.getZeroPoint();
    return 0;
  }

  func::FuncOp function;
  KernelTarget target;
  DenseMap<Operation *, KernelLayouts> wishes;
  /// Per value and block size, the layout with the widest wished border.
  DenseMap<std::pair<Value, int64_t>, BlockedAttr> widestBorder;
  /// Per (old, plain) value and block size: the layout and the new value.
  DenseMap<Value, llvm::MapVector<int64_t, std::pair<BlockedAttr, Value>>>
      versions;
  SmallVector<Operation *> replaced;
  int64_t converts = 0;
};

struct LayoutPass : mpq::impl::LayoutPassBase<LayoutPass> {
  using Base::Base;

  void runOnOperation() override {
    if (getOperation().isExternal())
      return;
    if (!getOperation().getBody().hasOneBlock()) {
      getOperation().emitError(
          "function has control flow; layouts need one block");
      return signalPassFailure();
    }
    if (failed(LayoutAssignment(getOperation()).run()))
      signalPassFailure();
  }
};

} // namespace
