// Part of the VNM project, under the Apache License v2.0 with LLVM Exceptions.
// See the file LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// This file implements the rewriting of elementary functions whose results are
// rounded to 16 bits.
//
// Epilogues compute in f32, and most results are f16 or bf16. There a relative
// error of 2^-11 in a factor is no larger than the rounding that follows, and
// one instruction (tanh.approx.f32, ex2.approx.f32) takes the place of a
// polynomial with selects. Two conditions keep errors from growing: every use
// leads, by way of f32 arithmetic, to a rounding; and tanh and erf are not
// added to what depends on their argument (x - tanh(x) cancels), a constant of
// at least 1/2 excepted (1 + tanh(x)).

#include "RoundedMath.h"
#include "OddPolynomial.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/LLVMIR/LLVMDialect.h"
#include "mlir/Dialect/Math/IR/Math.h"
#include "mlir/IR/Matchers.h"
#include "mlir/IR/PatternMatch.h"
#include "mlir/Transforms/GreedyPatternRewriteDriver.h"
#include "llvm/ADT/SetVector.h"

using namespace mlir;
using namespace vnm;

//===----------------------------------------------------------------------===//
// Where it is allowed
//===----------------------------------------------------------------------===//

/// Whether `value` is computed from `root`, or is it.
static bool dependsOn(Value value, Value root) {
  SetVector<Value> values;
  values.insert(value);
  for (size_t i = 0; i < values.size(); ++i) {
    if (values[i] == root)
      return true;
    if (Operation *op = values[i].getDefiningOp())
      values.insert_range(op->getOperands());
  }
  return false;
}

/// Whether an error of 2^-11 of a term beside `other` is small in their sum.
/// `argument` is what the term was computed from; null if its error is smaller.
static bool mayAdd(Value other, Value argument) {
  FloatAttr constant;
  if (!argument)
    return true;
  if (matchPattern(other, m_Constant(&constant)))
    return std::abs(constant.getValueAsDouble()) >= 0.5;
  return !dependsOn(other, argument);
}

/// Whether all that is computed from `value`, f32, is rounded to 16 bits.
/// `argument` as for `mayAdd`.
static bool isRounded(Value value, Value argument) {
  SetVector<Value> values;
  values.insert(value);
  for (size_t i = 0; i < values.size(); ++i)
    for (OpOperand &use : values[i].getUses()) {
      Operation *op = use.getOwner();
      if (auto rounding = dyn_cast<arith::TruncFOp>(op)) {
        if (rounding.getType().getIntOrFloatBitWidth() > 16)
          return false;
        continue;
      }
      bool scales = isa<arith::MulFOp, arith::DivFOp, arith::NegFOp,
                        arith::MaximumFOp, arith::MaxNumFOp, arith::MinimumFOp,
                        arith::MinNumFOp, arith::SelectOp>(op);
      if (isa<arith::AddFOp, arith::SubFOp>(op))
        scales = mayAdd(op->getOperand(1 - use.getOperandNumber()), argument);
      if (isa<math::FmaOp>(op))
        scales =
            use.getOperandNumber() == 2 || mayAdd(op->getOperand(2), argument);
      if (!scales)
        return false;
      values.insert(op->getResult(0));
    }
  return true;
}

//===----------------------------------------------------------------------===//
// What is put in place
//===----------------------------------------------------------------------===//

static constexpr StringLiteral kTanh = "llvm.tanh.f32";
static constexpr StringLiteral kExp2 = "llvm.exp2.f32";

/// A constant 2^n, n a small integer other than 0: multiplying by it is exact.
static std::optional<double> getPowerOfTwo(Value value) {
  FloatAttr constant;
  if (!matchPattern(value, m_Constant(&constant)))
    return std::nullopt;
  double number = constant.getValueAsDouble();
  if (number != 0.5 && number != 0.25 && number != 2.0 && number != 4.0)
    return std::nullopt;
  return number;
}

static Value createConstant(PatternRewriter &rewriter, Location loc,
                            double value) {
  return arith::ConstantOp::create(rewriter, loc,
                                   rewriter.getF32FloatAttr(value));
}

/// An intrinsic that may be approximate: it becomes one instruction.
static Value createApproximate(PatternRewriter &rewriter, Location loc,
                               StringRef name, Value argument) {
  auto call = LLVM::CallIntrinsicOp::create(
      rewriter, loc, argument.getType(), rewriter.getStringAttr(name), argument,
      LLVM::FastmathFlagsAttr::get(rewriter.getContext(),
                                   LLVM::FastmathFlags::afn));
  return call.getResult(0);
}

/// x (c[0] + c[1] s + ...), where s = x^2, at most `limit` unless that is 0.
static Value createOdd(PatternRewriter &rewriter, Location loc, Value x,
                       ArrayRef<double> coefficients, double limit = 0.0) {
  Value square = arith::MulFOp::create(rewriter, loc, x, x);
  if (limit != 0.0)
    square = arith::MinNumFOp::create(rewriter, loc, square,
                                      createConstant(rewriter, loc, limit));
  Value sum = createConstant(rewriter, loc, coefficients.back());
  for (double coefficient : llvm::reverse(coefficients.drop_back()))
    sum = math::FmaOp::create(rewriter, loc, square, sum,
                              createConstant(rewriter, loc, coefficient));
  return arith::MulFOp::create(rewriter, loc, x, sum);
}

/// `polynomial` in h instead of x, if x is also multiplied by a power of two
/// to h, as in h (1 + tanh(u)): x itself may then be needed no more. h will be
/// known at `op`, where x is.
static OddPolynomial useMultiple(const OddPolynomial &polynomial, Operation *op,
                                 PatternRewriter &rewriter) {
  for (Operation *user : polynomial.variable.getUsers()) {
    if (!isa<arith::MulFOp>(user) || user->getBlock() != op->getBlock())
      continue;
    std::optional<double> scale = getPowerOfTwo(user->getOperand(1));
    if (!scale)
      continue;
    if (!user->isBeforeInBlock(op)) {
      Value constant = createConstant(rewriter, op->getLoc(), *scale);
      rewriter.modifyOpInPlace(user, [&] { user->setOperand(1, constant); });
      rewriter.moveOpBefore(user, op);
    }
    return {user->getResult(0), polynomial.linear / *scale,
            polynomial.cubic / (*scale * *scale * *scale)};
  }
  return polynomial;
}

static LogicalResult useTanh(math::TanhOp op, PatternRewriter &rewriter) {
  if (!op.getType().isF32() || !isRounded(op, op.getOperand()))
    return rewriter.notifyMatchFailure(op, "is not rounded to 16 bits");
  Value argument = op.getOperand();
  OddPolynomial polynomial = matchOddPolynomial(argument);
  // In this form the argument of tanh's GELU takes three instructions.
  if (polynomial.cubic != 0.0) {
    polynomial = useMultiple(polynomial, op, rewriter);
    argument = createOdd(rewriter, op.getLoc(), polynomial.variable,
                         {polynomial.linear, polynomial.cubic});
  }
  rewriter.replaceOp(op,
                     createApproximate(rewriter, op.getLoc(), kTanh, argument));
  return success();
}

/// erf(z) is about tanh(z (c0 + c1 s + c2 s^2)), s = z^2: for all z off by less
/// than 1.9e-4 |erf(z)|, and by less than 3.8e-5 in x (1 + erf(x / sqrt 2))
/// / 2. Fitted to both, of which that is the minimum for this degree. Beyond
/// the limit, where tanh is 1, the sum must not fall.
static LogicalResult useTanhForErf(math::ErfOp op, PatternRewriter &rewriter) {
  constexpr double kCoefficients[] = {1.12817024, 0.10422247, -0.00187171};
  constexpr double kLimit = 24.0;
  if (!op.getType().isF32() || !isRounded(op, op.getOperand()))
    return rewriter.notifyMatchFailure(op, "is not rounded to 16 bits");
  OddPolynomial polynomial = matchOddPolynomial(op.getOperand());
  if (polynomial.cubic != 0.0 || polynomial.linear == 0.0)
    polynomial = {op.getOperand()};
  polynomial = useMultiple(polynomial, op, rewriter);
  // z = linear x
  double factor = polynomial.linear;
  double square = factor * factor;
  double coefficients[] = {factor * kCoefficients[0],
                           factor * square * kCoefficients[1],
                           factor * square * square * kCoefficients[2]};
  Value argument = createOdd(rewriter, op.getLoc(), polynomial.variable,
                             coefficients, kLimit / square);
  rewriter.replaceOp(op,
                     createApproximate(rewriter, op.getLoc(), kTanh, argument));
  return success();
}

/// h (1 + tanh(u)) -> fma(tanh(u), h, h), where h is a constant or a multiple
/// of what u is computed from: it is infinite only with u, when tanh is 1 or
/// -1.
static LogicalResult fuseScale(arith::MulFOp op, PatternRewriter &rewriter) {
  for (unsigned i = 0; i < 2; ++i) {
    auto sum = op->getOperand(i).getDefiningOp<arith::AddFOp>();
    if (!sum || !sum->hasOneUse() || !matchPattern(sum.getRhs(), m_OneFloat()))
      continue;
    auto call = sum.getLhs().getDefiningOp<LLVM::CallIntrinsicOp>();
    if (!call || call.getIntrin() != kTanh)
      continue;
    Value scale = op->getOperand(1 - i);
    if (!matchPattern(scale, m_Constant()) &&
        !dependsOn(call.getOperand(0), matchOddPolynomial(scale).variable))
      continue;
    rewriter.replaceOpWithNewOp<math::FmaOp>(op, call.getResult(0), scale,
                                             scale);
    return success();
  }
  return rewriter.notifyMatchFailure(op, "is no multiple of 1 + tanh");
}

/// Whether other sums than `sum` have the term `term`, or had, and have become
/// multiples of it.
static bool isCommonTerm(Value term, arith::AddFOp sum) {
  return llvm::any_of(term.getUsers(), [&](Operation *user) {
    return user != sum &&
           (isa<arith::AddFOp>(user) ||
            (isa<arith::MulFOp>(user) && getPowerOfTwo(user->getOperand(1))));
  });
}

/// (x + b) 2^n -> fma(x, 2^n, b 2^n), where many sums have the term b: the same
/// result, short of numbers that are subnormal, by one operation less each.
static LogicalResult fuseScaledSum(arith::MulFOp op,
                                   PatternRewriter &rewriter) {
  auto sum = op.getLhs().getDefiningOp<arith::AddFOp>();
  if (!op.getType().isF32() || !getPowerOfTwo(op.getRhs()) || !sum ||
      !sum->hasOneUse())
    return rewriter.notifyMatchFailure(op, "is no scaled sum of one use");
  Value term = sum.getRhs(), other = sum.getLhs();
  if (!isCommonTerm(term, sum))
    std::swap(term, other);
  if (!isCommonTerm(term, sum))
    return rewriter.notifyMatchFailure(op, "has no term of other sums");
  Value scaled =
      arith::MulFOp::create(rewriter, op.getLoc(), term, op.getRhs());
  rewriter.replaceOpWithNewOp<math::FmaOp>(op, other, op.getRhs(), scaled);
  return success();
}

static LogicalResult useExp2(math::Exp2Op op, PatternRewriter &rewriter) {
  if (!op.getType().isF32() || !isRounded(op, /*argument=*/{}))
    return rewriter.notifyMatchFailure(op, "is not rounded to 16 bits");
  rewriter.replaceOp(
      op, createApproximate(rewriter, op.getLoc(), kExp2, op.getOperand()));
  return success();
}

/// exp(x) = 2^(x log2 e)
static LogicalResult useExp2ForExp(math::ExpOp op, PatternRewriter &rewriter) {
  if (!op.getType().isF32() || !isRounded(op, /*argument=*/{}))
    return rewriter.notifyMatchFailure(op, "is not rounded to 16 bits");
  Value scaled = arith::MulFOp::create(
      rewriter, op.getLoc(), op.getOperand(),
      createConstant(rewriter, op.getLoc(), llvm::numbers::log2e));
  rewriter.replaceOp(op,
                     createApproximate(rewriter, op.getLoc(), kExp2, scaled));
  return success();
}

static LogicalResult useApproximateDivision(arith::DivFOp op,
                                            PatternRewriter &rewriter) {
  arith::FastMathFlags flags = op.getFastmath();
  if (bitEnumContainsAll(flags, arith::FastMathFlags::afn) ||
      !op.getType().isF32() || !isRounded(op, /*argument=*/{}))
    return rewriter.notifyMatchFailure(op, "is not rounded to 16 bits");
  rewriter.modifyOpInPlace(
      op, [&] { op.setFastmath(flags | arith::FastMathFlags::afn); });
  return success();
}

LogicalResult vnm::approximateRoundedMath(Operation *kernels) {
  RewritePatternSet functions(kernels->getContext());
  functions.add(useTanh);
  functions.add(useTanhForErf);
  functions.add(useExp2);
  functions.add(useExp2ForExp);
  functions.add(useApproximateDivision);
  if (failed(applyPatternsGreedily(kernels, std::move(functions))))
    return failure();
  // What is left of the arguments is gone now.
  RewritePatternSet arithmetic(kernels->getContext());
  arithmetic.add(fuseScale);
  arithmetic.add(fuseScaledSum);
  return applyPatternsGreedily(kernels, std::move(arithmetic));
}
