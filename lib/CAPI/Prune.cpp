// Part of the VNM project, under the Apache License v2.0 with LLVM Exceptions.
// See the file LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// This file implements importance and pruning of the C interface.

#include "vnm-c/Prune.h"
#include "Storage.h"

using namespace vnm::capi;
using vnm::sparsity::ColumnChoice;
using vnm::sparsity::Criterion;
using vnm::sparsity::Effort;
using vnm::sparsity::Form;
using vnm::sparsity::ImportanceOptions;
using vnm::sparsity::MatrixView;
using vnm::sparsity::PackOptions;
using vnm::sparsity::PruneOptions;

//===----------------------------------------------------------------------===//
// Conversions
//===----------------------------------------------------------------------===//

llvm::Expected<Effort> vnm::capi::toEffort(VnmEffort effort) {
  return toEnum<Effort>(effort, 3, "an effort");
}

llvm::Expected<ColumnChoice> vnm::capi::toColumnChoice(VnmColumnChoice choice) {
  return toEnum<ColumnChoice>(choice, 2, "a column choice");
}

/// Scores that a caller has are no criterion here: it prunes by them.
static llvm::Expected<Criterion> toCriterion(VnmCriterion criterion) {
  return toEnum<Criterion>(criterion, 3, "a criterion");
}

llvm::Expected<PruneOptions>
vnm::capi::toOptions(const VnmPruneOptions *options) {
  PruneOptions result;
  if (!options)
    return result;
  llvm::Expected<Form> form = toEnum<Form>(options->form, 2, "a form");
  if (!form)
    return form.takeError();
  llvm::Expected<ColumnChoice> choice = toColumnChoice(options->columnChoice);
  if (!choice)
    return choice.takeError();
  llvm::Expected<Effort> effort = toEffort(options->effort);
  if (!effort)
    return effort.takeError();
  if (llvm::Error error = checkThreads(options->threads))
    return std::move(error);
  return PruneOptions{*form, *choice, *effort, options->permuteRows,
                      options->threads};
}

static llvm::Expected<ImportanceOptions>
toOptions(const VnmImportanceOptions *options) {
  ImportanceOptions result;
  if (!options)
    return result;
  llvm::Expected<Criterion> criterion = toCriterion(options->criterion);
  if (!criterion)
    return criterion.takeError();
  if (llvm::Error error = checkThreads(options->threads))
    return std::move(error);
  int64_t count = options->numActivationNorms;
  if (count < 0 || (count > 0 && !options->activationNorms))
    return makeError("requires activation norms with a pointer and a number "
                     "of at least 0, but there are " +
                     llvm::Twine(count));
  result.criterion = *criterion;
  if (count > 0)
    result.activationNorms = {options->activationNorms, size_t(count)};
  result.riaExponent = options->riaExponent;
  result.threads = options->threads;
  return result;
}

llvm::Expected<llvm::ArrayRef<float>>
vnm::capi::toScores(const float *scores, int64_t rows, int64_t cols) {
  if (!scores)
    return makeError("requires scores, but their pointer is null");
  llvm::Expected<int64_t> count = countElements(rows, cols, sizeof(float));
  if (!count)
    return count.takeError();
  return llvm::ArrayRef<float>(scores, size_t(*count));
}

/// The name of an enumerator; empty for an error.
template <typename Enum>
static VnmString nameOf(llvm::Expected<Enum> value) {
  if (value)
    return wrap(toString(*value));
  llvm::consumeError(value.takeError());
  return {"", 0};
}

/// Stores a parsed enumerator's number.
template <typename Enum>
static VnmError *parseTo(llvm::Expected<Enum> (*parse)(llvm::StringRef),
                         VnmString text, int32_t *result) {
  if (VnmError *error = requirePointers({{"result", result}}))
    return error;
  return guard(VnmErrorKindInvalidArgument, [&]() -> llvm::Error {
    llvm::Expected<Enum> value = parse(unwrap(text));
    if (!value)
      return value.takeError();
    *result = int32_t(*value);
    return llvm::Error::success();
  });
}

/// The criterion of a text, without the library's `given`.
static llvm::Expected<Criterion> parseOwnCriterion(llvm::StringRef text) {
  if (text == toString(Criterion::Given))
    return makeError("requires a criterion of magnitude, wanda or ria, but "
                     "found 'given'");
  return vnm::sparsity::parseCriterion(text);
}

//===----------------------------------------------------------------------===//
// Interface
//===----------------------------------------------------------------------===//

extern "C" {

VnmString vnmCriterionGetName(VnmCriterion criterion) {
  return nameOf(toCriterion(criterion));
}
VnmError *vnmCriterionParse(VnmString text, VnmCriterion *criterion) {
  return parseTo(parseOwnCriterion, text, criterion);
}

VnmString vnmColumnChoiceGetName(VnmColumnChoice choice) {
  return nameOf(toColumnChoice(choice));
}
VnmError *vnmColumnChoiceParse(VnmString text, VnmColumnChoice *choice) {
  return parseTo(vnm::sparsity::parseColumnChoice, text, choice);
}

VnmString vnmEffortGetName(VnmEffort effort) {
  return nameOf(toEffort(effort));
}
VnmError *vnmEffortParse(VnmString text, VnmEffort *effort) {
  return parseTo(vnm::sparsity::parseEffort, text, effort);
}

VnmImportanceOptions vnmImportanceOptionsGetDefault(void) {
  ImportanceOptions defaults;
  return {VnmCriterion(defaults.criterion), nullptr, 0, defaults.riaExponent,
          defaults.threads};
}

VnmPruneOptions vnmPruneOptionsGetDefault(void) {
  PruneOptions defaults;
  return {VnmForm(defaults.form), VnmColumnChoice(defaults.columnChoice),
          VnmEffort(defaults.effort), defaults.permuteRows, defaults.threads};
}

VnmError *vnmImportance(const VnmMatrix *weight,
                        const VnmImportanceOptions *options, float *scores) {
  if (VnmError *error =
          requirePointers({{"weight", weight}, {"scores", scores}}))
    return error;
  return guard(VnmErrorKindInvalidArgument, [&]() -> llvm::Error {
    llvm::Expected<MatrixView> matrix = toMatrix(*weight);
    if (!matrix)
      return matrix.takeError();
    llvm::Expected<ImportanceOptions> importanceOptions = toOptions(options);
    if (!importanceOptions)
      return importanceOptions.takeError();
    llvm::Expected<std::vector<float>> result =
        importance(*matrix, *importanceOptions);
    if (!result)
      return result.takeError();
    std::copy(result->begin(), result->end(), scores);
    return llvm::Error::success();
  });
}

VnmError *vnmPrune(const float *scores, int64_t rows, int64_t cols,
                   VnmPattern pattern, const VnmPruneOptions *options,
                   VnmStructure **structure) {
  if (VnmError *error = requirePointers({{"structure", structure}}))
    return error;
  return guard(VnmErrorKindInvalidArgument, [&]() -> llvm::Error {
    llvm::Expected<llvm::ArrayRef<float>> array = toScores(scores, rows, cols);
    if (!array)
      return array.takeError();
    llvm::Expected<PruneOptions> pruneOptions = vnm::capi::toOptions(options);
    if (!pruneOptions)
      return pruneOptions.takeError();
    return take(vnm::sparsity::prune(*array, rows, cols, unwrap(pattern),
                                     *pruneOptions),
                structure);
  });
}

VnmError *vnmCompress(const VnmMatrix *weight, VnmPattern pattern,
                      const VnmImportanceOptions *importanceOptions,
                      const VnmPruneOptions *pruneOptions,
                      const VnmPackOptions *packOptions, VnmStorage **storage) {
  if (VnmError *error =
          requirePointers({{"weight", weight}, {"storage", storage}}))
    return error;
  return guard(VnmErrorKindInvalidArgument, [&]() -> llvm::Error {
    llvm::Expected<MatrixView> matrix = toMatrix(*weight);
    if (!matrix)
      return matrix.takeError();
    llvm::Expected<ImportanceOptions> importing = toOptions(importanceOptions);
    if (!importing)
      return importing.takeError();
    llvm::Expected<PruneOptions> pruning = vnm::capi::toOptions(pruneOptions);
    if (!pruning)
      return pruning.takeError();
    llvm::Expected<PackOptions> packing = vnm::capi::toOptions(packOptions);
    if (!packing)
      return packing.takeError();
    return take(
        compress(*matrix, unwrap(pattern), *importing, *pruning, *packing),
        storage);
  });
}

VnmError *vnmRetainedImportance(const float *scores,
                                const VnmStructure *structure,
                                double *retained) {
  if (VnmError *error =
          requirePointers({{"structure", structure}, {"retained", retained}}))
    return error;
  return guard(VnmErrorKindInvalidArgument, [&]() -> llvm::Error {
    const auto &from = *unwrap(structure);
    llvm::Expected<llvm::ArrayRef<float>> array =
        toScores(scores, from.numRows, from.numCols);
    if (!array)
      return array.takeError();
    *retained = retainedImportance(*array, from);
    return llvm::Error::success();
  });
}

} // extern "C"
