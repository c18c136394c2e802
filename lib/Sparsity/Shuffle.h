// Part of the VNM project, under the Apache License v2.0 with LLVM Exceptions.
// See the file LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// This file declares the random numbers of the searches: the same on every
// platform, and seeded by what is searched, never by who searches.

#ifndef VNM_LIB_SPARSITY_SHUFFLE_H
#define VNM_LIB_SPARSITY_SHUFFLE_H

#include "llvm/ADT/ArrayRef.h"
#include <cstdint>
#include <utility>

namespace vnm::sparsity::detail {

/// A SplitMix64 generator.
class Shuffler {
public:
  explicit Shuffler(uint64_t seed) : state(seed) {}
  /// A generator for one place, such as a panel and a pass.
  Shuffler(uint64_t seed, uint64_t a, uint64_t b)
      : state(Shuffler(Shuffler(Shuffler(seed).next() + a).next() + b).next()) {
  }

  uint64_t next() {
    uint64_t z = state += 0x9E3779B97F4A7C15;
    z = (z ^ z >> 30) * 0xBF58476D1CE4E5B9;
    z = (z ^ z >> 27) * 0x94D049BB133111EB;
    return z ^ z >> 31;
  }

  template <typename T>
  void shuffle(llvm::MutableArrayRef<T> items) {
    for (size_t i = items.size(); i > 1; --i)
      std::swap(items[i - 1], items[next() % i]);
  }

private:
  uint64_t state;
};

} // namespace vnm::sparsity::detail

#endif // VNM_LIB_SPARSITY_SHUFFLE_H
