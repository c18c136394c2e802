// Part of the VNM project, under the Apache License v2.0 with LLVM Exceptions.
// See the file LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// This file implements the searches for permutations of the C interface.

#include "vnm-c/Permute.h"
#include "Storage.h"
#include "vnm/Sparsity/Permute.h"
#include "vnm/Sparsity/SharedPermutation.h"
#include <algorithm>
#include <limits>
#include <memory>
#include <numeric>

using namespace vnm::capi;
using vnm::sparsity::ColumnChoice;
using vnm::sparsity::Effort;
using vnm::sparsity::PermuteOptions;
using vnm::sparsity::SharedPermutation;
using vnm::sparsity::SharedPermutationOptions;
using vnm::sparsity::SharedWeight;
using vnm::sparsity::StrictPermutation;
using vnm::sparsity::StrictPermuteOptions;
using vnm::sparsity::Structure;

static llvm::Expected<PermuteOptions>
toOptions(const VnmPermuteOptions *options) {
  PermuteOptions result;
  if (!options)
    return result;
  llvm::Expected<Effort> effort = toEffort(options->effort);
  if (!effort)
    return effort.takeError();
  llvm::Expected<ColumnChoice> choice = toColumnChoice(options->columnChoice);
  if (!choice)
    return choice.takeError();
  if (llvm::Error error = checkThreads(options->threads))
    return std::move(error);
  return PermuteOptions{*effort, options->permuteRows, *choice, options->seed,
                        options->threads};
}

static llvm::Expected<StrictPermuteOptions>
toOptions(const VnmStrictPermuteOptions *options) {
  StrictPermuteOptions result;
  if (!options)
    return result;
  llvm::Expected<ColumnChoice> choice = toColumnChoice(options->columnChoice);
  if (!choice)
    return choice.takeError();
  if (llvm::Error error = checkThreads(options->threads))
    return std::move(error);
  return StrictPermuteOptions{options->iterations, options->permuteColumns,
                              options->permuteRows, *choice, options->threads};
}

static llvm::Expected<SharedPermutationOptions>
toOptions(const VnmSharedPermuteOptions *options) {
  SharedPermutationOptions result;
  if (!options)
    return result;
  llvm::Expected<Effort> effort = toEffort(options->effort);
  if (!effort)
    return effort.takeError();
  if (llvm::Error error = checkThreads(options->threads))
    return std::move(error);
  return SharedPermutationOptions{options->block, *effort, options->seed,
                                  options->threads};
}

/// Checks and converts weights that share channels.
static llvm::Expected<std::vector<SharedWeight>>
toWeights(const VnmSharedWeight *weights, int64_t count, const char *name) {
  if (count < 0 || (count > 0 && !weights))
    return makeError("requires " + llvm::Twine(name) +
                     " with a pointer and a number of at least 0, but there "
                     "are " +
                     llvm::Twine(count));
  std::vector<SharedWeight> result;
  for (int64_t i = 0; i < count; ++i) {
    const VnmSharedWeight &weight = weights[i];
    llvm::Expected<llvm::ArrayRef<float>> scores =
        toScores(weight.scores, weight.rows, weight.cols);
    if (!scores)
      return scores.takeError();
    llvm::Expected<vnm::sparsity::PruneOptions> prune =
        vnm::capi::toOptions(&weight.prune);
    if (!prune)
      return prune.takeError();
    result.push_back(
        {*scores, weight.rows, weight.cols, unwrap(weight.pattern), *prune});
  }
  return result;
}

/// Copies what weights retain; NaN for none.
static void copyRetained(llvm::ArrayRef<std::optional<double>> from,
                         double *to) {
  for (size_t i = 0; to && i < from.size(); ++i)
    to[i] = from[i].value_or(std::numeric_limits<double>::quiet_NaN());
}

extern "C" {

VnmPermuteOptions vnmPermuteOptionsGetDefault(void) {
  PermuteOptions defaults;
  return {VnmEffort(defaults.effort), defaults.permuteRows,
          VnmColumnChoice(defaults.columnChoice), defaults.seed,
          defaults.threads};
}

VnmError *vnmPermute(const float *scores, int64_t rows, int64_t cols,
                     VnmPattern pattern, const VnmPermuteOptions *options,
                     VnmStructure **structure) {
  if (VnmError *error = requirePointers({{"structure", structure}}))
    return error;
  return guard(VnmErrorKindInvalidArgument, [&]() -> llvm::Error {
    llvm::Expected<llvm::ArrayRef<float>> array = toScores(scores, rows, cols);
    if (!array)
      return array.takeError();
    llvm::Expected<PermuteOptions> permuteOptions = toOptions(options);
    if (!permuteOptions)
      return permuteOptions.takeError();
    return take(vnm::sparsity::permute(*array, rows, cols, unwrap(pattern),
                                       *permuteOptions),
                structure);
  });
}

VnmStrictPermuteOptions vnmStrictPermuteOptionsGetDefault(void) {
  StrictPermuteOptions defaults;
  return {defaults.iterations, defaults.permuteColumns, defaults.permuteRows,
          VnmColumnChoice(defaults.columnChoice), defaults.threads};
}

VnmError *vnmPermuteStrict(const float *scores, int64_t rows, int64_t cols,
                           VnmPattern pattern,
                           const VnmStrictPermuteOptions *options,
                           int32_t *columns, int32_t *order,
                           VnmStructure **permuted, VnmStructure **absorbed) {
  return guard(VnmErrorKindInvalidArgument, [&]() -> llvm::Error {
    llvm::Expected<llvm::ArrayRef<float>> array = toScores(scores, rows, cols);
    if (!array)
      return array.takeError();
    llvm::Expected<StrictPermuteOptions> strictOptions = toOptions(options);
    if (!strictOptions)
      return strictOptions.takeError();
    llvm::Expected<StrictPermutation> result = vnm::sparsity::permuteStrict(
        *array, rows, cols, unwrap(pattern), *strictOptions);
    if (!result)
      return result.takeError();
    // Both structures exist before the first output is written.
    auto first = std::make_unique<Structure>(std::move(result->permuted));
    auto second = std::make_unique<Structure>(std::move(result->absorbed));
    if (columns)
      std::copy(result->columns.begin(), result->columns.end(), columns);
    if (order)
      std::copy(result->rows.begin(), result->rows.end(), order);
    if (permuted)
      *permuted = wrap<VnmStructure>(first.release());
    if (absorbed)
      *absorbed = wrap<VnmStructure>(second.release());
    return llvm::Error::success();
  });
}

VnmSharedPermuteOptions vnmSharedPermuteOptionsGetDefault(void) {
  SharedPermutationOptions defaults;
  return {defaults.block, VnmEffort(defaults.effort), defaults.seed,
          defaults.threads};
}

VnmError *vnmPermuteShared(const VnmSharedWeight *producers,
                           int64_t numProducers,
                           const VnmSharedWeight *consumers,
                           int64_t numConsumers, int64_t channels,
                           const VnmSharedPermuteOptions *options,
                           int32_t *order, double *before, double *after) {
  if (VnmError *error = requirePointers({{"order", order}}))
    return error;
  return guard(VnmErrorKindInvalidArgument, [&]() -> llvm::Error {
    llvm::Expected<std::vector<SharedWeight>> writers =
        toWeights(producers, numProducers, "producers");
    if (!writers)
      return writers.takeError();
    llvm::Expected<std::vector<SharedWeight>> readers =
        toWeights(consumers, numConsumers, "consumers");
    if (!readers)
      return readers.takeError();
    llvm::Expected<SharedPermutationOptions> sharedOptions = toOptions(options);
    if (!sharedOptions)
      return sharedOptions.takeError();
    if (channels > INT32_MAX)
      return makeError("requires at most 2147483647 channels, but there are " +
                       llvm::Twine(channels));
    llvm::Expected<SharedPermutation> result = vnm::sparsity::permuteShared(
        *writers, *readers, channels, *sharedOptions);
    if (!result)
      return result.takeError();
    if (result->channels.empty())
      std::iota(order, order + channels, 0);
    else
      std::copy(result->channels.begin(), result->channels.end(), order);
    copyRetained(result->before, before);
    copyRetained(result->after, after);
    return llvm::Error::success();
  });
}

} // extern "C"
