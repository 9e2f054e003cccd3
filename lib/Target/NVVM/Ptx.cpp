//===----------------------------------------------------------------------===//
// Part of MPQ, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//===----------------------------------------------------------------------===//
//
// The known GPU architectures, and PTX by LLVM's NVPTX back end.
//
//===----------------------------------------------------------------------===//

#include "mpq/Target/NVVM.h"

#include "llvm/ADT/STLExtras.h"
#include "llvm/ADT/SmallString.h"
#include "llvm/ADT/StringExtras.h"
#include "llvm/IR/Instructions.h"
#include "llvm/IR/LegacyPassManager.h"
#include "llvm/IR/Module.h"
#include "llvm/IR/Verifier.h"
#include "llvm/MC/TargetRegistry.h"
#include "llvm/Passes/PassBuilder.h"
#include "llvm/Support/TargetSelect.h"
#include "llvm/Target/TargetMachine.h"
#include "llvm/Target/TargetOptions.h"

#include <mutex>

using namespace llvm;
using namespace mpq;

static constexpr StringLiteral kTriple = "nvptx64-nvidia-cuda";

//===----------------------------------------------------------------------===//
// Architectures
//===----------------------------------------------------------------------===//

namespace {
/// Shared memory per block is from the table of compute capabilities in
/// NVIDIA's CUDA C++ Programming Guide; the multiprocessors are those of the
/// product named.
struct KnownGpu {
  StringLiteral arch;
  unsigned capability, processors, sharedKiB;
};
} // namespace

static constexpr KnownGpu kKnown[] = {
    {"sm_80", 80, 108, 163},   // A100
    {"sm_86", 86, 84, 99},     // A40, RTX 3090 Ti
    {"sm_87", 87, 16, 163},    // Jetson AGX Orin
    {"sm_89", 89, 142, 99},    // L40S
    {"sm_90", 90, 132, 227},   // H100, H200
    {"sm_90a", 90, 132, 227},
    {"sm_100", 100, 148, 227}, // B200
    {"sm_100a", 100, 148, 227},
    {"sm_103", 103, 160, 227}, // B300
    {"sm_120", 120, 170, 99},  // RTX 5090
    {"sm_121", 121, 48, 99},   // GB10
};

Expected<GpuSpec> mpq::getGpu(StringRef mcpu) {
  if (mcpu.empty() || mcpu == "native")
    mcpu = kKnown[0].arch;
  for (const KnownGpu &known : kKnown)
    if (known.arch == mcpu)
      return GpuSpec{mcpu.str(), known.capability, known.processors, known.sharedKiB << 10};
  SmallVector<StringRef> names;
  for (const KnownGpu &known : kKnown)
    names.push_back(known.arch);
  return createStringError("unknown GPU '" + mcpu + "'; known: " + join(names, ", "));
}

//===----------------------------------------------------------------------===//
// PTX
//===----------------------------------------------------------------------===//

static Expected<std::unique_ptr<TargetMachine>> createMachine(const GpuSpec &gpu) {
  static std::once_flag once;
  std::call_once(once, [] {
    LLVMInitializeNVPTXTargetInfo();
    LLVMInitializeNVPTXTarget();
    LLVMInitializeNVPTXTargetMC();
    LLVMInitializeNVPTXAsmPrinter();
  });
  Triple triple(kTriple);
  std::string message;
  const Target *backend = TargetRegistry::lookupTarget(triple, message);
  if (!backend)
    return createStringError("this LLVM cannot generate PTX: " + message);
  std::unique_ptr<TargetMachine> machine(backend->createTargetMachine(
      triple, gpu.arch, /*Features=*/"", TargetOptions(), std::nullopt, std::nullopt,
      CodeGenOptLevel::Aggressive));
  if (!machine)
    return createStringError("this LLVM cannot generate PTX for " + gpu.arch);
  return machine;
}

/// Instructions of a whole warp must not move under a condition that differs
/// between its lanes. LLVM's intrinsics for them do not say so (clang marks all
/// calls of device code), and jump threading would duplicate them.
static void markConvergent(Module &module) {
  for (Function &function : module) {
    StringRef name = function.getName();
    if (!name.starts_with("llvm.nvvm.mma.") && !name.starts_with("llvm.nvvm.ldmatrix."))
      continue;
    for (User *user : function.users())
      if (auto *call = dyn_cast<CallInst>(user))
        call->setConvergent();
  }
  for (Function &function : module)
    if (!function.isDeclaration())
      function.addFnAttr(Attribute::Convergent);
}

static void optimize(Module &module, TargetMachine &machine) {
  LoopAnalysisManager loops;
  FunctionAnalysisManager functions;
  CGSCCAnalysisManager sccs;
  ModuleAnalysisManager modules;
  PassBuilder builder(&machine);
  builder.registerModuleAnalyses(modules);
  builder.registerCGSCCAnalyses(sccs);
  builder.registerFunctionAnalyses(functions);
  builder.registerLoopAnalyses(loops);
  builder.crossRegisterProxies(loops, functions, sccs, modules);
  builder.buildPerModuleDefaultPipeline(OptimizationLevel::O3).run(module, modules);
}

Expected<std::string> mpq::emitPtx(Module &module, const GpuSpec &gpu) {
  auto machine = createMachine(gpu);
  if (!machine)
    return machine.takeError();
  std::string message;
  raw_string_ostream stream(message);
  module.setTargetTriple(Triple(kTriple));
  module.setDataLayout((*machine)->createDataLayout());
  module.setSourceFileName("kernels");
  if (verifyModule(module, &stream))
    return createStringError("the LLVM module is not valid: " + message);
  markConvergent(module);
  optimize(module, **machine);
  // Nothing is linked: PTX with calls of functions elsewhere would not load.
  for (const Function &function : module)
    if (function.isDeclaration() && !function.isIntrinsic() && !function.use_empty())
      return createStringError("the kernels call '" + function.getName() + "', which is not part of them");
  SmallString<0> ptx;
  raw_svector_ostream os(ptx);
  legacy::PassManager passes;
  if ((*machine)->addPassesToEmitFile(passes, os, nullptr, CodeGenFileType::AssemblyFile))
    return createStringError("this LLVM cannot print PTX");
  passes.run(module);
  return ptx.str().str();
}
