//===----------------------------------------------------------------------===//
// Part of MPQ, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//===----------------------------------------------------------------------===//
//
// The memory plan: all buffers of @main in one arena. @main is one block, so a
// buffer lives from the first to the last op (of the block) that touches it or
// an alias of it.
//
//   time ->   conv1  conv2  add   conv3
//   a         ######################         largest first, lowest free offset:
//   b                #############           b goes above a, c reuses b's bytes
//   c                             #####      once b is dead
//
//===----------------------------------------------------------------------===//

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/Dialect/MemRef/IR/MemRef.h"
#include "mlir/IR/Remarks.h"
#include "mlir/Interfaces/ViewLikeInterface.h"
#include "mlir/Pass/Pass.h"

namespace mpq {
#define GEN_PASS_DEF_PLANMEMORYPASS
#include "PlanMemory.h.inc"
} // namespace mpq

using namespace mlir;

namespace {

constexpr int64_t kAlignment = 64;
/// Position of the arena among the arguments: after the two weight blobs.
constexpr unsigned kArenaArgument = 2;

struct Buffer {
  memref::AllocOp alloc;
  int64_t bytes = 0;
  unsigned first = 0, last = 0; ///< positions in the block, inclusive
  int64_t offset = -1;

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

/// The last position at which `value` or an alias of it is used.
unsigned getLastUse(Value value, const Positions &positions) {
  unsigned last = 0;
  for (Operation *user : value.getUsers()) {
    last = std::max(last, positions.of(user));
    if (auto view = dyn_cast<ViewLikeOpInterface>(user))
      last = std::max(last, getLastUse(view.getViewDest(), positions));
    else
      for (Value result : user->getResults())
        if (isa<MemRefType>(result.getType()))
          last = std::max(last, getLastUse(result, positions));
  }
  return last;
}

FailureOr<SmallVector<Buffer>> collectBuffers(func::FuncOp function) {
  Positions positions(function.getBody().front());
  SmallVector<Buffer> buffers;
  WalkResult result = function.walk([&](memref::AllocOp alloc) {
    MemRefType type = alloc.getType();
    if (!type.hasStaticShape() ||
        alloc->getBlock() != &function.getBody().front()) {
      alloc.emitOpError("of type ")
          << type << " needs a static shape outside of loops to be planned";
      return WalkResult::interrupt();
    }
    Buffer buffer;
    buffer.alloc = alloc;
    buffer.bytes =
        llvm::alignTo(type.getNumElements() *
                          llvm::divideCeil(type.getElementTypeBitWidth(), 8),
                      kAlignment);
    buffer.first = positions.of(alloc);
    buffer.last = std::max(buffer.first, getLastUse(alloc, positions));
    buffers.push_back(buffer);
    return WalkResult::advance();
  });
  if (result.wasInterrupted())
    return failure();
  return buffers;
}

/// Assigns offsets; returns the size of the arena.
int64_t assignOffsets(MutableArrayRef<Buffer> buffers) {
  SmallVector<Buffer *> order =
      llvm::map_to_vector(buffers, [](Buffer &b) { return &b; });
  llvm::stable_sort(order,
                    [](Buffer *a, Buffer *b) { return a->bytes > b->bytes; });
  int64_t arena = 0;
  SmallVector<Buffer *> placed; // by offset
  for (Buffer *buffer : order) {
    int64_t offset = 0;
    for (Buffer *other : placed)
      if (buffer->overlapsInTime(*other)) {
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

struct PlanMemoryPass : mpq::impl::PlanMemoryPassBase<PlanMemoryPass> {
  using Base::Base;

  void runOnOperation() override {
    auto main = getOperation().lookupSymbol<func::FuncOp>("main");
    if (!main || main.getNumArguments() < kArenaArgument) {
      getOperation().emitError(
          "module has no function @main with placed weights");
      return signalPassFailure();
    }
    FailureOr<SmallVector<Buffer>> buffers = collectBuffers(main);
    if (failed(buffers))
      return signalPassFailure();
    int64_t arenaBytes = assignOffsets(*buffers), total = 0;

    OpBuilder builder(&getContext());
    auto type = MemRefType::get({std::max(arenaBytes, kAlignment)},
                                builder.getI8Type());
    (void)main.insertArgument(kArenaArgument, type,
                              builder.getDictionaryAttr({}), main.getLoc());
    main->setAttr("mpq.arena_bytes", builder.getI64IntegerAttr(arenaBytes));
    for (Buffer &buffer : *buffers) {
      builder.setInsertionPoint(buffer.alloc);
      Value offset = arith::ConstantIndexOp::create(
          builder, buffer.alloc.getLoc(), buffer.offset);
      Value view = memref::ViewOp::create(
          builder, buffer.alloc.getLoc(), buffer.alloc.getType(),
          main.getArgument(kArenaArgument), offset, ValueRange{});
      buffer.alloc.replaceAllUsesWith(view);
      buffer.alloc.erase();
      total += buffer.bytes;
    }
    main.walk([](memref::DeallocOp dealloc) { dealloc.erase(); });
    remark::analysis(main.getLoc(), remark::RemarkOpts::name("Arena").category(
                                        "mpq-plan-memory"))
        << remark::metric("buffers", buffers->size())
        << remark::metric("bytes", arenaBytes)
        << remark::metric("bytes without sharing", total);
  }
};

} // namespace
