//===----------------------------------------------------------------------===//
// Part of MPQ, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//===----------------------------------------------------------------------===//
//
// Matrix product of f16 activations with 4-bit weights on tensor cores:
// C[M][N] = clamp(A[M][K] * W^T + bias + residual).
//
// WeightLayout.h explains how the weights lie, Plan.h the tiles, Kernel.h the
// order of things. f32 activations are rounded to f16 on their way into shared
// memory; sums are f32.
//
//===----------------------------------------------------------------------===//

#include "Kernel.h"
#include "Pack.h"
#include "Plan.h"

#include "mlir/Dialect/GPU/IR/GPUDialect.h"
#include "mlir/Dialect/LLVMIR/LLVMDialect.h"
#include "mlir/IR/DialectRegistry.h"
#include "llvm/Support/FormatVariadic.h"

using namespace mlir;
using namespace mpq;
using namespace mpq::w4a16;

namespace {

constexpr unsigned kSharedSpace = 3;

WeightLayout getLayout(MatmulOp op) {
  auto stored = cast<StoredTensorType>(op.getWeight().getType());
  return getWeightLayout(op.getWeightShape()[0], op.getWeightShape()[1], stored.getFormat());
}

/// The dynamic shared memory of the kernels of this GPU module.
Value getSharedMemory(ThreadBuilder &t) {
  constexpr StringLiteral name = "shared_memory";
  auto module = t.b.getInsertionBlock()->getParentOp()->getParentOfType<gpu::GPUModuleOp>();
  if (!module.lookupSymbol(name)) {
    OpBuilder builder = OpBuilder::atBlockBegin(module.getBody());
    auto type = LLVM::LLVMArrayType::get(builder.getI8Type(), 0);
    LLVM::GlobalOp::create(builder, t.b.getLoc(), type, /*isConstant=*/false,
                           LLVM::Linkage::External, name, Attribute(),
                           /*alignment=*/1024, kSharedSpace);
  }
  auto pointer = LLVM::LLVMPointerType::get(t.b.getContext(), kSharedSpace);
  return LLVM::AddressOfOp::create(t.b, pointer, name);
}

/// The loop over this block's part of K; returns the sums of this thread.
SmallVector<Value> emitMainLoop(ThreadBuilder &t, const Plan &plan,
                                const ThreadPosition &at,
                                Multiplier &multiplier, InputLoader &input,
                                WeightLoader &weight, Value shared) {
  Value first = plan.splits == 1 ? t.i32(0) : t.mul(at.split, plan.splitSteps);
  auto stageOf = [&](Value step) {
    return t.advance(shared, t.mul(t.rem(step, plan.stages), plan.stageBytes()));
  };
  auto begin = [&](Value step, Value isStep) {
    Value stage = stageOf(step);
    input.begin(t.add(first, step), stage, isStep);
    weight.begin(t.add(first, step), stage, isStep);
  };
  // Waits until all but the last `inFlight` stages are there for everybody, who
  // then have finished with what is overwritten next.
  auto arrive = [&](int64_t inFlight) {
    t.waitForCopies(inFlight);
    if (plan.usesWarpgroups()) // whose products read by another way than copies
                               // wrote
      NVVM::FenceProxyOp::create(
          t.b, NVVM::ProxyKind::async_shared,
          NVVM::SharedSpaceAttr::get(t.b.getContext(),
                                     NVVM::SharedSpace::shared_cta));
    t.barrier();
  };
  for (int64_t step = 0; step < plan.ahead(); ++step) {
    if (step < plan.splitSteps)
      begin(t.i32(step), Value());
    input.finish();
    t.commitCopies();
  }
  arrive(plan.ahead() - 1);
  SmallVector<Value> state = multiplier.makeZero();
  int64_t count = state.size();
  state.append(multiplier.prepare(stageOf(t.i32(0))));
  state = t.forLoop(plan.splitSteps, state, [&](Value step, ValueRange in) {
    SmallVector<Value> sums(in.take_front(count));
    multiplier.multiply(stageOf(step), in.drop_front(count), sums);
    arrive(plan.ahead() - 2);
    Value next = t.add(step, plan.ahead());
    begin(next, t.lessThan(next, plan.splitSteps));
    // After the last stage it is prepared again, and not used.
    SmallVector<Value> prepared =
        multiplier.prepare(stageOf(t.min(t.add(step, 1), plan.splitSteps - 1)));
    multiplier.wait(sums);
    input.finish();
    t.commitCopies();
    sums.append(prepared);
    return sums;
  });
  state.truncate(count);
  return state;
}

class MatmulW4A16 final : public KernelFamily {
public:
  StringRef getName() const override { return "matmul_w4a16"; }
  int getPriority() const override { return 200; }
  bool isForGpu() const override { return true; }

  bool accepts(Operation *op, const KernelTarget &target, std::string &reason) const override {
    reason = getObstacle(op, target);
    return reason.empty();
  }

  KernelLayouts getLayouts(Operation *op, const KernelTarget &) const override {
    KernelLayouts layouts;
    layouts.activations.resize(cast<ComputeOpInterface>(op).getActivationOperands().size());
    return layouts;
  }

  int64_t getPackedBytes(Operation *op, const KernelTarget &) const override {
    return llvm::alignTo(getLayout(cast<MatmulOp>(op)).bytes(), 64);
  }

  void emitPack(OpBuilder &builder, Location loc, Operation *op, const KernelTarget &target,
                const WeightReader &weight, Value packed) const override {
    KernelBuilder k(builder, loc, target);
    WeightLayout layout = getLayout(cast<MatmulOp>(op));
    emitPacking(k, layout, weight, packed);
    int64_t used = layout.bytes(), bytes = getPackedBytes(op, target);
    k.fill(packed, used, bytes - used, k.integer(8, 0));
  }

  SmallVector<KernelLaunch> getLaunches(Operation *op, const KernelTarget &target,
                                        std::optional<int64_t> rows) const override {
    WeightLayout layout = getLayout(cast<MatmulOp>(op));
    SmallVector<KernelLaunch> launches;
    for (int64_t limit : getRowLimits()) {
      if (rows && *rows > limit)
        continue;
      Plan plan(layout, target.gpu, limit);
      launches.push_back({limit, plan.rows(), plan.columnBlocks(), plan.splits,
                          plan.threads(), plan.sharedBytes(),
                          plan.workspaceBytes()});
      if (rows)
        break;
    }
    return launches;
  }

  void emit(OpBuilder &builder, Location loc, Operation *op, const KernelTarget &target,
            ValueRange operands) const override {
    auto matmul = cast<MatmulOp>(op);
    auto limit = op->getAttrOfType<IntegerAttr>(kMaxRowsAttr);
    Plan plan(getLayout(matmul), target.gpu, limit ? limit.getInt() : KernelLaunch::kAnyRows);
    Value rows = operands.drop_back().back(), workspace = operands.back();
    MatmulOp::Adaptor values(operands.drop_back(2), matmul);
    auto elementOf = [](Value tensor) {
      return tensor ? cast<ShapedType>(tensor.getType()).getElementType() : Type();
    };
    KernelArguments arguments{values.getInput(),
                              values.getWeight(),
                              values.getBias(),
                              values.getResidual(),
                              values.getInit(),
                              rows,
                              workspace,
                              elementOf(matmul.getInput()),
                              elementOf(matmul.getResidual()),
                              elementOf(matmul.getInit())};
    ThreadBuilder t(builder, loc);
    ThreadPosition at(t, plan);
    Value shared = getSharedMemory(t);
    InputLoader input(t, plan, at, arguments);
    WeightLoader weight(t, plan, at, arguments.weight);
    auto multiplier = plan.usesWarpgroups()
                          ? makeWarpgroupMultiplier(t, plan, at)
                          : makeWarpMultiplier(t, plan, at);
    SmallVector<Value> sums =
        emitMainLoop(t, plan, at, *multiplier, input, weight, shared);
    emitEpilogue(t, plan, at, arguments, matmul.getClampAttr(), *multiplier,
                 shared, sums);
  }

private:
  static std::string getObstacle(Operation *op, const KernelTarget &target);
};

/// Why there is no kernel for `op`; empty if there is one.
std::string MatmulW4A16::getObstacle(Operation *op, const KernelTarget &target) {
  auto matmul = dyn_cast<MatmulOp>(op);
  if (!matmul)
    return ("the op is " + op->getName().getStringRef() +
            "; on a GPU only products with weights of at most 4 bits have a kernel").str();
  if (target.gpu.capability < 80)
    return llvm::formatv("sm_{0} has no asynchronous copies; sm_80 and later have", target.gpu.capability);
  auto stored = dyn_cast<StoredTensorType>(matmul.getWeight().getType());
  if (!stored)
    return "the weight is float; it has to be quantized to at most 4 bits";
  FormatAttrInterface format = stored.getFormat();
  if (format.getCodeBits() > 4 || !format.getIntegerGroup(stored.getK()))
    return "the weight is " + format.getSpelling() + "; integers of at most 4 bits are supported";
  for (auto [name, quant] : {std::pair<StringRef, UniformAttr>("input", matmul.getInputQuantAttr()),
                             {"residual", matmul.getResidualQuantAttr()},
                             {"result", matmul.getOutputQuantAttr()}})
    if (quant)
      return ("the " + name + " is quantized; f32 and f16 are supported").str();
  return "";
}

} // namespace

namespace mpq {
void registerKernelFamilyMatmulW4A16(DialectRegistry &) {
  Registry<KernelFamily>::get().add("matmul_w4a16", std::make_unique<MatmulW4A16>());
}
} // namespace mpq
