//===----------------------------------------------------------------------===//
// Part of MPQ, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//===----------------------------------------------------------------------===//
//
// Running a program over a data set on all cores.
//
//===----------------------------------------------------------------------===//

#include "mpq/Execution/Executor.h"

#include "mpq/Support/Memory.h"

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
  bool fits = array.shape.size() == sample.size() && !sample.empty() && sample[0] > 0 &&
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
    if (samples == 0)
      return llvm::createStringError(path + ": array '" + array.name + "' holds no samples");
    if (samples != data.samples)
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

/// As many threads as there are cores and as fit into the memory limit.
static llvm::Expected<unsigned> getNumThreads(const ExecutorOptions &options, uint64_t bytesPerThread) {
  MemoryLimit limit(options.memLimit);
  if (llvm::Error error = limit.check("running the model", bytesPerThread))
    return std::move(error);
  unsigned threads = options.threads ? options.threads : llvm::hardware_concurrency().compute_thread_count();
  return std::clamp<uint64_t>(limit.getRest() / std::max<uint64_t>(bytesPerThread, 1), 1, threads);
}

llvm::Error Executor::run(const Dataset &data, llvm::function_ref<void(int64_t, Outputs)> consume) {
  return runSideBySide({this}, data,
                       [&](int64_t sample, ArrayRef<Outputs> outputs) { consume(sample, outputs.front()); });
}

llvm::Error Executor::runSideBySide(ArrayRef<Executor *> executors, const Dataset &data,
                                    llvm::function_ref<void(int64_t, ArrayRef<Outputs>)> consume) {
  uint64_t bytes = 0;
  for (Executor *executor : executors)
    bytes += getRunnerBytes(*executor->program);
  llvm::Expected<unsigned> threads = getNumThreads(executors.front()->options, bytes);
  if (!threads)
    return threads.takeError();
  MLIRContext *context = executors.front()->context;
  std::vector<std::vector<std::unique_ptr<Runner>>> runners(*threads);
  for (auto &ofThread : runners)
    for (Executor *executor : executors)
      ofThread.push_back(std::make_unique<Runner>(*executor->program, executor->weights.weights.data(),
                                                  executor->weights.prepared.data()));
  auto run = [&](unsigned thread, int64_t sample) {
    for (auto &runner : runners[thread]) {
      runner->setSample(data, sample);
      runner->run();
    }
  };
  llvm::DefaultThreadPool pool(llvm::hardware_concurrency(*threads));
  for (int64_t first = 0; first < data.size(); first += *threads) {
    int64_t count = std::min<int64_t>(*threads, data.size() - first);
    for (int64_t i = 0; i < count; ++i)
      pool.async([&, i] {
        context->executeAction<SampleAction>([&] { run(i, first + i); }, {}, first + i, data.size());
      });
    pool.wait();
    for (int64_t i = 0; i < count; ++i) {
      SmallVector<Outputs, 2> outputs;
      for (auto &runner : runners[i])
        outputs.push_back(runner->getOutputs());
      consume(first + i, outputs);
    }
  }
  return llvm::Error::success();
}

/// One thread's part in `runVariants`.
class Executor::VariantRunner {
public:
  VariantRunner(const Program &program, ProgramWeights &weights, ArrayRef<WeightVariant> variants,
                const WeightVariant &base)
      : program(program), variants(variants), ownWeights(weights.weights.size()),
        reference(program, weights.weights.data(), weights.prepared.data()),
        baseline(program, ownWeights.data(), weights.prepared.data()),
        variant(program, ownWeights.data(), weights.prepared.data()) {
    std::memcpy(ownWeights.data(), weights.weights.data(), ownWeights.size());
    for (const ProgramSlot &slot : program.getSlots())
      baseParts.push_back(slot.blob == 0 ? weights.weights.data() + slot.offset : nullptr);
    for (const WeightSubstitution &part : base)
      baseParts[part.slot] = part.packed.data();
    for (const WeightSubstitution &part : base)
      restore(part);
    starting.resize(program.getNumSteps() + 1);
    for (auto [index, parts] : llvm::enumerate(variants)) {
      unsigned first = program.getNumSteps();
      for (const WeightSubstitution &part : parts)
        first = std::min(first, getSlot(part).firstStep);
      starting[first].push_back(index);
    }
  }

  /// Calls `measure(variant, outputs of the program as it is, of the variant)`.
  void run(const Dataset &data, int64_t sample, llvm::function_ref<void(unsigned, Outputs, Outputs)> measure) {
    unsigned numSteps = program.getNumSteps();
    reference.setSample(data, sample);
    reference.runSteps(0, numSteps);
    baseline.setSample(data, sample);
    for (unsigned step = 0; step <= numSteps; ++step) {
      for (unsigned index : starting[step]) {
        for (const WeightSubstitution &part : variants[index])
          std::memcpy(ownWeights.data() + getSlot(part).offset, part.packed.data(), part.packed.size());
        variant.copyState(baseline);
        variant.runSteps(step, numSteps);
        for (const WeightSubstitution &part : variants[index])
          restore(part);
        measure(index, reference.getOutputs(), variant.getOutputs());
      }
      if (step < numSteps)
        baseline.runSteps(step, step + 1);
    }
  }

private:
  const ProgramSlot &getSlot(const WeightSubstitution &part) const { return program.getSlots()[part.slot]; }

  /// Puts the base's weight into the place of `part`.
  void restore(const WeightSubstitution &part) {
    std::memcpy(ownWeights.data() + getSlot(part).offset, baseParts[part.slot], part.packed.size());
  }

  const Program &program;
  ArrayRef<WeightVariant> variants;
  AlignedBytes ownWeights;             ///< the base's, but while a variant runs
  std::vector<const char *> baseParts; ///< [slot]: the weight of the base
  Runner reference, baseline, variant;
  std::vector<std::vector<unsigned>> starting; ///< [step]: the variants that differ from it on
};

uint64_t Executor::getVariantRunnerBytes() const {
  return 3 * getRunnerBytes(*program) + weights.weights.size();
}

llvm::Error Executor::runVariants(const Dataset &data, ArrayRef<WeightVariant> variants,
                                  llvm::function_ref<void(unsigned, int64_t, Outputs, Outputs)> measure,
                                  const WeightVariant &base) {
  assert(program->getNumSteps() && "executor was not created in steps");
  for (const WeightVariant &variant : variants)
    for (const WeightSubstitution &part : variant)
      if (program->getSlots()[part.slot].firstStep == ProgramSlot::kNoStep)
        return llvm::createStringError("weight '" + program->getSlots()[part.slot].site + "' is read by no step");
  llvm::Expected<unsigned> threads = getNumThreads(options, getVariantRunnerBytes());
  if (!threads)
    return threads.takeError();
  std::atomic<int64_t> next{0};
  auto work = [&] {
    VariantRunner runner(*program, weights, variants, base);
    for (int64_t sample; (sample = next++) < data.size();)
      context->executeAction<SampleAction>(
          [&] {
            runner.run(data, sample, [&](unsigned index, Outputs reference, Outputs outputs) {
              measure(index, sample, reference, outputs);
            });
          },
          {}, sample, data.size());
  };
  llvm::DefaultThreadPool pool(llvm::hardware_concurrency(*threads));
  for (unsigned i = 0; i < *threads; ++i)
    pool.async(work);
  pool.wait();
  return llvm::Error::success();
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
