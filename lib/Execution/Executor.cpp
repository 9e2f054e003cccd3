//===----------------------------------------------------------------------===//
// Part of MPQ, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//===----------------------------------------------------------------------===//
//
// Running a program over a data set on all cores.
//
//===----------------------------------------------------------------------===//

#include "mpq/Execution/Executor.h"

#include "llvm/Support/ThreadPool.h"
#include "llvm/Support/Threading.h"

#include <atomic>
#include <cmath>
#include <cstring>

using namespace mlir;
using namespace mpq;

MLIR_DEFINE_EXPLICIT_TYPE_ID(mpq::SampleAction)

//===----------------------------------------------------------------------===//
// Dataset
//===----------------------------------------------------------------------===//

/// numpy's type for an element type of MLIR, if it has one.
static std::optional<NpyType> getNpyType(Type type) {
  if (type.isF32())
    return NpyType::F32;
  if (type.isF64())
    return NpyType::F64;
  if (type.isF16())
    return NpyType::F16;
  auto integer = dyn_cast<IntegerType>(type);
  if (!integer)
    return std::nullopt;
  bool isUnsigned = integer.isUnsigned();
  switch (integer.getWidth()) {
  case 1:
    return NpyType::Bool;
  case 8:
    return isUnsigned ? NpyType::U8 : NpyType::I8;
  case 16:
    return isUnsigned ? NpyType::U16 : NpyType::I16;
  case 32:
    return isUnsigned ? NpyType::U32 : NpyType::I32;
  case 64:
    return isUnsigned ? NpyType::U64 : NpyType::I64;
  default:
    return std::nullopt;
  }
}

/// Checks that `array` holds samples of `tensor`.
static llvm::Error checkArray(StringRef path, const NpyArray &array, const ProgramTensor &tensor) {
  ArrayRef<int64_t> sample = tensor.type.getShape();
  std::optional<NpyType> type = getNpyType(tensor.type.getElementType());
  if (!type || array.type != *type)
    return llvm::createStringError(path + ": array '" + array.name + "' holds " + getName(array.type) +
                                   " when the model's input takes " + (type ? getName(*type) : "another type"));
  bool fits = array.shape.size() == sample.size() && !sample.empty() &&
              ArrayRef<int64_t>(array.shape).drop_front() == sample.drop_front() && array.shape[0] % sample[0] == 0;
  if (!fits)
    return llvm::createStringError(path + ": array '" + array.name + "' has the shape " + formatShape(array.shape) +
                                   " when samples of the model's input have " + formatShape(sample));
  if (array.type == NpyType::F32)
    for (auto [index, value] : llvm::enumerate(array.as<float>()))
      if (!std::isfinite(value))
        return llvm::createStringError(path + ": array '" + array.name + "' holds the value " +
                                       (std::isnan(value) ? "nan" : "inf") + " at element " + Twine(index));
  return llvm::Error::success();
}

llvm::Expected<Dataset> Dataset::load(StringRef path, ArrayRef<ProgramTensor> inputs) {
  llvm::Expected<std::vector<NpyArray>> arrays = readNpz(path);
  if (!arrays)
    return arrays.takeError();
  Dataset data;
  for (const ProgramTensor &input : inputs) {
    llvm::Expected<const NpyArray *> found = findArray(*arrays, input.name, path);
    if (!found)
      return found.takeError();
    NpyArray &array = (*arrays)[*found - arrays->data()];
    if (llvm::Error error = checkArray(path, array, input))
      return std::move(error);
    int64_t samples = array.shape[0] / input.type.getDimSize(0);
    if (data.arrays.empty())
      data.samples = samples;
    if (samples != data.samples || samples == 0)
      return llvm::createStringError(path + ": array '" + array.name + "' holds " + Twine(samples) +
                                     " samples when the one before holds " + Twine(data.samples));
    data.strides.push_back(input.getNumBytes());
    data.arrays.push_back(std::move(array));
  }
  if (data.samples == 0)
    return llvm::createStringError(path + ": the model has no inputs to take samples for");
  return data;
}

//===----------------------------------------------------------------------===//
// Runner: one thread's memory
//===----------------------------------------------------------------------===//

/// The arena, results and argument list of one run at a time.
class Executor::Runner {
public:
  Runner(const Program &program, char *weights, char *prepared)
      : program(program), arena(program.getArenaBytes()) {
    args = {weights, prepared, arena.data()};
    args.resize(3 + program.getInputs().size());
    for (const ProgramTensor &output : program.getOutputs()) {
      outputs.emplace_back(output.getNumBytes());
      args.push_back(outputs.back().data());
      results.push_back(outputs.back().data());
    }
  }

  void setSample(const Dataset &data, int64_t sample) {
    for (unsigned i = 0; i < program.getInputs().size(); ++i)
      args[3 + i] = const_cast<char *>(data.getSample(i, sample));
  }

  void run() { program.run(args.data()); }
  void runSteps(unsigned first, unsigned last) {
    for (unsigned step = first; step < last; ++step)
      program.runStep(step, args.data());
  }

  /// Takes over the state of `other` in the middle of a sample.
  void copyState(const Runner &other) {
    std::memcpy(arena.data(), other.arena.data(), arena.size());
    std::copy(other.args.begin() + 3, other.args.begin() + 3 + program.getInputs().size(), args.begin() + 3);
    for (size_t i = 0; i < outputs.size(); ++i)
      std::memcpy(outputs[i].data(), other.outputs[i].data(), outputs[i].size());
  }

  Outputs getOutputs() const { return results; }

private:
  const Program &program;
  AlignedBytes arena;
  std::vector<AlignedBytes> outputs;
  std::vector<void *> args;
  std::vector<const char *> results;
};

//===----------------------------------------------------------------------===//
// Executor
//===----------------------------------------------------------------------===//

llvm::Expected<std::unique_ptr<Executor>> Executor::create(ModuleOp module, ExecutorOptions options, bool inSteps) {
  llvm::Expected<TargetSpec> target = getTarget("native");
  if (!target)
    return target.takeError();
  llvm::Expected<std::unique_ptr<Program>> program = Program::compile(module, *target, inSteps);
  if (!program)
    return program.takeError();
  std::unique_ptr<Executor> executor(new Executor());
  executor->context = module.getContext();
  executor->program = std::move(*program);
  executor->weights = executor->program->packWeights();
  executor->options = std::move(options);
  return executor;
}

/// Bytes that one Runner takes.
static uint64_t getRunnerBytes(const Program &program) {
  uint64_t bytes = program.getArenaBytes();
  for (const ProgramTensor &output : program.getOutputs())
    bytes += output.getNumBytes();
  return bytes;
}

/// As many threads as there are cores and as fit into `memLimit`.
static llvm::Expected<unsigned> getNumThreads(const ExecutorOptions &options, uint64_t bytesPerThread) {
  unsigned threads = options.threads ? options.threads : llvm::hardware_concurrency().compute_thread_count();
  if (!options.memLimit)
    return threads;
  uint64_t fit = options.memLimit / std::max<uint64_t>(bytesPerThread, 1);
  if (fit == 0)
    return llvm::createStringError("running the model takes " + Twine(bytesPerThread) +
                                   " bytes when the memory limit is " + Twine(options.memLimit));
  return std::min<uint64_t>(threads, fit);
}

llvm::Error Executor::run(const Dataset &data, llvm::function_ref<void(int64_t, Outputs)> consume) {
  llvm::Expected<unsigned> threads = getNumThreads(options, getRunnerBytes(*program));
  if (!threads)
    return threads.takeError();
  std::vector<std::unique_ptr<Runner>> runners;
  for (unsigned i = 0; i < *threads; ++i)
    runners.push_back(std::make_unique<Runner>(*program, weights.weights.data(), weights.prepared.data()));
  llvm::DefaultThreadPool pool(llvm::hardware_concurrency(*threads));
  for (int64_t first = 0; first < data.size(); first += *threads) {
    int64_t count = std::min<int64_t>(*threads, data.size() - first);
    for (int64_t i = 0; i < count; ++i)
      pool.async([&, i] {
        runners[i]->setSample(data, first + i);
        context->executeAction<SampleAction>([&] { runners[i]->run(); }, {}, first + i, data.size());
      });
    pool.wait();
    for (int64_t i = 0; i < count; ++i)
      consume(first + i, runners[i]->getOutputs());
  }
  return llvm::Error::success();
}

llvm::Expected<std::vector<std::vector<double>>>
Executor::runVariants(const Dataset &data, ArrayRef<WeightVariant> variants,
                      llvm::function_ref<double(Outputs, Outputs)> measure) {
  assert(program->getNumSteps() && "executor was not created in steps");
  uint64_t bytes = 2 * getRunnerBytes(*program) + weights.weights.size();
  llvm::Expected<unsigned> threads = getNumThreads(options, bytes);
  if (!threads)
    return threads.takeError();
  unsigned numSteps = program->getNumSteps();
  // The variants that start at each step.
  std::vector<std::vector<unsigned>> starting(numSteps);
  for (auto [index, variant] : llvm::enumerate(variants)) {
    unsigned step = program->getSlots()[variant.slot].firstStep;
    if (step == ProgramSlot::kNoStep)
      return llvm::createStringError("weight '" + program->getSlots()[variant.slot].site + "' is read by no step");
    starting[step].push_back(index);
  }
  std::vector<std::vector<double>> results(variants.size(), std::vector<double>(data.size()));

  std::atomic<int64_t> next{0};
  auto work = [&] {
    AlignedBytes blob(weights.weights.size());
    std::memcpy(blob.data(), weights.weights.data(), blob.size());
    char *prepared = weights.prepared.data();
    Runner baseline(*program, weights.weights.data(), prepared), variant(*program, blob.data(), prepared);
    // The baseline's outputs are only known at the end of its run, so variants
    // leave theirs here until then.
    std::vector<std::vector<std::vector<char>>> outputs(variants.size());
    auto runSample = [&](int64_t sample) {
      baseline.setSample(data, sample);
      for (unsigned step = 0; step < numSteps; ++step) {
        for (unsigned index : starting[step]) {
          const ProgramSlot &slot = program->getSlots()[variants[index].slot];
          std::memcpy(blob.data() + slot.offset, variants[index].packed.data(), slot.bytes);
          variant.copyState(baseline);
          variant.runSteps(step, numSteps);
          std::memcpy(blob.data() + slot.offset, weights.weights.data() + slot.offset, slot.bytes);
          outputs[index].resize(program->getOutputs().size());
          for (auto [stored, output, tensor] :
               llvm::zip(outputs[index], variant.getOutputs(), program->getOutputs()))
            stored.assign(output, output + tensor.getNumBytes());
        }
        baseline.runSteps(step, step + 1);
      }
      for (unsigned index = 0; index < variants.size(); ++index) {
        SmallVector<const char *> pointers;
        for (const std::vector<char> &output : outputs[index])
          pointers.push_back(output.data());
        results[index][sample] = measure(baseline.getOutputs(), pointers);
      }
    };
    for (int64_t sample; (sample = next++) < data.size();)
      context->executeAction<SampleAction>([&] { runSample(sample); }, {}, sample, data.size());
  };
  llvm::DefaultThreadPool pool(llvm::hardware_concurrency(*threads));
  for (unsigned i = 0; i < *threads; ++i)
    pool.async(work);
  pool.wait();
  return results;
}

AlignedBytes Executor::pack(unsigned slot, ArrayRef<float> values) const {
  const ProgramSlot &target = program->getSlots()[slot];
  AlignedBytes source(values.size() * sizeof(float)), packed(target.bytes);
  std::memcpy(source.data(), values.data(), source.size());
  program->pack(target, source.data(), packed.data());
  return packed;
}

std::optional<unsigned> Executor::lookupSlot(StringRef site) const {
  for (auto [index, slot] : llvm::enumerate(program->getSlots()))
    if (slot.site == site)
      return index;
  return std::nullopt;
}
