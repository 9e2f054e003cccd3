//===----------------------------------------------------------------------===//
// Part of MPQ, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//===----------------------------------------------------------------------===//
// What a module says about itself, so that a stage written to a file can be
// continued: attributes of the module op (docs/Rationale/Architecture.md).
//
//   mpq.stage       which contract holds
//   mpq.target      the CPU, from `lowered` on
//   mpq.tiles       how kernels are cut on it, where that was measured (Packed/Packed.td)
//   mpq.interface   inputs and outputs as users see them, from `bufferized` on
//   mpq.dims        the names of their dimensions, where some depend on the run
//   mpq.weights     the packed weights, from `kernelized` on (dense_resource)
//   mpq.resources   in a file: where the bytes of its resources are
#ifndef MPQ_MODULEATTRS_TD
#define MPQ_MODULEATTRS_TD

include "dialects/MPQ/Dialect.td"
include "mlir/IR/EnumAttr.td"

def MPQ_Stage : I32EnumAttr<"Stage", "stage of the compiler", [
    I32EnumAttrCase<"Onnx", 0, "onnx">, I32EnumAttrCase<"Calibrated", 1, "calibrated">,
    I32EnumAttrCase<"Planned", 2, "planned">, I32EnumAttrCase<"Quantized", 3, "quantized">,
    I32EnumAttrCase<"Lowered", 4, "lowered">, I32EnumAttrCase<"Bufferized", 5, "bufferized">,
    I32EnumAttrCase<"Kernelized", 6, "kernelized">, I32EnumAttrCase<"LLVM", 7, "llvm">]> {
  let cppNamespace = "::mpq";
  let genSpecializedAttr = 0;
}
def MPQ_StageAttr : EnumAttr<MPQ_Dialect, MPQ_Stage, "stage"> {
  let assemblyFormat = "`<` $value `>`";
}

def MPQ_TargetAttr : MPQ_Attr<"Target", "target"> {
  let summary = "the CPU that code is generated for";
  let description = [{
    LLVM's name of the CPU to tune for, and the instruction sets to use beyond
    the base architecture (`mpq/Target/CPU.h`).

    ```mlir
    #mpq.target<"znver4", "+avx,+avx2,+fma">
    ```
  }];
  let parameters = (ins StringRefParameter<"CPU">:$cpu, StringRefParameter<"instruction sets">:$features);
  let assemblyFormat = "`<` $cpu `,` $features `>`";
}

def MPQ_InterfaceAttr : MPQ_Attr<"Interface", "interface"> {
  let summary = "inputs and outputs of the model as its users see them";
  let description = [{
    Names and types in the order of the model, before any lowering: logical
    shapes, `?` for a dimension that may have any size. `sample_parallel`: the
    code handles one sample, and dimension 0 of every tensor, `?`, runs over
    samples. The results of `@main` have become arguments in the stages where
    this matters.

    ```mlir
    #mpq.interface<("image" : tensor<?x1x8x8xf32>) -> ("logits" : tensor<?x10xf32>), sample_parallel>
    ```
  }];
  let parameters = (ins
    ArrayRefParameter<"::mlir::StringAttr", "names of the inputs">:$inputNames,
    ArrayRefParameter<"::mlir::RankedTensorType", "their types">:$inputTypes,
    ArrayRefParameter<"::mlir::StringAttr", "names of the outputs">:$outputNames,
    ArrayRefParameter<"::mlir::RankedTensorType", "their types">:$outputTypes,
    "bool":$sampleParallel);
  let hasCustomAssemblyFormat = 1;
  let genVerifyDecl = 1;
}

def MPQ_ResourceAttr : MPQ_Attr<"Resource", "resource"> {
  let summary = "the place of one resource in a file";
  let description = [{
    `size` bytes at `offset` are the blob of the `dense_resource` called `name`.
    `checksum` is the XXH3 (64 bits) of the bytes.

    ```mlir
    #mpq.resource<"conv1.weight" at 0 size 576 checksum "5f0ab1a2c3d4e5f6">
    ```
  }];
  let parameters = (ins StringRefParameter<"name">:$name, "int64_t":$offset, "int64_t":$size,
    StringRefParameter<"XXH3 in hexadecimal">:$checksum);
  let assemblyFormat = "`<` $name `at` $offset `size` $size `checksum` $checksum `>`";
  let genVerifyDecl = 1;
}

def MPQ_ResourceFileAttr : MPQ_Attr<"ResourceFile", "resource_file"> {
  let summary = "the file beside the IR that holds its large resources";
  let description = [{
    The bytes of `resources` lie in the file `name`, in the folder of the IR
    file, which has `size` bytes. Every offset is a multiple of `alignment`.
    Whoever reads the IR maps the file (`mpq/Frontend/StageFile.h`).

    ```mlir
    #mpq.resource_file<"digits.weights", size = 1024, alignment = 64, resources = [
      <"conv1.weight" at 0 size 576 checksum "5f0ab1a2c3d4e5f6">,
      <"fc.weight" at 576 size 448 checksum "00c3d4e5f65f0ab1">]>
    ```
  }];
  let parameters = (ins StringRefParameter<"file name without a folder">:$name, "int64_t":$size,
    "int64_t":$alignment, ArrayRefParameter<"::mpq::ResourceAttr">:$resources);
  let assemblyFormat = [{
    `<` $name `,` `size` `=` $size `,` `alignment` `=` $alignment `,` `resources` `=` `[` $resources `]` `>`
  }];
  let genVerifyDecl = 1;
}

#endif // MPQ_MODULEATTRS_TD
