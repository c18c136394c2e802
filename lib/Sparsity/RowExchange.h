// Part of the VNM project, under the Apache License v2.0 with LLVM Exceptions.
// See the file LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// This file declares the exchange of rows between panels of fixed sizes.

#ifndef VNM_LIB_SPARSITY_ROWEXCHANGE_H
#define VNM_LIB_SPARSITY_ROWEXCHANGE_H

#include "llvm/ADT/ArrayRef.h"
#include <cstdint>
#include <vector>

namespace vnm::sparsity::detail {

/// Moves rows between panels around cycles: two panels exchange a row each, or
/// several panels pass a row on. Panels keep their sizes.
class RowExchange {
public:
  /// `values` is R x B: what row r is worth in panel b.
  RowExchange(llvm::ArrayRef<float> values, int64_t numPanels)
      : values(values), numPanels(numPanels) {}

  /// Improves panelOf[r] for every row by the best exchanges of two rows, then
  /// by longer cycles, until none helps or a limit is reached. Returns the
  /// gain, which is never negative.
  double run(llvm::MutableArrayRef<int32_t> panelOf);

private:
  float valueAt(int64_t row, int64_t panel) const {
    return values[row * numPanels + panel];
  }
  /// The best gain of moving a row of `from` to `to`.
  float &moveGain(int64_t from, int64_t to) {
    return gains[from * numPanels + to];
  }
  /// Finds the best moves out of one panel.
  void findMoves(int64_t from);
  /// Finds the panel that `panel` best exchanges a row with.
  void findPartner(int64_t panel);
  void exchangePairs();
  void exchangeAlongCycles();
  /// A cycle of positive gain, each panel's row going to the next; or empty.
  std::vector<int32_t> findCycle();
  void applyCycle(llvm::ArrayRef<int32_t> cycle);

  llvm::ArrayRef<float> values;
  int64_t numPanels;
  std::vector<std::vector<int32_t>> members;
  /// B x B: the gains of the best moves, and the rows they move.
  std::vector<float> gains;
  std::vector<int32_t> movers;
  std::vector<int32_t> partner;
  std::vector<float> partnerGain;
  double total = 0;
};

} // namespace vnm::sparsity::detail

#endif // VNM_LIB_SPARSITY_ROWEXCHANGE_H
