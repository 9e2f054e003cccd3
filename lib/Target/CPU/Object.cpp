//===----------------------------------------------------------------------===//
// Part of MPQ, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//===----------------------------------------------------------------------===//
//
// From an LLVM module to an object file.
//
//===----------------------------------------------------------------------===//
#include "mpq/Target/CPU.h"

#include "llvm/IR/DiagnosticHandler.h"
#include "llvm/IR/DiagnosticInfo.h"
#include "llvm/IR/DiagnosticPrinter.h"
#include "llvm/IR/LLVMContext.h"
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

static constexpr StringLiteral kTriple = "x86_64-unknown-linux-gnu";

/// Collects what LLVM's passes report as errors while it lives; without it the
/// process would end at the first.
namespace {
class CollectErrors {
public:
  explicit CollectErrors(LLVMContext &context)
      : context(context), previous(context.getDiagnosticHandler()) {
    context.setDiagnosticHandler(std::make_unique<Handler>(messages));
  }
  ~CollectErrors() { context.setDiagnosticHandler(std::move(previous)); }

  Error take() {
    if (messages.empty())
      return Error::success();
    return createStringError("code generation failed: " + messages);
  }

private:
  struct Handler : DiagnosticHandler {
    explicit Handler(std::string &messages) : messages(messages) {}
    bool handleDiagnostics(const DiagnosticInfo &info) override {
      if (info.getSeverity() != DS_Error)
        return true;
      raw_string_ostream stream(messages);
      DiagnosticPrinterRawOStream printer(stream);
      if (!messages.empty())
        stream << "; ";
      info.print(printer);
      return true;
    }
    std::string &messages;
  };

  LLVMContext &context;
  std::unique_ptr<DiagnosticHandler> previous;
  std::string messages;
};
} // namespace

static void initializeX86() {
  static std::once_flag once;
  std::call_once(once, [] {
    LLVMInitializeX86TargetInfo();
    LLVMInitializeX86Target();
    LLVMInitializeX86TargetMC();
    LLVMInitializeX86AsmPrinter();
    LLVMInitializeX86AsmParser();
  });
}

static CodeGenOptLevel getCodeGenLevel(OptLevel level) {
  switch (level) {
  case OptLevel::O0:
    return CodeGenOptLevel::None;
  case OptLevel::O1:
    return CodeGenOptLevel::Less;
  case OptLevel::O2:
    return CodeGenOptLevel::Default;
  case OptLevel::O3:
    return CodeGenOptLevel::Aggressive;
  }
  return CodeGenOptLevel::Default;
}

static OptimizationLevel getPipelineLevel(OptLevel level) {
  switch (level) {
  case OptLevel::O0:
    return OptimizationLevel::O0;
  case OptLevel::O1:
    return OptimizationLevel::O1;
  case OptLevel::O2:
    return OptimizationLevel::O2;
  case OptLevel::O3:
    return OptimizationLevel::O3;
  }
  return OptimizationLevel::O2;
}

Expected<std::unique_ptr<TargetMachine>>
mpq::createTargetMachine(const TargetSpec &target, OptLevel level) {
  initializeX86();
  Triple triple(kTriple);
  std::string message;
  const Target *backend = TargetRegistry::lookupTarget(triple, message);
  if (!backend)
    return createStringError("this LLVM cannot generate x86-64 code: " +
                             message);
  TargetOptions options;
  options.FunctionSections = true; // unused ones are left out of the library
  options.DataSections = true;
  std::unique_ptr<TargetMachine> machine(backend->createTargetMachine(
      triple, "x86-64", target.features, options, Reloc::PIC_, std::nullopt,
      getCodeGenLevel(level)));
  if (!machine)
    return createStringError("this LLVM cannot generate x86-64 code");
  return machine;
}

/// The instruction sets come from `features` alone and the CPU's name only
/// tunes. Vectors keep the whole width: many CPUs' tuning prefers 256 bits,
/// which would split the kernels' 512-bit registers into twice as many.
static void setAttributes(Module &module, const TargetSpec &target) {
  std::string bits = std::to_string(target.getVectorBits());
  std::pair<StringRef, StringRef> attributes[] = {
      {"target-cpu", "x86-64"},
      {"tune-cpu", target.cpu},
      {"target-features", target.features},
      {"prefer-vector-width", bits},
      {"min-legal-vector-width", bits}};
  for (Function &function : module) {
    if (function.isDeclaration())
      continue;
    for (auto [name, value] : attributes)
      if (!function.hasFnAttribute(name) && !value.empty())
        function.addFnAttr(name, value);
    // Nothing throws; a model needs no unwind tables.
    function.addFnAttr(Attribute::NoUnwind);
  }
}

static void runPipeline(Module &module, TargetMachine &machine,
                        OptLevel level) {
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
  ModulePassManager passes =
      level == OptLevel::O0
          ? builder.buildO0DefaultPipeline(OptimizationLevel::O0)
          : builder.buildPerModuleDefaultPipeline(getPipelineLevel(level));
  passes.run(module, modules);
}

static Error optimizeWith(Module &module, const TargetSpec &target,
                          TargetMachine &machine, OptLevel level) {
  std::string message;
  raw_string_ostream stream(message);
  module.setTargetTriple(Triple(kTriple));
  module.setDataLayout(machine.createDataLayout());
  module.setPICLevel(PICLevel::BigPIC);
  setAttributes(module, target);
  if (verifyModule(module, &stream))
    return createStringError("the LLVM module is not valid: " + message);
  CollectErrors errors(module.getContext());
  runPipeline(module, machine, level);
  return errors.take();
}

Error mpq::optimizeModule(Module &module, const TargetSpec &target,
                          OptLevel level) {
  auto machine = createTargetMachine(target, level);
  if (!machine)
    return machine.takeError();
  return optimizeWith(module, target, **machine, level);
}

Error mpq::emitObject(Module &module, const TargetSpec &target,
                      SmallVectorImpl<char> &object, OptLevel level) {
  auto machine = createTargetMachine(target, level);
  if (!machine)
    return machine.takeError();
  // The object names its source; a path there would end in the library.
  module.setSourceFileName("model");
  if (Error error = optimizeWith(module, target, **machine, level))
    return error;
  CollectErrors errors(module.getContext());
  raw_svector_ostream stream(object);
  legacy::PassManager passes;
  if ((*machine)->addPassesToEmitFile(passes, stream, nullptr,
                                      CodeGenFileType::ObjectFile))
    return createStringError("this LLVM cannot emit x86-64 object files");
  passes.run(module);
  return errors.take();
}
