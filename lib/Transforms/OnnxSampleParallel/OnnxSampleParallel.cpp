//===----------------------------------------------------------------------===//
// Part of MPQ, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//===----------------------------------------------------------------------===//
//
// Finds out whether a function treats the samples of a batch independently, and
// then makes it a function of one sample.
//
// The function is tried with two batch sizes, 1 and 3, in clones; sizes of
// other dynamic dimensions are expressions (dialects/ONNX/Sizes.h). Walking
// both at once, every value is one of
//
//   Constant   the same for all batch sizes
//   Sized      numbers that depend on the batch size: Shape(x)[0]
//   Batched    dimension 0 is the batch, here 3 and 1, and nothing else differs
//
// and each op must make Batched from Batched (`isSampleParallel`), using no
// Sized number as data. Trying sizes, rather than reasoning about an unknown
// one, is what makes Reshape(x, Concat(Shape(x)[0], -1)) as clear as any other.
//
//===----------------------------------------------------------------------===//
#include "dialects/ONNX/Inference.h"

#include "mlir/IR/Diagnostics.h"
#include "mlir/IR/TypeUtilities.h"
#include "mlir/Pass/Pass.h"
#include "llvm/ADT/StringSet.h"

using namespace mlir;

namespace mpq {
#define GEN_PASS_DEF_ONNXSAMPLEPARALLELPASS
#include "OnnxSampleParallel.h.inc"

namespace {

/// Any size that no model has twice by accident; 1 is what is compiled.
constexpr int64_t kTrialBatch = 3;

enum class Kind { Constant, Sized, Batched };

/// A copy of the function for a batch size, and what is known in it.
struct Trial {
  OwningOpRef<func::FuncOp> function;
  onnx::ValueTable values;

  /// Quietly: the original has no errors, so one of a trial only means that
  /// this batch size does not fit.
  static std::optional<Trial> create(func::FuncOp original, int64_t batch);
};

void setBatch(func::FuncOp function, int64_t batch) {
  for (BlockArgument argument : function.getArguments()) {
    auto type = cast<RankedTensorType>(argument.getType());
    SmallVector<int64_t> shape = llvm::to_vector(type.getShape());
    shape.front() = batch;
    argument.setType(RankedTensorType::get(shape, type.getElementType()));
  }
  // Old types must not outlive the batch size that they were made for.
  for (Operation &op : function.getBody().front().without_terminator())
    if (isa<onnx::ONNXDialect>(op.getDialect()) && !isa<onnx::ConstantOp>(op))
      for (Value result : op.getResults())
        result.setType(
            UnrankedTensorType::get(getElementTypeOrSelf(result.getType())));
}

/// Models that were exported for one sample say so in their Reshapes, too:
/// [1, 16, 4, 4] to [1, 256]. There 1 is meant to be "as before", written 0.
void releaseReshapes(func::FuncOp function) {
  function.walk([](onnx::ReshapeOp op) {
    auto shape = onnx::getConstantIntegers(op.getShape());
    auto from = dyn_cast<RankedTensorType>(op.getData().getType());
    if (!shape || shape->empty() || shape->front() != 1 ||
        llvm::is_contained(*shape, 0) || op.getAllowzero() || !from ||
        from.getRank() == 0 || from.getDimSize(0) != 1)
      return;
    shape->front() = 0;
    OpBuilder b(op);
    auto type = cast<ShapedType>(op.getShape().getType());
    auto value = DenseElementsAttr::get(type, ArrayRef<int64_t>(*shape));
    op.getShapeMutable().assign(
        onnx::ConstantOp::create(b, op.getLoc(), Type(type), ValueRange(),
                                 b.getNamedAttr("value", value)));
  });
}

std::optional<Trial> Trial::create(func::FuncOp original, int64_t batch) {
  Trial trial;
  trial.function = original.clone();
  releaseReshapes(*trial.function);
  setBatch(*trial.function, batch);
  ScopedDiagnosticHandler quiet(original.getContext(),
                                [](Diagnostic &) { return success(); });
  if (failed(onnx::inferShapes(*trial.function, trial.values,
                               /*keepSizes=*/true)))
    return std::nullopt;
  return trial;
}

bool sameElements(const onnx::PartialTensor *a, const onnx::PartialTensor *b) {
  if (!a || !b || a->type != b->type)
    return false;
  return llvm::all_of(llvm::zip(a->elements, b->elements), [](auto pair) {
    auto &[x, y] = pair;
    bool areKnown = x.known && y.known;
    return x.integer == y.integer &&
           (areKnown ? x.real == y.real || x.real != x.real
                     : onnx::isSymbolic(x.integer));
  });
}

/// Whether the types are [3, ...] and [1, ...] with the same rest.
bool isBatchType(Type large, Type small) {
  auto a = dyn_cast<RankedTensorType>(large),
       b = dyn_cast<RankedTensorType>(small);
  return a && b && a.getRank() > 0 && a.getRank() == b.getRank() &&
         a.getDimSize(0) == kTrialBatch && b.getDimSize(0) == 1 &&
         ArrayRef(onnx::getSizes(a)).drop_front() ==
             ArrayRef(onnx::getSizes(b)).drop_front();
}

class Checker {
public:
  Checker(Trial &large, Trial &small) : large(large), small(small) {}

  /// The op of the large trial that prevents it, and why; nothing if none does.
  std::optional<std::pair<Operation *, std::string>> run() {
    for (Value argument : large.function->getArguments())
      kinds[argument] = Kind::Batched;
    for (auto [a, b] :
         llvm::zip(large.function->getBody().front().without_terminator(),
                   small.function->getBody().front().without_terminator()))
      if (std::string why = check(a, b); !why.empty())
        return std::pair(&a, why);
    Operation *end = large.function->getBody().front().getTerminator();
    for (Value result : end->getOperands())
      if (kinds.lookup(result) != Kind::Batched) {
        Operation *op = result.getDefiningOp();
        return std::pair(op ? op : end,
                         std::string("is returned without the samples in "
                                     "dimension 0"));
      }
    return std::nullopt;
  }

private:
  /// Decides the kind of the op's results; or says what is wrong.
  std::string check(Operation &a, Operation &b) {
    auto shaped = dyn_cast<onnx::ShapeInferenceOpInterface>(a);
    SmallVector<bool> batched;
    bool anyBatched = false, anySized = false;
    for (OpOperand &operand : a.getOpOperands()) {
      bool isShape =
          shaped && shaped.isShapeOperand(operand.getOperandNumber());
      Kind kind = kinds.lookup(operand.get());
      batched.push_back(!isShape && kind == Kind::Batched);
      anyBatched |= batched.back();
      anySized |= !isShape && kind == Kind::Sized;
    }
    if (anyBatched)
      return checkBatched(a, b, shaped, batched, anySized);
    // Shapes, and numbers made from them.
    for (auto [x, y] : llvm::zip(a.getResults(), b.getResults())) {
      bool fromShape = llvm::any_of(a.getOperands(), [&](Value operand) {
        return kinds.lookup(operand) != Kind::Constant;
      });
      Kind kind = Kind::Constant;
      if (fromShape &&
          !sameElements(large.values.lookup(x), small.values.lookup(y))) {
        // Expand to the batch size repeats the same data for every sample.
        if (!anySized && !isa<onnx::ShapeOp, onnx::SizeOp>(a) &&
            isBatchType(x.getType(), y.getType()))
          kind = Kind::Batched;
        else if (anySized || x.getType() != y.getType() ||
                 isa<onnx::ShapeOp, onnx::SizeOp>(a))
          kind = Kind::Sized;
      }
      kinds[x] = kind;
    }
    return "";
  }

  std::string checkBatched(Operation &a, Operation &b,
                           onnx::ShapeInferenceOpInterface shaped,
                           ArrayRef<bool> batched, bool anySized) {
    if (anySized)
      return "computes with the batch size";
    if (!shaped || !shaped.isSampleParallel(batched))
      return "mixes samples";
    for (auto [x, y] : llvm::zip(a.getResults(), b.getResults())) {
      if (!isBatchType(x.getType(), y.getType()))
        return "does not keep the samples in dimension 0";
      kinds[x] = Kind::Batched;
    }
    return "";
  }

  Trial &large, &small;
  llvm::DenseMap<Value, Kind> kinds;
};

//===----------------------------------------------------------------------===//
// The pass
//===----------------------------------------------------------------------===//

/// The names of the dimensions of a type: numbers have none. `batch` is that of
/// dimension 0, or empty.
ArrayAttr nameDimensions(Type type, StringRef batch,
                         ArrayRef<std::string> symbols) {
  SmallVector<Attribute> names;
  Builder b(type.getContext());
  for (int64_t size : onnx::getSizes(cast<RankedTensorType>(type)))
    names.push_back(b.getStringAttr(
        onnx::isDynamic(size) ? onnx::toString(size, symbols) : ""));
  if (!batch.empty())
    names[0] = b.getStringAttr(batch);
  return b.getArrayAttr(names);
}

struct OnnxSampleParallelPass final
    : impl::OnnxSampleParallelPassBase<OnnxSampleParallelPass> {
  void runOnOperation() override {
    func::FuncOp function = getOperation();
    if (function.isExternal())
      return;
    onnx::ValueTable values;
    if (failed(onnx::inferShapes(function, values)))
      return signalPassFailure();
    if (isParallel(function)) {
      setBatch(function, 1);
      function->setAttr("mpq.sample_parallel", UnitAttr::get(&getContext()));
    }
    onnx::ValueTable sized;
    if (failed(onnx::inferShapes(function, sized, /*keepSizes=*/true)) ||
        failed(checkSizes(function)))
      return signalPassFailure();
    nameInterface(function);
    onnx::recordSizes(function, sized);
    onnx::eraseSizes(function);
  }

  /// Remarks why not.
  static bool isParallel(func::FuncOp function) {
    auto missed = [&](Location loc) {
      return emitRemark(loc) << "compiled for the whole batch: ";
    };
    for (auto [index, type] : llvm::enumerate(function.getArgumentTypes())) {
      auto tensor = dyn_cast<RankedTensorType>(type);
      if (!tensor || tensor.getRank() == 0 ||
          (!tensor.isDynamicDim(0) && tensor.getDimSize(0) != 1)) {
        missed(function.getLoc()) << "argument " << index << " has type "
                                  << type << ", dimension 0 is not a batch";
        return false;
      }
    }
    if (function.getNumArguments() == 0) {
      missed(function.getLoc()) << "there are no arguments";
      return false;
    }
    if (std::string name = findBatchElsewhere(function); !name.empty()) {
      missed(function.getLoc())
          << "the batch '" << name << "' is another dimension, too";
      return false;
    }
    std::optional<Trial> large = Trial::create(function, kTrialBatch);
    std::optional<Trial> small = Trial::create(function, 1);
    if (!large || !small) {
      missed(function.getLoc()) << "shapes do not fit other batch sizes than "
                                   "the model's";
      return false;
    }
    if (auto found = Checker(*large, *small).run()) {
      missed(found->first->getLoc())
          << "'" << found->first->getName() << "' " << found->second;
      return false;
    }
    return true;
  }

  /// The name of a dimension 0 that other dimensions have, too, or "".
  static std::string findBatchElsewhere(func::FuncOp function) {
    llvm::StringSet<> batches, others;
    for (unsigned i = 0; i < function.getNumArguments(); ++i)
      if (auto dims = function.getArgAttrOfType<ArrayAttr>(
              i, onnx::ONNXDialect::kDimsAttr))
        for (auto [d, name] :
             llvm::enumerate(dims.getAsValueRange<StringAttr>()))
          (d == 0 ? batches : others).insert(name);
    for (const auto &batch : batches)
      if (!batch.getKey().empty() && others.contains(batch.getKey()))
        return batch.getKey().str();
    return "";
  }

  /// Every size is a number or a function of the arguments' sizes.
  static LogicalResult checkSizes(func::FuncOp function) {
    auto checkRanks = [&](StringRef what, TypeRange types) -> LogicalResult {
      for (auto [index, type] : llvm::enumerate(types))
        if (!isa<RankedTensorType>(type))
          return emitError(function.getLoc())
                 << what << ' ' << index << " has the type " << type
                 << ", which is no tensor of known rank";
      return success();
    };
    if (failed(checkRanks("argument", function.getArgumentTypes())) ||
        failed(checkRanks("result", function.getResultTypes())))
      return failure();
    for (Operation &op : function.getBody().front().without_terminator())
      for (Type type : op.getResultTypes()) {
        auto tensor = dyn_cast<TensorType>(type);
        auto ranked = dyn_cast<RankedTensorType>(type);
        if (tensor && (!ranked || llvm::is_contained(onnx::getSizes(ranked),
                                                     onnx::kDynamic)))
          return op.emitOpError()
                 << "has the dynamic type " << type
                 << ", whose sizes are no functions of the inputs' sizes";
      }
    return success();
  }

  /// What the model calls its batch; empty if there is none.
  static std::string getBatchName(func::FuncOp function) {
    if (!function->hasAttr("mpq.sample_parallel"))
      return "";
    for (unsigned i = 0; i < function.getNumArguments(); ++i)
      if (auto dims = function.getArgAttrOfType<ArrayAttr>(
              i, onnx::ONNXDialect::kDimsAttr);
          dims && !dims.empty() && !cast<StringAttr>(dims[0]).empty())
        return cast<StringAttr>(dims[0]).str();
    return "N";
  }

  /// Writes `onnx.dims` where a dimension of a sample is dynamic.
  static void nameInterface(func::FuncOp function) {
    SmallVector<std::string> symbols = onnx::getSymbols(function);
    std::string batch = getBatchName(function);
    StringRef name = onnx::ONNXDialect::kDimsAttr;
    for (auto [i, type] : llvm::enumerate(function.getArgumentTypes()))
      if (!cast<RankedTensorType>(type).hasStaticShape())
        function.setArgAttr(i, name, nameDimensions(type, batch, symbols));
    for (auto [i, type] : llvm::enumerate(function.getResultTypes()))
      if (!cast<RankedTensorType>(type).hasStaticShape())
        function.setResultAttr(i, name, nameDimensions(type, batch, symbols));
  }
};

} // namespace
} // namespace mpq
