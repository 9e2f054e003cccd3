//===----------------------------------------------------------------------===//
// Part of MPQ, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//===----------------------------------------------------------------------===//
//
// Plugins: shared objects that bring passes, formats, metrics, observers,
// allocators or kernel families to the tools.
//
//     --load-pass-plugin=p.so       calls mlirGetPassPluginInfo()
//     --load-dialect-plugin=p.so    calls mlirGetDialectPluginInfo()
//
// Both entry points are MLIR's own, so a plugin of upstream MLIR loads, too.
// The second one registers whatever belongs to a dialect registry or to one of
// MPQ's registries (`Registry<SensitivityMetric>`, ...). What a plugin uses of
// LLVM, MLIR and MPQ it finds in the tool that loads it; it links none of them.
//
// C++ has no stable interface, so a plugin that uses MPQ's headers has a third
// entry point, `mpqGetPluginInfo`, that says for which version of them it was
// compiled. `mpq_add_plugin` of cmake/AddMPQ.cmake writes all three.
//
//===----------------------------------------------------------------------===//
#ifndef MPQ_SUPPORT_PLUGIN_H
#define MPQ_SUPPORT_PLUGIN_H

#include "llvm/ADT/ArrayRef.h"
#include "llvm/ADT/StringRef.h"
#include "llvm/Config/llvm-config.h"
#include "llvm/Support/Error.h"

#include <cstdint>
#include <string>
#include <vector>

/// The version of MPQ's C++ interface for plugins: increased with every change
/// of a public header that makes compiled plugins wrong.
#define MPQ_PLUGIN_API_VERSION 1

namespace mlir {
class DialectRegistry;
} // namespace mlir

namespace mpq {

extern "C" {
/// What a plugin was compiled for.
struct PluginInfo {
  uint32_t apiVersion;     ///< MPQ_PLUGIN_API_VERSION
  const char *llvmVersion; ///< LLVM_VERSION_STRING
};
}

/// For the definition of `extern "C" mpq::PluginInfo mpqGetPluginInfo()`.
inline PluginInfo getPluginInfo() {
  return {MPQ_PLUGIN_API_VERSION, LLVM_VERSION_STRING};
}

/// Loads the pass plugin in file `path` and registers its passes. A file that
/// cannot be loaded, is no pass plugin, or was compiled for another version is
/// an error that names it.
llvm::Error loadPassPlugin(const std::string &path);

/// Loads the dialect plugin in file `path` and lets it register its dialects
/// and components. Errors as above.
llvm::Error loadDialectPlugin(const std::string &path,
                              mlir::DialectRegistry &registry);

/// The plugins that a command line names with `--load-pass-plugin` and
/// `--load-dialect-plugin`.
struct PluginPaths {
  std::vector<std::string> passPlugins, dialectPlugins;

  /// Finds them before options are parsed, so that what plugins bring can have
  /// options and a place in help texts.
  static PluginPaths find(llvm::ArrayRef<const char *> arguments);

  /// Loads all of them, in their order; the first error ends it.
  llvm::Error load(mlir::DialectRegistry &registry) const;
};

} // namespace mpq

#endif // MPQ_SUPPORT_PLUGIN_H
