// Part of the VNM project, under the Apache License v2.0 with LLVM Exceptions.
// See the file LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// This file implements the reference product.

#include "vnm/Sparsity/Reference.h"
#include "llvm/Support/ErrorHandling.h"
#include <cassert>

using namespace vnm::sparsity;

std::vector<double> vnm::sparsity::referenceSpmm(const Storage &weight,
                                                 llvm::ArrayRef<double> x,
                                                 int64_t tokens) {
  const Structure &structure = weight.structure;
  assert(int64_t(x.size()) == structure.numCols * tokens &&
         "activations of another shape");
  int64_t rowValues = structure.pattern.numRowValues(structure.numCols);
  MatrixView values = MatrixView::rowMajor(weight.values.data(), weight.type,
                                           structure.numRows, rowValues);
  std::vector<double> y(structure.numRows * tokens, 0);
  for (int64_t row = 0; row < structure.numRows; ++row) {
    double *out = y.data() + structure.outputRow(row) * tokens;
    for (int64_t index = 0; index < rowValues; ++index) {
      int32_t column = structure.column(row, index / kValuesPerGroup,
                                        unsigned(index % kValuesPerGroup));
      if (column == structure.numCols)
        continue;
      double value = values.at(row, index);
      const double *in = x.data() + column * tokens;
      for (int64_t token = 0; token < tokens; ++token)
        out[token] += value * in[token];
    }
  }
  return y;
}
