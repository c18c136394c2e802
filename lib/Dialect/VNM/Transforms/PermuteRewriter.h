// Part of the VNM project, under the Apache License v2.0 with LLVM Exceptions.
// See the file LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// This file declares the rewriting of constants for new orders of channels.

#ifndef VNM_LIB_DIALECT_VNM_TRANSFORMS_PERMUTEREWRITER_H
#define VNM_LIB_DIALECT_VNM_TRANSFORMS_PERMUTEREWRITER_H

#include "ChannelFlow.h"
#include "LayerScores.h"
#include "mlir/IR/Builders.h"

namespace vnm {

/// New orders of spaces, by representative: order[i] is the channel that comes
/// to place i. A space without an entry keeps its order.
using ChannelOrders = llvm::DenseMap<unsigned, std::vector<int32_t>>;

/// Writes the constants of a module anew, with channels in new orders.
class PermuteRewriter {
public:
  PermuteRewriter(const ChannelFlow &flow, const ChannelOrders &orders,
                  const Calibration &calibration)
      : flow(flow), orders(orders), calibration(calibration) {}

  /// Permutes the rows and columns of all sparse weights, the norms of their
  /// columns (`vnm.norms`) and all other constants. Errors are emitted.
  mlir::LogicalResult run();

private:
  llvm::ArrayRef<int32_t> getOrder(unsigned space) const;
  mlir::LogicalResult permuteWeight(const ChannelProduct &product);
  mlir::LogicalResult permuteNorms(const ChannelProduct &product);
  mlir::LogicalResult permuteConstant(const ChannelConstant &constant);

  const ChannelFlow &flow;
  const ChannelOrders &orders;
  const Calibration &calibration;
};

} // namespace vnm

#endif // VNM_LIB_DIALECT_VNM_TRANSFORMS_PERMUTEREWRITER_H
