//===----------------------------------------------------------------------===//
// Part of MPQ, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//===----------------------------------------------------------------------===//
//
// Runs the samples of a file through a model.
//
//===----------------------------------------------------------------------===//
#include "Session.h"

#include "llvm/ADT/SmallVectorExtras.h"

#include <chrono>
#include <cstring>

using namespace llvm;
using namespace mpq;

//===----------------------------------------------------------------------===//
// Matching arrays with inputs
//===----------------------------------------------------------------------===//

Error Session::matchInput(const MpqTensorInfo &info, const NpyArray &array,
                          StringRef path) {
  ArrayRef<int64_t> want(info.shape, info.ndim);
  auto fail = [&](const Twine &reason) {
    return createStringError(path + ": array '" + array.name + "' is " +
                             getName(array.type) + formatShape(array.shape) +
                             " when input '" + info.name + "' is " +
                             describe(info) + reason);
  };
  if (getNpyType(info.dtype) != array.type || want.size() != array.shape.size())
    return fail("");
  for (size_t d = 1; d < want.size(); ++d)
    if (want[d] >= 0 && want[d] != array.shape[d])
      return fail("");
  bool dynamic = !want.empty() && want[0] < 0;
  bool exact = want.empty() || want[0] == array.shape[0];
  arrays.push_back(&array);
  batched.push_back(!exact);
  free |= dynamic;
  if (exact)
    return Error::success();
  int64_t samples = array.shape[0];
  if (!dynamic) {
    if (want[0] == 0 || samples % want[0] != 0)
      return fail(", and " + Twine(samples) + " is no multiple of " +
                  Twine(want[0]));
    if (modelBatch >= 0 && modelBatch != want[0])
      return fail(", whose batch is " + Twine(want[0]) +
                  " when that of another input is " + Twine(modelBatch));
    modelBatch = want[0];
  }
  if (numSamples >= 0 && numSamples != samples)
    return fail(": " + Twine(samples) + " samples when another array has " +
                Twine(numSamples));
  numSamples = samples;
  return Error::success();
}

Error Session::chooseBatch(int64_t requested) {
  if (free && modelBatch >= 0)
    return createStringError(
        model.path() + ": some inputs take any batch and others are fixed to " +
        Twine(modelBatch));
  if (free) {
    batch = requested > 0
                ? std::min(requested, std::max<int64_t>(numSamples, 1))
                : numSamples;
    numRuns = batch == 0 ? 1 : (numSamples + batch - 1) / batch;
    return Error::success();
  }
  int64_t fixed = modelBatch;
  if (fixed < 0) // every array has exactly the model's shape
    fixed =
        arrays.empty() || arrays[0]->shape.empty() ? 1 : arrays[0]->shape[0];
  if (requested > 0 && requested != fixed)
    return createStringError(model.path() + ": --batch is " + Twine(requested) +
                             ", and the model's batch is fixed to " +
                             Twine(fixed));
  batch = fixed;
  numRuns = modelBatch < 0 ? 1 : numSamples / fixed;
  return Error::success();
}

Error Session::allocateOutputs() {
  for (auto [index, info] : enumerate(model.outputs())) {
    std::optional<NpyType> type = getNpyType(info.dtype);
    if (!type)
      return createStringError(model.path() + ": output '" + info.name +
                               "' is " + describe(info) +
                               ", which numpy's files cannot hold");
    Tensors inputs;
    addInputs(inputs, 0);
    Expected<SmallVector<int64_t>> known =
        model.getOutputShape(inputs.getPointers(), index);
    if (!known)
      return known.takeError();
    SmallVector<int64_t> shape = std::move(*known);
    if (free && !shape.empty() && info.shape[0] < 0)
      shape[0] = numSamples;
    else if (numRuns != 1 && shape.empty())
      shape.push_back(numRuns);
    else if (numRuns != 1)
      shape[0] *= numRuns;
    Expected<NpyArray> array = NpyArray::create(info.name, *type, shape);
    if (!array)
      return array.takeError();
    results.push_back(std::move(*array));
  }
  return Error::success();
}

Expected<Session> Session::create(LoadedModel &model, ArrayRef<NpyArray> arrays,
                                  StringRef inputPath, int64_t batch) {
  Session session(model);
  for (const MpqTensorInfo &info : model.inputs()) {
    Expected<const NpyArray *> array = findArray(arrays, info.name, inputPath);
    if (!array)
      return array.takeError();
    if (Error error = session.matchInput(info, **array, inputPath))
      return std::move(error);
  }
  if (Error error = session.chooseBatch(batch))
    return std::move(error);
  if (Error error = session.allocateOutputs())
    return std::move(error);
  return std::move(session);
}

//===----------------------------------------------------------------------===//
// Running
//===----------------------------------------------------------------------===//

void Session::Tensors::add(const MpqTensorInfo &info, const char *data,
                           ArrayRef<int64_t> shape) {
  auto &tensor = entries.emplace_back(std::make_unique<Entry>());
  tensor->shape.assign(shape.begin(), shape.end());
  tensor->tensor = {const_cast<char *>(data), {kDLCPU, 0}, info.ndim,
                    info.dtype, tensor->shape.data(), nullptr, 0};
}

SmallVector<DLTensor *> Session::Tensors::getPointers() const {
  return map_to_vector(entries,
                       [](const auto &entry) { return &entry->tensor; });
}

int64_t Session::getNumSamples(int64_t index) const {
  return free ? std::min(batch, numSamples - index * batch) : batch;
}

void Session::addInputs(Tensors &tensors, int64_t index) const {
  for (auto [info, array, runsOverSamples] :
       zip_equal(model.inputs(), arrays, batched)) {
    size_t rowBytes = runsOverSamples && array->shape[0] != 0
                          ? array->getNumBytes() / array->shape[0]
                          : 0;
    SmallVector<int64_t> shape(array->shape);
    if (runsOverSamples)
      shape[0] = getNumSamples(index);
    tensors.add(info, array->data() + index * batch * rowBytes, shape);
  }
}

Error Session::run(int64_t index) {
  Tensors inputs, outputs;
  addInputs(inputs, index);
  for (auto [i, info] : enumerate(model.outputs())) {
    SmallVector<int64_t> shape(results[i].shape);
    if (info.ndim > 0)
      shape[0] = info.shape[0] >= 0 ? info.shape[0]
                 : free             ? getNumSamples(index)
                                    : shape[0];
    else
      shape.clear();
    outputs.add(info, getOutputBytes(i, index).data(), shape);
  }
  return model.run(inputs.getPointers(), outputs.getPointers());
}

MutableArrayRef<char> Session::getOutputBytes(size_t i, int64_t index) {
  NpyArray &array = results[i];
  size_t begin = 0, end = array.getNumBytes();
  if (free && model.outputs()[i].ndim > 0 && model.outputs()[i].shape[0] < 0) {
    size_t rowBytes = numSamples == 0 ? 0 : array.getNumBytes() / numSamples;
    begin = index * batch * rowBytes;
    end = std::min<int64_t>((index + 1) * batch, numSamples) * rowBytes;
  } else if (!free) {
    size_t runBytes = numRuns == 0 ? 0 : array.getNumBytes() / numRuns;
    begin = index * runBytes;
    end = begin + runBytes;
  }
  return {array.data() + begin, end - begin};
}

void Session::poison(int64_t index, uint8_t pattern) {
  for (size_t i = 0; i < results.size(); ++i) {
    MutableArrayRef<char> bytes = getOutputBytes(i, index);
    if (!bytes.empty())
      memset(bytes.data(), pattern, bytes.size());
  }
}

/// All bits set: a NaN in every float type that no arithmetic makes.
static constexpr uint8_t kFirstPoison = 0xff, kSecondPoison = 0xa5;

/// Which elements consist of the pattern's bytes alone.
static SmallVector<bool, 0> findPattern(ArrayRef<char> bytes,
                                        size_t elementBytes, uint8_t pattern) {
  SmallVector<bool, 0> found(bytes.size() / elementBytes);
  for (size_t i = 0; i < found.size(); ++i)
    found[i] = all_of(bytes.slice(i * elementBytes, elementBytes),
                      [&](char byte) { return uint8_t(byte) == pattern; });
  return found;
}

Error Session::checkWritten(int64_t index, uint8_t pattern) {
  SmallVector<SmallVector<bool, 0>> suspects;
  bool any = false;
  for (size_t i = 0; i < results.size(); ++i) {
    suspects.push_back(findPattern(getOutputBytes(i, index),
                                   getByteSize(results[i].type), pattern));
    any |= is_contained(suspects.back(), true);
  }
  if (!any)
    return Error::success();
  // A result may look like the pattern; after a run over another one it does
  // not.
  poison(index, kSecondPoison);
  if (Error error = run(index))
    return error;
  for (size_t i = 0; i < results.size(); ++i) {
    size_t unwritten = 0;
    for (auto [before, now] :
         zip_equal(suspects[i],
                   findPattern(getOutputBytes(i, index),
                               getByteSize(results[i].type), kSecondPoison)))
      unwritten += before && now;
    if (unwritten != 0)
      return createStringError(
          model.path() + ": the model left " + Twine(unwritten) + " of " +
          Twine(suspects[i].size()) + " elements of output '" +
          results[i].name + "' unwritten");
  }
  return Error::success();
}

Error Session::runAll() {
  for (int64_t index = 0; index < numRuns; ++index) {
    poison(index, kFirstPoison);
    if (Error error = run(index))
      return error;
    if (Error error = checkWritten(index, kFirstPoison))
      return error;
  }
  return Error::success();
}

Expected<double> Session::timeFirstRun() {
  using Clock = std::chrono::steady_clock;
  poison(0, kFirstPoison);
  Clock::time_point begin = Clock::now();
  if (Error error = run(0))
    return std::move(error);
  std::chrono::duration<double, std::milli> time = Clock::now() - begin;
  if (Error error = checkWritten(0, kFirstPoison))
    return std::move(error);
  return time.count();
}
