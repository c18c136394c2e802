// Part of the VNM project, under the Apache License v2.0 with LLVM Exceptions.
// See the file LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// This file declares what reading and writing of safetensors files share.

#ifndef VNM_LIB_SPARSITY_SAFETENSORSDTYPE_H
#define VNM_LIB_SPARSITY_SAFETENSORSDTYPE_H

#include "llvm/ADT/ArrayRef.h"
#include "llvm/ADT/StringRef.h"
#include "llvm/Support/Error.h"
#include <cstdint>

namespace vnm::sparsity::detail {

/// The header's entry that is no tensor.
inline constexpr llvm::StringLiteral kMetadataName = "__metadata__";

/// Bytes of an element of a safetensors dtype; 0 for an unknown one.
int64_t dtypeWidth(llvm::StringRef dtype);

/// Bytes of a tensor. Errors name it: unknown dtype, negative extent, overflow.
llvm::Expected<int64_t> tensorBytes(llvm::StringRef name, llvm::StringRef dtype,
                                    llvm::ArrayRef<int64_t> shape);

} // namespace vnm::sparsity::detail

#endif // VNM_LIB_SPARSITY_SAFETENSORSDTYPE_H
