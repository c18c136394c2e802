// Part of the VNM project, under the Apache License v2.0 with LLVM Exceptions.
// See the file LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// This file implements mma.sync and mma.sp.sync.

#include "vnm/Emulator/Instructions/Mma.h"
#include "Detail.h"
#include "MatrixProduct.h"
#include "vnm/Emulator/Instructions/Metadata.h"

using namespace vnm::emulator;

static constexpr unsigned kRows = 16, kCols = 8;

static unsigned getStoredColumns(const MmaInstruction &instruction) {
  return instruction.sparse ? instruction.k / 2 : instruction.k;
}

unsigned MmaInstruction::getNumRegistersA() const {
  return kRows * getStoredColumns(*this) /
         (kWarpLanes * getElementsPerRegister(typeA));
}

unsigned MmaInstruction::getNumRegistersB() const {
  return kCols * k / (kWarpLanes * getElementsPerRegister(typeB));
}

unsigned MmaInstruction::getNumRegistersD() const {
  return kRows * kCols / (kWarpLanes * getElementsPerRegister(accumulator));
}

/// Checks which types go together.
static llvm::Error verifyTypes(const MmaInstruction &i) {
  bool bytes = getBitWidth(i.typeA) == 8 && getBitWidth(i.typeB) == 8;
  bool floats = i.typeA == i.typeB &&
                (i.typeA == ElementType::F16 || i.typeA == ElementType::BF16 ||
                 i.typeA == ElementType::TF32);
  if (!bytes && !floats)
    return makeError("requires A and B of f16, bf16 or tf32 alike, or of s8 "
                     "and u8, but they are " +
                     stringify(i.typeA) + " and " + stringify(i.typeB));
  bool legal = bytes ? i.accumulator == ElementType::S32
                     : i.accumulator == ElementType::F32 ||
                           (i.accumulator == ElementType::F16 &&
                            i.typeA == ElementType::F16);
  if (!legal)
    return makeError("requires " +
                     llvm::Twine(bytes                         ? "s32"
                                 : i.typeA == ElementType::F16 ? "f32 or f16"
                                                               : "f32") +
                     " accumulators for " + stringify(i.typeA) +
                     ", but they are " + stringify(i.accumulator));
  if (i.saturate && !bytes)
    return makeError("requires integers with satfinite, but A is " +
                     stringify(i.typeA));
  return llvm::Error::success();
}

llvm::Error vnm::emulator::verify(const MmaInstruction &i) {
  if (llvm::Error error = verifyTypes(i))
    return error;
  // Two shapes per type: A is 16 rows of 8 or 16 bytes per lane.
  unsigned longest = 8 * getElementsPerRegister(i.typeA) * (i.sparse ? 2 : 1);
  if (i.k != longest && i.k != longest / 2)
    return makeError("requires k of " + llvm::Twine(longest / 2) + " or " +
                     llvm::Twine(longest) + " for " +
                     (i.sparse ? "sparse " : "") + stringify(i.typeA) +
                     ", but k is " + llvm::Twine(i.k));
  if (i.sparse)
    return verify(MetadataFormat{i.typeA, i.k, i.selector});
  return llvm::Error::success();
}

/// Checks that `operand` has `registers` registers of 32 lanes.
static llvm::Error verifyOperand(llvm::StringRef name, ConstFragmentRef operand,
                                 unsigned registers) {
  if (operand.getNumLanes() != kWarpLanes ||
      operand.getNumRegisters() != registers)
    return makeError("requires operand " + name + " of 32 lanes and " +
                     llvm::Twine(registers) + " registers, but it has " +
                     llvm::Twine(operand.getNumLanes()) + " and " +
                     llvm::Twine(operand.getNumRegisters()));
  return llvm::Error::success();
}

static llvm::Error verifyOperands(const MmaInstruction &i, ConstFragmentRef a,
                                  ConstFragmentRef b, ConstFragmentRef c,
                                  ConstFragmentRef metadata,
                                  ConstFragmentRef d) {
  if (llvm::Error error = verifyOperand("A", a, i.getNumRegistersA()))
    return error;
  if (llvm::Error error = verifyOperand("B", b, i.getNumRegistersB()))
    return error;
  if (llvm::Error error = verifyOperand("C", c, i.getNumRegistersD()))
    return error;
  if (llvm::Error error = verifyOperand("D", d, i.getNumRegistersD()))
    return error;
  if (i.sparse)
    return verifyOperand("metadata", metadata, 1);
  return llvm::Error::success();
}

llvm::Error vnm::emulator::executeMma(const MmaInstruction &instruction,
                                      ConstFragmentRef a, ConstFragmentRef b,
                                      ConstFragmentRef c,
                                      ConstFragmentRef metadata,
                                      FragmentRef d) {
  if (llvm::Error error = verify(instruction))
    return error;
  if (llvm::Error error = verifyOperands(instruction, a, b, c, metadata, d))
    return error;
  MatrixProduct product;
  product.typeA = instruction.typeA;
  product.typeB = instruction.typeB;
  product.accumulator = instruction.accumulator;
  product.saturate = instruction.saturate;
  product.k = instruction.k;
  product.stored = getStoredColumns(instruction);
  product.a = gatherA(instruction.typeA, a, kRows, product.stored);
  product.b.resize(size_t(kCols) * product.k);
  for (unsigned lane = 0; lane < kWarpLanes; ++lane)
    for (unsigned index = 0; index < b.getNumRegisters(); ++index)
      for (unsigned e = 0; e < getElementsPerRegister(product.typeB); ++e) {
        Coordinate at = getCoordinateB(product.typeB, lane, index, e);
        product.b[size_t(at.col) * product.k + at.row] =
            extractElement(product.typeB, b.get(lane, index), e);
      }
  if (instruction.sparse) {
    auto columns = decodeMetadata(
        {instruction.typeA, instruction.k, instruction.selector}, metadata);
    if (!columns)
      return columns.takeError();
    product.columns = std::move(*columns);
  }
  product.compute(c, d);
  return llvm::Error::success();
}
