//===----------------------------------------------------------------------===//
// Part of MPQ, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//===----------------------------------------------------------------------===//
//
// The interface of @main as users see it: names, and types with the batch.
//
//===----------------------------------------------------------------------===//

#include "dialects/MPQ/Module.h"
#include "dialects/ONNX/ONNX.h"

#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/Pass/Pass.h"

namespace mpq {
#define GEN_PASS_DEF_RECORDINTERFACEPASS
#include "RecordInterface.h.inc"
} // namespace mpq

using namespace mlir;
using namespace mpq;

namespace {

/// The arguments or the results of @main.
class Side {
public:
  Side(func::FuncOp main, bool results) : main(main), results(results) {}

  LogicalResult read() {
    TypeRange all = results ? TypeRange(main.getResultTypes()) : TypeRange(main.getArgumentTypes());
    for (auto [index, type] : llvm::enumerate(all)) {
      auto tensor = dyn_cast<RankedTensorType>(type);
      if (!tensor)
        return main.emitOpError(results ? "result " : "argument ")
               << index << " is of type " << type << " when it should be a ranked tensor";
      auto name = get<StringAttr>(index, "onnx.name");
      names.push_back(name ? name : StringAttr::get(main.getContext(), getKind() + Twine(index)));
      types.push_back(tensor.clone(getShape(index, tensor)));
    }
    return success();
  }

  /// The names of the dimensions of each tensor, "" for those that are numbers.
  SmallVector<Attribute> getDims() {
    SmallVector<Attribute> dims;
    Builder b(main.getContext());
    for (auto [index, type] : llvm::enumerate(types)) {
      auto given = get<ArrayAttr>(index, onnx::ONNXDialect::kDimsAttr);
      SmallVector<Attribute> own;
      for (int64_t d = 0; d < type.getRank(); ++d) {
        auto name = given && d < int64_t(given.size()) ? dyn_cast<StringAttr>(given[d]) : StringAttr();
        own.push_back(type.isDynamicDim(d) && name ? name : b.getStringAttr(""));
      }
      dims.push_back(b.getArrayAttr(own));
    }
    return dims;
  }

  SmallVector<StringAttr> names;
  SmallVector<RankedTensorType> types;

private:
  StringRef getKind() const { return results ? "output" : "input"; }

  template <typename AttrT>
  AttrT get(unsigned index, StringRef name) {
    return dyn_cast_or_null<AttrT>(results ? main.getResultAttr(index, name) : main.getArgAttr(index, name));
  }

  /// Dimension 0 is what the model declares, or runs over samples.
  SmallVector<int64_t> getShape(unsigned index, RankedTensorType type) {
    SmallVector<int64_t> shape(type.getShape());
    if (shape.empty())
      return shape;
    auto declared = get<DenseI64ArrayAttr>(index, "onnx.shape");
    if (declared && declared.size() == type.getRank())
      shape[0] = declared[0];
    if (main->hasAttr("mpq.sample_parallel"))
      shape[0] = ShapedType::kDynamic;
    return shape;
  }

  func::FuncOp main;
  bool results;
};

struct RecordInterfacePass : mpq::impl::RecordInterfacePassBase<RecordInterfacePass> {
  using Base::Base;

  void runOnOperation() override {
    auto main = getOperation().lookupSymbol<func::FuncOp>("main");
    if (!main) {
      getOperation().emitError("module has no function @main");
      return signalPassFailure();
    }
    Side inputs(main, /*results=*/false), outputs(main, /*results=*/true);
    if (failed(inputs.read()) || failed(outputs.read()))
      return signalPassFailure();
    auto interface = InterfaceAttr::getChecked(
        [&] { return main.emitError(); }, &getContext(), ArrayRef(inputs.names), ArrayRef(inputs.types),
        ArrayRef(outputs.names), ArrayRef(outputs.types), main->hasAttr("mpq.sample_parallel"));
    if (!interface)
      return signalPassFailure();
    getOperation()->setAttr(kInterfaceAttr, interface);
    if (!main->hasAttr(onnx::kSymbolsAttr))
      return;
    SmallVector<Attribute> dims = inputs.getDims();
    llvm::append_range(dims, outputs.getDims());
    getOperation()->setAttr(kDimsAttr, ArrayAttr::get(&getContext(), dims));
  }
};

} // namespace
