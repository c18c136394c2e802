// Part of the VNM project, under the Apache License v2.0 with LLVM Exceptions.
// See the file LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// This file implements the verifier of the canonical V:N:M storage.

#include "Detail.h"
#include "vnm/Sparsity/Storage.h"
#include <algorithm>
#include <limits>
#include <utility>
#include <vector>

using namespace vnm::sparsity;
using detail::makeError;
using llvm::Twine;

/// Sizes a dimension may have: the sentinel K must fit a 32-bit column id.
static constexpr int64_t kMaxDim = std::numeric_limits<int32_t>::max();

/// Bit n is set if nibble n is legal.
static constexpr uint16_t kLegalNibbleSet =
    1 << 4 | 1 << 8 | 1 << 9 | 1 << 12 | 1 << 13 | 1 << 14;

/// "group 3 of panel 1": where a column rule was broken.
static std::string placeOf(int64_t panel, int64_t group) {
  return ("group " + Twine(group) + " of panel " + Twine(panel)).str();
}

/// S1 to S5: everything later rules need in order to index safely.
static llvm::Error verifySizes(const Structure &structure) {
  const Pattern &pattern = structure.pattern;
  if (llvm::Error error = Pattern::verify(pattern.v, pattern.n, pattern.m))
    return makeError("[S1] " + llvm::toString(std::move(error)));
  int64_t numRows = structure.numRows, numCols = structure.numCols;
  if (numRows < 1 || numRows > kMaxDim)
    return makeError("[S2] requires R to be in [1, " + Twine(kMaxDim) +
                     "], but R is " + Twine(numRows));
  if (numCols < 1 || numCols > kMaxDim)
    return makeError("[S2] requires K to be in [1, " + Twine(kMaxDim) +
                     "], but K is " + Twine(numCols));
  int64_t numIds = structure.numPanels() * pattern.numColumnSlots(numCols);
  if (int64_t(structure.columns.size()) != numIds)
    return makeError("[S3] requires P x 4G = " + Twine(structure.numPanels()) +
                     " x " + Twine(pattern.numColumnSlots(numCols)) + " = " +
                     Twine(numIds) + " column ids, but there are " +
                     Twine(structure.columns.size()));
  int64_t numWords = numRows * pattern.numMetadataWords(numCols);
  if (int64_t(structure.metadata.size()) != numWords)
    return makeError("[S4] requires R x ceil(G/4) = " + Twine(numRows) + " x " +
                     Twine(pattern.numMetadataWords(numCols)) + " = " +
                     Twine(numWords) + " metadata words, but there are " +
                     Twine(structure.metadata.size()));
  if (!structure.rows.empty() && int64_t(structure.rows.size()) != numRows)
    return makeError(
        "[S5] requires no row order or one of R = " + Twine(numRows) +
        " rows, but there are " + Twine(structure.rows.size()));
  return llvm::Error::success();
}

/// S6: the row order is a permutation.
static llvm::Error verifyRows(const Structure &structure) {
  if (structure.rows.empty())
    return llvm::Error::success();
  std::vector<int32_t> storedAt(structure.numRows, -1);
  for (int64_t row = 0; row < structure.numRows; ++row) {
    int32_t output = structure.rows[row];
    if (output < 0 || output >= structure.numRows)
      return makeError("[S6] requires rows to be a permutation of 0 to R - 1 "
                       "= " +
                       Twine(structure.numRows - 1) + ", but rows[" +
                       Twine(row) + "] is " + Twine(output));
    if (storedAt[output] >= 0)
      return makeError("[S6] requires rows to be a permutation, but rows[" +
                       Twine(storedAt[output]) + "] and rows[" + Twine(row) +
                       "] are both " + Twine(output));
    storedAt[output] = int32_t(row);
  }
  return llvm::Error::success();
}

/// S9 to S11: the columns of one group in strict form.
static llvm::Error verifyStrictGroup(const Structure &structure,
                                     const int32_t *ids, int64_t panel,
                                     int64_t group, int64_t numReal) {
  int64_t begin = group * structure.pattern.m;
  int64_t end = std::min(begin + structure.pattern.m, structure.numCols);
  for (int64_t slot = 0; slot < numReal; ++slot)
    if (ids[slot] < begin || ids[slot] >= end)
      return makeError("[S9] requires columns of " + placeOf(panel, group) +
                       " in strict form to be in [" + Twine(begin) + ", " +
                       Twine(end) + "), but slot " + Twine(slot) + " is " +
                       Twine(ids[slot]));
  for (int64_t slot = 1; slot < numReal; ++slot)
    if (ids[slot] <= ids[slot - 1])
      return makeError("[S10] requires columns of " + placeOf(panel, group) +
                       " in strict form to ascend, but slots " +
                       Twine(slot - 1) + " and " + Twine(slot) + " are " +
                       Twine(ids[slot - 1]) + " and " + Twine(ids[slot]));
  int64_t expected = std::min(kColumnsPerGroup, end - begin);
  if (numReal != expected)
    return makeError("[S11] requires " + Twine(expected) + " columns in " +
                     placeOf(panel, group) + " in strict form, but there are " +
                     Twine(numReal));
  return llvm::Error::success();
}

/// S7 and S8: ids in range, real columns first. Sets their number.
static llvm::Error verifyGroup(const Structure &structure, const int32_t *ids,
                               int64_t panel, int64_t group, int64_t &numReal) {
  numReal = 0;
  for (int64_t slot = 0; slot < kColumnsPerGroup; ++slot) {
    if (ids[slot] < 0 || ids[slot] > structure.numCols)
      return makeError("[S7] requires column ids to be in [0, K = " +
                       Twine(structure.numCols) + "], but slot " + Twine(slot) +
                       " in " + placeOf(panel, group) + " is " +
                       Twine(ids[slot]));
    if (ids[slot] == structure.numCols)
      continue;
    if (numReal != slot)
      return makeError("[S8] requires columns before empty slots, but slot " +
                       Twine(numReal) + " in " + placeOf(panel, group) +
                       " is empty and slot " + Twine(slot) + " is " +
                       Twine(ids[slot]));
    ++numReal;
  }
  return llvm::Error::success();
}

/// S12 for one panel of `numGroups` groups, in free form.
static llvm::Error verifyUnique(const Structure &structure, const int32_t *ids,
                                int64_t panel, int64_t numGroups) {
  // Sorted pairs rather than a table of K: K may be huge where M is.
  std::vector<std::pair<int32_t, int64_t>> idsAndGroups;
  for (int64_t slot = 0; slot < numGroups * kColumnsPerGroup; ++slot)
    if (ids[slot] != structure.numCols)
      idsAndGroups.emplace_back(ids[slot], slot / kColumnsPerGroup);
  std::sort(idsAndGroups.begin(), idsAndGroups.end());
  for (size_t i = 1; i < idsAndGroups.size(); ++i)
    if (idsAndGroups[i].first == idsAndGroups[i - 1].first)
      return makeError("[S12] requires a column at most once per panel, but "
                       "column " +
                       Twine(idsAndGroups[i].first) + " of panel " +
                       Twine(panel) + " is in group " +
                       Twine(idsAndGroups[i - 1].second) + " and in group " +
                       Twine(idsAndGroups[i].second));
  return llvm::Error::success();
}

/// S7 to S12.
static llvm::Error verifyColumns(const Structure &structure) {
  bool strict = structure.form == Form::Strict;
  int64_t numGroups = structure.numGroups();
  for (int64_t panel = 0; panel < structure.numPanels(); ++panel) {
    const int32_t *panelIds =
        structure.columns.data() + panel * numGroups * kColumnsPerGroup;
    for (int64_t group = 0; group < numGroups; ++group) {
      const int32_t *ids = panelIds + group * kColumnsPerGroup;
      int64_t numReal;
      if (llvm::Error error =
              verifyGroup(structure, ids, panel, group, numReal))
        return error;
      if (!strict)
        continue;
      if (llvm::Error error =
              verifyStrictGroup(structure, ids, panel, group, numReal))
        return error;
    }
    if (!strict)
      if (llvm::Error error =
              verifyUnique(structure, panelIds, panel, numGroups))
        return error;
  }
  return llvm::Error::success();
}

/// S13 and S14.
static llvm::Error verifyMetadata(const Structure &structure) {
  int64_t numGroups = structure.numGroups();
  int64_t numNibbles = structure.pattern.numMetadataWords(structure.numCols) *
                       kGroupsPerMetadataWord;
  for (int64_t row = 0; row < structure.numRows; ++row) {
    for (int64_t group = 0; group < numGroups; ++group)
      if (unsigned nibble = structure.nibble(row, group);
          !((kLegalNibbleSet >> nibble) & 1))
        return makeError("[S13] requires a metadata nibble of 4, 8, 9, 12, 13 "
                         "or 14, but row " +
                         Twine(row) + " holds " + Twine(nibble) +
                         " for group " + Twine(group));
    for (int64_t group = numGroups; group < numNibbles; ++group)
      if (unsigned nibble = structure.nibble(row, group);
          nibble != kUnusedNibble)
        return makeError("[S14] requires unused metadata nibbles to be 4, but "
                         "row " +
                         Twine(row) + " holds " + Twine(nibble) +
                         " after its last group, in nibble " +
                         Twine(group % kGroupsPerMetadataWord));
  }
  return llvm::Error::success();
}

llvm::Error vnm::sparsity::verifyStructure(const Structure &structure) {
  if (llvm::Error error = verifySizes(structure))
    return error;
  if (llvm::Error error = verifyRows(structure))
    return error;
  if (llvm::Error error = verifyColumns(structure))
    return error;
  return verifyMetadata(structure);
}

/// S16 for one group of one row.
static llvm::Error verifyEmptySlots(const Storage &storage, int64_t row,
                                    int64_t group) {
  const Structure &structure = storage.structure;
  int64_t width = byteWidth(storage.type);
  int64_t rowValues = structure.pattern.numRowValues(structure.numCols);
  for (unsigned which = 0; which < kValuesPerGroup; ++which) {
    if (structure.column(row, group, which) != structure.numCols)
      continue;
    int64_t index = kValuesPerGroup * group + which;
    const char *value =
        storage.values.data() + (row * rowValues + index) * width;
    if (std::any_of(value, value + width, [](char byte) { return byte != 0; }))
      return makeError("[S16] requires values of slots without a column to be "
                       "+0, but value " +
                       Twine(index) + " of row " + Twine(row) + " is not");
  }
  return llvm::Error::success();
}

llvm::Error vnm::sparsity::verifyStorage(const Storage &storage) {
  const Structure &structure = storage.structure;
  if (llvm::Error error = verifyStructure(structure))
    return error;
  int64_t rowValues = structure.pattern.numRowValues(structure.numCols);
  int64_t numBytes = structure.numRows * rowValues * byteWidth(storage.type);
  if (int64_t(storage.values.size()) != numBytes)
    return makeError("[S15] requires R x 2G = " + Twine(structure.numRows) +
                     " x " + Twine(rowValues) + " values of " +
                     toString(storage.type) + " in " + Twine(numBytes) +
                     " bytes, but there are " + Twine(storage.values.size()) +
                     " bytes");
  int64_t numGroups = structure.numGroups();
  int64_t v = structure.pattern.v;
  for (int64_t panel = 0; panel < structure.numPanels(); ++panel)
    for (int64_t group = 0; group < numGroups; ++group) {
      const int32_t *ids = structure.columns.data() +
                           (panel * numGroups + group) * kColumnsPerGroup;
      // Real columns come first (S8): the last slot tells.
      if (ids[kColumnsPerGroup - 1] != structure.numCols)
        continue;
      int64_t endRow = std::min(structure.numRows, (panel + 1) * v);
      for (int64_t row = panel * v; row < endRow; ++row)
        if (llvm::Error error = verifyEmptySlots(storage, row, group))
          return error;
    }
  return llvm::Error::success();
}
