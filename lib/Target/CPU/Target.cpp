//===----------------------------------------------------------------------===//
// Part of MPQ, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//===----------------------------------------------------------------------===//
//
// What a CPU can do: this machine from its features, any other from its name.
//
//===----------------------------------------------------------------------===//
#include "mpq/Target/CPU.h"

#include "llvm/ADT/STLExtras.h"
#include "llvm/ADT/StringExtras.h"
#include "llvm/ADT/StringMap.h"
#include "llvm/TargetParser/Host.h"
#include "llvm/TargetParser/Triple.h"
#include "llvm/TargetParser/X86TargetParser.h"

using namespace llvm;
using namespace mpq;

/// The instruction sets that code may use, because the runtime can check them.
static constexpr StringLiteral kCheckable[] = {
#define MPQ_CPU_FEATURE(NAME, LEAF, SUBLEAF, REGISTER, BIT, STATE)             \
  StringLiteral(NAME),
#include "mpq-c/CpuFeatures.def"
};

bool TargetSpec::has(StringRef feature) const {
  SmallVector<StringRef> names;
  StringRef(features).split(names, ',', /*MaxSplit=*/-1, /*KeepEmpty=*/false);
  return is_contained(
      map_range(names, [](StringRef name) { return name.ltrim('+'); }),
      feature);
}

unsigned TargetSpec::getVectorBits() const {
  return has("avx512f") ? 512 : has("avx") ? 256 : 128;
}

/// "+a,+b" of those in `available` that the runtime can check.
static std::string joinFeatures(function_ref<bool(StringRef)> available) {
  SmallVector<std::string> names;
  for (StringRef name : kCheckable)
    if (available(name))
      names.push_back("+" + name.str());
  sort(names);
  return join(names, ",");
}

static TargetSpec getHost() {
  StringMap<bool> host = sys::getHostCPUFeatures();
  StringRef cpu = sys::getHostCPUName();
  // A machine without a name of its own is tuned for as the plain architecture.
  if (X86::parseTuneCPU(cpu, /*Only64Bit=*/true) == X86::CK_None)
    cpu = "x86-64";
  return {cpu.str(),
          joinFeatures([&](StringRef name) { return host.lookup(name); })};
}

/// Up to five names of `names` that `name` may have been meant for.
static std::string findClosest(StringRef name, ArrayRef<StringRef> names) {
  SmallVector<std::pair<unsigned, StringRef>> ranked;
  for (StringRef candidate : names)
    ranked.push_back({name.edit_distance_insensitive(candidate), candidate});
  stable_sort(ranked, less_first());
  ranked.truncate(std::min<size_t>(ranked.size(), 5));
  return join(make_second_range(ranked), ", ");
}

Expected<TargetSpec> mpq::getTarget(StringRef mcpu) {
  if (mcpu.empty() || mcpu == "native" || mcpu == "host") {
    Triple host(sys::getDefaultTargetTriple());
    if (!host.isX86_64())
      return createStringError(
          "this machine is '" + host.str() +
          "', and code is generated for x86-64 only: name a CPU");
    return getHost();
  }
  SmallVector<StringRef> names;
  X86::fillValidCPUArchList(names, /*Only64Bit=*/true);
  if (!is_contained(names, mcpu))
    return createStringError("unknown CPU '" + mcpu +
                             "'; the closest of those known are native, " +
                             findClosest(mcpu, names));
  SmallVector<StringRef> features;
  X86::getFeaturesForCPU(mcpu, features);
  // The list leaves out what others imply: x86-64-v3 has AVX2, and so AVX.
  StringMap<bool> all;
  for (StringRef feature : features) {
    all[feature] = true;
    X86::updateImpliedFeatures(feature, /*Enabled=*/true, all);
  }
  return TargetSpec{mcpu.str(), joinFeatures([&](StringRef name) {
                      return all.lookup(name);
                    })};
}
