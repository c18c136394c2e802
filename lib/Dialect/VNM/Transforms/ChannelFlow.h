// Part of the VNM project, under the Apache License v2.0 with LLVM Exceptions.
// See the file LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// This file declares the analysis of which channels of a model may change their
// order together.

#ifndef VNM_LIB_DIALECT_VNM_TRANSFORMS_CHANNELFLOW_H
#define VNM_LIB_DIALECT_VNM_TRANSFORMS_CHANNELFLOW_H

#include "vnm/Dialect/VNM/Transforms/MatmulMatcher.h"
#include "llvm/ADT/DenseMap.h"
#include <optional>
#include <string>

namespace vnm {

/// Some digits of a channel's number: `size` values, `stride` channels apart. A
/// dimension of 8 heads of a space of 256 channels is {space, 8, 32}, one of
/// the 32 channels of a head {space, 32, 1}.
struct ChannelTag {
  unsigned space;
  int64_t size, stride;

  bool operator==(const ChannelTag &other) const {
    return space == other.space && size == other.size && stride == other.stride;
  }
};

/// A part of a tensor's dimension (with the other parts a mixed radix number).
struct ChannelFactor {
  explicit ChannelFactor(int64_t size) : size(size) {}

  /// Positions; ShapedType::kDynamic only for a factor that is a whole
  /// dimension.
  int64_t size;
  /// The tensor repeats itself along the factor.
  bool uniform = false;
  /// The channels that the positions are; none if it is uniform or if its
  /// positions have an order of their own, for `reason`.
  llvm::SmallVector<ChannelTag, 1> tags;
  llvm::StringRef reason;
};

/// The factors of a dimension, the slowest first; none if its size is 1.
using ChannelDim = llvm::SmallVector<ChannelFactor, 1>;
/// The dimensions of a tensor.
using ChannelInfo = llvm::SmallVector<ChannelDim, 4>;

/// A dimension, or a tensor, whose positions have an order of their own.
ChannelDim createFixedDim(int64_t size, llvm::StringRef reason);
ChannelInfo createFixedInfo(mlir::ShapedType type, llvm::StringRef reason);

/// Channels that are in one order wherever they occur.
struct ChannelSpace {
  /// Number of channels.
  int64_t size;
  /// Channels may change places within aligned blocks of this many; 1: none.
  int64_t block;
  /// Why block is not size.
  std::string reason;
};

/// A product that is to become sparse, and its channels.
struct ChannelProduct {
  MatmulMatch match;
  /// The space of its rows R, and of its columns K.
  unsigned rowSpace, columnSpace;
};

/// A constant that is no sparse weight where it is read: an operand, and the
/// space of each dimension (none where its size is 1).
struct ChannelConstant {
  mlir::OpOperand *use;
  llvm::SmallVector<std::optional<unsigned>, 4> dims;
};

/// Follows the rows of products forward through a module, to the columns of
/// others: through elementwise ops, broadcasts, transposes, reshapes,
/// reductions and products of activations. What is computed together has one
/// order. An order is fixed by whatever the analysis does not know: an
/// argument, a result, another op. Changing the order of a space in all its
/// rows, columns and constants changes nothing else but the order of
/// floating-point sums. Changes nothing in the module.
class ChannelFlow {
public:
  /// `root` is a module; `matches` are its products with a weight that are to
  /// become sparse.
  ChannelFlow(mlir::Operation *root, std::vector<MatmulMatch> matches);

  /// The representative of a space, and what is known of it.
  unsigned find(unsigned space) const;
  const ChannelSpace &getSpace(unsigned space) const {
    return spaces[find(space)];
  }
  unsigned getNumSpaces() const { return spaces.size(); }

  const std::vector<ChannelProduct> &getProducts() const { return products; }
  const std::vector<ChannelConstant> &getConstants() const { return constants; }

  /// Fixes all channels of a space.
  void fix(unsigned space, llvm::StringRef reason);

private:
  /// The channels that each loop of a structured op runs over; none for a loop
  /// that nothing read so far has.
  using LoopChannels = std::vector<std::optional<ChannelDim>>;

  unsigned createSpace(int64_t size);
  void pin(const ChannelTag &tag, llvm::StringRef reason);
  void pinAll(const ChannelInfo &info, llvm::StringRef reason);
  bool isPinned(const ChannelTag &tag) const;
  void unite(const ChannelTag &a, const ChannelTag &b);

  ChannelDim createTags(unsigned space, llvm::ArrayRef<int64_t> sizes,
                        unsigned position);
  ChannelInfo getInfo(mlir::OpOperand &operand);
  ChannelFactor joinFactors(const ChannelFactor &a, const ChannelFactor &b);
  ChannelDim join(const ChannelDim &a, const ChannelDim &b);
  void setInfo(mlir::Value value, ChannelInfo info);
  void pinIncomplete(const ChannelInfo &info);

  void addProduct(MatmulMatch match);
  void visit(mlir::Operation *op);
  void visitUnknown(mlir::Operation *op);
  void visitLinalg(mlir::linalg::LinalgOp op);
  void joinLoop(LoopChannels &loops, unsigned loop, const ChannelDim &dim);
  mlir::OpOperand *joinProduct(mlir::linalg::LinalgOp op, LoopChannels &loops);
  void joinInput(mlir::linalg::LinalgOp op, mlir::OpOperand &input,
                 LoopChannels &loops);
  void pinOrderedLoops(mlir::linalg::LinalgOp op, LoopChannels &loops);
  ChannelInfo createResult(mlir::linalg::LinalgOp op, mlir::OpOperand &init,
                           const LoopChannels &loops);
  void visitElementwise(mlir::Operation *op);
  bool visitReshape(mlir::Operation *op);
  bool visitSlice(mlir::Operation *op);

  /// Union-find: a space's parent, itself for a representative.
  mutable std::vector<unsigned> parents;
  std::vector<ChannelSpace> spaces;
  std::vector<ChannelProduct> products;
  std::vector<ChannelConstant> constants;
  llvm::DenseMap<mlir::Operation *, unsigned> productOf;
  llvm::DenseMap<mlir::Value, ChannelInfo> infos;
};

} // namespace vnm

#endif // VNM_LIB_DIALECT_VNM_TRANSFORMS_CHANNELFLOW_H
