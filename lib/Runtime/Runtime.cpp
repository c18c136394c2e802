// Part of the VNM project, under the Apache License v2.0 with LLVM Exceptions.
// See the file LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// This file implements the functions that compiled programs call.

#include "vnm/Runtime/Runtime.h"
#include "vnm/Sparsity/Prune.h"
#include "llvm/Support/raw_ostream.h"
#include <cstdlib>
#include <cstring>

using namespace vnm::sparsity;

namespace {
/// A ranked view of what a VnmUnrankedMemRef describes.
class MemRef {
public:
  explicit MemRef(const VnmUnrankedMemRef &memref)
      : rank(memref.rank),
        fields(static_cast<const int64_t *>(memref.descriptor)) {}

  int64_t getRank() const { return rank; }
  int64_t getSize(int64_t dim) const { return fields[3 + dim]; }
  int64_t getStride(int64_t dim) const { return fields[3 + rank + dim]; }
  /// Address of element 0, for elements of `width` bytes.
  char *getData(int64_t width) const {
    return reinterpret_cast<char *>(fields[1]) + fields[2] * width;
  }

private:
  int64_t rank;
  const int64_t *fields;
};
} // namespace

/// The elements of a vector or matrix of f32 in row-major order.
static std::vector<float> readFloats(const MemRef &memref) {
  int64_t rows = memref.getRank() == 2 ? memref.getSize(0) : 1;
  int64_t last = memref.getRank() - 1;
  const char *data = memref.getData(sizeof(float));
  std::vector<float> result;
  for (int64_t row = 0; row < rows; ++row)
    for (int64_t col = 0; col < memref.getSize(last); ++col) {
      int64_t offset = col * memref.getStride(last) +
                       (memref.getRank() == 2 ? row * memref.getStride(0) : 0);
      float value;
      std::memcpy(&value, data + offset * sizeof(float), sizeof(float));
      result.push_back(value);
    }
  return result;
}

/// Copies a row-major matrix of elements of `width` bytes to `memref`, whose
/// shape it has.
static void writeMatrix(const void *source, int64_t width,
                        const MemRef &memref) {
  const char *from = static_cast<const char *>(source);
  for (int64_t row = 0; row < memref.getSize(0); ++row)
    for (int64_t col = 0; col < memref.getSize(1); ++col, from += width)
      std::memcpy(memref.getData(width) +
                      (row * memref.getStride(0) + col * memref.getStride(1)) *
                          width,
                  from, width);
}

/// The packed weight, or why there is none.
static llvm::Expected<Storage> compressWeight(const MatrixView &weight,
                                              const Pattern &pattern,
                                              const std::vector<float> &scores,
                                              Criterion criterion,
                                              const PruneOptions &options) {
  if (criterion != Criterion::Given) {
    ImportanceOptions importance;
    importance.criterion = criterion;
    importance.activationNorms = scores;
    return compress(weight, pattern, importance, options);
  }
  llvm::Expected<Structure> structure =
      prune(scores, weight.rows, weight.cols, pattern, options);
  if (!structure)
    return structure.takeError();
  return pack(weight, *structure);
}

template <typename ColumnT>
static void
packWeight(ElementType type, const VnmUnrankedMemRef *weightRef,
           const VnmUnrankedMemRef *importance, const VnmUnrankedMemRef *values,
           const VnmUnrankedMemRef *metadata, const VnmUnrankedMemRef *columns,
           const VnmUnrankedMemRef *rowsRef, int64_t v, int64_t m, int64_t form,
           int64_t criterion, int64_t columnChoice, int64_t effort) {
  MemRef weight(*weightRef), rows(*rowsRef);
  int64_t width = byteWidth(type);
  MatrixView view = {weight.getData(width), type,
                     weight.getSize(0),     weight.getSize(1),
                     weight.getStride(0),   weight.getStride(1)};
  Pattern pattern{v, kValuesPerGroup, m};
  PruneOptions options;
  options.form = static_cast<Form>(form);
  options.columnChoice = static_cast<ColumnChoice>(columnChoice);
  options.effort = static_cast<Effort>(effort);
  options.permuteRows = rows.getSize(0) != 0;
  llvm::Expected<Storage> storage =
      compressWeight(view, pattern, readFloats(MemRef(*importance)),
                     static_cast<Criterion>(criterion), options);
  if (!storage) {
    llvm::errs() << "vnm runtime: error: cannot pack a " << toString(type)
                 << " weight of " << view.rows << " x " << view.cols << " at "
                 << pattern.str() << ": " << llvm::toString(storage.takeError())
                 << "\n";
    std::exit(EXIT_FAILURE);
  }
  const Structure &structure = storage->structure;
  std::vector<ColumnT> ids(structure.columns.begin(), structure.columns.end());
  writeMatrix(storage->values.data(), width, MemRef(*values));
  writeMatrix(structure.metadata.data(), sizeof(uint16_t), MemRef(*metadata));
  writeMatrix(ids.data(), sizeof(ColumnT), MemRef(*columns));
  for (int64_t row = 0; row < rows.getSize(0); ++row) {
    int32_t outputRow = static_cast<int32_t>(structure.outputRow(row));
    std::memcpy(rows.getData(sizeof(outputRow)) +
                    row * rows.getStride(0) * int64_t(sizeof(outputRow)),
                &outputRow, sizeof(outputRow));
  }
}

#define VNM_DEFINE_PACK(name, type, columnType)                                \
  extern "C" __attribute__((visibility("default"))) void _mlir_ciface_##name(  \
      const VnmUnrankedMemRef *weight, const VnmUnrankedMemRef *importance,    \
      const VnmUnrankedMemRef *values, const VnmUnrankedMemRef *metadata,      \
      const VnmUnrankedMemRef *columns, const VnmUnrankedMemRef *rows,         \
      int64_t v, int64_t m, int64_t form, int64_t criterion,                   \
      int64_t columnChoice, int64_t effort) {                                  \
    packWeight<columnType>(type, weight, importance, values, metadata,         \
                           columns, rows, v, m, form, criterion, columnChoice, \
                           effort);                                            \
  }
VNM_DEFINE_PACK(vnm_pack_f16_i16, ElementType::F16, uint16_t)
VNM_DEFINE_PACK(vnm_pack_f16_i32, ElementType::F16, int32_t)
VNM_DEFINE_PACK(vnm_pack_bf16_i16, ElementType::BF16, uint16_t)
VNM_DEFINE_PACK(vnm_pack_bf16_i32, ElementType::BF16, int32_t)
VNM_DEFINE_PACK(vnm_pack_f32_i16, ElementType::F32, uint16_t)
VNM_DEFINE_PACK(vnm_pack_f32_i32, ElementType::F32, int32_t)
VNM_DEFINE_PACK(vnm_pack_i8_i16, ElementType::I8, uint16_t)
VNM_DEFINE_PACK(vnm_pack_i8_i32, ElementType::I8, int32_t)
