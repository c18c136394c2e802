// Part of the VNM project, under the Apache License v2.0 with LLVM Exceptions.
// See the file LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// This file implements the search for one order of channels that several
// weights share.

#include "vnm/Sparsity/SharedPermutation.h"
#include "Detail.h"
#include "vnm/Sparsity/Permute.h"
#include <numeric>

using namespace vnm::sparsity;
using namespace vnm::sparsity::detail;
using llvm::Twine;

using Order = std::vector<int32_t>;

/// The rows of a matrix in another order.
static std::vector<float> orderRows(llvm::ArrayRef<float> scores, int64_t cols,
                                    llvm::ArrayRef<int32_t> order) {
  std::vector<float> result;
  result.reserve(order.size() * cols);
  for (int32_t row : order) {
    llvm::ArrayRef<float> source = scores.slice(row * cols, cols);
    result.insert(result.end(), source.begin(), source.end());
  }
  return result;
}

/// The columns of a matrix in another order.
static std::vector<float> orderColumns(llvm::ArrayRef<float> scores,
                                       int64_t cols,
                                       llvm::ArrayRef<int32_t> order) {
  std::vector<float> result;
  result.reserve(scores.size() / cols * order.size());
  for (int64_t row = 0; row < int64_t(scores.size()) / cols; ++row)
    for (int32_t col : order)
      result.push_back(scores[row * cols + col]);
  return result;
}

/// 1 over the sum of the scores, so that weights of other magnitudes count
/// alike; 0 if the sum is.
static float inverseSum(llvm::ArrayRef<float> scores) {
  double sum = std::accumulate(scores.begin(), scores.end(), 0.0);
  return sum > 0 ? float(double(scores.size()) / sum) : 0.0f;
}

namespace {
/// What weights retain in some order of the channels.
struct Evaluation {
  /// Producers, then consumers.
  std::vector<std::optional<double>> retained;
  /// The mean over elements.
  double mean = 1;
};

/// One search, over given weights.
class SharedPermuter {
public:
  SharedPermuter(llvm::ArrayRef<SharedWeight> producers,
                 llvm::ArrayRef<SharedWeight> consumers, int64_t channels,
                 const SharedPermutationOptions &options)
      : producers(producers), consumers(consumers), channels(channels),
        options(options), block(options.block ? options.block : channels) {
    // Columns in free form have any order already.
    for (const SharedWeight &weight : consumers)
      if (weight.prune.form == Form::Strict)
        strictConsumers.push_back(weight);
  }

  llvm::Expected<SharedPermutation> run();

private:
  llvm::Expected<Evaluation> evaluate(llvm::ArrayRef<int32_t> order);
  llvm::Expected<Order> searchRows(const SharedWeight &like);
  llvm::Expected<Order> searchColumns(llvm::ArrayRef<int32_t> order,
                                      int64_t within);
  llvm::Expected<std::vector<Order>> findCandidates();

  llvm::ArrayRef<SharedWeight> producers, consumers;
  llvm::SmallVector<SharedWeight> strictConsumers;
  int64_t channels;
  SharedPermutationOptions options;
  int64_t block;
};
} // namespace

llvm::Expected<Evaluation>
SharedPermuter::evaluate(llvm::ArrayRef<int32_t> order) {
  Evaluation result;
  double kept = 0, elements = 0;
  auto add = [&](const SharedWeight &weight,
                 const std::vector<float> &scores) -> llvm::Error {
    PruneOptions prune = weight.prune;
    prune.threads = options.threads;
    // Rows are what the order is for.
    prune.permuteRows = false;
    llvm::Expected<Structure> structure = vnm::sparsity::prune(
        scores, weight.rows, weight.cols, weight.pattern, prune);
    if (!structure)
      return structure.takeError();
    double retained = retainedImportance(scores, *structure);
    result.retained.emplace_back(retained);
    kept += retained * double(scores.size());
    elements += double(scores.size());
    return llvm::Error::success();
  };
  for (const SharedWeight &weight : producers)
    if (llvm::Error error =
            add(weight, orderRows(weight.scores, weight.cols, order)))
      return std::move(error);
  for (const SharedWeight &weight : consumers) {
    if (weight.prune.form == Form::Free) {
      result.retained.emplace_back();
      continue;
    }
    if (llvm::Error error =
            add(weight, orderColumns(weight.scores, weight.cols, order)))
      return std::move(error);
  }
  if (elements > 0)
    result.mean = kept / elements;
  return result;
}

/// Rows that share a panel of producers pruned like `like`: those of all
/// producers side by side, block by block.
llvm::Expected<Order> SharedPermuter::searchRows(const SharedWeight &like) {
  int64_t cols = 0;
  for (const SharedWeight &weight : producers)
    cols += weight.cols;
  std::vector<float> together(channels * cols);
  int64_t firstCol = 0;
  for (const SharedWeight &weight : producers) {
    float scale = inverseSum(weight.scores);
    for (int64_t row = 0; row < channels; ++row)
      for (int64_t col = 0; col < weight.cols; ++col)
        together[row * cols + firstCol + col] =
            scale * weight.scores[row * weight.cols + col];
    firstCol += weight.cols;
  }
  Order order;
  for (int64_t first = 0; first < channels; first += block) {
    llvm::ArrayRef<float> scores =
        llvm::ArrayRef(together).slice(first * cols, block * cols);
    Order rows;
    if (like.prune.form == Form::Free) {
      PermuteOptions permute;
      permute.effort = options.effort;
      permute.permuteRows = true;
      permute.seed = options.seed;
      permute.threads = options.threads;
      llvm::Expected<Structure> structure =
          vnm::sparsity::permute(scores, block, cols, like.pattern, permute);
      if (!structure)
        return structure.takeError();
      rows = structure->rows;
    } else {
      StrictPermuteOptions permute;
      permute.permuteColumns = false;
      permute.columnChoice = like.prune.columnChoice;
      permute.threads = options.threads;
      llvm::Expected<StrictPermutation> permutation =
          permuteStrict(scores, block, cols, like.pattern, permute);
      if (!permutation)
        return permutation.takeError();
      rows = permutation->rows;
    }
    for (int64_t i = 0; i < block; ++i)
      order.push_back(int32_t(first + (rows.empty() ? i : rows[i])));
  }
  return order;
}

/// Columns that share a group of the consumers in strict form: those of all one
/// below another; channels of `order` move within blocks of `within`.
llvm::Expected<Order>
SharedPermuter::searchColumns(llvm::ArrayRef<int32_t> order, int64_t within) {
  const SharedWeight &like = strictConsumers.front();
  Order result;
  for (int64_t first = 0; first < channels; first += within) {
    int64_t count = std::min(within, channels - first);
    llvm::ArrayRef<int32_t> own = order.slice(first, count);
    std::vector<float> together;
    int64_t rows = 0;
    for (const SharedWeight &weight : strictConsumers) {
      float scale = inverseSum(weight.scores);
      std::vector<float> part = orderColumns(weight.scores, weight.cols, own);
      for (float &score : part)
        score *= scale;
      together.insert(together.end(), part.begin(), part.end());
      rows += weight.rows;
    }
    StrictPermuteOptions permute;
    permute.permuteRows = false;
    permute.columnChoice = like.prune.columnChoice;
    permute.threads = options.threads;
    llvm::Expected<StrictPermutation> permutation =
        permuteStrict(together, rows, count, like.pattern, permute);
    if (!permutation)
      return permutation.takeError();
    for (int64_t i = 0; i < count; ++i)
      result.push_back(
          own[permutation->columns.empty() ? i : permutation->columns[i]]);
  }
  return result;
}

llvm::Expected<std::vector<Order>> SharedPermuter::findCandidates() {
  Order identity(channels);
  std::iota(identity.begin(), identity.end(), 0);
  std::vector<Order> candidates;
  auto addColumns = [&](llvm::ArrayRef<int32_t> order,
                        int64_t within) -> llvm::Error {
    // Groups must not straddle what the channels may not leave.
    if (strictConsumers.empty() ||
        (within != channels && within % strictConsumers.front().pattern.m != 0))
      return llvm::Error::success();
    llvm::Expected<Order> columns = searchColumns(order, within);
    if (!columns)
      return columns.takeError();
    candidates.push_back(std::move(*columns));
    return llvm::Error::success();
  };
  llvm::SmallVector<int64_t> panelSizes;
  for (const SharedWeight &weight : producers) {
    int64_t v = weight.pattern.v;
    // In a block of one panel the order of rows does not matter.
    if (v >= block || llvm::is_contained(panelSizes, v))
      continue;
    panelSizes.push_back(v);
    llvm::Expected<Order> rows = searchRows(weight);
    if (!rows)
      return rows.takeError();
    candidates.push_back(*rows);
    // Panels may straddle blocks; columns must not.
    bool nests = block == channels || block % v == 0;
    if (llvm::Error error =
            nests ? addColumns(*rows, v) : llvm::Error::success())
      return std::move(error);
  }
  if (llvm::Error error = addColumns(identity, block))
    return std::move(error);
  return candidates;
}

llvm::Expected<SharedPermutation> SharedPermuter::run() {
  Order identity(channels);
  std::iota(identity.begin(), identity.end(), 0);
  llvm::Expected<Evaluation> before = evaluate(identity);
  if (!before)
    return before.takeError();
  SharedPermutation result;
  Evaluation best = *before;
  llvm::Expected<std::vector<Order>> candidates = findCandidates();
  if (!candidates)
    return candidates.takeError();
  for (Order &order : *candidates) {
    if (order == identity)
      continue;
    llvm::Expected<Evaluation> after = evaluate(order);
    if (!after)
      return after.takeError();
    if (after->mean <= best.mean)
      continue;
    best = std::move(*after);
    result.channels = std::move(order);
  }
  result.before = std::move(before->retained);
  result.after = std::move(best.retained);
  return result;
}

llvm::Expected<SharedPermutation>
vnm::sparsity::permuteShared(llvm::ArrayRef<SharedWeight> producers,
                             llvm::ArrayRef<SharedWeight> consumers,
                             int64_t channels,
                             const SharedPermutationOptions &options) {
  if (channels < 1)
    return makeError("requires at least one channel, but there are " +
                     Twine(channels));
  if (options.block < 0 || (options.block && channels % options.block != 0))
    return makeError("requires a block that divides the " + Twine(channels) +
                     " channels, but it is " + Twine(options.block));
  for (const SharedWeight &weight : producers)
    if (weight.rows != channels)
      return makeError("requires a producer of " + Twine(channels) +
                       " channels to have as many rows, but it has " +
                       Twine(weight.rows));
  for (const SharedWeight &weight : consumers)
    if (weight.cols != channels)
      return makeError("requires a consumer of " + Twine(channels) +
                       " channels to have as many columns, but it has " +
                       Twine(weight.cols));
  for (llvm::ArrayRef<SharedWeight> side : {producers, consumers})
    for (const SharedWeight &weight : side)
      if (llvm::Error error = checkSizes(weight.scores.size(), weight.rows,
                                         weight.cols, weight.pattern))
        return std::move(error);
  return SharedPermuter(producers, consumers, channels, options).run();
}
