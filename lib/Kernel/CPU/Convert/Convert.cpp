//===----------------------------------------------------------------------===//
// Part of MPQ, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//===----------------------------------------------------------------------===//
//
// `mpq.convert` in vectors: copies of rows, and the choice between them and the
// transpositions of Transpose.cpp.
//
//===----------------------------------------------------------------------===//

#include "Convert.h"

#include "mpq/Kernel/ParallelRows.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "llvm/Support/MathExtras.h"

using namespace mlir;
using namespace mpq;
using namespace mpq::convert;

/// Copies `count` elements, 64 bytes of the wider side at a time; the last
/// vector is moved back to end with the row.
static void copyRow(const Transfer &transfer, Index source, Index target,
                    int64_t count) {
  KernelBuilder &k = transfer.k;
  auto move = [&](Index at, int64_t lanes) {
    Value elements =
        k.loadVector(transfer.from.buffer, k.add(source, at), lanes);
    k.storeVector(transfer.close(transfer.open(elements)), transfer.to.buffer,
                  k.add(target, at));
  };
  int64_t lanes = transfer.isRaw() && transfer.from.quant ? 64 : 16;
  while (lanes > count)
    lanes /= 2;
  int64_t unrolled = 4 * lanes, done = count / unrolled * unrolled;
  k.forLoop(0, done, unrolled, [&](Index at) {
    for (int64_t lane = 0; lane < unrolled; lane += lanes)
      move(at + lane, lanes);
  });
  for (; done + lanes <= count; done += lanes)
    move(done, lanes);
  if (done < count)
    move(count - lanes, lanes);
}

void mpq::convert::copyRows(const Transfer &transfer) {
  const Activation &from = transfer.from, &to = transfer.to;
  KernelBuilder &k = transfer.k;
  k.parallelFor(0, to.shape[2], 1, [&](Index h) {
    k.forEach({to.shape[0], to.channelBlocks()}, [&](ArrayRef<Index> at) {
      copyRow(transfer, from.offset(k, at[0], at[1], h, 0),
              to.offset(k, at[0], at[1], h, 0), to.shape[3] * to.block);
    });
  });
}

void mpq::convert::copyPixels(const Transfer &transfer) {
  const Activation &from = transfer.from, &to = transfer.to;
  KernelBuilder &k = transfer.k;
  const Activation &blocked = from.block == 1 ? to : from;
  auto at = [&](const Activation &side, Index n, Index channelBlock) {
    Index block =
        side.block == 1 ? k.mul(channelBlock, blocked.block) : channelBlock;
    return side.offset(k, n, block, 0, 0);
  };
  k.parallelFor(0, to.shape[0], 1, [&](Index n) {
    forEachChannelBlock(k, blocked, [&](Index channelBlock, int64_t channels) {
      Value pixel = k.loadPartial(from.buffer, at(from, n, channelBlock),
                                  blocked.block, channels);
      pixel = transfer.close(transfer.open(pixel));
      // A blocked result is written whole, tail included.
      k.storePartial(pixel, to.buffer, at(to, n, channelBlock),
                     to.block == 1 ? channels : to.block);
    });
  });
}

/// Plain on both sides and of any size: all elements are one row.
static void copyElements(const Transfer &transfer, Index count) {
  KernelBuilder &k = transfer.k;
  int64_t lanes = transfer.isRaw() && transfer.from.quant ? 64 : 16;
  auto move = [&](Index at, Index valid) {
    Value elements = k.loadPartial(transfer.from.buffer, at, lanes, valid);
    k.storePartial(transfer.close(transfer.open(elements)), transfer.to.buffer,
                   at, valid);
  };
  // Several vectors a time hide the latency of conversions.
  constexpr int64_t kUnroll = 4;
  int64_t stretch = kUnroll * lanes;
  Index whole = k.mul(k.floorDiv(count, stretch), stretch);
  k.forLoop(0, whole, stretch, [&](Index at) {
    for (int64_t i = 0; i < kUnroll; ++i)
      move(at + i * lanes, lanes);
  });
  k.forEachVector(k.sub(count, whole), lanes, {},
                  [&](Index at, Index valid, ValueRange) {
                    move(k.add(whole, at), valid);
                    return SmallVector<Value>();
                  });
}

namespace {

struct Convert final : KernelFamily {
  StringRef getName() const override { return "convert"; }
  int getPriority() const override { return 10; }
  bool accepts(Operation *op, const KernelTarget &target,
               std::string &reason) const override;
  KernelLayouts getLayouts(Operation *op,
                           const KernelTarget &target) const override;
  void emit(OpBuilder &builder, Location loc, Operation *op,
            const KernelTarget &target, ValueRange operands) const override;
};

} // namespace

bool Convert::accepts(Operation *op, const KernelTarget &,
                      std::string &reason) const {
  auto convert = dyn_cast<ConvertOp>(op);
  if (!convert) {
    reason = "is for mpq.convert only";
    return false;
  }
  BlockedAttr from = convert.getInputLayoutAttr(),
              to = convert.getOutputLayoutAttr();
  if (auto type = cast<ShapedType>(convert.getInput().getType());
      !type.hasStaticShape()) {
    if (!from && !to)
      return true;
    llvm::raw_string_ostream(reason)
        << "changes layouts of static shapes when the input is of type "
        << type;
    return false;
  }
  int64_t fromBlock = from ? from.getBlock() : 1,
          toBlock = to ? to.getBlock() : 1;
  if (fromBlock == toBlock)
    return true;
  for (int64_t block : {fromBlock, toBlock})
    if (block != 1 && block != 4 && block != 8 && block != 16) {
      reason = "has blocks of " + std::to_string(block) +
               " channels when shuffles are written for 1, 4, 8 and 16";
      return false;
    }
  return true;
}

/// Those that it is about. A change of quantization alone is done on blocks,
/// like what its neighbours do.
KernelLayouts Convert::getLayouts(Operation *op,
                                  const KernelTarget &target) const {
  auto convert = cast<ConvertOp>(op);
  BlockedAttr from = convert.getInputLayoutAttr(),
              to = convert.getOutputLayoutAttr();
  std::string reason;
  if (!from && !to && isOnBlocks(op, target, reason))
    return getVectorLayouts(op, target);
  return {{from}, to};
}

static bool hasBorder(const Activation &a) {
  return a.top || a.left || a.bottom || a.right;
}

/// Rows that follow each other in memory become one: all elements where both
/// sides have them in one order, otherwise the pixels of a plane.
static void mergeRows(Activation &from, Activation &to) {
  bool sameOrder = from.block == to.block;
  for (Activation *side : {&from, &to}) {
    ArrayRef<int64_t> shape = side->shape;
    if (sameOrder)
      side->shape = {1, 1, 1, shape[0] * side->samplePitch()};
    else
      side->shape = {shape[0], shape[1], 1, shape[2] * shape[3]};
  }
  if (sameOrder)
    from.block = to.block = 1;
}

void Convert::emit(OpBuilder &builder, Location loc, Operation *op,
                   const KernelTarget &target, ValueRange operands) const {
  auto convert = cast<ConvertOp>(op);
  KernelBuilder k(builder, loc, target);
  Activation from = k.activation(operands[0], convert.getInputLayoutAttr(),
                                 getCodes(convert.getInputQuantAttr()));
  Activation to = k.activation(operands[1], convert.getOutputLayoutAttr(),
                               getCodes(convert.getOutputQuantAttr()));
  if (auto type = cast<MemRefType>(operands[0].getType());
      !type.hasStaticShape())
    return copyElements({k, from, to}, k.rows(operands[0], /*inner=*/0));
  else if (from.shape.size() != 4)
    from.shape = to.shape = {1, 1, 1, type.getNumElements()};
  fillBorderByRows(k, to);
  if (!hasBorder(from) && !hasBorder(to))
    mergeRows(from, to);
  Transfer transfer{k, from, to};
  const Activation &planar = from.block == 1 ? from : to;
  bool isPixel = to.shape[2] * to.shape[3] == 1 && !hasBorder(planar);
  if (from.block == to.block)
    copyRows(transfer);
  else if (from.block != 1 && to.block != 1)
    regroup(transfer);
  else if (isPixel)
    copyPixels(transfer);
  else if (to.block == 1)
    deinterleave(transfer);
  else if (to.block == 4 && to.quant)
    packPixels(transfer);
  else
    interleave(transfer);
}

namespace mpq {
void registerKernelFamilyConvert(DialectRegistry &) {
  Registry<KernelFamily>::get().add("convert", std::make_unique<Convert>());
}
} // namespace mpq
