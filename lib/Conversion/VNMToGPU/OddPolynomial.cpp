// Part of the VNM project, under the Apache License v2.0 with LLVM Exceptions.
// See the file LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// This file implements the recognition of odd polynomials.

#include "OddPolynomial.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Math/IR/Math.h"
#include "mlir/IR/Matchers.h"
#include <array>

using namespace mlir;
using namespace vnm;

static constexpr unsigned kMaxDegree = 3;

namespace {
/// A polynomial of at most degree 3; without a variable, a constant.
struct Polynomial {
  Value variable;
  std::array<double, kMaxDegree + 1> coefficients = {};
};

/// Polynomials of values, each computed once.
class PolynomialMatcher {
public:
  Polynomial match(Value value);

private:
  std::optional<Polynomial> matchOp(Operation *op);

  llvm::DenseMap<Value, Polynomial> known;
};
} // namespace

static Polynomial getConstant(double value) {
  Polynomial result;
  result.coefficients[0] = value;
  return result;
}

/// a + scale * b, if both have one variable.
static std::optional<Polynomial> add(const Polynomial &a, const Polynomial &b,
                                     double scale = 1.0) {
  if (a.variable && b.variable && a.variable != b.variable)
    return std::nullopt;
  Polynomial result = a;
  result.variable = a.variable ? a.variable : b.variable;
  for (auto [sum, term] : llvm::zip(result.coefficients, b.coefficients))
    sum += scale * term;
  return result;
}

/// a * b, if both have one variable and the degree allows.
static std::optional<Polynomial> multiply(const Polynomial &a,
                                          const Polynomial &b) {
  if (a.variable && b.variable && a.variable != b.variable)
    return std::nullopt;
  Polynomial result;
  result.variable = a.variable ? a.variable : b.variable;
  for (auto [i, factor] : llvm::enumerate(a.coefficients))
    for (auto [j, other] : llvm::enumerate(b.coefficients)) {
      if (factor == 0.0 || other == 0.0)
        continue;
      if (i + j > kMaxDegree)
        return std::nullopt;
      result.coefficients[i + j] += factor * other;
    }
  return result;
}

/// base^exponent for a small positive integer.
static std::optional<Polynomial> raise(const Polynomial &base,
                                       double exponent) {
  if (exponent != 2.0 && exponent != 3.0)
    return std::nullopt;
  std::optional<Polynomial> square = multiply(base, base);
  return square && exponent == 3.0 ? multiply(*square, base) : square;
}

std::optional<Polynomial> PolynomialMatcher::matchOp(Operation *op) {
  if (!op)
    return std::nullopt;
  FloatAttr constant;
  if (matchPattern(op, m_Constant(&constant)))
    return getConstant(constant.getValueAsDouble());
  auto operand = [&](unsigned i) { return match(op->getOperand(i)); };
  if (isa<arith::NegFOp>(op))
    return add(getConstant(0.0), operand(0), -1.0);
  if (isa<arith::AddFOp>(op))
    return add(operand(0), operand(1));
  if (isa<arith::SubFOp>(op))
    return add(operand(0), operand(1), -1.0);
  if (isa<arith::MulFOp>(op))
    return multiply(operand(0), operand(1));
  if (isa<math::FmaOp>(op)) {
    std::optional<Polynomial> product = multiply(operand(0), operand(1));
    return product ? add(*product, operand(2)) : std::nullopt;
  }
  if (isa<math::PowFOp>(op) &&
      matchPattern(op->getOperand(1), m_Constant(&constant)))
    return raise(operand(0), constant.getValueAsDouble());
  IntegerAttr exponent;
  if (isa<math::FPowIOp>(op) &&
      matchPattern(op->getOperand(1), m_Constant(&exponent)))
    return raise(operand(0), exponent.getValue().getSExtValue());
  return std::nullopt;
}

Polynomial PolynomialMatcher::match(Value value) {
  if (auto found = known.find(value); found != known.end())
    return found->second;
  Polynomial result;
  if (std::optional<Polynomial> matched = matchOp(value.getDefiningOp())) {
    result = *matched;
  } else {
    result.variable = value;
    result.coefficients[1] = 1.0;
  }
  known[value] = result;
  return result;
}

OddPolynomial vnm::matchOddPolynomial(Value value) {
  Polynomial polynomial = PolynomialMatcher().match(value);
  const auto &coefficients = polynomial.coefficients;
  if (!polynomial.variable || coefficients[0] != 0.0 || coefficients[2] != 0.0)
    return {value};
  return {polynomial.variable, coefficients[1], coefficients[3]};
}
