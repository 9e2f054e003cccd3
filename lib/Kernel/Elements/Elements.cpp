//===----------------------------------------------------------------------===//
// Part of MPQ, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//===----------------------------------------------------------------------===//
//
// From logical positions to elements in memory.
//
//===----------------------------------------------------------------------===//

#include "mpq/Kernel/Elements.h"

#include "dialects/MPQ/ComputeOps.h"

using namespace mlir;
using namespace mpq;

UniformAttr mpq::getCodes(UniformAttr quant) {
  return quant && !quant.isDynamic() ? quant : UniformAttr();
}

Index mpq::elementOffset(KernelBuilder &k, const Activation &activation,
                         ArrayRef<Index> position) {
  if (activation.shape.size() == 4) {
    Index channelBlock = k.floorDiv(position[1], activation.block);
    Index lane = k.mod(position[1], activation.block);
    return k.add(activation.offset(k, position[0], channelBlock, position[2],
                                   position[3]),
                 lane);
  }
  Index at = 0;
  for (auto [size, index] : llvm::zip_equal(activation.shape, position))
    at = k.add(k.mul(at, size), index);
  return at;
}

Value mpq::readElement(KernelBuilder &k, const Activation &from,
                       ArrayRef<Index> position) {
  Value element = k.load(from.buffer, elementOffset(k, from, position));
  return from.quant ? k.dequantize(element, from.quant) : element;
}

Value mpq::makeZeroElement(KernelBuilder &k, const Activation &activation) {
  if (activation.quant)
    return k.integer(8, static_cast<int8_t>(activation.quant.getZeroPoint()));
  return k.f32(0.0);
}

void mpq::writeElements(KernelBuilder &k, const Activation &to,
                        function_ref<Value(ArrayRef<Index>)> value) {
  k.forEach(to.shape, [&](ArrayRef<Index> position) {
    Value real = value(position);
    k.store(to.quant ? k.quantize(real, to.quant) : real, to.buffer,
            elementOffset(k, to, position));
  });
  if (to.shape.size() != 4)
    return;
  k.fillBorder(to);
  int64_t last = to.channelBlocks() - 1, valid = to.shape[1] - last * to.block;
  if (valid == to.block)
    return;
  k.forEach({to.shape[0], to.shape[2], to.shape[3]}, [&](ArrayRef<Index> at) {
    k.fill(to.buffer, to.offset(k, at[0], last, at[1], at[2]) + valid,
           to.block - valid, makeZeroElement(k, to));
  });
}

Value Transfer::makeZeros(int64_t lanes) const {
  if (from.quant)
    return k.splatInteger(8, static_cast<int8_t>(from.quant.getZeroPoint()),
                          lanes);
  return k.splatF32(0.0, lanes);
}

void mpq::forEachUnrolled(KernelBuilder &k, int64_t count,
                          function_ref<void(Index)> body) {
  constexpr int64_t kFactor = 4;
  int64_t complete = count / kFactor * kFactor;
  k.forLoop(0, complete, kFactor, [&](Index i) {
    for (int64_t lane = 0; lane < kFactor; ++lane)
      body(i + lane);
  });
  for (int64_t i = complete; i < count; ++i)
    body(i);
}

void mpq::forEachChannelBlock(KernelBuilder &k, const Activation &activation,
                              function_ref<void(Index, int64_t)> body) {
  int64_t complete = activation.shape[1] / activation.block;
  k.forLoop(0, complete, 1,
            [&](Index block) { body(block, activation.block); });
  if (int64_t valid = activation.shape[1] % activation.block)
    body(complete, valid);
}

UniformAttr mpq::getQuantOf(MapOp op, unsigned input) {
  std::optional<ArrayAttr> quants = op.getInputQuants();
  return quants && input < quants->size()
             ? dyn_cast<UniformAttr>((*quants)[input])
             : UniformAttr();
}

bool mpq::isPerColumn(MapOp op, unsigned input) {
  return cast<ShapedType>(op.getInputs()[input].getType()).getRank() == 1 &&
         cast<ShapedType>(op.getInit().getType()).getRank() > 1;
}

bool mpq::isPerRow(MapOp op, unsigned input) {
  auto type = cast<ShapedType>(op.getInputs()[input].getType());
  auto result = cast<ShapedType>(op.getInit().getType());
  return !op.getOutputLayoutAttr() && type.getRank() == 2 &&
         result.getRank() == 2 && type.getDimSize(1) == 1 &&
         result.getDimSize(1) != 1;
}

/// The activations of `op` of rank 4, with their layouts; the result is last.
static SmallVector<std::pair<Value, BlockedAttr>>
getImages(ComputeOpInterface op) {
  SmallVector<std::pair<Value, BlockedAttr>> images;
  for (auto [index, operand] : llvm::enumerate(op.getActivationOperands()))
    images.push_back({operand->get(), op.getActivationLayout(index)});
  Value init = cast<DestinationStyleOpInterface>(op.getOperation())
                   .getDpsInitOperand(0)
                   ->get();
  images.push_back({init, op.getResultLayout()});
  llvm::erase_if(images, [](auto image) {
    return getLogicalShape(image.first.getType(), image.second).size() != 4;
  });
  return images;
}

bool mpq::isOnBlocks(Operation *op, const KernelTarget &target,
                     std::string &reason) {
  auto images = getImages(cast<ComputeOpInterface>(op));
  if (images.empty()) {
    reason = "has no activations of rank 4";
    return false;
  }
  auto [result, layout] = images.back();
  bool undecided =
      isa<RankedTensorType>(result.getType()) &&
      llvm::all_of(images, [](auto image) { return !image.second; });
  if (undecided) {
    int64_t channels = cast<ShapedType>(result.getType()).getDimSize(1);
    if (2 * channels >= target.lanes())
      return true;
    reason = "has " + std::to_string(channels) +
             " channels, less than half a vector of " +
             std::to_string(target.lanes());
    return false;
  }
  for (auto [image, other] : images)
    if (!layout || !other || other.getBlock() != layout.getBlock() ||
        other.getBlock() == 1) {
      reason = "has activations that are not in blocks of one size";
      return false;
    }
  return true;
}

KernelLayouts mpq::getVectorLayouts(Operation *op, const KernelTarget &target) {
  auto compute = cast<ComputeOpInterface>(op);
  // Kernels for codes take 16 of them, whatever the width of a register.
  auto isCodes = [](Type type) {
    return cast<ShapedType>(type).getElementType().isInteger(8);
  };
  int64_t block =
      llvm::any_of(op->getOperandTypes(), isCodes) ? 16 : target.lanes();
  auto getLayout = [&](Type type) -> BlockedAttr {
    ArrayRef<int64_t> shape = cast<ShapedType>(type).getShape();
    return shape.size() == 4
               ? BlockedAttr::get(op->getContext(), shape, block, 0, 0, 0, 0)
               : BlockedAttr();
  };
  KernelLayouts layouts;
  for (OpOperand *operand : compute.getActivationOperands())
    layouts.activations.push_back(getLayout(operand->get().getType()));
  layouts.result = getLayout(cast<DestinationStyleOpInterface>(op)
                                 .getDpsInitOperand(0)
                                 ->get()
                                 .getType());
  return layouts;
}
