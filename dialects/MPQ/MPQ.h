//===----------------------------------------------------------------------===//
// Part of MPQ, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//===----------------------------------------------------------------------===//
#ifndef MPQ_DIALECTS_MPQ_MPQ_H
#define MPQ_DIALECTS_MPQ_MPQ_H

#include "mlir/Bytecode/BytecodeOpInterface.h"
#include "mlir/IR/Builders.h"
#include "mlir/IR/BuiltinTypes.h"
#include "mlir/IR/Dialect.h"
#include "mlir/IR/OpDefinition.h"
#include "mlir/IR/OpImplementation.h"
#include "mlir/IR/SymbolTable.h"
#include "mlir/Interfaces/ControlFlowInterfaces.h"
#include "mlir/Interfaces/DestinationStyleOpInterface.h"
#include "mlir/Interfaces/InferTypeOpInterface.h"
#include "mlir/Interfaces/SideEffectInterfaces.h"

#include "dialects/MPQ/Real.h"
#include "mpq/Support/Quantization.h"
#include "mpq/Support/Registry.h"
#include "llvm/Support/Error.h"

#include "dialects/MPQ/Dialect.h.inc"
#include "dialects/MPQ/Enums.h.inc"

namespace mpq {
class FormatAttrInterface;
/// What `emitCode` and `emitZeroPoint` build where a format does not say.
mlir::Value emitCodeOfLevel(FormatAttrInterface format, mlir::OpBuilder &builder,
                            mlir::Location loc, mlir::Value level);
mlir::Value emitLowestZeroPoint(FormatAttrInterface format,
                                mlir::OpBuilder &builder, mlir::Location loc);
} // namespace mpq

#include "dialects/MPQ/AttrInterfaces.h.inc"

#define GET_ATTRDEF_CLASSES
#include "dialects/MPQ/Attrs.h.inc"

#define GET_TYPEDEF_CLASSES
#include "dialects/MPQ/Types.h.inc"

#include "dialects/MPQ/OpInterfaces.h.inc"

#define GET_OP_CLASSES
#include "dialects/MPQ/Ops.h.inc"

namespace mpq {

/// Reads the spelling of a family of formats (`int4:g32:asym`). Each format
/// folder, or plugin, adds one to `Registry<FormatParser>`.
class FormatParser {
public:
  virtual ~FormatParser() = default;
  /// The format, or null if `spelling` is not of this family; a spelling of
  /// this family that is wrong is an error.
  virtual llvm::Expected<FormatAttrInterface>
  parse(llvm::StringRef spelling, mlir::MLIRContext *context) const = 0;
  /// What can be written, for help texts: `int2..int8[:gN|:tensor][:asym][:f16]`.
  virtual std::string getSyntax() const = 0;
};

/// Reads the spelling of any registered format; the error names what is known.
llvm::Expected<FormatAttrInterface> parseFormat(llvm::StringRef spelling,
                                                mlir::MLIRContext *context);

/// The weight matrix [rows][k] of a row-major tensor of `shape` whose rows run
/// along `axis`, and back. Sizes in elements; `in` and `out` do not overlap.
void toWeightMatrix(llvm::ArrayRef<float> in, llvm::ArrayRef<int64_t> shape,
                    int64_t axis, llvm::MutableArrayRef<float> out);
void fromWeightMatrix(llvm::ArrayRef<float> in, llvm::ArrayRef<int64_t> shape,
                      int64_t axis, llvm::MutableArrayRef<float> out);

} // namespace mpq

#endif // MPQ_DIALECTS_MPQ_MPQ_H
