//===----------------------------------------------------------------------===//
// Part of MPQ, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//===----------------------------------------------------------------------===//
//
// The family that an op names. IR can be written by hand, or for another CPU: a
// family is asked whether it takes the op before anything else is asked of it,
// and a pass that reads `family = "..."` does it here.
//
//===----------------------------------------------------------------------===//
#ifndef MPQ_KERNEL_NAMEDFAMILY_H
#define MPQ_KERNEL_NAMEDFAMILY_H

#include "mpq/Kernel/KernelFamily.h"

namespace mpq {

/// Why `family` does not take `op` for `target`; empty: it does.
std::string getObstacle(const KernelFamily &family, mlir::Operation *op,
                        const KernelTarget &target);

/// The family that `op` names, which accepts it for `target`. Null, with an error
/// at `op`, if it names none or one that is not known, is for another kind of
/// machine or does not accept it.
KernelFamily *getNamedFamily(mlir::Operation *op, const KernelTarget &target);

/// Whether the weight of `op` is packed, and the family that `op` names is called
/// `name`: `accepts` has no format to ask about then, and was asked when there
/// was one.
bool isPackedFor(mlir::Operation *op, llvm::StringRef name);

} // namespace mpq

#endif // MPQ_KERNEL_NAMEDFAMILY_H
