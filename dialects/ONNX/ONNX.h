//===----------------------------------------------------------------------===//
// Part of MPQ, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//===----------------------------------------------------------------------===//
#ifndef MPQ_DIALECTS_ONNX_ONNX_H
#define MPQ_DIALECTS_ONNX_ONNX_H

#include "dialects/ONNX/PartialTensor.h"
#include "dialects/ONNX/Schema.h"

#include "mlir/Bytecode/BytecodeOpInterface.h"
#include "mlir/IR/Builders.h"
#include "mlir/IR/BuiltinTypes.h"
#include "mlir/IR/Dialect.h"
#include "mlir/IR/OpDefinition.h"
#include "mlir/IR/OpImplementation.h"
#include "mlir/Interfaces/SideEffectInterfaces.h"

#include "dialects/ONNX/Dialect.h.inc"

#define GET_TYPEDEF_CLASSES
#include "dialects/ONNX/Types.h.inc"

#include "dialects/ONNX/Interfaces.h.inc"

#define GET_OP_CLASSES
#include "dialects/ONNX/Ops.h.inc"

#endif // MPQ_DIALECTS_ONNX_ONNX_H
