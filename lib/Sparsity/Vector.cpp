// Part of the VNM project, under the Apache License v2.0 with LLVM Exceptions.
// See the file LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// This file finds the level of vector instructions that the processor has.

#include "Vector.h"

using namespace vnm::sparsity;
using detail::VectorLevel;

VectorLevel detail::bestVectorLevel() {
#if defined(__x86_64__)
  if (__builtin_cpu_supports("avx512f"))
    return VectorLevel::AVX512;
  if (__builtin_cpu_supports("avx2"))
    return VectorLevel::AVX2;
#endif
  return VectorLevel::Baseline;
}
