//===----------------------------------------------------------------------===//
// Part of MPQ, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//===----------------------------------------------------------------------===//
//
// From a problem to machine code and back to logical values.
//
//===----------------------------------------------------------------------===//

#include "Compiled.h"

#include "mpq/Execution/Program.h"

#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/IR/Verifier.h"
#include "mlir/InitAllDialects.h"
#include "mlir/Target/LLVMIR/Dialect/All.h"

#include <cstring>
#include <sys/mman.h>
#include <unistd.h>

using namespace mlir;
using namespace mpq;
using namespace mpq::test;

namespace mpq {
void registerDialectMPQ(DialectRegistry &);
void registerKernelFamilyReferenceConv(DialectRegistry &);
void registerKernelFamilyReferenceMatmul(DialectRegistry &);
void registerKernelFamilyConvVnni(DialectRegistry &);
void registerKernelFamilyMatmulVnni(DialectRegistry &);
void registerKernelFamilyMatmulPacked(DialectRegistry &);
void registerKernelFamilyMatmulLookupInt8(DialectRegistry &);
void registerKernelFamilyMatmulTernary(DialectRegistry &);
void registerKernelFamilyMatmulPopcount(DialectRegistry &);
} // namespace mpq

//===----------------------------------------------------------------------===//
// Memory
//===----------------------------------------------------------------------===//

static constexpr char kPoison = char(0xAA), kCanary = char(0xCD);

GuardedBuffer::GuardedBuffer(size_t bytes) : bytes(bytes) {
  size_t page = sysconf(_SC_PAGESIZE);
  mapped = (bytes + page - 1) / page * page + page;
  map = static_cast<char *>(mmap(nullptr, mapped + page, PROT_READ | PROT_WRITE,
                                 MAP_PRIVATE | MAP_ANONYMOUS, -1, 0));
  mapped += page;
  memset(map, kCanary, mapped - page);
  mprotect(map + mapped - page, page, PROT_NONE);
  begin = map + mapped - page - bytes;
}

GuardedBuffer::GuardedBuffer(GuardedBuffer &&other)
    : map(other.map), begin(other.begin), mapped(other.mapped),
      bytes(other.bytes) {
  other.map = nullptr;
}

GuardedBuffer::~GuardedBuffer() {
  if (map)
    munmap(map, mapped);
}

bool GuardedBuffer::isIntact() const {
  return std::all_of(map, begin, [](char c) { return c == kCanary; });
}

/// The element index of a logical value.
static int64_t getOffset(BlockedAttr layout, ArrayRef<int64_t> shape,
                         int64_t index) {
  if (!layout)
    return index;
  int64_t w = index % shape[3], h = index / shape[3] % shape[2];
  int64_t c = index / shape[3] / shape[2] % shape[1],
          n = index / shape[3] / shape[2] / shape[1];
  int64_t block = layout.getBlock();
  int64_t plane = n * layout.getChannelBlocks() + c / block;
  int64_t row = plane * layout.getPaddedHeight() + layout.getTop() + h;
  return (row * layout.getPaddedWidth() + layout.getLeft() + w) * block +
         c % block;
}

/// Calls `visit(element, isTail)` for everything that is no logical value.
template <typename Visit>
static void visitExtra(BlockedAttr layout, Visit visit) {
  if (!layout)
    return;
  ArrayRef<int64_t> shape = layout.getShape();
  int64_t element = 0;
  for (int64_t plane = 0; plane < shape[0] * layout.getChannelBlocks(); ++plane)
    for (int64_t h = 0; h < layout.getPaddedHeight(); ++h)
      for (int64_t w = 0; w < layout.getPaddedWidth(); ++w)
        for (int64_t c = 0; c < layout.getBlock(); ++c, ++element) {
          int64_t y = h - layout.getTop(), x = w - layout.getLeft();
          bool border = y < 0 || y >= shape[2] || x < 0 || x >= shape[3];
          bool tail =
              plane % layout.getChannelBlocks() * layout.getBlock() + c >=
              shape[1];
          if (border || tail)
            visit(element, !border);
        }
}

static void fillActivation(char *to, const std::vector<float> &values,
                           BlockedAttr layout,
                           const std::vector<int64_t> &shape,
                           const Quant &quant) {
  auto write = [&](int64_t element, float value) {
    if (quant.isStored())
      to[element] = char(uint8_t(value));
    else
      reinterpret_cast<float *>(to)[element] = value;
  };
  visitExtra(layout, [&](int64_t element, bool tail) {
    write(element, tail ? 77.f : quant.isStored() ? quant.zeroPoint : 0.f);
  });
  for (size_t i = 0; i < values.size(); ++i)
    write(getOffset(layout, shape, i), values[i]);
}

//===----------------------------------------------------------------------===//
// Running
//===----------------------------------------------------------------------===//

void CompiledProblem::pack() {
  const GuardedBuffer &packed = buffers[2];
  memset(packed.data(), kPoison, packed.size());
  reinterpret_cast<void (*)(void *, void *)>(packFunction)(buffers[0].data(),
                                                           packed.data());
}

void CompiledProblem::call() const {
  void *p[5] = {};
  for (size_t i = 1; i < buffers.size(); ++i)
    p[i - 1] = buffers[i].data();
  using Function = void (*)(void *, void *, void *, void *, void *);
  // Further arguments are ignored.
  reinterpret_cast<Function>(runFunction)(p[0], p[1], p[2], p[3], p[4]);
}

void CompiledProblem::run() {
  memset(destination().data(), kPoison, destination().size());
  call();
}

std::string CompiledProblem::check(double tolerance) const {
  for (const GuardedBuffer &buffer : buffers)
    if (!buffer.isIntact())
      return "memory before a buffer was written";
  const char *bytes = destination().data();
  const float *reals = reinterpret_cast<const float *>(bytes);
  bool stored = problem.output.isStored();
  std::string result;
  auto report = [&](const char *what, int64_t at, double value, double wanted) {
    if (result.empty())
      result = std::string(what) + " " + std::to_string(at) + " is " +
               std::to_string(value) + " when it should be " +
               std::to_string(wanted);
  };
  Expected expected = compute(problem, data, weight);
  for (size_t i = 0; i < expected.real.size(); ++i) {
    int64_t at = getOffset(outputLayout, problem.outputShape(), i);
    double slack = tolerance * (expected.magnitude[i] + 1e-3);
    if (!stored) {
      if (!(std::fabs(reals[at] - expected.real[i]) <= slack))
        report("real", i, reals[at], expected.real[i]);
      continue;
    }
    double steps = expected.real[i] / problem.output.scale;
    double doubt = 1e-4 + slack / problem.output.scale;
    auto encode = [&](double steps) {
      return std::clamp(std::nearbyint(steps) + problem.output.zeroPoint, 0.0,
                        255.0);
    };
    double code = uint8_t(bytes[at]);
    if (code < encode(steps - doubt) || code > encode(steps + doubt))
      report("code", i, code, steps + problem.output.zeroPoint);
  }
  visitExtra(outputLayout, [&](int64_t at, bool tail) {
    double value = stored ? uint8_t(bytes[at]) : reals[at];
    double zero = stored ? problem.output.zeroPoint : 0;
    uint32_t bits = 0;
    if (!stored)
      memcpy(&bits, reals + at, 4);
    if (tail ? !std::isfinite(value) || bits == 0xAAAAAAAA : value != zero)
      report(tail ? "tail" : "border", at, value, zero);
  });
  return result;
}

//===----------------------------------------------------------------------===//
// Compiling
//===----------------------------------------------------------------------===//

static DialectRegistry makeRegistry() {
  DialectRegistry registry;
  registerAllDialects(registry);
  registerAllToLLVMIRTranslations(registry);
  registerDialectMPQ(registry);
  registerKernelFamilyReferenceConv(registry);
  registerKernelFamilyReferenceMatmul(registry);
  registerKernelFamilyConvVnni(registry);
  registerKernelFamilyMatmulVnni(registry);
  registerKernelFamilyMatmulPacked(registry);
  registerKernelFamilyMatmulLookupInt8(registry);
  registerKernelFamilyMatmulTernary(registry);
  registerKernelFamilyMatmulPopcount(registry);
  return registry;
}

Compiler::Compiler(const std::string &cpu)
    : context(makeRegistry(), MLIRContext::Threading::DISABLED) {
  context.loadAllAvailableDialects();
  spec = llvm::cantFail(mpq::getTarget(cpu));
  OwningOpRef<ModuleOp> empty = ModuleOp::create(UnknownLoc::get(&context));
  setKernelTarget(*empty, spec);
  target = KernelTarget::get(*empty);
}

Type Compiler::getType(const std::vector<int64_t> &shape, BlockedAttr layout,
                       const Quant &quant, bool onMemRefs) {
  Builder b(&context);
  Type element = quant.isStored() ? Type(b.getI8Type()) : b.getF32Type();
  if (onMemRefs)
    return MemRefType::get(layout ? ArrayRef<int64_t>(layout.getPhysicalShape())
                                  : ArrayRef(shape),
                           element);
  return layout ? layout.getTensorType(element)
                : RankedTensorType::get(shape, element);
}

Operation *Compiler::buildOp(const CompiledProblem &c, StringRef name,
                             bool onMemRefs) {
  const Problem &p = c.problem;
  OpBuilder b = OpBuilder::atBlockEnd(module->getBody());
  Location loc = b.getUnknownLoc();
  auto shaped = [&](ArrayRef<int64_t> shape, Type element) -> Type {
    return onMemRefs ? Type(MemRefType::get(shape, element))
                     : RankedTensorType::get(shape, element);
  };
  SmallVector<Type> types = {
      getType(p.inputShape(), c.inputLayout, p.input, onMemRefs)};
  if (onMemRefs)
    types.push_back(MemRefType::get({c.packedBytes}, b.getI8Type()));
  else if (p.format.empty())
    types.push_back(RankedTensorType::get(p.weightShape(), b.getF32Type()));
  else
    types.push_back(
        StoredTensorType::get(&context, p.weightShape(), 0,
                              llvm::cantFail(parseFormat(p.format, &context))));
  if (p.hasBias)
    types.push_back(shaped({p.oc}, b.getF32Type()));
  if (p.hasResidual)
    types.push_back(
        getType(p.outputShape(), c.residualLayout, p.residual, onMemRefs));
  Type result = getType(p.outputShape(), c.outputLayout, p.output, onMemRefs);
  types.push_back(result);

  auto function =
      func::FuncOp::create(b, loc, name, b.getFunctionType(types, {}));
  b.setInsertionPointToStart(function.addEntryBlock());
  auto args = function.getArguments();
  Value bias = p.hasBias ? Value(args[2]) : Value();
  Value residual = p.hasResidual ? Value(args[args.size() - 2]) : Value();
  auto quant = [&](const Quant &q) {
    return q.isStored() || q.dynamic
               ? UniformAttr::get(&context, q.scale, q.zeroPoint)
               : UniformAttr();
  };
  RangeAttr clamp = p.hasClamp()
                        ? RangeAttr::get(&context, p.clampMin, p.clampMax)
                        : RangeAttr();
  SmallVector<Type> results;
  if (!onMemRefs)
    results.push_back(result);
  Operation *op;
  if (p.isMatmul)
    op =
        MatmulOp::create(b, loc, results, args[0], args[1], bias, residual,
                         args.back(), p.weightShape(), 0, clamp, quant(p.input),
                         quant(p.residual), quant(p.output), StringAttr());
  else
    op = ConvOp::create(b, loc, results, args[0], args[1], bias, residual,
                        args.back(), p.weightShape(), p.strides, p.dilations,
                        p.pads, p.groups, clamp, c.inputLayout,
                        c.residualLayout, c.outputLayout, quant(p.input),
                        quant(p.residual), quant(p.output), StringAttr());
  func::ReturnOp::create(b, loc);
  return op;
}

void Compiler::choose(CompiledProblem &c, KernelFamily &family) {
  Operation *op = buildOp(c, "accept", false);
  if (failed(verify(op)))
    c.rejection = "the op does not verify";
  else if (family.accepts(op, target, c.rejection)) {
    const Problem &p = c.problem;
    KernelLayouts layouts = family.getLayouts(op, target);
    auto finish = [&](BlockedAttr layout, std::vector<int64_t> shape) {
      if (!layout && p.block)
        layout = BlockedAttr::get(&context, shape, p.block, 0, 0, 0, 0);
      if (!layout)
        return layout;
      auto &more = p.extraBorder;
      return BlockedAttr::get(
          &context, layout.getShape(), layout.getBlock(),
          layout.getTop() + more[0], layout.getLeft() + more[1],
          layout.getBottom() + more[2], layout.getRight() + more[3]);
    };
    c.inputLayout = finish(layouts.activations[0], p.inputShape());
    if (p.hasResidual)
      c.residualLayout = finish(layouts.activations[1], p.outputShape());
    c.outputLayout = finish(layouts.result, p.outputShape());
  }
  op->getParentOp()->erase();
}

void Compiler::emit(CompiledProblem &c, KernelFamily &family, int index) {
  const Problem &p = c.problem;
  Operation *op = buildOp(c, "on_tensors", false);
  c.packedBytes = family.getPackedBytes(op, target);
  Attribute packedLayout = family.getPackedLayout(op, target);
  auto stored = dyn_cast<StoredTensorType>(op->getOperand(1).getType());
  OpBuilder b = OpBuilder::atBlockEnd(module->getBody());
  Location loc = b.getUnknownLoc();
  Type source = stored
                    ? MemRefType::get({stored.getStorageBytes()}, b.getI8Type())
                    : MemRefType::get(p.weightShape(), b.getF32Type());
  auto function = func::FuncOp::create(
      b, loc, "pack" + std::to_string(index),
      b.getFunctionType(
          {source, MemRefType::get({c.packedBytes}, b.getI8Type())}, {}));
  b.setInsertionPointToStart(function.addEntryBlock());
  func::ReturnOp::create(b, loc);
  b.setInsertionPoint(&function.front().back());
  Value from = function.getArgument(0);
  std::unique_ptr<WeightReader> reader =
      stored ? makeStoredReader(from, stored)
             : makeFloatReader(from, p.weightShape(), 0);
  family.emitPack(b, loc, op, target, *reader, function.getArgument(1));

  // The payload, and what it stands for.
  c.weight = c.data.weight;
  if (stored) {
    c.payload.resize(stored.getStorageBytes());
    stored.getFormat().encode(c.data.weight, p.oc, p.k(), c.payload);
    stored.getFormat().decode(c.payload, p.oc, p.k(), c.weight);
  } else {
    const char *bytes = reinterpret_cast<const char *>(c.weight.data());
    c.payload.assign(bytes, bytes + c.weight.size() * sizeof(float));
  }
  op->getParentOp()->erase();

  op = buildOp(c, "run" + std::to_string(index), true);
  auto kernel = cast<func::FuncOp>(op->getParentOp());
  for (unsigned i = 0; i < kernel.getNumArguments(); ++i)
    kernel.setArgAttr(i, "llvm.noalias", b.getUnitAttr());
  b.setInsertionPoint(op);
  if (packedLayout)
    op->setAttr(kPackedLayoutAttr, packedLayout);
  family.emit(b, loc, op, target, kernel.getArguments());
  op->erase();
}

void Compiler::allocate(CompiledProblem &c) {
  const Problem &p = c.problem;
  auto bytesOf = [&](const std::vector<int64_t> &shape, BlockedAttr layout,
                     const Quant &quant) {
    auto type = cast<MemRefType>(getType(shape, layout, quant, true));
    return size_t(type.getNumElements() * (quant.isStored() ? 1 : 4));
  };
  auto copy = [&](const void *from, size_t bytes) {
    c.buffers.emplace_back(bytes);
    memcpy(c.buffers.back().data(), from, bytes);
  };
  copy(c.payload.data(), c.payload.size());
  c.buffers.emplace_back(bytesOf(p.inputShape(), c.inputLayout, p.input));
  fillActivation(c.buffers.back().data(), c.data.input, c.inputLayout,
                 p.inputShape(), p.input);
  c.buffers.emplace_back(c.packedBytes);
  if (p.hasBias)
    copy(c.data.bias.data(), c.data.bias.size() * sizeof(float));
  if (p.hasResidual) {
    c.buffers.emplace_back(
        bytesOf(p.outputShape(), c.residualLayout, p.residual));
    fillActivation(c.buffers.back().data(), c.data.residual, c.residualLayout,
                   p.outputShape(), p.residual);
  }
  c.buffers.emplace_back(bytesOf(p.outputShape(), c.outputLayout, p.output));
}

llvm::Expected<std::vector<CompiledProblem>>
Compiler::compile(StringRef name, const std::vector<Problem> &problems) {
  KernelFamily *family = lookupKernelFamily(name);
  if (!family)
    return llvm::createStringError("no family " + name);
  module = ModuleOp::create(UnknownLoc::get(&context));
  std::vector<CompiledProblem> compiled;
  for (const Problem &problem : problems) {
    CompiledProblem &c = compiled.emplace_back(problem);
    choose(c, *family);
    if (c.rejection.empty()) {
      emit(c, *family, compiled.size() - 1);
      allocate(c);
    }
  }
  if (failed(verify(*module)))
    return llvm::createStringError("the kernels do not verify");
  PassManager pm(&context);
  buildKernelizedToLLVMPipeline(pm);
  SmallVector<char> object;
  if (failed(pm.run(*module)))
    return llvm::createStringError("the kernels do not lower");
  if (llvm::Error error = compileToObject(*module, spec, object))
    return std::move(error);
  if (const char *path = getenv("MPQ_KERNEL_OBJECT")) {
    std::error_code code;
    llvm::raw_fd_ostream(path, code) << StringRef(object.data(), object.size());
  }
  auto jit = Jit::load(object);
  if (!jit)
    return jit.takeError();
  for (auto [index, c] : llvm::enumerate(compiled)) {
    if (!c.rejection.empty())
      continue;
    auto pack = (*jit)->lookup("pack" + std::to_string(index));
    auto run = (*jit)->lookup("run" + std::to_string(index));
    if (!pack || !run)
      return llvm::joinErrors(pack.takeError(), run.takeError());
    c.packFunction = *pack;
    c.runFunction = *run;
    c.pack();
  }
  jits.push_back(std::move(*jit));
  return compiled;
}
