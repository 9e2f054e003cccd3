//===----------------------------------------------------------------------===//
// Part of MPQ, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//===----------------------------------------------------------------------===//
//
// The time of a whole model, and of the ops of one site. The latter are not
// lowered yet: each is, alone, as the candidate would have it, to see which
// kernels would take it.
//
//===----------------------------------------------------------------------===//

#include "mpq/Analysis/Cost.h"

#include "dialects/ONNX/ONNX.h"
#include "dialects/ONNX/Window.h"
#include "mpq/Kernel/KernelFamily.h"

#include "mlir/Dialect/Linalg/IR/Linalg.h"
#include "mlir/Dialect/MemRef/IR/MemRef.h"

using namespace mlir;
using namespace mpq;

/// Ops that become kernels or loops.
static bool isWork(Operation *op) {
  return isa<ComputeOpInterface, linalg::LinalgOp, memref::CopyOp>(op);
}

static std::vector<KernelWork> describeAll(func::FuncOp main,
                                           int64_t dynamicSize) {
  std::vector<KernelWork> works;
  main.walk([&](Operation *op) {
    if (isWork(op))
      works.push_back(describeWork(op, dynamicSize));
  });
  return works;
}

static double sumBytes(ArrayRef<KernelWork> works) {
  double bytes = 0;
  for (const KernelWork &work : works)
    bytes += work.weightBytes;
  return bytes;
}

double mpq::getModelBytes(func::FuncOp main) {
  return sumBytes(describeAll(main, /*dynamicSize=*/1));
}

double mpq::predictModel(func::FuncOp main, const CostTable &table,
                         int64_t dynamicSize) {
  std::vector<KernelWork> works = describeAll(main, dynamicSize);
  double total = 0, modelBytes = sumBytes(works);
  for (const KernelWork &work : works)
    total += table.predict(work, modelBytes) + table.nsPerTurn;
  return total;
}

//===----------------------------------------------------------------------===//
// One site
//===----------------------------------------------------------------------===//

namespace {

/// The op that `use` would become, alone in a module: with its weight stored as
/// the candidate says, and with activations quantized by the kernel, which any
/// family that computes on codes does, too.
class Alone {
public:
  Alone(Operation *use, SiteOp site, CandidateAttr candidate,
        const KernelTarget &target, Activations byDefault)
      : b(use->getContext()), loc(use->getLoc()), module(ModuleOp::create(loc)),
        use(use), target(target) {
    target.set(*module);
    b.setInsertionPointToEnd(module->getBody());
    auto weightType = cast<RankedTensorType>(site.getWeight().getType());
    weight = StoredTensorType::get(b.getContext(), weightType.getShape(),
                                   site.getAxis(), candidate.getFormat());
    // What a candidate leaves open the site says for all of them.
    FailureOr<Activations> all = getActivations(site, byDefault);
    Activations activations = candidate.getActivations().value_or(
        succeeded(all) ? *all : byDefault);
    isInt8 = activations == Activations::Int8;
    if (isInt8)
      quant = UniformAttr::getDynamic(b.getContext(), /*group=*/0,
                                      getActivationBits(site).value_or(8));
  }

  KernelWork describe(SiteOp site, int64_t dynamicSize);

private:
  Operation *build();
  Operation *buildConv(onnx::ConvOp conv);
  Operation *buildMatmul();
  /// A value that comes from nowhere.
  Value makeValue(Type type) {
    return UnrealizedConversionCastOp::create(b, loc, type, ValueRange())
        .getResult(0);
  }
  RankedTensorType getType(ArrayRef<int64_t> shape) {
    return RankedTensorType::get(shape, b.getF32Type());
  }

  OpBuilder b;
  Location loc;
  OwningOpRef<ModuleOp> module;
  Operation *use;
  KernelTarget target;
  StoredTensorType weight;
  bool isInt8;
  UniformAttr quant;
};

} // namespace

/// `shape` with one more dimension of 1 before the last, if it has one only.
static SmallVector<int64_t> makeTwo(ArrayRef<int64_t> shape, int64_t filler) {
  SmallVector<int64_t> two(shape);
  if (two.size() == 1)
    two.insert(two.begin(), filler);
  return two;
}

Operation *Alone::buildConv(onnx::ConvOp conv) {
  auto input = cast<RankedTensorType>(conv.getX().getType());
  auto result = cast<RankedTensorType>(conv.getResult().getType());
  ArrayRef<int64_t> shape = weight.getShape();
  auto window = onnx::Window::get(conv, input.getShape().drop_front(2),
                                  shape.drop_front(2));
  if (failed(window) || shape.size() > 4)
    return nullptr;
  auto expand = [](ArrayRef<int64_t> shape) {
    SmallVector<int64_t> all(shape.take_front(2));
    all.append(makeTwo(shape.drop_front(2), 1));
    return all;
  };
  SmallVector<int64_t> pads = makeTwo(window->padsBegin, 0);
  pads.append(makeTwo(window->padsEnd, 0));
  RankedTensorType type = getType(expand(result.getShape()));
  return ConvOp::create(
      b, loc, TypeRange(type), makeValue(getType(expand(input.getShape()))),
      makeValue(weight), /*bias=*/Value(), /*residual=*/Value(),
      makeValue(type), expand(shape), makeTwo(window->strides, 1),
      makeTwo(window->dilations, 1), pads, conv.getGroup(), RangeAttr(),
      BlockedAttr(), BlockedAttr(), BlockedAttr(), quant, UniformAttr(),
      UniformAttr(), StringAttr());
}

/// MatMul and Gemm: all dimensions but the last are rows.
Operation *Alone::buildMatmul() {
  auto result = cast<RankedTensorType>(use->getResult(0).getType());
  int64_t rows = 1, axis = weight.getAxis();
  for (int64_t size : result.getShape().drop_back())
    rows = ShapedType::isDynamic(size) || ShapedType::isDynamic(rows)
               ? ShapedType::kDynamic
               : rows * size;
  int64_t n = weight.getShape()[axis], k = weight.getShape()[1 - axis];
  RankedTensorType type = getType({rows, n});
  return MatmulOp::create(
      b, loc, TypeRange(type), makeValue(getType({rows, k})), makeValue(weight),
      /*bias=*/Value(),
      /*residual=*/Value(), makeValue(type), ArrayRef<int64_t>{n, k}, axis,
      RangeAttr(), quant, UniformAttr(), UniformAttr(), StringAttr());
}

Operation *Alone::build() {
  if (auto conv = dyn_cast<onnx::ConvOp>(use))
    return buildConv(conv);
  return weight.getShape().size() == 2 ? buildMatmul() : nullptr;
}

KernelWork Alone::describe(SiteOp site, int64_t dynamicSize) {
  Operation *op = build();
  if (!op)
    return {};
  KernelFamily *family = chooseKernelFamily(op, target).family;
  if (!family)
    return {};
  op->setAttr("family", b.getStringAttr(family->getName()));
  KernelWork work = describeWork(op, dynamicSize);
  // Rows of a matrix product have their scales found by the kernel, pixels of a
  // convolution have scales from calibration.
  if (isa<ConvOp>(op)) {
    work.kernel = family->getName();
    work.bits = isInt8 ? 8 : 32;
    work.weightBytes = getNumWeights(site) * work.bits / 8;
  } else {
    work.weightBytes = family->getPackedBytes(op, target);
    // What is packed has the bits of its codes.
    if (!family->getPackedLayout(op, target))
      work.bits = isInt8 ? 8 : 32;
  }
  return work;
}

double mpq::predictSite(SiteOp site, CandidateAttr candidate,
                        const CostTable &table, const KernelTarget &target,
                        double modelBytes, int64_t dynamicSize,
                        Activations byDefault) {
  double total = 0;
  for (OpOperand &use : site->getUses()) {
    Operation *op = use.getOwner();
    if (&use != getWeightOperand(op) || isa<onnx::GatherOp>(op))
      continue;
    KernelWork work =
        Alone(op, site, candidate, target, byDefault).describe(site, dynamicSize);
    total += table.predict(work, modelBytes);
  }
  return total;
}
