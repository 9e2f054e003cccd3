//===----------------------------------------------------------------------===//
// Part of MPQ, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//===----------------------------------------------------------------------===//
//
// A function of the `onnx`..`quantized` stages, compiled for this machine and
// loaded into this process. Packed weights are run-time arguments.
//
//===----------------------------------------------------------------------===//
#ifndef MPQ_EXECUTION_PROGRAM_H
#define MPQ_EXECUTION_PROGRAM_H

#include "mpq/Execution/Jit.h"

#include "mlir/IR/BuiltinOps.h"
#include "mlir/IR/BuiltinTypes.h"
#include "llvm/Support/AlignOf.h"

#include <vector>

namespace mpq {

/// Bytes aligned as kernels want them.
class AlignedBytes {
public:
  AlignedBytes() = default;
  explicit AlignedBytes(size_t size);
  char *data() { return bytes.get(); }
  const char *data() const { return bytes.get(); }
  size_t size() const { return length; }

private:
  struct Free {
    void operator()(char *bytes) const;
  };
  std::unique_ptr<char, Free> bytes;
  size_t length = 0;
};

/// An argument or result of the program, for one sample.
struct ProgramTensor {
  std::string name;
  mlir::RankedTensorType type;
  int64_t getNumBytes() const;
};

/// A packed weight. `blob` 0 is `weights`, 1 is `prepared`.
struct ProgramSlot {
  static constexpr unsigned kNoStep = ~0u;

  std::string site;
  unsigned blob = 0;
  int64_t offset = 0;
  int64_t bytes = 0;
  int64_t sourceOffset = -1; ///< in `weights`, of a stored weight's payload
  mlir::ElementsAttr value;  ///< what it was compiled with
  void (*pack)(void **args) = nullptr; ///< {source, packed}
  /// The first step that reads it (programs compiled in steps).
  unsigned firstStep = kNoStep;
};

/// The two weight blobs, packed and ready to run with.
struct ProgramWeights {
  AlignedBytes weights, prepared;
};

class Program {
public:
  /// Compiles a copy of `module` for `target`; `inSteps` also makes the steps.
  /// Diagnostics go to the context; the error only says that it failed.
  static llvm::Expected<std::unique_ptr<Program>> compile(mlir::ModuleOp module, const TargetSpec &target,
                                                          bool inSteps = false);

  llvm::ArrayRef<ProgramTensor> getInputs() const { return inputs; }
  llvm::ArrayRef<ProgramTensor> getOutputs() const { return outputs; }
  llvm::ArrayRef<ProgramSlot> getSlots() const { return slots; }
  int64_t getArenaBytes() const { return arenaBytes; }
  unsigned getNumSteps() const { return steps.size(); }

  /// The weights that the program was compiled with, packed.
  ProgramWeights packWeights() const;
  /// Packs `source` (f32 values in the weight's own shape, or a payload).
  void pack(const ProgramSlot &slot, const void *source, char *packed) const;

  /// Runs one sample. `args` is weights, prepared, arena, inputs..., outputs...
  void run(void **args) const { runFunction(args); }
  void runStep(unsigned step, void **args) const { steps[step](args); }

private:
  using Function = void (*)(void **);

  std::unique_ptr<Jit> jit;
  std::vector<ProgramTensor> inputs, outputs;
  std::vector<ProgramSlot> slots;
  std::vector<Function> steps;
  Function runFunction = nullptr, prepareFunction = nullptr;
  int64_t arenaBytes = 0, weightsBytes = 0, preparedBytes = 0;
};

/// Sets `mpq.target` of `module`, and the kernel target to what `target` has.
void setKernelTarget(mlir::ModuleOp module, const TargetSpec &target);

/// Packs the float weights of `lowered` placed modules: the bytes of the blob
/// `weights` of `placed`, a module with `mpq.slot`s and packing functions. The
/// packing functions are compiled for this machine whatever the target is.
llvm::Expected<AlignedBytes> packWeightBlob(mlir::ModuleOp placed);

} // namespace mpq

#endif // MPQ_EXECUTION_PROGRAM_H
