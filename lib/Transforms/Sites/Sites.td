//===----------------------------------------------------------------------===//
// Part of MPQ, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//===----------------------------------------------------------------------===//
#ifndef MPQ_TRANSFORMS_SITES_TD
#define MPQ_TRANSFORMS_SITES_TD

include "mlir/Pass/PassBase.td"

def SitesPass : Pass<"mpq-sites", "::mlir::ModuleOp"> {
  let summary = "Insert a site behind every quantizable weight";
  let description = [{
    A site stands between a constant and the ops that read it as a weight (Conv,
    Gemm, MatMul, Gather), and lists the formats it could get with their bytes.
    Nothing is decided yet. Sites that are already there stay as they are.

    ```mlir
    %y = onnx.Conv(%x, %w) : (...) -> tensor<1x16x32x32xf32>
    ```
    becomes
    ```mlir
    %s = mpq.site %w "conv1.weight" axis 0 candidates [
      #mpq.candidate<#mpq.int<2>, bytes = 172>, ...] : tensor<16x3x3x3xf32>
    %y = onnx.Conv(%x, %s) : (...) -> tensor<1x16x32x32xf32>
    ```

    With `decide-activations`, formats of integers come once with f32 and once
    with int8 activations, so that allocation decides about the inputs of these ops, too. Tables that are
    looked up in, and weights tied to one, have no activations to decide about.

    With `activation-groups` (an attribute of the module, `mpq.activation_groups`),
    the input of a matrix product that is quantized while the model runs has a
    scale for each group of columns in which the chosen format has one.

    With `activation-bits` (`mpq.activation_bits`, where they are not 8), all
    activations that become integers, `int8` wherever they are chosen, have so
    many bits.
  }];
  let options = [
    ListOption<"formats", "formats", "std::string",
      "candidates of every site, e.g. int2,int4:g32; default int2,3,4,5,6,8:f16 and, but for convolutions, int2,3:g64:f16; kmeans3,4:f16 where activations are f32">,
    ListOption<"groupSizes", "group-size", "int64_t",
      "weights that share a scale, for formats that do not say it, a candidate for each; 0, the default: an output channel">,
    Option<"decideActivations", "decide-activations", "bool", "false",
      "make the inputs of the ops a part of the choice: f32 and int8">,
    Option<"integerProducts", "integer-products", "bool", "false",
      "the inputs of the ops will be int8: no codebooks by default">,
    Option<"activationGroups", "activation-groups", "bool", "false",
      "rows that are quantized while the model runs get a scale for each group of the weight, not one">,
    Option<"activationBits", "activation-bits", "int64_t", "8",
      "bits of activations that become integers, 1 to 8">
  ];
  let dependentDialects = ["::mpq::MPQDialect"];
}

#endif // MPQ_TRANSFORMS_SITES_TD
