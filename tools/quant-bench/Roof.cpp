//===----------------------------------------------------------------------===//
// Part of MPQ, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//===----------------------------------------------------------------------===//
//
// Loops at the roof, in assembly: what a compiler makes of them is not what is
// to be measured.
//
//===----------------------------------------------------------------------===//

#include "Roof.h"

#include "mpq/Target/CPU.h"

#include "llvm/ADT/StringMap.h"
#include "llvm/Support/FormatVariadic.h"
#include "llvm/TargetParser/Host.h"

#if defined(__x86_64__)
#include <cpuid.h>
#endif

using namespace llvm;
using namespace mpq;

static bool hostHas(StringRef feature) {
  static const StringMap<bool> features = sys::getHostCPUFeatures();
  return features.lookup(feature);
}

//===----------------------------------------------------------------------===//
// Choice
//===----------------------------------------------------------------------===//

DotInstruction DotInstruction::getF32(const TargetSpec &target, unsigned bits) {
  return {target.has("fma") ? Fma : MulAdd, target.has("fma") ? bits : 128};
}

DotInstruction DotInstruction::getInt8(unsigned bits) {
  if (hostHas("avx512vnni") && (bits == 512 || hostHas("avx512vl")))
    return {Vnni, bits};
  bits = std::min(bits, 256u);
  if (hostHas("avxvnni"))
    return {VexVnni, bits};
  return {hostHas("avx2") ? Maddubs : None, bits};
}

DotInstruction DotInstruction::getBf16(unsigned bits) {
  bool has = hostHas("avx512bf16") && (bits == 512 || hostHas("avx512vl"));
  return {has ? Bf16 : None, bits};
}

DotInstruction DotInstruction::getCounts(const TargetSpec &target,
                                         unsigned bits, int64_t pairs) {
  if (target.has("avx512vpopcntdq") && (bits == 512 || target.has("avx512vl")))
    return {Popcnt, bits, pairs};
  if (bits == 512 && target.has("avx512bw"))
    return {TablePopcnt, bits, pairs};
  return {target.has("avx2") ? TablePopcnt : None, std::min(bits, 256u), pairs};
}

std::string DotInstruction::getName() const {
  static constexpr StringLiteral names[] = {
      "nothing",     "mulps + addps",
      "vfmadd231ps", "vpmaddubsw + vpmaddwd + vpaddd",
      "vpdpbusd",    "vpdpbusd",
      "vdpbf16ps",   "and + vpopcntd + vpaddd",
      "and + 2 vpshufb + vpaddb"};
  StringRef registers = bits == 512 ? "zmm" : bits == 256 ? "ymm" : "xmm";
  return formatv("{0} {1}", names[kind], registers);
}

//===----------------------------------------------------------------------===//
// Loops
//===----------------------------------------------------------------------===//

#if defined(__x86_64__)
// Sixteen independent accumulators, twice: the latency is hidden.
#define MPQ_16(M, R)                                                           \
  M(R, 0)                                                                      \
  M(R, 1)                                                                      \
  M(R, 2)                                                                      \
  M(R, 3) M(R, 4) M(R, 5) M(R, 6) M(R, 7) M(R, 8) M(R, 9) M(R, 10) M(R, 11)    \
      M(R, 12) M(R, 13) M(R, 14) M(R, 15)
#define MPQ_REGISTER(R, n) "%%" R #n
#define MPQ_ALL(name, R, n)                                                    \
  name " " MPQ_REGISTER(R, n) ", " MPQ_REGISTER(R, n) ", " MPQ_REGISTER(       \
      R, n) "\n"
#define MPQ_CLOBBERS                                                           \
  "xmm0", "xmm1", "xmm2", "xmm3", "xmm4", "xmm5", "xmm6", "xmm7", "xmm8",      \
      "xmm9", "xmm10", "xmm11", "xmm12", "xmm13", "xmm14", "xmm15"

#define MPQ_FMA(R, n) MPQ_ALL("vfmadd231ps", R, n)
#define MPQ_VNNI(R, n) MPQ_ALL("vpdpbusd", R, n)
#define MPQ_VEX_VNNI(R, n) MPQ_ALL("%{vex%} vpdpbusd", R, n)
#define MPQ_BF16(R, n) MPQ_ALL("vdpbf16ps", R, n)
#define MPQ_MULADD(R, n)                                                       \
  "mulps %%xmm" #n ", %%xmm" #n "\naddps %%xmm" #n ", %%xmm" #n "\n"
// Eight accumulators; what is added to them goes through the other registers.
#define MPQ_MADDUBS1(R, a, t)                                                  \
  "vpmaddubsw %%" R "15, %%" R "15, %%" R #t "\n"                              \
  "vpmaddwd %%" R "15, %%" R #t ", %%" R #t "\n"                               \
  "vpaddd %%" R #t ", %%" R #a ", %%" R #a "\n"
#define MPQ_MADDUBS(R)                                                         \
  MPQ_MADDUBS1(R, 0, 8)                                                        \
  MPQ_MADDUBS1(R, 1, 9)                                                        \
  MPQ_MADDUBS1(R, 2, 10)                                                       \
  MPQ_MADDUBS1(R, 3, 11) MPQ_MADDUBS1(R, 4, 12) MPQ_MADDUBS1(R, 5, 13)         \
      MPQ_MADDUBS1(R, 6, 14) MPQ_MADDUBS1(R, 7, 8)

// Eight accumulators; what is counted goes through the other registers. The AND
// has a name for each kind of register.
#define MPQ_POPCNT1(AND, R, a, t)                                              \
  AND " %%" R "15, %%" R "15, %%" R #t "\n"                                    \
  "vpopcntd %%" R #t ", %%" R #t "\n"                                          \
  "vpaddd %%" R #t ", %%" R #a ", %%" R #a "\n"
// The lower half of each byte, the upper one, a table for each, and two sums.
#define MPQ_TABLE1(AND, R, a, t)                                               \
  AND " %%" R "15, %%" R "15, %%" R #t "\n"                                    \
  AND " %%" R "14, %%" R #t ", %%" R "13\n"                                    \
  "vpsrlw $4, %%" R #t ", %%" R #t "\n"                                        \
  AND " %%" R "14, %%" R #t ", %%" R #t "\n"                                   \
  "vpshufb %%" R "13, %%" R "15, %%" R "13\n"                                  \
  "vpshufb %%" R #t ", %%" R "15, %%" R #t "\n"                                \
  "vpaddb %%" R "13, %%" R #t ", %%" R #t "\n"                                 \
  "vpaddb %%" R #t ", %%" R #a ", %%" R #a "\n"
#define MPQ_COUNTS(M, AND, R)                                                  \
  M(AND, R, 0, 8)                                                              \
  M(AND, R, 1, 9)                                                              \
  M(AND, R, 2, 10)                                                             \
  M(AND, R, 3, 11)                                                             \
  M(AND, R, 4, 12) M(AND, R, 5, 8) M(AND, R, 6, 9) M(AND, R, 7, 10)

// Clears all of the register on CPUs with wider ones only in its VEX form.
#define MPQ_CLEAR(R, n) "xorps %%xmm" #n ", %%xmm" #n "\n"
#define MPQ_CLEAR_WIDE(R, n) "vxorps %%xmm" #n ", %%xmm" #n ", %%xmm" #n "\n"

#define MPQ_LOOP(code)                                                         \
  for (int64_t i = 0; i < rounds; ++i)                                         \
  asm volatile(code::: MPQ_CLOBBERS)
#define MPQ_LOOP_BY_BITS(M)                                                    \
  do {                                                                         \
    if (bits == 512)                                                           \
      MPQ_LOOP(MPQ_16(M, "zmm") MPQ_16(M, "zmm"));                             \
    else if (bits == 256)                                                      \
      MPQ_LOOP(MPQ_16(M, "ymm") MPQ_16(M, "ymm"));                             \
    else                                                                       \
      MPQ_LOOP(MPQ_16(M, "xmm") MPQ_16(M, "xmm"));                             \
  } while (false)

double DotInstruction::run(int64_t length) const {
  int64_t rounds = 5000 * length;
  // Whatever was left in the registers might be denormal, which is slow.
  if (kind == MulAdd)
    asm volatile(MPQ_16(MPQ_CLEAR, "xmm")::: MPQ_CLOBBERS);
  else
    asm volatile(MPQ_16(MPQ_CLEAR_WIDE, "xmm")::: MPQ_CLOBBERS);
  switch (kind) {
  case None:
    return 0;
  case MulAdd:
    MPQ_LOOP(MPQ_16(MPQ_MULADD, "xmm") MPQ_16(MPQ_MULADD, "xmm"));
    return 32.0 * rounds * (bits / 32);
  case Fma:
    MPQ_LOOP_BY_BITS(MPQ_FMA);
    return 32.0 * rounds * (bits / 32);
  case Vnni:
    MPQ_LOOP_BY_BITS(MPQ_VNNI);
    return 32.0 * rounds * (bits / 8);
  case VexVnni:
    if (bits == 256)
      MPQ_LOOP(MPQ_16(MPQ_VEX_VNNI, "ymm") MPQ_16(MPQ_VEX_VNNI, "ymm"));
    else
      MPQ_LOOP(MPQ_16(MPQ_VEX_VNNI, "xmm") MPQ_16(MPQ_VEX_VNNI, "xmm"));
    return 32.0 * rounds * (bits / 8);
  case Bf16:
    MPQ_LOOP_BY_BITS(MPQ_BF16);
    return 32.0 * rounds * (bits / 16);
  case Popcnt:
    if (bits == 512)
      MPQ_LOOP(MPQ_COUNTS(MPQ_POPCNT1, "vpandd", "zmm")
                   MPQ_COUNTS(MPQ_POPCNT1, "vpandd", "zmm"));
    else
      MPQ_LOOP(MPQ_COUNTS(MPQ_POPCNT1, "vpandd", "ymm")
                   MPQ_COUNTS(MPQ_POPCNT1, "vpandd", "ymm"));
    return 16.0 * rounds * std::max(bits, 256u) / pairs;
  case TablePopcnt:
    if (bits == 512)
      MPQ_LOOP(MPQ_COUNTS(MPQ_TABLE1, "vpandd", "zmm"));
    else if (bits == 256)
      MPQ_LOOP(MPQ_COUNTS(MPQ_TABLE1, "vpand", "ymm"));
    else
      MPQ_LOOP(MPQ_COUNTS(MPQ_TABLE1, "vpand", "xmm"));
    return 8.0 * rounds * bits / pairs;
  case Maddubs:
    if (bits == 256)
      MPQ_LOOP(MPQ_MADDUBS("ymm") MPQ_MADDUBS("ymm"));
    else
      MPQ_LOOP(MPQ_MADDUBS("xmm") MPQ_MADDUBS("xmm"));
    return 16.0 * rounds * (bits / 8);
  }
  return 0;
}

#define MPQ_LOAD(name, R, step, n) name " " #n "*" #step "(%0), %%" R #n "\n"
#define MPQ_LOADS(name, R, step)                                               \
  MPQ_LOAD(name, R, step, 0)                                                   \
  MPQ_LOAD(name, R, step, 1)                                                   \
  MPQ_LOAD(name, R, step, 2)                                                   \
  MPQ_LOAD(name, R, step, 3) MPQ_LOAD(name, R, step, 4)                        \
      MPQ_LOAD(name, R, step, 5) MPQ_LOAD(name, R, step, 6)                    \
          MPQ_LOAD(name, R, step, 7)

void mpq::readBytes(const char *start, int64_t bytes) {
  static const int64_t width = hostHas("avx512f") ? 64
                               : hostHas("avx")   ? 32
                                                  : 16;
  const char *end = start + bytes - 8 * width;
  for (; start <= end; start += 8 * width)
    if (width == 64)
      asm volatile(MPQ_LOADS("vmovups", "zmm", 64)::"r"(start) : MPQ_CLOBBERS);
    else if (width == 32)
      asm volatile(MPQ_LOADS("vmovups", "ymm", 32)::"r"(start) : MPQ_CLOBBERS);
    else
      asm volatile(MPQ_LOADS("movups", "xmm", 16)::"r"(start) : MPQ_CLOBBERS);
  for (end += 8 * width; start < end; start += 64)
    asm volatile("movl (%0), %%eax" ::"r"(start) : "eax");
}

std::string mpq::getCpuName() {
  unsigned text[13] = {}, version = 0, ignored;
  for (unsigned leaf = 0; leaf < 3; ++leaf) {
    unsigned *part = text + 4 * leaf;
    __get_cpuid(0x80000002 + leaf, part, part + 1, part + 2, part + 3);
  }
  __get_cpuid(1, &version, &ignored, &ignored, &ignored);
  unsigned family = (version >> 8) & 15, model = (version >> 4) & 15;
  if (family == 6 || family == 15)
    model += (version >> 12) & 0xf0;
  if (family == 15)
    family += (version >> 20) & 0xff;
  return formatv("{0} (family {1} model {2}, {3})",
                 StringRef(reinterpret_cast<const char *>(text)).trim(), family,
                 model, sys::getHostCPUName());
}
#else
double DotInstruction::run(int64_t) const { return 0; }
void mpq::readBytes(const char *start, int64_t bytes) {
  for (const char *end = start + bytes; start < end; start += 64)
    *static_cast<const volatile char *>(start);
}
std::string mpq::getCpuName() { return sys::getHostCPUName().str(); }
#endif
