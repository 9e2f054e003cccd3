//===----------------------------------------------------------------------===//
// Part of MPQ, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//===----------------------------------------------------------------------===//
//
// Turns the parallel loops of kernels into loops over one thread's part:
//
//   scf.for %i = 0 to 32 {..} {mpq.parallel}
//     =>  scf.for %i = 32 * part / parts to 32 * (part + 1) / parts {..}
//
// What is shared out are *units*: the iterations of a parallel loop, or those of
// the parallel loops in it, one outer iteration after the other. Joined loops
// are counted on. A matrix product of 5 panels, the last of them narrow, with 3
// tiles of rows each:
//
//   for panel = 0 to 4 {mpq.parallel}                   units 0 ... 11
//     for tile = 0 to 3 {mpq.parallel}
//   once {mpq.parallel, mpq.joined}                     units 12 ... 14
//     for tile = 0 to 3 {mpq.parallel}
//
// Of two threads the first gets units 0 ... 7 and the second 8 ... 14: they
// meet within panel 2. (Bounds are rounded up, so that the first thread, which
// starts before the others, has the longest part.) A loop that begins at unit
// `first` clamps what is left of [from, to) to its own: panels
// [(from - first) / 3, ceil((to - first) / 3)), and, in panel p, tiles
// [from - first - 3 p, to - first - 3 p).
//
//===----------------------------------------------------------------------===//

#include "mpq/Kernel/KernelBuilder.h"
#include "mpq/Kernel/Parts.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/Dialect/MemRef/IR/MemRef.h"
#include "mlir/Dialect/SCF/IR/SCF.h"
#include "mlir/Dialect/Vector/IR/VectorOps.h"
#include "mlir/IR/Dominance.h"
#include "mlir/IR/Matchers.h"
#include "mlir/IR/Remarks.h"
#include "mlir/Interfaces/ViewLikeInterface.h"
#include "mlir/Pass/Pass.h"

namespace mpq {
#define GEN_PASS_DECL_SPLITKERNELSPASS
#define GEN_PASS_DEF_SPLITKERNELSPASS
#include "SplitKernels.h.inc"
} // namespace mpq

using namespace mlir;
using namespace mpq;

namespace {

bool isParallel(Operation *op) { return op->hasAttr(kParallelAttr); }

/// The innermost parallel loop around `op`, or null.
scf::ForOp getOuter(Operation *op) {
  auto outer = op->getParentOfType<scf::ForOp>();
  while (outer && !isParallel(outer))
    outer = outer->getParentOfType<scf::ForOp>();
  return outer;
}

/// Loops of one block whose units are counted together.
using Group = SmallVector<scf::ForOp>;

class KernelSplitter {
public:
  explicit KernelSplitter(func::FuncOp kernel)
      : kernel(kernel), b(kernel.getLoc(), kernel.getContext()) {}

  bool isParallel() {
    return kernel
        .walk([](scf::ForOp loop) {
          return ::isParallel(loop) ? WalkResult::interrupt()
                                    : WalkResult::advance();
        })
        .wasInterrupted();
  }

  /// What a family must not do.
  LogicalResult verify();

  /// Units of the longest group, where that is known.
  std::optional<int64_t> countMostUnits();

  /// Adds the arguments and divides the units.
  LogicalResult split();

private:
  SmallVector<Group> getRoots();
  /// The parallel loops directly in `loop`.
  FailureOr<Group> getInner(scf::ForOp loop);
  /// Iterations, or units, computed before `before`.
  FailureOr<Value> countTrips(scf::ForOp loop, Operation *before);
  FailureOr<Value> countUnits(scf::ForOp loop, Operation *before);
  LogicalResult distribute(const Group &group, Value from, Value to,
                           Operation *before);
  LogicalResult restrictTo(scf::ForOp loop, Value from, Value to, Value units);

  Value constant(int64_t value) {
    return arith::ConstantIndexOp::create(b, value);
  }
  template <typename Op> Value make(Value x, Value y) {
    return b.createOrFold<Op>(x, y);
  }
  Value clamp(Value x, Value most) {
    return make<arith::MinSIOp>(make<arith::MaxSIOp>(x, constant(0)), most);
  }

  func::FuncOp kernel;
  ImplicitLocOpBuilder b;
};

} // namespace

//===----------------------------------------------------------------------===//
// Rules
//===----------------------------------------------------------------------===//

/// Whether `buffer` is memory of the function's own.
static bool isLocal(Value buffer) {
  while (Operation *op = buffer.getDefiningOp()) {
    if (isa<memref::AllocaOp>(op))
      return true;
    if (!isa<ViewLikeOpInterface>(op))
      return false;
    buffer = op->getOperand(0);
  }
  return false;
}

LogicalResult KernelSplitter::verify() {
  auto result = kernel.walk([&](Operation *op) -> WalkResult {
    if (::isParallel(op)) {
      auto loop = dyn_cast<scf::ForOp>(op);
      if (!loop || loop.getNumResults())
        return op->emitOpError(
            "is marked parallel, but is no loop without results");
      return success();
    }
    Value buffer;
    if (auto store = dyn_cast<memref::StoreOp>(op))
      buffer = store.getMemRef();
    else if (isa<vector::StoreOp, vector::MaskedStoreOp>(op))
      buffer = isa<vector::StoreOp>(op) ? op->getOperand(1) : op->getOperand(0);
    else if (auto copy = dyn_cast<memref::CopyOp>(op))
      buffer = copy.getTarget();
    if (buffer && !getOuter(op) && !isLocal(buffer))
      return op->emitOpError("writes to an operand of the kernel '")
             << kernel.getName() << "' outside of its parallel loops";
    return success();
  });
  return failure(result.wasInterrupted());
}

SmallVector<Group> KernelSplitter::getRoots() {
  SmallVector<Group> roots;
  kernel.walk<WalkOrder::PreOrder>([&](scf::ForOp loop) {
    if (!::isParallel(loop))
      return WalkResult::advance();
    bool isJoined = loop->hasAttr(kJoinedAttr) && !roots.empty() &&
                    roots.back().back()->getBlock() == loop->getBlock();
    if (!isJoined)
      roots.emplace_back();
    roots.back().push_back(loop);
    return WalkResult::skip();
  });
  return roots;
}

FailureOr<Group> KernelSplitter::getInner(scf::ForOp loop) {
  Group inner;
  loop.getBody()->walk([&](scf::ForOp other) {
    if (::isParallel(other) && getOuter(other) == loop)
      inner.push_back(other);
  });
  for (scf::ForOp other : inner)
    if (other->getBlock() != inner.front()->getBlock())
      return other->emitOpError("is parallel, and so is a loop in another block "
                                "of the same parallel loop");
  return inner;
}

//===----------------------------------------------------------------------===//
// Units
//===----------------------------------------------------------------------===//

static std::optional<int64_t> getConstant(Value value) {
  APInt constant;
  if (matchPattern(value, m_ConstantInt(&constant)))
    return constant.getSExtValue();
  return std::nullopt;
}

static std::optional<int64_t> countConstantTrips(scf::ForOp loop) {
  auto lower = getConstant(loop.getLowerBound()),
       upper = getConstant(loop.getUpperBound()),
       step = getConstant(loop.getStep());
  if (!lower || !upper || !step)
    return std::nullopt;
  return llvm::divideCeil(std::max<int64_t>(*upper - *lower, 0), *step);
}

std::optional<int64_t> KernelSplitter::countMostUnits() {
  auto count = [&](auto &self, scf::ForOp loop) -> std::optional<int64_t> {
    std::optional<int64_t> units = countConstantTrips(loop);
    FailureOr<Group> inner = getInner(loop);
    if (!units || failed(inner))
      return std::nullopt;
    int64_t innerUnits = inner->empty();
    for (scf::ForOp other : *inner) {
      std::optional<int64_t> more = self(self, other);
      if (!more)
        return std::nullopt;
      innerUnits += *more;
    }
    return *units * innerUnits;
  };
  int64_t most = 0;
  for (const Group &group : getRoots()) {
    int64_t sum = 0;
    for (scf::ForOp loop : group) {
      std::optional<int64_t> units = count(count, loop);
      if (!units)
        return std::nullopt;
      sum += *units;
    }
    most = std::max(most, sum);
  }
  return most;
}

/// Moves what computes `value` before `before` unless it is there.
static bool hoist(Value value, Operation *before, DominanceInfo &dominance) {
  if (dominance.properlyDominates(value, before))
    return true;
  Operation *op = value.getDefiningOp();
  if (!op || op->getNumRegions() || !isMemoryEffectFree(op))
    return false;
  for (Value operand : op->getOperands())
    if (!hoist(operand, before, dominance))
      return false;
  op->moveBefore(before);
  return true;
}

FailureOr<Value> KernelSplitter::countTrips(scf::ForOp loop,
                                            Operation *before) {
  if (std::optional<int64_t> trips = countConstantTrips(loop)) {
    b.setInsertionPoint(before);
    return constant(*trips);
  }
  DominanceInfo dominance(kernel);
  for (Value bound : {loop.getLowerBound(), loop.getUpperBound(), loop.getStep()})
    if (!hoist(bound, before, dominance))
      return loop->emitOpError(
          "is parallel, and its bounds are not known before the parallel loops "
          "that it is counted with");
  b.setInsertionPoint(before);
  Value length =
      make<arith::SubIOp>(loop.getUpperBound(), loop.getLowerBound());
  length = make<arith::MaxSIOp>(length, constant(0));
  return make<arith::CeilDivUIOp>(length, loop.getStep());
}

FailureOr<Value> KernelSplitter::countUnits(scf::ForOp loop,
                                            Operation *before) {
  FailureOr<Group> inner = getInner(loop);
  if (failed(inner))
    return failure();
  FailureOr<Value> trips = countTrips(loop, before);
  if (failed(trips) || inner->empty())
    return trips;
  Value sum;
  for (scf::ForOp other : *inner) {
    FailureOr<Value> units = countUnits(other, before);
    if (failed(units))
      return failure();
    b.setInsertionPoint(before);
    sum = sum ? make<arith::AddIOp>(sum, *units) : *units;
  }
  return make<arith::MulIOp>(*trips, sum);
}

/// `from` and `to` are counted from the first unit of the group; what is computed
/// for all of it goes before `before`.
LogicalResult KernelSplitter::distribute(const Group &group, Value from,
                                         Value to, Operation *before) {
  for (scf::ForOp loop : group) {
    FailureOr<Value> units = countUnits(loop, before);
    if (failed(units))
      return failure();
    b.setInsertionPoint(loop);
    Value first = clamp(from, *units), end = clamp(to, *units);
    if (failed(restrictTo(loop, first, end, *units)))
      return failure();
    b.setInsertionPoint(loop);
    from = make<arith::SubIOp>(from, *units);
    to = make<arith::SubIOp>(to, *units);
  }
  return success();
}

/// `loop` does units [from, to) of its own `units`.
LogicalResult KernelSplitter::restrictTo(scf::ForOp loop, Value from, Value to,
                                         Value units) {
  FailureOr<Group> inner = getInner(loop);
  FailureOr<Value> trips = countTrips(loop, loop);
  if (failed(inner) || failed(trips))
    return failure();
  Value first = from, end = to;
  Value lower = loop.getLowerBound(), step = loop.getStep();
  loop->removeAttr(kParallelAttr);
  loop->removeAttr(kJoinedAttr);
  if (!inner->empty()) {
    // Units of one iteration; there may be none.
    Value each = make<arith::DivUIOp>(
        units, make<arith::MaxSIOp>(*trips, constant(1)));
    Value divisor = make<arith::MaxSIOp>(each, constant(1));
    first = make<arith::DivUIOp>(from, divisor);
    end = make<arith::CeilDivUIOp>(to, divisor);
    // The last iteration counts as a whole: its bounds are clamped inside.
    b.setInsertionPointToStart(loop.getBody());
    Value iteration = make<arith::DivUIOp>(
        make<arith::SubIOp>(loop.getInductionVar(), lower), step);
    Value base = make<arith::MulIOp>(iteration, each);
    Value innerFrom = make<arith::SubIOp>(from, base);
    Value innerTo = make<arith::SubIOp>(to, base);
    if (failed(distribute(*inner, innerFrom, innerTo, inner->front())))
      return failure();
    b.setInsertionPoint(loop);
  }
  loop.setLowerBound(make<arith::AddIOp>(lower, make<arith::MulIOp>(first, step)));
  loop.setUpperBound(make<arith::AddIOp>(lower, make<arith::MulIOp>(end, step)));
  return success();
}

LogicalResult KernelSplitter::split() {
  unsigned count = kernel.getNumArguments();
  for (unsigned i : {count, count + 1})
    if (failed(kernel.insertArgument(i, b.getIndexType(), {}, kernel.getLoc())))
      return failure();
  Value part = kernel.getArgument(count), parts = kernel.getArgument(count + 1);
  for (const Group &group : getRoots()) {
    Operation *before = group.front();
    Value total;
    for (scf::ForOp loop : group) {
      FailureOr<Value> units = countUnits(loop, before);
      if (failed(units))
        return failure();
      b.setInsertionPoint(before);
      total = total ? make<arith::AddIOp>(total, *units) : *units;
    }
    b.setInsertionPoint(before);
    Value next = make<arith::AddIOp>(part, constant(1));
    auto getBound = [&](Value number) {
      return make<arith::CeilDivUIOp>(make<arith::MulIOp>(total, number), parts);
    };
    Value from = getBound(part), to = getBound(next);
    if (failed(distribute(group, from, to, before)))
      return failure();
  }
  return success();
}

//===----------------------------------------------------------------------===//
// The pass
//===----------------------------------------------------------------------===//

namespace {

struct SplitKernelsPass : mpq::impl::SplitKernelsPassBase<SplitKernelsPass> {
  using Base::Base;

  void runOnOperation() override {
    llvm::StringMap<int64_t> parts;
    for (auto kernel : getOperation().getOps<func::FuncOp>()) {
      KernelSplitter splitter(kernel);
      if (!splitter.isParallel())
        continue;
      if (failed(splitter.verify()))
        return signalPassFailure();
      int64_t count = countParts(kernel, splitter.countMostUnits());
      if (count > 1)
        parts[kernel.getName()] = count;
    }
    if (!isWorthIt(parts))
      return;
    for (auto kernel : getOperation().getOps<func::FuncOp>())
      if (parts.contains(kernel.getName()))
        if (failed(KernelSplitter(kernel).split()))
          return signalPassFailure();
    getOperation().walk([&](func::CallOp call) {
      if (parts.contains(call.getCallee()))
        addArguments(
            call, parts[call.getCallee()],
            getNanoseconds(
                getOperation().lookupSymbol<func::FuncOp>(call.getCallee())));
    });
  }

private:
  /// What `mpq-emit-kernels` takes for a size that is not known, and the largest
  /// for which it is decided how many parts there may be.
  static constexpr int64_t kPredictedSize = 32, kMostSize = 1024;

  static int64_t getNanoseconds(func::FuncOp kernel) {
    auto predicted = kernel->getAttrOfType<IntegerAttr>(kNanosecondsAttr);
    return predicted ? predicted.getInt() : 0;
  }

  /// Whether the calls of these kernels take long enough together.
  bool isWorthIt(const llvm::StringMap<int64_t> &parts) {
    int64_t sum = 0;
    getOperation().walk([&](func::CallOp call) {
      if (parts.contains(call.getCallee()))
        sum += getNanoseconds(getOperation().lookupSymbol<func::FuncOp>(call.getCallee()));
    });
    if (partNanoseconds == 0 || sum >= runNanoseconds)
      return true;
    if (!parts.empty())
      remark::missed(
          getOperation().getLoc(),
          remark::RemarkOpts::name("SplitKernel").category("mpq-split-kernels"))
          << remark::add("one thread runs a sample")
          << remark::reason("what others could take over takes {0} ns", sum);
    return false;
  }

  /// What it takes one of two threads to fetch half of the activations that a
  /// kernel reads, and the other to fetch half of what it has written, if one
  /// thread runs it between kernels that both share.
  static double getFetchNanoseconds(func::FuncOp kernel) {
    // About 4.4 ns for a line of 64 bytes: slices of 70 KB, AMD EPYC, family 25
    // model 17 (docs/Rationale/Threads.md). Half of the lines are in the other
    // cache.
    constexpr double kNanosecondsPerByte = 4.4 / 64 / 2;
    double bytes = 0;
    for (Type type : kernel.getArgumentTypes())
      // Weights are streams of bytes.
      if (auto memref = dyn_cast<MemRefType>(type);
          memref && memref.getRank() > 1 && memref.hasStaticShape())
        bytes += memref.getNumElements() * memref.getElementTypeBitWidth() / 8.0;
    return bytes * kNanosecondsPerByte;
  }

  int64_t countParts(func::FuncOp kernel, std::optional<int64_t> units) {
    int64_t parts = units.value_or(INT64_MAX);
    auto predicted = kernel->getAttrOfType<IntegerAttr>(kNanosecondsAttr);
    if (partNanoseconds > 0 && predicted) {
      double time = predicted.getInt() + getFetchNanoseconds(kernel);
      if (!getSizes(kernel.getArguments()).empty())
        time *= double(kMostSize) / kPredictedSize;
      parts = std::min<int64_t>(parts, time / partNanoseconds);
    }
    if (parts < 2)
      remark::missed(
          kernel.getLoc(),
          remark::RemarkOpts::name("SplitKernel").category("mpq-split-kernels"))
          << remark::add("{0} stays on one thread", kernel.getName())
          << remark::reason(
                 "it takes {0} ns and has {1} units of work",
                 predicted ? std::to_string(predicted.getInt()) : "unknown",
                 units ? std::to_string(*units) : "any number of");
    return parts;
  }

  /// Sizes that are known at run time only.
  static SmallVector<Value> getSizes(ValueRange operands) {
    return llvm::filter_to_vector(
        operands, [](Value value) { return value.getType().isIndex(); });
  }

  /// How many parts are worth it for the largest of `sizes`: the prediction is
  /// for `kPredictedSize`, and times grow at least as sizes do.
  Value emitParts(OpBuilder &b, Location loc, ArrayRef<Value> sizes,
                  int64_t parts, int64_t nanoseconds) {
    auto constant = [&](int64_t value) -> Value {
      return arith::ConstantIndexOp::create(b, loc, value);
    };
    Value largest = sizes.front();
    for (Value size : sizes.drop_front())
      largest = b.createOrFold<arith::MaxUIOp>(loc, largest, size);
    Value time =
        b.createOrFold<arith::MulIOp>(loc, largest, constant(nanoseconds));
    Value count = b.createOrFold<arith::DivUIOp>(
        loc, time, constant(kPredictedSize * partNanoseconds));
    count = b.createOrFold<arith::MaxUIOp>(loc, count, constant(1));
    return b.createOrFold<arith::MinUIOp>(loc, count, constant(parts));
  }

  void addArguments(func::CallOp call, int64_t parts, int64_t nanoseconds) {
    OpBuilder b(call);
    SmallVector<Value> operands(call.getOperands()), sizes = getSizes(operands);
    Value part = arith::ConstantIndexOp::create(b, call.getLoc(), 0), count;
    if (sizes.empty() || partNanoseconds == 0)
      count = arith::ConstantIndexOp::create(b, call.getLoc(), 1);
    else
      count = emitParts(b, call.getLoc(), sizes, parts, nanoseconds);
    operands.append({part, count});
    call.getOperandsMutable().assign(operands);
    call->setAttr(kPartsAttr, b.getI64IntegerAttr(parts));
  }
};

} // namespace
