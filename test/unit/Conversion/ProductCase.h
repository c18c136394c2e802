// Part of the VNM project, under the Apache License v2.0 with LLVM Exceptions.
// See the file LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// This file declares a random product: its IR, its buffers and what is
// expected.

#ifndef VNM_TEST_UNIT_CONVERSION_PRODUCTCASE_H
#define VNM_TEST_UNIT_CONVERSION_PRODUCTCASE_H

#include "../Sparsity/TestUtils.h"

namespace vnm::test {

/// A strided array of "f16", "bf16", "f32", "f64", "i8", "i16" or "i32".
struct Array {
  Array() = default;
  /// Rows of the last dimension are `padding` elements apart, all bytes 0xFF: a
  /// NaN or -1.
  Array(std::string type, std::vector<int64_t> shape, int64_t padding = 0);

  /// Offset, in elements, of an index in row-major order.
  int64_t offsetOf(int64_t linear) const;
  double get(int64_t linear) const;
  void set(int64_t linear, double value);
  /// Sets every element to a value of the type in [-1, 1], some to zeros of
  /// both signs; integers to [-128, 127] or less.
  void fill(sparsity::test::Random &random);
  int64_t size() const;
  /// Whether padding still holds what it was made with.
  bool isPaddingIntact() const;
  /// The memref type; dimensions are dynamic where `dynamic` says so.
  std::string memrefType(uint64_t dynamic = 0) const;
  /// What MLIR's C interface points to.
  std::vector<int64_t> descriptor();

  std::string type;
  std::vector<int64_t> shape, strides;
  int64_t padding = 0;
  std::vector<char> bytes;
};

/// What an epilogue computes from the sum s, and its operands.
enum class EpilogueKind {
  None,
  /// max(s + bias[row], 0).
  BiasRelu,
  /// tanh(s) * scale[token] + residual[row, token].
  TanhScaleResidual,
  /// s > 0 ? s : 0 by control flow, which does not vectorise.
  ScalarRelu
};

/// One random product with everything needed to run it.
struct ProductCase {
  explicit ProductCase(uint64_t seed, int64_t maxTokens);

  /// A function `name` of memrefs that computes it.
  std::string text(const std::string &name) const;
  /// Its arguments, in order.
  std::vector<Array *> arguments();
  /// Checks y against the double-precision reference. Empty if all is well.
  std::string check() const;
  /// One line that says what it is.
  std::string describe() const;

private:
  void makeWeight(sparsity::test::Random &random);
  void makeActivations(sparsity::test::Random &random);
  void makeEpilogue(sparsity::test::Random &random);
  std::string epilogueText() const;
  double applyEpilogue(double sum, int64_t b, int64_t row, int64_t token) const;
  /// Position of an element of a batch of matrices in row-major order.
  int64_t place(bool tokenMajor, int64_t b, int64_t channel, int64_t token,
                int64_t channels) const;

  uint64_t seed;
  int64_t tokens = 0, numBatches = 1;
  std::vector<int64_t> batch;
  bool accumulate = false, xTokenMajor = false, yTokenMajor = false;
  uint64_t dynamicX = 0;
  EpilogueKind epilogue = EpilogueKind::None;
  sparsity::Storage storage;
  Array values, metadata, columns, rows, x, y, initial;
  Array bias, scale, residual;
};

} // namespace vnm::test

#endif // VNM_TEST_UNIT_CONVERSION_PRODUCTCASE_H
