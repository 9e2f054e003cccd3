//===----------------------------------------------------------------------===//
// Part of MPQ, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//===----------------------------------------------------------------------===//
//
// Applies the choices of the sites:
//
//   %s = mpq.site %w "fc.weight" axis 0 choice 1 candidates [...]
//   %y = onnx.Gemm(%x, %s, %b) {transB = 1}
//     =>
//   %s = mpq.constant dense_resource<fc.weight> : tensor<...xi8>
//            as !mpq.tensor<10x64, axis 0, #mpq.int<4>>
//   %y = mpq.matmul ins(%x, %s) bias(%b) outs(%e)
//
// Ops with weights lower themselves here already, since onnx ops take nothing
// but tensors of floats.
//
//===----------------------------------------------------------------------===//

#include "ActivationQuantizer.h"

#include "dialects/MPQ/Module.h"
#include "dialects/ONNX/Inference.h"

#include "mlir/Dialect/Affine/IR/AffineOps.h"
#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Linalg/IR/Linalg.h"
#include "mlir/Dialect/Quant/IR/Quant.h"
#include "mlir/Dialect/Tensor/IR/Tensor.h"
#include "mlir/IR/DialectResourceBlobManager.h"
#include "mlir/IR/Remarks.h"
#include "mlir/Interfaces/SideEffectInterfaces.h"
#include "mlir/Pass/Pass.h"
#include "llvm/ADT/StringMap.h"

#include <cmath>

namespace mpq {
#define GEN_PASS_DECL_QUANTIZEPASS
#define GEN_PASS_DEF_QUANTIZEPASS
#include "Quantize.h.inc"
} // namespace mpq

using namespace mlir;
using namespace mpq;

namespace {

constexpr unsigned kPayloadAlignment = 64;

/// The weight of `site` in the chosen format.
FailureOr<ElementsAttr> encodePayload(SiteOp site) {
  std::optional<std::vector<float>> values = readWeights(site);
  if (!values)
    return failure();
  for (auto [index, value] : llvm::enumerate(*values))
    if (!std::isfinite(value))
      return site.emitOpError("weight '")
             << site.getName()
             << "' has a value that is not finite, at element " << index;
  std::vector<char> payload =
      encodeWeights(site, site.getChosen().getFormat(), *values);
  auto type = RankedTensorType::get({int64_t(payload.size())},
                                    IntegerType::get(site.getContext(), 8));
  return ElementsAttr(DenseI8ResourceElementsAttr::get(
      type, site.getName(),
      HeapAsmResourceBlob::allocateAndCopyWithAlign(payload,
                                                    kPayloadAlignment)));
}

class Quantizer {
public:
  Quantizer(Activations activations, int64_t activationBits)
      : activations(activations, activationBits) {}

  LogicalResult run(func::FuncOp main) {
    SmallVector<SiteOp> sites;
    llvm::copy_if(getSites(main), std::back_inserter(sites),
                  [](SiteOp site) { return bool(site.getChosen()); });
    // Ranges are attributes of ops that the second half replaces.
    for (SiteOp site : sites)
      if (failed(activations.addSite(site)))
        return failure();
    activations.insertCasts();
    for (SiteOp site : sites)
      if (failed(quantize(site)))
        return failure();
    return success();
  }

private:
  LogicalResult quantize(SiteOp site) {
    FailureOr<mpq::ConstantOp> stored = store(site);
    if (failed(stored))
      return failure();
    SmallVector<OpOperand *> others;
    for (OpOperand &use : llvm::make_early_inc_range(site->getUses())) {
      Operation *op = use.getOwner();
      bool isWeight = &use == getWeightOperand(op) &&
                      getWeightAxis(op) == int64_t(site.getAxis());
      if (!isWeight)
        others.push_back(&use);
      else if (failed(lower(op, use, *stored)))
        return failure();
    }
    decodeFor(site, others, *stored);
    remark::passed(site.getLoc(),
                   remark::RemarkOpts::name("Stored").category("mpq-quantize"))
        << remark::add("weight '{0}' is stored in {1}", site.getName(),
                       site.getChosen().getFormat().getSpelling())
        << remark::metric("bytes", stored->getType().getStorageBytes());
    Operation *constant = site.getWeight().getDefiningOp();
    site.erase();
    if (isOpTriviallyDead(constant))
      constant->erase();
    return success();
  }

  /// The stored weight. A shared site has the payload of the site that its tie
  /// is named after.
  FailureOr<mpq::ConstantOp> store(SiteOp site) {
    FormatAttrInterface format = site.getChosen().getFormat();
    StringRef owner =
        site->hasAttr(kSharedAttr) ? *site.getTie() : site.getName();
    ElementsAttr &payload = payloads[owner];
    if (!payload) {
      FailureOr<ElementsAttr> encoded = encodePayload(site);
      if (failed(encoded))
        return failure();
      payload = *encoded;
    }
    OpBuilder builder(site);
    ArrayRef<int64_t> shape =
        cast<RankedTensorType>(site.getWeight().getType()).getShape();
    return mpq::ConstantOp::create(
        builder, site.getLoc(),
        StoredTensorType::get(site.getContext(), shape, site.getAxis(), format),
        payload);
  }

  /// `op` as an op of MPQ that reads the stored weight.
  LogicalResult lower(Operation *op, OpOperand &weight,
                      mpq::ConstantOp stored) {
    auto lowering = dyn_cast<onnx::LoweringOpInterface>(op);
    if (!lowering)
      return op->emitOpError("has no lowering to an op with a stored weight");
    OpBuilder builder(op);
    SmallVector<Value> operands(op->getOperands());
    operands[weight.getOperandNumber()] = stored;
    FailureOr<SmallVector<Value>> results = lowering.lower(builder, operands);
    if (failed(results))
      return failure();
    for (Operation *user : stored->getUsers()) {
      if (!readers.insert(user).second || !activations.isDynamic(op))
        continue;
      if (auto matmul = dyn_cast<MatmulOp>(user))
        matmul.setInputQuantAttr(UniformAttr::getDynamic(
            op->getContext(), getActivationGroup(stored),
            activations.getBits()));
      else if (auto conv = dyn_cast<ConvOp>(user))
        conv.setInputQuantAttr(UniformAttr::getDynamic(
            op->getContext(), /*group=*/0, activations.getBits()));
    }
    // Ops behind it are to know the sizes, too.
    for (auto [result, old] : llvm::zip(*results, op->getResults()))
      result.setType(old.getType());
    op->replaceAllUsesWith(*results);
    op->erase();
    return success();
  }

  /// The columns that share a scale in rows that meet this weight; 0: all.
  static int64_t getActivationGroup(mpq::ConstantOp stored) {
    if (!stored->getParentOfType<ModuleOp>()->hasAttr(kActivationGroupsAttr))
      return 0;
    auto type = cast<StoredTensorType>(stored.getType());
    int64_t group = type.getFormat().getIntegerGroup(type.getK());
    return group == type.getK() ? 0 : group;
  }

  /// Ops that read the weight as a plain tensor get the decoded values.
  void decodeFor(SiteOp site, ArrayRef<OpOperand *> uses,
                 mpq::ConstantOp stored) {
    if (uses.empty())
      return;
    OpBuilder builder(site);
    auto decoded =
        DequantizeOp::create(builder, site.getLoc(), site.getType(), stored);
    for (OpOperand *use : uses) {
      use->set(decoded);
      remark::missed(
          use->getOwner()->getLoc(),
          remark::RemarkOpts::name("Decoded").category("mpq-quantize"))
          << remark::add("{0} reads weight '{1}' decoded to f32",
                         use->getOwner()->getName().getStringRef(),
                         site.getName())
          << remark::reason("it has no form that reads stored weights");
    }
  }

  ActivationQuantizer activations;
  llvm::StringMap<ElementsAttr> payloads; ///< by the site that they belong to
  llvm::DenseSet<Operation *> readers; ///< of stored weights, made so far
};

struct QuantizePass : mpq::impl::QuantizePassBase<QuantizePass> {
  using Base::Base;

  void runOnOperation() override {
    func::FuncOp main = lookupMain(getOperation());
    FailureOr<int64_t> bits = failure();
    if (main)
      bits = getActivationBits(main);
    if (failed(bits))
      return signalPassFailure();
    // Lowerings want to know the sizes.
    onnx::ValueTable values;
    if (failed(onnx::inferShapes(main, values, /*keepSizes=*/true)))
      return signalPassFailure();
    LogicalResult result = Quantizer(activations, *bits).run(main);
    onnx::eraseSizes(main);
    if (failed(result))
      return signalPassFailure();
    setStage(getOperation(), Stage::Quantized);
  }
};

} // namespace
