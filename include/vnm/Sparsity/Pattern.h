// Part of the VNM project, under the Apache License v2.0 with LLVM Exceptions.
// See the file LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// This file declares the V:N:M pattern: its text form, limits and counts.

#ifndef VNM_SPARSITY_PATTERN_H
#define VNM_SPARSITY_PATTERN_H

#include "llvm/ADT/StringRef.h"
#include "llvm/Support/Error.h"
#include <cstdint>
#include <string>

namespace vnm::sparsity {

/// Columns that a panel keeps of every group of M.
inline constexpr int64_t kColumnsPerGroup = 4;
/// Values that a row keeps of the columns its panel keeps in a group.
inline constexpr int64_t kValuesPerGroup = 2;
/// Groups whose positions share one 16-bit metadata word.
inline constexpr int64_t kGroupsPerMetadataWord = 4;

/// ceil(a / b) for a >= 0, b > 0.
inline constexpr int64_t ceilDiv(int64_t a, int64_t b) {
  return (a + b - 1) / b;
}

/// A V:N:M pattern (arXiv 2410.16135v3, section 3; VENOM, SC'23): a weight of
/// R x K is cut into V x M blocks, each block keeps 4 of its M columns and each
/// row 2 of those 4. Limits: V a power of two, V >= 16; N = 2; M >= 4.
struct Pattern {
  int64_t v = 64;
  int64_t n = 2;
  int64_t m = 8;

  /// Parses "V:N:M", e.g. "64:2:8". Errors say which part is wrong and why.
  static llvm::Expected<Pattern> parse(llvm::StringRef text);

  /// Checks the limits above. The message has the form "requires ..., but ...".
  static llvm::Error verify(int64_t v, int64_t n, int64_t m);

  /// "V:N:M".
  std::string str() const;

  /// Kept fraction of a weight whose K is a multiple of M: 2 / M.
  double density() const { return double(kValuesPerGroup) / double(m); }

  /// Row panels of a weight with `rows` rows; the last may be short.
  int64_t numPanels(int64_t rows) const { return ceilDiv(rows, v); }
  /// Column groups of a weight with `cols` columns; the last may be short.
  int64_t numGroups(int64_t cols) const { return ceilDiv(cols, m); }
  /// Words of metadata in a row.
  int64_t numMetadataWords(int64_t cols) const {
    return ceilDiv(numGroups(cols), kGroupsPerMetadataWord);
  }
  /// Column slots of a panel, 4 per group.
  int64_t numColumnSlots(int64_t cols) const {
    return kColumnsPerGroup * numGroups(cols);
  }
  /// Stored values of a row, 2 per group.
  int64_t numRowValues(int64_t cols) const {
    return kValuesPerGroup * numGroups(cols);
  }

  /// log2 of the number of masks per weight element, log2 C(M,4) / (V M) +
  /// log2(6) / M (mask diversity of arXiv 2410.16135v3 in log domain, with C a
  /// binomial coefficient). Orders patterns; does not depend on the shape.
  double log2MaskDiversity() const;

  bool operator==(const Pattern &other) const {
    return v == other.v && n == other.n && m == other.m;
  }
  bool operator!=(const Pattern &other) const { return !(*this == other); }
};

} // namespace vnm::sparsity

#endif // VNM_SPARSITY_PATTERN_H
