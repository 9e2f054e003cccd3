//===----------------------------------------------------------------------===//
// Part of MPQ, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//===----------------------------------------------------------------------===//
//
// Planar to blocked and back: channels x pixels is transposed.
//
// Transposing 16 x 16 words held in 16 registers takes four stages of 16
// shuffles, and most CPUs do one shuffle per cycle. But the data comes from
// memory, and a load can put four words into any quarter of a register for
// nearly nothing. So the first two stages are loads. To transpose a strip of
// R rows and 4 columns (R = 8 here, letters are rows):
//
//     register s, quarter q  <-  row 4q + s
//
//       X0 = a0 a1 a2 a3 | e0 e1 e2 e3
//       X1 = b0 b1 b2 b3 | f0 f1 f2 f3        the four-by-four blocks that are
//       X2 = c0 c1 c2 c3 | g0 g1 g2 g3        left lie within quarters: two
//       X3 = d0 d1 d2 d3 | h0 h1 h2 h3        stages of four cheap shuffles
//
//       Y0 = a0 b0 c0 d0 | e0 f0 g0 h0        = column 0, and so on
//
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

static int64_t getLanes(Value vector) {
  return cast<VectorType>(vector.getType()).getNumElements();
}

/// The concatenation of vectors of equal length, as many as a power of two.
static Value concatenate(KernelBuilder &k, ArrayRef<Value> parts) {
  if (parts.size() == 1)
    return parts[0];
  size_t half = parts.size() / 2;
  Value low = concatenate(k, parts.take_front(half)),
        high = concatenate(k, parts.drop_front(half));
  return vector::ShuffleOp::create(
      k.b, low, high,
      llvm::to_vector(llvm::seq<int64_t>(0, 2 * getLanes(low))));
}

/// Of each quarter (four lanes) the lanes `a`, `b` of `x` and `c`, `d` of `y`,
/// in the order given by `swap`: a b c d, or a c b d.
static Value shuffleQuarters(KernelBuilder &k, Value x, Value y,
                             std::array<int64_t, 4> pick) {
  int64_t lanes = getLanes(x);
  SmallVector<int64_t> mask;
  for (int64_t quarter = 0; quarter < lanes; quarter += 4)
    for (int64_t lane : pick)
      mask.push_back(lane < 4 ? quarter + lane : lanes + quarter + lane - 4);
  return vector::ShuffleOp::create(k.b, x, y, mask);
}

/// Transposes a strip of `rows` (4, 8 or 16) by 4. `load` gives four elements
/// of a row; the result is its four columns, opened.
static std::array<Value, 4> transposeStrip(const Transfer &transfer,
                                           int64_t rows,
                                           function_ref<Value(int64_t)> load) {
  KernelBuilder &k = transfer.k;
  std::array<Value, 4> x;
  for (int64_t s = 0; s < 4; ++s) {
    SmallVector<Value> quarters;
    for (int64_t row = s; row < rows; row += 4)
      quarters.push_back(load(row));
    x[s] = transfer.open(concatenate(k, quarters));
  }
  // a0 b0 a1 b1, a2 b2 a3 b3, then the same of c and d, then pairs.
  Value ab = shuffleQuarters(k, x[0], x[1], {0, 4, 1, 5}),
        abHigh = shuffleQuarters(k, x[0], x[1], {2, 6, 3, 7});
  Value cd = shuffleQuarters(k, x[2], x[3], {0, 4, 1, 5}),
        cdHigh = shuffleQuarters(k, x[2], x[3], {2, 6, 3, 7});
  return {shuffleQuarters(k, ab, cd, {0, 1, 4, 5}),
          shuffleQuarters(k, ab, cd, {2, 3, 6, 7}),
          shuffleQuarters(k, abHigh, cdHigh, {0, 1, 4, 5}),
          shuffleQuarters(k, abHigh, cdHigh, {2, 3, 6, 7})};
}

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
  k.forLoop(0, to.shape[0], 1, [&](Index n) {
    forEachChannelBlock(k, to, [&](Index channelBlock, int64_t channels) {
      k.forLoop(0, to.shape[2], 1, [&](Index h) {
        forEachPixelGroup(
            k, to.shape[3], 4, [&](Index w, int64_t step, int64_t valid) {
              Index source =
                  from.offset(k, n, k.mul(channelBlock, to.block), h, w);
              Index target = to.offset(k, n, channelBlock, h, w);
              for (int64_t strip = 0; strip < step; strip += 4) {
                auto columns =
                    transposeStrip(transfer, to.block, [&](int64_t channel) {
                      if (channel >= channels)
                        return zeros;
                      return k.loadPartial(
                          from.buffer,
                          source + (channel * from.planePitch() + strip), 4,
                          valid - strip);
                    });
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
  k.forLoop(0, to.shape[0], 1, [&](Index n) {
    forEachChannelBlock(k, from, [&](Index channelBlock, int64_t channels) {
      k.forLoop(0, to.shape[2], 1, [&](Index h) {
        forEachPixelGroup(
            k, to.shape[3], 4, [&](Index w, int64_t step, int64_t valid) {
              Index source = from.offset(k, n, channelBlock, h, w);
              Index target =
                  to.offset(k, n, k.mul(channelBlock, from.block), h, w);
              for (int64_t strip = 0; strip < channels; strip += 4) {
                auto columns =
                    transposeStrip(transfer, step, [&](int64_t pixel) {
                      return pixel < valid
                                 ? k.loadVector(
                                       from.buffer,
                                       source + (pixel * from.block + strip), 4)
                                 : zeros;
                    });
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
  k.forLoop(0, to.shape[0], 1, [&](Index n) {
    forEachChannelBlock(k, to, [&](Index channelBlock, int64_t channels) {
      k.forLoop(0, to.shape[2], 1, [&](Index h) {
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
  forEachChannelBlock(k, to, [&](Index channelBlock, int64_t channels) {
    k.forEach({to.shape[0], to.shape[2], to.shape[3]}, [&](ArrayRef<Index> at) {
      SmallVector<Value> pieces;
      for (int64_t lane = 0; lane < to.block; lane += piece) {
        Index channel = k.mul(channelBlock, to.block) + lane;
        Index source = from.offset(k, at[0], k.floorDiv(channel, from.block),
                                   at[1], at[2]);
        pieces.push_back(
            lane < channels
                ? k.loadVector(from.buffer,
                               k.add(source, k.mod(channel, from.block)), piece)
                : transfer.makeZeros(piece));
      }
      Value pixel = transfer.close(transfer.open(concatenate(k, pieces)));
      k.storeVector(pixel, to.buffer,
                    to.offset(k, at[0], channelBlock, at[1], at[2]));
    });
  });
}
