//===----------------------------------------------------------------------===//
// Part of MPQ, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//===----------------------------------------------------------------------===//
//
// The weight as a plain matrix, and access to one real of an activation.
//
//===----------------------------------------------------------------------===//

#include "lib/Kernel/Reference/Reference.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "llvm/Support/MathExtras.h"

using namespace mlir;
using namespace mpq;

static int64_t getColumns(ArrayRef<int64_t> weightShape) {
  int64_t columns = 1;
  for (int64_t size : weightShape.drop_front())
    columns *= size;
  return columns;
}

int64_t reference::getMatrixBytes(ArrayRef<int64_t> weightShape) {
  int64_t elements = weightShape[0] * getColumns(weightShape);
  return llvm::alignTo(elements * sizeof(float), 64);
}

Value reference::getMatrix(KernelBuilder &k, ArrayRef<int64_t> weightShape,
                           Value packed) {
  return k.view(packed, k.b.getF32Type(), 0,
                getMatrixBytes(weightShape) / sizeof(float));
}

void reference::emitMatrix(KernelBuilder &k, ArrayRef<int64_t> weightShape,
                           const WeightReader &weight, Value packed) {
  int64_t rows = weightShape[0], columns = getColumns(weightShape);
  Value matrix = getMatrix(k, weightShape, packed);
  k.forEach({rows, columns}, [&](ArrayRef<Index> at) {
    Value value =
        weight.emitValue(k.b, k.b.getLoc(), k.value(at[0]), k.value(at[1]));
    k.store(value, matrix, k.add(k.mul(at[0], columns), at[1]));
  });
  int64_t end = getMatrixBytes(weightShape) / sizeof(float);
  k.forLoop(rows * columns, end, 1,
            [&](Index at) { k.store(k.f32(0.0), matrix, at); });
}

UniformAttr reference::getStoredQuant(UniformAttr quant) {
  return quant && quant.isDynamic() ? UniformAttr() : quant;
}

Value reference::loadReal(KernelBuilder &k, const Activation &from, Index at) {
  Value element = k.load(from.buffer, at);
  return from.quant ? k.dequantize(element, from.quant) : element;
}

void reference::storeReal(KernelBuilder &k, Value real, const Activation &to,
                          Index at, RangeAttr clamp) {
  k.store(to.quant ? k.quantize(real, to.quant, clamp) : k.clamp(real, clamp),
          to.buffer, at);
}
