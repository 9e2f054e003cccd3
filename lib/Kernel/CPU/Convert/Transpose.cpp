//===----------------------------------------------------------------------===//
// Part of MPQ, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//===----------------------------------------------------------------------===//
//
// Planar to blocked and back: channels x pixels is transposed.
//
// `transposeStrip` (lib/Kernel/Elements) does it by strips of four columns.
// Planar to blocked has channels for rows and pixels for columns, blocked to
// planar the other way around.
//
//===----------------------------------------------------------------------===//

#include "Convert.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Vector/IR/VectorOps.h"

using namespace mlir;
using namespace mpq;
using namespace mpq::convert;

/// Covers `width` pixels by steps of the largest power of two up to 16 that
/// fits (at least `smallest`): the last step is moved back to end with the row,
/// so that some pixels are written twice. `valid` is less than the step only in
/// rows shorter than `smallest`.
static void forEachPixelGroup(
    KernelBuilder &k, int64_t width, int64_t smallest,
    function_ref<void(Index w, int64_t step, int64_t valid)> body) {
  int64_t step = 16;
  while (step > smallest && step > width)
    step /= 2;
  if (width < step)
    return body(0, step, width);
  k.forLoop(0, width, step, [&](Index w) {
    body(width % step ? k.min(w, width - step) : w, step, step);
  });
}

void mpq::convert::interleave(const Transfer &transfer) {
  const Activation &from = transfer.from, &to = transfer.to;
  KernelBuilder &k = transfer.k;
  Value zeros = transfer.makeZeros(4);
  auto open = [&](Value elements) { return transfer.open(elements); };
  k.parallelFor(0, to.shape[2], 1, [&](Index h) {
    k.forLoop(0, to.shape[0], 1, [&](Index n) {
      forEachChannelBlock(k, to, [&](Index channelBlock, int64_t channels) {
        forEachPixelGroup(
            k, to.shape[3], 4, [&](Index w, int64_t step, int64_t valid) {
              Index source =
                  from.offset(k, n, k.mul(channelBlock, to.block), h, w);
              Index target = to.offset(k, n, channelBlock, h, w);
              for (int64_t strip = 0; strip < step; strip += 4) {
                auto columns = transposeStrip(
                    k, to.block,
                    [&](int64_t channel) {
                      if (channel >= channels)
                        return zeros;
                      return k.loadPartial(
                          from.buffer,
                          source + (channel * from.planePitch() + strip), 4,
                          valid - strip);
                    },
                    open);
                for (int64_t pixel = strip; pixel < std::min(strip + 4, valid);
                     ++pixel)
                  k.storeVector(transfer.close(columns[pixel - strip]),
                                to.buffer, target + pixel * to.block);
              }
            });
      });
    });
  });
}

void mpq::convert::deinterleave(const Transfer &transfer) {
  const Activation &from = transfer.from, &to = transfer.to;
  KernelBuilder &k = transfer.k;
  Value zeros = transfer.makeZeros(4);
  auto open = [&](Value elements) { return transfer.open(elements); };
  k.parallelFor(0, to.shape[2], 1, [&](Index h) {
    k.forLoop(0, to.shape[0], 1, [&](Index n) {
      forEachChannelBlock(k, from, [&](Index channelBlock, int64_t channels) {
        forEachPixelGroup(
            k, to.shape[3], 4, [&](Index w, int64_t step, int64_t valid) {
              Index source = from.offset(k, n, channelBlock, h, w);
              Index target =
                  to.offset(k, n, k.mul(channelBlock, from.block), h, w);
              for (int64_t strip = 0; strip < channels; strip += 4) {
                auto columns = transposeStrip(
                    k, step,
                    [&](int64_t pixel) {
                      return pixel < valid
                                 ? k.loadVector(
                                       from.buffer,
                                       source + (pixel * from.block + strip), 4)
                                 : zeros;
                    },
                    open);
                for (int64_t channel = strip;
                     channel < std::min(strip + 4, channels); ++channel)
                  k.storePartial(transfer.close(columns[channel - strip]),
                                 to.buffer, target + channel * to.planePitch(),
                                 valid);
              }
            });
      });
    });
  });
}

void mpq::convert::packPixels(const Transfer &transfer) {
  const Activation &from = transfer.from, &to = transfer.to;
  KernelBuilder &k = transfer.k;
  k.parallelFor(0, to.shape[2], 1, [&](Index h) {
    k.forLoop(0, to.shape[0], 1, [&](Index n) {
      forEachChannelBlock(k, to, [&](Index channelBlock, int64_t channels) {
        forEachPixelGroup(
            k, to.shape[3], 1, [&](Index w, int64_t step, int64_t) {
              auto words = VectorType::get(step, k.b.getI32Type());
              // The lanes without a channel hold the zero point.
              uint32_t tail = 0;
              for (int64_t lane = channels; lane < 4; ++lane)
                tail |= uint32_t(to.quant.getZeroPoint()) << (8 * lane);
              Value word = k.splatInteger(32, int32_t(tail), step);
              Index source = from.offset(k, n, k.mul(channelBlock, 4), h, w);
              for (int64_t channel = 0; channel < channels; ++channel) {
                Value row = k.loadVector(
                    from.buffer, source + channel * from.planePitch(), step);
                Value codes = arith::ExtUIOp::create(
                    k.b, words, transfer.close(transfer.open(row)));
                if (channel)
                  codes = arith::ShLIOp::create(
                      k.b, codes, k.splatInteger(32, 8 * channel, step));
                word = arith::OrIOp::create(k.b, word, codes);
              }
              auto bytes = VectorType::get(4 * step, k.b.getI8Type());
              k.storeVector(vector::BitCastOp::create(k.b, bytes, word),
                            to.buffer, to.offset(k, n, channelBlock, h, w));
            });
      });
    });
  });
}

void mpq::convert::regroup(const Transfer &transfer) {
  const Activation &from = transfer.from, &to = transfer.to;
  KernelBuilder &k = transfer.k;
  int64_t piece = std::min(from.block, to.block);
  k.parallelFor(0, to.shape[2], 1, [&](Index h) {
    forEachChannelBlock(k, to, [&](Index channelBlock, int64_t channels) {
      k.forEach({to.shape[0], to.shape[3]}, [&](ArrayRef<Index> at) {
        SmallVector<Value> pieces;
        for (int64_t lane = 0; lane < to.block; lane += piece) {
          Index channel = k.mul(channelBlock, to.block) + lane;
          Index source = from.offset(
              k, at[0], k.floorDiv(channel, from.block), h, at[1]);
          pieces.push_back(
              lane < channels
                  ? k.loadVector(from.buffer,
                                 k.add(source, k.mod(channel, from.block)),
                                 piece)
                  : transfer.makeZeros(piece));
        }
        Value pixel = transfer.close(transfer.open(concatenate(k, pieces)));
        k.storeVector(pixel, to.buffer,
                      to.offset(k, at[0], channelBlock, h, at[1]));
      });
    });
  });
}
