// Part of the VNM project, under the Apache License v2.0 with LLVM Exceptions.
// See the file LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// This file declares the recognition of odd polynomials in arithmetic, as the
// arguments of activation functions are.

#ifndef VNM_LIB_CONVERSION_VNMTOGPU_ODDPOLYNOMIAL_H
#define VNM_LIB_CONVERSION_VNMTOGPU_ODDPOLYNOMIAL_H

#include "mlir/IR/Value.h"

namespace vnm {

/// linear * x + cubic * x^3.
struct OddPolynomial {
  mlir::Value variable; ///< x, a scalar of the polynomial's type.
  double linear = 1.0;
  double cubic = 0.0;
};

/// `value`, a floating-point scalar, as an odd polynomial of degree 1 or 3, in
/// whatever order its sums and products were written (`arith` ops, `math.fma`,
/// `math.powf` and `math.fpowi` with a constant exponent). A value that is
/// nothing more is x itself.
OddPolynomial matchOddPolynomial(mlir::Value value);

} // namespace vnm

#endif // VNM_LIB_CONVERSION_VNMTOGPU_ODDPOLYNOMIAL_H
