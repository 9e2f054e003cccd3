//===----------------------------------------------------------------------===//
// Part of MPQ, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//===----------------------------------------------------------------------===//
//
// The runtime and LLVM must agree on what this machine has: code compiled for
// the native CPU runs here, and nothing is used that the runtime cannot check.
//
//===----------------------------------------------------------------------===//
#include "llvm/ADT/StringMap.h"
#include "llvm/ADT/StringRef.h"
#include "llvm/TargetParser/Host.h"

#include "gtest/gtest.h"

extern "C" bool mpq_cpu_supports(const char *features, char *missing,
                                 size_t size);

static const char *const kNames[] = {
#define MPQ_CPU_FEATURE(NAME, LEAF, SUBLEAF, REGISTER, BIT, STATE) NAME,
#include "mpq-c/CpuFeatures.def"
};

TEST(Cpu, AgreesWithLLVM) {
  llvm::StringMap<bool> host = llvm::sys::getHostCPUFeatures();
  char missing[64];
  for (const char *name : kNames)
    EXPECT_EQ(host.lookup(name),
              mpq_cpu_supports((std::string("+") + name).c_str(), missing,
                               sizeof missing))
        << name;
}

TEST(Cpu, NamesWhatIsMissing) {
  char missing[64];
  EXPECT_TRUE(mpq_cpu_supports("", missing, sizeof missing));
  EXPECT_STREQ("", missing);
  EXPECT_FALSE(mpq_cpu_supports("+no-such-feature", missing, sizeof missing));
  EXPECT_STREQ("no-such-feature", missing);
  EXPECT_FALSE(mpq_cpu_supports("+one,two,+three", missing, sizeof missing));
  EXPECT_STREQ("one, two, three", missing);
  // A name must match as a whole.
  EXPECT_FALSE(mpq_cpu_supports("+sse", missing, sizeof missing));
  EXPECT_FALSE(mpq_cpu_supports("+sse33", missing, sizeof missing));
}

TEST(Cpu, CutsALongMessage) {
  char missing[8];
  EXPECT_FALSE(mpq_cpu_supports("+first-feature,+second-feature", missing,
                                sizeof missing));
  EXPECT_STREQ("first-f", missing);
}
