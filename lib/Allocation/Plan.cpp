//===----------------------------------------------------------------------===//
// Part of MPQ, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//===----------------------------------------------------------------------===//
//
// Whether a plan fits a model.
//
//===----------------------------------------------------------------------===//
#include "mpq/Allocation/Plan.h"
#include "TextReader.h"

#include "llvm/ADT/STLExtras.h"
#include "llvm/ADT/StringExtras.h"
#include "llvm/ADT/StringMap.h"
#include "llvm/ADT/Twine.h"

using namespace llvm;
using namespace mpq;

const PlanSite *Plan::find(StringRef name) const {
  auto site =
      find_if(sites, [&](const PlanSite &site) { return site.name == name; });
  return site == sites.end() ? nullptr : &*site;
}

static Error errorAt(const Plan &plan, const PlanSite &site,
                     const Twine &message) {
  return createStringError(plan.file + ":" + Twine(site.line) +
                           ": error: " + message);
}

static std::string tieText(StringRef tie) {
  return tie.empty() ? "no tie" : ("the tie '" + tie + "'").str();
}

/// Compares one line with the site of that name.
static Error validateSite(const Plan &plan, const PlanSite &site,
                          const KnownSite &known) {
  if (site.weights != known.weights)
    return errorAt(plan, site,
                   "site '" + site.name + "' has " + Twine(known.weights) +
                       " weights in the model, the plan says " +
                       Twine(site.weights));
  if (site.tie != known.tie)
    return errorAt(plan, site,
                   "site '" + site.name + "' has " + tieText(known.tie) +
                       " in the model, the plan says " + tieText(site.tie));
  return Error::success();
}

Error Plan::validate(ArrayRef<KnownSite> known,
                     function_ref<Error(const PlanSite &)> checkFormat,
                     ArrayRef<StringRef> formats,
                     ArrayRef<StringRef> activations) const {
  StringMap<const KnownSite *> byName;
  SmallVector<StringRef> names;
  for (const KnownSite &site : known) {
    byName[site.name] = &site;
    names.push_back(site.name);
  }
  for (const PlanSite &site : sites) {
    auto entry = byName.find(site.name);
    if (entry == byName.end())
      return errorAt(*this, site,
                     "the model has no site '" + site.name + "'" +
                         suggestion(site.name, names));
    if (Error error = validateSite(*this, site, *entry->second))
      return error;
    if (!is_contained(activations, site.activations))
      return errorAt(*this, site,
                     "site '" + site.name + "' has activations '" +
                         site.activations + "', which are none of " +
                         join(activations, ", ") +
                         suggestion(site.activations, activations));
    if (site.format == floatFormat)
      continue;
    if (Error error = checkFormat(site))
      return errorAt(*this, site,
                     "site '" + site.name + "': " + toString(std::move(error)) +
                         suggestion(site.format, formats));
  }
  for (const KnownSite &site : known)
    if (!find(site.name))
      return createStringError(
          file + ": error: the plan has no line for site '" + site.name + "'");
  return Error::success();
}
