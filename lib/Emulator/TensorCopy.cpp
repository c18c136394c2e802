// Part of the VNM project, under the Apache License v2.0 with LLVM Exceptions.
// See the file LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// This file implements tensor copies and the storage of tensor maps.

#include "Access.h"
#include "TensorMapStorage.h"

#include "vnm/Emulator/Abi.h"

#include <cstring>

using namespace llvm;
using namespace vnm::emulator;

//===----------------------------------------------------------------------===//
// Storage
//===----------------------------------------------------------------------===//

namespace {
struct StoredMap {
  uint64_t magic;
  uint64_t globalAddress;
  uint64_t sizes[5];
  uint64_t strides[4];
  uint32_t box[5];
  uint8_t elementBytes, rank, swizzle, unused;
};
static_assert(sizeof(StoredMap) <= kTensorMapBytes);
} // namespace

static constexpr uint64_t kMagic = 0x564E4D2D54454E53;

void vnm::emulator::storeTensorMap(const TensorMap &map, char *bytes) {
  StoredMap stored = {};
  stored.magic = kMagic;
  stored.globalAddress = map.globalAddress;
  llvm::copy(map.sizes, stored.sizes);
  llvm::copy(map.strides, stored.strides);
  llvm::copy(map.box, stored.box);
  stored.elementBytes = uint8_t(map.elementBytes);
  stored.rank = uint8_t(map.sizes.size());
  stored.swizzle = uint8_t(map.swizzle);
  std::memset(bytes, 0, kTensorMapBytes);
  std::memcpy(bytes, &stored, sizeof(stored));
}

std::optional<TensorMap> vnm::emulator::loadTensorMap(const char *bytes) {
  StoredMap stored;
  std::memcpy(&stored, bytes, sizeof(stored));
  if (stored.magic != kMagic)
    return std::nullopt;
  TensorMap map;
  map.elementBytes = stored.elementBytes;
  map.globalAddress = stored.globalAddress;
  map.sizes.assign(stored.sizes, stored.sizes + stored.rank);
  map.strides.assign(stored.strides, stored.strides + stored.rank - 1);
  map.box.assign(stored.box, stored.box + stored.rank);
  map.swizzle = Swizzle(stored.swizzle);
  return map;
}

//===----------------------------------------------------------------------===//
// Copies
//===----------------------------------------------------------------------===//

/// The map at `address`: in global memory, or a parameter of the kernel.
static TensorMap getMap(Thread &thread, OpRef op, const char *address) {
  const Launch &launch = thread.getCluster().launch;
  bool isParameter = false;
  for (unsigned i = 0; i < launch.numParameters; ++i)
    isParameter |= launch.parameters[i] == address;
  if (!isParameter)
    locateGlobal(thread, op, address, kTensorMapBytes, /*alignment=*/64);
  std::optional<TensorMap> map = loadTensorMap(address);
  if (!map)
    thread.fail(Check::Instruction, op,
                "requires a tensor map that was encoded by "
                "mgpuTensorMapEncodeTiled or mgpuTensorMapEncodeTiledMemref, "
                "but there is none at its address");
  return *map;
}

/// The pieces of one copy, checked on the global side. `shared` is an offset.
static std::vector<TensorCopyPiece>
getPieces(Thread &thread, OpRef op, const TensorMap &map, uint32_t rank,
          const int32_t *coordinates, uint32_t shared, bool isStore) {
  std::vector<TensorCopyPiece> pieces;
  Error error = forEachTensorCopyPiece(
      map, isStore ? TensorCopyDirection::Store : TensorCopyDirection::Load,
      ArrayRef(coordinates, rank), shared, [&](TensorCopyPiece piece) {
        pieces.push_back(piece);
        if (piece.outOfBounds)
          return Error::success();
        auto *address = reinterpret_cast<const char *>(piece.globalAddress);
        Allocation &allocation =
            locateGlobal(thread, op, address, piece.bytes, 1);
        if (!isStore)
          noteGlobal(thread, op, allocation, address, piece.bytes,
                     /*isWrite=*/false);
        return Error::success();
      });
  if (error)
    thread.fail(Check::Instruction, op, toString(std::move(error)));
  return pieces;
}

void vnm_emu_tensor_load(Thread *thread, const char *op, char *destination,
                         const char *map, const char *mbarrier, uint32_t rank,
                         const int32_t *coordinates, uint32_t ctaMask) {
  OpRef ref(op);
  TensorMap tensor = getMap(*thread, ref, map);
  auto bytes = uint32_t(tensor.getBoxBytes());
  forEachTarget(
      *thread, ref, destination, mbarrier, ctaMask,
      [&](char *to, const char *barrier) {
        SharedRange range = locateShared(*thread, ref, to, bytes, 1);
        std::vector<TensorCopyPiece> pieces = getPieces(
            *thread, ref, tensor, rank, coordinates, range.offset, false);
        char *base = range.cta->window.getBase();
        issueWithMBarrier(*thread, ref, range, barrier, bytes,
                          [base, pieces = std::move(pieces)] {
                            for (const TensorCopyPiece &piece : pieces) {
                              char *at = base + piece.sharedAddress;
                              if (piece.outOfBounds)
                                std::memset(at, 0, piece.bytes);
                              else
                                std::memcpy(at,
                                            reinterpret_cast<const char *>(
                                                piece.globalAddress),
                                            piece.bytes);
                            }
                          });
      });
}

void vnm_emu_tensor_store(Thread *thread, const char *op, const char *map,
                          const char *source, uint32_t rank,
                          const int32_t *coordinates) {
  OpRef ref(op);
  TensorMap tensor = getMap(*thread, ref, map);
  SharedRange range =
      locateShared(*thread, ref, source, uint32_t(tensor.getBoxBytes()), 1);
  std::vector<TensorCopyPiece> pieces =
      getPieces(*thread, ref, tensor, rank, coordinates, range.offset, true);
  const char *base = range.cta->window.getBase();
  Launch &launch = thread->getCluster().launch;
  issueBulkRead(*thread, ref, range,
                [&launch, base, pieces = std::move(pieces)] {
                  for (const TensorCopyPiece &piece : pieces) {
                    if (piece.outOfBounds)
                      continue;
                    std::memcpy(reinterpret_cast<char *>(piece.globalAddress),
                                base + piece.sharedAddress, piece.bytes);
                    launch.findAllocation(piece.globalAddress, piece.bytes)
                        ->markWritten(piece.globalAddress, piece.bytes);
                  }
                });
}
