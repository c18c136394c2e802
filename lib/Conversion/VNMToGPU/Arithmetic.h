// Part of the VNM project, under the Apache License v2.0 with LLVM Exceptions.
// See the file LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// This file declares arithmetic on integers and addresses for kernels that are
// written in terms of i32, i64 and LLVM pointers.

#ifndef VNM_LIB_CONVERSION_VNMTOGPU_ARITHMETIC_H
#define VNM_LIB_CONVERSION_VNMTOGPU_ARITHMETIC_H

#include "mlir/IR/ImplicitLocOpBuilder.h"

namespace vnm {

/// A base of classes that emit kernels: short names for arith ops on i32 and
/// i64, in which constants fold.
class KernelArithmetic {
protected:
  explicit KernelArithmetic(mlir::ImplicitLocOpBuilder &builder) : b(builder) {}

  mlir::Value i32(int64_t value);
  mlir::Value i64(int64_t value);
  mlir::Value like(mlir::Value a, int64_t value);
  mlir::Value add(mlir::Value a, mlir::Value b);
  mlir::Value add(mlir::Value a, int64_t b) { return add(a, like(a, b)); }
  mlir::Value sub(mlir::Value a, mlir::Value b);
  mlir::Value mul(mlir::Value a, mlir::Value b);
  mlir::Value mul(mlir::Value a, int64_t b) { return mul(a, like(a, b)); }
  mlir::Value div(mlir::Value a, mlir::Value b);
  mlir::Value div(mlir::Value a, int64_t b) { return div(a, like(a, b)); }
  mlir::Value rem(mlir::Value a, mlir::Value b);
  mlir::Value rem(mlir::Value a, int64_t b) { return rem(a, like(a, b)); }
  mlir::Value bitAnd(mlir::Value a, mlir::Value b);
  mlir::Value bitAnd(mlir::Value a, int64_t b) { return bitAnd(a, like(a, b)); }
  mlir::Value bitOr(mlir::Value a, mlir::Value b);
  mlir::Value bitXor(mlir::Value a, mlir::Value b);
  mlir::Value shiftLeft(mlir::Value a, mlir::Value b);
  mlir::Value shiftLeft(mlir::Value a, int64_t b) {
    return shiftLeft(a, like(a, b));
  }
  mlir::Value shiftRight(mlir::Value a, mlir::Value b);
  mlir::Value shiftRight(mlir::Value a, int64_t b) {
    return shiftRight(a, like(a, b));
  }
  /// a < b, unsigned.
  mlir::Value less(mlir::Value a, mlir::Value b);
  mlir::Value less(mlir::Value a, int64_t b) { return less(a, like(a, b)); }
  mlir::Value equal(mlir::Value a, int64_t b);
  mlir::Value both(mlir::Value a, mlir::Value b);
  mlir::Value select(mlir::Value condition, mlir::Value a, mlir::Value b);
  mlir::Value minimum(mlir::Value a, mlir::Value b);
  mlir::Value extend(mlir::Value a); ///< To i64, unsigned.
  mlir::Value toIndex(mlir::Value a);
  mlir::Value isTrue();
  mlir::Value globalPointer(mlir::Value buffer);
  /// The address `bytes` (i32 or i64) behind `pointer`.
  mlir::Value advance(mlir::Value pointer, mlir::Value bytes);
  mlir::Value advance(mlir::Value pointer, int64_t bytes);
  /// An ordinary load: waits and multiplications, which may write memory for
  /// all that compilers know, keep it where it is put.
  mlir::Value load(mlir::Type type, mlir::Value pointer, int64_t alignment);
  /// Nibble shift / 4 of each of four 16-bit words, in the low half; what the
  /// high half holds is undefined. `words`: two i32 or four i16; `shift`: i32.
  mlir::Value selectNibbles(llvm::ArrayRef<mlir::Value> words,
                            mlir::Value shift);

  mlir::ImplicitLocOpBuilder &b;
};

} // namespace vnm

#endif // VNM_LIB_CONVERSION_VNMTOGPU_ARITHMETIC_H
