//===----------------------------------------------------------------------===//
// Part of MPQ, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//===----------------------------------------------------------------------===//
//
// Distances of model outputs, and agreement of their largest elements.
//
//===----------------------------------------------------------------------===//

#include "mpq/Analysis/Divergence.h"

#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/IR/BuiltinTypes.h"
#include "llvm/ADT/STLExtras.h"

#include <algorithm>
#include <cmath>
#include <numeric>

using namespace mlir;
using namespace mpq;

static constexpr std::pair<Divergence, llvm::StringLiteral> kNames[] = {
    {Divergence::KL, "kl"},
                                                                      {Divergence::Similarity, "similarity"},
                                                                      {Divergence::Cosine, "cosine"},
                                                                      {Divergence::MSE, "mse"}};

StringRef mpq::stringifyDivergence(Divergence divergence) {
  return llvm::find_if(kNames, [&](const auto &entry) { return entry.first == divergence; })->second;
}

std::optional<Divergence> mpq::symbolizeDivergence(StringRef name) {
  for (const auto &[divergence, known] : kNames)
    if (name == known)
      return divergence;
  return std::nullopt;
}

OutputDivergence::OutputDivergence(ModuleOp module, Divergence kind) : kind(kind) {
  auto main = module.lookupSymbol<func::FuncOp>("main");
  if (!main || main.isExternal())
    return;
  for (Value value : main.getBody().front().getTerminator()->getOperands()) {
    Output output;
    auto type = dyn_cast<RankedTensorType>(value.getType());
    if (type && type.hasStaticShape() && type.getElementType().isF32() && type.getNumElements() > 0) {
      output.classes = type.getRank() ? type.getShape().back() : 1;
      output.rows = type.getNumElements() / output.classes;
    }
    Operation *producer = value.getDefiningOp();
    output.probabilities = producer && producer->getName().getStringRef() == "onnx.Softmax";
    outputs.push_back(output);
  }
}

//===----------------------------------------------------------------------===//
// Which divergence fits
//===----------------------------------------------------------------------===//

/// The f32 results of `@main`, as values.
static SmallVector<Value> getFloatOutputs(ModuleOp module) {
  SmallVector<Value> outputs;
  auto main = module.lookupSymbol<func::FuncOp>("main");
  if (main && !main.isExternal())
    llvm::copy_if(main.getBody().front().getTerminator()->getOperands(), std::back_inserter(outputs),
                  [](Value value) { return getElementTypeOrSelf(value).isF32(); });
  return outputs;
}

static bool isOp(Operation *op, std::initializer_list<StringRef> names) {
  return op && llvm::is_contained(names, op->getName().getStringRef());
}

/// The op that makes the values of `value`, whatever shape they are given then.
static Operation *getProducer(Value value) {
  Operation *op = value.getDefiningOp();
  while (isOp(op, {"onnx.Identity", "onnx.Reshape", "onnx.Flatten", "onnx.Squeeze", "onnx.Unsqueeze", "onnx.Expand"}))
    op = op->getOperand(0).getDefiningOp();
  return op;
}

/// The number that all elements of a constant are.
static std::optional<double> getNumber(Value value) {
  Operation *op = value.getDefiningOp();
  auto elements = isOp(op, {"onnx.Constant"}) ? op->getAttrOfType<DenseElementsAttr>("value") : DenseElementsAttr();
  if (!elements || !elements.isSplat())
    return std::nullopt;
  if (isa<FloatType>(elements.getElementType()))
    return elements.getSplatValue<APFloat>().convertToDouble();
  return double(elements.getSplatValue<APInt>().getSExtValue());
}

/// Whether `op` is x * x or x ^ 2.
static bool isSquareOf(Operation *op, Value x) {
  if (isOp(op, {"onnx.Mul"}))
    return op->getOperand(0) == x && op->getOperand(1) == x;
  return isOp(op, {"onnx.Pow"}) && op->getOperand(0) == x && getNumber(op->getOperand(1)) == 2;
}

/// Whether the reduction `op` is along the last axis.
static bool reducesLast(Operation *op) {
  auto type = dyn_cast<RankedTensorType>(op->getOperand(0).getType());
  std::optional<double> axis = op->getNumOperands() > 1 ? getNumber(op->getOperand(1)) : std::nullopt;
  return type && axis && (*axis == -1 || *axis == type.getRank() - 1);
}

/// Whether `value` is the length of the rows of `x`, kept away from zero by a sum,
/// a maximum or by clipping.
static bool isLengthOf(Value value, Value x) {
  bool root = false;
  Operation *op = getProducer(value);
  while (isOp(op, {"onnx.Add", "onnx.Max", "onnx.Clip", "onnx.Sqrt"})) {
    root |= isOp(op, {"onnx.Sqrt"});
    bool constantFirst = op->getNumOperands() == 2 && isOp(op->getOperand(0).getDefiningOp(), {"onnx.Constant"});
    op = getProducer(op->getOperand(constantFirst));
  }
  if (!isOp(op, {"onnx.ReduceL2", "onnx.ReduceSumSquare", "onnx.ReduceSum"}) || !reducesLast(op))
    return false;
  Value reduced = op->getOperand(0);
  if (isOp(op, {"onnx.ReduceL2"}))
    return !root && reduced == x;
  return root && (isOp(op, {"onnx.ReduceSumSquare"}) ? reduced == x : isSquareOf(reduced.getDefiningOp(), x));
}

/// Whether `value` is some x divided by its length.
static bool isUnitVector(Value value) {
  Operation *op = getProducer(value);
  return isOp(op, {"onnx.Div"}) && isLengthOf(op->getOperand(1), op->getOperand(0));
}

/// Whether the last axis of `value` can be one of classes.
static bool hasClasses(Value value) {
  auto type = dyn_cast<RankedTensorType>(value.getType());
  return type && type.getRank() >= 1 && type.getRank() <= 3 && type.getShape().back() != 1;
}

Divergence mpq::chooseDivergence(ModuleOp module) {
  SmallVector<Value> outputs = getFloatOutputs(module);
  if (!outputs.empty() && llvm::all_of(outputs, isUnitVector))
    return Divergence::Similarity;
  return llvm::any_of(outputs, hasClasses) ? Divergence::KL : Divergence::MSE;
}

llvm::Error OutputDivergence::check(ModuleOp module, Divergence kind) {
  for (Value output : getFloatOutputs(module)) {
    auto type = dyn_cast<RankedTensorType>(output.getType());
    if (type && (kind == Divergence::MSE || (type.getRank() && type.getShape().back() > 1)))
      return llvm::Error::success();
  }
  if (kind == Divergence::MSE)
    return llvm::createStringError("metric 'mse' needs an f32 output; metric 'weight-mse' does not look at outputs");
  return llvm::createStringError("metric '" + stringifyDivergence(kind) + "' needs an f32 output with at least two " +
                                 (kind == Divergence::KL ? "classes" : "elements") +
                                 " along its last dimension; metric 'mse' does not");
}

//===----------------------------------------------------------------------===//
// Measuring
//===----------------------------------------------------------------------===//

/// The logarithms of the distribution behind a row.
static void toLogProbabilities(const float *row, int64_t classes, bool probabilities, std::vector<double> &logs) {
  logs.resize(classes);
  constexpr double smallest = 1e-30; // of f32 probabilities that underflowed
  for (int64_t i = 0; i < classes; ++i)
    logs[i] = probabilities ? std::log(std::max<double>(row[i], smallest)) : row[i];
  double largest = *std::max_element(logs.begin(), logs.end());
  double sum = 0;
  for (double value : logs)
    sum += std::exp(value - largest);
  double normalizer = largest + std::log(sum);
  for (double &value : logs)
    value -= normalizer;
}

static double measureKl(const float *x, const float *y, int64_t rows, int64_t classes, bool probabilities) {
  std::vector<double> p, q;
  double sum = 0;
  for (int64_t row = 0; row < rows; ++row) {
    toLogProbabilities(x + row * classes, classes, probabilities, p);
    toLogProbabilities(y + row * classes, classes, probabilities, q);
    for (int64_t i = 0; i < classes; ++i)
      sum += std::exp(p[i]) * (p[i] - q[i]);
  }
  // Rounding can leave a tiny negative sum for equal distributions. NaN stays.
  return sum < 0 ? 0 : sum / rows;
}

/// Of vectors that have a direction: a zero is as far from one as a right angle,
/// and from another zero not at all.
static double measureCosine(const float *x, const float *y, int64_t rows, int64_t classes) {
  double sum = 0;
  for (int64_t row = 0; row < rows; ++row, x += classes, y += classes) {
    double xx = 0, yy = 0, squares = 0;
    for (int64_t i = 0; i < classes; ++i) {
      xx += double(x[i]) * x[i];
      yy += double(y[i]) * y[i];
    }
    if (xx == 0 || yy == 0) {
      sum += xx == yy ? 0 : 1;
      continue;
    }
    // |x/|x| - y/|y||^2 / 2, which does not cancel where the two are close.
    double a = 1 / std::sqrt(xx), b = 1 / std::sqrt(yy);
    for (int64_t i = 0; i < classes; ++i)
      squares += (a * x[i] - b * y[i]) * (a * x[i] - b * y[i]);
    sum += squares / 2;
  }
  return sum / rows;
}

static double measureMse(const float *x, const float *y, int64_t count) {
  double signal = 0, noise = 0;
  for (int64_t i = 0; i < count; ++i) {
    signal += double(x[i]) * x[i];
    noise += (double(x[i]) - y[i]) * (double(x[i]) - y[i]);
  }
  return noise == 0 ? 0 : noise / std::max(signal, 1e-30);
}

/// The elements of an output, as unit vectors; zeros stay zeros.
static void copyUnitRows(const float *from, int64_t rows, int64_t classes, float *to) {
  for (int64_t row = 0; row < rows; ++row, from += classes, to += classes) {
    double squares = 0;
    for (int64_t i = 0; i < classes; ++i)
      squares += double(from[i]) * from[i];
    double factor = squares == 0 ? 0 : 1 / std::sqrt(squares);
    for (int64_t i = 0; i < classes; ++i)
      to[i] = float(factor * from[i]);
  }
}

/// <x, y>, in an order that vector units like.
static float getDot(const float *x, const float *y, int64_t count) {
  constexpr int64_t lanes = 16;
  float sums[lanes] = {};
  int64_t i = 0;
  for (; i + lanes <= count; i += lanes)
    for (int64_t lane = 0; lane < lanes; ++lane)
      sums[lane] += x[i + lane] * y[i + lane];
  for (; i < count; ++i)
    sums[0] += x[i] * y[i];
  return std::accumulate(std::begin(sums), std::end(sums), 0.0f);
}

/// How many of the rows after it a row is compared with: enough for the figure to
/// settle, and the time linear in the rows.
static constexpr int64_t kNeighbours = 128;

/// 1 - r of the cosines of pairs of rows; x[i] and y[i] point to unit vectors.
static double measureSimilarity(ArrayRef<const float *> x, ArrayRef<const float *> y, int64_t classes) {
  std::vector<double> a, b;
  for (size_t i = 0; i < x.size(); ++i)
    for (size_t j = i + 1; j < x.size() && j <= i + kNeighbours; ++j) {
      a.push_back(getDot(x[i], x[j], classes));
      b.push_back(getDot(y[i], y[j], classes));
    }
  auto standardize = [](std::vector<double> &values) {
    double mean = std::accumulate(values.begin(), values.end(), 0.0) / values.size(), squares = 0;
    for (double &value : values) {
      value -= mean;
      squares += value * value;
    }
    double factor = 1 / std::sqrt(squares);
    for (double &value : values)
      value *= factor;
  };
  standardize(a);
  standardize(b);
  // |a - b|^2 / 2 = 1 - <a, b>, which does not cancel where the two are close.
  double squares = 0;
  for (auto [p, q] : llvm::zip(a, b))
    squares += (p - q) * (p - q);
  return squares / 2;
}

double OutputComparison::reduce(ArrayRef<float> kept) const {
  // In the order of the samples, so that rounding is always the same.
  return std::accumulate(kept.begin(), kept.end(), 0.0) / kept.size();
}

llvm::Error OutputDivergence::checkSamples(int64_t samples) const {
  for (const Output &output : outputs)
    if (kind == Divergence::Similarity && output.rows && output.rows * samples < 3)
      return llvm::createStringError("divergence 'similarity' compares pairs of at least 3 embeddings when there are " +
                                     Twine(output.rows * samples) +
                                     "; give more samples, or choose divergence 'cosine'");
  return llvm::Error::success();
}

int64_t OutputDivergence::getWidth() const {
  if (kind != Divergence::Similarity)
    return 1;
  int64_t width = 0;
  for (const Output &output : outputs)
    width += 2 * output.rows * output.classes;
  return width;
}

void OutputDivergence::compare(Outputs reference, Outputs other, MutableArrayRef<float> kept) const {
  double total = 0;
  float *next = kept.data();
  for (auto [output, a, b] : llvm::zip(outputs, reference, other)) {
    auto *x = reinterpret_cast<const float *>(a), *y = reinterpret_cast<const float *>(b);
    if (output.rows == 0)
      continue;
    switch (kind) {
    case Divergence::KL:
      total += measureKl(x, y, output.rows, output.classes, output.probabilities);
      break;
    case Divergence::Cosine:
      total += measureCosine(x, y, output.rows, output.classes);
      break;
    case Divergence::MSE:
      total += measureMse(x, y, output.rows * output.classes);
      break;
    case Divergence::Similarity:
      for (const float *rows : {x, y}) {
        copyUnitRows(rows, output.rows, output.classes, next);
        next += output.rows * output.classes;
      }
      break;
    }
  }
  if (kind != Divergence::Similarity)
    kept[0] = float(total);
}

double OutputDivergence::reduce(ArrayRef<float> kept) const {
  if (kind != Divergence::Similarity)
    return OutputComparison::reduce(kept);
  double total = 0;
  int64_t width = getWidth(), offset = 0;
  for (const Output &output : outputs) {
    std::vector<const float *> x, y;
    for (size_t sample = 0; sample < kept.size(); sample += width)
      for (int64_t row = 0; row < output.rows; ++row) {
        x.push_back(kept.data() + sample + offset + row * output.classes);
        y.push_back(x.back() + output.rows * output.classes);
      }
    offset += 2 * output.rows * output.classes;
    if (output.rows)
      total += measureSimilarity(x, y, output.classes);
  }
  return total;
}

bool OutputDivergence::argmaxDiffers(Outputs baseline, Outputs other) const {
  for (auto [output, a, b] : llvm::zip(outputs, baseline, other))
    for (int64_t row = 0; row < output.rows; ++row) {
      const float *x = reinterpret_cast<const float *>(a) + row * output.classes;
      const float *y = reinterpret_cast<const float *>(b) + row * output.classes;
      if (std::max_element(x, x + output.classes) - x != std::max_element(y, y + output.classes) - y)
        return true;
    }
  return false;
}
