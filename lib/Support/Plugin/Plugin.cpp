//===----------------------------------------------------------------------===//
// Part of MPQ, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//===----------------------------------------------------------------------===//
//
// Loading plugins: what MLIR's own loader does, after a check that the plugin
// was compiled for these headers, and with errors that say what to do.
//
//===----------------------------------------------------------------------===//

#include "mpq/Support/Plugin.h"

#include "mlir/Tools/Plugins/DialectPlugin.h"
#include "mlir/Tools/Plugins/PassPlugin.h"
#include "llvm/Support/DynamicLibrary.h"
#include "llvm/Support/FileSystem.h"

#include <dlfcn.h>

using namespace mpq;

/// Opens the file and compares versions; its absolute path. `entry` is the
/// entry point of the wanted kind, `other` that of the other kind, whose option
/// is `option`.
static llvm::Expected<std::string> openPlugin(const std::string &path,
                                              const char *entry,
                                              const char *other,
                                              llvm::StringRef option) {
  auto fail = [&](const llvm::Twine &reason) {
    return llvm::createStringError("plugin '" + path + "': " + reason);
  };
  if (!llvm::sys::fs::exists(path))
    return fail("no such file");
  std::string error;
  // A name without a folder would be searched for in the system's folders.
  llvm::SmallString<128> absolute(path);
  llvm::sys::fs::make_absolute(absolute);
  auto library =
      llvm::sys::DynamicLibrary::getPermanentLibrary(absolute.c_str(), &error);
  if (!library.isValid())
    return fail("cannot be loaded: " + error);
  // LLVM closes libraries at the end of the process, before registries destroy
  // what plugins put into them. The plugin's code has to be there until then.
  dlopen(absolute.c_str(), RTLD_LAZY | RTLD_NOLOAD | RTLD_NODELETE);
  if (void *symbol = library.getAddressOfSymbol("mpqGetPluginInfo")) {
    PluginInfo info = reinterpret_cast<PluginInfo (*)()>(symbol)();
    if (info.apiVersion != MPQ_PLUGIN_API_VERSION)
      return fail("was compiled for version " + llvm::Twine(info.apiVersion) +
                  " of MPQ's plugin interface, but this tool has version " +
                  llvm::Twine(MPQ_PLUGIN_API_VERSION));
    if (llvm::StringRef(info.llvmVersion) != LLVM_VERSION_STRING)
      return fail("was compiled for LLVM " + llvm::Twine(info.llvmVersion) +
                  ", but this tool has LLVM " LLVM_VERSION_STRING);
  }
  if (library.getAddressOfSymbol(entry))
    return absolute.str().str();
  if (library.getAddressOfSymbol(other))
    return fail("has no entry point " + llvm::Twine(entry) + "; load it with " +
                option);
  return fail("is not a plugin: it has no entry point " + llvm::Twine(entry));
}

llvm::Error mpq::loadPassPlugin(const std::string &path) {
  llvm::Expected<std::string> file =
      openPlugin(path, "mlirGetPassPluginInfo", "mlirGetDialectPluginInfo",
                 "--load-dialect-plugin");
  if (!file)
    return file.takeError();
  llvm::Expected<mlir::PassPlugin> plugin = mlir::PassPlugin::load(*file);
  if (!plugin)
    return plugin.takeError();
  plugin->registerPassRegistryCallbacks();
  return llvm::Error::success();
}

llvm::Error mpq::loadDialectPlugin(const std::string &path,
                                   mlir::DialectRegistry &registry) {
  llvm::Expected<std::string> file =
      openPlugin(path, "mlirGetDialectPluginInfo", "mlirGetPassPluginInfo",
                 "--load-pass-plugin");
  if (!file)
    return file.takeError();
  llvm::Expected<mlir::DialectPlugin> plugin = mlir::DialectPlugin::load(*file);
  if (!plugin)
    return plugin.takeError();
  plugin->registerDialectRegistryCallbacks(registry);
  return llvm::Error::success();
}

PluginPaths PluginPaths::find(llvm::ArrayRef<const char *> arguments) {
  PluginPaths paths;
  for (size_t i = 0; i < arguments.size(); ++i) {
    llvm::StringRef argument = arguments[i];
    if (argument == "--")
      break;
    if (!argument.consume_front("-"))
      continue;
    argument.consume_front("-");
    auto [name, value] = argument.split('=');
    std::vector<std::string> *list =
        name == "load-pass-plugin"      ? &paths.passPlugins
        : name == "load-dialect-plugin" ? &paths.dialectPlugins
                                        : nullptr;
    if (!list)
      continue;
    // "--option=value" or "--option value"
    if (argument.contains('='))
      list->push_back(value.str());
    else if (i + 1 < arguments.size())
      list->push_back(arguments[++i]);
  }
  return paths;
}

llvm::Error PluginPaths::load(mlir::DialectRegistry &registry) const {
  for (const std::string &path : passPlugins)
    if (llvm::Error error = loadPassPlugin(path))
      return error;
  for (const std::string &path : dialectPlugins)
    if (llvm::Error error = loadDialectPlugin(path, registry))
      return error;
  return llvm::Error::success();
}
