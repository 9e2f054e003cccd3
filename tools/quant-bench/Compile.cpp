//===----------------------------------------------------------------------===//
// Part of MPQ, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//===----------------------------------------------------------------------===//
//
// Builds the module of a problem and compiles it.
//
//===----------------------------------------------------------------------===//

#include "Compile.h"

#include "dialects/MPQ/Packed/Packed.h"
#include "mpq/Execution/Program.h"
#include "mpq/Kernel/FloatTolerance.h"
#include "mpq/Kernel/Parts.h"
#include "mpq/Kernel/WeightReader.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/Dialect/MemRef/IR/MemRef.h"
#include "mlir/IR/Diagnostics.h"
#include "mlir/IR/Verifier.h"
#include "mlir/Pass/PassRegistry.h"
#include "llvm/ADT/StringExtras.h"
#include "llvm/ADT/StringSwitch.h"
#include "llvm/Object/ObjectFile.h"

#include <chrono>

using namespace mlir;
using namespace mpq;

int64_t Storage::at(ArrayRef<int64_t> shape, int64_t n, int64_t c, int64_t h,
                    int64_t w) const {
  if (!layout)
    return ((n * shape[1] + c) * shape[2] + h) * shape[3] + w;
  int64_t block = layout.getBlock();
  int64_t plane = n * layout.getChannelBlocks() + c / block;
  int64_t row = plane * layout.getPaddedHeight() + layout.getTop() + h;
  return (row * layout.getPaddedWidth() + layout.getLeft() + w) * block +
         c % block;
}

llvm::Expected<TargetSpec> mpq::getProblemTarget(const Problem &problem,
                                                 StringRef mcpu) {
  StringRef isa = problem.isa.empty() ? mcpu : StringRef(problem.isa);
  // The first CPU, or the closest to it, that has each.
  StringRef cpu = llvm::StringSwitch<StringRef>(isa)
                      .Case("portable", "x86-64")
                      .Case("avx2", "haswell")
                      .Case("avxvnni", "alderlake")
                      .Case("avx512", "skylake-avx512")
                      .Case("avx512vnni", "icelake-server")
                      .Case("avx512bf16", "cooperlake")
                      .Default(isa);
  llvm::Expected<TargetSpec> target = getTarget(cpu);
  llvm::Expected<TargetSpec> host = getTarget("native");
  if (!target || !host)
    return llvm::joinErrors(target.takeError(), host.takeError());
  SmallVector<StringRef> features, missing;
  StringRef(target->features).split(features, ',', -1, /*KeepEmpty=*/false);
  for (StringRef feature : features)
    if (!host->has(feature.ltrim('+')))
      missing.push_back(feature.ltrim('+'));
  if (!missing.empty())
    return llvm::createStringError(
        "problem '" + problem.text + "': this machine cannot run code for " +
        isa + ": it has no " + llvm::join(missing, ", "));
  return target;
}

namespace {

/// The types of an op's operands, on tensors or on memrefs.
struct OperandTypes {
  Type input, weight, bias, residual, result;
};

class ProblemCompiler {
public:
  ProblemCompiler(MLIRContext &context, const Problem &p,
                  const TargetSpec &spec, const CostTable &costs)
      : b(&context), loc(b.getUnknownLoc()), p(p), spec(spec), costs(costs),
        module(ModuleOp::create(loc)) {
    setKernelTarget(*module, spec);
    target = KernelTarget::get(*module);
    if (p.vectorBits)
      target.vectorBits = std::min<unsigned>(target.vectorBits, p.vectorBits);
    target.set(*module);
    if (p.tolerance > 0)
      (*module)->setAttr(kFloatToleranceAttr,
                         b.getF64FloatAttr(p.tolerance));
    auto uniform = [&](bool wanted, double scale, int64_t zeroPoint,
                       int64_t bits = 8) {
      return wanted ? UniformAttr::get(&context, scale, zeroPoint, bits)
                    : UniformAttr();
    };
    // Small odd numbers that exercise zero points.
    compiled.input.quant = 
        uniform(p.u8Input, 0.0131, p.inputZero, p.inputBits);
    if (p.int8Input)
      compiled.input.quant =
          UniformAttr::getDynamic(&context, /*group=*/0, p.inputBits);
    compiled.input.bf16 = p.bf16Input;
    compiled.residual.bf16 = p.bf16Residual;
    compiled.result.bf16 = p.bf16Output;
    compiled.residual.quant = uniform(p.u8Residual, 0.0243, 131);
    compiled.result.quant =
        uniform(p.u8Output, 0.0312, p.clampMin == 0 ? 0 : 97);
  }

  llvm::Expected<CompiledProblem> compile(StringRef familyName, bool dump);

private:
  /// Rows of a matmul: as kernels see them, or (`actual`) as they are.
  int64_t rows(bool actual) const {
    return p.dynamic && !actual ? ShapedType::kDynamic : p.samples;
  }
  SmallVector<int64_t> inputShape(bool actual = false) const {
    if (!p.isConv)
      return {rows(actual), p.channels};
    return {p.samples, p.channels, p.height, p.width};
  }
  SmallVector<int64_t> resultShape(bool actual = false) const {
    if (!p.isConv)
      return {rows(actual), p.outputs};
    return {p.samples, p.outputs, p.outputSize(0), p.outputSize(1)};
  }
  SmallVector<int64_t> weightShape() const {
    if (!p.isConv)
      return {p.outputs, p.channels};
    return {p.outputs, p.channels / p.groups, p.kernel[0], p.kernel[1]};
  }
  Type element(const Storage &storage) {
    if (storage.isCodes())
      return b.getI8Type();
    return storage.bf16 ? Type(b.getBF16Type()) : b.getF32Type();
  }

  llvm::Error chooseFormat();
  llvm::Error chooseFamily(StringRef name);
  void widen(BlockedAttr &layout) const;
  ComputeOpInterface createOp(OpBuilder &builder, const OperandTypes &types,
                              ValueRange operands);
  func::FuncOp createFunction(StringRef name, ArrayRef<Type> types);
  SmallVector<Type> list(const OperandTypes &types) const;
  void buildRun();
  void buildDynamicRun(const OperandTypes &types);
  void buildPack(Operation *op);
  llvm::Error split();
  llvm::Error lower(bool dump);
  llvm::Error load();

  OpBuilder b;
  Location loc;
  const Problem &p;
  const TargetSpec &spec;
  const CostTable &costs;
  OwningOpRef<ModuleOp> module;
  KernelTarget target;
  KernelFamily *family = nullptr;
  Attribute packedLayout;
  CompiledProblem compiled;
};

} // namespace

llvm::Error ProblemCompiler::chooseFormat() {
  if (p.format.empty())
    return llvm::Error::success();
  llvm::Expected<FormatAttrInterface> format =
      parseFormat(p.format, b.getContext());
  if (!format)
    return format.takeError();
  compiled.format = *format;
  int64_t group = compiled.format.getIntegerGroup(p.channels);
  if (p.int8Groups && group != p.channels)
    compiled.input.quant =
        UniformAttr::getDynamic(b.getContext(), group, p.inputBits);
  return llvm::Error::success();
}

SmallVector<Type> ProblemCompiler::list(const OperandTypes &types) const {
  SmallVector<Type> result = {types.input, types.weight};
  if (p.bias)
    result.push_back(types.bias);
  if (p.residual)
    result.push_back(types.residual);
  result.push_back(types.result);
  return result;
}

func::FuncOp ProblemCompiler::createFunction(StringRef name,
                                             ArrayRef<Type> types) {
  OpBuilder builder = OpBuilder::atBlockEnd(module->getBody());
  auto function = func::FuncOp::create(builder, loc, name,
                                       builder.getFunctionType(types, {}));
  function.addEntryBlock();
  builder.setInsertionPointToEnd(&function.getBody().front());
  func::ReturnOp::create(builder, loc);
  return function;
}

ComputeOpInterface ProblemCompiler::createOp(OpBuilder &builder,
                                             const OperandTypes &types,
                                             ValueRange operands) {
  size_t next = 2;
  Value bias = p.bias ? operands[next++] : Value();
  Value residual = p.residual ? operands[next++] : Value();
  Value init = operands[next];
  SmallVector<Type> results;
  if (isa<RankedTensorType>(types.result))
    results.push_back(types.result);
  RangeAttr clamp;
  if (!std::isinf(p.clampMin) || !std::isinf(p.clampMax))
    clamp = RangeAttr::get(builder.getContext(), p.clampMin, p.clampMax);
  if (p.isConv)
    return ConvOp::create(builder, loc, results, operands[0], operands[1], bias,
                          residual, init, weightShape(), p.strides, p.dilations,
                          p.pads, p.groups, clamp, compiled.input.layout,
                          compiled.residual.layout, compiled.result.layout,
                          compiled.input.quant, compiled.residual.quant,
                          compiled.result.quant, StringAttr());
  return MatmulOp::create(builder, loc, results, operands[0], operands[1], bias,
                          residual, init, weightShape(), /*weight_axis=*/0,
                          clamp, compiled.input.quant, compiled.residual.quant,
                          compiled.result.quant, StringAttr());
}

void ProblemCompiler::widen(BlockedAttr &layout) const {
  if (layout)
    layout = BlockedAttr::get(
        layout.getContext(), layout.getShape(), layout.getBlock(),
        layout.getTop() + p.border, layout.getLeft() + p.border,
        layout.getBottom() + p.border, layout.getRight() + p.border);
}

/// Asks the families about the op on tensors.
llvm::Error ProblemCompiler::chooseFamily(StringRef name) {
  auto plain = [&](ArrayRef<int64_t> shape, Type element) {
    return RankedTensorType::get(shape, element);
  };
  Type weight = plain(weightShape(), b.getF32Type());
  if (compiled.format)
    weight = StoredTensorType::get(b.getContext(), weightShape(), 0,
                                   compiled.format);
  OperandTypes types = {plain(inputShape(), element(compiled.input)), weight,
                        plain({p.outputs}, b.getF32Type()),
                        plain(resultShape(), element(compiled.residual)),
                        plain(resultShape(), element(compiled.result))};
  func::FuncOp function = createFunction("problem", list(types));
  OpBuilder builder = OpBuilder::atBlockBegin(&function.getBody().front());
  ComputeOpInterface op = createOp(builder, types, function.getArguments());
  std::string messages;
  ScopedDiagnosticHandler handler(b.getContext(), [&](Diagnostic &diagnostic) {
    messages += diagnostic.str();
    return success();
  });
  if (failed(verify(op)))
    return llvm::createStringError("problem '" + p.text +
                                   "' is not valid: " + messages);
  std::string reasons;
  for (KernelFamily *candidate : getKernelFamilies()) {
    std::string reason;
    if (!name.empty() && candidate->getName() != name)
      continue;
    if (candidate->accepts(op, target, reason)) {
      family = candidate;
      break;
    }
    reasons += (reasons.empty() ? "" : "; ") + candidate->getName().str() +
               ": " + reason;
  }
  if (!family)
    return llvm::createStringError(
        "problem '" + p.text + "' is accepted by no kernel family (" +
        (reasons.empty() ? "none is called '" + name.str() + "'" : reasons) +
        ")");
  KernelLayouts layouts = family->getLayouts(op, target);
  if (!layouts.activations.empty())
    compiled.input.layout = layouts.activations[0];
  if (layouts.activations.size() > 1)
    compiled.residual.layout = layouts.activations[1];
  compiled.result.layout = layouts.result;
  compiled.family = family->getName().str();
  // Without layouts, all that decides about the packed weight is known; and the
  // op still has the weight in its format.
  if (!p.isConv) {
    compiled.packedBytes = family->getPackedBytes(op, target);
    packedLayout = family->getPackedLayout(op, target);
    auto packed = dyn_cast_if_present<PackedAttr>(packedLayout);
    if (packed && packed.getPlanes())
      compiled.planePairs = packed.getBits() * p.inputBits;
    buildPack(op);
  }
  function.erase();
  return llvm::Error::success();
}

/// `run`: the op on memrefs; `pack` beside it.
void ProblemCompiler::buildRun() {
  auto store = [&](Storage &storage, ArrayRef<int64_t> shape) {
    SmallVector<int64_t> physical(shape);
    if (storage.layout)
      physical = storage.layout.getPhysicalShape();
    storage.type = MemRefType::get(physical, element(storage));
  };
  widen(compiled.input.layout);
  widen(compiled.residual.layout);
  widen(compiled.result.layout);
  store(compiled.input, inputShape(true));
  store(compiled.residual, resultShape(true));
  store(compiled.result, resultShape(true));
  OperandTypes types = {compiled.input.type,
                        MemRefType::get({0}, b.getI8Type()),
                        MemRefType::get({p.outputs}, b.getF32Type()),
                        compiled.residual.type, compiled.result.type};
  if (p.dynamic) {
    types.input = MemRefType::get(inputShape(), element(compiled.input));
    types.residual = MemRefType::get(resultShape(), element(compiled.residual));
    types.result = MemRefType::get(resultShape(), element(compiled.result));
  }
  OpBuilder builder(b.getContext());
  if (p.isConv) {
    // The size of the packed weight depends on the layouts.
    func::FuncOp sizing = createFunction("sizing", list(types));
    builder = OpBuilder::atBlockBegin(&sizing.getBody().front());
    compiled.packedBytes = family->getPackedBytes(
        createOp(builder, types, sizing.getArguments()), target);
    sizing.erase();
  }
  types.weight = MemRefType::get({compiled.packedBytes}, b.getI8Type());
  if (p.dynamic)
    return buildDynamicRun(types);
  func::FuncOp function = createFunction("run", list(types));
  builder = OpBuilder::atBlockBegin(&function.getBody().front());
  ComputeOpInterface op = createOp(builder, types, function.getArguments());
  op->setAttr("family", b.getStringAttr(family->getName()));
  if (packedLayout)
    op->setAttr(kPackedLayoutAttr, packedLayout);
  compiled.work = describeWork(op, p.samples);
  if (p.isConv)
    buildPack(op);
}

/// `run` with one argument more, the number of rows.
void ProblemCompiler::buildDynamicRun(const OperandTypes &types) {
  OperandTypes actual = types;
  actual.input = compiled.input.type;
  actual.residual = compiled.residual.type;
  actual.result = compiled.result.type;
  SmallVector<Type> arguments = list(actual);
  arguments.push_back(MemRefType::get({1}, b.getIndexType()));
  func::FuncOp function = createFunction("run", arguments);
  OpBuilder builder = OpBuilder::atBlockBegin(&function.getBody().front());
  Value zero = arith::ConstantIndexOp::create(builder, loc, 0);
  OpFoldResult rows =
      memref::LoadOp::create(builder, loc, function.getArguments().back(), zero)
          .getResult();
  SmallVector<Value> operands;
  for (auto [argument, type] :
       llvm::zip(function.getArguments().drop_back(), list(types))) {
    auto memref = cast<MemRefType>(type);
    if (memref.hasStaticShape()) {
      operands.push_back(argument);
      continue;
    }
    OpFoldResult columns = builder.getIndexAttr(memref.getDimSize(1));
    OpFoldResult one = builder.getIndexAttr(1), none = builder.getIndexAttr(0);
    operands.push_back(memref::ReinterpretCastOp::create(
        builder, loc, memref, argument, none, ArrayRef{rows, columns},
        ArrayRef{columns, one}));
  }
  ComputeOpInterface op = createOp(builder, types, operands);
  op->setAttr("family", b.getStringAttr(family->getName()));
  if (packedLayout)
    op->setAttr(kPackedLayoutAttr, packedLayout);
  compiled.work = describeWork(op, p.samples);
}

void ProblemCompiler::buildPack(Operation *op) {
  auto packed = MemRefType::get({compiled.packedBytes}, b.getI8Type());
  Type weight = MemRefType::get(weightShape(), b.getF32Type());
  StoredTensorType stored;
  if (compiled.format) {
    stored = StoredTensorType::get(b.getContext(), weightShape(), 0,
                                   compiled.format);
    weight = MemRefType::get({stored.getStorageBytes()}, b.getI8Type());
  }
  func::FuncOp function = createFunction("pack", {weight, packed});
  Value source = function.getArgument(0);
  std::unique_ptr<WeightReader> reader =
      stored ? makeStoredReader(source, stored)
             : makeFloatReader(source, weightShape(), 0);
  OpBuilder builder = OpBuilder::atBlockBegin(&function.getBody().front());
  family->emitPack(builder, loc, op, target, *reader, function.getArgument(1));
}

/// Lets threads share the kernel; which part of it `run` does, its caller says.
llvm::Error ProblemCompiler::split() {
  PassManager pm(b.getContext());
  if (failed(parsePassPipeline("mpq-split-kernels{part-ns=0}", pm)))
    return llvm::createStringError("the pass mpq-split-kernels is not registered");
  if (failed(pm.run(*module)))
    return llvm::createStringError("the kernel cannot be split");
  auto run = module->lookupSymbol<func::FuncOp>("run");
  func::CallOp kernel;
  run.walk([&](func::CallOp call) {
    if (call->hasAttr(kPartsAttr))
      kernel = call;
  });
  if (!kernel)
    return llvm::createStringError("the kernel has nothing that " +
                                   llvm::Twine(p.threads) +
                                   " threads could share");
  unsigned operands = kernel.getNumOperands(), count = run.getNumArguments();
  for (unsigned i : {0, 1}) {
    if (failed(run.insertArgument(count + i, b.getIndexType(), {}, loc)))
      return llvm::createStringError("the kernel cannot be split");
    kernel.setOperand(operands - 2 + i, run.getArgument(count + i));
  }
  return llvm::Error::success();
}

llvm::Error ProblemCompiler::lower(bool dump) {
  std::string messages;
  ScopedDiagnosticHandler handler(b.getContext(), [&](Diagnostic &diagnostic) {
    messages += diagnostic.str() + "\n";
    return success();
  });
  PassManager emit(b.getContext()), clean(b.getContext());
  if (failed(parsePassPipeline("mpq-emit-kernels", emit)) ||
      failed(parsePassPipeline("canonicalize,cse", clean)))
    return llvm::createStringError(
        "the pass mpq-emit-kernels is not registered");
  if (succeeded(emit.run(*module))) {
    if (p.threads > 1)
      if (llvm::Error error = split())
        return llvm::createStringError("problem '" + p.text + "': " +
                                       llvm::toString(std::move(error)) +
                                       messages);
    if (failed(clean.run(*module)))
      return llvm::createStringError("problem '" + p.text +
                                     "' does not compile: " + messages);
    if (dump)
      module->print(llvm::outs());
    PassManager toLLVM(b.getContext());
    buildKernelizedToLLVMPipeline(toLLVM);
    if (succeeded(toLLVM.run(*module)))
      return llvm::Error::success();
  }
  return llvm::createStringError("problem '" + p.text +
                                 "' does not compile: " + messages);
}

llvm::Error ProblemCompiler::load() {
  SmallVector<char> object;
  if (llvm::Error error = compileToObject(*module, spec, object))
    return error;
  llvm::MemoryBufferRef buffer(StringRef(object.data(), object.size()),
                               "kernel");
  auto file = llvm::object::ObjectFile::createObjectFile(buffer);
  if (!file)
    return file.takeError();
  for (const llvm::object::SectionRef &section : (*file)->sections())
    if (section.isText())
      compiled.codeBytes += section.getSize();
  compiled.object.assign(object.begin(), object.end());
  auto jit = Jit::load(object);
  if (!jit)
    return jit.takeError();
  compiled.jit = std::move(*jit);
  auto run = compiled.jit->lookup("run"), pack = compiled.jit->lookup("pack");
  if (!run || !pack)
    return llvm::joinErrors(run.takeError(), pack.takeError());
  compiled.run = *run;
  compiled.pack = reinterpret_cast<void (*)(void *, void *)>(*pack);
  return llvm::Error::success();
}

llvm::Expected<CompiledProblem> ProblemCompiler::compile(StringRef familyName,
                                                         bool dump) {
  auto start = std::chrono::steady_clock::now();
  if (costs.getDoubt(spec.cpu).empty() && failed(setTiles(*module, costs)))
    return llvm::createStringError("a tile of the cost table is not valid");
  if (llvm::Error error = chooseFormat())
    return std::move(error);
  if (llvm::Error error = chooseFamily(familyName))
    return std::move(error);
  buildRun();
  if (llvm::Error error = lower(dump))
    return std::move(error);
  if (llvm::Error error = load())
    return std::move(error);
  compiled.seconds =
      std::chrono::duration<double>(std::chrono::steady_clock::now() - start)
          .count();
  return std::move(compiled);
}

llvm::Expected<CompiledProblem>
mpq::compileProblem(MLIRContext &context, const Problem &problem,
                    const TargetSpec &target, StringRef family, bool dump,
                    const CostTable *costs) {
  return ProblemCompiler(context, problem, target,
                         costs ? *costs : CostTable::lookup(target.cpu))
      .compile(family, dump);
}
