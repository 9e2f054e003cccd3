//===----------------------------------------------------------------------===//
// Part of MPQ, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//===----------------------------------------------------------------------===//
//
// One named list per extension point (metrics, allocators, observers, kernel
// families). Components of the tree add themselves through
// `registerAllComponents`, plugins from their entry point; both use `add`.
//
//===----------------------------------------------------------------------===//
#ifndef MPQ_SUPPORT_REGISTRY_H
#define MPQ_SUPPORT_REGISTRY_H

#include "llvm/ADT/STLExtras.h"
#include "llvm/ADT/StringRef.h"

#include <memory>
#include <string>
#include <vector>

namespace mpq {

/// The implementations of extension point `Interface`, by name.
///
/// `Interface` has a virtual destructor; implementations hold no mutable state
/// that one use could leave behind for the next. Adding a name twice replaces
/// the earlier entry, so a plugin may override a built-in.
template <typename Interface>
class Registry {
public:
  static Registry &get() {
    static Registry registry;
    return registry;
  }

  void add(llvm::StringRef name, std::unique_ptr<Interface> implementation) {
    for (Entry &entry : entries)
      if (entry.name == name) {
        entry.implementation = std::move(implementation);
        return;
      }
    entries.push_back({name.str(), std::move(implementation)});
  }

  /// The implementation called `name`, or null.
  Interface *lookup(llvm::StringRef name) const {
    for (const Entry &entry : entries)
      if (entry.name == name)
        return entry.implementation.get();
    return nullptr;
  }

  /// All names, in the order of registration, for help texts and diagnostics.
  std::string names(llvm::StringRef separator = ", ") const {
    std::string result;
    llvm::interleave(
        entries, [&](const Entry &entry) { result += entry.name; },
        [&] { result += separator; });
    return result;
  }

  /// All implementations, in the order of registration.
  std::vector<Interface *> all() const {
    std::vector<Interface *> result;
    for (const Entry &entry : entries)
      result.push_back(entry.implementation.get());
    return result;
  }

private:
  struct Entry {
    std::string name;
    std::unique_ptr<Interface> implementation;
  };
  std::vector<Entry> entries;
};

} // namespace mpq

#endif // MPQ_SUPPORT_REGISTRY_H
