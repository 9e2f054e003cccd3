//===----------------------------------------------------------------------===//
// Part of MPQ, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//===----------------------------------------------------------------------===//
//
// Dynamic arguments in terms of the symbols:
//
//   @main(%x: memref<1x?xf32>)
//     =>  @main(%sizes: memref<1xi64>, %x: memref<1xf32>) {
//           %t = memref.load %sizes[0]    memref.reinterpret_cast %x, [1, %t]
//
// Behind it every size is arithmetic on the elements of `sizes`, which the
// memory plan can read; and all arguments are plain pointers.
//
//===----------------------------------------------------------------------===//

#include "dialects/ONNX/Sizes.h"

#include "mlir/Dialect/Affine/IR/AffineOps.h"
#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Arith/Utils/Utils.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/Dialect/MemRef/IR/MemRef.h"
#include "mlir/Pass/Pass.h"

namespace mpq {
#define GEN_PASS_DEF_BINDSIZESPASS
#include "BindSizes.h.inc"
} // namespace mpq

using namespace mlir;
using namespace mpq;

namespace {

/// Position of `sizes` among the arguments: after the two weight blobs.
constexpr unsigned kSizesArgument = 2;

/// The values of the symbols at the beginning of @main.
SmallVector<OpFoldResult> loadSymbols(OpBuilder &b, Location loc, Value sizes) {
  SmallVector<OpFoldResult> symbols;
  int64_t count = cast<MemRefType>(sizes.getType()).getDimSize(0);
  for (int64_t i = 0; i < count; ++i) {
    Value index = arith::ConstantIndexOp::create(b, loc, i);
    Value value = memref::LoadOp::create(b, loc, sizes, index);
    symbols.push_back(
        arith::IndexCastOp::create(b, loc, b.getIndexType(), value)
            .getResult());
  }
  return symbols;
}

/// Replaces a dynamic argument by a pointer with computed sizes.
LogicalResult bind(OpBuilder &b, func::FuncOp main, BlockArgument argument,
                   ArrayRef<OpFoldResult> symbols) {
  auto type = dyn_cast<MemRefType>(argument.getType());
  if (!type || type.hasStaticShape())
    return success();
  auto map = main.getArgAttrOfType<AffineMapAttr>(argument.getArgNumber(),
                                                  onnx::kSizesAttr);
  if (!map || map.getValue().getNumResults() != type.getRank() ||
      map.getValue().getNumSymbols() != symbols.size())
    return main.emitError("argument ")
           << argument.getArgNumber() << " has the dynamic type " << type
           << " and no '" << onnx::kSizesAttr << "' that says its sizes";
  onnx::Shape sizes;
  for (AffineExpr expr : map.getValue().getResults())
    sizes.push_back(onnx::toSize(expr));
  onnx::Shape strides(sizes.size(), 1);
  for (int64_t d = int64_t(sizes.size()) - 2; d >= 0; --d)
    strides[d] = onnx::multiplySizes(strides[d + 1], sizes[d + 1]);
  auto materialize = [&](ArrayRef<int64_t> list) {
    return llvm::map_to_vector(list, [&](int64_t size) {
      return affine::makeComposedFoldedAffineApply(
          b, main.getLoc(), onnx::toExpr(size, b.getContext()), symbols);
    });
  };
  SmallVector<OpFoldResult> values = materialize(sizes);
  argument.setType(MemRefType::get({1}, type.getElementType()));
  auto cast = memref::ReinterpretCastOp::create(b, main.getLoc(), type,
                                                argument, b.getIndexAttr(0),
                                                values, materialize(strides));
  argument.replaceAllUsesExcept(cast, cast);
  for (Operation *user : llvm::make_early_inc_range(cast->getUsers()))
    if (auto dim = dyn_cast<memref::DimOp>(user))
      if (std::optional<int64_t> index = dim.getConstantIndex()) {
        dim.replaceAllUsesWith(
            getValueOrCreateConstantIndexOp(b, main.getLoc(), values[*index]));
        dim.erase();
      }
  return success();
}

struct BindSizesPass : mpq::impl::BindSizesPassBase<BindSizesPass> {
  using Base::Base;

  void runOnOperation() override {
    auto main = getOperation().lookupSymbol<func::FuncOp>("main");
    auto symbols =
        main ? main->getAttrOfType<ArrayAttr>(onnx::kSymbolsAttr) : nullptr;
    if (!symbols)
      return;
    if (main.getNumArguments() < kSizesArgument) {
      main.emitError("has no arguments for weights; run mpq-place-weights");
      return signalPassFailure();
    }
    OpBuilder b(&getContext());
    auto type =
        MemRefType::get({int64_t(symbols.size())}, b.getIntegerType(64));
    if (failed(main.insertArgument(kSizesArgument, type,
                                   b.getDictionaryAttr({}), main.getLoc())))
      return signalPassFailure();
    b.setInsertionPointToStart(&main.getBody().front());
    SmallVector<OpFoldResult> values =
        loadSymbols(b, main.getLoc(), main.getArgument(kSizesArgument));
    for (BlockArgument argument : main.getArguments())
      if (failed(bind(b, main, argument, values)))
        return signalPassFailure();
    main.setType(b.getFunctionType(main.getBody().getArgumentTypes(), {}));
  }
};

} // namespace
