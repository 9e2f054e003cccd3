//===----------------------------------------------------------------------===//
// Part of MPQ, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//===----------------------------------------------------------------------===//
//
// Observes activations by making them outputs of a copy of the model:
//
//   func.func @main(%x) {                     func.func @main(%x) {
//     %a = onnx.Conv(%x, %w)                    %a = onnx.Conv(%x, %w)
//     %b = onnx.Relu(%a)                =>      %b = onnx.Relu(%a)
//     return %b                                 return %a, %b
//
// which the executor runs on all cores. Samples are handed out in order; within
// one, tensors are observed in parallel, so every observer sees the same
// sequence whatever the number of threads.
//
//===----------------------------------------------------------------------===//

#include "dialects/MPQ/Module.h"
#include "mpq/Analysis/Calibration.h"
#include "mpq/Analysis/Ranges.h"
#include "mpq/Analysis/Sites.h"
#include "mpq/Execution/Executor.h"
#include "mpq/Execution/Specialize.h"
#include "mpq/Support/Memory.h"

#include "mlir/IR/IRMapping.h"
#include "mlir/IR/OwningOpRef.h"
#include "mlir/IR/Remarks.h"
#include "mlir/Pass/Pass.h"
#include "llvm/Support/ThreadPool.h"

namespace mpq {
#define GEN_PASS_DECL_CALIBRATEPASS
#define GEN_PASS_DEF_CALIBRATEPASS
#include "Calibrate.h.inc"
} // namespace mpq

using namespace mlir;
using namespace mpq;

namespace {

/// Bytes of observed outputs per thread when no limit is given.
constexpr uint64_t kDefaultOutputBytes = uint64_t(1) << 28;

struct CalibrateOptions {
  std::string data;
  std::string observer;
  ObserverOptions observerOptions;
  ExecutorOptions executor;
};

class Calibrator {
public:
  Calibrator(func::FuncOp main, CalibrateOptions options)
      : main(main), options(std::move(options)) {}

  llvm::Error run();

private:
  using State = std::unique_ptr<ObserverState>;

  /// What one thread observes of one sample: the index of the state, and data.
  struct Task {
    unsigned state;
    ArrayRef<float> values;
  };

  OwningOpRef<ModuleOp> instrument(ArrayRef<Value> outputs);
  llvm::Error observe(ArrayRef<unsigned> chunk, bool arguments);
  llvm::Error observeSample(int64_t sample, ArrayRef<Task> tasks);
  llvm::Error setRanges();

  std::string describe(unsigned index);

  func::FuncOp main;
  CalibrateOptions options;
  SmallVector<Value> activations;
  std::vector<State> states; ///< one per activation
  std::optional<llvm::DefaultThreadPool> pool;
};

uint64_t getNumBytes(Value value) {
  return cast<RankedTensorType>(value.getType()).getNumElements() *
         sizeof(float);
}

} // namespace

/// The value in words: the tensor's or op's name in the model.
std::string Calibrator::describe(unsigned index) {
  Value value = activations[index];
  if (auto argument = dyn_cast<BlockArgument>(value)) {
    auto name =
        main.getArgAttrOfType<StringAttr>(argument.getArgNumber(), "onnx.name");
    return "input '" +
           (name ? name.str() : std::to_string(argument.getArgNumber())) + "'";
  }
  auto name = value.getLoc()->findInstanceOf<NameLoc>();
  return (value.getDefiningOp()->getName().getStringRef() +
          (name ? " '" + name.getName().str() + "'" : ""))
      .str();
}

llvm::Error Calibrator::run() {
  llvm::Expected<Observer *> observer = getObserver(options.observer);
  if (!observer)
    return observer.takeError();
  activations = getActivations(main);
  for (Value value : activations) {
    auto type = cast<RankedTensorType>(value.getType());
    if (!type.hasStaticShape())
      return llvm::createStringError(
          describe(states.size()) +
          " has no static shape; run mpq-import-pipeline first");
    llvm::Expected<State> state = (*observer)->start(options.observerOptions);
    if (!state)
      return state.takeError();
    states.push_back(std::move(*state));
  }
  unsigned threads = options.executor.threads;
  pool.emplace(llvm::hardware_concurrency(threads));
  if (!threads)
    threads = llvm::hardware_concurrency().compute_thread_count();

  // A quarter of the memory for outputs; compiling and running the model take
  // the rest.
  uint64_t limit =
      std::min(kDefaultOutputBytes,
               MemoryLimit(options.executor.memLimit).getRest() / (4 * threads));
  SmallVector<unsigned> chunk;
  uint64_t bytes = 0;
  bool first = true;
  auto flush = [&]() -> llvm::Error {
    if (chunk.empty() && !first)
      return llvm::Error::success();
    llvm::Error error = observe(chunk, /*arguments=*/first);
    first = false;
    chunk.clear();
    bytes = 0;
    return error;
  };
  for (auto [index, value] : llvm::enumerate(activations)) {
    if (isa<BlockArgument>(value) || getNumBytes(value) == 0)
      continue;
    if (!chunk.empty() && bytes + getNumBytes(value) > limit)
      if (llvm::Error error = flush())
        return error;
    chunk.push_back(index);
    bytes += getNumBytes(value);
  }
  if (llvm::Error error = flush())
    return error;
  return setRanges();
}

/// A copy of the module whose main function returns copies of `outputs`.
OwningOpRef<ModuleOp> Calibrator::instrument(ArrayRef<Value> outputs) {
  IRMapping mapping;
  auto module = cast<ModuleOp>(main->getParentOp()->clone(mapping));
  auto copy = module.lookupSymbol<func::FuncOp>("main");
  Operation *terminator = copy.getBody().front().getTerminator();
  SmallVector<Value> values;
  SmallVector<Attribute> attributes;
  Builder builder(copy.getContext());
  for (auto [index, output] : llvm::enumerate(outputs)) {
    values.push_back(mapping.lookup(output));
    attributes.push_back(builder.getDictionaryAttr(builder.getNamedAttr(
        "onnx.name",
        builder.getStringAttr("observed" + std::to_string(index)))));
  }
  terminator->setOperands(values);
  copy.setFunctionType(builder.getFunctionType(copy.getArgumentTypes(),
                                               ValueRange(values).getTypes()));
  copy.setResAttrsAttr(builder.getArrayAttr(attributes));
  return module;
}

/// Runs the model once and shows the activations of `chunk` to their observers,
/// and the arguments if they have not been shown yet.
llvm::Error Calibrator::observe(ArrayRef<unsigned> chunk, bool arguments) {
  SmallVector<Value> outputs = llvm::map_to_vector(
      chunk, [&](unsigned index) { return activations[index]; });
  if (outputs.empty()) // something has to run
    llvm::append_range(outputs,
                       main.getBody().front().getTerminator()->getOperands());
  OwningOpRef<ModuleOp> module = instrument(outputs);
  auto executor = Executor::create(*module, options.executor);
  if (!executor)
    return executor.takeError();
  llvm::Expected<Dataset> data =
      Dataset::load(options.data, (*executor)->getProgram().getInputs());
  if (!data)
    return data.takeError();

  llvm::Error result = llvm::Error::success();
  auto consume = [&](int64_t sample, Executor::Outputs produced) {
    if (result)
      return; // reported below
    std::vector<Task> tasks;
    auto add = [&](unsigned index, const char *bytes) {
      tasks.push_back({index, ArrayRef(reinterpret_cast<const float *>(bytes),
                                       size_t(getNumBytes(activations[index]) /
                                              sizeof(float)))});
    };
    if (arguments)
      for (auto [index, value] : llvm::enumerate(activations))
        if (auto argument = dyn_cast<BlockArgument>(value))
          add(index, data->getSample(argument.getArgNumber(), sample));
    for (auto [index, bytes] : llvm::zip(chunk, produced))
      add(index, bytes);
    result = observeSample(sample, tasks);
  };
  if (llvm::Error error = (*executor)->run(*data, consume))
    return llvm::joinErrors(std::move(error), std::move(result));
  return result;
}

llvm::Error Calibrator::observeSample(int64_t sample, ArrayRef<Task> tasks) {
  std::vector<std::string> errors(tasks.size());
  std::atomic<size_t> next{0};
  for (unsigned i = 0; i < pool->getMaxConcurrency(); ++i)
    pool->async([&] {
      for (size_t task; (task = next++) < tasks.size();)
        errors[task] = llvm::toString(
            states[tasks[task].state]->update(tasks[task].values));
    });
  pool->wait();
  for (auto [task, error] : llvm::zip(tasks, errors))
    if (!error.empty())
      return llvm::createStringError(describe(task.state) + " on sample " +
                                     llvm::Twine(sample) + " of " +
                                     options.data + ": " + error);
  return llvm::Error::success();
}

llvm::Error Calibrator::setRanges() {
  for (auto [index, value] : llvm::enumerate(activations)) {
    if (getNumBytes(value) == 0)
      continue;
    llvm::Expected<ClipRange> range = states[index]->finish();
    if (!range)
      return llvm::createStringError(describe(index) + ": " +
                                     llvm::toString(range.takeError()));
    setRange(value, RangeAttr::get(main.getContext(), Real(range->min),
                                   Real(range->max)));
    remark::analysis(value.getLoc(), remark::RemarkOpts::name("Range").category(
                                         "mpq-calibrate"))
        << remark::add("{0} is in [{1}, {2}]", describe(index), range->min,
                       range->max);
  }
  return llvm::Error::success();
}

namespace {

/// Calibrates a copy for the sizes of the data, and takes over its ranges.
llvm::Error calibrate(func::FuncOp main, CalibrateOptions options) {
  llvm::Expected<Observer *> observer = getObserver(options.observer);
  if (!observer)
    return observer.takeError();
  if (!(*observer)->observes()) {
    main->setAttr(kNoRangesAttr, UnitAttr::get(main.getContext()));
    return llvm::Error::success();
  }
  auto module =
      specializeSizes(main->getParentOfType<ModuleOp>(), options.data);
  if (!module)
    return module.takeError();
  auto copy = (*module)->lookupSymbol<func::FuncOp>("main");
  if (llvm::Error error = Calibrator(copy, std::move(options)).run())
    return error;
  auto takeOver = [](Operation &to, Operation &from) {
    for (StringRef name : {kRangeAttr, kRangesAttr, kArgRangesAttr})
      if (Attribute range = from.getAttr(name))
        to.setAttr(name, range);
  };
  takeOver(*main, *copy);
  for (auto [to, from] : llvm::zip_equal(main.getBody().front(),
                                         copy.getBody().front()))
    takeOver(to, from);
  return llvm::Error::success();
}

struct CalibratePass : mpq::impl::CalibratePassBase<CalibratePass> {
  using Base::Base;

  void runOnOperation() override {
    func::FuncOp main = lookupMain(getOperation());
    if (!main)
      return signalPassFailure();
    if (data.empty()) {
      main.emitError("there are no samples to calibrate on; give data=");
      return signalPassFailure();
    }
    CalibrateOptions options;
    options.data = data;
    options.observer = observer;
    options.observerOptions.percentile = percentile;
    options.executor.threads = threads;
    options.executor.memLimit = memLimit;
    if (llvm::Error error = calibrate(main, std::move(options))) {
      main.emitError(llvm::toString(std::move(error)));
      return signalPassFailure();
    }
    getOperation()->setAttr(kCalibrationDataAttr,
                            StringAttr::get(&getContext(), data.getValue()));
    setStage(getOperation(), Stage::Calibrated);
  }
};

} // namespace
