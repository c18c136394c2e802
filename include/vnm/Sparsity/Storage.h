// Part of the VNM project, under the Apache License v2.0 with LLVM Exceptions.
// See the file LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// This file declares the canonical V:N:M storage: structure, values, rules.

#ifndef VNM_SPARSITY_STORAGE_H
#define VNM_SPARSITY_STORAGE_H

#include "vnm/Sparsity/Matrix.h"
#include "vnm/Sparsity/Pattern.h"
#include "llvm/ADT/ArrayRef.h"
#include "llvm/Support/Error.h"
#include <cstdint>
#include <vector>

namespace vnm::sparsity {

/// Which columns a group may hold (docs/storage-format.md).
enum class Form : uint8_t {
  /// Columns of group g lie in [g M, (g + 1) M), ascending: the paper's and
  /// VENOM's meaning.
  Strict,
  /// Any column in any group of any panel, each at most once per panel.
  Free
};
/// "strict" or "free".
llvm::StringRef toString(Form form);
llvm::Expected<Form> parseForm(llvm::StringRef text);

/// Legal metadata nibbles i0 | i1 << 2 with i0 < i1, in ascending order.
inline constexpr uint8_t kLegalNibbles[6] = {4, 8, 9, 12, 13, 14};
/// What unused nibbles hold: positions 0 and 1.
inline constexpr uint8_t kUnusedNibble = 4;

/// Positions of the kept values of an R x K weight: everything about a packed
/// weight but the values. With P = ceil(R/V) panels and G = ceil(K/M) groups:
struct Structure {
  Pattern pattern;
  Form form = Form::Strict;
  int64_t numRows = 0; ///< R
  int64_t numCols = 0; ///< K
  /// P x 4G absolute column ids, row-major; K where a group has no such column.
  std::vector<int32_t> columns;
  /// R x ceil(G/4) words of four nibbles, group g in nibble g % 4 of word g/4.
  std::vector<uint16_t> metadata;
  /// Output row of every stored row, a permutation of 0..R-1; empty for the
  /// identity.
  std::vector<int32_t> rows;

  int64_t numPanels() const { return pattern.numPanels(numRows); }
  int64_t numGroups() const { return pattern.numGroups(numCols); }
  /// The nibble of stored row `row` and group `group`.
  unsigned nibble(int64_t row, int64_t group) const {
    int64_t word = row * pattern.numMetadataWords(numCols) +
                   group / kGroupsPerMetadataWord;
    return (metadata[word] >> (4 * (group % kGroupsPerMetadataWord))) & 0xF;
  }
  /// Column id of kept value `which` (0 or 1) of stored row `row`, group
  /// `group`; K for a slot without a column.
  int32_t column(int64_t row, int64_t group, unsigned which) const {
    unsigned position = (nibble(row, group) >> (2 * which)) & 3;
    return columns[(row / pattern.v) * pattern.numColumnSlots(numCols) +
                   group * kColumnsPerGroup + position];
  }
  /// Row of the dense weight that stored row `row` holds.
  int64_t outputRow(int64_t row) const {
    return rows.empty() ? row : rows[row];
  }
};

/// A packed weight: a structure and its R x 2G values (row-major bytes of
/// `type`), row r's two kept values of group g at [2g] and [2g + 1].
struct Storage {
  Structure structure;
  ElementType type = ElementType::F32;
  std::vector<char> values;

  /// Bytes of values, metadata, columns (`columnBytes` each: 2 or 4) and rows.
  int64_t sizeInBytes(int64_t columnBytes) const;
};

/// The smallest width of a column id that can hold the sentinel K: 2 bytes for
/// K <= 65535, else 4.
int64_t minimalColumnBytes(int64_t numCols);

/// Checks every rule of docs/storage-format.md on a structure. The error names
/// the rule, e.g. "[S5] ...", what it requires and what was found, with
/// indices.
llvm::Error verifyStructure(const Structure &structure);
/// The same on a packed weight, values included.
llvm::Error verifyStorage(const Storage &storage);

struct PackOptions {
  /// Accept NaN and infinity among the kept values.
  bool allowNonFinite = false;
  /// Threads; 0 for all cores. The result does not depend on it.
  unsigned threads = 0;
};

/// Gathers the values of `weight` (R x K) that `structure` keeps. Errors:
/// shapes that disagree, a structure that breaks a rule, a NaN or infinity
/// anywhere in the weight (with its index) unless allowed. Slots without a
/// column get +0.
llvm::Expected<Storage> pack(const MatrixView &weight,
                             const Structure &structure,
                             const PackOptions &options = {});

/// Scatters `storage` into the row-major R x K buffer `dense` (resized; pruned
/// elements are +0). Kept bits are reproduced exactly, NaN and -0 included.
llvm::Error unpack(const Storage &storage, std::vector<char> &dense);

/// The mask of a structure, R x K row-major in output row order, 1 where kept.
/// The structure must have passed verifyStructure.
std::vector<uint8_t> maskOf(const Structure &structure);

/// The structure whose mask is `mask` (R x K row-major, non-zero = kept), in
/// strict form. A row may keep fewer than 2 of a group, never more; columns
/// are completed from the block's other columns and positions from the group's
/// lowest others. Storage always holds two values per group, so the result then
/// keeps more than the mask: pack the masked weight to have zeros there. The
/// error names the block or row that does not conform.
llvm::Expected<Structure> structureFromMask(llvm::ArrayRef<uint8_t> mask,
                                            int64_t rows, int64_t cols,
                                            const Pattern &pattern);

} // namespace vnm::sparsity

#endif // VNM_SPARSITY_STORAGE_H
