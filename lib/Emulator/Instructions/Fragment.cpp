// Part of the VNM project, under the Apache License v2.0 with LLVM Exceptions.
// See the file LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// This file implements element types and fragment maps.

#include "vnm/Emulator/Instructions/Fragment.h"
#include "llvm/Support/ErrorHandling.h"

using namespace vnm::emulator;

unsigned vnm::emulator::getBitWidth(ElementType type) {
  switch (type) {
  case ElementType::F16:
  case ElementType::BF16:
    return 16;
  case ElementType::S8:
  case ElementType::U8:
    return 8;
  case ElementType::TF32:
  case ElementType::F32:
  case ElementType::S32:
    return 32;
  }
  llvm_unreachable("unknown element type");
}

bool vnm::emulator::isInteger(ElementType type) {
  return type == ElementType::S8 || type == ElementType::U8 ||
         type == ElementType::S32;
}

llvm::StringRef vnm::emulator::stringify(ElementType type) {
  switch (type) {
  case ElementType::F16:
    return "f16";
  case ElementType::BF16:
    return "bf16";
  case ElementType::TF32:
    return "tf32";
  case ElementType::F32:
    return "f32";
  case ElementType::S8:
    return "s8";
  case ElementType::U8:
    return "u8";
  case ElementType::S32:
    return "s32";
  }
  llvm_unreachable("unknown element type");
}

// All fragments of A and B are one pattern: a register of a lane holds
// 32 / width neighbours in k, the four lanes of a quad hold four such runs, and
// later registers the rows 8 further down, then the next four runs.

Coordinate vnm::emulator::getCoordinateA(ElementType type, unsigned lane,
                                         unsigned index, unsigned element) {
  unsigned run = getElementsPerRegister(type);
  unsigned group = lane % kWarpLanes / 4, inGroup = lane % 4;
  unsigned row = lane / kWarpLanes * 16 + group + (index % 2) * 8;
  return {row, (index / 2 * 4 + inGroup) * run + element};
}

Coordinate vnm::emulator::getCoordinateB(ElementType type, unsigned lane,
                                         unsigned index, unsigned element) {
  unsigned run = getElementsPerRegister(type);
  return {(index * 4 + lane % 4) * run + element, lane % kWarpLanes / 4};
}

Coordinate vnm::emulator::getCoordinateD(ElementType type, unsigned lane,
                                         unsigned index, unsigned element) {
  // A lane holds two neighbouring columns: two registers, or one of f16.
  unsigned run = getElementsPerRegister(type);
  unsigned flat = index * run + element;
  unsigned row =
      lane / kWarpLanes * 16 + lane % kWarpLanes / 4 + flat / 2 % 2 * 8;
  return {row, flat / 4 * 8 + lane % 4 * 2 + flat % 2};
}
