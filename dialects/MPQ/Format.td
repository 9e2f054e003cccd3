//===----------------------------------------------------------------------===//
// Part of MPQ, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//===----------------------------------------------------------------------===//
#ifndef MPQ_FORMAT_TD
#define MPQ_FORMAT_TD

include "dialects/MPQ/Dialect.td"
include "dialects/MPQ/Interfaces.td"

/// Base of the formats in Formats/<Name>/<Name>.td. `overrides` names the methods
/// with defaults that the format implements itself.
class MPQ_Format<string name, string attrMnemonic, list<string> overrides = []>
    : MPQ_Attr<name, attrMnemonic,
               [DeclareAttrInterfaceMethods<MPQ_FormatAttrInterface, overrides>]>;

#endif // MPQ_FORMAT_TD
