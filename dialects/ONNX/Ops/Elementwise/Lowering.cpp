//===----------------------------------------------------------------------===//
// Part of MPQ, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//===----------------------------------------------------------------------===//
//
// Elementwise ops as linalg.generic: a table of scalar bodies by op name. The
// formulas are those of the ONNX standard.
//
//===----------------------------------------------------------------------===//
#include "Elementwise.h"

#include "dialects/ONNX/Lowering.h"

#include "llvm/ADT/StringMap.h"

using namespace mlir;

namespace mpq::onnx {
namespace {

/// Scalar arithmetic for floats and signed integers alike.
struct Scalars {
  OpBuilder &b;
  Location loc;

  template <typename OpT, typename... Args> Value make(Args... args) {
    return OpT::create(b, loc, args...);
  }
  static bool isFloat(Value x) { return isa<FloatType>(x.getType()); }

  Value constant(Value like, double value) {
    return scalar(b, loc, like.getType(), value);
  }
  Value constant(Value like, APFloat value) {
    bool lossy;
    value.convert(APFloat::IEEEdouble(), APFloat::rmNearestTiesToEven, &lossy);
    return constant(like, value.convertToDouble());
  }
  template <typename FloatOp, typename IntOp> Value either(Value x, Value y) {
    return isFloat(x) ? make<FloatOp>(x, y) : make<IntOp>(x, y);
  }
  Value add(Value x, Value y) {
    return either<arith::AddFOp, arith::AddIOp>(x, y);
  }
  Value sub(Value x, Value y) {
    return either<arith::SubFOp, arith::SubIOp>(x, y);
  }
  Value mul(Value x, Value y) {
    return either<arith::MulFOp, arith::MulIOp>(x, y);
  }
  Value div(Value x, Value y) {
    return either<arith::DivFOp, arith::DivSIOp>(x, y);
  }
  /// A NaN in either operand is the result.
  Value max(Value x, Value y) {
    return either<arith::MaximumFOp, arith::MaxSIOp>(x, y);
  }
  Value min(Value x, Value y) {
    return either<arith::MinimumFOp, arith::MinSIOp>(x, y);
  }
  Value compare(arith::CmpFPredicate f, arith::CmpIPredicate i, Value x,
                Value y) {
    return isFloat(x) ? make<arith::CmpFOp>(f, x, y)
                      : make<arith::CmpIOp>(i, x, y);
  }
  Value less(Value x, Value y) {
    return compare(arith::CmpFPredicate::OLT, arith::CmpIPredicate::slt, x, y);
  }
  Value greater(Value x, Value y) { return less(y, x); }
  Value select(Value condition, Value x, Value y) {
    return make<arith::SelectOp>(condition, x, y);
  }
  Value exp(Value x) { return make<math::ExpOp>(x); }
  Value neg(Value x) {
    return isFloat(x) ? make<arith::NegFOp>(x) : sub(constant(x, 0.), x);
  }
  Value abs(Value x) {
    return isFloat(x) ? make<math::AbsFOp>(x) : make<math::AbsIOp>(x);
  }
  Value sigmoid(Value x) {
    Value one = constant(x, 1.);
    return div(one, add(one, exp(neg(x))));
  }
  /// log(1 + exp(x)) without overflow: max(x, 0) + log1p(exp(-|x|)).
  Value softplus(Value x) {
    return add(max(x, constant(x, 0.)), make<math::Log1pOp>(exp(neg(abs(x)))));
  }
  Value tanh(Value x) { return make<math::TanhOp>(x); }
  Value cast(Value x, Type type);
  Value gelu(GeluOp op, Value x);
  Value mod(ModOp op, Value x, Value y);
  Value pow(Value x, Value y);
};

/// What Cast does: to bool is "not zero", to an integer rounds towards zero.
Value Scalars::cast(Value x, Type type) {
  Type from = x.getType();
  if (from == type)
    return x;
  if (type.isInteger(1))
    return compare(arith::CmpFPredicate::UNE, arith::CmpIPredicate::ne, x,
                   constant(x, 0.));
  bool toFloat = isa<FloatType>(type);
  if (isFloat(x)) {
    if (!toFloat)
      return make<arith::FPToSIOp>(type, x);
    unsigned width = type.getIntOrFloatBitWidth(),
             had = from.getIntOrFloatBitWidth();
    if (width > had)
      return make<arith::ExtFOp>(type, x);
    if (width < had)
      return make<arith::TruncFOp>(type, x);
    // f16 and bf16 only meet in f32.
    return make<arith::TruncFOp>(type, make<arith::ExtFOp>(b.getF32Type(), x));
  }
  bool isBool = from.isInteger(1);
  if (toFloat)
    return isBool ? make<arith::UIToFPOp>(type, x)
                  : make<arith::SIToFPOp>(type, x);
  if (type.getIntOrFloatBitWidth() < from.getIntOrFloatBitWidth())
    return make<arith::TruncIOp>(type, x);
  return isBool ? make<arith::ExtUIOp>(type, x) : make<arith::ExtSIOp>(type, x);
}

Value Scalars::gelu(GeluOp op, Value x) {
  Value half = mul(constant(x, 0.5), x), one = constant(x, 1.);
  if (op.getApproximate() == "tanh") {
    Value cubic = mul(constant(x, 0.044715), mul(x, mul(x, x)));
    Value inner = mul(constant(x, 0.7978845608028654), add(x, cubic));
    return mul(half, add(one, tanh(inner)));
  }
  Value erf = make<math::ErfOp>(mul(x, constant(x, 0.7071067811865476)));
  return mul(half, add(one, erf));
}

/// fmod = 1 has the sign of x, fmod = 0 that of y.
Value Scalars::mod(ModOp op, Value x, Value y) {
  Value rest = either<arith::RemFOp, arith::RemSIOp>(x, y);
  if (op.getFmod())
    return rest;
  Value zero = constant(x, 0.);
  Value notZero =
      compare(arith::CmpFPredicate::UNE, arith::CmpIPredicate::ne, rest, zero);
  Value differ = make<arith::XOrIOp>(less(rest, zero), less(y, zero));
  return select(make<arith::AndIOp>(notZero, differ), add(rest, y), rest);
}

Value Scalars::pow(Value x, Value y) {
  if (!isFloat(x) && !isFloat(y))
    return make<math::IPowIOp>(x, cast(y, x.getType()));
  if (!isFloat(x))
    return cast(make<math::PowFOp>(cast(x, y.getType()), y), x.getType());
  return make<math::PowFOp>(x, cast(y, x.getType()));
}

//===----------------------------------------------------------------------===//
// The table
//===----------------------------------------------------------------------===//

using ScalarFn = Value (*)(Operation *, Scalars &, ValueRange);
using Table = llvm::StringMap<ScalarFn>;

/// `[](x, y) -> expression`, for the table.
#define UNARY(expression)                                                      \
  [](Operation *op, Scalars &s, ValueRange in) -> Value {                      \
    Value x = in[0];                                                           \
    return expression;                                                         \
  }
#define BINARY(expression)                                                     \
  [](Operation *op, Scalars &s, ValueRange in) -> Value {                      \
    Value x = in[0], y = in[1];                                                \
    return expression;                                                         \
  }

void addArithmetic(Table &table) {
  table["Add"] = table["Sum"] = table["Mean"] = BINARY(s.add(x, y));
  table["Sub"] = BINARY(s.sub(x, y));
  table["Mul"] = BINARY(s.mul(x, y));
  table["Div"] = BINARY(s.div(x, y));
  table["Max"] = BINARY(s.max(x, y));
  table["Min"] = BINARY(s.min(x, y));
  table["Mod"] = BINARY(s.mod(cast<ModOp>(op), x, y));
  table["Pow"] = BINARY(s.pow(x, y));
  table["And"] = table["BitwiseAnd"] = BINARY(s.make<arith::AndIOp>(x, y));
  table["Or"] = table["BitwiseOr"] = BINARY(s.make<arith::OrIOp>(x, y));
  table["Xor"] = table["BitwiseXor"] = BINARY(s.make<arith::XOrIOp>(x, y));
  table["Equal"] = BINARY(
      s.compare(arith::CmpFPredicate::OEQ, arith::CmpIPredicate::eq, x, y));
  table["Less"] = BINARY(s.less(x, y));
  table["Greater"] = BINARY(s.greater(x, y));
  table["LessOrEqual"] = BINARY(
      s.compare(arith::CmpFPredicate::OLE, arith::CmpIPredicate::sle, x, y));
  table["GreaterOrEqual"] = BINARY(
      s.compare(arith::CmpFPredicate::OGE, arith::CmpIPredicate::sge, x, y));
  table["PRelu"] =
      BINARY(s.select(s.less(x, s.constant(x, 0.)), s.mul(x, y), x));
  table["Where"] = [](Operation *, Scalars &s, ValueRange in) -> Value {
    return s.select(in[0], in[1], in[2]);
  };
}

void addMath(Table &table) {
  table["Abs"] = UNARY(s.abs(x));
  table["Neg"] = UNARY(s.neg(x));
  table["Exp"] = UNARY(s.exp(x));
  table["Log"] = UNARY(s.make<math::LogOp>(x));
  table["Sqrt"] = UNARY(s.make<math::SqrtOp>(x));
  table["Reciprocal"] = UNARY(s.div(s.constant(x, 1.), x));
  table["Erf"] = UNARY(s.make<math::ErfOp>(x));
  table["Ceil"] = UNARY(s.make<math::CeilOp>(x));
  table["Floor"] = UNARY(s.make<math::FloorOp>(x));
  table["Round"] = UNARY(s.make<math::RoundEvenOp>(x));
  table["Sin"] = UNARY(s.make<math::SinOp>(x));
  table["Cos"] = UNARY(s.make<math::CosOp>(x));
  table["Tan"] = UNARY(s.make<math::TanOp>(x));
  table["Asin"] = UNARY(s.make<math::AsinOp>(x));
  table["Acos"] = UNARY(s.make<math::AcosOp>(x));
  table["Atan"] = UNARY(s.make<math::AtanOp>(x));
  table["Sinh"] = UNARY(s.make<math::SinhOp>(x));
  table["Cosh"] = UNARY(s.make<math::CoshOp>(x));
  table["Asinh"] = UNARY(s.make<math::AsinhOp>(x));
  table["Acosh"] = UNARY(s.make<math::AcoshOp>(x));
  table["Atanh"] = UNARY(s.make<math::AtanhOp>(x));
  table["Not"] = UNARY(s.make<arith::XOrIOp>(x, s.constant(x, 1.)));
  table["BitwiseNot"] = UNARY(s.make<arith::XOrIOp>(x, s.constant(x, -1.)));
  table["IsNaN"] =
      UNARY(s.make<arith::CmpFOp>(arith::CmpFPredicate::UNO, x, x));
  table["Sign"] = [](Operation *, Scalars &s, ValueRange in) -> Value {
    Value x = in[0], zero = s.constant(x, 0.);
    Value negative = s.select(s.less(x, zero), s.constant(x, -1.), zero);
    return s.select(s.greater(x, zero), s.constant(x, 1.), negative);
  };
}

void addActivations(Table &table) {
  table["Relu"] = UNARY(s.max(x, s.constant(x, 0.)));
  table["Sigmoid"] = UNARY(s.sigmoid(x));
  table["Tanh"] = UNARY(s.tanh(x));
  table["Softplus"] = UNARY(s.softplus(x));
  table["Softsign"] = UNARY(s.div(x, s.add(s.constant(x, 1.), s.abs(x))));
  table["Mish"] = UNARY(s.mul(x, s.tanh(s.softplus(x))));
  table["Gelu"] = UNARY(s.gelu(cast<GeluOp>(op), x));
  table["Swish"] = UNARY(s.mul(
      x, s.sigmoid(s.mul(s.constant(x, cast<SwishOp>(op).getAlpha()), x))));
  table["LeakyRelu"] = UNARY(
      s.select(s.less(x, s.constant(x, 0.)),
               s.mul(s.constant(x, cast<LeakyReluOp>(op).getAlpha()), x), x));
  table["ThresholdedRelu"] = UNARY(s.select(
      s.greater(x, s.constant(x, cast<ThresholdedReluOp>(op).getAlpha())), x,
      s.constant(x, 0.)));
  table["HardSwish"] = UNARY(s.mul(
      x, s.max(s.constant(x, 0.),
               s.min(s.constant(x, 1.), s.add(s.mul(x, s.constant(x, 1. / 6)),
                                              s.constant(x, 0.5))))));
  table["HardSigmoid"] = [](Operation *op, Scalars &s, ValueRange in) -> Value {
    auto hard = cast<HardSigmoidOp>(op);
    Value x = in[0];
    Value line = s.add(s.mul(s.constant(x, hard.getAlpha()), x),
                       s.constant(x, hard.getBeta()));
    return s.max(s.constant(x, 0.), s.min(s.constant(x, 1.), line));
  };
  // alpha * (exp(x) - 1) below zero.
  table["Elu"] = UNARY(s.select(s.less(x, s.constant(x, 0.)),
                                s.mul(s.constant(x, cast<EluOp>(op).getAlpha()),
                                      s.make<math::ExpM1Op>(x)),
                                x));
  table["Selu"] = [](Operation *op, Scalars &s, ValueRange in) -> Value {
    auto selu = cast<SeluOp>(op);
    Value x = in[0];
    Value below =
        s.mul(s.constant(x, selu.getAlpha()), s.make<math::ExpM1Op>(x));
    return s.mul(s.constant(x, selu.getGamma()),
                 s.select(s.less(x, s.constant(x, 0.)), below, x));
  };
  // max(0, x) + min(0, alpha * (exp(x / alpha) - 1)).
  table["Celu"] = [](Operation *op, Scalars &s, ValueRange in) -> Value {
    Value x = in[0], zero = s.constant(x, 0.);
    Value alpha = s.constant(x, cast<CeluOp>(op).getAlpha());
    Value below = s.mul(alpha, s.make<math::ExpM1Op>(s.div(x, alpha)));
    return s.add(s.max(zero, x), s.min(zero, below));
  };
}

#undef UNARY
#undef BINARY

const Table &getTable() {
  static const Table table = [] {
    Table table;
    addArithmetic(table);
    addMath(table);
    addActivations(table);
    return table;
  }();
  return table;
}

//===----------------------------------------------------------------------===//
// Models
//===----------------------------------------------------------------------===//

struct ElementwiseLowering : LoweringModel<ElementwiseLowering> {
  FailureOr<Values> lower(Operation *op, OpBuilder &b,
                          ValueRange operands) const {
    FailureOr<RankedTensorType> type = getSizedType(op, op->getResult(0));
    if (failed(type))
      return failure();
    StringRef name = op->getName().stripDialect();
    ScalarFn body = getTable().at(name);
    bool folds = isa<SumOp, MaxOp, MinOp, MeanOp>(op);
    return Values{elementwise(
        b, op->getLoc(), *type, operands,
        [&](OpBuilder &b, Location loc, ValueRange in) -> Value {
          Scalars s{b, loc};
          if (!folds)
            return body(op, s, in);
          Value result = in[0];
          for (Value next : in.drop_front())
            result = body(op, s, {result, next});
          if (isa<MeanOp>(op))
            result = s.div(result, s.constant(result, double(in.size())));
          return result;
        })};
  }
};

/// The bounds are optional scalars, already among the operands.
struct ClipLowering : LoweringModel<ClipLowering> {
  FailureOr<Values> lower(Operation *op, OpBuilder &b,
                          ValueRange operands) const {
    FailureOr<RankedTensorType> type = getSizedType(op, op->getResult(0));
    if (failed(type))
      return failure();
    auto clip = cast<ClipOp>(op);
    bool hasMin = bool(clip.getMin()), hasMax = bool(clip.getMax());
    return Values{elementwise(b, op->getLoc(), *type, operands,
                              [&](OpBuilder &b, Location loc, ValueRange in) {
                                Scalars s{b, loc};
                                Value x = in[0];
                                if (hasMin)
                                  x = s.max(x, in[1]);
                                if (hasMax)
                                  x = s.min(x, in.back());
                                return x;
                              })};
  }
};

/// Cast and CastLike: only the first operand has data.
struct CastLowering : LoweringModel<CastLowering> {
  FailureOr<Values> lower(Operation *op, OpBuilder &b,
                          ValueRange operands) const {
    FailureOr<RankedTensorType> type = getSizedType(op, op->getResult(0));
    if (failed(type) || failed(getSizedType(op, op->getOperand(0))))
      return failure();
    return Values{elementwise(b, op->getLoc(), *type, operands.front(),
                              [&](OpBuilder &b, Location loc, ValueRange in) {
                                return Scalars{b, loc}.cast(
                                    in[0], type->getElementType());
                              })};
  }
};

/// Nothing happens in inference.
struct IdentityLowering : LoweringModel<IdentityLowering> {
  FailureOr<Values> lower(Operation *op, OpBuilder &b,
                          ValueRange operands) const {
    if (auto dropout = dyn_cast<DropoutOp>(op)) {
      auto training =
          PartialTensor::fromConstant(getConstant(dropout.getTrainingMode()));
      bool isTraining = dropout.getTrainingMode() &&
                        !(training && training->elements[0].integer == 0);
      if (dropout.getMask() || isTraining)
        return op->emitOpError("is training, which is not supported");
    }
    return Values{operands.front()};
  }
};

} // namespace

void attachElementwiseLowerings(MLIRContext *context) {
  attach<ElementwiseLowering, AddOp, AndOp, BitwiseAndOp, BitwiseOrOp,
         BitwiseXorOp, DivOp, EqualOp, GreaterOp, GreaterOrEqualOp, LessOp,
         LessOrEqualOp, MaxOp, MeanOp, MinOp, ModOp, MulOp, OrOp, PReluOp,
         PowOp, SubOp, SumOp, WhereOp, XorOp>(context);
  attach<ElementwiseLowering, AbsOp, AcosOp, AcoshOp, AsinOp, AsinhOp, AtanOp,
         AtanhOp, BitwiseNotOp, CeilOp, CeluOp, CosOp, CoshOp, EluOp, ErfOp,
         ExpOp, FloorOp, GeluOp, HardSigmoidOp, HardSwishOp, IsNaNOp,
         LeakyReluOp, LogOp, MishOp, NegOp, NotOp, ReciprocalOp, ReluOp,
         RoundOp, SeluOp, SigmoidOp, SignOp, SinOp, SinhOp, SoftplusOp,
         SoftsignOp, SqrtOp, SwishOp, TanOp, TanhOp, ThresholdedReluOp>(
      context);
  attach<ClipLowering, ClipOp>(context);
  attach<CastLowering, CastOp, CastLikeOp>(context);
  attach<IdentityLowering, IdentityOp, DropoutOp>(context);
}

} // namespace mpq::onnx
