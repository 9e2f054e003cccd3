//===----------------------------------------------------------------------===//
// Part of MPQ, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//===----------------------------------------------------------------------===//
#ifndef MPQ_TRANSFORMS_SETTARGET_TD
#define MPQ_TRANSFORMS_SETTARGET_TD

include "mlir/Pass/PassBase.td"

def SetTargetPass : Pass<"mpq-set-target", "::mlir::ModuleOp"> {
  let summary = "Say which CPU the module is lowered for";
  let description = [{
    Sets `mpq.target`, and what kernels may know of it: `mpq.vector_bits` and
    `mpq.features`. Lowering, kernels and code generation then agree.

    ```mlir
    module attributes {mpq.target = #mpq.target<"skylake", "+avx,+avx2,...">, mpq.vector_bits = 256 : i64, ...}
    ```

    With `float-tolerance` also `mpq.float_tolerance`, the error that kernels for
    floats may have beyond rounding (`mpq/Kernel/FloatTolerance.h`): 1e-5 lets
    Winograd's convolution in. With `float-activations=bf16` also
    `mpq.float_activations` (`mpq/Kernel/FloatActivations.h`), what floats between
    compute ops are stored as (`mpq-narrow-activations`), and with
    `activation-products=int8` also `mpq.activation_products`
    (`mpq/Kernel/QuantizedProduct.h`): products of two activations are to be
    computed in integers (`mpq-quantize-products`).

    Where the cost table of the CPU, `table` or the one that MPQ comes with, has
    tiles that were measured (mpq/Analysis/Cost.h), `mpq.tiles` hands them to the
    kernels.
  }];
  let options = [Option<"mcpu", "mcpu", "std::string", "\"native\"",
    "a CPU that LLVM knows, or native: this machine">,
    Option<"floatTolerance", "float-tolerance", "double", "0.0",
    "error that float kernels may have, relative to the largest result">,
    Option<"floatActivations", "float-activations", "::mpq::FloatActivations",
    "::mpq::FloatActivations::F32", "what float activations between compute ops are stored as",
    [{ ::mpq::getFloatActivationsValues() }]>,
    Option<"activationProducts", "activation-products", "::mpq::ActivationProducts",
    "::mpq::ActivationProducts::F32", "what attention and other products of two activations are computed in",
    [{ ::mpq::getActivationProductsValues() }]>,
    Option<"table", "table", "std::string", "\"\"", "a cost table of your own (.json)">];
  let dependentDialects = ["::mpq::MPQDialect"];
}

#endif // MPQ_TRANSFORMS_SETTARGET_TD
