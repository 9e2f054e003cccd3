//===----------------------------------------------------------------------===//
// Part of MPQ, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//===----------------------------------------------------------------------===//
//
// What attention with `operand_quant` computes. For a query q and the keys k[t]
// and values v[t] that it reads, every row is quantized with a scale of its own
// (SymmetricQuantization.h):
//
//     q = s_q q8     k[t] = s_k[t] k8[t]     v[t] = s_v[t] v8[t]
//
// The keys are taken in blocks of `kAttentionBlock`, from the first on, with a
// running maximum m and sum l (M. Milakov, N. Gimelshein, "Online normalizer
// calculation for softmax", 2018); scores are in powers of two:
//
//     a[t] = float(q8 . k8[t]) * (s_q * scale * log2(e)) * s_k[t]
//            + max(mask[t] * log2(e), -3e38)
//     m'   = max(m, a)             f = 2^(m - m')      p[t] = 2^(a[t] - m')
//     l'   = f l + sum of p[t]
//
// The scales of the values go into the weights, and these get the scale of the
// largest of them in the block:
//
//     u[t] = p[t] s_v[t]     M = max u     c[t] = roundeven(u[t] * (255 / M))
//     y'   = f y + float(sum of c[t] v8[t]) * (M / 255)
//
// and the result is y * (1 / l) after the last block. So a key that a query
// does not look at (a later one of a causal attention, one that is masked)
// changes nothing, as it is with floats, which scales for columns of the values
// would not give. Powers are `emitRoughPower`; sums of p are in the order of t.
//
//===----------------------------------------------------------------------===//
#ifndef MPQ_KERNEL_INTEGERATTENTION_H
#define MPQ_KERNEL_INTEGERATTENTION_H

#include <cstdint>

namespace mpq {

/// Keys in a block.
constexpr int64_t kAttentionBlock = 128;
constexpr double kLog2E = 1.4426950408889634;
/// Below all scores, above all masks, above all keys that are not looked at.
constexpr double kLowestScore = -3.3e38, kLowestMask = -3.0e38,
                 kFutureScore = -3.2e38;

} // namespace mpq

#endif // MPQ_KERNEL_INTEGERATTENTION_H
