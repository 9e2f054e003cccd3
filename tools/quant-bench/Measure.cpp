//===----------------------------------------------------------------------===//
// Part of MPQ, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//===----------------------------------------------------------------------===//
//
// Timing and the roof.
//
//===----------------------------------------------------------------------===//

#include "Measure.h"

#include "mpq/Target/CPU.h"

#include <algorithm>
#include <chrono>
#include <vector>

using namespace mpq;

static double now() {
  return std::chrono::duration<double>(
             std::chrono::steady_clock::now().time_since_epoch())
      .count();
}

#if defined(__x86_64__)
// Sixteen independent accumulators, twice: the latency is hidden.
#define MPQ_16(M)                                                              \
  M(0)                                                                         \
  M(1)                                                                         \
  M(2) M(3) M(4) M(5) M(6) M(7) M(8) M(9) M(10) M(11) M(12) M(13) M(14) M(15)
#define MPQ_CLOBBERS                                                           \
  "xmm0", "xmm1", "xmm2", "xmm3", "xmm4", "xmm5", "xmm6", "xmm7", "xmm8",      \
      "xmm9", "xmm10", "xmm11", "xmm12", "xmm13", "xmm14", "xmm15"
#define MPQ_FMA512(n) "vfmadd231ps %%zmm" #n ", %%zmm" #n ", %%zmm" #n "\n"
#define MPQ_FMA256(n) "vfmadd231ps %%ymm" #n ", %%ymm" #n ", %%ymm" #n "\n"
#define MPQ_FMA128(n) "vfmadd231ps %%xmm" #n ", %%xmm" #n ", %%xmm" #n "\n"
#define MPQ_MULADD(n)                                                          \
  "mulps %%xmm" #n ", %%xmm" #n "\naddps %%xmm" #n ", %%xmm" #n "\n"

// Clears all of the register on CPUs with wider ones only in its VEX form.
#define MPQ_CLEAR(n) "xorps %%xmm" #n ", %%xmm" #n "\n"
#define MPQ_CLEAR_WIDE(n) "vxorps %%xmm" #n ", %%xmm" #n ", %%xmm" #n "\n"

/// Multiply-adds done by one call, which takes some 50 us, as long as a batch
/// of the kernel: the clock depends on how long wide vectors have been busy.
static double runRoof(unsigned bits, bool fma) {
  constexpr int kRounds = 10000;
  // Whatever was left in the registers might be denormal, which is slow.
  if (bits > 128 || fma)
    asm volatile(MPQ_16(MPQ_CLEAR_WIDE)::: MPQ_CLOBBERS);
  else
    asm volatile(MPQ_16(MPQ_CLEAR)::: MPQ_CLOBBERS);
  for (int i = 0; i < kRounds; ++i) {
    if (bits == 512)
      asm volatile(MPQ_16(MPQ_FMA512) MPQ_16(MPQ_FMA512)::: MPQ_CLOBBERS);
    else if (bits == 256)
      asm volatile(MPQ_16(MPQ_FMA256) MPQ_16(MPQ_FMA256)::: MPQ_CLOBBERS);
    else if (fma)
      asm volatile(MPQ_16(MPQ_FMA128) MPQ_16(MPQ_FMA128)::: MPQ_CLOBBERS);
    else
      asm volatile(MPQ_16(MPQ_MULADD) MPQ_16(MPQ_MULADD)::: MPQ_CLOBBERS);
  }
  return 32.0 * kRounds * (bits / 32);
}
#else
static double runRoof(unsigned, bool) { return 0; }
#endif

static double median(std::vector<double> values) {
  auto middle = values.begin() + values.size() / 2;
  std::nth_element(values.begin(), middle, values.end());
  return *middle;
}

Measurement mpq::measure(llvm::function_ref<void()> run,
                         const TargetSpec &target, double budget) {
  unsigned bits = target.getVectorBits();
  bool fma = target.has("fma");
  run();
  double once = now();
  run();
  once = std::max(now() - once, 1e-7);
  int batch = std::max(1, int(50e-6 / once));
  std::vector<double> seconds, callsAtRoof;
  for (double end = now() + budget; seconds.empty() || now() < end;) {
    double before = now();
    double work = runRoof(bits, fma);
    double start = now();
    for (int i = 0; i < batch; ++i)
      run();
    double middle = now();
    work += runRoof(bits, fma);
    double roof = work / (now() - middle + start - before);
    seconds.push_back((middle - start) / batch);
    callsAtRoof.push_back(seconds.back() * roof);
  }
  Measurement result;
  result.seconds = *std::min_element(seconds.begin(), seconds.end());
  result.possible = median(callsAtRoof);
  return result;
}
