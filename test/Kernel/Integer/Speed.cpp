//===----------------------------------------------------------------------===//
// Part of MPQ, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//===----------------------------------------------------------------------===//
//
// kernel-speed: the share of the u8 x s8 multiply-add peak that the VNNI
// families reach, layer by layer. The peak is measured beside each layer, since
// clocks drift and others use the machine; the fastest of many short runs
// counts for both.
//
//   taskset -c 1 kernel-speed [substring of the names]
//
//===----------------------------------------------------------------------===//

#include "Compiled.h"

#include <chrono>
#include <cstdio>
#include <cstring>

using namespace mpq;
using namespace mpq::test;

template <typename Call>
static double measure(Call call, double seconds, int atOnce) {
  using Clock = std::chrono::steady_clock;
  double best = 1e9, spent = 0;
  while (spent < seconds) {
    auto start = Clock::now();
    for (int i = 0; i < atOnce; ++i)
      call();
    double time = std::chrono::duration<double>(Clock::now() - start).count();
    best = std::min(best, time / atOnce);
    spent += time;
  }
  return best;
}

/// Multiply-adds per second of independent vpdpbusd.
static double measurePeak() {
#if defined(__x86_64__)
  constexpr int kDots = 16, kMultiplyAdds = 64;
  auto dots = [] {
    asm volatile(".irp n,0,1,2,3,4,5,6,7,8,9,10,11,12,13,14,15\n"
                 "vpdpbusd %%zmm30, %%zmm31, %%zmm\\n\n"
                 ".endr\n" ::
                     : "xmm0", "xmm1", "xmm2", "xmm3", "xmm4", "xmm5", "xmm6",
                       "xmm7", "xmm8", "xmm9", "xmm10", "xmm11", "xmm12",
                       "xmm13", "xmm14", "xmm15");
  };
  return kDots * kMultiplyAdds / measure(dots, 0.02, 2000);
#else
  return 0;
#endif
}

static Problem makeLayer(const char *name, int64_t ic, int64_t size, int64_t oc,
                         int64_t kernel, int64_t stride,
                         bool residual = false) {
  Problem p;
  p.name = name;
  p.ic = ic, p.h = p.w = size, p.oc = oc, p.kh = p.kw = kernel;
  p.strides = {stride, stride};
  p.pads.fill(kernel / 2);
  p.input = {0.02, ic == 3 ? 114 : 0};
  p.output = {0.03, 0};
  p.clampMin = 0;
  p.hasResidual = residual;
  p.residual = {0.025, 0};
  return p;
}

static Problem makeProduct(const char *name, int64_t m, int64_t n, int64_t k,
                           const char *format, bool dynamic) {
  Problem p;
  p.name = name;
  p.isMatmul = true;
  p.n = m, p.oc = n, p.ic = k;
  p.format = format;
  p.input = dynamic ? Quant{0, 0, true} : Quant{0.02, 100};
  return p;
}

static void run(llvm::StringRef family, const std::vector<Problem> &all,
                const char *filter) {
  std::vector<Problem> problems;
  for (const Problem &p : all)
    if (strstr(p.name.c_str(), filter))
      problems.push_back(p);
  Compiler compiler;
  auto compiled = compiler.compile(family, problems);
  if (!compiled) {
    fprintf(stderr, "%s\n", llvm::toString(compiled.takeError()).c_str());
    return;
  }
  for (CompiledProblem &c : *compiled) {
    if (!c.rejection.empty()) {
      printf("%-26s %s\n", c.problem.name.c_str(), c.rejection.c_str());
      continue;
    }
    c.run();
    double peak = 0, seconds = 1e9;
    for (int round = 0; round < 5; ++round) {
      peak = std::max(peak, measurePeak());
      seconds = std::min(seconds, measure([&] { c.call(); }, 0.05, 10));
    }
    double rate = c.problem.multiplyAdds() / seconds;
    printf("%-26s %9.2f us %7.1f G/s  peak %7.1f  %5.1f %%\n",
           c.problem.name.c_str(), seconds * 1e6, rate / 1e9, peak / 1e9,
           100 * rate / peak);
    fflush(stdout);
  }
}

int main(int argc, char **argv) {
  const char *filter = argc > 1 ? argv[1] : "";
  run("conv_vnni",
      {makeLayer("resnet20 first", 3, 32, 16, 3, 1),
       makeLayer("resnet20 16@32", 16, 32, 16, 3, 1),
       makeLayer("resnet20 16@32 +r", 16, 32, 16, 3, 1, true),
       makeLayer("resnet20 16-32 s2", 16, 32, 32, 3, 2),
       makeLayer("resnet20 32@16", 32, 16, 32, 3, 1),
       makeLayer("resnet20 32@16 +r", 32, 16, 32, 3, 1, true),
       makeLayer("resnet20 32-64 s2", 32, 16, 64, 3, 2),
       makeLayer("resnet20 64@8", 64, 8, 64, 3, 1),
       makeLayer("resnet20 64@8 +r", 64, 8, 64, 3, 1, true),
       makeLayer("resnet50 64@56", 64, 56, 64, 3, 1),
       makeLayer("resnet50 128@28", 128, 28, 128, 3, 1),
       makeLayer("resnet50 256@14", 256, 14, 256, 3, 1),
       makeLayer("resnet50 512@7", 512, 7, 512, 3, 1),
       makeLayer("resnet50 7x7 s2", 3, 224, 64, 7, 2),
       makeLayer("1x1 64@16", 64, 16, 64, 1, 1),
       makeLayer("1x1 256@14", 256, 14, 256, 1, 1)},
      filter);
  run("matmul_vnni",
      {makeProduct("matmul 1x64x10", 1, 10, 64, "int8", false),
       makeProduct("matmul 1x512^2", 1, 512, 512, "int8", false),
       makeProduct("matmul 16x384^2", 16, 384, 384, "int8", false),
       makeProduct("matmul 64x384^2 dynamic", 64, 384, 384, "int8", true),
       makeProduct("matmul 64x1536x384", 64, 384, 1536, "int8", false),
       makeProduct("matmul 64x384^2 g128", 64, 384, 384, "int4:g128", false),
       makeProduct("matmul 64x384^2 g32 dyn", 64, 384, 384, "int4:g32", true)},
      filter);
  return 0;
}
