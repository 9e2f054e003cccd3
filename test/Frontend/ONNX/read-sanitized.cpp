//===----------------------------------------------------------------------===//
// Part of MPQ, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//===----------------------------------------------------------------------===//
//
// Reads a file that may be anything, with the readers under sanitizers:
//
//   mpq-read-sanitized model.onnx             import, infer shapes, fold
//   mpq-read-sanitized a.plan good.plan       a plan for the sites of another
//
// Status 0, or 1 after `error: ...`; anything else is a fault.
//
//===----------------------------------------------------------------------===//

#include "dialects/MPQ/MPQ.h"
#include "dialects/ONNX/ONNX.h"
#include "mpq/Allocation/Plan.h"
#include "mpq/Frontend/ONNX.h"
#include "mpq/Pipeline/Passes.h"
#include "mpq/Support/Registration.h"

#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/Dialect/Tensor/IR/Tensor.h"
#include "mlir/IR/Diagnostics.h"
#include "mlir/Pass/PassManager.h"
#include "llvm/Support/MemoryBuffer.h"
#include "llvm/Support/SourceMgr.h"

using namespace mlir;

static int fail(llvm::Error error) {
  llvm::errs() << "error: " << llvm::toString(std::move(error)) << '\n';
  return 1;
}

static int readModel(StringRef path, MLIRContext &context) {
  llvm::SourceMgr sources;
  SourceMgrDiagnosticHandler diagnostics(sources, &context);
  OwningOpRef<ModuleOp> module = mpq::importOnnx(path, &context);
  if (!module)
    return 1;
  PassManager passes(&context);
  passes.addNestedPass<func::FuncOp>(mpq::createOnnxInferShapesPass());
  passes.addNestedPass<func::FuncOp>(mpq::createOnnxFoldPass());
  return failed(passes.run(*module));
}

static llvm::Expected<mpq::Plan> parsePlan(StringRef path) {
  auto text = llvm::MemoryBuffer::getFile(path, /*IsText=*/true);
  if (!text)
    return llvm::errorCodeToError(text.getError());
  return mpq::Plan::parse(**text);
}

static int readPlan(StringRef path, StringRef of, MLIRContext &context) {
  llvm::Expected<mpq::Plan> good = parsePlan(of);
  if (!good)
    return fail(good.takeError());
  llvm::Expected<mpq::Plan> plan = parsePlan(path);
  if (!plan)
    return fail(plan.takeError());
  auto checkFormat = [&](const mpq::PlanSite &line) {
    return mpq::parseFormat(line.format, &context).takeError();
  };
  std::vector<mpq::KnownSite> known;
  for (const mpq::PlanSite &site : good->sites)
    known.push_back({site.name, site.tie, site.weights});
  SmallVector<StringRef> formats = {"int2", "int4", "int8"};
  if (llvm::Error error = plan->validate(known, checkFormat, formats))
    return fail(std::move(error));
  return 0;
}

int main(int argc, char **argv) {
  DialectRegistry registry;
  registry.insert<func::FuncDialect, tensor::TensorDialect>();
  mpq::registerAllComponents(registry);
  MLIRContext context(registry, MLIRContext::Threading::DISABLED);
  context.loadAllAvailableDialects();
  context.printOpOnDiagnostic(false);
  if (argc == 2)
    return readModel(argv[1], context);
  if (argc == 3)
    return readPlan(argv[1], argv[2], context);
  llvm::errs() << "usage: mpq-read-sanitized model.onnx | a.plan good.plan\n";
  return 2;
}
