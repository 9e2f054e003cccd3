//===----------------------------------------------------------------------===//
// Part of MPQ, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//===----------------------------------------------------------------------===//
//
// From an LLVM module to a shared library for a CPU: what the CPU can do, its
// object code, and the link.
//
// The instruction sets of a target are an explicit list, and every name in it
// is one that the run time can check (include/mpq-c/CpuFeatures.def). Code is
// generated for the base architecture plus that list, and only *tuned* for the
// named CPU. So a compiled library that starts on a machine has all the
// instructions it needs there, and it starts on every machine that has them,
// whatever the CPU's name.
//
//===----------------------------------------------------------------------===//
#ifndef MPQ_TARGET_CPU_H
#define MPQ_TARGET_CPU_H

#include "llvm/ADT/ArrayRef.h"
#include "llvm/ADT/SmallVector.h"
#include "llvm/ADT/StringRef.h"
#include "llvm/Support/Error.h"

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

namespace llvm {
class Module;
class TargetMachine;
} // namespace llvm

namespace mpq {

/// A CPU to compile for.
struct TargetSpec {
  /// LLVM's name of the CPU to tune for, such as "sapphirerapids".
  std::string cpu;
  /// The instruction sets to use beyond the base architecture, under LLVM's
  /// names, sorted, as in "+avx512f,+avx512vnni,+fma".
  std::string features;

  /// Whether `feature`, such as "avx512vnni", may be used.
  bool has(llvm::StringRef feature) const;
  /// Width of the widest usable float vectors: 512, 256 or 128.
  unsigned getVectorBits() const;
};

/// The target called `mcpu`: "native" (or "host", or empty) is this machine,
/// anything else a CPU name that LLVM knows. An unknown name is an error that
/// lists the closest names. The name of a virtual machine's CPU may be off; its
/// features are what the machine really has.
llvm::Expected<TargetSpec> getTarget(llvm::StringRef mcpu);

enum class OptLevel { O0, O1, O2, O3 };

/// The code generator for `target`: position-independent code, fast division
/// and contraction left to the flags of each instruction.
llvm::Expected<std::unique_ptr<llvm::TargetMachine>>
createTargetMachine(const TargetSpec &target, OptLevel level = OptLevel::O2);

/// Gives every function of `module` the attributes of `target` (instruction
/// sets, tuning, whole-width vectors), sets its triple and data layout, and
/// runs LLVM's optimization pipeline of this level on it. Functions that
/// already have one of the attributes keep it.
llvm::Error optimizeModule(llvm::Module &module, const TargetSpec &target,
                           OptLevel level = OptLevel::O2);

/// `optimizeModule`, then the object file.
llvm::Error emitObject(llvm::Module &module, const TargetSpec &target,
                       llvm::SmallVectorImpl<char> &object,
                       OptLevel level = OptLevel::O2);

/// One input or output. Type code and bits are DLPack's (kDLInt 0, kDLUInt 1,
/// kDLFloat 2, kDLBfloat 4, kDLBool 6); a dimension of -1 depends on the run.
struct TensorSpec {
  std::string name;
  uint8_t typeCode = 2;
  uint8_t typeBits = 32;
  std::vector<int64_t> shape;
  /// Names of the dimensions, "" for numbers; missing ones are "".
  std::vector<std::string> dimNames;
  /// Of an input, the symbol that each dimension is, or -1; missing ones are -1.
  std::vector<int32_t> symbols;
};

/// What the sizes must be for the model to run.
struct RequirementSpec {
  std::string condition; ///< "T <= 512"
  std::string op;        ///< that needs it
};

/// The code for one CPU. The names of the object's functions must differ from
/// those of the other variants.
struct VariantSpec {
  TargetSpec target;
  std::vector<char> object;
  std::string prepareSymbol; ///< void(void **args); empty: nothing to prepare
  std::string runSymbol;     ///< void(void **args)
  std::string sizesSymbol;   ///< void(void **args); empty: no symbols
  uint64_t arenaBytes = 0;
  uint64_t preparedBytes = 0;
  uint64_t weightsOffset = 0; ///< where this variant's weights begin
  int32_t maxParts = 1;       ///< threads that one run can use; 1: no team
};

/// What a compiled model consists of; see include/mpq-c/ModelDescriptor.h for
/// the meaning of each part at run time.
struct LibrarySpec {
  std::string producer = "mpq";
  std::vector<TensorSpec> inputs, outputs;
  bool sampleParallel = false;
  std::vector<std::string> symbols; ///< names of sizes known when the model runs
  std::vector<RequirementSpec> requirements;
  std::vector<VariantSpec> variants; ///< most demanding first
  llvm::ArrayRef<char> weights;      ///< borrowed until `writeLibrary` returns
};

/// Links `library` with the runtime into the shared library `outputPath` and
/// writes the C header beside it (`model.so` -> `model.h`). Needs no compiler,
/// linker or development files on the machine. Both files are complete or not
/// there. The same input gives the same bytes.
llvm::Error writeLibrary(const LibrarySpec &library,
                         llvm::StringRef outputPath);

/// The same without the runtime, as one object file: for programs that link
/// lib/Runtime (libmpq_runtime.a) and a model statically.
llvm::Error writeObject(const LibrarySpec &library, llvm::StringRef outputPath);

} // namespace mpq

#endif // MPQ_TARGET_CPU_H
