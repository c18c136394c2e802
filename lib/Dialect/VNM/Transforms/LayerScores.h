// Part of the VNM project, under the Apache License v2.0 with LLVM Exceptions.
// See the file LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// This file declares what passes read of an annotated layer: its name, the
// norms of its input channels, its weight and its importance.

#ifndef VNM_LIB_DIALECT_VNM_TRANSFORMS_LAYERSCORES_H
#define VNM_LIB_DIALECT_VNM_TRANSFORMS_LAYERSCORES_H

#include "ConstantData.h"
#include "vnm/Dialect/VNM/Transforms/MatmulMatcher.h"
#include "vnm/Sparsity/Safetensors.h"

namespace vnm {

/// The contractions of `root` with `vnm.sparsity`, in the order of the module.
llvm::SmallVector<mlir::Operation *> getAnnotated(mlir::Operation *root);

/// The name of an annotated contraction: `vnm.layer`, else its function's name.
mlir::StringAttr getLayerName(mlir::Operation *op);

/// Matches an annotated contraction; an error at the op if it is none.
mlir::LogicalResult matchAnnotated(mlir::Operation *op, MatmulMatch &match);

/// The 2-norms of layers' input channels over a calibration set.
class Calibration {
public:
  /// Opens `file` (safetensors; the tensor of a layer has its name); without
  /// norms if it is empty. Errors are emitted at `op`, for `option`.
  mlir::LogicalResult open(mlir::Operation *op, llvm::StringRef option,
                           llvm::StringRef file);

  /// The K norms of the layer of `op`: its attribute `vnm.norms` if it has one,
  /// else the file's. Empty if the criterion does not want any, or wants but
  /// does not need them. An error at the op if they are needed and absent, or
  /// not K of f32.
  mlir::FailureOr<std::vector<float>> getNorms(mlir::Operation *op,
                                               int64_t numCols) const;

private:
  std::shared_ptr<const sparsity::SafetensorsFile> file;
};

/// Importance of the constant weight of `match`, R x K row-major, by the
/// criterion of its annotation. None if the weight is no constant, or is cast
/// from a type that the core library has not. Errors are emitted at the op.
mlir::FailureOr<std::optional<std::vector<float>>>
computeScores(const MatmulMatch &match, const Calibration &calibration);

} // namespace vnm

#endif // VNM_LIB_DIALECT_VNM_TRANSFORMS_LAYERSCORES_H
