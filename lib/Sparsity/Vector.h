// Part of the VNM project, under the Apache License v2.0 with LLVM Exceptions.
// See the file LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// This file declares vectors of sixteen floats and functions that exist once
// per level of vector instructions.

#ifndef VNM_LIB_SPARSITY_VECTOR_H
#define VNM_LIB_SPARSITY_VECTOR_H

#include <cstdint>
#include <cstring>

/// A helper of functions that exist once per level: it takes on the level of
/// its caller.
#define VNM_INLINE static inline __attribute__((always_inline))

namespace vnm::sparsity::detail {

/// Numbers that are handled together.
inline constexpr int64_t kLanes = 16;

/// The scores of 16 consecutive rows in one column.
struct alignas(64) LaneBlock {
  float lane[kLanes];
};

/// Instructions to use. Every level gives the same result.
enum class VectorLevel : uint8_t { Baseline, AVX2, AVX512 };
/// The highest level that this processor has.
VectorLevel bestVectorLevel();

// Generic vectors: one register with AVX-512, two with AVX2, four with SSE. The
// structure keeps them out of calling conventions, which differ per target.
using Vector = float __attribute__((vector_size(64)));
using Vector8 = float __attribute__((vector_size(32)));
using Vector4 = float __attribute__((vector_size(16)));
using IntVector = int32_t __attribute__((vector_size(64)));

struct Lanes {
  Vector value = {};
};
struct Flags {
  IntVector value;
};

VNM_INLINE Lanes load(const float *address) {
  Lanes lanes;
  std::memcpy(&lanes.value, address, sizeof(lanes.value));
  return lanes;
}

VNM_INLINE Lanes load(const LaneBlock &block) { return load(block.lane); }

VNM_INLINE void store(float *address, Lanes lanes) {
  std::memcpy(address, &lanes.value, sizeof(lanes.value));
}

VNM_INLINE void store(LaneBlock &block, Lanes lanes) {
  store(block.lane, lanes);
}

/// The same number in every lane.
VNM_INLINE Lanes splat(float value) { return {value - Vector{}}; }

VNM_INLINE Lanes operator+(Lanes a, Lanes b) { return {a.value + b.value}; }
VNM_INLINE Lanes operator-(Lanes a, Lanes b) { return {a.value - b.value}; }
VNM_INLINE Lanes operator-(Lanes a, float b) { return {a.value - b}; }
VNM_INLINE Lanes max(Lanes a, Lanes b) {
  return {a.value > b.value ? a.value : b.value};
}
VNM_INLINE Lanes min(Lanes a, Lanes b) {
  return {a.value < b.value ? a.value : b.value};
}

/// The sum of all lanes in the one order this library uses: the upper half is
/// added to the lower half until one lane is left.
VNM_INLINE float sumOf(Lanes lanes) {
  Vector x = lanes.value;
  Vector8 low8 = __builtin_shufflevector(x, x, 0, 1, 2, 3, 4, 5, 6, 7);
  Vector8 high8 = __builtin_shufflevector(x, x, 8, 9, 10, 11, 12, 13, 14, 15);
  Vector8 y = low8 + high8;
  Vector4 low4 = __builtin_shufflevector(y, y, 0, 1, 2, 3);
  Vector4 high4 = __builtin_shufflevector(y, y, 4, 5, 6, 7);
  Vector4 z = low4 + high4;
  return (z[0] + z[2]) + (z[1] + z[3]);
}

VNM_INLINE bool any(Flags flags) {
  int32_t all = 0;
  for (int64_t i = 0; i < kLanes; ++i)
    all |= flags.value[i];
  return all != 0;
}

} // namespace vnm::sparsity::detail

// Defines `name` as a function whose body, the always-inline `generic`, exists
// once per level; its first argument chooses. All versions give the same bits
// if `generic` only compares and adds, in one fixed order.
#if defined(__x86_64__)
#define VNM_PER_LEVEL(name, generic, parameters, arguments)                    \
  __attribute__((target("avx512f"))) static void name##AVX512 parameters {     \
    generic arguments;                                                         \
  }                                                                            \
  __attribute__((target("avx2"))) static void name##AVX2 parameters {          \
    generic arguments;                                                         \
  }                                                                            \
  static void name##Baseline parameters { generic arguments; }                 \
  static void name(VectorLevel level, VNM_UNPACK parameters) {                 \
    switch (level) {                                                           \
    case VectorLevel::AVX512:                                                  \
      return name##AVX512 arguments;                                           \
    case VectorLevel::AVX2:                                                    \
      return name##AVX2 arguments;                                             \
    case VectorLevel::Baseline:                                                \
      return name##Baseline arguments;                                         \
    }                                                                          \
  }
#else
#define VNM_PER_LEVEL(name, generic, parameters, arguments)                    \
  static void name(VectorLevel, VNM_UNPACK parameters) { generic arguments; }
#endif
#define VNM_UNPACK(...) __VA_ARGS__

#endif // VNM_LIB_SPARSITY_VECTOR_H
