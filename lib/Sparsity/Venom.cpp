// Part of the VNM project, under the Apache License v2.0 with LLVM Exceptions.
// See the file LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// This file implements import and export of VENOM's packed arrays.

#include "vnm/Sparsity/Venom.h"
#include "Detail.h"
#include "llvm/ADT/SmallVector.h"
#include <algorithm>
#include <cstring>

using namespace vnm::sparsity;
using detail::makeError;
using llvm::Twine;

//===----------------------------------------------------------------------===//
// Positions in VENOM's arrays
//===----------------------------------------------------------------------===//

namespace {
/// Where VENOM keeps the parts of row r, group g. Rows have G' groups, the
/// number of groups rounded up to 8, of two values each.
struct VenomLayout {
  int64_t v;
  int64_t rowGroups;

  VenomLayout(const Pattern &pattern, int64_t numCols)
      : v(pattern.v), rowGroups(8 * ceilDiv(pattern.numGroups(numCols), 8)) {}

  int64_t numValues(int64_t rows) const { return rows * 2 * rowGroups; }
  int64_t numWords(int64_t rows) const { return rows / 2 * (rowGroups / 4); }
  int64_t numColumns(int64_t rows) const { return rows / v * rowGroups * 4; }

  /// Value `i` of the group: panels of 16 rows, in them tiles of 4 groups, in
  /// them quads of rows, groups, rows.
  int64_t value(int64_t r, int64_t g, int64_t i) const {
    return r / 16 * 16 * 2 * rowGroups + g / 4 * 128 + r % 16 / 4 * 32 +
           g % 4 * 8 + r % 4 * 2 + i;
  }
  /// A word holds 4 groups of two adjacent rows.
  int64_t word(int64_t r, int64_t g) const {
    return r / 32 * (rowGroups / 4) * 16 + g / 4 * 16 + r % 32 / 2;
  }
  unsigned shift(int64_t r, int64_t g) const {
    return unsigned(r % 2 * 16 + g % 4 * 4);
  }
  int64_t column(int64_t panel, int64_t g, int64_t slot) const {
    return (panel * rowGroups + g) * 4 + slot;
  }
};
} // namespace

static llvm::Error checkVenomShape(const Pattern &pattern, int64_t rows,
                                   int64_t cols) {
  if (llvm::Error error = Pattern::verify(pattern.v, pattern.n, pattern.m))
    return error;
  if (llvm::Error error = detail::checkShape(rows, cols))
    return error;
  if (pattern.v < 32)
    return makeError("requires V of at least 32 for VENOM, but V is " +
                     Twine(pattern.v));
  if (rows % pattern.v != 0)
    return makeError("requires R to be a multiple of V = " + Twine(pattern.v) +
                     " for VENOM, but R is " + Twine(rows));
  return llvm::Error::success();
}

//===----------------------------------------------------------------------===//
// Export
//===----------------------------------------------------------------------===//

llvm::Expected<VenomArrays> vnm::sparsity::exportVenom(const Storage &storage) {
  if (llvm::Error error = verifyStorage(storage))
    return std::move(error);
  const Structure &structure = storage.structure;
  if (storage.type != ElementType::F16)
    return makeError("requires f16 values for VENOM, but they are " +
                     toString(storage.type));
  if (structure.form != Form::Strict)
    return makeError("requires strict form for VENOM, but it is " +
                     toString(structure.form));
  if (!structure.rows.empty())
    return makeError("requires rows in their own order for VENOM, but they are "
                     "permuted");
  if (llvm::Error error = checkVenomShape(structure.pattern, structure.numRows,
                                          structure.numCols))
    return std::move(error);

  VenomLayout layout(structure.pattern, structure.numCols);
  VenomArrays arrays;
  arrays.pattern = structure.pattern;
  arrays.numRows = structure.numRows;
  arrays.numCols = structure.numCols;
  arrays.values.assign(layout.numValues(arrays.numRows), 0);
  arrays.metadata.assign(layout.numWords(arrays.numRows), 0);
  arrays.columnLocs.resize(layout.numColumns(arrays.numRows));

  int64_t numGroups = structure.numGroups();
  for (int64_t row = 0; row < arrays.numRows; ++row)
    for (int64_t group = 0; group < layout.rowGroups; ++group) {
      unsigned nibble =
          group < numGroups ? structure.nibble(row, group) : kUnusedNibble;
      arrays.metadata[layout.word(row, group)] |= nibble
                                                  << layout.shift(row, group);
      if (group >= numGroups)
        continue;
      const char *in = storage.values.data() +
                       (row * numGroups + group) * 2 * sizeof(uint16_t);
      // The two values of a group are neighbours here as there.
      std::memcpy(&arrays.values[layout.value(row, group, 0)], in,
                  2 * sizeof(uint16_t));
    }
  for (int64_t panel = 0; panel < structure.numPanels(); ++panel)
    for (int64_t group = 0; group < layout.rowGroups; ++group)
      for (int64_t slot = 0; slot < kColumnsPerGroup; ++slot) {
        int32_t id =
            group < numGroups
                ? structure
                      .columns[(panel * numGroups + group) * kColumnsPerGroup +
                               slot]
                : int32_t(structure.numCols);
        // A slot without a column names a column of VENOM's zero padding: the
        // real ones before it are the first of the group.
        arrays.columnLocs[layout.column(panel, group, slot)] = uint32_t(
            id == structure.numCols ? slot : id - group * arrays.pattern.m);
      }
  return arrays;
}

//===----------------------------------------------------------------------===//
// Import
//===----------------------------------------------------------------------===//

namespace {
/// Reads VENOM's arrays group by group into a storage of the right sizes.
class VenomImporter {
public:
  VenomImporter(const VenomArrays &arrays, Storage &storage)
      : arrays(arrays), layout(arrays.pattern, arrays.numCols),
        storage(storage) {}

  llvm::Error run();

private:
  llvm::Error checkSizes() const;
  llvm::Error checkPadding() const;
  llvm::Error importGroup(int64_t panel, int64_t group);
  llvm::Error importRow(int64_t row, int64_t group);

  const VenomArrays &arrays;
  VenomLayout layout;
  Storage &storage;
  /// The position that each of a group's four columns gets here; 4 for one that
  /// lies in the padding behind column K - 1.
  unsigned positions[kColumnsPerGroup] = {};
};
} // namespace

static llvm::Error checkSize(llvm::StringRef array, size_t size,
                             int64_t expected) {
  if (int64_t(size) == expected)
    return llvm::Error::success();
  return makeError("requires " + Twine(expected) + " elements in VENOM's " +
                   array + ", but there are " + Twine(size));
}

llvm::Error VenomImporter::checkSizes() const {
  int64_t rows = arrays.numRows;
  if (llvm::Error error =
          checkSize("values", arrays.values.size(), layout.numValues(rows)))
    return error;
  if (llvm::Error error =
          checkSize("metadata", arrays.metadata.size(), layout.numWords(rows)))
    return error;
  return checkSize("column-loc", arrays.columnLocs.size(),
                   layout.numColumns(rows));
}

/// The groups that rounding to 8 adds must hold zeros; VENOM's own packer
/// leaves illegal nibbles in them, which do no harm there.
llvm::Error VenomImporter::checkPadding() const {
  int64_t numGroups = storage.structure.numGroups();
  for (int64_t row = 0; row < arrays.numRows; ++row)
    for (int64_t group = numGroups; group < layout.rowGroups; ++group)
      for (int64_t i = 0; i < kValuesPerGroup; ++i) {
        int64_t index = layout.value(row, group, i);
        if ((arrays.values[index] & 0x7FFF) != 0)
          return makeError("requires padding groups of VENOM's values to be "
                           "zero, but values[" +
                           Twine(index) + "] (row " + Twine(row) + ", group " +
                           Twine(group) + ") is not");
      }
  return llvm::Error::success();
}

llvm::Error VenomImporter::importRow(int64_t row, int64_t group) {
  int64_t word = layout.word(row, group);
  unsigned nibble = (arrays.metadata[word] >> layout.shift(row, group)) & 0xF;
  if (!llvm::is_contained(kLegalNibbles, nibble))
    return makeError("requires a nibble of 4, 8, 9, 12, 13 or 14 in VENOM's "
                     "metadata, but metadata[" +
                     Twine(word) + "] holds " + Twine(nibble) + " for row " +
                     Twine(row) + ", group " + Twine(group));
  uint16_t values[kValuesPerGroup];
  unsigned places[kValuesPerGroup];
  for (unsigned i = 0; i < kValuesPerGroup; ++i) {
    int64_t index = layout.value(row, group, i);
    values[i] = arrays.values[index];
    places[i] = positions[(nibble >> (2 * i)) & 3];
    if (places[i] < kColumnsPerGroup)
      continue;
    if ((values[i] & 0x7FFF) != 0)
      return makeError("requires values of columns beyond K to be zero, but "
                       "VENOM's values[" +
                       Twine(index) + "] (row " + Twine(row) + ", group " +
                       Twine(group) + ") is not");
    values[i] = 0;
  }
  // A zero of the padding moves to a position that the other value leaves free.
  // Were that a column, it would merely keep a zero there.
  for (unsigned i = 0; i < kValuesPerGroup; ++i)
    if (places[i] >= kColumnsPerGroup)
      places[i] = places[1 - i] == 0 ? 1 : 0;
  if (places[0] > places[1]) {
    std::swap(places[0], places[1]);
    std::swap(values[0], values[1]);
  }
  Structure &structure = storage.structure;
  int64_t numGroups = structure.numGroups();
  unsigned shift = 4 * (group % kGroupsPerMetadataWord);
  uint16_t &out = structure.metadata[row * structure.pattern.numMetadataWords(
                                               structure.numCols) +
                                     group / kGroupsPerMetadataWord];
  out =
      uint16_t((out & ~(0xF << shift)) | (places[0] | places[1] << 2) << shift);
  std::memcpy(storage.values.data() +
                  (row * numGroups + group) * sizeof(values),
              values, sizeof(values));
  return llvm::Error::success();
}

llvm::Error VenomImporter::importGroup(int64_t panel, int64_t group) {
  Structure &structure = storage.structure;
  int64_t m = arrays.pattern.m;
  int64_t width = std::min(m, arrays.numCols - group * m);
  llvm::SmallVector<int64_t, 4> offsets;
  for (int64_t slot = 0; slot < kColumnsPerGroup; ++slot) {
    int64_t index = layout.column(panel, group, slot);
    int64_t offset = arrays.columnLocs[index];
    if (offset >= m)
      return makeError(
          "requires VENOM's column-loc to be below M = " + Twine(m) +
          ", but column-loc[" + Twine(index) + "] is " + Twine(offset));
    if (slot > 0 && offset <= int64_t(arrays.columnLocs[index - 1]))
      return makeError("requires VENOM's column-loc to ascend within a group, "
                       "but column-loc[" +
                       Twine(index - 1) + "] and [" + Twine(index) + "] are " +
                       Twine(arrays.columnLocs[index - 1]) + " and " +
                       Twine(offset));
    if (offset < width)
      offsets.push_back(offset);
  }
  // VENOM may have kept columns of its padding where real ones were left: they
  // are exchanged for the first of those.
  int64_t wanted = std::min(kColumnsPerGroup, width);
  for (int64_t offset = 0; int64_t(offsets.size()) < wanted; ++offset)
    if (!llvm::is_contained(offsets, offset))
      offsets.push_back(offset);
  llvm::sort(offsets);
  int32_t *ids = structure.columns.data() +
                 (panel * structure.numGroups() + group) * kColumnsPerGroup;
  for (int64_t slot = 0; slot < kColumnsPerGroup; ++slot) {
    ids[slot] =
        int32_t(slot < wanted ? group * m + offsets[slot] : structure.numCols);
    const auto *found = llvm::find(
        offsets, int64_t(arrays.columnLocs[layout.column(panel, group, slot)]));
    positions[slot] = found == offsets.end()
                          ? unsigned(kColumnsPerGroup)
                          : unsigned(found - offsets.begin());
  }
  for (int64_t row = panel * arrays.pattern.v;
       row < (panel + 1) * arrays.pattern.v; ++row)
    if (llvm::Error error = importRow(row, group))
      return error;
  return llvm::Error::success();
}

llvm::Error VenomImporter::run() {
  if (llvm::Error error = checkSizes())
    return error;
  if (llvm::Error error = checkPadding())
    return error;
  Structure &structure = storage.structure;
  const Pattern &pattern = structure.pattern;
  structure.columns.resize(structure.numPanels() *
                           pattern.numColumnSlots(structure.numCols));
  structure.metadata.assign(structure.numRows *
                                pattern.numMetadataWords(structure.numCols),
                            kUnusedNibble * 0x1111);
  storage.values.resize(structure.numRows *
                        pattern.numRowValues(structure.numCols) *
                        byteWidth(storage.type));
  for (int64_t panel = 0; panel < structure.numPanels(); ++panel)
    for (int64_t group = 0; group < structure.numGroups(); ++group)
      if (llvm::Error error = importGroup(panel, group))
        return error;
  return verifyStorage(storage);
}

llvm::Expected<Storage> vnm::sparsity::importVenom(const VenomArrays &arrays) {
  if (llvm::Error error =
          checkVenomShape(arrays.pattern, arrays.numRows, arrays.numCols))
    return std::move(error);
  Storage storage;
  storage.type = ElementType::F16;
  storage.structure.pattern = arrays.pattern;
  storage.structure.numRows = arrays.numRows;
  storage.structure.numCols = arrays.numCols;
  if (llvm::Error error = VenomImporter(arrays, storage).run())
    return std::move(error);
  return storage;
}
