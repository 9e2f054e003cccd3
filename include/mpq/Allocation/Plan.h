//===----------------------------------------------------------------------===//
// Part of MPQ, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//===----------------------------------------------------------------------===//
//
// The plan: which format each site of a model gets, as a text file that a
// person reads, edits and gives back.
//
//     # plan of resnet20.onnx
//     # budget: average 4 bits
//     # bytes: codes, scales and zero points of the weights
//     #
//     # Edit the columns format and activations; the ones after them are ...
//     # site | tie | weights | format | activations | bytes | evidence
//     conv1.weight  | -   |   432 | int8     | f32  |    496 | kl: int2 0.31, ...
//     "fc 1.weight" | -   |   640 | int4:g32 | int8 |    400 | kl: int2 0.02, ...
//     embed         | emb | 65536 | float    | f32  | 262144 |
//     head          | emb | 65536 | float    | f32  | 262144 |
//
// One line per site, columns separated by `|`. The first five are the plan:
//
//     site         its name, quoted if it is not a plain word
//     tie          sites with the same tie have the same format; `-` is none
//     weights      how many weights, to notice a plan of another model
//     format       a number format as on the command line, or `float`
//     activations  what the site's op reads its input as: `f32` or `int8`
//
// What follows, bytes and evidence, may be edited or left out freely: reading
// keeps it but believes none of it. So are comments, which stay with the line
// below them. LF and CRLF, and a byte order mark, are read alike.
//
// The text can be well-formed and still not fit a model; `validate` compares
// the two. All errors are `file:line: error: ...`.
//
//===----------------------------------------------------------------------===//
#ifndef MPQ_ALLOCATION_PLAN_H
#define MPQ_ALLOCATION_PLAN_H

#include "llvm/ADT/ArrayRef.h"
#include "llvm/ADT/STLFunctionalExtras.h"
#include "llvm/ADT/StringRef.h"
#include "llvm/Support/Error.h"
#include "llvm/Support/MemoryBufferRef.h"

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace llvm {
class raw_ostream;
} // namespace llvm

namespace mpq {

/// The decision for one site: one line of a plan.
struct PlanSite {
  std::string name;
  std::string tie; ///< empty for none
  uint64_t weights = 0;
  std::string format = "float";
  std::string activations = "f32";
  std::optional<uint64_t> bytes; ///< for reading only, as is `evidence`
  std::string evidence;
  std::vector<std::string>
      comments;      ///< lines above, each with its `#`, or blank
  unsigned line = 0; ///< in the file it was read from, from 1
};

/// What a plan is compared with: a site as the model has it.
struct KnownSite {
  std::string name;
  std::string tie;
  uint64_t weights = 0;
};

struct Plan {
  std::string file; ///< where it was read from, for diagnostics
  std::vector<PlanSite> sites;
  std::vector<std::string> trailingComments;

  static constexpr llvm::StringLiteral floatFormat = "float";

  /// A comment block that says what the plan is about, to be put above the
  /// first site: the lines of `about` and the explanation of the columns.
  static std::vector<std::string> makeHeader(llvm::ArrayRef<std::string> about);

  /// Reads the text. Names no sites or formats of its own: only its form, and
  /// that no site appears twice and ties agree, is checked.
  static llvm::Expected<Plan> parse(llvm::MemoryBufferRef text);

  /// Writes the text, with columns aligned; `parse` reads back an equal plan.
  void print(llvm::raw_ostream &os) const;

  /// Whether the plan fits a model: exactly the sites of `known`, each with
  /// that many weights and that tie, with formats that `checkFormat` takes and
  /// one of `activations`. `checkFormat` is asked for every format but `float`
  /// and returns the reason why not; `formats` are names to suggest instead.
  llvm::Error
  validate(llvm::ArrayRef<KnownSite> known,
           llvm::function_ref<llvm::Error(const PlanSite &)> checkFormat,
           llvm::ArrayRef<llvm::StringRef> formats = {},
           llvm::ArrayRef<llvm::StringRef> activations = {"f32", "int8"}) const;

  /// The decision for site `name`, or null.
  const PlanSite *find(llvm::StringRef name) const;
};

/// What one candidate loses and costs, for the evidence column.
struct PlanEvidence {
  std::string format;
  double error = 0;
};

/// `kl: int2 0.31, int4 0.0012`.
std::string formatEvidence(llvm::StringRef metric,
                           llvm::ArrayRef<PlanEvidence> evidence);

} // namespace mpq

#endif // MPQ_ALLOCATION_PLAN_H
