// Part of the VNM project, under the Apache License v2.0 with LLVM Exceptions.
// See the file LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// This file implements cost tables and selection of the C interface.

#include "vnm-c/Select.h"
#include "Storage.h"
#include "vnm/Sparsity/Select.h"

using namespace vnm::capi;
using vnm::sparsity::Cost;
using vnm::sparsity::CostTable;
using vnm::sparsity::ElementType;
using vnm::sparsity::Pattern;
using vnm::sparsity::PruneOptions;
using vnm::sparsity::SelectedLayer;
using vnm::sparsity::Selection;
using vnm::sparsity::SelectLayer;
using vnm::sparsity::SelectRule;

namespace vnm::capi {
template <>
struct HandleTraits<VnmCostTable> {
  using Object = CostTable;
};
template <>
struct HandleTraits<VnmSelection> {
  using Object = Selection;
};
} // namespace vnm::capi

static std::optional<Pattern> toPattern(const VnmPattern *pattern) {
  if (!pattern)
    return std::nullopt;
  return unwrap(*pattern);
}

/// Checks type, pattern and sizes of a product whose cost matters.
static llvm::Expected<ElementType> checkProduct(VnmElementType type,
                                                const VnmPattern *pattern) {
  if (pattern)
    if (llvm::Error error = Pattern::verify(pattern->v, pattern->n, pattern->m))
      return std::move(error);
  return toElementType(type);
}

/// Wraps the caller's function in one that gives a vector.
static std::function<llvm::Expected<std::vector<float>>()>
toFunction(const VnmSelectLayer &layer, int64_t count) {
  return [layer, count]() -> llvm::Expected<std::vector<float>> {
    std::vector<float> scores(count);
    if (!layer.computeScores(scores.data(), layer.userData))
      return makeError("requires the scores of every layer, but computing "
                       "them failed");
    return scores;
  };
}

static llvm::Expected<std::vector<SelectLayer>>
toLayers(const VnmSelectLayer *layers, int64_t count) {
  if (count < 0 || (count > 0 && !layers))
    return makeError("requires layers with a pointer and a number of at least "
                     "0, but there are " +
                     llvm::Twine(count));
  std::vector<SelectLayer> result;
  for (int64_t i = 0; i < count; ++i) {
    const VnmSelectLayer &from = layers[i];
    llvm::Expected<ElementType> type = toElementType(from.type);
    if (!type)
      return type.takeError();
    llvm::Expected<int64_t> numScores =
        countElements(from.shape.rows, from.shape.cols, sizeof(float));
    if (!numScores)
      return numScores.takeError();
    SelectLayer layer;
    layer.name = unwrap(from.name).str();
    layer.type = *type;
    layer.shape = {from.shape.rows, from.shape.cols, from.shape.tokens};
    layer.weight = from.weight;
    if (from.scores)
      layer.scores = {from.scores, size_t(*numScores)};
    else if (from.computeScores)
      layer.computeScores = toFunction(from, *numScores);
    result.push_back(std::move(layer));
  }
  return result;
}

static llvm::Expected<std::vector<Pattern>>
toPatterns(const VnmPattern *patterns, int64_t count) {
  if (count < 0 || (count > 0 && !patterns))
    return makeError("requires candidates with a pointer and a number of at "
                     "least 0, but there are " +
                     llvm::Twine(count));
  std::vector<Pattern> result;
  result.reserve(size_t(count));
  for (int64_t i = 0; i < count; ++i)
    result.push_back(unwrap(patterns[i]));
  return result;
}

/// Converts the arguments that both rules of selection have and calls
/// `select` with them.
template <typename Select>
static VnmError *runSelection(const VnmSelectLayer *layers, int64_t numLayers,
                              const VnmPattern *candidates,
                              int64_t numCandidates,
                              const VnmPruneOptions *options,
                              VnmSelection **selection, Select select) {
  return guard(VnmErrorKindInvalidArgument, [&]() -> llvm::Error {
    llvm::Expected<std::vector<SelectLayer>> products =
        toLayers(layers, numLayers);
    if (!products)
      return products.takeError();
    llvm::Expected<std::vector<Pattern>> patterns =
        toPatterns(candidates, numCandidates);
    if (!patterns)
      return patterns.takeError();
    llvm::Expected<PruneOptions> prune = toOptions(options);
    if (!prune)
      return prune.takeError();
    return take(select(*products, *patterns, *prune), selection);
  });
}

extern "C" {

VnmString vnmCostSourceGetName(VnmCostSource source) {
  if (source < VnmCostSourceMeasured || source > VnmCostSourceRoofline)
    return {"", 0};
  return wrap(toString(Cost::Source(source)));
}

VnmError *vnmCostTableCreate(VnmString json, VnmCostTable **table) {
  if (VnmError *error = requirePointers({{"table", table}}))
    return error;
  return guard(VnmErrorKindInvalidFormat, [&]() -> llvm::Error {
    if (unwrap(json).empty())
      return take(CostTable(), table);
    return take(CostTable::parse(unwrap(json)), table);
  });
}

void vnmCostTableDestroy(VnmCostTable *table) { delete unwrap(table); }

VnmError *vnmCostTableAdd(VnmCostTable *table, VnmElementType type,
                          VnmProductShape shape, const VnmPattern *pattern,
                          VnmString family, double microseconds) {
  if (VnmError *error = requirePointers({{"table", table}}))
    return error;
  return guard(VnmErrorKindInvalidArgument, [&]() -> llvm::Error {
    llvm::Expected<ElementType> elementType = checkProduct(type, pattern);
    if (!elementType)
      return elementType.takeError();
    return unwrap(table)->add({*elementType,
                               {shape.rows, shape.cols, shape.tokens},
                               toPattern(pattern),
                               unwrap(family).str(),
                               microseconds});
  });
}

VnmError *vnmCostTableLookUp(const VnmCostTable *table, VnmElementType type,
                             VnmProductShape shape, const VnmPattern *pattern,
                             VnmStringCallback callback, void *userData,
                             VnmCost *cost) {
  if (VnmError *error = requirePointers({{"table", table}, {"cost", cost}}))
    return error;
  return guard(VnmErrorKindInvalidArgument, [&]() -> llvm::Error {
    llvm::Expected<ElementType> elementType = checkProduct(type, pattern);
    if (!elementType)
      return elementType.takeError();
    llvm::Expected<Cost> result = unwrap(table)->lookUp(
        *elementType, {shape.rows, shape.cols, shape.tokens},
        toPattern(pattern));
    if (!result)
      return result.takeError();
    *cost = {result->microseconds, VnmCostSource(result->source), {"", 0}};
    if (callback)
      callback(wrap(llvm::StringRef(result->family)), userData);
    return llvm::Error::success();
  });
}

VnmError *vnmCostTablePrint(const VnmCostTable *table,
                            VnmStringCallback callback, void *userData) {
  if (VnmError *error = requirePointers({{"table", table}}))
    return error;
  if (!callback)
    return requirePointers({{"callback", nullptr}});
  return guard(VnmErrorKindInvalidArgument, [&] {
    callback(wrap(llvm::StringRef(unwrap(table)->str())), userData);
    return llvm::Error::success();
  });
}

VnmError *vnmSelectUniform(const VnmSelectLayer *layers, int64_t numLayers,
                           const VnmPattern *candidates, int64_t numCandidates,
                           const VnmCostTable *costs, double speedup,
                           VnmSelectRule rule, const VnmPruneOptions *options,
                           VnmSelection **selection) {
  if (VnmError *error =
          requirePointers({{"costs", costs}, {"selection", selection}}))
    return error;
  return runSelection(
      layers, numLayers, candidates, numCandidates, options, selection,
      [&](llvm::ArrayRef<SelectLayer> products,
          llvm::ArrayRef<Pattern> patterns,
          const PruneOptions &prune) -> llvm::Expected<Selection> {
        llvm::Expected<SelectRule> by =
            toEnum<SelectRule>(rule, 2, "a selection rule");
        if (!by)
          return by.takeError();
        return vnm::sparsity::selectUniform(products, patterns, *unwrap(costs),
                                            speedup, *by, {prune});
      });
}

VnmError *vnmSelectPerLayer(const VnmSelectLayer *layers, int64_t numLayers,
                            const VnmPattern *candidates, int64_t numCandidates,
                            const VnmCostTable *costs, double microseconds,
                            const VnmPruneOptions *options,
                            VnmSelection **selection) {
  if (VnmError *error =
          requirePointers({{"costs", costs}, {"selection", selection}}))
    return error;
  return runSelection(
      layers, numLayers, candidates, numCandidates, options, selection,
      [&](llvm::ArrayRef<SelectLayer> products,
          llvm::ArrayRef<Pattern> patterns, const PruneOptions &prune) {
        return vnm::sparsity::selectPerLayer(products, patterns, *unwrap(costs),
                                             microseconds, {prune});
      });
}

void vnmSelectionDestroy(VnmSelection *selection) { delete unwrap(selection); }

VnmError *vnmSelectionGetTotals(const VnmSelection *selection,
                                double *microseconds, double *denseMicroseconds,
                                double *retained) {
  if (VnmError *error =
          requirePointers({{"selection", selection},
                           {"microseconds", microseconds},
                           {"denseMicroseconds", denseMicroseconds},
                           {"retained", retained}}))
    return error;
  *microseconds = unwrap(selection)->microseconds;
  *denseMicroseconds = unwrap(selection)->denseMicroseconds;
  *retained = unwrap(selection)->retained;
  return nullptr;
}

VnmError *vnmSelectionGetLayer(const VnmSelection *selection, int64_t index,
                               VnmSelectedLayer *layer) {
  if (VnmError *error =
          requirePointers({{"selection", selection}, {"layer", layer}}))
    return error;
  return guard(VnmErrorKindInvalidArgument, [&]() -> llvm::Error {
    llvm::ArrayRef<SelectedLayer> all = unwrap(selection)->layers;
    if (index < 0 || index >= int64_t(all.size()))
      return makeError("requires an index in [0, " + llvm::Twine(all.size()) +
                       "), but it is " + llvm::Twine(index));
    const SelectedLayer &from = all[index];
    layer->isSparse = from.pattern.has_value();
    layer->pattern = from.pattern ? wrap(*from.pattern) : VnmPattern{0, 0, 0};
    layer->cost = {from.cost.microseconds, VnmCostSource(from.cost.source),
                   wrap(llvm::StringRef(from.cost.family))};
    layer->denseMicroseconds = from.denseMicroseconds;
    layer->retained = from.retained;
    return llvm::Error::success();
  });
}

} // extern "C"
