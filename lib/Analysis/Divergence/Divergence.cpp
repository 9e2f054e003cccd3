//===----------------------------------------------------------------------===//
// Part of MPQ, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//===----------------------------------------------------------------------===//
//
// KL divergence and argmax agreement of model outputs.
//
//===----------------------------------------------------------------------===//

#include "mpq/Analysis/Divergence.h"

#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/IR/BuiltinTypes.h"
#include "llvm/ADT/STLExtras.h"

#include <algorithm>
#include <cmath>

using namespace mlir;
using namespace mpq;

OutputDivergence::OutputDivergence(ModuleOp module) {
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

double OutputDivergence::kl(ArrayRef<const char *> baseline, ArrayRef<const char *> other) const {
  double total = 0;
  std::vector<double> p, q;
  for (auto [output, a, b] : llvm::zip(outputs, baseline, other)) {
    double sum = 0;
    for (int64_t row = 0; row < output.rows; ++row) {
      toLogProbabilities(reinterpret_cast<const float *>(a) + row * output.classes, output.classes,
                         output.probabilities, p);
      toLogProbabilities(reinterpret_cast<const float *>(b) + row * output.classes, output.classes,
                         output.probabilities, q);
      for (int64_t i = 0; i < output.classes; ++i)
        sum += std::exp(p[i]) * (p[i] - q[i]);
    }
    if (output.rows)
      total += sum / output.rows;
  }
  // Rounding can leave a tiny negative sum for equal distributions.
  return std::max(total, 0.0);
}

bool OutputDivergence::argmaxDiffers(ArrayRef<const char *> baseline, ArrayRef<const char *> other) const {
  for (auto [output, a, b] : llvm::zip(outputs, baseline, other))
    for (int64_t row = 0; row < output.rows; ++row) {
      const float *x = reinterpret_cast<const float *>(a) + row * output.classes;
      const float *y = reinterpret_cast<const float *>(b) + row * output.classes;
      if (std::max_element(x, x + output.classes) - x != std::max_element(y, y + output.classes) - y)
        return true;
    }
  return false;
}
