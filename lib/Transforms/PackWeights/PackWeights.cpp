//===----------------------------------------------------------------------===//
// Part of MPQ, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//===----------------------------------------------------------------------===//
//
// Weights into their packed layouts:
//
//   mpq.conv ins(%x, %w)
//     =>  %p = mpq.pack %w "conv1.weight" with @pack_conv_f32_0
//         mpq.conv ins(%x, %p)
//         func.func private @pack_conv_f32_0(%w: memref<...>,
//                                            %p: memref<...xi8>)
//
//===----------------------------------------------------------------------===//

#include "mpq/Kernel/KernelBuilder.h"
#include "mpq/Kernel/NamedFamily.h"
#include "mpq/Kernel/WeightReader.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Bufferization/IR/Bufferization.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/Dialect/LLVMIR/LLVMDialect.h"
#include "mlir/Dialect/Math/IR/Math.h"
#include "mlir/Dialect/MemRef/IR/MemRef.h"
#include "mlir/Dialect/SCF/IR/SCF.h"
#include "mlir/Dialect/Vector/IR/VectorOps.h"
#include "mlir/IR/Remarks.h"
#include "mlir/Pass/Pass.h"
#include "llvm/ADT/StringMap.h"

namespace mpq {
#define GEN_PASS_DEF_PACKWEIGHTSPASS
#include "PackWeights.h.inc"
} // namespace mpq

using namespace mlir;
using namespace mpq;

namespace {

class WeightPacker {
public:
  explicit WeightPacker(ModuleOp module)
      : module(module), target(KernelTarget::get(module)) {}

  LogicalResult pack(ComputeOpInterface op) {
    OpOperand *weight = op.getWeightOperand();
    if (!weight || weight->get().getDefiningOp<PackOp>())
      return success();
    if (op->getNumResults() == 0)
      return op.emitOpError(
          "is on memrefs already; weights are packed as tensors");
    KernelFamily *family = getNamedFamily(op, target);
    if (!family)
      return failure();

    auto stored = dyn_cast<StoredTensorType>(weight->get().getType());
    if (stored && family->readsStored(op)) {
      packAsStored(op, *weight, stored);
      return success();
    }
    int64_t bytes = family->getPackedBytes(op, target);
    std::string key = getPackingKey(op);
    func::FuncOp &packer = packers[key];
    if (!packer)
      packer =
          emit(op.getLoc(), weight->get().getType(), bytes,
               "pack_" + family->getName().str(),
               [&](OpBuilder &b, Value source, Value packed) {
                 auto reader =
                     makeReader(source, weight->get().getType(), getAxis(op));
                 family->emitPack(b, op.getLoc(), op, target, *reader, packed);
               });
    remark::analysis(op.getLoc(), remark::RemarkOpts::name("PackedWeight").category("mpq-pack-weights"))
        << "weights packed by " << family->getName() << " take "
        << remark::metric("bytes", bytes) << " bytes";
    if (Attribute layout = family->getPackedLayout(op, target))
      op->setAttr(kPackedLayoutAttr, layout);
    OpBuilder builder(op);
    auto type = RankedTensorType::get({bytes}, builder.getI8Type());
    weight->set(PackOp::create(builder, op.getLoc(), type, weight->get(),
                               getWeightName(weight->get(), op), /*as_stored=*/false,
                               packer.getSymName()));
    return success();
  }

  /// The payload, zeros behind it up to a whole cache line.
  void packAsStored(ComputeOpInterface op, OpOperand &weight,
                    StoredTensorType stored) {
    int64_t payload = stored.getStorageBytes();
    int64_t bytes = llvm::alignTo(payload, 64);
    func::FuncOp &packer = packers["copy " + std::to_string(payload)];
    if (!packer)
      packer = emit(op.getLoc(), stored, bytes, "copy",
                    [&](OpBuilder &b, Value source, Value packed) {
                      KernelBuilder k(b, op.getLoc(), target);
                      k.forLoop(0, payload, 1, [&](Index i) {
                        k.store(k.load(source, i), packed, i);
                      });
                      k.fill(packed, payload, bytes - payload, k.integer(8, 0));
                    });
    OpBuilder builder(op);
    auto type = RankedTensorType::get({bytes}, builder.getI8Type());
    weight.set(PackOp::create(builder, op.getLoc(), type, weight.get(),
                              getWeightName(weight.get(), op),
                              /*as_stored=*/true, packer.getSymName()));
    op->setAttr(kWeightFormatAttr, stored.getFormat());
  }

  /// A stored weight as an f32 tensor: packed by plain decoding.
  void decode(DequantizeOp op) {
    StoredTensorType type = op.getInput().getType();
    auto result = cast<RankedTensorType>(op.getType());
    int64_t bytes = llvm::alignTo(result.getNumElements() * 4, 64);
    std::string key;
    llvm::raw_string_ostream(key) << "decode " << type;
    func::FuncOp &packer = packers[key];
    if (!packer)
      packer = emit(op.getLoc(), type, bytes, "decode",
                    [&](OpBuilder &b, Value source, Value packed) {
                      emitDecode(b, op.getLoc(), type, source, packed);
                    });
    OpBuilder builder(op);
    auto packed = PackOp::create(
        builder, op.getLoc(),
        RankedTensorType::get({bytes}, builder.getI8Type()), op.getInput(),
        getWeightName(op.getInput(), op), /*as_stored=*/false, packer.getSymName());
    Value buffer = bufferization::ToBufferOp::create(
        builder, op.getLoc(), MemRefType::get({bytes}, builder.getI8Type()),
        packed, /*read_only=*/true);
    Value zero = arith::ConstantIndexOp::create(builder, op.getLoc(), 0);
    Value view = memref::ViewOp::create(
        builder, op.getLoc(),
        MemRefType::get(result.getShape(), result.getElementType()), buffer,
        zero, ValueRange{});
    op.replaceAllUsesWith(Value(bufferization::ToTensorOp::create(
        builder, op.getLoc(), result, view, /*restrict=*/true,
        /*writable=*/false)));
    op.erase();
  }

private:
  /// Everything but the weight's values that decides how it is packed.
  std::string getPackingKey(ComputeOpInterface op) {
    std::string key;
    llvm::raw_string_ostream os(key);
    os << op->getName() << op->getAttrDictionary();
    for (Type type : op->getOperandTypes())
      os << ',' << type;
    return key;
  }

  static int64_t getAxis(ComputeOpInterface op) {
    auto matmul = dyn_cast<MatmulOp>(op.getOperation());
    return matmul ? matmul.getWeightAxis() : 0;
  }

  static std::unique_ptr<WeightReader> makeReader(Value source, Type type,
                                                  int64_t axis) {
    if (auto stored = dyn_cast<StoredTensorType>(type))
      return makeStoredReader(source, stored);
    return makeFloatReader(source, cast<ShapedType>(type).getShape(), axis);
  }

  /// The name of the tensor in the model, from the constant's location.
  static std::string getWeightName(Value weight, Operation *user) {
    std::string name;
    for (Operation *op : {weight.getDefiningOp(), user})
      if (op)
        if (auto loc = op->getLoc()->findInstanceOf<NameLoc>())
          return loc.getName().str();
    return "weight";
  }

  func::FuncOp emit(Location loc, Type weightType, int64_t bytes,
                    const std::string &stem,
                    function_ref<void(OpBuilder &, Value, Value)> body) {
    OpBuilder builder = OpBuilder::atBlockEnd(module.getBody());
    MemRefType source;
    if (auto stored = dyn_cast<StoredTensorType>(weightType))
      source = MemRefType::get({stored.getStorageBytes()}, builder.getI8Type());
    else
      source = MemRefType::get(cast<ShapedType>(weightType).getShape(),
                               builder.getF32Type());
    auto packed = MemRefType::get({bytes}, builder.getI8Type());
    std::string name = stem + "_" + std::to_string(packers.size() - 1);
    auto function = func::FuncOp::create(
        builder, loc, name, builder.getFunctionType({source, packed}, {}));
    function.setVisibility(SymbolTable::Visibility::Private);
    Block *block = function.addEntryBlock();
    builder.setInsertionPointToStart(block);
    body(builder, block->getArgument(0), block->getArgument(1));
    builder.setInsertionPointToEnd(block);
    func::ReturnOp::create(builder, loc);
    return function;
  }

  /// packed[tensor offset] = value(row, column), in the tensor's own order.
  void emitDecode(OpBuilder &b, Location loc, StoredTensorType type,
                  Value source, Value packed) {
    int64_t rows = type.getRows(), k = type.getK(), inner = 1;
    for (int64_t size : type.getShape().drop_front(type.getAxis() + 1))
      inner *= size;
    auto constant = [&](int64_t value) -> Value {
      return arith::ConstantIndexOp::create(b, loc, value);
    };
    Value zero = constant(0), one = constant(1);
    Value values = memref::ViewOp::create(
        b, loc, MemRefType::get({rows * k}, b.getF32Type()), packed, zero,
        ValueRange{});
    auto reader = makeStoredReader(source, type);
    auto rowLoop = scf::ForOp::create(b, loc, zero, constant(rows), one);
    OpBuilder::InsertionGuard guard(b);
    b.setInsertionPointToStart(rowLoop.getBody());
    auto columnLoop = scf::ForOp::create(b, loc, zero, constant(k), one);
    b.setInsertionPointToStart(columnLoop.getBody());
    Value row = rowLoop.getInductionVar(),
          column = columnLoop.getInductionVar();
    // Column c of the matrix is element (c / inner, row, c % inner).
    Value outer = arith::DivUIOp::create(b, loc, column, constant(inner));
    Value within = arith::RemUIOp::create(b, loc, column, constant(inner));
    Value offset = arith::MulIOp::create(b, loc, outer, constant(rows));
    offset = arith::AddIOp::create(b, loc, offset, row);
    offset = arith::MulIOp::create(b, loc, offset, constant(inner));
    offset = arith::AddIOp::create(b, loc, offset, within);
    Value value = reader->emitValue(b, loc, row, column);
    memref::StoreOp::create(b, loc, value, values, offset);
  }

  ModuleOp module;
  KernelTarget target;
  llvm::StringMap<func::FuncOp> packers;
};

struct PackWeightsPass : mpq::impl::PackWeightsPassBase<PackWeightsPass> {
  using Base::Base;

  void runOnOperation() override {
    WeightPacker packer(getOperation());
    SmallVector<ComputeOpInterface> ops;
    SmallVector<DequantizeOp> decodes;
    getOperation().walk([&](Operation *op) {
      if (auto compute = dyn_cast<ComputeOpInterface>(op))
        ops.push_back(compute);
      else if (auto decode = dyn_cast<DequantizeOp>(op))
        decodes.push_back(decode);
    });
    for (ComputeOpInterface op : ops)
      if (failed(packer.pack(op)))
        return signalPassFailure();
    for (DequantizeOp op : decodes)
      packer.decode(op);
  }
};

} // namespace
