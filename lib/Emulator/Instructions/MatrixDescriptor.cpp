// Part of the VNM project, under the Apache License v2.0 with LLVM Exceptions.
// See the file LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// This file implements the shared-memory descriptors of wgmma.

#include "vnm/Emulator/Instructions/MatrixDescriptor.h"
#include "Detail.h"

using namespace vnm::emulator;

/// Bytes of the unit that layouts are made of: 8 x 16 bytes are a core matrix.
static constexpr unsigned kPieceBytes = 16;

unsigned vnm::emulator::getSwizzleBytes(Swizzle swizzle) {
  switch (swizzle) {
  case Swizzle::None:
    return 16;
  case Swizzle::B32:
    return 32;
  case Swizzle::B64:
    return 64;
  case Swizzle::B128:
    return 128;
  }
  return 16;
}

uint32_t vnm::emulator::swizzleAddress(Swizzle swizzle, uint32_t address,
                                       unsigned phase) {
  unsigned pieces = getSwizzleBytes(swizzle) / kPieceBytes;
  uint32_t row = (address >> 7) - phase;
  return address ^ (row & (pieces - 1)) << 4;
}

// Bits 0-13 address, 16-29 leading, 32-45 stride offset, all without their low
// four bits; 49-51 base offset; 62-63 swizzle.
static constexpr uint64_t kOffsetMask = 0x3FFF;
static constexpr uint64_t kDefinedBits = kOffsetMask | kOffsetMask << 16 |
                                         kOffsetMask << 32 | uint64_t(7) << 49 |
                                         uint64_t(3) << 62;

llvm::Expected<MatrixDescriptor> MatrixDescriptor::decode(uint64_t bits) {
  if (uint64_t undefined = bits & ~kDefinedBits)
    return makeError("requires bits 14-15, 30-31, 46-48 and 52-61 of a matrix "
                     "descriptor to be 0, but 0x" +
                     llvm::Twine::utohexstr(bits) + " has 0x" +
                     llvm::Twine::utohexstr(undefined) + " set");
  MatrixDescriptor descriptor;
  descriptor.address = uint32_t(bits & kOffsetMask) << 4;
  descriptor.leadingOffset = uint32_t(bits >> 16 & kOffsetMask) << 4;
  descriptor.strideOffset = uint32_t(bits >> 32 & kOffsetMask) << 4;
  descriptor.baseOffset = unsigned(bits >> 49 & 7);
  descriptor.swizzle = Swizzle(bits >> 62);
  return descriptor;
}

uint64_t MatrixDescriptor::encode() const {
  return uint64_t(address >> 4) | uint64_t(leadingOffset >> 4) << 16 |
         uint64_t(strideOffset >> 4) << 32 | uint64_t(baseOffset) << 49 |
         uint64_t(swizzle) << 62;
}

llvm::Error MatrixDescriptor::verify(ElementType type, Major major, unsigned mn,
                                     unsigned k) const {
  unsigned bytes = getBitWidth(type) / 8, width = getSwizzleBytes(swizzle);
  if (major == Major::MN && bytes != 2)
    return makeError("requires 16-bit elements in an MN-major matrix, but "
                     "they are " +
                     stringify(type));
  if (baseOffset && swizzle == Swizzle::None)
    return makeError("requires a base offset of 0 without a swizzle, but it "
                     "is " +
                     llvm::Twine(baseOffset));
  bool swizzled = swizzle != Swizzle::None;
  unsigned extent = (major == Major::K ? k : mn) * bytes;
  if (swizzled && major == Major::K && address % width + extent > width)
    return makeError("requires K-major rows within a swizzle pattern of " +
                     llvm::Twine(width) + " bytes, but they take bytes " +
                     llvm::Twine(address % width) + " to " +
                     llvm::Twine(address % width + extent - 1));
  return llvm::Error::success();
}

uint32_t MatrixDescriptor::getElementAddress(ElementType type, Major major,
                                             unsigned mn, unsigned k) const {
  unsigned bytes = getBitWidth(type) / 8, width = getSwizzleBytes(swizzle);
  // Along the contiguous dimension, a row of the pattern is `width` bytes; 8
  // rows of it follow one another along the other.
  bool kMajor = major == Major::K;
  unsigned along = (kMajor ? k : mn) * bytes, across = kMajor ? mn : k;
  bool swapped = swizzle == Swizzle::None && !kMajor;
  uint32_t acrossOffset = swapped ? leadingOffset : strideOffset;
  uint32_t alongOffset = swapped ? strideOffset : leadingOffset;
  uint32_t linear =
      address + along % width + across % 8 * width + across / 8 * acrossOffset;
  // A swizzled K-major row never leaves the pattern, so PTX ignores its
  // leading offset, which then may hold anything.
  if (swizzle == Swizzle::None || !kMajor)
    linear += along / width * alongOffset;
  return swizzleAddress(swizzle, linear, baseOffset);
}
