//===----------------------------------------------------------------------===//
// Part of MPQ, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//===----------------------------------------------------------------------===//
//
// `--help` in the order of the tool's categories. LLVM's own sorts them by
// name, and knows neither usage lines nor examples.
//
//===----------------------------------------------------------------------===//

#include "mpq/Support/CommandLine.h"

#include "llvm/ADT/SetVector.h"
#include "llvm/Config/llvm-config.h"
#include "llvm/Support/Format.h"
#include "llvm/Support/raw_ostream.h"

using namespace mpq;
namespace cl = llvm::cl;

void mpq::removeOptions(llvm::ArrayRef<llvm::StringRef> names) {
  for (llvm::StringRef name : names)
    if (cl::Option *option = cl::getRegisteredOptions().lookup(name))
      option->removeArgument();
}

/// All registered options of `category`, by name.
static llvm::SmallVector<cl::Option *, 32>
getOptions(cl::OptionCategory &category) {
  // An option of several names is in the map more than once.
  llvm::SmallSetVector<cl::Option *, 32> options;
  for (auto &[name, option] : cl::getRegisteredOptions())
    if (llvm::is_contained(option->Categories, &category) &&
        option->hasArgStr())
      options.insert(option);
  llvm::SmallVector<cl::Option *, 32> sorted = options.takeVector();
  llvm::sort(sorted, [](cl::Option *a, cl::Option *b) {
    return a->ArgStr < b->ArgStr;
  });
  return sorted;
}

static void printHelp(const ToolHelp &help) {
  llvm::raw_ostream &os = llvm::outs();
  os << help.name << ": " << help.summary << "\n\n";
  for (auto [index, form] : llvm::enumerate(help.usage))
    os << (index ? "       " : "usage: ") << help.name << ' ' << form << '\n';

  size_t width = 0;
  for (cl::OptionCategory *category : help.categories)
    for (cl::Option *option : getOptions(*category))
      width = std::max(width, option->getOptionWidth());
  for (cl::OptionCategory *category : help.categories) {
    llvm::SmallVector<cl::Option *, 32> options = getOptions(*category);
    if (options.empty())
      continue;
    os << '\n' << category->getName() << ":\n";
    for (cl::Option *option : options)
      option->printOptionInfo(width);
  }
  for (const ToolHelp::Section &section : help.sections) {
    os << '\n' << section.title << ":\n";
    size_t column = 0;
    for (const auto &[name, description] : section.entries)
      column = std::max(column, name.size());
    for (const auto &[name, description] : section.entries)
      os << "  "
         << llvm::left_justify(name, description.empty() ? 0 : column + 2)
         << description << '\n';
  }
  os << "\nOther:\n  --help, --help-hidden, --version: this text, the options "
        "of LLVM and MLIR too, the version\n";
  if (!help.examples.empty())
    os << "\nExamples:\n";
  for (auto [index, example] : llvm::enumerate(help.examples))
    os << (index ? "\n" : "") << "  # " << example.first << "\n  "
       << example.second << '\n';
}

void mpq::parseCommandLine(int argc, char **argv, const ToolHelp &help) {
  for (auto &[name, option] : cl::getRegisteredOptions()) {
    bool shown = llvm::any_of(option->Categories, [&](cl::OptionCategory *c) {
      return llvm::is_contained(help.categories, c);
    });
    if (!shown && option->getOptionHiddenFlag() == cl::NotHidden)
      option->setHiddenFlag(cl::Hidden);
  }
  for (llvm::StringRef argument : llvm::ArrayRef(argv + 1, argc - 1)) {
    if (argument == "--")
      break;
    if (argument == "--help" || argument == "-help" || argument == "-h") {
      printHelp(help);
      std::exit(0);
    }
  }
  cl::SetVersionPrinter([name = help.name](llvm::raw_ostream &os) {
    os << name << " (MPQ " MPQ_VERSION ", LLVM " LLVM_VERSION_STRING ")\n";
  });
  cl::ParseCommandLineOptions(argc, argv, help.summary + "\n");
}
