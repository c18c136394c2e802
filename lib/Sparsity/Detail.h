// Part of the VNM project, under the Apache License v2.0 with LLVM Exceptions.
// See the file LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// This file declares helpers shared by the sources of this library only.

#ifndef VNM_LIB_SPARSITY_DETAIL_H
#define VNM_LIB_SPARSITY_DETAIL_H

#include "vnm/Sparsity/Matrix.h"
#include "vnm/Sparsity/Pattern.h"
#include "llvm/ADT/STLFunctionalExtras.h"
#include "llvm/ADT/Twine.h"
#include "llvm/Support/Error.h"
#include <cstdint>

namespace vnm::sparsity::detail {

/// An error with this message.
inline llvm::Error makeError(const llvm::Twine &message) {
  return llvm::createStringError(llvm::inconvertibleErrorCode(), message);
}

/// Checks that R and K are at least 1 and fit a 32-bit id with its sentinel.
llvm::Error checkShape(int64_t rows, int64_t cols);

/// Checks the pattern, the shape, and that there are R x K scores.
llvm::Error checkSizes(size_t numScores, int64_t rows, int64_t cols,
                       const Pattern &pattern);

/// Calls body(0) ... body(count - 1), each once, on at most `threads` threads
/// (0 for all cores) and in no particular order. `workPerCall` is the rough
/// number of elements a call touches: small jobs stay on the calling thread.
void parallelFor(unsigned threads, int64_t count, int64_t workPerCall,
                 llvm::function_ref<void(int64_t)> body);

/// Converts `count` elements of row `row`, from column `col` on, to float.
void loadRow(const MatrixView &matrix, int64_t row, int64_t col, int64_t count,
             float *out);

/// The error that names the first NaN or infinity of `matrix` in row-major
/// order, or success.
llvm::Error checkFinite(const MatrixView &matrix, unsigned threads);

} // namespace vnm::sparsity::detail

#endif // VNM_LIB_SPARSITY_DETAIL_H
