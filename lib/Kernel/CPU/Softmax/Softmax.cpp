//===----------------------------------------------------------------------===//
// Part of MPQ, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//===----------------------------------------------------------------------===//
//
// Softmax of rows in vectors, in three passes over a row that is in the first
// cache: the maximum; exponentials and their sum; division. Rows of any size,
// known at run time only if need be.
//
// exp(x - m) is 2^(x * log2(e) - m * log2(e)), with one multiply-add.
//
//===----------------------------------------------------------------------===//

#include "mpq/Kernel/RowFamily.h"

#include "mlir/Dialect/Arith/IR/Arith.h"

#include <limits>

using namespace mlir;
using namespace mpq;

namespace {

constexpr double kLog2E = 1.4426950408889634;

class SoftmaxEmitter {
public:
  SoftmaxEmitter(KernelBuilder &k, ValueRange operands)
      : k(k), lanes(k.target.lanes()), from(k.flatten(operands[0])),
        to(k.flatten(operands[1])), rows(k.rows(operands[0])) {
    int64_t rank = cast<MemRefType>(operands[0].getType()).getRank();
    columns = k.dim(operands[0], rank - 1);
  }

  void emit() {
    k.parallelFor(0, rows, 1, [&](Index row) { emitRow(k.mul(row, columns)); });
  }

private:
  void emitRow(Index start) {
    double infinity = std::numeric_limits<double>::infinity();
    Value lowest = k.splatF32(-infinity, lanes);
    Value max = pass(start, lowest, [&](Index at, Index valid, Value max) {
      Value x = k.loadPartial(from, at, lanes, valid);
      return maximum(max, onlyValid(x, valid, lowest));
    });
    max = k.reduceLanes(max, [&](Value a, Value b) { return maximum(a, b); });
    Value shift = k.broadcast(k.mulf(max, k.f32(-kLog2E)), lanes);
    Value zero = k.splatF32(0.0, lanes), log2E = k.splatF32(kLog2E, lanes);
    Value sum = pass(start, zero, [&](Index at, Index valid, Value sum) {
      Value x = k.loadPartial(from, at, lanes, valid);
      Value power = k.exp2(k.fma(x, log2E, shift));
      k.storePartial(power, to, at, valid);
      return k.addf(sum, onlyValid(power, valid, zero));
    });
    sum = k.reduceLanes(sum, [&](Value a, Value b) { return k.addf(a, b); });
    Value factor =
        k.broadcast(arith::DivFOp::create(k.b, k.f32(1.0), sum), lanes);
    pass(start, zero, [&](Index at, Index valid, Value carried) {
      Value power = k.loadPartial(to, at, lanes, valid);
      k.storePartial(k.mulf(power, factor), to, at, valid);
      return carried;
    });
  }

  /// Visits the vectors of a row; `at` is in the buffers.
  Value pass(Index start, Value init,
             function_ref<Value(Index at, Index valid, Value)> body) {
    return k.forEachVector(
        columns, lanes, init, [&](Index at, Index valid, ValueRange in) {
          return SmallVector<Value>{body(k.add(start, at), valid, in[0])};
        })[0];
  }

  Value onlyValid(Value vector, Index valid, Value otherwise) {
    if (valid.isConstant() && valid.offset == lanes)
      return vector;
    return arith::SelectOp::create(k.b, k.mask(lanes, valid), vector,
                                   otherwise);
  }

  Value maximum(Value a, Value b) {
    return arith::MaxNumFOp::create(k.b, a, b);
  }

  KernelBuilder &k;
  int64_t lanes;
  Value from, to;
  Index rows, columns;
};

class Softmax final : public RowFamily<SoftmaxOp> {
public:
  StringRef getName() const override { return "softmax"; }

  void emit(OpBuilder &builder, Location loc, Operation *,
            const KernelTarget &target, ValueRange operands) const override {
    KernelBuilder k(builder, loc, target);
    SoftmaxEmitter(k, operands).emit();
  }
};

} // namespace

namespace mpq {
void registerKernelFamilySoftmax(DialectRegistry &) {
  Registry<KernelFamily>::get().add("softmax", std::make_unique<Softmax>());
}
} // namespace mpq
