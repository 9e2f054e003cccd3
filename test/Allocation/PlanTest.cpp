//===----------------------------------------------------------------------===//
// Part of MPQ, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//===----------------------------------------------------------------------===//
//
// Reading, writing and validating plans, and every way a plan can be wrong.
//
//===----------------------------------------------------------------------===//
#include "mpq/Allocation/Plan.h"

#include "llvm/Support/raw_ostream.h"
#include "gtest/gtest.h"

#include <random>

using namespace llvm;
using namespace mpq;

namespace {

std::string print(const Plan &plan) {
  std::string text;
  raw_string_ostream os(text);
  plan.print(os);
  return text;
}

Expected<Plan> parse(StringRef text) {
  return Plan::parse(MemoryBufferRef(text, "a.plan"));
}

std::string parseError(StringRef text) {
  Expected<Plan> plan = parse(text);
  return plan ? "no error" : toString(plan.takeError());
}

/// The file as Plan.h shows it.
const char *const example =
    R"(# plan of resnet20.onnx
# budget: average 4 bits

# site | tie | weights | format | activations | bytes | evidence
conv1.weight  | -   |   432 | int8     | f32  |    496 | kl: int2 0.31, int4 0.0012
"fc 1.weight" | -   |   640 | int4:g32 | int8 |    400 | kl: int2 0.02, int4 0.0004
# the embedding and the classifier are one matrix
embed         | emb | 65536 | float    | f32  | 262144 |
head          | emb | 65536 | float    | f32  |        |
# the end
)";

const KnownSite exampleSites[] = {{"conv1.weight", "", 432},
                                  {"fc 1.weight", "", 640},
                                  {"embed", "emb", 65536},
                                  {"head", "emb", 65536}};

TEST(Plan, ReadsWhatItWrites) {
  Expected<Plan> plan = parse(example);
  ASSERT_TRUE(bool(plan)) << toString(plan.takeError());
  EXPECT_EQ(print(*plan), example);
}

TEST(Plan, ReadsTheColumns) {
  Expected<Plan> plan = parse(example);
  ASSERT_TRUE(bool(plan)) << toString(plan.takeError());
  ASSERT_EQ(plan->sites.size(), 4u);
  const PlanSite *site = plan->find("fc 1.weight");
  ASSERT_TRUE(site);
  EXPECT_EQ(site->tie, "");
  EXPECT_EQ(site->weights, 640u);
  EXPECT_EQ(site->format, "int4:g32");
  EXPECT_EQ(site->activations, "int8");
  EXPECT_EQ(site->bytes, 400u);
  EXPECT_EQ(site->evidence, "kl: int2 0.02, int4 0.0004");
  EXPECT_EQ(site->line, 6u);
  EXPECT_EQ(plan->find("head")->tie, "emb");
  EXPECT_EQ(plan->find("head")->bytes, std::nullopt);
  EXPECT_EQ(plan->find("embed")->comments.size(), 1u);
  EXPECT_EQ(plan->find("nothing"), nullptr);
}

/// What people's editors and habits do to a file.
TEST(Plan, ReadsEditedFiles) {
  Expected<Plan> plan = parse("\xEF\xBB\xBF# windows\r\n"
                              "  a|-|1|int4|f32\r\n"
                              "\r\n"
                              "\"b\" | - | 2 | float | f32 | many | why | not");
  ASSERT_TRUE(bool(plan)) << toString(plan.takeError());
  ASSERT_EQ(plan->sites.size(), 2u);
  EXPECT_EQ(plan->sites[0].format, "int4");
  EXPECT_EQ(plan->sites[1].bytes, std::nullopt);
  EXPECT_EQ(plan->sites[1].evidence, "why | not");
  Expected<Plan> empty = parse("");
  ASSERT_TRUE(bool(empty)) << toString(empty.takeError());
  EXPECT_TRUE(empty->sites.empty());
}

/// Whatever a model calls its parts comes back.
TEST(Plan, KeepsStrangeNames) {
  Plan plan;
  for (StringRef name : {StringRef("-"), StringRef(""), StringRef("a|b"),
                         StringRef("tab\tnewline\n"), StringRef("\"quote\\"),
                         StringRef("#comment"), StringRef("gr\xC3\xBC\xC3\x9F"),
                         StringRef("nul\0here", 8), StringRef("a=b")}) {
    PlanSite site;
    site.name = name.str();
    site.tie = "t" + name.str();
    site.format = "int4:" + name.str();
    plan.sites.push_back(site);
  }
  plan.sites.back().tie = "-";
  Expected<Plan> back = parse(print(plan));
  ASSERT_TRUE(bool(back)) << toString(back.takeError());
  ASSERT_EQ(back->sites.size(), plan.sites.size());
  for (auto [a, b] : zip_equal(plan.sites, back->sites)) {
    EXPECT_EQ(a.name, b.name);
    EXPECT_EQ(a.tie, b.tie);
    EXPECT_EQ(a.format, b.format);
  }
  EXPECT_EQ(print(*back), print(plan));
}

TEST(Plan, WritesAHeader) {
  Plan plan;
  PlanSite site;
  site.name = "w";
  site.weights = 12;
  site.bytes = 48;
  site.evidence = formatEvidence("kl", {{"int2", .3125}, {"int4", 1e-5}});
  site.comments = Plan::makeHeader({"plan of a.onnx", "two\nlines"});
  plan.sites.push_back(site);
  EXPECT_EQ(print(plan),
            R"(# plan of a.onnx
# two lines
#
# Edit the columns format and activations; the ones after them are for reading.
# site | tie | weights | format | activations | bytes | evidence
w | - | 12 | float | f32 | 48 | kl: int2 0.312, int4 1e-05
)");
  Expected<Plan> back = parse(print(plan));
  ASSERT_TRUE(bool(back)) << toString(back.takeError());
  EXPECT_EQ(print(*back), print(plan));
}

TEST(Plan, WrongTextNamesItsLine) {
  EXPECT_EQ(parseError("# x\na\n"),
            "a.plan:2: error: the line ends after column 'site'; it needs "
            "site | tie | weights | format | activations");
  EXPECT_EQ(parseError("a | - | 1 | int4"),
            "a.plan:1: error: the line ends after column 'format'; it needs "
            "site | tie | weights | format | activations");
  EXPECT_EQ(parseError("a b | - | 1 | int4 | f32"),
            "a.plan:1: error: expected '|' after column 'site', found 'b | - | "
            "1 | int4 | f32'");
  EXPECT_EQ(parseError("a | | 1 | int4 | f32"),
            "a.plan:1: error: column 'tie': expected a name, found '|'");
  EXPECT_EQ(parseError("a | - | many | int4 | f32"),
            "a.plan:1: error: column 'weights' is 'many', not a number of "
            "weights");
  EXPECT_EQ(parseError("a | - | -5 | int4 | f32"),
            "a.plan:1: error: column 'weights' is '-5', not a number of "
            "weights");
  EXPECT_EQ(parseError("a | - | 1 | int4 | f32 bytes"),
            "a.plan:1: error: expected '|' after column 'activations', found "
            "'bytes'");
  EXPECT_EQ(parseError("\"a | - | 1 | int4 | f32"),
            "a.plan:1: error: column 'site': a quoted name does not end on its "
            "line");
  EXPECT_EQ(parseError("\"a\\n\" | - | 1 | int4 | f32"),
            "a.plan:1: error: column 'site': a backslash is followed by none "
            "of \", \\ and xHH");
  EXPECT_EQ(parseError("a | - | 1 | int4 | f32\n\na | - | 1 | int4 | f32"),
            "a.plan:3: error: site 'a' is already on line 1");
  EXPECT_EQ(parseError("a | t | 1 | int4 | f32\nb | t | 1 | int3 | f32"),
            "a.plan:2: error: site 'b' has format 'int3', but 'a' on line 1, "
            "with the same tie 't', has 'int4'");
  EXPECT_EQ(parseError(StringRef("a | - | 1 | int4 | f32\nb\0", 25)),
            "a.plan:2: error: there is a NUL byte in column 2");
  EXPECT_EQ(parseError(std::string(70000, 'a')),
            "a.plan:1: error: the line has 70000 bytes, at most 65536 are "
            "read");
  EXPECT_EQ(parseError(std::string((64 << 20) + 1, '\n')),
            "a.plan: error: the file has 67108865 bytes, at most 67108864 are "
            "read");
}

/// Whatever is in the file, it is a plan or an error; and a plan is written so
/// that it reads back.
TEST(Plan, AnyTextIsReadOrRefused) {
  std::minstd_rand random(11);
  const StringRef pieces[] = {"|",  "\"", "\\",  "\\x4", "\n",
                              "\r", "#",  "-",   " ",    "\t",
                              "=",  "9",  "tie", "\x80", "\x7f"};
  unsigned read = 0;
  for (unsigned i = 0; i < 20000; ++i) {
    std::string text = example;
    for (unsigned edits = 1 + random() % 4; edits > 0; --edits) {
      size_t at = random() % text.size();
      StringRef piece = pieces[random() % std::size(pieces)];
      text.replace(at, random() % 3, piece.str());
    }
    Expected<Plan> plan = parse(text);
    if (!plan) {
      EXPECT_TRUE(StringRef(toString(plan.takeError())).starts_with("a.plan:"));
      continue;
    }
    ++read;
    std::string printed = print(*plan);
    Expected<Plan> back = parse(printed);
    ASSERT_TRUE(bool(back)) << toString(back.takeError()) << "\n" << text;
    EXPECT_EQ(print(*back), printed) << text;
  }
  EXPECT_GT(read, 1000u);
}

std::string validateError(StringRef text) {
  Expected<Plan> plan = parse(text);
  if (!plan)
    return toString(plan.takeError());
  Error error = plan->validate(
      exampleSites,
      [](const PlanSite &site) -> Error {
        if (StringRef(site.format).starts_with("int"))
          return Error::success();
        return createStringError("unknown number format '" + site.format + "'");
      },
      {"int2", "int4", "int8"});
  return error ? toString(std::move(error)) : "no error";
}

std::string edited(StringRef from, StringRef to) {
  auto [head, tail] = StringRef(example).split(from);
  return (head + to + tail).str();
}

TEST(Plan, FitsItsModel) { EXPECT_EQ(validateError(example), "no error"); }

TEST(Plan, MisfitsNameTheirLine) {
  EXPECT_EQ(validateError(edited("conv1.weight", "conv2.weight")),
            "a.plan:5: error: the model has no site 'conv2.weight', did you "
            "mean 'conv1.weight'?");
  EXPECT_EQ(validateError(edited("conv1.weight", "x")),
            "a.plan:5: error: the model has no site 'x'");
  EXPECT_EQ(validateError(edited("432", "433")),
            "a.plan:5: error: site 'conv1.weight' has 432 weights in the "
            "model, the plan says 433");
  EXPECT_EQ(validateError(edited("emb |", "emc |")),
            "a.plan:8: error: site 'embed' has the tie 'emb' in the model, the "
            "plan says the tie 'emc'");
  EXPECT_EQ(validateError(edited("emb |", "- |")),
            "a.plan:8: error: site 'embed' has the tie 'emb' in the model, the "
            "plan says no tie");
  EXPECT_EQ(validateError(edited("int8     |", "itn8 |")),
            "a.plan:5: error: site 'conv1.weight': unknown number format "
            "'itn8', did you mean 'int8'?");
  EXPECT_EQ(validateError(edited("| int8 |", "| int7 |")),
            "a.plan:6: error: site 'fc 1.weight' has activations 'int7', which "
            "are none of f32, int8, did you mean 'int8'?");
  EXPECT_EQ(validateError("conv1.weight | - | 432 | int4 | f32"),
            "a.plan: error: the plan has no line for site 'fc 1.weight'");
}

} // namespace
