//===----------------------------------------------------------------------===//
// Part of MPQ, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//===----------------------------------------------------------------------===//
//
// The command lines of the tools: `llvm::cl`, with a help text for people who
// use MPQ rather than LLVM.
//
//     quant-run: run a compiled model on the samples of a file
//
//     usage: quant-run MODEL.so --input=SAMPLES.npz [options]
//
//     Input and output:
//       --input=<in.npz>   - Samples: ...
//     ...
//     Examples:
//       # What is in the library, and does it run here?
//       quant-run model.so --list
//
// `--help` shows the options of the tool's own categories, in their order;
// `--help-hidden` shows all that LLVM and MLIR have registered, too.
//
//===----------------------------------------------------------------------===//
#ifndef MPQ_SUPPORT_COMMANDLINE_H
#define MPQ_SUPPORT_COMMANDLINE_H

#include "llvm/Support/CommandLine.h"

#include <string>
#include <utility>
#include <vector>

namespace mpq {

/// What a tool says about itself.
struct ToolHelp {
  std::string name;
  std::string summary;            ///< one sentence, lower case, no period
  std::vector<std::string> usage; ///< what follows the name, one per form
  /// The options that `--help` shows, group by group.
  std::vector<llvm::cl::OptionCategory *> categories;
  /// More to list after the options: a title, and names with what they are.
  struct Section {
    std::string title;
    std::vector<std::pair<std::string, std::string>> entries;
  };
  std::vector<Section> sections;
  /// Comment and command.
  std::vector<std::pair<std::string, std::string>> examples;
};

/// Takes the options that LLVM's libraries register for their own tools out of
/// the way of the tool's own of the same `names`, which are made after this.
void removeOptions(llvm::ArrayRef<llvm::StringRef> names);

/// Prints the help and exits if the command line asks for it, and otherwise
/// lets LLVM parse it. Options outside of the categories are hidden.
void parseCommandLine(int argc, char **argv, const ToolHelp &help);

} // namespace mpq

#endif // MPQ_SUPPORT_COMMANDLINE_H
