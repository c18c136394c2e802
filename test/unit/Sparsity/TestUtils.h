// Part of the VNM project, under the Apache License v2.0 with LLVM Exceptions.
// See the file LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// This file declares what the tests of the sparsity library share.

#ifndef VNM_TEST_UNIT_SPARSITY_TESTUTILS_H
#define VNM_TEST_UNIT_SPARSITY_TESTUTILS_H

#include "vnm/Sparsity/Prune.h"
#include <gtest/gtest.h>
#include <random>
#include <stdexcept>
#include <string>
#include <vector>

namespace vnm::sparsity::test {

using Random = std::mt19937_64;

/// A number in [low, high], the same on every platform.
inline int64_t pick(Random &random, int64_t low, int64_t high) {
  return low + int64_t(random() % uint64_t(high - low + 1));
}

/// A float in [0, 1).
inline float pickUnit(Random &random) {
  return float(random() >> 40) * 0x1p-24f;
}

/// The message of an error; empty for success.
inline std::string messageOf(llvm::Error error) {
  return error ? llvm::toString(std::move(error)) : std::string();
}
template <typename T>
std::string messageOf(llvm::Expected<T> value) {
  return value ? std::string() : llvm::toString(value.takeError());
}

/// The value, or an exception that fails the test with the error's message.
template <typename T>
T take(llvm::Expected<T> value) {
  if (!value)
    throw std::runtime_error(llvm::toString(value.takeError()));
  return std::move(*value);
}
inline void take(llvm::Error error) {
  if (error)
    throw std::runtime_error(llvm::toString(std::move(error)));
}

/// A dense matrix with random bits of finite weights, zeros of both signs among
/// them.
struct Dense {
  ElementType type = ElementType::F32;
  int64_t rows = 0, cols = 0;
  std::vector<char> bytes;

  MatrixView view() const {
    return MatrixView::rowMajor(bytes.data(), type, rows, cols);
  }
};
Dense randomDense(Random &random, ElementType type, int64_t rows, int64_t cols);

/// A legal structure with random columns and positions. In free form some
/// groups are short. Rows are permuted if `permuteRows`.
Structure randomStructure(Random &random, const Pattern &pattern, int64_t rows,
                          int64_t cols, Form form, bool permuteRows);

/// Rules S17 and S18 of docs/storage-format.md, written down independently of
/// the library: the dense bytes of a packed weight.
std::vector<char> decode(const Storage &storage);

/// A weight of this shape and its packed form, with magnitudes as importance.
Storage randomStorage(Random &random, const Pattern &pattern, ElementType type,
                      int64_t rows, int64_t cols);

} // namespace vnm::sparsity::test

#endif // VNM_TEST_UNIT_SPARSITY_TESTUTILS_H
