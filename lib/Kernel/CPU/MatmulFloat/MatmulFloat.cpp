//===----------------------------------------------------------------------===//
// Part of MPQ, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//===----------------------------------------------------------------------===//
//
// Matrix product of floats: C[M][N] = A[M][K] * B + bias + residual, clamped,
// in two families.
//
// matmul_f32 multiplies in f32, whatever the activations are stored as.
// matmul_bf16 multiplies pairs along K of what is stored as bf16, with weights
// rounded to bf16, and sums in f32 (vdpbf16ps): twice as fast where there is
// arithmetic to do, and half the bytes of weights where there is not.
//
// B (the weight, transposed) is packed in panels of `vectors` vectors, one row
// of K after the other, so that a kernel reads it as one stream:
//
//     [N / panel][K / P][panel][P]      P columns (1 or 2) are one step; the
//                                       last panel is as narrow as whole
//                                       vectors allow
//
// A is read where it lies. A tile of `rows` x `vectors` accumulators takes, for
// each step, `vectors` loads of B and `rows` broadcasts of A:
//
//     8 rows x 3 vectors: 11 loads for 24 multiply-adds
//
// Panels are the outer loop: a panel stays in the cache while all rows of A
// pass. Where M is known at run time only, the rows are cut into tiles of
// nearly equal height, and there is code for each height up to the tile's; a
// row is summed in the same order in all of them. One row (M = 1, a vector
// times a matrix) has too few accumulators to hide the latency of the adder
// unless the panel is wide or, where N is small, several `chains` share the k:
// the partial sums are added at the end. The order of summation depends on the
// shapes only, so results are reproducible.
//
// Nothing outside of C, the bias and the residual is touched: the last columns
// are read and written under masks.
//
//===----------------------------------------------------------------------===//

#include "mpq/Kernel/KernelBuilder.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/IR/DialectRegistry.h"
#include "mlir/IR/TypeUtilities.h"

using namespace mlir;
using namespace mpq;

namespace {

/// `rows` x `vectors` x `chains` accumulators.
struct MatmulTile {
  int64_t rows = 1, vectors = 1, chains = 1;
};

/// Divisible by every height of a tile: what tiles are chosen for where M is
/// not known.
constexpr int64_t kManyRows = 27720;
/// The highest tile then: each height is code.
constexpr int64_t kMostRows = 12;

struct MatmulPlan {
  MatmulPlan(MatmulOp op, const KernelTarget &target, bool pairs)
      : pairs(pairs),
        m(cast<ShapedType>(op.getInput().getType()).getDimSize(0)),
        n(op.getWeightShape()[0]), depth(op.getWeightShape()[1]),
        lanes(target.lanes()), available(target.vectorRegisters -
                                         (target.vectorRegisters > 16 ? 4 : 0)),
        loadsPerBroadcast(op.getInputQuantAttr() ? 2 : 1) {
    isDynamic = ShapedType::isDynamic(m);
    if (isDynamic)
      m = kManyRows;
    chooseTile();
  }

  int64_t panel() const { return tile.vectors * lanes; }
  int64_t wholePanels() const { return n / panel(); }
  /// Vectors of the last, narrower, panel; 0 if there is none.
  int64_t lastVectors() const { return llvm::divideCeil(n % panel(), lanes); }
  /// Columns of K that are one step, and steps; the last may lack a column.
  int64_t perStep() const { return pairs ? 2 : 1; }
  int64_t steps() const { return llvm::divideCeil(depth, perStep()); }
  /// Weights of a panel of so many vectors, where the last starts, and all.
  int64_t panelSize(int64_t vectors) const {
    return steps() * stepSize(vectors);
  }
  int64_t stepSize(int64_t vectors) const {
    return vectors * lanes * perStep();
  }
  int64_t lastStart() const { return wholePanels() * panelSize(tile.vectors); }
  int64_t size() const { return lastStart() + panelSize(lastVectors()); }
  Type getWeightType(KernelBuilder &k) const {
    return pairs ? Type(k.b.getBF16Type()) : k.b.getF32Type();
  }
  int64_t weightBytes() const { return pairs ? 2 : 4; }

  bool pairs;

  /// Rows; `kManyRows` if that is known at run time only.
  int64_t m;
  bool isDynamic = false;
  int64_t n, depth, lanes, available, loadsPerBroadcast;
  MatmulTile tile;

private:
  double estimateTile(int64_t rows, int64_t vectors, int64_t chains) const;
  void chooseTile();
};

/// Cycles of one tile: the limits are those of ConvFloat/Tile.h.
double MatmulPlan::estimateTile(int64_t rows, int64_t vectors,
                                int64_t chains) const {
  constexpr double kLatency = 4.6, kBroadcast = 0.57, kLoad = 0.66,
                   kHiddenLoad = 0.03;
  constexpr double kFarLoad = 1.4, kHiddenFarLoad = 0.2;
  constexpr double kEpilogue = 2.0, kPerTile = 12.0, kNearBytes = 40 << 10;
  int64_t broadcasts = rows * loadsPerBroadcast;
  double bytes = vectors * lanes * 4.0;
  double far = bytes * steps() <= kNearBytes ? 0 : bytes / 64;
  double step =
      std::max({rows * vectors * 0.5, vectors * kLoad + broadcasts * kBroadcast,
                kLatency / chains, far * kFarLoad});
  step += (vectors + broadcasts) * kHiddenLoad + far * kHiddenFarLoad;
  return steps() * step + rows * vectors * chains * kEpilogue + kPerTile;
}

void MatmulPlan::chooseTile() {
  double best = std::numeric_limits<double>::infinity();
  auto estimate = [&](const MatmulTile &t) {
    auto column = [&](int64_t vectors) {
      double cycles = (m / t.rows) * estimateTile(t.rows, vectors, t.chains);
      return cycles +
             (m % t.rows ? estimateTile(m % t.rows, vectors, t.chains) : 0);
    };
    int64_t last = llvm::divideCeil(n % (t.vectors * lanes), lanes);
    return n / (t.vectors * lanes) * column(t.vectors) +
           (last ? column(last) : 0);
  };
  int64_t columns = llvm::divideCeil(n, lanes);
  int64_t mostRows = isDynamic ? kMostRows : std::min<int64_t>(m, available);
  for (int64_t rows = 1; rows <= mostRows; ++rows)
    for (int64_t vectors = 1; vectors <= std::min<int64_t>(columns, 8);
         ++vectors)
      for (int64_t chains : {1, 2, 4, 8}) {
        if (rows * vectors * chains + vectors + 1 > available ||
            chains > steps())
          continue;
        if (double cycles = estimate({rows, vectors, chains});
            cycles < best * 0.995) {
          best = cycles;
          tile = {rows, vectors, chains};
        }
      }
}

/// Emits one kernel.
class MatmulEmitter {
public:
  MatmulEmitter(OpBuilder &builder, Location loc, MatmulOp op,
                const KernelTarget &target, bool pairs,
                MatmulOp::Adaptor operands)
      : k(builder, loc, target), plan(op, target, pairs), op(op),
        m(k.rows(operands.getInput())),
        a(makeRows(operands.getInput(), op.getInputQuantAttr())),
        c(makeRows(operands.getInit(), op.getOutputQuantAttr())),
        bias(operands.getBias()),
        weights(k.view(operands.getWeight(), plan.getWeightType(k), 0,
                       plan.size())) {
    if (operands.getResidual())
      residual = makeRows(operands.getResidual(), op.getResidualQuantAttr());
    codeTable = k.makeCodeTable(a.quant);
  }

  void emit() {
    int64_t panel = plan.panel();
    k.parallelFor(0, plan.wholePanels(), 1, [&](Index i) {
      emitPanel(k.mul(i, panel), k.mul(i, plan.panelSize(plan.tile.vectors)),
                plan.tile.vectors, panel);
    });
    if (int64_t last = plan.n % panel)
      k.parallelOnce(
          [&] {
            emitPanel(plan.n - last, plan.lastStart(), plan.lastVectors(),
                      last);
          },
          KernelBuilder::Units::Joined);
  }

private:
  Activation makeRows(Value memref, UniformAttr quant) {
    Activation rows;
    rows.buffer = k.flatten(memref);
    rows.quant = quant;
    return rows;
  }

  /// All rows of `valid` columns from `column` on; their weights start at
  /// `stream`.
  void emitPanel(Index column, Index stream, int64_t vectors, int64_t valid) {
    int64_t rows = plan.tile.rows, whole = plan.m / rows * rows;
    if (plan.isDynamic)
      return k.forRowTiles(m, rows, [&](Index row, int64_t height) {
        emitTile(row, column, stream, height, vectors, valid);
      }, /*parallel=*/true);
    k.parallelFor(0, whole, rows, [&](Index row) {
      emitTile(row, column, stream, rows, vectors, valid);
    });
    if (whole < plan.m)
      k.parallelOnce(
          [&] {
            emitTile(whole, column, stream, plan.m - whole, vectors, valid);
          },
          KernelBuilder::Units::Joined);
  }

  void emitTile(Index row, Index column, Index stream, int64_t rows,
                int64_t vectors, int64_t valid) {
    int64_t size = rows * vectors, chains = plan.tile.chains;
    SmallVector<Value> sums(size * chains, k.splatF32(0.0, plan.lanes));
    for (int64_t i = 0; bias && i < size; ++i) {
      int64_t offset = i % vectors * plan.lanes;
      sums[i] =
          k.loadPartial(bias, column + offset, plan.lanes, valid - offset);
    }
    Index aRow = k.mul(row, plan.depth);
    int64_t unroll = getUnroll(size);
    int64_t whole = plan.depth / plan.perStep() / unroll * unroll;
    auto steps = [&](Index first, int64_t count, ValueRange in) {
      SmallVector<Value> sums(in);
      for (int64_t u = 0; u < count; ++u) {
        Step step{k.add(aRow, k.mul(first + u, plan.perStep())),
                  k.add(stream, k.mul(first + u, plan.stepSize(vectors)))};
        // The last one, which is never in the loop, may be of one column.
        step.isHalf = plan.pairs && first.isConstant() &&
                      (first.offset + u) * 2 + 1 == plan.depth;
        emitStep(step, rows, vectors,
                 MutableArrayRef(sums).slice(u % chains * size, size));
      }
      return sums;
    };
    sums = k.forLoop(0, whole, unroll, sums, [&](Index first, ValueRange in) {
      return steps(first, unroll, in);
    });
    sums = steps(whole, plan.steps() - whole, sums);
    for (int64_t chain = 1; chain < chains; ++chain)
      for (int64_t i = 0; i < size; ++i)
        sums[i] = k.addf(sums[i], sums[chain * size + i]);
    emitEpilogue(row, column, rows, vectors, valid, sums);
  }

  /// Steps in one iteration: a multiple of the chains with some 64
  /// multiply-adds.
  int64_t getUnroll(int64_t size) const {
    int64_t unroll = plan.tile.chains;
    while (unroll * 2 * size <= 96 && unroll * 2 <= plan.steps() && unroll < 16)
      unroll *= 2;
    return unroll;
  }

  /// A[row + i] of a step is at `a` + i * depth, the panel's B at `b`. A half
  /// step has no second column.
  struct Step {
    Index a, b;
    bool isHalf = false;
  };

  void emitStep(const Step &step, int64_t rows, int64_t vectors,
                MutableArrayRef<Value> sums) {
    k.keepLoadsInOrder();
    SmallVector<Value> b;
    int64_t elements = plan.stepSize(1);
    for (int64_t v = 0; v < vectors; ++v)
      b.push_back(k.loadStored(weights, step.b + v * elements, elements));
    for (int64_t i = 0; i < rows; ++i) {
      Value x = broadcast(step.a + i * plan.depth, step.isHalf);
      for (int64_t v = 0; v < vectors; ++v) {
        Value &sum = sums[i * vectors + v];
        sum = plan.pairs ? k.dotPairs(sum, b[v], x) : k.fma(x, b[v], sum);
      }
    }
  }

  /// What a step multiplies of one row of A, in all lanes.
  Value broadcast(Index at, bool isHalf) {
    if (!plan.pairs)
      return k.broadcastReal(a, at, plan.lanes, codeTable);
    return k.broadcastPair(a.buffer, at, plan.lanes, isHalf ? 1 : 2);
  }

  void emitEpilogue(Index row, Index column, int64_t rows, int64_t vectors,
                    int64_t valid, ArrayRef<Value> sums) {
    Index at = k.add(k.mul(row, plan.n), column);
    for (int64_t i = 0; i < rows; ++i)
      for (int64_t v = 0; v < vectors; ++v) {
        Value sum = sums[i * vectors + v];
        int64_t offset = v * plan.lanes, left = valid - offset;
        Index to = at + (i * plan.n + offset);
        if (residual) {
          Value more = k.loadPartial(residual->buffer, to, plan.lanes, left);
          sum =
              k.addf(sum, residual->quant ? k.dequantize(more, residual->quant)
                                          : more);
        }
        Value result = c.quant ? k.quantize(sum, c.quant, op.getClampAttr())
                               : k.clamp(sum, op.getClampAttr());
        k.storePartial(result, c.buffer, to, left);
      }
  }

  KernelBuilder k;
  MatmulPlan plan;
  MatmulOp op;
  Index m;
  Activation a, c;
  std::optional<Activation> residual;
  Value bias, weights, codeTable;
};

/// Both families: what differs is what one step multiplies.
class MatmulFloat : public KernelFamily {
public:
  explicit MatmulFloat(bool pairs) : pairs(pairs) {}

  KernelLayouts getLayouts(Operation *op, const KernelTarget &) const override {
    KernelLayouts layouts;
    layouts.activations.resize(
        cast<ComputeOpInterface>(op).getActivationOperands().size());
    return layouts;
  }

  int64_t getPackedBytes(Operation *op,
                         const KernelTarget &target) const override {
    MatmulPlan plan(cast<MatmulOp>(op), target, pairs);
    return llvm::alignTo(plan.size() * plan.weightBytes(), 64);
  }

  void emitPack(OpBuilder &builder, Location loc, Operation *op,
                const KernelTarget &target, const WeightReader &weight,
                Value packed) const override {
    MatmulPlan plan(cast<MatmulOp>(op), target, pairs);
    // Packing may run on another CPU.
    KernelTarget any = target;
    any.avx512bf16 = false;
    KernelBuilder k(builder, loc, any);
    int64_t size = getPackedBytes(op, target) / plan.weightBytes();
    Value to = k.view(packed, plan.getWeightType(k), 0, size);
    k.fill(to, plan.size(), size - plan.size(), k.f32(0.0));
    auto packPanels = [&](int64_t firstRow, int64_t start,
                          ArrayRef<int64_t> sizes) {
      k.forEach(sizes, [&](ArrayRef<Index> at) {
        Value valid;
        Index row = k.linear({at[0], at[2]}, {sizes[0], sizes[2]}) + firstRow;
        row = k.limit(row, firstRow + sizes[0] * sizes[2], plan.n, valid);
        Index column = k.linear({at[1], at[3]}, {sizes[1], sizes[3]});
        column = k.limit(column, sizes[1] * sizes[3], plan.depth, valid);
        k.store(k.readWeight(weight, row, column, valid), to,
                k.linear(at, sizes) + start);
      });
    };
    packPanels(
        0, 0, {plan.wholePanels(), plan.steps(), plan.panel(), plan.perStep()});
    if (plan.lastVectors())
      packPanels(
          plan.wholePanels() * plan.panel(), plan.lastStart(),
          {1, plan.steps(), plan.lastVectors() * plan.lanes, plan.perStep()});
  }

  void emit(OpBuilder &builder, Location loc, Operation *op,
            const KernelTarget &target, ValueRange operands) const override {
    auto matmul = cast<MatmulOp>(op);
    MatmulEmitter(builder, loc, matmul, target, pairs,
                  MatmulOp::Adaptor(operands, matmul))
        .emit();
  }

protected:
  static MatmulOp getMatmul(Operation *op, std::string &reason) {
    auto matmul = dyn_cast<MatmulOp>(op);
    if (!matmul)
      reason =
          ("the op is " + op->getName().getStringRef() + ", not mpq.matmul")
              .str();
    return matmul;
  }

private:
  bool pairs;
};

struct MatmulF32 final : MatmulFloat {
  MatmulF32() : MatmulFloat(/*pairs=*/false) {}
  StringRef getName() const override { return "matmul_f32"; }
  int getPriority() const override { return 100; }

  bool accepts(Operation *op, const KernelTarget &,
               std::string &reason) const override {
    MatmulOp matmul = getMatmul(op, reason);
    if (!matmul)
      return false;
    reason = checkStaticQuantization(
        {{"the input", matmul.getInputQuantAttr()},
         {"the residual", matmul.getResidualQuantAttr()},
         {"the result", matmul.getOutputQuantAttr()}});
    return reason.empty();
  }
};

struct MatmulBf16 final : MatmulFloat {
  MatmulBf16() : MatmulFloat(/*pairs=*/true) {}
  StringRef getName() const override { return "matmul_bf16"; }
  int getPriority() const override { return 110; }

  bool accepts(Operation *op, const KernelTarget &target,
               std::string &reason) const override {
    MatmulOp matmul = getMatmul(op, reason);
    if (!matmul)
      return false;
    if (!getElementTypeOrSelf(matmul.getInput()).isBF16())
      reason = "the input is not bf16";
    else if (matmul.getInputQuantAttr())
      reason = "the input is quantized dynamically";
    else if (!target.avx512bf16 || target.lanes() != 16)
      reason = "the target lacks AVX512_BF16";
    else
      reason = checkStaticQuantization(
          {{"the residual", matmul.getResidualQuantAttr()},
           {"the result", matmul.getOutputQuantAttr()}});
    return reason.empty();
  }
};

} // namespace

namespace mpq {
void registerKernelFamilyMatmulFloat(DialectRegistry &) {
  Registry<KernelFamily>::get().add("matmul_f32",
                                    std::make_unique<MatmulF32>());
  Registry<KernelFamily>::get().add("matmul_bf16",
                                    std::make_unique<MatmulBf16>());
}
} // namespace mpq
