//===----------------------------------------------------------------------===//
// Part of MPQ, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//===----------------------------------------------------------------------===//
//
// Arithmetic on sizes, types with sizes, and requirements on them. What makes
// IR from sizes is in IR.cpp.
//
//===----------------------------------------------------------------------===//
#include "dialects/ONNX/Sizes.h"

#include "dialects/ONNX/ONNX.h"

#include "llvm/Support/MathExtras.h"

using namespace mlir;

namespace mpq::onnx {

//===----------------------------------------------------------------------===//
// One size
//===----------------------------------------------------------------------===//

// Expressions are unique in their context, so the address of one stands for it,
// above the smallest number. Addresses have less than 48 bits.
static constexpr int64_t kFirst = std::numeric_limits<int64_t>::min();
static constexpr int64_t kAddresses = int64_t(1) << 48;
static_assert(kFirst == kDynamic);

bool isDynamic(int64_t size) { return size < kFirst + kAddresses; }
bool isSymbolic(int64_t size) { return size != kDynamic && isDynamic(size); }

int64_t toSize(AffineExpr expr) {
  if (!expr)
    return kDynamic;
  if (auto constant = dyn_cast<AffineConstantExpr>(expr))
    return constant.getValue();
  auto address = reinterpret_cast<intptr_t>(expr.getAsOpaquePointer());
  assert(address < kAddresses && "an address of more than 48 bits");
  return kFirst + address;
}

AffineExpr toExpr(int64_t size, MLIRContext *context) {
  if (isUnknown(size))
    return {};
  if (!isDynamic(size))
    return getAffineConstantExpr(size, context);
  return AffineExpr::getFromOpaquePointer(
      reinterpret_cast<const void *>(intptr_t(size - kFirst)));
}

/// The context of one of two sizes, one of which is an expression.
static MLIRContext *getContext(int64_t a, int64_t b) {
  return toExpr(isSymbolic(a) ? a : b, nullptr).getContext();
}

/// Calls the function of numbers or that of expressions.
template <typename OnNumbers, typename OnExprs>
static int64_t combine(int64_t a, int64_t b, OnNumbers onNumbers,
                       OnExprs onExprs) {
  if (isUnknown(a) || isUnknown(b))
    return kDynamic;
  if (!isDynamic(a) && !isDynamic(b))
    return onNumbers(a, b);
  MLIRContext *context = getContext(a, b);
  return toSize(onExprs(toExpr(a, context), toExpr(b, context)));
}

int64_t addSizes(int64_t a, int64_t b) {
  return combine(
      a, b,
      [](int64_t x, int64_t y) {
        int64_t sum;
        return llvm::AddOverflow(x, y, sum) ? kDynamic : sum;
      },
      [](AffineExpr x, AffineExpr y) { return x + y; });
}

int64_t subtractSizes(int64_t a, int64_t b) {
  return combine(
      a, b,
      [](int64_t x, int64_t y) {
        int64_t difference;
        return llvm::SubOverflow(x, y, difference) ? kDynamic : difference;
      },
      [](AffineExpr x, AffineExpr y) { return x - y; });
}

namespace {
/// A product: a number times expressions, in an order of their own.
struct Product {
  int64_t number = 1;
  SmallVector<AffineExpr> factors;
  bool overflows = false;

  explicit Product(AffineExpr expr) {
    add(expr);
    llvm::stable_sort(factors, [](AffineExpr a, AffineExpr b) {
      return getRank(a) < getRank(b);
    });
  }

  AffineExpr get(MLIRContext *context) const {
    if (overflows)
      return {};
    AffineExpr result = getAffineConstantExpr(1, context);
    for (AffineExpr factor : factors)
      result = result * factor;
    return result * number;
  }

private:
  void add(AffineExpr expr) {
    if (auto constant = dyn_cast<AffineConstantExpr>(expr))
      overflows |= llvm::MulOverflow(number, constant.getValue(), number);
    else if (auto product = dyn_cast<AffineBinaryOpExpr>(expr);
             product && product.getKind() == AffineExprKind::Mul)
      add(product.getLHS()), add(product.getRHS());
    else
      factors.push_back(expr);
  }

  /// Symbols in their order, then what is left in the order it came.
  static unsigned getRank(AffineExpr expr) {
    auto symbol = dyn_cast<AffineSymbolExpr>(expr);
    return symbol ? symbol.getPosition() : ~0u;
  }
};
} // namespace

int64_t multiplySizes(int64_t a, int64_t b) {
  if (a == 0 || b == 0)
    return 0;
  return combine(
      a, b,
      [](int64_t x, int64_t y) {
        int64_t product;
        return llvm::MulOverflow(x, y, product) ? kDynamic : product;
      },
      [](AffineExpr x, AffineExpr y) {
        return Product(x * y).get(x.getContext());
      });
}

int64_t divideSizes(int64_t a, int64_t b) {
  return combine(
      a, b,
      [](int64_t x, int64_t y) { return y == 0 || x % y ? kDynamic : x / y; },
      [](AffineExpr x, AffineExpr y) -> AffineExpr {
        Product quotient(x), divisor(y);
        for (AffineExpr factor : divisor.factors) {
          auto found = llvm::find(quotient.factors, factor);
          if (found == quotient.factors.end())
            return {};
          quotient.factors.erase(found);
        }
        if (divisor.number == 0)
          return {};
        if (quotient.number % divisor.number == 0) {
          quotient.number /= divisor.number;
          return quotient.get(x.getContext());
        }
        AffineExpr rest = quotient.get(x.getContext());
        return rest && rest.isMultipleOf(divisor.number)
                   ? rest.floorDiv(divisor.number)
                   : AffineExpr();
      });
}

static void print(llvm::raw_ostream &os, AffineExpr expr,
                  ArrayRef<std::string> symbols, bool inProduct) {
  if (auto symbol = dyn_cast<AffineSymbolExpr>(expr)) {
    os << (symbol.getPosition() < symbols.size()
               ? symbols[symbol.getPosition()]
               : "s" + std::to_string(symbol.getPosition()));
    return;
  }
  auto binary = dyn_cast<AffineBinaryOpExpr>(expr);
  if (!binary) {
    os << expr;
    return;
  }
  bool isSum = binary.getKind() == AffineExprKind::Add;
  StringRef name = isSum                                         ? " + "
                   : binary.getKind() == AffineExprKind::Mul     ? " * "
                   : binary.getKind() == AffineExprKind::Mod     ? " mod "
                   : binary.getKind() == AffineExprKind::CeilDiv ? " ceildiv "
                                                                 : " floordiv ";
  os << (isSum && inProduct ? "(" : "");
  print(os, binary.getLHS(), symbols, !isSum);
  auto right = dyn_cast<AffineConstantExpr>(binary.getRHS());
  if (isSum && right && right.getValue() < 0) {
    os << " - " << -right.getValue();
  } else {
    os << name;
    print(os, binary.getRHS(), symbols, !isSum);
  }
  os << (isSum && inProduct ? ")" : "");
}

std::string toString(int64_t size, ArrayRef<std::string> symbols) {
  if (isUnknown(size))
    return "?";
  if (!isDynamic(size))
    return std::to_string(size);
  std::string text;
  llvm::raw_string_ostream os(text);
  print(os, toExpr(size, nullptr), symbols, /*inProduct=*/false);
  return text;
}

//===----------------------------------------------------------------------===//
// Types
//===----------------------------------------------------------------------===//

RankedTensorType getTypeOf(ArrayRef<int64_t> shape, Type element) {
  MLIRContext *context = element.getContext();
  SmallVector<int64_t> plain;
  SmallVector<AffineExpr> exprs;
  bool symbolic = false;
  for (int64_t size : shape) {
    plain.push_back(isDynamic(size) ? kDynamic : size);
    symbolic |= isSymbolic(size);
    exprs.push_back(isUnknown(size) ? getAffineConstantExpr(-1, context)
                                    : toExpr(size, context));
  }
  Attribute encoding;
  if (symbolic) {
    int64_t symbols = 0;
    for (AffineExpr expr : exprs)
      expr.walk([&](AffineExpr part) {
        if (auto symbol = dyn_cast<AffineSymbolExpr>(part))
          symbols = std::max<int64_t>(symbols, symbol.getPosition() + 1);
      });
    encoding = AffineMapAttr::get(AffineMap::get(0, symbols, exprs, context));
  }
  return RankedTensorType::get(plain, element, encoding);
}

Shape getSizes(RankedTensorType type) {
  Shape shape = llvm::to_vector(type.getShape());
  auto encoding = dyn_cast_or_null<AffineMapAttr>(type.getEncoding());
  for (auto [d, size] : llvm::enumerate(shape))
    if (encoding && isUnknown(size)) {
      AffineExpr expr = encoding.getValue().getResult(d);
      size = isa<AffineConstantExpr>(expr) ? kDynamic : toSize(expr);
    }
  return shape;
}

RankedTensorType withoutSizes(RankedTensorType type) {
  return isa_and_nonnull<AffineMapAttr>(type.getEncoding())
             ? RankedTensorType::get(type.getShape(), type.getElementType())
             : type;
}

/// Calls `assign(argument, dimension, name)` for each dynamic dimension.
template <typename Assign>
static void forEachDynamic(func::FuncOp function, Assign assign) {
  for (unsigned i = 0; i < function.getNumArguments(); ++i) {
    auto type = dyn_cast<RankedTensorType>(function.getArgument(i).getType());
    if (!type)
      continue;
    auto dims = function.getArgAttrOfType<ArrayAttr>(i, ONNXDialect::kDimsAttr);
    auto name =
        function.getArgAttrOfType<StringAttr>(i, ONNXDialect::kNameAttr);
    for (int64_t d = 0; d < type.getRank(); ++d) {
      if (!type.isDynamicDim(d))
        continue;
      auto given = dims && d < int64_t(dims.size())
                       ? dyn_cast<StringAttr>(dims[d])
                       : StringAttr();
      if (given && !given.getValue().empty())
        assign(i, d, given.str());
      else
        assign(i, d,
               (name ? name.str() : "input" + std::to_string(i)) + "." +
                   std::to_string(d));
    }
  }
}

SmallVector<std::string> getSymbols(func::FuncOp function) {
  SmallVector<std::string> symbols;
  forEachDynamic(function, [&](unsigned, int64_t, const std::string &name) {
    if (!llvm::is_contained(symbols, name))
      symbols.push_back(name);
  });
  return symbols;
}

SmallVector<std::string> assignSymbols(func::FuncOp function) {
  SmallVector<std::string> symbols = getSymbols(function);
  SmallVector<std::pair<unsigned, Shape>> shapes;
  forEachDynamic(function, [&](unsigned i, int64_t d, const std::string &name) {
    if (shapes.empty() || shapes.back().first != i)
      shapes.push_back(
          {i, llvm::to_vector(
                  cast<RankedTensorType>(function.getArgument(i).getType())
                      .getShape())});
    unsigned position = llvm::find(symbols, name) - symbols.begin();
    shapes.back().second[d] =
        toSize(getAffineSymbolExpr(position, function.getContext()));
  });
  for (auto &[i, shape] : shapes) {
    BlockArgument argument = function.getArgument(i);
    argument.setType(getTypeOf(
        shape, cast<RankedTensorType>(argument.getType()).getElementType()));
  }
  return symbols;
}

void eraseSizes(func::FuncOp function) {
  auto erase = [](Value value) {
    if (auto type = dyn_cast<RankedTensorType>(value.getType()))
      value.setType(withoutSizes(type));
  };
  llvm::for_each(function.getArguments(), erase);
  function.walk([&](Operation *op) {
    llvm::for_each(op->getResults(), erase);
    for (Region &region : op->getRegions())
      for (Block &block : region)
        llvm::for_each(block.getArguments(), erase);
  });
  Operation *end = function.getBody().front().getTerminator();
  function.setType(FunctionType::get(function.getContext(),
                                     function.getBody().getArgumentTypes(),
                                     end->getOperandTypes()));
}

//===----------------------------------------------------------------------===//
// Requirements
//===----------------------------------------------------------------------===//

static constexpr StringLiteral kRequires = "onnx.requires";

/// Whether it is clear without asking that the value is not negative.
static bool isNonNegative(AffineExpr expr) {
  if (auto constant = dyn_cast<AffineConstantExpr>(expr))
    return constant.getValue() >= 0;
  auto binary = dyn_cast<AffineBinaryOpExpr>(expr);
  return !binary ||
         (isNonNegative(binary.getLHS()) && isNonNegative(binary.getRHS()));
}

static void require(Operation *op, AffineExpr expr, bool isEquality) {
  if (isa<AffineConstantExpr>(expr) || (!isEquality && isNonNegative(expr)))
    return;
  int64_t symbols = 0;
  expr.walk([&](AffineExpr part) {
    if (auto symbol = dyn_cast<AffineSymbolExpr>(part))
      symbols = std::max<int64_t>(symbols, symbol.getPosition() + 1);
  });
  SmallVector<Attribute> all;
  if (auto old = op->getAttrOfType<ArrayAttr>(kRequires))
    all.assign(old.begin(), old.end());
  Attribute added =
      IntegerSetAttr::get(IntegerSet::get(0, symbols, expr, isEquality));
  if (!llvm::is_contained(all, added))
    all.push_back(added);
  op->setAttr(kRequires, ArrayAttr::get(op->getContext(), all));
}

void requireEqual(Operation *op, int64_t a, int64_t b) {
  if (a == b || isUnknown(a) || isUnknown(b))
    return;
  MLIRContext *context = op->getContext();
  require(op, toExpr(a, context) - toExpr(b, context), /*isEquality=*/true);
}

void requireAtMost(Operation *op, int64_t a, int64_t b) {
  if (a == b || isUnknown(a) || isUnknown(b))
    return;
  MLIRContext *context = op->getContext();
  require(op, toExpr(b, context) - toExpr(a, context), /*isEquality=*/false);
}

/// The terms of a sum, those to subtract negated in `negative`.
static void splitSum(AffineExpr expr, AffineExpr &positive,
                     AffineExpr &negative) {
  auto binary = dyn_cast<AffineBinaryOpExpr>(expr);
  if (binary && binary.getKind() == AffineExprKind::Add) {
    splitSum(binary.getLHS(), positive, negative);
    splitSum(binary.getRHS(), positive, negative);
    return;
  }
  auto factor = dyn_cast<AffineConstantExpr>(
      binary && binary.getKind() == AffineExprKind::Mul ? binary.getRHS()
                                                        : expr);
  if (factor && factor.getValue() < 0)
    negative = negative + expr * -1;
  else
    positive = positive + expr;
}

std::string toString(IntegerSet set, ArrayRef<std::string> symbols) {
  std::string text;
  for (unsigned i = 0; i < set.getNumConstraints(); ++i) {
    AffineExpr zero = getAffineConstantExpr(0, set.getContext());
    AffineExpr positive = zero, negative = zero;
    splitSum(set.getConstraint(i), positive, negative);
    text += (i ? " and " : "") + toString(toSize(negative), symbols) +
            (set.isEq(i) ? " == " : " <= ") +
            toString(toSize(positive), symbols);
  }
  return text;
}

SmallVector<Requirement> takeRequirements(Operation *op) {
  SmallVector<Requirement> result;
  if (auto noted = op->getAttrOfType<ArrayAttr>(kRequires)) {
    for (auto set : noted.getAsRange<IntegerSetAttr>())
      result.push_back({op->getLoc(), set.getValue()});
    op->removeAttr(kRequires);
  }
  return result;
}

} // namespace mpq::onnx
