// Part of the VNM project, under the Apache License v2.0 with LLVM Exceptions.
// See the file LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// This file implements packing to and unpacking from the canonical storage.

#include "Detail.h"
#include "vnm/Sparsity/Storage.h"
#include "llvm/Support/ErrorHandling.h"
#include <algorithm>
#include <cstring>

using namespace vnm::sparsity;
using detail::makeError;
using llvm::Twine;

/// Rows that one task packs or unpacks.
static constexpr int64_t kRowsPerTask = 16;

int64_t Storage::sizeInBytes(int64_t columnBytes) const {
  return int64_t(values.size()) +
         int64_t(structure.metadata.size() * sizeof(uint16_t)) +
         int64_t(structure.columns.size()) * columnBytes +
         int64_t(structure.rows.size() * sizeof(int32_t));
}

int64_t vnm::sparsity::minimalColumnBytes(int64_t numCols) {
  return numCols <= 0xFFFF ? 2 : 4;
}

/// Calls visit(row, index of the value in its row, column) for every stored
/// value of `row` that has a column.
template <typename Visit>
static void forEachValue(const Structure &structure, int64_t row, Visit visit) {
  int64_t numGroups = structure.numGroups();
  for (int64_t group = 0; group < numGroups; ++group)
    for (unsigned which = 0; which < kValuesPerGroup; ++which) {
      int32_t column = structure.column(row, group, which);
      if (column != structure.numCols)
        visit(kValuesPerGroup * group + which, column);
    }
}

/// Copies elements of a known width, so that the copy is one instruction.
template <int64_t width>
static void packRow(const MatrixView &weight, const Structure &structure,
                    int64_t row, char *values) {
  const char *in = weight.address(structure.outputRow(row), 0);
  int64_t stride = weight.colStride * width;
  forEachValue(structure, row, [&](int64_t index, int64_t column) {
    std::memcpy(values + index * width, in + column * stride, width);
  });
}

template <int64_t width>
static void unpackRow(const Structure &structure, int64_t row,
                      const char *values, char *dense) {
  char *out =
      dense + int64_t(structure.outputRow(row)) * structure.numCols * width;
  forEachValue(structure, row, [&](int64_t index, int64_t column) {
    std::memcpy(out + column * width, values + index * width, width);
  });
}

/// Calls visit(row) for every stored row, in parallel.
static void forEachRow(const Structure &structure, unsigned threads,
                       llvm::function_ref<void(int64_t)> visit) {
  int64_t rowValues = structure.pattern.numRowValues(structure.numCols);
  detail::parallelFor(
      threads, ceilDiv(structure.numRows, kRowsPerTask),
      kRowsPerTask * rowValues, [&](int64_t task) {
        int64_t end = std::min(structure.numRows, (task + 1) * kRowsPerTask);
        for (int64_t row = task * kRowsPerTask; row < end; ++row)
          visit(row);
      });
}

llvm::Expected<Storage> vnm::sparsity::pack(const MatrixView &weight,
                                            const Structure &structure,
                                            const PackOptions &options) {
  if (llvm::Error error = verifyStructure(structure))
    return std::move(error);
  if (weight.rows != structure.numRows || weight.cols != structure.numCols)
    return makeError("requires the weight and the structure to have one "
                     "shape, but they are " +
                     Twine(weight.rows) + " x " + Twine(weight.cols) + " and " +
                     Twine(structure.numRows) + " x " +
                     Twine(structure.numCols));
  if (!options.allowNonFinite)
    if (llvm::Error error = detail::checkFinite(weight, options.threads))
      return std::move(error);

  Storage storage;
  storage.structure = structure;
  storage.type = weight.type;
  int64_t rowBytes = structure.pattern.numRowValues(structure.numCols) *
                     byteWidth(weight.type);
  storage.values.assign(structure.numRows * rowBytes, 0);
  forEachRow(structure, options.threads, [&](int64_t row) {
    char *values = storage.values.data() + row * rowBytes;
    switch (byteWidth(weight.type)) {
    case 1:
      return packRow<1>(weight, structure, row, values);
    case 2:
      return packRow<2>(weight, structure, row, values);
    case 4:
      return packRow<4>(weight, structure, row, values);
    default:
      llvm_unreachable("no element type has this width");
    }
  });
  return storage;
}

llvm::Error vnm::sparsity::unpack(const Storage &storage,
                                  std::vector<char> &dense) {
  if (llvm::Error error = verifyStorage(storage))
    return error;
  const Structure &structure = storage.structure;
  int64_t width = byteWidth(storage.type);
  int64_t rowBytes = structure.pattern.numRowValues(structure.numCols) * width;
  dense.assign(structure.numRows * structure.numCols * width, 0);
  forEachRow(structure, /*threads=*/0, [&](int64_t row) {
    const char *values = storage.values.data() + row * rowBytes;
    switch (width) {
    case 1:
      return unpackRow<1>(structure, row, values, dense.data());
    case 2:
      return unpackRow<2>(structure, row, values, dense.data());
    case 4:
      return unpackRow<4>(structure, row, values, dense.data());
    default:
      llvm_unreachable("no element type has this width");
    }
  });
  return llvm::Error::success();
}
