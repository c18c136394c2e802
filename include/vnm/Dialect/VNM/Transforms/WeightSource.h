// Part of the VNM project, under the Apache License v2.0 with LLVM Exceptions.
// See the file LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// This file declares the tracing of a tensor back to the weight it is made of.

#ifndef VNM_DIALECT_VNM_TRANSFORMS_WEIGHTSOURCE_H
#define VNM_DIALECT_VNM_TRANSFORMS_WEIGHTSOURCE_H

#include "mlir/IR/BuiltinAttributes.h"
#include "mlir/IR/Value.h"
#include "llvm/ADT/SmallVector.h"

namespace vnm {

/// Where a weight comes from.
enum class WeightSourceKind {
  /// arith.constant.
  Constant,
  /// ml_program.global_load_const, or bufferization.to_tensor of a constant
  /// memref.get_global.
  Global,
  /// A function argument with the attribute vnm.weight.
  Argument
};

/// A step through the source: `size` positions, `stride` elements apart. Stride
/// 0 with a size above 1 repeats the same elements (a broadcast).
struct WeightAxis {
  int64_t size;
  int64_t stride;

  bool isBroadcast() const { return size > 1 && stride == 0; }
  bool operator==(const WeightAxis &other) const {
    return size == other.size && stride == other.stride;
  }
  bool operator!=(const WeightAxis &other) const { return !(*this == other); }
};

/// Axes of one dimension, the slowest first; their sizes multiply to its size.
using WeightAxes = llvm::SmallVector<WeightAxis, 2>;

/// A tensor as a view of a row-major source: its element at (i0, i1, ...) is
/// the source's element at the sum of the positions its dimensions' axes give,
/// cast through `casts` in turn.
struct WeightView {
  /// Result of the constant or of the load, or the argument.
  mlir::Value source;
  WeightSourceKind kind = WeightSourceKind::Constant;
  /// Axes of each dimension of the traced tensor.
  llvm::SmallVector<WeightAxes, 4> dims;
  /// Element types the source's elements are cast to, in order.
  llvm::SmallVector<mlir::Type, 2> casts;

  /// Element type of the source.
  mlir::Type getSourceElementType() const;
  /// Element type of the traced tensor.
  mlir::Type getElementType() const;
};

/// Traces `value` through transposes, broadcasts, reshapes and casts of floats
/// (linalg ops, named or generic, tensor and arith ops) to a weight. Fails if
/// it is not made of one, or if a shape on the way is dynamic.
mlir::FailureOr<WeightView> traceWeight(mlir::Value value);

/// The one tensor that `op` views, or null if `op` is no transpose, broadcast,
/// reshape or cast that traceWeight looks through.
mlir::Value getViewedTensor(mlir::Operation *op);

/// Whether `value` is computed, by ops that traceWeight does not look through,
/// of weights and scalars alone.
bool isComputedFromWeights(mlir::Value value);

/// Whether `value` widens the elements of another tensor, losslessly and one by
/// one; returns that tensor, through several such ops, else `value`.
mlir::Value lookThroughExtensions(mlir::Value value);

/// Whether every value of `from` is a value of `to`, exactly.
bool isLosslessExtension(mlir::Type from, mlir::Type to);

/// `axes` without axes of size 1 and with adjacent axes merged that step like
/// one. Equal results mean equal element positions.
WeightAxes simplifyAxes(llvm::ArrayRef<WeightAxis> axes);

/// The contents of a constant source, an arith.constant or a load of a constant
/// global; null for an argument or a global without initial value.
mlir::ElementsAttr getWeightContents(const WeightView &view);

} // namespace vnm

#endif // VNM_DIALECT_VNM_TRANSFORMS_WEIGHTSOURCE_H
