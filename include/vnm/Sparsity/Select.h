// Part of the VNM project, under the Apache License v2.0 with LLVM Exceptions.
// See the file LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// This file declares the choice of patterns for the layers of a model.

#ifndef VNM_SPARSITY_SELECT_H
#define VNM_SPARSITY_SELECT_H

#include "vnm/Sparsity/CostTable.h"
#include "vnm/Sparsity/Prune.h"
#include <functional>

namespace vnm::sparsity {

/// One product of a model.
struct SelectLayer {
  std::string name;
  ElementType type = ElementType::F16;
  ProductShape shape;
  /// Importance of the weight, R x K; empty if it is unknown, which the rules
  /// that measure what a pattern retains refuse.
  llvm::ArrayRef<float> scores;
  /// How much this layer counts in what the model retains.
  double weight = 1;
  /// Computes the scores, if they are not given: called once, and its result
  /// freed before the next layer's is computed. May be null.
  std::function<llvm::Expected<std::vector<float>>()> computeScores = {};
};

/// How patterns that are fast enough are ranked.
enum class SelectRule : uint8_t {
  /// By mask diversity (arXiv 2410.16135v3): Pattern::log2MaskDiversity, which
  /// no layer's weights or shape change.
  MaskDiversity,
  /// By the weighted mean of what the layers retain.
  Retained
};

struct SelectOptions {
  /// How what a pattern retains is measured.
  PruneOptions prune;
};

/// What a layer gets.
struct SelectedLayer {
  /// None: the layer stays dense.
  std::optional<Pattern> pattern;
  Cost cost;
  double denseMicroseconds = 0;
  /// Share of importance retained; 1 for a dense layer, and also if the layer
  /// has no scores and was not asked to retain any.
  double retained = 1;
};

struct Selection {
  std::vector<SelectedLayer> layers;
  double microseconds = 0;
  double denseMicroseconds = 0;
  /// Weighted mean of what the layers retain.
  double retained = 1;

  double speedup() const { return denseMicroseconds / microseconds; }
};

/// One pattern for all layers: of the candidates that make the model at least
/// `speedup` times as fast as dense, the best by `rule`; ties go to the faster,
/// then to the earlier. A layer that the pattern makes slower stays dense. A
/// speed-up of 1 needs no pattern: all layers stay dense. Errors: no layers,
/// no candidates, a speed-up below 1, one out of reach (names the best
/// reachable), bad shapes, scores or weights.
llvm::Expected<Selection> selectUniform(llvm::ArrayRef<SelectLayer> layers,
                                        llvm::ArrayRef<Pattern> candidates,
                                        const CostTable &costs, double speedup,
                                        SelectRule rule,
                                        const SelectOptions &options = {});

/// A pattern per layer, or none: the sum of weight * retained is large while
/// the times add up to at most `microseconds`. Lagrangian: bisection over the
/// price of time, at which every layer chooses for itself; then the best
/// changes of one or two layers, which also start from each candidate for all
/// layers: the result retains at least what one pattern does in the same time.
/// Errors as above; a budget out of reach names the least possible.
llvm::Expected<Selection> selectPerLayer(llvm::ArrayRef<SelectLayer> layers,
                                         llvm::ArrayRef<Pattern> candidates,
                                         const CostTable &costs,
                                         double microseconds,
                                         const SelectOptions &options = {});

} // namespace vnm::sparsity

#endif // VNM_SPARSITY_SELECT_H
