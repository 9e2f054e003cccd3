//===----------------------------------------------------------------------===//
// Part of MPQ, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//===----------------------------------------------------------------------===//
#include "dialects/ONNX/Window.h"

#include "llvm/Support/MathExtras.h"

using namespace mlir;

namespace mpq::onnx {

/// The integers of an attribute, which must be `count`, or `count` defaults.
static FailureOr<Shape> getIntegers(Operation *op, StringRef name, size_t count,
                                    int64_t defaultValue, int64_t minimum) {
  auto attribute = op->getAttrOfType<DenseI64ArrayAttr>(name);
  if (!attribute)
    return Shape(count, defaultValue);
  if (size_t(attribute.size()) != count)
    return op->emitOpError()
           << "has " << attribute.size() << " " << name << " when it should be "
           << count << " for " << (name == "pads" ? count / 2 : count)
           << " spatial dimensions";
  for (int64_t value : attribute.asArrayRef())
    if (value < minimum || value > INT32_MAX)
      return op->emitOpError() << "has the value " << value << " in " << name
                               << " when it should be at least " << minimum;
  return llvm::to_vector(attribute.asArrayRef());
}

FailureOr<Window> Window::get(Operation *op, ArrayRef<int64_t> input,
                              ArrayRef<int64_t> weights) {
  size_t rank = input.size();
  Window window;
  auto kernel = getIntegers(op, "kernel_shape", rank, kDynamic, 1);
  auto strides = getIntegers(op, "strides", rank, 1, 1);
  auto dilations = getIntegers(op, "dilations", rank, 1, 1);
  if (failed(kernel) || failed(strides) || failed(dilations))
    return failure();
  for (auto [d, size] : llvm::enumerate(weights)) {
    if (!isDynamic(size) && (size < 1 || size > INT32_MAX))
      return op->emitOpError() << "has weights for a kernel of size " << size;
    if (isDynamic((*kernel)[d]))
      (*kernel)[d] = size;
    if (failed(checkSame(op, (*kernel)[d], "kernel_shape", size,
                         "that of the weights")))
      return failure();
  }
  window.kernel = *kernel;
  window.strides = *strides;
  window.dilations = *dilations;
  if (auto ceilMode = op->getAttrOfType<IntegerAttr>("ceil_mode"))
    window.ceilMode = ceilMode.getInt() != 0;

  auto mode = op->getAttrOfType<StringAttr>("auto_pad");
  StringRef autoPad = mode ? mode.getValue() : "NOTSET";
  if (autoPad == "NOTSET") {
    // Negative pads crop; the standard does not allow them, nor do we.
    auto pads = getIntegers(op, "pads", 2 * rank, 0, 0);
    if (failed(pads))
      return failure();
    window.padsBegin.assign(pads->begin(), pads->begin() + rank);
    window.padsEnd.assign(pads->begin() + rank, pads->end());
    return window;
  }
  window.padsBegin.assign(rank, 0);
  window.padsEnd.assign(rank, 0);
  if (autoPad == "VALID")
    return window;
  if (autoPad != "SAME_UPPER" && autoPad != "SAME_LOWER")
    return op->emitOpError() << "has the unknown auto_pad '" << autoPad << "'";
  window.same = true;
  for (size_t d = 0; d < rank; ++d) {
    if (isDynamic(input[d]) ||
        isDynamic(window.kernel[d])) {
      window.padsBegin[d] = window.padsEnd[d] = kDynamic;
      continue;
    }
    int64_t extent = window.dilations[d] * (window.kernel[d] - 1) + 1;
    int64_t output = llvm::divideCeil(input[d], window.strides[d]);
    int64_t total = std::max<int64_t>(0, (output - 1) * window.strides[d] +
                                             extent - input[d]);
    // The odd one goes where the mode says.
    int64_t less = total / 2;
    window.padsBegin[d] = autoPad == "SAME_UPPER" ? less : total - less;
    window.padsEnd[d] = total - window.padsBegin[d];
  }
  return window;
}

FailureOr<Shape> Window::getOutput(Operation *op,
                                   ArrayRef<int64_t> input) const {
  Shape output;
  for (auto [d, size] : llvm::enumerate(input)) {
    if (isDynamic(size) ||
        (isDynamic(kernel[d]) && !same)) {
      output.push_back(kDynamic);
      continue;
    }
    if (same) {
      output.push_back(llvm::divideCeil(size, strides[d]));
      continue;
    }
    int64_t extent = dilations[d] * (kernel[d] - 1) + 1;
    int64_t room = size + padsBegin[d] + padsEnd[d] - extent;
    if (room < 0)
      return op->emitOpError()
             << "has a window of " << extent << " when the padded dimension "
             << d << " has " << size + padsBegin[d] + padsEnd[d];
    int64_t count = room / strides[d] + 1;
    // A last window that is not full, unless it starts in the padding.
    if (ceilMode && room % strides[d] != 0 &&
        count * strides[d] < size + padsBegin[d])
      ++count;
    output.push_back(count);
  }
  return output;
}

} // namespace mpq::onnx
