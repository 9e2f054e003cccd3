//===----------------------------------------------------------------------===//
// Part of MPQ, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//===----------------------------------------------------------------------===//
//
// Packed weights get their bytes in the blobs `weights` and `prepared`:
//
//   %p = mpq.pack %w "conv1.weight" with @pack_0
//     =>  mpq.slot "conv1.weight" at 0 size 2304 packed by @pack_0
//             from dense_resource<...>
//         %p = to_tensor (memref.view %weights[0])
//
//===----------------------------------------------------------------------===//

#include "dialects/MPQ/MPQ.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Bufferization/IR/Bufferization.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/Dialect/MemRef/IR/MemRef.h"
#include "mlir/IR/Matchers.h"
#include "mlir/Pass/Pass.h"

namespace mpq {
#define GEN_PASS_DEF_PLACEWEIGHTSPASS
#include "PlaceWeights.h.inc"
} // namespace mpq

using namespace mlir;
using namespace mpq;

namespace {

constexpr int64_t kAlignment = 64;

/// The bytes of one blob, handed out in order.
struct Blob {
  int64_t size = 0;
  int64_t allocate(int64_t bytes) {
    int64_t offset = size;
    size += llvm::alignTo(bytes, kAlignment);
    return offset;
  }
};

class WeightPlacement {
public:
  explicit WeightPlacement(ModuleOp module) : module(module) {}

  LogicalResult run(func::FuncOp main) {
    SmallVector<PackOp> packs(main.getOps<PackOp>());
    for (PackOp pack : packs)
      if (failed(place(pack)))
        return failure();
    addPrepare(main.getLoc());
    addBlobArguments(main);
    for (auto [pack, slot] : llvm::zip(packs, slots))
      replaceByView(main, pack, slot);
    return success();
  }

private:
  /// The constant behind a pack: f32 values or the payload of a stored weight.
  static ElementsAttr getSource(PackOp pack) {
    Operation *op = pack.getWeight().getDefiningOp();
    ElementsAttr value;
    if (auto stored = dyn_cast_or_null<mpq::ConstantOp>(op))
      return stored.getPayload();
    if (op && matchPattern(op, m_Constant(&value)))
      return value;
    return nullptr;
  }

  LogicalResult place(PackOp pack) {
    ElementsAttr source = getSource(pack);
    if (!source)
      return pack.emitOpError("packs '")
             << pack.getSite() << "', which is not a constant";
    bool stored = isa<StoredTensorType>(pack.getWeight().getType());
    bool prepared = stored && !pack.getAsStored();
    OpBuilder builder = OpBuilder::atBlockBegin(module.getBody());
    if (!slots.empty())
      builder.setInsertionPointAfter(slots.back());
    int64_t bytes = pack.getType().getNumElements();
    IntegerAttr sourceOffset;
    if (prepared)
      sourceOffset = builder.getI64IntegerAttr(placePayload(source));
    int64_t offset = prepared ? this->prepared.allocate(bytes)
                     : stored ? placePayload(source)
                              : weights.allocate(bytes);
    slots.push_back(SlotOp::create(
        builder, pack.getLoc(), pack.getSiteAttr(),
        builder.getI64IntegerAttr(offset), builder.getI64IntegerAttr(bytes),
        prepared ? builder.getUnitAttr() : UnitAttr(), pack.getPackerAttr(),
        source, sourceOffset));
    return success();
  }

  /// The offset of a payload, which is stored once however many read it.
  int64_t placePayload(ElementsAttr payload) {
    auto [entry, isNew] = payloads.try_emplace(payload, 0);
    if (isNew)
      entry->second = weights.allocate(payload.getNumElements());
    return entry->second;
  }

  static Value emitView(OpBuilder &builder, Location loc, Value blob,
                        int64_t offset, int64_t bytes) {
    Value start = arith::ConstantIndexOp::create(builder, loc, offset);
    return memref::ViewOp::create(builder, loc,
                                  MemRefType::get({bytes}, builder.getI8Type()),
                                  blob, start, ValueRange{});
  }

  MemRefType getBlobType(const Blob &blob) {
    return MemRefType::get({std::max<int64_t>(blob.size, kAlignment)},
                           IntegerType::get(module.getContext(), 8));
  }

  /// @prepare(%weights, %prepared): packs what is stored in low bits.
  void addPrepare(Location loc) {
    OpBuilder builder = OpBuilder::atBlockEnd(module.getBody());
    auto type = builder.getFunctionType(
        {getBlobType(weights), getBlobType(prepared)}, {});
    auto prepare = func::FuncOp::create(builder, loc, "prepare", type);
    prepare->setAttr("mpq.entry", builder.getStringAttr("mpq_prepare"));
    Block *block = prepare.addEntryBlock();
    builder.setInsertionPointToStart(block);
    for (SlotOp slot : slots) {
      if (!slot.getPrepared())
        continue;
      Value from =
          emitView(builder, loc, block->getArgument(0), *slot.getSourceOffset(),
                   slot.getValue().getNumElements());
      Value to = emitView(builder, loc, block->getArgument(1), slot.getOffset(),
                          slot.getSize());
      func::CallOp::create(builder, loc, slot.getPacker(), TypeRange{},
                           ValueRange{from, to});
    }
    func::ReturnOp::create(builder, loc);
  }

  void addBlobArguments(func::FuncOp main) {
    Builder builder(main.getContext());
    DictionaryAttr none = builder.getDictionaryAttr({});
    (void)main.insertArgument(0, getBlobType(weights), none, main.getLoc());
    (void)main.insertArgument(1, getBlobType(prepared), none, main.getLoc());
    main->setAttr("mpq.entry", builder.getStringAttr("mpq_run"));
    main->setAttr("mpq.weights_bytes", builder.getI64IntegerAttr(weights.size));
    main->setAttr("mpq.prepared_bytes",
                  builder.getI64IntegerAttr(prepared.size));
  }

  void replaceByView(func::FuncOp main, PackOp pack, SlotOp slot) {
    OpBuilder builder(pack);
    Value blob = main.getArgument(slot.getPrepared() ? 1 : 0);
    Value view = emitView(builder, pack.getLoc(), blob, slot.getOffset(),
                          slot.getSize());
    Value tensor = bufferization::ToTensorOp::create(
        builder, pack.getLoc(), pack.getType(), view,
        /*restrict=*/true, /*writable=*/false);
    pack.replaceAllUsesWith(tensor);
    Operation *source = pack.getWeight().getDefiningOp();
    pack.erase();
    if (source && source->use_empty())
      source->erase();
  }

  ModuleOp module;
  Blob weights, prepared;
  DenseMap<Attribute, int64_t> payloads;
  SmallVector<SlotOp> slots;
};

struct PlaceWeightsPass : mpq::impl::PlaceWeightsPassBase<PlaceWeightsPass> {
  using Base::Base;

  void runOnOperation() override {
    auto main = getOperation().lookupSymbol<func::FuncOp>("main");
    if (!main) {
      getOperation().emitError("module has no function @main");
      return signalPassFailure();
    }
    if (failed(WeightPlacement(getOperation()).run(main)))
      signalPassFailure();
  }
};

} // namespace
