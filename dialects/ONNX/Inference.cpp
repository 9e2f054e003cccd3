//===----------------------------------------------------------------------===//
// Part of MPQ, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//===----------------------------------------------------------------------===//
#include "dialects/ONNX/Inference.h"

#include "mlir/Dialect/Tensor/IR/Tensor.h"

using namespace mlir;

namespace mpq::onnx {

/// The inferred type, with what only the old one knows.
static Type refine(Type old, Type inferred) {
  auto a = dyn_cast<RankedTensorType>(old),
       b = dyn_cast<RankedTensorType>(inferred);
  if (!a)
    return inferred;
  if (!b)
    return old;
  if (a.getRank() != b.getRank())
    return inferred;
  Shape known = getSizes(a), shape = getSizes(b);
  for (auto [size, other] : llvm::zip(shape, known))
    if (isUnknown(size))
      size = other;
  return getTypeOf(shape, b.getElementType());
}

/// No tensor of more than this many elements fits in an address space; with the
/// bound, sizes in bytes and sums of sizes do not overflow.
static LogicalResult checkSize(Operation &op, Type type) {
  constexpr int64_t kMaxCount = int64_t(1) << 56;
  auto tensor = dyn_cast<RankedTensorType>(type);
  int64_t count = 1;
  if (tensor)
    for (int64_t size : tensor.getShape()) {
      if (!isDynamic(size) && size > kMaxCount)
        count = -1;
      else if (!isDynamic(size) && size > 0 && count > 0)
        count = count > kMaxCount / size ? -1 : count * size;
      if (!isDynamic(size) && size < 0)
        count = -1;
    }
  if (count > 0)
    return success();
  return op.emitOpError() << "would have a result of type " << type
                          << ", whose size is out of range";
}

static LogicalResult inferOp(Operation &op, ValueTable &values) {
  auto shaped = dyn_cast<ShapeInferenceOpInterface>(op);
  if (!shaped)
    return op.emitOpError("is not supported: no family of ops implements its "
                          "shape inference");
  SmallVector<Type> types;
  if (failed(shaped.inferTypes(values, types)))
    return failure();
  if (types.size() != op.getNumResults())
    return op.emitOpError()
           << "has " << op.getNumResults()
           << " results when shape inference makes " << types.size();
  for (auto [result, type] : llvm::zip(op.getResults(), types)) {
    if (failed(checkSize(op, type)))
      return failure();
    result.setType(refine(result.getType(), type));
    values.erase(result);
  }
  for (Requirement &requirement : takeRequirements(&op))
    values.addRequirement(requirement);
  if (op.getNumResults() == 1 && !isa<ConstantOp>(op))
    if (std::optional<PartialTensor> value = shaped.inferValue(values))
      values.set(op.getResult(0), std::move(*value));
  takeRequirements(&op); // the same again
  return success();
}

/// The sizes of results of an op that has been lowered, or quantizes. Such an
/// op keeps its type if the sizes have become numbers; readers get a cast.
static void inferOther(Operation &op) {
  if (isa<tensor::CastOp>(op))
    return;
  bool isCast = keepsSizes(&op);
  for (Value result : op.getResults()) {
    auto type = dyn_cast<RankedTensorType>(result.getType());
    if (!type || type.hasStaticShape())
      continue;
    RankedTensorType sized =
        getTypeOf(getDefinedSizes(result), type.getElementType());
    if (!sized.hasStaticShape() || isCast) {
      result.setType(sized);
      continue;
    }
    OpBuilder b(op.getContext());
    b.setInsertionPointAfter(&op);
    Value cast = tensor::CastOp::create(b, op.getLoc(), sized, result);
    result.replaceUsesWithIf(cast, [](OpOperand &use) {
      Operation *user = use.getOwner();
      return isa_and_nonnull<ONNXDialect>(user->getDialect()) ||
             user->hasTrait<OpTrait::IsTerminator>() ||
             keepsSizes(user);
    });
  }
}

LogicalResult inferShapes(func::FuncOp function, ValueTable &values,
                          bool keepSizes) {
  if (function.isExternal())
    return success();
  if (!llvm::hasSingleElement(function.getBody()))
    return function.emitOpError("has more than one block");
  assignSymbols(function);
  LogicalResult inferred = success();
  for (Operation &op : function.getBody().front().without_terminator()) {
    if (!isa_and_nonnull<ONNXDialect>(op.getDialect()))
      inferOther(op);
    else if (failed(inferred = inferOp(op, values)))
      break;
  }
  if (failed(inferred)) {
    eraseSizes(function);
    return failure();
  }
  auto terminator =
      dyn_cast<func::ReturnOp>(function.getBody().front().getTerminator());
  if (!terminator)
    return function.emitOpError("does not end with func.return");
  function.setType(FunctionType::get(function.getContext(),
                                     function.getBody().getArgumentTypes(),
                                     terminator.getOperandTypes()));
  if (!keepSizes)
    eraseSizes(function);
  return success();
}

/// The sizes of a type as a map from the symbols.
static Attribute getSizesAttr(RankedTensorType type, unsigned numSymbols) {
  SmallVector<AffineExpr> exprs;
  for (int64_t size : getSizes(type))
    exprs.push_back(isUnknown(size)
                        ? getAffineConstantExpr(-1, type.getContext())
                        : toExpr(size, type.getContext()));
  return AffineMapAttr::get(
      AffineMap::get(0, numSymbols, exprs, type.getContext()));
}

void recordSizes(func::FuncOp function, const ValueTable &values) {
  SmallVector<std::string> symbols = getSymbols(function);
  if (symbols.empty())
    return;
  Builder b(function.getContext());
  SmallVector<StringRef> names(symbols.begin(), symbols.end());
  function->setAttr(kSymbolsAttr, b.getStrArrayAttr(names));
  for (auto [i, type] : llvm::enumerate(function.getArgumentTypes()))
    if (auto tensor = dyn_cast<RankedTensorType>(type)) // or a stored weight
      function.setArgAttr(i, kSizesAttr, getSizesAttr(tensor, symbols.size()));
  for (auto [i, type] : llvm::enumerate(function.getResultTypes())) {
    if (auto tensor = dyn_cast<RankedTensorType>(type))
      function.setResultAttr(i, kSizesAttr,
                             getSizesAttr(tensor, symbols.size()));
    function.setResultAttr(i, kResultAttr, b.getUnitAttr());
  }
  SmallVector<Attribute> requirements;
  llvm::DenseSet<Attribute> known;
  if (auto old = function->getAttrOfType<ArrayAttr>(kRequirementsAttr))
    for (auto requirement : old.getAsRange<ArrayAttr>()) {
      requirements.push_back(requirement);
      known.insert(requirement[0]);
    }
  for (const Requirement &requirement : values.getRequirements()) {
    Attribute set = IntegerSetAttr::get(requirement.set);
    auto name = requirement.loc->findInstanceOf<NameLoc>();
    if (known.insert(set).second)
      requirements.push_back(
          b.getArrayAttr({set, name ? name.getName() : b.getStringAttr("")}));
  }
  function->setAttr(kRequirementsAttr, b.getArrayAttr(requirements));
}

/// The constant of a tensor all of whose elements are numbers or expressions.
static Value buildConstant(OpBuilder &b, Operation &op,
                           const PartialTensor &value, unsigned numSymbols) {
  PartialTensor numbers = value;
  SmallVector<AffineExpr> exprs;
  for (auto [index, element] : llvm::enumerate(value.elements)) {
    exprs.push_back(element.known
                        ? getAffineConstantExpr(element.integer, b.getContext())
                        : toExpr(element.integer, b.getContext()));
    if (!element.known)
      numbers.set(index, int64_t(-1));
  }
  SmallVector<NamedAttribute> attributes = {
      b.getNamedAttr("value", numbers.toConstant())};
  if (!value.isKnown())
    attributes.push_back(b.getNamedAttr(
        ONNXDialect::kSizesAttr,
        AffineMapAttr::get(
            AffineMap::get(0, numSymbols, exprs, b.getContext()))));
  return ConstantOp::create(b, op.getLoc(), value.type, ValueRange(),
                            attributes);
}

void replaceSizes(func::FuncOp function, const ValueTable &values) {
  unsigned numSymbols = getSymbols(function).size();
  for (Operation &op : llvm::make_early_inc_range(
           function.getBody().front().without_terminator())) {
    if (!isa_and_nonnull<ONNXDialect>(op.getDialect()) || isa<ConstantOp>(op) ||
        op.getNumResults() != 1)
      continue;
    Value result = op.getResult(0);
    const PartialTensor *value = values.lookup(result);
    if (!value || value->isFloat() || value->type != result.getType())
      continue;
    if (llvm::any_of(value->elements, [](const PartialTensor::Element &e) {
          return !e.known && !isSymbolic(e.integer);
        }))
      continue;
    OpBuilder b(&op);
    result.replaceAllUsesWith(buildConstant(b, op, *value, numSymbols));
    if (isOpTriviallyDead(&op))
      op.erase();
  }
}

} // namespace mpq::onnx
