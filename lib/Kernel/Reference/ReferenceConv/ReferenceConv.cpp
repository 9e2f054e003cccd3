//===----------------------------------------------------------------------===//
// Part of MPQ, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//===----------------------------------------------------------------------===//
//
// Convolution by definition. A tap outside of the input contributes nothing,
// whatever the border of the buffer holds.
//
//===----------------------------------------------------------------------===//

#include "lib/Kernel/Reference/Reference.h"

#include "mlir/Dialect/Arith/IR/Arith.h"

#include <optional>

using namespace mlir;
using namespace mpq;
using namespace mpq::reference;

namespace {

/// The body of one kernel function.
class ConvLoops {
public:
  ConvLoops(KernelBuilder &k, ConvOp op, ValueRange operands)
      : k(k), op(op), g(op),
        input(k.activation(operands[0], op.getInputLayoutAttr(),
                           getStoredQuant(op.getInputQuantAttr()))),
        output(k.activation(operands.back(), op.getOutputLayoutAttr(),
                            getStoredQuant(op.getOutputQuantAttr()))),
        weight(getMatrix(k, op.getWeightShape(), operands[1])) {
    if (op.getBias())
      bias = operands[2];
    if (op.getResidual())
      residual = k.activation(operands[operands.size() - 2],
                              op.getResidualLayoutAttr(),
                              getStoredQuant(op.getResidualQuantAttr()));
  }

  void emit() {
    k.fillBorder(output);
    k.forLoop(0, g.samples, 1, [&](Index n) {
      if (op.getInputQuantAttr() && op.getInputQuantAttr().isDynamic())
        emitScale(n);
      k.forLoop(0, g.outputChannels, 1, [&](Index o) { emitChannel(n, o); });
      emitTail(n);
    });
  }

private:
  /// Where channel `c` of an activation starts: the offset of its pixel
  /// (-top, -left).
  Index getChannel(const Activation &a, Index n, Index c) {
    Index at = a.offset(k, n, k.floorDiv(c, a.block), -a.top, -a.left);
    return k.add(at, k.mod(c, a.block));
  }
  /// The offset of pixel (h, w) from there.
  Index getPixel(const Activation &a, Index h, Index w) {
    return k.add(k.mul(h + a.top, a.rowPitch()), k.mul(w + a.left, a.block));
  }

  /// The scale of sample `n`, from its smallest and largest value.
  void emitScale(Index n) {
    SmallVector<Value> range = {k.f32(0.0), k.f32(0.0)};
    range = k.forLoop(0, g.inputChannels, 1, range, [&](Index c, ValueRange r) {
      Index channel = getChannel(input, n, c);
      return k.forLoop(0, g.inputHeight, 1, r, [&](Index h, ValueRange r) {
        return k.forLoop(0, g.inputWidth, 1, r, [&](Index w, ValueRange r) {
          Value x = k.load(input.buffer, k.add(channel, getPixel(input, h, w)));
          return SmallVector<Value>{arith::MinNumFOp::create(k.b, r[0], x),
                                    arith::MaxNumFOp::create(k.b, r[1], x)};
        });
      });
    });
    dynamic.emplace(k, op.getInputQuantAttr(), range[0], range[1]);
  }

  void emitChannel(Index n, Index o) {
    Value start = bias ? k.load(bias, o) : k.f32(0.0);
    Index to = getChannel(output, n, o), from;
    if (residual)
      from = getChannel(*residual, n, o);
    k.forEach({g.outputHeight, g.outputWidth}, [&](ArrayRef<Index> at) {
      Value sum = k.addf(emitSum(n, o, at[0], at[1]), start);
      if (residual)
        sum = k.addf(sum,
                     loadReal(k, *residual,
                              k.add(from, getPixel(*residual, at[0], at[1]))));
      storeReal(k, sum, output, k.add(to, getPixel(output, at[0], at[1])),
                op.getClampAttr());
    });
  }

  /// The sum over the window of output pixel (h, w).
  Value emitSum(Index n, Index o, Index h, Index w) {
    int64_t channels = op.getWeightShape()[1],
            taps = g.kernelHeight * g.kernelWidth;
    Index first = k.mul(
        k.floorDiv(o, g.outputChannels / int64_t(op.getGroups())), channels);
    Index row = k.mul(o, channels * taps);
    return k.forLoop(0, channels, 1, k.f32(0.0), [&](Index i, ValueRange sum) {
      Index channel = getChannel(input, n, k.add(first, i));
      Index plane = k.add(row, k.mul(i, taps));
      return k.forLoop(
          0, g.kernelHeight, 1, sum, [&](Index kh, ValueRange sum) {
            Index y =
                k.add(k.mul(h, g.strideY), k.mul(kh, g.dilationY)) + -g.padTop;
            return k.forLoop(
                0, g.kernelWidth, 1, sum, [&](Index kw, ValueRange sum) {
                  Index x = k.add(k.mul(w, g.strideX), k.mul(kw, g.dilationX)) +
                            -g.padLeft;
                  Value real = emitInput(channel, y, x);
                  Value factor =
                      k.load(weight,
                             k.add(plane, k.add(k.mul(kh, g.kernelWidth), kw)));
                  return SmallVector<Value>{k.fma(real, factor, sum[0])};
                });
          });
    })[0];
  }

  /// The input's real at (y, x), zero outside.
  Value emitInput(Index channel, Index y, Index x) {
    Value inside = arith::AndIOp::create(k.b, k.lessThan(y, g.inputHeight),
                                         k.lessThan(x, g.inputWidth));
    Value at = arith::SelectOp::create(
        k.b, inside, k.value(k.add(channel, getPixel(input, y, x))),
        k.index(0));
    Value real = loadReal(k, input, at);
    if (dynamic)
      real = dynamic->roundTrip(k, real);
    return arith::SelectOp::create(k.b, inside, real, k.f32(0.0));
  }

  /// Zeros in the lanes behind the last channel.
  void emitTail(Index n) {
    int64_t end = output.channelBlocks() * output.block;
    k.forLoop(g.outputChannels, end, 1, [&](Index c) {
      Index to = getChannel(output, n, c);
      k.forEach({g.outputHeight, g.outputWidth}, [&](ArrayRef<Index> at) {
        storeReal(k, k.f32(0.0), output,
                  k.add(to, getPixel(output, at[0], at[1])), {});
      });
    });
  }

  KernelBuilder &k;
  ConvOp op;
  ConvGeometry g;
  Activation input, output;
  std::optional<Activation> residual;
  Value weight, bias;
  std::optional<DynamicQuantization> dynamic;
};

class ReferenceConv final : public Family<ConvOp> {
public:
  StringRef getName() const override { return "reference_conv"; }

  void emit(OpBuilder &builder, Location loc, Operation *op,
            const KernelTarget &target, ValueRange operands) const override {
    KernelBuilder k(builder, loc, target);
    ConvLoops(k, cast<ConvOp>(op), operands).emit();
  }
};

} // namespace

namespace mpq {
void registerKernelFamilyReferenceConv(DialectRegistry &) {
  Registry<KernelFamily>::get().add("reference_conv",
                                    std::make_unique<ReferenceConv>());
}
} // namespace mpq
