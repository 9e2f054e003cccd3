//===----------------------------------------------------------------------===//
// Part of MPQ, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//===----------------------------------------------------------------------===//
//
// The memory plan: all buffers of @main in one arena. @main is one block, so a
// buffer lives from the first to the last op (of the block) that touches it or
// an alias of it, wherever it is allocated.
//
//   time ->   conv1  conv2  add   conv3
//   a         ######################         largest first, lowest free offset:
//   b                #############           b goes above a, c reuses b's bytes
//   c                             #####      once b is dead
//
// Threads that share operations own a part of each buffer, the upper rows of an
// image, say. Which bytes those are depends on the type: if buffers of different
// types share bytes, lines go from one thread's cache to another's whenever the
// one takes the place of the other. A line that another thread has read, like the
// rows beside its part, must be claimed from its cache to be written; buffers that
// do not stay in the first-level cache anyway lose little if they do not share at
// all. So, while the arena stays small (`separate-bytes`), only buffers of one type
// that fit that cache share bytes, or at least only those of one type.
//
// Buffers whose size depends on the symbols come behind those. Which of two is
// larger may change, so they do not share single bytes but whole *slots*: a
// slot holds buffers of which no two live together, and is as large as the
// largest of them.
//
//   slot 0:  memref<?x768xf32>, memref<?x512xf32>      max(3072 s0, 2048 s0)
//   slot 1:  memref<8x?x?xf32>                         32 s0^2
//
//===----------------------------------------------------------------------===//

#include "dialects/ONNX/Sizes.h"

#include "mlir/Dialect/Affine/IR/AffineOps.h"
#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Arith/Utils/Utils.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/Dialect/MemRef/IR/MemRef.h"
#include "mlir/Dialect/Utils/StaticValueUtils.h"
#include "mlir/IR/Matchers.h"
#include "mlir/IR/Remarks.h"
#include "mlir/Interfaces/ViewLikeInterface.h"
#include "mlir/Pass/Pass.h"

#include <limits>

namespace mpq {
#define GEN_PASS_DECL_PLANMEMORYPASS
#define GEN_PASS_DEF_PLANMEMORYPASS
#include "PlanMemory.h.inc"
} // namespace mpq

using namespace mlir;
using namespace mpq;

namespace {

constexpr int64_t kAlignment = 64;
/// Position of the arena among the arguments: after the two weight blobs.
constexpr unsigned kArenaArgument = 2;

struct Buffer {
  memref::AllocOp alloc;
  int64_t bytes = 0;
  unsigned first = 0, last = 0; ///< positions in the block, inclusive
  int64_t offset = -1;
  AffineExpr dynamicBytes; ///< instead of `bytes`
  Value dynamicOffset;

  bool overlapsInTime(const Buffer &other) const {
    return first <= other.last && other.first <= last;
  }
};

/// Positions of the ops of a block.
class Positions {
public:
  explicit Positions(Block &block) : block(block) {
    for (auto [index, op] : llvm::enumerate(block))
      positions[&op] = index;
  }
  unsigned of(Operation *op) const {
    return positions.lookup(block.findAncestorOpInBlock(*op));
  }

private:
  Block &block;
  DenseMap<Operation *, unsigned> positions;
};

/// Extends [first, last] by the positions at which `value` or an alias of it is
/// used.
void addUses(Value value, const Positions &positions, unsigned &first,
             unsigned &last) {
  for (Operation *user : value.getUsers()) {
    if (isa<memref::DeallocOp>(user))
      continue;
    if (auto view = dyn_cast<ViewLikeOpInterface>(user)) {
      addUses(view.getViewDest(), positions, first, last);
      continue;
    }
    first = std::min(first, positions.of(user));
    last = std::max(last, positions.of(user));
    for (Value result : user->getResults())
      if (isa<MemRefType>(result.getType()))
        addUses(result, positions, first, last);
  }
}

/// Symbol i is an element of the argument `sizes`: index_cast(load sizes[i]).
AffineExpr getSymbol(Value value) {
  auto cast = value.getDefiningOp<arith::IndexCastOp>();
  auto load = cast ? cast.getIn().getDefiningOp<memref::LoadOp>() : nullptr;
  APInt position;
  if (!load || !isa<BlockArgument>(load.getMemRef()) ||
      load.getIndices().size() != 1 ||
      !matchPattern(load.getIndices()[0], m_ConstantInt(&position)))
    return {};
  return getAffineSymbolExpr(
      position.getLimitedValue(std::numeric_limits<unsigned>::max()),
      value.getContext());
}

AffineExpr getLeaf(Value value);

int64_t toSize(OpFoldResult size) {
  if (auto constant = getConstantIntValue(size))
    return *constant;
  return onnx::toSize(onnx::getExpr(cast<Value>(size), getLeaf));
}

/// The size of a dimension of a buffer.
int64_t getSize(Value buffer, int64_t dimension) {
  auto type = cast<MemRefType>(buffer.getType());
  if (!type.isDynamicDim(dimension))
    return type.getDimSize(dimension);
  if (auto alloc = buffer.getDefiningOp<memref::AllocOp>())
    return onnx::toSize(onnx::getExpr(
        alloc.getDynamicSizes()[type.getDynamicDimIndex(dimension)], getLeaf));
  if (auto expand = buffer.getDefiningOp<memref::ExpandShapeOp>())
    return toSize(expand.getMixedOutputShape()[dimension]);
  if (auto cast = buffer.getDefiningOp<memref::ReinterpretCastOp>())
    return toSize(cast.getMixedSizes()[dimension]);
  if (auto part = buffer.getDefiningOp<memref::SubViewOp>()) {
    llvm::SmallBitVector dropped = part.getDroppedDims();
    for (auto [d, size] : llvm::enumerate(part.getMixedSizes()))
      if (!dropped.test(d) && dimension-- == 0)
        return toSize(size);
  }
  auto collapse = buffer.getDefiningOp<memref::CollapseShapeOp>();
  if (!collapse)
    return onnx::kDynamic;
  int64_t size = 1;
  for (int64_t d : collapse.getReassociationIndices()[dimension])
    size = onnx::multiplySizes(size, getSize(collapse.getSrc(), d));
  return size;
}

/// What sizes are made of: symbols, and sizes of other buffers.
AffineExpr getLeaf(Value value) {
  if (auto dim = value.getDefiningOp<memref::DimOp>())
    if (std::optional<int64_t> index = dim.getConstantIndex())
      return onnx::toExpr(getSize(dim.getSource(), *index), value.getContext());
  return getSymbol(value);
}

/// Bytes of a buffer, rounded up: a number, an expression of the symbols, or
/// unknown.
int64_t getBytes(memref::AllocOp alloc) {
  MemRefType type = alloc.getType();
  int64_t bytes = llvm::divideCeil(type.getElementTypeBitWidth(), 8);
  auto dynamic = alloc.getDynamicSizes().begin();
  for (int64_t size : type.getShape()) {
    if (ShapedType::isDynamic(size))
      size = onnx::toSize(onnx::getExpr(*dynamic++, getLeaf));
    bytes = onnx::multiplySizes(bytes, size);
  }
  if (!onnx::isSymbolic(bytes))
    return onnx::isUnknown(bytes) ? bytes : llvm::alignTo(bytes, kAlignment);
  AffineExpr expr = onnx::toExpr(bytes, alloc.getContext());
  return expr.isMultipleOf(kAlignment)
             ? bytes
             : onnx::toSize(expr.ceilDiv(uint64_t(kAlignment)) * kAlignment);
}

/// Whether the symbols in the size of `alloc` are among those of the model.
LogicalResult verifySymbols(memref::AllocOp alloc, AffineExpr bytes,
                            unsigned numSymbols) {
  std::optional<unsigned> unknown;
  bytes.walk([&](AffineExpr expr) {
    if (auto symbol = dyn_cast<AffineSymbolExpr>(expr);
        symbol && symbol.getPosition() >= numSymbols)
      unknown = symbol.getPosition();
  });
  if (!unknown)
    return success();
  return alloc.emitOpError("of type ")
         << alloc.getType() << " has a size made of symbol " << *unknown
         << " when the model has " << numSymbols << " symbols";
}

FailureOr<SmallVector<Buffer>> collectBuffers(func::FuncOp function,
                                              unsigned numSymbols) {
  Positions positions(function.getBody().front());
  SmallVector<Buffer> buffers;
  WalkResult result = function.walk([&](memref::AllocOp alloc) {
    Buffer buffer;
    buffer.alloc = alloc;
    buffer.bytes = getBytes(alloc);
    if (onnx::isUnknown(buffer.bytes) ||
        alloc->getBlock() != &function.getBody().front()) {
      alloc.emitOpError("of type ")
          << alloc.getType()
          << " needs a size that is a function of the model's symbols, and to "
             "be outside of loops, to be planned";
      return WalkResult::interrupt();
    }
    if (onnx::isSymbolic(buffer.bytes)) {
      buffer.dynamicBytes = onnx::toExpr(buffer.bytes, alloc.getContext());
      if (failed(verifySymbols(alloc, buffer.dynamicBytes, numSymbols)))
        return WalkResult::interrupt();
    }
    buffer.first = std::numeric_limits<unsigned>::max();
    addUses(alloc, positions, buffer.first, buffer.last);
    buffers.push_back(buffer);
    return WalkResult::advance();
  });
  if (result.wasInterrupted())
    return failure();
  return buffers;
}

/// Which buffers share no bytes even if they never live at the same time: none,
/// those of different types, and those that leave the first-level cache, too.
enum class Apart { None, Types, TypesAndLarge };

/// Assigns offsets to static buffers; returns how much they take.
int64_t assignOffsets(MutableArrayRef<Buffer> buffers, Apart apart) {
  // With a result of the same size, of which a thread has a half, they take 32 KiB
  // or more (docs/Rationale/Threads.md).
  constexpr int64_t kLarge = 32 * 1024 * 2 / 3;
  auto mustBeApart = [&](Buffer &a, Buffer &b) {
    if (a.overlapsInTime(b))
      return true;
    if (apart == Apart::TypesAndLarge && a.bytes > kLarge)
      return true;
    return apart != Apart::None && a.alloc.getType() != b.alloc.getType();
  };
  SmallVector<Buffer *> order;
  for (Buffer &buffer : buffers)
    if (!buffer.dynamicBytes)
      order.push_back(&buffer);
  llvm::stable_sort(order,
                    [](Buffer *a, Buffer *b) { return a->bytes > b->bytes; });
  int64_t arena = 0;
  SmallVector<Buffer *> placed; // by offset
  for (Buffer *buffer : order) {
    int64_t offset = 0;
    for (Buffer *other : placed)
      if (mustBeApart(*buffer, *other)) {
        if (other->offset - offset >= buffer->bytes)
          break;
        offset = std::max(offset, other->offset + other->bytes);
      }
    buffer->offset = offset;
    arena = std::max(arena, offset + buffer->bytes);
    placed.insert(llvm::upper_bound(placed, buffer,
                                    [](Buffer *a, Buffer *b) {
                                      return a->offset < b->offset;
                                    }),
                  buffer);
  }
  return arena;
}

//===----------------------------------------------------------------------===//
// Dynamic buffers
//===----------------------------------------------------------------------===//

/// Buffers that share bytes.
struct Slot {
  SmallVector<Buffer *> buffers;
  /// Different sizes of buffers: the slot has the size of the largest.
  SmallVector<AffineExpr> sizes;

  bool isFree(const Buffer &buffer) const {
    return llvm::none_of(
        buffers, [&](Buffer *other) { return buffer.overlapsInTime(*other); });
  }
  void add(Buffer &buffer) {
    buffers.push_back(&buffer);
    if (!llvm::is_contained(sizes, buffer.dynamicBytes))
      sizes.push_back(buffer.dynamicBytes);
  }
};

/// The bytes that a buffer would have if all symbols had one value. It only
/// decides which are placed first.
int64_t getNominalBytes(const Buffer &buffer, unsigned numSymbols) {
  constexpr int64_t kNominal = 128;
  SmallVector<AffineExpr> values(
      numSymbols,
      getAffineConstantExpr(kNominal, buffer.dynamicBytes.getContext()));
  return onnx::toSize(buffer.dynamicBytes.replaceDimsAndSymbols({}, values));
}

SmallVector<Slot> assignSlots(MutableArrayRef<Buffer> buffers,
                              unsigned numSymbols) {
  SmallVector<std::pair<int64_t, Buffer *>> order;
  for (Buffer &buffer : buffers)
    if (buffer.dynamicBytes)
      order.push_back({getNominalBytes(buffer, numSymbols), &buffer});
  llvm::stable_sort(
      order, [](const auto &a, const auto &b) { return a.first > b.first; });
  SmallVector<Slot> slots;
  for (auto [bytes, buffer] : order) {
    auto slot = llvm::find_if(
        slots, [&](const Slot &slot) { return slot.isFree(*buffer); });
    if (slot == slots.end())
      slot = &slots.emplace_back();
    slot->add(*buffer);
  }
  return slots;
}

/// The values of the symbols, from the argument `sizes`.
SmallVector<OpFoldResult> loadSymbols(OpBuilder &b, Location loc, Value sizes,
                                      unsigned numSymbols) {
  SmallVector<OpFoldResult> symbols;
  for (unsigned i = 0; i < numSymbols; ++i) {
    Value index = arith::ConstantIndexOp::create(b, loc, i);
    Value value = memref::LoadOp::create(b, loc, sizes, index);
    symbols.push_back(
        arith::IndexCastOp::create(b, loc, b.getIndexType(), value)
            .getResult());
  }
  return symbols;
}

/// Computes where each slot begins, from `start` on.
void emitOffsets(OpBuilder &b, Location loc, ArrayRef<Slot> slots,
                 int64_t start, ArrayRef<OpFoldResult> symbols) {
  Value offset = arith::ConstantIndexOp::create(b, loc, start);
  for (const Slot &slot : slots) {
    for (Buffer *buffer : slot.buffers)
      buffer->dynamicOffset = offset;
    Value size;
    for (AffineExpr expr : slot.sizes) {
      Value bytes = getValueOrCreateConstantIndexOp(
          b, loc, affine::makeComposedFoldedAffineApply(b, loc, expr, symbols));
      size = size ? arith::MaxSIOp::create(b, loc, size, bytes).getResult()
                  : bytes;
    }
    offset = arith::AddIOp::create(b, loc, offset, size);
  }
}

/// The slots as maps from the symbols to the sizes of which each is the
/// largest.
ArrayAttr getSlotsAttr(ArrayRef<Slot> slots, unsigned numSymbols,
                       MLIRContext *context) {
  SmallVector<Attribute> maps;
  for (const Slot &slot : slots)
    maps.push_back(
        AffineMapAttr::get(AffineMap::get(0, numSymbols, slot.sizes, context)));
  return ArrayAttr::get(context, maps);
}

/// The argument `sizes` of a model with symbols, which stands where the arena is
/// going to be.
LogicalResult verifySizes(func::FuncOp main, unsigned numSymbols) {
  if (numSymbols == 0)
    return success();
  auto expected =
      MemRefType::get({numSymbols}, IntegerType::get(main.getContext(), 64));
  if (main.getNumArguments() > kArenaArgument &&
      main.getArgumentTypes()[kArenaArgument] == expected)
    return success();
  return main.emitOpError("has ")
         << numSymbols << " symbols, and argument " << kArenaArgument
         << " is not their sizes, " << expected;
}

struct PlanMemoryPass : mpq::impl::PlanMemoryPassBase<PlanMemoryPass> {
  using Base::Base;

  void runOnOperation() override {
    auto main = getOperation().lookupSymbol<func::FuncOp>("main");
    if (!main || main.getNumArguments() < kArenaArgument) {
      getOperation().emitError(
          "module has no function @main with placed weights");
      return signalPassFailure();
    }
    auto symbolNames = main->getAttrOfType<ArrayAttr>(onnx::kSymbolsAttr);
    unsigned numSymbols = symbolNames ? symbolNames.size() : 0;
    if (failed(verifySizes(main, numSymbols)))
      return signalPassFailure();
    FailureOr<SmallVector<Buffer>> buffers = collectBuffers(main, numSymbols);
    if (failed(buffers))
      return signalPassFailure();
    int64_t arenaBytes = 0, total = 0;
    for (Apart apart : {Apart::TypesAndLarge, Apart::Types, Apart::None}) {
      arenaBytes = assignOffsets(*buffers, apart);
      if (arenaBytes <= separateBytes)
        break;
    }
    SmallVector<Slot> slots = assignSlots(*buffers, numSymbols);

    OpBuilder builder(&getContext());
    auto type = MemRefType::get({std::max(arenaBytes, kAlignment)},
                                builder.getI8Type());
    (void)main.insertArgument(kArenaArgument, type,
                              builder.getDictionaryAttr({}), main.getLoc());
    main->setAttr("mpq.arena_bytes", builder.getI64IntegerAttr(arenaBytes));
    if (!slots.empty()) {
      main->setAttr("mpq.arena_slots",
                    getSlotsAttr(slots, numSymbols, &getContext()));
      builder.setInsertionPointToStart(&main.getBody().front());
      emitOffsets(builder, main.getLoc(), slots, arenaBytes,
                  loadSymbols(builder, main.getLoc(),
                              main.getArgument(kArenaArgument + 1),
                              numSymbols));
    }
    for (Buffer &buffer : *buffers) {
      builder.setInsertionPoint(buffer.alloc);
      Value offset = buffer.dynamicOffset;
      if (!offset)
        offset = arith::ConstantIndexOp::create(builder, buffer.alloc.getLoc(),
                                                buffer.offset);
      Value view = memref::ViewOp::create(
          builder, buffer.alloc.getLoc(), buffer.alloc.getType(),
          main.getArgument(kArenaArgument), offset,
          buffer.alloc.getDynamicSizes());
      buffer.alloc.replaceAllUsesWith(view);
      buffer.alloc.erase();
      total += buffer.dynamicBytes ? 0 : buffer.bytes;
    }
    main.walk([](memref::DeallocOp dealloc) { dealloc.erase(); });
    remark::analysis(main.getLoc(), remark::RemarkOpts::name("Arena").category(
                                        "mpq-plan-memory"))
        << remark::metric("buffers", buffers->size())
        << remark::metric("bytes", arenaBytes)
        << remark::metric("bytes without sharing", total)
        << remark::metric("slots of dynamic size", slots.size());
  }
};

} // namespace
