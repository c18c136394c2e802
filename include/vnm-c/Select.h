// Part of the VNM project, under the Apache License v2.0 with LLVM Exceptions.
// See the file LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// This file declares cost tables and the choice of patterns for layers.

#ifndef VNM_C_SELECT_H
#define VNM_C_SELECT_H

#include "vnm-c/Prune.h"

#ifdef __cplusplus
extern "C" {
#endif

//===----------------------------------------------------------------------===//
// Cost tables
//===----------------------------------------------------------------------===//

/// A product of a weight, rows x cols, with cols x tokens activations.
typedef struct VnmProductShape {
  int64_t rows, cols, tokens;
} VnmProductShape;

/// Where a cost comes from.
typedef int32_t VnmCostSource;
enum {
  VnmCostSourceMeasured = 0,     ///< an entry has this shape
  VnmCostSourceInterpolated = 1, ///< between entries of other shapes
  VnmCostSourceExtrapolated = 2, ///< outside of what was measured
  VnmCostSourceRoofline = 3      ///< from a model: nothing was measured
};
/// "measured", "interpolated", "extrapolated" or "roofline"; empty for a number
/// that is no source.
VNM_CAPI_EXPORTED VnmString vnmCostSourceGetName(VnmCostSource source);

/// A cost.
typedef struct VnmCost {
  double microseconds;
  VnmCostSource source;
  /// Kernel family of the entry or the nearest one; owned by the handle that
  /// the cost came from.
  VnmString family;
} VnmCost;

/// Measured products of one device, and a model for others.
typedef struct VnmCostTable VnmCostTable;

/// Reads a table from JSON (docs/algorithms.md, "Cost tables"); an empty text
/// gives the model alone. Errors (InvalidFormat) name the entry and the field.
VNM_CAPI_EXPORTED VnmError *vnmCostTableCreate(VnmString json,
                                               VnmCostTable **table);
/// Frees a table.
VNM_CAPI_EXPORTED void vnmCostTableDestroy(VnmCostTable *table);
/// Adds a measured product; `pattern` null is a dense weight. Changes the
/// table. Errors: sizes or a time that are not positive.
VNM_CAPI_EXPORTED VnmError *
vnmCostTableAdd(VnmCostTable *table, VnmElementType type, VnmProductShape shape,
                const VnmPattern *pattern, VnmString family,
                double microseconds);
/// What a product costs; `pattern` null is a dense weight. The kernel family
/// goes to `callback`, unless that is null; `cost->family` is left empty.
/// Error: sizes that are not positive.
VNM_CAPI_EXPORTED VnmError *
vnmCostTableLookUp(const VnmCostTable *table, VnmElementType type,
                   VnmProductShape shape, const VnmPattern *pattern,
                   VnmStringCallback callback, void *userData, VnmCost *cost);
/// Gives the table's JSON to `callback`.
VNM_CAPI_EXPORTED VnmError *vnmCostTablePrint(const VnmCostTable *table,
                                              VnmStringCallback callback,
                                              void *userData);

//===----------------------------------------------------------------------===//
// Selection
//===----------------------------------------------------------------------===//

/// One product of a model. Scores are R x K floats.
typedef struct VnmSelectLayer {
  VnmString name;
  VnmElementType type;
  VnmProductShape shape;
  /// Importance of the weight, or null if unknown or computed.
  const float *scores;
  /// Writes the scores, if `scores` is null: called once, and the buffer freed
  /// before the next layer's. False: failure, which ends the selection. May be
  /// null.
  bool (*computeScores)(float *scores, void *userData);
  void *userData; ///< for computeScores
  double weight;  ///< how much the layer counts; not negative
} VnmSelectLayer;

/// How patterns that are fast enough are ranked.
typedef int32_t VnmSelectRule;
enum {
  VnmSelectRuleMaskDiversity = 0, ///< by mask diversity; needs no scores
  VnmSelectRuleRetained = 1       ///< by the mean of what layers retain
};

/// What the layers of a model get; immutable.
typedef struct VnmSelection VnmSelection;

/// What one layer gets.
typedef struct VnmSelectedLayer {
  bool isSparse;      ///< false: the layer stays dense, `pattern` is all 0
  VnmPattern pattern; ///< its pattern
  VnmCost cost;       ///< of its product; strings are the selection's
  double denseMicroseconds;
  double retained; ///< share of importance retained
} VnmSelectedLayer;

/// Chooses one pattern for all layers, the best by `rule` of the candidates
/// that make the model at least `speedup` times as fast as dense; layers that
/// it makes slower stay dense. Errors: no layers or candidates, a speed-up
/// below 1 or out of reach, bad shapes, scores or weights.
VNM_CAPI_EXPORTED VnmError *
vnmSelectUniform(const VnmSelectLayer *layers, int64_t numLayers,
                 const VnmPattern *candidates, int64_t numCandidates,
                 const VnmCostTable *costs, double speedup, VnmSelectRule rule,
                 const VnmPruneOptions *options, VnmSelection **selection);
/// Chooses a pattern, or none, per layer: the weighted sum of what is retained
/// is large while times add up to at most `microseconds`. Errors as above; a
/// budget out of reach names the least possible.
VNM_CAPI_EXPORTED VnmError *
vnmSelectPerLayer(const VnmSelectLayer *layers, int64_t numLayers,
                  const VnmPattern *candidates, int64_t numCandidates,
                  const VnmCostTable *costs, double microseconds,
                  const VnmPruneOptions *options, VnmSelection **selection);
/// Frees a selection.
VNM_CAPI_EXPORTED void vnmSelectionDestroy(VnmSelection *selection);
/// Times of the whole model and the weighted mean of what it retains.
VNM_CAPI_EXPORTED VnmError *vnmSelectionGetTotals(const VnmSelection *selection,
                                                  double *microseconds,
                                                  double *denseMicroseconds,
                                                  double *retained);
/// What layer `index` gets. Error: an index that is none of a layer.
VNM_CAPI_EXPORTED VnmError *vnmSelectionGetLayer(const VnmSelection *selection,
                                                 int64_t index,
                                                 VnmSelectedLayer *layer);

#ifdef __cplusplus
}
#endif

#endif // VNM_C_SELECT_H
