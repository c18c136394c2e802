// Part of the VNM project, under the Apache License v2.0 with LLVM Exceptions.
// See the file LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// This file declares what the passes record of each layer of a model.

#ifndef VNM_DIALECT_VNM_TRANSFORMS_LAYERREPORT_H
#define VNM_DIALECT_VNM_TRANSFORMS_LAYERREPORT_H

#include "mlir/Pass/AnalysisManager.h"
#include "vnm/Dialect/VNM/IR/VNMAttrs.h"
#include "vnm/Sparsity/CostTable.h"
#include "llvm/ADT/MapVector.h"

namespace llvm {
class raw_ostream;
} // namespace llvm

namespace vnm {

/// What one step made of what a layer retains.
struct LayerStep {
  /// E.g. "permute rows".
  std::string name;
  /// Retained importance, 0 to 1, with and without the step.
  double before = 0, after = 0;
  /// Wall time of the step.
  double seconds = 0;
};

/// What became of a layer; fields are set as passes learn them.
struct LayerRecord {
  /// Shape R x K of the weight and its element type, and the tokens T, where
  /// they are known: a product of activations has no R x K.
  int64_t rows = 0, cols = 0;
  std::optional<int64_t> tokens;
  std::optional<sparsity::ElementType> type;
  /// None: the layer is dense, for `reason`.
  SparsityAttr sparsity;
  std::string reason;
  std::vector<LayerStep> steps;
  /// Retained importance, 0 to 1, once the weight is packed.
  std::optional<double> retained;
  /// Bytes of the weight, dense and packed, once it is.
  int64_t bytesDense = 0, bytesSparse = 0;
  /// Predicted cost as it is, and dense.
  std::optional<sparsity::Cost> cost, denseCost;
};

/// Layers by name, in the order in which passes met them. An analysis of the
/// module that no pass invalidates, so that it grows from pass to pass:
/// `getAnalysis<LayerReport>()`. vnm-write-report prints it.
class LayerReport {
public:
  explicit LayerReport(mlir::Operation *) {}

  bool isInvalidated(const mlir::AnalysisManager::PreservedAnalyses &) const {
    return false;
  }

  /// The record of `layer`, made if there is none.
  LayerRecord &operator[](llvm::StringRef layer) { return layers[layer.str()]; }

  /// Writes the JSON that docs/reports.md specifies.
  void print(llvm::raw_ostream &os) const;

private:
  llvm::MapVector<std::string, LayerRecord, std::map<std::string, unsigned>>
      layers;
};

} // namespace vnm

#endif // VNM_DIALECT_VNM_TRANSFORMS_LAYERREPORT_H
