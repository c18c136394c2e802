// Part of the VNM project, under the Apache License v2.0 with LLVM Exceptions.
// See the file LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// This file declares the choice of the rows that share a panel.

#ifndef VNM_LIB_SPARSITY_ROWCLUSTERS_H
#define VNM_LIB_SPARSITY_ROWCLUSTERS_H

#include "Vector.h"
#include "vnm/Sparsity/Pattern.h"
#include "llvm/ADT/ArrayRef.h"
#include <cstdint>
#include <vector>

namespace vnm::sparsity::detail {

/// How hard to search.
struct RowClusterSettings {
  /// At most this many rounds of choosing columns, then panels.
  int64_t rounds = 12;
  /// At most this many rounds of exchanges between all pairs of panels.
  int64_t sweeps = 2;
  /// Rows of the other panel that a row is tried against.
  int64_t tries = 8;
};

/// Finds panels whose rows want the same columns: thresholded k-means with
/// panels of fixed size, then exchanges of rows between pairs of panels. What a
/// row wants of a column is the score beyond the row's threshold, the smallest
/// of the scores it would keep if it could choose; the value of a panel is the
/// sum of what its rows want of the columns they want most.
class RowClusters {
public:
  /// `scores` is `rows` x `cols`.
  RowClusters(llvm::ArrayRef<float> scores, int64_t rows, int64_t cols,
              const Pattern &pattern, unsigned threads,
              VectorLevel level = bestVectorLevel());

  /// Panel of every row.
  std::vector<int32_t> run(const RowClusterSettings &settings);

  /// The rows of every panel, in ascending order.
  static std::vector<std::vector<int32_t>>
  membersOf(llvm::ArrayRef<int32_t> panelOf, int64_t numPanels);

private:
  /// What one row wants.
  struct Wish {
    llvm::ArrayRef<int32_t> columns;
    llvm::ArrayRef<float> excess;
  };
  /// What the rows of one panel want, and the panel's threshold: the value of
  /// the last column it gets.
  struct Demand {
    std::vector<float> sums;
    float threshold = 0;
    double value = 0;
  };
  /// One row on its way to another panel.
  struct Candidate {
    int32_t row;
    float gain;
    bool moved;
  };

  void findWishes(llvm::ArrayRef<float> scores, int64_t rows);
  Wish wishOf(int64_t row) const;
  void addWish(Demand &demand, int64_t row, float sign) const;
  void refresh(Demand &demand, std::vector<float> &buffer) const;
  Demand demandOf(llvm::ArrayRef<int32_t> members) const;
  double refreshDemands(llvm::ArrayRef<int32_t> panelOf);
  /// What every row gets in every panel.
  std::vector<float> valuesInPanels() const;
  void cluster(int64_t rounds, std::vector<int32_t> &panelOf);

  /// What moving `row` changes, with both thresholds as they are.
  float moveGain(const Demand &from, const Demand &to, int64_t row) const;
  /// The same for exchanging two rows; `excess` is first's wish, dense.
  float exchangeGain(const Demand &a, const Demand &b, int64_t first,
                     int64_t second, llvm::ArrayRef<float> excess) const;
  std::vector<Candidate> rankMoves(const Demand &from, const Demand &to,
                                   llvm::ArrayRef<int32_t> members) const;
  /// Exchanges two rows unless that loses; returns the gain.
  double tryExchange(Demand &a, Demand &b, int32_t first, int32_t second,
                     std::vector<float> &buffer) const;
  /// Exchanges rows of two panels; returns the gain.
  double exchangePair(int64_t a, int64_t b, int64_t tries,
                      std::vector<std::vector<int32_t>> &members);
  /// One round over all pairs; returns the gain.
  double sweep(int64_t tries, std::vector<std::vector<int32_t>> &members);

  int64_t numRows, numCols, numPanels, numChosen, panelRows;
  unsigned threads;
  VectorLevel level;
  int64_t maxWishes = 0;
  std::vector<int32_t> wishColumns, wishCounts;
  std::vector<float> wishExcess;
  std::vector<Demand> demands;
};

} // namespace vnm::sparsity::detail

#endif // VNM_LIB_SPARSITY_ROWCLUSTERS_H
