//===----------------------------------------------------------------------===//
// Part of MPQ, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//===----------------------------------------------------------------------===//
//
// Text of an op -> kernel family -> object file -> this process.
//
//===----------------------------------------------------------------------===//

#include "Runner.h"

#include "mpq/Execution/Jit.h"
#include "mpq/Execution/Program.h"
#include "mpq/Kernel/KernelBuilder.h"
#include "mpq/Pipeline/Passes.h"
#include "mpq/Support/Registration.h"

#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/Dialect/Linalg/IR/Linalg.h"
#include "mlir/Dialect/SCF/IR/SCF.h"
#include "mlir/IR/Verifier.h"
#include "mlir/InitAllDialects.h"
#include "mlir/Parser/Parser.h"
#include "mlir/Target/LLVMIR/Dialect/All.h"
#include "llvm/TargetParser/Host.h"

#include <gtest/gtest.h>

#include <chrono>
#include <cmath>
#include <cstring>
#include <optional>
#include <random>

using namespace mlir;
using namespace mpq;
using namespace mpq::test;

//===----------------------------------------------------------------------===//
// Buffers
//===----------------------------------------------------------------------===//

static int64_t product(const std::vector<int64_t> &sizes) {
  int64_t result = 1;
  for (int64_t size : sizes)
    result *= size;
  return result;
}

Buffer::Buffer(std::vector<int64_t> shape, Format format)
    : shape(std::move(shape)), format(format) {
  physical = getCount();
  if (format.block) {
    auto [top, left, bottom, right] = format.border;
    int64_t blocks = (this->shape[1] + format.block - 1) / format.block;
    physical = this->shape[0] * blocks * (top + this->shape[2] + bottom) *
               (left + this->shape[3] + right) * format.block;
  }
  // A line of poison behind the buffer tells of writes past the end.
  bytes.resize((physical * elementBytes() + 63) / 64 + 1);
  poison();
}

int64_t Buffer::getCount() const { return product(shape); }

std::string Buffer::getLayout() const {
  if (!format.block)
    return "";
  std::string text = "#mpq.blocked<";
  for (size_t d = 0; d < 4; ++d)
    text += (d ? "x" : "") + std::to_string(shape[d]);
  text += ", block = " + std::to_string(format.block) + ", border = [";
  for (size_t d = 0; d < 4; ++d)
    text += (d ? ", " : "") + std::to_string(format.border[d]);
  return text + "]>";
}

std::string Buffer::getQuant() const {
  if (!format.scale)
    return "";
  char text[100];
  snprintf(text, sizeof text, "#mpq.uniform<scale = %.17e, zero_point = %d>",
           double(format.scale), format.zeroPoint);
  return text;
}

std::string Buffer::getType() const {
  std::vector<int64_t> sizes = shape;
  if (format.block) {
    auto [top, left, bottom, right] = format.border;
    sizes = {shape[0], (shape[1] + format.block - 1) / format.block,
             top + shape[2] + bottom, left + shape[3] + right, format.block};
  }
  std::string text = "memref<";
  for (int64_t size : sizes)
    text += std::to_string(size) + "x";
  return text + (format.scale ? "i8>" : format.bf16 ? "bf16>" : "f32>");
}

int64_t Buffer::offset(int64_t index) const {
  if (!format.block)
    return index;
  int64_t w = index % shape[3], h = index / shape[3] % shape[2],
          c = index / shape[3] / shape[2] % shape[1];
  int64_t n = index / shape[3] / shape[2] / shape[1];
  auto [top, left, bottom, right] = format.border;
  int64_t block = format.block, blocks = (shape[1] + block - 1) / block;
  int64_t row = (n * blocks + c / block) * (top + shape[2] + bottom) + top + h;
  return (row * (left + shape[3] + right) + left + w) * block + c % block;
}

float Buffer::read(int64_t element) const {
  const char *base = bytes.front().bytes;
  if (format.scale)
    return format.scale * (float)(uint8_t(base[element]) - format.zeroPoint);
  float value = 0;
  if (format.bf16) // the upper half of an f32, on machines of little endian
    memcpy(reinterpret_cast<char *>(&value) + 2, base + 2 * element, 2);
  else
    memcpy(&value, base + 4 * element, 4);
  return value;
}

/// The nearest number that bf16 has, half to even.
static float roundToBf16(float value) {
  uint32_t bits;
  memcpy(&bits, &value, 4);
  bits = (bits + 0x7fff + (bits >> 16 & 1)) & 0xffff0000;
  memcpy(&value, &bits, 4);
  return value;
}

void Buffer::write(int64_t element, float value) {
  char *base = bytes.front().bytes;
  if (format.scale) {
    float code = std::nearbyint(value / format.scale) + float(format.zeroPoint);
    base[element] = char(uint8_t(std::min(255.f, std::max(0.f, code))));
  } else if (format.bf16) {
    float rounded = roundToBf16(value);
    memcpy(base + 2 * element, reinterpret_cast<char *>(&rounded) + 2, 2);
  } else {
    memcpy(base + 4 * element, &value, 4);
  }
}

bool Buffer::narrow() {
  if (format.scale)
    return true;
  Buffer old = *this;
  for (int64_t i = 0; i < physical; ++i)
    if (float value = old.read(i);
        !std::isnan(value) && value != roundToBf16(value))
      return false;
  format.bf16 = true;
  for (int64_t i = 0; i < physical; ++i)
    write(i, old.read(i));
  return true;
}

float Buffer::get(int64_t index) const { return read(offset(index)); }
void Buffer::set(int64_t index, float value) { write(offset(index), value); }
float Buffer::at(int64_t n, int64_t c, int64_t h, int64_t w) const {
  return get(((n * shape[1] + c) * shape[2] + h) * shape[3] + w);
}

bool Buffer::equals(const Buffer &other) const {
  return bytes.size() == other.bytes.size() &&
         !memcmp(bytes.data(), other.bytes.data(), bytes.size() * 64);
}

void Buffer::poison() { memset((void *)bytes.data(), 0xAA, bytes.size() * 64); }

/// Calls `f(element, inTail)` for the elements outside the logical ones.
static void forEachExtra(const Buffer &buffer, int64_t physical,
                         std::function<void(int64_t, bool)> f) {
  if (!buffer.format.block)
    return;
  auto [top, left, bottom, right] = buffer.format.border;
  int64_t block = buffer.format.block,
          blocks = (buffer.shape[1] + block - 1) / block;
  int64_t height = top + buffer.shape[2] + bottom,
          width = left + buffer.shape[3] + right;
  for (int64_t e = 0; e < physical; ++e) {
    int64_t lane = e % block, w = e / block % width,
            h = e / block / width % height;
    int64_t channel = e / block / width / height % blocks * block + lane;
    bool border = h < top || h >= top + buffer.shape[2] || w < left ||
                  w >= left + buffer.shape[3];
    if (border || channel >= buffer.shape[1])
      f(e, !border);
  }
}

void Buffer::randomize(unsigned seed) {
  std::mt19937 random(seed);
  std::uniform_real_distribution<float> uniform(-2, 2);
  for (int64_t i = 0; i < getCount(); ++i)
    set(i, roundToBf16(uniform(random)));
  forEachExtra(*this, physical, [&](int64_t element, bool tail) {
    write(element, tail ? 12352.f : 0.f);
  });
}

std::string Buffer::check(const std::function<float(int64_t)> &expected,
                          float tolerance) const {
  auto report = [&](std::string where, float value, float wanted) {
    return where + " is " + std::to_string(value) + " when it should be " +
           std::to_string(wanted);
  };
  for (int64_t i = 0; i < getCount(); ++i) {
    float value = get(i), wanted = expected(i);
    float bound = tolerance * (1 + std::fabs(wanted));
    if (format.bf16) // of the result, and of what kernels leave there meanwhile
      bound += (1 + std::fabs(wanted)) / 128;
    if (format.scale) {
      // Half a step, and a little for the computation of the real itself.
      float lowest = -format.zeroPoint * format.scale,
            highest = (255 - format.zeroPoint) * format.scale;
      wanted = std::min(highest, std::max(lowest, wanted));
      bound += format.scale * 0.501f;
    }
    if (!(std::fabs(value - wanted) <= bound) &&
        !(std::isnan(value) && std::isnan(wanted)) && value != wanted)
      return report("element " + std::to_string(i), value, wanted);
  }
  std::string problem;
  forEachExtra(*this, physical, [&](int64_t element, bool tail) {
    float value = read(element);
    // The poison is a finite float that nothing here computes.
    Buffer poisoned({1}, {0, {}, 0, 0, format.bf16});
    if (problem.empty() &&
        (tail ? !std::isfinite(value) || (!format.scale && value == poisoned.get(0))
              : value != 0))
      problem = report((tail ? "tail " : "border ") + std::to_string(element),
                       value, 0);
  });
  const char *base = bytes.front().bytes;
  for (size_t byte = physical * elementBytes();
       byte < bytes.size() * 64 && problem.empty(); ++byte)
    if (base[byte] != char(0xAA))
      problem =
          "byte " + std::to_string(byte) + " behind the buffer was written";
  return problem;
}

//===----------------------------------------------------------------------===//
// Compiling and running
//===----------------------------------------------------------------------===//

std::vector<std::string> mpq::test::getTestedCpus() {
  std::vector<std::string> cpus = {"x86-64-v2"};
  auto features = llvm::sys::getHostCPUFeatures();
  if (features.lookup("avx2") && features.lookup("fma"))
    cpus.push_back("x86-64-v3");
  if (features.lookup("avx512f"))
    cpus.push_back("native");
  return cpus;
}

/// Replaces $ins and $outs, $attrs (layouts and quantizations of an op with one
/// input) and $lists (those of a map).
static std::string makeFunction(const Case &test, size_t index) {
  std::string arguments, names, types;
  for (size_t i = 0; i < test.inputs.size(); ++i) {
    std::string name = "%i" + std::to_string(i),
                type = test.inputs[i].getType();
    arguments += name + ": " + type + ", ";
    names += (i ? ", " : "") + name;
    types += (i ? ", " : "") + type;
  }
  std::string text = test.op;
  auto replace = [&](const std::string &key, const std::string &value) {
    for (size_t at; (at = text.find(key)) != std::string::npos;)
      text.replace(at, key.size(), value);
  };
  std::string attributes;
  auto add = [&](const std::string &name, const std::string &value) {
    if (!value.empty())
      attributes += (attributes.empty() ? "" : ", ") + name + " = " + value;
  };
  add("input_layout", test.inputs[0].getLayout());
  add("input_quant", test.inputs[0].getQuant());
  add("output_layout", test.output.getLayout());
  add("output_quant", test.output.getQuant());
  auto list = [&](std::string (Buffer::*get)() const) {
    std::string items;
    for (const Buffer &input : test.inputs)
      items += (items.empty() ? "" : ", ") +
               ((input.*get)().empty() ? "unit" : (input.*get)());
    return "[" + items + "]";
  };
  std::string lists = "input_layouts = " + list(&Buffer::getLayout) +
                      ", input_quants = " + list(&Buffer::getQuant);
  if (!test.output.getLayout().empty())
    lists += ", output_layout = " + test.output.getLayout();
  if (!test.output.getQuant().empty())
    lists += ", output_quant = " + test.output.getQuant();
  replace("$lists", lists);
  replace("$attrs", attributes.empty() ? "dummy" : attributes);
  replace("$ins", "ins(" + names + " : " + types + ")");
  replace("$outs", "outs(%o : " + test.output.getType() + ")");
  return "func.func @f" + std::to_string(index) + "(" + arguments +
         "%o: " + test.output.getType() + ") {\n" + text + "\nreturn\n}\n";
}

/// The target of `module`, with vectors of at most so many bits.
static KernelTarget setTarget(ModuleOp module, const TargetSpec &spec,
                              unsigned vectorBits) {
  setKernelTarget(module, spec);
  KernelTarget target = KernelTarget::get(module);
  target.vectorBits = std::min(target.vectorBits, vectorBits);
  return target;
}

/// Replaces the op of a function by its kernel.
static std::string emitKernel(func::FuncOp function, const std::string &family,
                              const KernelTarget &target) {
  // Casts may come before it.
  Operation *op = &*llvm::find_if(
      function.front(), [](Operation &op) {
        return isa<ComputeOpInterface, linalg::GenericOp>(op);
      });
  std::string reason;
  KernelFamily *chosen = family.empty() ? chooseKernelFamily(op, target).family
                                        : lookupKernelFamily(family);
  if (!chosen) {
    ADD_FAILURE() << "no family " << family;
    return "";
  }
  EXPECT_TRUE(chosen->accepts(op, target, reason))
      << chosen->getName().str() << ": " << reason;
  OpBuilder builder(op);
  chosen->emit(builder, op->getLoc(), op, target, op->getOperands());
  op->erase();
  return chosen->getName().str();
}

static double timeCall(const std::function<void()> &call, int repeat) {
  double best = 1e30;
  for (int r = 0; r < repeat; ++r) {
    auto start = std::chrono::steady_clock::now();
    for (int i = 0; i < 10; ++i)
      call();
    std::chrono::duration<double, std::nano> time =
        std::chrono::steady_clock::now() - start;
    best = std::min(best, time.count() / 10);
  }
  return best;
}

/// Surplus arguments are ignored by the C calling convention.
static void callKernel(void *function, std::vector<void *> p) {
  ASSERT_LE(p.size(), 7u) << "too many operands";
  p.resize(7);
  using P = void *;
  reinterpret_cast<void (*)(P, P, P, P, P, P, P)>(function)(
      p[0], p[1], p[2], p[3], p[4], p[5], p[6]);
}

/// Compares the result of `parts` parts, the last of them first, with that of
/// one: every byte, and what lies behind.
static void runParts(void *function, Case &test, std::vector<void *> pointers) {
  auto run = [&](int64_t parts) {
    test.output.poison();
    for (int64_t part = parts; part-- > 0;) {
      std::vector<void *> arguments = pointers;
      arguments.push_back(reinterpret_cast<void *>(part));
      arguments.push_back(reinterpret_cast<void *>(parts));
      callKernel(function, arguments);
    }
  };
  for (int64_t parts : {2, 3, 7}) {
    run(parts);
    Buffer shared = test.output;
    run(1);
    EXPECT_TRUE(shared.equals(test.output))
        << test.name << " by " << test.chosen << " in " << parts << " parts";
  }
}

static bool isParallel(func::FuncOp kernel) {
  auto result = kernel.walk([](scf::ForOp loop) {
    return loop->hasAttr(kParallelAttr) ? WalkResult::interrupt()
                                        : WalkResult::advance();
  });
  return result.wasInterrupted();
}

/// Gives kernels a part and the number of parts as further arguments, but for
/// those with a single unit of work: they stay as they are.
static LogicalResult splitKernels(ModuleOp module, std::vector<Case> &cases) {
  PassManager pm(module.getContext());
  SplitKernelsPassOptions options;
  options.partNanoseconds = 0;
  pm.addPass(createSplitKernelsPass(options));
  if (failed(pm.run(module)))
    return failure();
  for (size_t i = 0; i < cases.size(); ++i) {
    auto kernel = module.lookupSymbol<func::FuncOp>("f" + std::to_string(i));
    cases[i].isParallel =
        kernel.getNumArguments() == cases[i].inputs.size() + 3;
  }
  return success();
}

/// Compiles the cases into functions @f0, @f1, ...; if `shared`, as threads
/// call them. Null after a failure.
static std::unique_ptr<Jit> compile(std::vector<Case> &cases,
                                    const std::string &cpu, bool shared) {
  auto [name, bits] = llvm::StringRef(cpu).split('/');
  llvm::Expected<TargetSpec> spec = getTarget(name);
  auto fail = [](const llvm::Twine &message) {
    ADD_FAILURE() << message.str();
    return nullptr;
  };
  if (!spec)
    return fail(llvm::toString(spec.takeError()));
  unsigned vectorBits = 512;
  bits.getAsInteger(10, vectorBits);
  DialectRegistry registry;
  registerAllDialects(registry);
  registerAllComponents(registry);
  registerAllToLLVMIRTranslations(registry);
  MLIRContext context(registry, MLIRContext::Threading::DISABLED);
  context.loadAllAvailableDialects();
  std::string text;
  for (size_t i = 0; i < cases.size(); ++i)
    text += makeFunction(cases[i], i);
  OwningOpRef<ModuleOp> module = parseSourceString<ModuleOp>(text, &context);
  if (!module)
    return fail(text);
  KernelTarget target = setTarget(*module, *spec, vectorBits);
  for (size_t i = 0; i < cases.size(); ++i) {
    auto function = module->lookupSymbol<func::FuncOp>("f" + std::to_string(i));
    cases[i].chosen = emitKernel(function, cases[i].family, target);
    cases[i].isParallel = isParallel(function);
    if (failed(verify(function)))
      return fail(cases[i].name + ": kernel does not verify");
  }
  if (shared && failed(splitKernels(*module, cases)))
    return fail("kernels cannot be split");
  PassManager pm(&context);
  buildKernelizedToLLVMPipeline(pm);
  if (failed(pm.run(*module)))
    return fail("pipeline failed");
  llvm::SmallVector<char> object;
  if (llvm::Error error = compileToObject(*module, *spec, object))
    return fail(llvm::toString(std::move(error)));
  auto jit = Jit::load(object);
  if (!jit)
    return fail(llvm::toString(jit.takeError()));
  return std::move(*jit);
}

static std::vector<double> runOnce(std::vector<Case> &cases,
                                   const std::string &cpu, bool shared,
                                   int repeat) {
  std::unique_ptr<Jit> jit = compile(cases, cpu, shared);
  std::vector<double> times;
  for (size_t i = 0; jit && i < cases.size(); ++i) {
    Case &test = cases[i];
    auto address = jit->lookup("f" + std::to_string(i));
    if (!address) {
      ADD_FAILURE() << llvm::toString(address.takeError());
      break;
    }
    std::vector<void *> pointers;
    for (Buffer &input : test.inputs)
      pointers.push_back(input.data());
    test.output.poison();
    pointers.push_back(test.output.data());
    if (shared && test.isParallel)
      runParts(*address, test, pointers);
    else
      callKernel(*address, pointers);
    std::string problem = test.output.check(test.expected, test.tolerance);
    EXPECT_EQ(problem, "") << test.name << " by " << test.chosen << " on "
                           << cpu;
    if (repeat)
      times.push_back(
          timeCall([&] { callKernel(*address, pointers); }, repeat));
  }
  return times;
}

/// `test` with all floats stored as bf16, where they can be.
static std::optional<Case> makeNarrow(const Case &test) {
  Case narrow = test;
  narrow.name += " in bf16";
  for (Buffer &input : narrow.inputs)
    if (!input.narrow())
      return std::nullopt;
  Format format = test.output.format;
  format.bf16 = !format.scale;
  narrow.output = Buffer(test.output.shape, format);
  // The types of the buffers are all that ends so.
  const std::string from = "xf32>", to = "xbf16>";
  for (size_t at = 0; (at = narrow.op.find(from, at)) != std::string::npos;)
    narrow.op.replace(at, from.size(), to);
  return narrow;
}

std::vector<double> mpq::test::runCases(std::vector<Case> &cases,
                                        const std::string &cpu, int repeat) {
  std::vector<double> times = runOnce(cases, cpu, /*shared=*/false, repeat);
  if (repeat)
    return times;
  // Compiling takes long, and how work is shared does not depend on the CPU.
  std::vector<Case> narrow, shared;
  for (size_t i = 0; i < cases.size(); i += 4)
    if (std::optional<Case> other = makeNarrow(cases[i]))
      narrow.push_back(std::move(*other));
  runOnce(narrow, cpu, /*shared=*/false, 0);
  size_t step = std::max<size_t>(3, cases.size() / 6);
  for (size_t i = 0; cpu == getTestedCpus().back() && i < cases.size();
       i += step)
    if (cases[i].isParallel)
      shared.push_back(cases[i]);
  runOnce(shared, cpu, /*shared=*/true, 0);
  return times;
}
