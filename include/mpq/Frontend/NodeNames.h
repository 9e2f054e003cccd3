//===----------------------------------------------------------------------===//
// Part of MPQ, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//===----------------------------------------------------------------------===//
//
// Diagnostics of passes with the name of the node that they are about. Every op
// of an imported model has it in its location, but MLIR prints of a location only
// the file, which for all ops of a model is the same:
//
//     model.onnx:0:0: error: 'onnx.Conv' op convolves 3 spatial dimensions; 1 and 2 are supported (at '/stem/Conv')
//
//===----------------------------------------------------------------------===//
#ifndef MPQ_FRONTEND_NODENAMES_H
#define MPQ_FRONTEND_NODENAMES_H

namespace mlir {
class DialectRegistry;
} // namespace mlir

namespace mpq {

/// Lets contexts that are made with `registry` add the name of the node, or of
/// the weight, to diagnostics that do not say it. Handlers run from the last to the
/// first: the one that prints has to be there before the dialects are loaded.
void registerNodeNames(mlir::DialectRegistry &registry);

} // namespace mpq

#endif // MPQ_FRONTEND_NODENAMES_H
