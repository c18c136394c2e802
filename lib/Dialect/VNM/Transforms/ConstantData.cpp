// Part of the VNM project, under the Apache License v2.0 with LLVM Exceptions.
// See the file LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// This file implements the reading of constant tensors for packing.

#include "ConstantData.h"
#include "mlir/IR/DialectResourceBlobManager.h"
#include "llvm/Support/FormatVariadic.h"

using namespace mlir;
using namespace vnm;
using vnm::sparsity::ElementType;
using vnm::sparsity::MatrixView;

//===----------------------------------------------------------------------===//
// Elements
//===----------------------------------------------------------------------===//

static llvm::Error makeError(const llvm::Twine &message) {
  return llvm::createStringError(llvm::inconvertibleErrorCode(), message);
}

llvm::Expected<ConstantData> vnm::getConstantData(ElementsAttr elements) {
  int64_t elementBytes =
      elements.getElementType().getIntOrFloatBitWidth() / CHAR_BIT;
  if (auto dense = dyn_cast<DenseElementsAttr>(elements))
    return ConstantData{dense.getRawData(), dense.isSplat()};
  auto resource = dyn_cast<DenseResourceElementsAttr>(elements);
  if (!resource)
    return makeError("requires a dense or dense_resource constant");
  ArrayRef<char> bytes = resource.getData();
  int64_t expected = elements.getNumElements() * elementBytes;
  if (int64_t(bytes.size()) != expected)
    return makeError(llvm::formatv(
        "requires resource '{0}' to hold {1} bytes, but it holds {2}",
        resource.getRawHandle().getKey(), expected, bytes.size()));
  return ConstantData{bytes, false};
}

llvm::Expected<std::vector<char>> vnm::copyConstantData(ElementsAttr elements) {
  llvm::Expected<ConstantData> data = getConstantData(elements);
  if (!data)
    return data.takeError();
  std::vector<char> copy;
  int64_t repeats = data->splat ? elements.getNumElements() : 1;
  copy.reserve(data->bytes.size() * repeats);
  for (int64_t i = 0; i < repeats; ++i)
    copy.insert(copy.end(), data->bytes.begin(), data->bytes.end());
  return copy;
}

//===----------------------------------------------------------------------===//
// Matrices
//===----------------------------------------------------------------------===//

std::vector<int64_t> vnm::getOffsets(ArrayRef<WeightAxis> axes) {
  std::vector<int64_t> offsets = {0};
  for (const WeightAxis &axis : axes) {
    std::vector<int64_t> next;
    next.reserve(offsets.size() * axis.size);
    for (int64_t offset : offsets)
      for (int64_t i = 0; i < axis.size; ++i)
        next.push_back(offset + i * axis.stride);
    offsets = std::move(next);
  }
  return offsets;
}

/// The stride of `axes` if there is a single one.
static std::optional<int64_t> getSingleStride(ArrayRef<WeightAxis> axes) {
  WeightAxes simple = simplifyAxes(axes);
  if (simple.empty())
    return 0;
  if (simple.size() == 1)
    return simple.front().stride;
  return std::nullopt;
}

/// `value` rounded to `type`.
static float roundTo(float value, ElementType type) {
  switch (type) {
  case ElementType::F16:
    return sparsity::halfToFloat(sparsity::floatToHalf(value));
  case ElementType::BF16:
    return sparsity::bfloat16ToFloat(sparsity::floatToBfloat16(value));
  default:
    return value;
  }
}

/// Stores `value`, which `type` holds exactly.
static void store(float value, ElementType type, char *address) {
  switch (type) {
  case ElementType::F16: {
    uint16_t bits = sparsity::floatToHalf(value);
    std::memcpy(address, &bits, sizeof(bits));
    return;
  }
  case ElementType::BF16: {
    uint16_t bits = sparsity::floatToBfloat16(value);
    std::memcpy(address, &bits, sizeof(bits));
    return;
  }
  case ElementType::F32:
    std::memcpy(address, &value, sizeof(value));
    return;
  case ElementType::I8:
    *address = static_cast<char>(static_cast<int8_t>(value));
    return;
  }
}

/// Copies the matrix, cast through `casts`, to row-major order.
static ConstantMatrix copyMatrix(ConstantData data, ElementType sourceType,
                                 ArrayRef<ElementType> casts,
                                 ArrayRef<int64_t> rowOffsets,
                                 ArrayRef<int64_t> colOffsets) {
  int64_t rows = rowOffsets.size(), cols = colOffsets.size();
  ElementType type = casts.empty() ? sourceType : casts.back();
  int64_t elementBytes = sparsity::byteWidth(type);
  ConstantMatrix matrix;
  matrix.copy.resize(rows * cols * elementBytes);
  // A view of one row, of all elements of the source, reads any offset.
  MatrixView source = MatrixView::rowMajor(data.bytes.data(), sourceType, 1, 1);
  char *out = matrix.copy.data();
  for (int64_t row = 0; row < rows; ++row)
    for (int64_t col = 0; col < cols; ++col, out += elementBytes) {
      int64_t offset = data.splat ? 0 : rowOffsets[row] + colOffsets[col];
      if (casts.empty()) {
        std::memcpy(out, source.address(0, offset), elementBytes);
        continue;
      }
      float value = source.at(0, offset);
      for (ElementType cast : casts)
        value = roundTo(value, cast);
      store(value, type, out);
    }
  matrix.view = MatrixView::rowMajor(matrix.copy.data(), type, rows, cols);
  return matrix;
}

llvm::Expected<std::vector<float>> vnm::readFloats(ElementsAttr elements) {
  llvm::Expected<std::vector<char>> bytes = copyConstantData(elements);
  if (!bytes)
    return bytes.takeError();
  std::vector<float> result(bytes->size() / sizeof(float));
  std::memcpy(result.data(), bytes->data(), result.size() * sizeof(float));
  return result;
}

llvm::Expected<std::optional<ConstantMatrix>>
vnm::getConstantMatrix(const WeightView &view, ElementsAttr contents) {
  std::optional<ElementType> sourceType =
      toCoreElementType(view.getSourceElementType());
  SmallVector<ElementType> casts;
  for (Type type : view.casts) {
    std::optional<ElementType> cast = toCoreElementType(type);
    if (!cast)
      return std::nullopt;
    casts.push_back(*cast);
  }
  if (!sourceType)
    return std::nullopt;
  auto sourceShape = cast<ShapedType>(view.source.getType());
  if (contents.getNumElements() != sourceShape.getNumElements() ||
      contents.getElementType() != sourceShape.getElementType())
    return makeError("requires the global's value to have the type it is "
                     "loaded as");
  llvm::Expected<ConstantData> data = getConstantData(contents);
  if (!data)
    return data.takeError();

  std::vector<int64_t> rowOffsets = getOffsets(view.dims[0]);
  std::vector<int64_t> colOffsets = getOffsets(view.dims[1]);
  std::optional<int64_t> rowStride = getSingleStride(view.dims[0]);
  std::optional<int64_t> colStride = getSingleStride(view.dims[1]);
  if (!casts.empty() || (!data->splat && (!rowStride || !colStride)))
    return copyMatrix(*data, *sourceType, casts, rowOffsets, colOffsets);
  ConstantMatrix matrix;
  matrix.view.data = data->bytes.data();
  matrix.view.type = *sourceType;
  matrix.view.rows = rowOffsets.size();
  matrix.view.cols = colOffsets.size();
  matrix.view.rowStride = data->splat ? 0 : *rowStride;
  matrix.view.colStride = data->splat ? 0 : *colStride;
  return matrix;
}
