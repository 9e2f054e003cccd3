//===----------------------------------------------------------------------===//
// Part of MPQ, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//===----------------------------------------------------------------------===//
//
// The link, in this process: lld is used as a library, and all that it reads
// beside our own files are the C library's shared objects that this process
// itself runs with. A machine that can run the compiler can link.
//
//===----------------------------------------------------------------------===//
#include "Library.h"

#include "lld/Common/Driver.h"
#include "llvm/ADT/StringExtras.h"
#include "llvm/Support/CommandLine.h"
#include "llvm/Support/raw_ostream.h"

#include <link.h>
#include <mutex>

LLD_HAS_DRIVER(elf)

using namespace llvm;
using namespace mpq;

namespace {
/// lld sets every command-line option of the process back to its default. While
/// this lives it sees none of them.
class HideOptions {
public:
  HideOptions() { swap(); }
  ~HideOptions() { swap(); }

private:
  void swap() {
    cl::SubCommand &top = cl::SubCommand::getTopLevel();
    std::swap(top.OptionsMap, options);
    std::swap(top.PositionalOpts, positional);
    std::swap(top.SinkOpts, sinks);
  }
  decltype(cl::SubCommand::OptionsMap) options;
  decltype(cl::SubCommand::PositionalOpts) positional;
  decltype(cl::SubCommand::SinkOpts) sinks;
};
} // namespace

/// The path of this process's copy of the library called `soname`, or "".
static std::string findLoaded(StringRef soname) {
  std::pair<StringRef, std::string> query(soname, "");
  dl_iterate_phdr(
      [](dl_phdr_info *info, size_t, void *data) {
        auto &[wanted, found] =
            *static_cast<std::pair<StringRef, std::string> *>(data);
        StringRef path(info->dlpi_name);
        if (path.substr(path.rfind('/') + 1) != wanted)
          return 0;
        found = path.str();
        return 1;
      },
      &query);
  return query.second;
}

/// lld's messages start with the program's name; ours say who speaks already.
static std::string tidyMessages(StringRef text) {
  SmallVector<StringRef> lines, kept;
  text.split(lines, '\n', -1, /*KeepEmpty=*/false);
  for (StringRef line : lines) {
    line.consume_front("ld.lld: ");
    line.consume_front("error: ");
    kept.push_back(line.trim());
  }
  return join(kept, "; ");
}

/// Runs lld on these arguments.
static Error runLinker(ArrayRef<std::string> args) {
  SmallVector<const char *> argv;
  for (const std::string &arg : args)
    argv.push_back(arg.c_str());

  // lld's state is global, and after a crash inside it there is no second try.
  static std::mutex mutex;
  static bool usable = true;
  std::lock_guard<std::mutex> lock(mutex);
  if (!usable)
    return createStringError(
        "cannot link: the linker crashed before in this process");
  HideOptions hidden;
  std::string messages;
  raw_string_ostream stream(messages);
  lld::Result result =
      lld::lldMain(argv, stream, stream, {{lld::Gnu, &lld::elf::link}});
  usable = result.canRunAgain;
  if (result.retCode != 0)
    return createStringError("linking failed: " + tidyMessages(messages));
  return Error::success();
}

Error mpq::linkShared(ArrayRef<std::string> inputs, StringRef exports,
                      StringRef output) {
  std::vector<std::string> args = {
      "ld.lld", "-shared", "-m", "elf_x86_64", "-o", output.str(),
      // Same input, same bytes: no identifier, and no name of the file, in it.
      "--build-id=none", "--hash-style=gnu", "-Bsymbolic", "--gc-sections",
      "--strip-debug",
      // Written only while loading; never executable where written.
      "-z", "relro", "-z", "now", "-z", "noexecstack", "-z", "separate-code",
  // What a model needs and the C library lacks is an error here, not at load.
#ifdef MPQ_RUNTIME_SANITIZED
      "-z", "undefs",
#else
      "-z", "defs",
#endif
      "--version-script", exports.str(), "--whole-archive"};
  args.insert(args.end(), inputs.begin(), inputs.end());
  args.push_back("--no-whole-archive");
  args.push_back("--as-needed");
  for (StringRef soname : {"libc.so.6", "libm.so.6"}) {
    std::string path = findLoaded(soname);
    if (path.empty())
      return createStringError(
          "cannot link: this process runs without a shared " + soname);
    args.push_back(path);
  }
  return runLinker(args);
}

Error mpq::linkRelocatable(ArrayRef<std::string> inputs, StringRef output) {
  std::vector<std::string> args = {"ld.lld", "-r", "-m", "elf_x86_64", "-o", output.str(), "--strip-debug"};
  args.insert(args.end(), inputs.begin(), inputs.end());
  return runLinker(args);
}
