//===----------------------------------------------------------------------===//
// Part of MPQ, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//===----------------------------------------------------------------------===//
//
//   %s = arith.addf %p, %q : f32   =>   %s = arith.addf %p, %q : vector<16xf32>
//
//===----------------------------------------------------------------------===//

#include "Body.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Math/IR/Math.h"
#include "mlir/Dialect/Math/Transforms/Passes.h"
#include "mlir/IR/IRMapping.h"
#include "mlir/Interfaces/FunctionInterfaces.h"
#include "mlir/Transforms/GreedyPatternRewriteDriver.h"

using namespace mlir;
using namespace mpq;

bool map::isVectorizable(Block &body, std::string &reason) {
  for (Operation &op : body.without_terminator()) {
    for (Value operand : op.getOperands())
      if (operand.getParentBlock() != &body) {
        reason = ("has a region that uses a value from outside: operand of " +
                  op.getName().getStringRef())
                     .str();
        return false;
      }
    if (!isa<arith::ConstantOp>(op) &&
        !OpTrait::hasElementwiseMappableTraits(&op)) {
      reason = ("has " + op.getName().getStringRef() +
                " in its region, which has no elementwise form on vectors")
                   .str();
      return false;
    }
  }
  return true;
}

Value map::emitBody(KernelBuilder &k, Block &body, ValueRange arguments) {
  int64_t lanes = cast<VectorType>(arguments[0].getType()).getNumElements();
  IRMapping vectors;
  vectors.map(body.getArguments(), arguments);
  for (Operation &op : body.without_terminator()) {
    if (auto constant = dyn_cast<arith::ConstantOp>(op)) {
      auto type = VectorType::get(lanes, constant.getType());
      vectors.map(constant.getResult(),
                  k.constant(DenseElementsAttr::get(
                      type, Attribute(constant.getValue()))));
      continue;
    }
    Operation *vectorized = k.b.clone(op, vectors);
    for (Value result : vectorized->getResults())
      result.setType(VectorType::get(lanes, result.getType()));
  }
  return vectors.lookup(body.getTerminator()->getOperand(0));
}

/// The functions whose approximation in MLIR is within 1e-6 of the exact value,
/// relatively, wherever that is a normal number (test/Kernel/Data measures it;
/// sin, cos, atan, cbrt and the rsqrt of AVX are not).
static bool isAccurate(StringRef name) {
  return llvm::is_contained<StringRef>(
      {"math.exp", "math.expm1", "math.log", "math.log2", "math.log1p",
       "math.tanh", "math.erf", "math.erfc", "math.asin", "math.acos"},
      name);
}

namespace {

/// math.fma on a CPU without it would call libm for each lane.
struct SplitFma final : OpRewritePattern<math::FmaOp> {
  using OpRewritePattern::OpRewritePattern;
  LogicalResult matchAndRewrite(math::FmaOp op,
                                PatternRewriter &rewriter) const override {
    Value product =
        arith::MulFOp::create(rewriter, op.getLoc(), op.getA(), op.getB());
    rewriter.replaceOpWithNewOp<arith::AddFOp>(op, product, op.getC());
    return success();
  }
};

} // namespace

void map::expandMath(Block *block, const KernelTarget &target) {
  Operation *function = block->getParentOp();
  while (!isa<FunctionOpInterface>(function))
    function = function->getParentOp();
  SmallVector<Operation *> ops;
  function->walk([&](Operation *op) {
    if (isa<math::MathDialect>(op->getDialect()))
      ops.push_back(op);
  });
  RewritePatternSet patterns(function->getContext());
  populateMathPolynomialApproximationPatterns(patterns, isAccurate);
  if (!target.fma)
    patterns.add<SplitFma>(function->getContext());
  auto config = GreedyRewriteConfig()
                    .setStrictness(GreedyRewriteStrictness::ExistingAndNewOps)
                    .enableFolding(false);
  (void)applyOpPatternsGreedily(ops, std::move(patterns), config);
}
