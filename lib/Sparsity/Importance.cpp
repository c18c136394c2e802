// Part of the VNM project, under the Apache License v2.0 with LLVM Exceptions.
// See the file LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// This file implements importance criteria.

#include "Detail.h"
#include "vnm/Sparsity/Prune.h"
#include "llvm/ADT/STLExtras.h"
#include "llvm/Support/ErrorHandling.h"
#include <algorithm>
#include <cmath>

using namespace vnm::sparsity;
using detail::makeError;
using llvm::Twine;

/// Rows and columns that one task handles: a tile of both stays in cache even
/// when the matrix is a transposed view.
static constexpr int64_t kTileRows = 32;
static constexpr int64_t kTileCols = 256;

llvm::StringRef vnm::sparsity::toString(Criterion criterion) {
  switch (criterion) {
  case Criterion::Magnitude:
    return "magnitude";
  case Criterion::Wanda:
    return "wanda";
  case Criterion::RIA:
    return "ria";
  case Criterion::Given:
    return "given";
  }
  llvm_unreachable("unknown criterion");
}

llvm::Expected<Criterion> vnm::sparsity::parseCriterion(llvm::StringRef text) {
  for (Criterion criterion : {Criterion::Magnitude, Criterion::Wanda,
                              Criterion::RIA, Criterion::Given})
    if (text == toString(criterion))
      return criterion;
  return makeError("requires a criterion of magnitude, wanda, ria or given, "
                   "but found '" +
                   text + "'");
}

static llvm::Error checkOptions(const MatrixView &weight,
                                const ImportanceOptions &options) {
  if (options.criterion == Criterion::Given)
    return makeError("requires the criterion magnitude, wanda or ria, but it "
                     "is given: such scores go to pruning directly");
  if (options.criterion == Criterion::Magnitude)
    return llvm::Error::success();
  llvm::ArrayRef<float> norms = options.activationNorms;
  bool optional = options.criterion == Criterion::RIA && norms.empty();
  if (!optional && int64_t(norms.size()) != weight.cols)
    return makeError("requires " + toString(options.criterion) +
                     " to have K = " + Twine(weight.cols) +
                     " activation norms, but there are " + Twine(norms.size()));
  for (size_t i = 0; i < norms.size(); ++i)
    if (!std::isfinite(norms[i]) || norms[i] < 0)
      return makeError("requires activation norms to be finite and not "
                       "negative, but norm " +
                       Twine(i) + " is " + std::to_string(norms[i]));
  if (!std::isfinite(options.riaExponent) || options.riaExponent < 0)
    return makeError("requires the exponent of ria to be finite and not "
                     "negative, but it is " +
                     std::to_string(options.riaExponent));
  return llvm::Error::success();
}

/// |w|, in parallel over rows.
static void fillMagnitudes(const MatrixView &weight, unsigned threads,
                           std::vector<float> &scores) {
  detail::parallelFor(
      threads, ceilDiv(weight.rows, kTileRows), kTileRows * weight.cols,
      [&](int64_t task) {
        int64_t endRow = std::min(weight.rows, (task + 1) * kTileRows);
        for (int64_t col = 0; col < weight.cols; col += kTileCols) {
          int64_t count = std::min(kTileCols, weight.cols - col);
          for (int64_t row = task * kTileRows; row < endRow; ++row) {
            float *out = scores.data() + row * weight.cols + col;
            detail::loadRow(weight, row, col, count, out);
            for (int64_t i = 0; i < count; ++i)
              out[i] = std::fabs(out[i]);
          }
        }
      });
}

/// Sums in double precision have one order, which suits every device, so that
/// all give the same bits: of 64 consecutive numbers (zeros at the end fill
/// up), the upper half is added to the lower until one is left; the results
/// are summed in the same way until there is one.
static constexpr int64_t kSummedTogether = 64;

/// Sums each 64 consecutive rows of `width` numbers, in place.
static void sumChunks(std::vector<double> &rows, int64_t width) {
  int64_t count = int64_t(rows.size()) / width;
  int64_t chunks = ceilDiv(count, kSummedTogether);
  rows.resize(chunks * kSummedTogether * width, 0);
  for (int64_t i = 0; i < chunks; ++i) {
    double *chunk = rows.data() + i * kSummedTogether * width;
    for (int64_t size = kSummedTogether / 2 * width; size >= width; size /= 2)
      for (int64_t j = 0; j < size; ++j)
        chunk[j] += chunk[size + j];
    std::copy_n(chunk, width, rows.data() + i * width);
  }
  rows.resize(chunks * width);
}

/// Sums of every column.
static std::vector<double> sumColumns(llvm::ArrayRef<float> scores,
                                      int64_t rows, int64_t cols,
                                      unsigned threads) {
  std::vector<double> sums(cols, 0);
  auto sumTile = [&](int64_t task) {
    int64_t begin = task * kTileCols;
    int64_t width = std::min(kTileCols, cols - begin);
    std::vector<double> partial, chunk;
    for (int64_t first = 0; first < rows; first += kSummedTogether) {
      chunk.clear();
      int64_t last = std::min(rows, first + kSummedTogether);
      for (int64_t row = first; row < last; ++row) {
        const float *in = scores.data() + row * cols + begin;
        chunk.insert(chunk.end(), in, in + width);
      }
      sumChunks(chunk, width);
      partial.insert(partial.end(), chunk.begin(), chunk.end());
    }
    while (int64_t(partial.size()) > width)
      sumChunks(partial, width);
    llvm::copy(partial, sums.begin() + begin);
  };
  detail::parallelFor(threads, ceilDiv(cols, kTileCols), kTileCols * rows,
                      sumTile);
  return sums;
}

static double sumRow(llvm::ArrayRef<float> row) {
  std::vector<double> sums(row.begin(), row.end());
  do
    sumChunks(sums, /*width=*/1);
  while (sums.size() > 1);
  return sums.front();
}

/// One row of RIA: (|w| / column sum + |w| / row sum) * factor; 0 where w is 0.
static void scoreRowByRIA(llvm::MutableArrayRef<float> row,
                          llvm::ArrayRef<double> columnSums,
                          llvm::ArrayRef<float> factors) {
  double rowSum = sumRow(row);
  for (size_t col = 0; col < row.size(); ++col) {
    double magnitude = row[col];
    if (magnitude == 0)
      continue;
    double relative = magnitude / columnSums[col] + magnitude / rowSum;
    row[col] = float(relative * factors[col]);
  }
}

llvm::Expected<std::vector<float>>
vnm::sparsity::importance(const MatrixView &weight,
                          const ImportanceOptions &options) {
  if (llvm::Error error = detail::checkShape(weight.rows, weight.cols))
    return std::move(error);
  if (llvm::Error error = checkOptions(weight, options))
    return std::move(error);
  if (llvm::Error error = detail::checkFinite(weight, options.threads))
    return std::move(error);

  std::vector<float> scores(weight.rows * weight.cols);
  fillMagnitudes(weight, options.threads, scores);
  if (options.criterion == Criterion::Magnitude)
    return scores;

  bool isRIA = options.criterion == Criterion::RIA;
  std::vector<float> factors(options.activationNorms);
  // RIA without activations is relative importance alone.
  if (factors.empty())
    factors.assign(weight.cols, 1);
  std::vector<double> columnSums;
  if (isRIA) {
    for (float &factor : factors)
      factor = std::pow(factor, options.riaExponent);
    columnSums = sumColumns(scores, weight.rows, weight.cols, options.threads);
  }
  detail::parallelFor(options.threads, weight.rows, weight.cols,
                      [&](int64_t index) {
                        llvm::MutableArrayRef<float> row(
                            scores.data() + index * weight.cols, weight.cols);
                        if (isRIA)
                          return scoreRowByRIA(row, columnSums, factors);
                        for (int64_t col = 0; col < weight.cols; ++col)
                          row[col] *= factors[col];
                      });
  return scores;
}
