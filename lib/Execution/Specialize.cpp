//===----------------------------------------------------------------------===//
// Part of MPQ, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//===----------------------------------------------------------------------===//
//
// From symbols to the numbers that a file of arrays has for them.
//
//===----------------------------------------------------------------------===//

#include "mpq/Execution/Specialize.h"

#include "dialects/MPQ/MPQ.h"
#include "dialects/ONNX/Inference.h"
#include "mpq/Support/Npz.h"

#include "mlir/Dialect/Func/IR/FuncOps.h"

using namespace mlir;
using namespace mpq;

namespace {

/// The values of the symbols, and which array has set each.
class Binding {
public:
  Binding(func::FuncOp main, StringRef path)
      : main(main), path(path), names(onnx::getSymbols(main)),
        values(names.size()), from(names.size()) {}

  llvm::Error run() {
    llvm::Expected<std::vector<NpyArray>> arrays = readNpz(path);
    if (!arrays)
      return arrays.takeError();
    for (unsigned i = 0; i < main.getNumArguments(); ++i) {
      auto name =
          main.getArgAttrOfType<StringAttr>(i, onnx::ONNXDialect::kNameAttr);
      auto map = main.getArgAttrOfType<AffineMapAttr>(i, onnx::kSizesAttr);
      if (!map)
        continue;
      llvm::Expected<const NpyArray *> array = findArray(
          *arrays, name ? name.str() : "input" + std::to_string(i), path);
      if (!array)
        return array.takeError();
      if (llvm::Error error = bind(**array, map.getValue()))
        return error;
    }
    return checkRequirements();
  }

  ArrayRef<int64_t> getValues() const { return values; }

private:
  llvm::Error fail(const NpyArray &array, const Twine &reason) {
    return llvm::createStringError(path + ": array '" + array.name +
                                   "' has the shape " +
                                   formatShape(array.shape) + reason);
  }

  llvm::Error bind(const NpyArray &array, AffineMap sizes) {
    if (array.shape.size() != sizes.getNumResults())
      return fail(array, " when the model's input has rank " +
                             Twine(sizes.getNumResults()));
    for (auto [d, expr] : llvm::enumerate(sizes.getResults())) {
      auto symbol = dyn_cast<AffineSymbolExpr>(expr);
      if (!symbol)
        continue; // the data set checks the rest
      unsigned position = symbol.getPosition();
      int64_t size = array.shape[d];
      if (size < 1)
        return fail(array,
                    ", and '" + names[position] + "' should be at least 1");
      if (!from[position].empty() && values[position] != size)
        return fail(array, ", and '" + names[position] + "' is " +
                               Twine(values[position]) + " in array '" +
                               from[position] + "'");
      values[position] = size;
      from[position] = array.name;
    }
    return llvm::Error::success();
  }

  llvm::Error checkRequirements() {
    auto all = main->getAttrOfType<ArrayAttr>(onnx::kRequirementsAttr);
    if (!all)
      return llvm::Error::success();
    SmallVector<AffineExpr> numbers =
        llvm::map_to_vector(values, [&](int64_t v) {
          return getAffineConstantExpr(v, main.getContext());
        });
    for (auto requirement : all.getAsRange<ArrayAttr>()) {
      IntegerSet set = cast<IntegerSetAttr>(requirement[0]).getValue();
      for (unsigned i = 0; i < set.getNumConstraints(); ++i) {
        int64_t value = onnx::toSize(
            set.getConstraint(i).replaceDimsAndSymbols({}, numbers));
        if (set.isEq(i) ? value == 0 : value >= 0)
          continue;
        return llvm::createStringError(
            path + ": sizes do not fit the model: '" +
            cast<StringAttr>(requirement[1]).getValue() + "' needs " +
            onnx::toString(set, names));
      }
    }
    return llvm::Error::success();
  }

  func::FuncOp main;
  StringRef path;
  SmallVector<std::string> names;
  SmallVector<int64_t> values;
  SmallVector<std::string> from;
};

/// Gives the arguments the sizes that `values` make, and drops the symbols.
void setSizes(func::FuncOp main, ArrayRef<int64_t> values) {
  SmallVector<AffineExpr> numbers = llvm::map_to_vector(values, [&](int64_t v) {
    return getAffineConstantExpr(v, main.getContext());
  });
  for (BlockArgument argument : main.getArguments()) {
    auto map = main.getArgAttrOfType<AffineMapAttr>(argument.getArgNumber(),
                                                    onnx::kSizesAttr);
    if (!map)
      continue;
    SmallVector<int64_t> shape;
    for (AffineExpr expr : map.getValue().getResults())
      shape.push_back(onnx::toSize(expr.replaceDimsAndSymbols({}, numbers)));
    argument.setType(
        RankedTensorType::get(shape, getElementTypeOrSelf(argument.getType())));
    main.removeArgAttr(argument.getArgNumber(), onnx::kSizesAttr);
  }
  for (unsigned i = 0; i < main.getNumResults(); ++i)
    for (StringRef name : {onnx::kSizesAttr, onnx::kResultAttr})
      main.removeResultAttr(i, StringAttr::get(main.getContext(), name));
  main->removeAttr(onnx::kSymbolsAttr);
  main->removeAttr(onnx::kRequirementsAttr);
}

/// Ops that quantizing has made hold sizes as they were then: as expressions, of
/// which inference knows nothing.
llvm::Error checkFloat(func::FuncOp main) {
  for (Operation &op : main.getBody().front())
    if (isa_and_nonnull<MPQDialect>(op.getDialect()) && !isa<SiteOp>(op))
      return llvm::createStringError(
          "the sizes of '" + onnx::getSymbols(main).front() +
          "' are still open in a model that is quantized ('" +
          op.getName().getStringRef() +
          "'); they are set before mpq-quantize, in the stages onnx, "
          "calibrated and planned");
  return llvm::Error::success();
}

} // namespace

llvm::Expected<OwningOpRef<ModuleOp>> mpq::specializeSizes(ModuleOp module,
                                                           StringRef path) {
  OwningOpRef<ModuleOp> copy(module.clone());
  auto main = copy->lookupSymbol<func::FuncOp>("main");
  if (!main || !main->hasAttr(onnx::kSymbolsAttr))
    return copy;
  if (llvm::Error error = checkFloat(main))
    return std::move(error);
  Binding binding(main, path);
  if (llvm::Error error = binding.run())
    return std::move(error);
  setSizes(main, binding.getValues());
  onnx::ValueTable values;
  if (failed(onnx::inferShapes(main, values)))
    return llvm::createStringError(
        "could not infer the shapes for the sizes of " + path);
  return copy;
}
