// Part of the VNM project, under the Apache License v2.0 with LLVM Exceptions.
// See the file LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// This file declares the named pass pipelines.

#ifndef VNM_PIPELINES_PIPELINES_H
#define VNM_PIPELINES_PIPELINES_H

namespace vnm {

/// Registers every pipeline of the project, so that textual pipelines may name
/// them.
void registerPipelines();

} // namespace vnm

#endif // VNM_PIPELINES_PIPELINES_H
