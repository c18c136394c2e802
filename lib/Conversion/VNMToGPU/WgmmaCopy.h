// Part of the VNM project, under the Apache License v2.0 with LLVM Exceptions.
// See the file LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// This file declares the tensor map by which a wgmma_sp kernel copies its
// activations instead of gathering them.

#ifndef VNM_LIB_CONVERSION_VNMTOGPU_WGMMACOPY_H
#define VNM_LIB_CONVERSION_VNMTOGPU_WGMMACOPY_H

#include "Schedule.h"

namespace vnm {

/// Whether boxes of x are what a stage holds: panels keep all columns in order,
/// and K is made of whole stages.
bool hasActivationMap(const SpmmProblem &problem);

/// The map of feature-major x, of static sizes, for a problem that has one. A
/// box is 64 tokens of a stage's channels, in the order of
/// wgmma::getInstructionGroup; its coordinates are the first token, 0, 0, 0 and
/// the number of the stage, where those of a batch entry follow those of the
/// entry before.
TensorMap getActivationMap(const SpmmProblem &problem);

} // namespace vnm

#endif // VNM_LIB_CONVERSION_VNMTOGPU_WGMMACOPY_H
