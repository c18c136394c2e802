// Part of the VNM project, under the Apache License v2.0 with LLVM Exceptions.
// See the file LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// This file implements the address maps of tensor copies.

#include "vnm/Emulator/Instructions/TensorCopy.h"
#include "Detail.h"
#include "llvm/Support/MathExtras.h"

using namespace vnm::emulator;

static constexpr unsigned kPieceBytes = 16;
static constexpr unsigned kMaxRank = 5;
static constexpr uint32_t kSharedAlignment = 128;

uint64_t TensorMap::getBoxBytes() const {
  uint64_t bytes = elementBytes;
  for (uint32_t extent : box)
    bytes *= extent;
  return bytes;
}

/// Checks the box against its limits and the swizzle.
static llvm::Error verifyBox(const TensorMap &map) {
  for (uint32_t extent : map.box)
    if (extent < 1 || extent > 256)
      return makeError("requires box dimensions in [1, 256], but one is " +
                       llvm::Twine(extent));
  uint32_t inner = map.box[0] * map.elementBytes;
  if (inner % kPieceBytes)
    return makeError("requires the inner dimension of the box to be a "
                     "multiple of 16 bytes, but it is " +
                     llvm::Twine(inner) + " bytes");
  unsigned width = getSwizzleBytes(map.swizzle);
  if (map.swizzle != Swizzle::None && inner > width)
    return makeError("requires the inner dimension of the box to be at most " +
                     llvm::Twine(width) + " bytes, the swizzle, but it is " +
                     llvm::Twine(inner) + " bytes");
  return llvm::Error::success();
}

llvm::Error vnm::emulator::verify(const TensorMap &map) {
  size_t rank = map.sizes.size();
  if (rank < 1 || rank > kMaxRank || map.box.size() != rank ||
      map.strides.size() != rank - 1)
    return makeError("requires 1 to 5 sizes, as many box dimensions and one "
                     "stride less, but there are " +
                     llvm::Twine(rank) + ", " + llvm::Twine(map.box.size()) +
                     " and " + llvm::Twine(map.strides.size()));
  if (map.elementBytes > 8 || !llvm::isPowerOf2_32(map.elementBytes))
    return makeError("requires elements of 1, 2, 4 or 8 bytes, but they have " +
                     llvm::Twine(map.elementBytes));
  if (map.globalAddress % kPieceBytes)
    return makeError("requires a tensor aligned to 16 bytes, but its address "
                     "is 0x" +
                     llvm::Twine::utohexstr(map.globalAddress));
  for (uint64_t size : map.sizes)
    if (size < 1 || size >> 32)
      return makeError("requires sizes in [1, 2^32), but one is " +
                       llvm::Twine(size));
  for (uint64_t stride : map.strides)
    if (stride % kPieceBytes || stride >> 40)
      return makeError("requires strides that are multiples of 16 below 2^40, "
                       "but one is " +
                       llvm::Twine(stride));
  return verifyBox(map);
}

/// Visits the pieces of one row of the box, which lies at `global` (as if
/// dimension 0 began at 0) and, not yet swizzled, at `shared`.
static llvm::Error
visitRow(const TensorMap &map, int64_t inner, uint64_t global, uint32_t shared,
         bool outside, llvm::function_ref<llvm::Error(TensorCopyPiece)> visit) {
  unsigned bytes = map.elementBytes, perPiece = kPieceBytes / bytes;
  auto isOutside = [&](uint32_t i) {
    int64_t index = inner + i;
    return outside || index < 0 || index >= int64_t(map.sizes[0]);
  };
  for (uint32_t i = 0; i < map.box[0];) {
    // A run ends with its 16 bytes, or where the tensor does.
    uint32_t limit = (i / perPiece + 1) * perPiece, end = i + 1;
    while (end < limit && isOutside(end) == isOutside(i))
      ++end;
    TensorCopyPiece piece;
    piece.sharedAddress = swizzleAddress(map.swizzle, shared + i * bytes);
    piece.globalAddress = global + uint64_t(inner + i) * bytes;
    piece.bytes = (end - i) * bytes;
    piece.outOfBounds = isOutside(i);
    if (llvm::Error error = visit(piece))
      return error;
    i = end;
  }
  return llvm::Error::success();
}

/// Checks where a copy begins on both sides.
static llvm::Error verifyStart(const TensorMap &map,
                               TensorCopyDirection direction,
                               llvm::ArrayRef<int32_t> coordinates,
                               uint32_t sharedAddress) {
  size_t rank = map.sizes.size();
  if (coordinates.size() != rank)
    return makeError("requires " + llvm::Twine(rank) +
                     " coordinates, but there are " +
                     llvm::Twine(coordinates.size()));
  int64_t innerStart = int64_t(coordinates[0]) * map.elementBytes;
  if (innerStart % kPieceBytes)
    return makeError("requires a box that begins at a multiple of 16 bytes in "
                     "dimension 0, but it begins at byte " +
                     llvm::Twine(innerStart));
  for (int32_t coordinate : coordinates)
    if (direction == TensorCopyDirection::Store && coordinate < 0)
      return makeError("requires coordinates of a store not to be negative, "
                       "but one is " +
                       llvm::Twine(coordinate));
  // Swizzled patterns repeat after 8 rows of the swizzle's width.
  uint32_t alignment = kSharedAlignment;
  if (map.swizzle != Swizzle::None)
    alignment = 8 * getSwizzleBytes(map.swizzle);
  if (sharedAddress % alignment)
    return makeError("requires a shared address aligned to " +
                     llvm::Twine(alignment) + " bytes, but it is 0x" +
                     llvm::Twine::utohexstr(sharedAddress));
  return llvm::Error::success();
}

llvm::Error vnm::emulator::forEachTensorCopyPiece(
    const TensorMap &map, TensorCopyDirection direction,
    llvm::ArrayRef<int32_t> coordinates, uint32_t sharedAddress,
    llvm::function_ref<llvm::Error(TensorCopyPiece)> visit) {
  if (llvm::Error error = verify(map))
    return error;
  if (llvm::Error error =
          verifyStart(map, direction, coordinates, sharedAddress))
    return error;
  uint32_t rowBytes = map.box[0] * map.elementBytes;
  uint32_t numRows = map.getBoxBytes() / rowBytes;
  for (uint32_t row = 0; row < numRows; ++row) {
    uint64_t global = map.globalAddress;
    bool outside = false;
    uint32_t rest = row;
    for (size_t i = 1; i < map.sizes.size(); ++i) {
      int64_t index = int64_t(coordinates[i]) + rest % map.box[i];
      rest /= map.box[i];
      outside |= index < 0 || index >= int64_t(map.sizes[i]);
      global += uint64_t(index) * map.strides[i - 1];
    }
    if (llvm::Error error =
            visitRow(map, coordinates[0], global,
                     sharedAddress + row * rowBytes, outside, visit))
      return error;
  }
  return llvm::Error::success();
}
