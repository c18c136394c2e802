// Part of the VNM project, under the Apache License v2.0 with LLVM Exceptions.
// See the file LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// This file declares the scores of one panel and what a choice of columns keeps
// of them.

#ifndef VNM_LIB_SPARSITY_PANELSCORES_H
#define VNM_LIB_SPARSITY_PANELSCORES_H

#include "Vector.h"
#include "vnm/Sparsity/Storage.h"
#include <vector>

namespace vnm::sparsity::detail {

/// A copy of some rows of the scores. Column K, which stands for an empty slot,
/// has zeros.
class PanelScores {
public:
  /// Copies rows `rows` of `scores`, whose rows have `cols` elements.
  void gather(llvm::ArrayRef<float> scores, int64_t cols,
              llvm::ArrayRef<int32_t> rows);

  int64_t getNumRows() const { return numRows; }
  int64_t getNumCols() const { return numCols; }
  /// Distance between rows; a multiple of 16, with zeros behind column K - 1.
  int64_t getStride() const { return stride; }
  const float *row(int64_t index) const { return data.data() + index * stride; }

  /// What the rows keep of the groups of 4 columns in `slots`: per row and
  /// group the two largest. Added in double, row after row.
  double kept(llvm::ArrayRef<int32_t> slots) const;

private:
  int64_t numRows = 0, numCols = 0, stride = 0;
  std::vector<float> data;
};

/// Makes `slots` the columns of panel `panel` of `structure`, in the order the
/// library prefers: columns ascending inside a group, groups ascending by their
/// first column. Fills the metadata of the panel's rows, whose scores `scores`
/// holds.
void storePanel(const PanelScores &scores, llvm::ArrayRef<int32_t> slots,
                int64_t panel, Structure &structure);

/// What each row would keep in each panel, R x B: the slots of a panel are its
/// groups of 4 columns, `cols` for none.
std::vector<float> valuesInPanels(llvm::ArrayRef<float> scores, int64_t rows,
                                  int64_t cols,
                                  llvm::ArrayRef<std::vector<int32_t>> slots,
                                  unsigned threads);

} // namespace vnm::sparsity::detail

#endif // VNM_LIB_SPARSITY_PANELSCORES_H
