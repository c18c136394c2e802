// Part of the VNM project, under the Apache License v2.0 with LLVM Exceptions.
// See the file LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// This file implements the product that mma and wgmma share.

#include "MatrixProduct.h"
#include "vnm/Emulator/Instructions/DotProduct.h"

using namespace vnm::emulator;

uint32_t MatrixProduct::computeElement(unsigned row, unsigned col,
                                       uint32_t c) const {
  llvm::ArrayRef<uint32_t> rowA =
      llvm::ArrayRef(a).slice(size_t(row) * stored, stored);
  llvm::ArrayRef<uint32_t> colB = llvm::ArrayRef(b).slice(size_t(col) * k, k);
  llvm::SmallVector<uint32_t, 64> chosen;
  if (!columns.empty()) {
    for (unsigned i = 0; i < stored; ++i)
      chosen.push_back(colB[columns[size_t(row) * stored + i]]);
    colB = chosen;
  }
  if (isInteger(typeA))
    return uint32_t(computeIntegerDotProduct(typeA, typeB, saturate, rowA, colB,
                                             int32_t(c)));
  return computeDotProduct(typeA, accumulator, rowA, colB, c);
}

void MatrixProduct::compute(ConstFragmentRef c, FragmentRef d) const {
  unsigned perRegister = getElementsPerRegister(accumulator);
  for (unsigned lane = 0; lane < d.getNumLanes(); ++lane)
    for (unsigned index = 0; index < d.getNumRegisters(); ++index) {
      uint32_t word = 0, start = c.getNumLanes() ? c.get(lane, index) : 0;
      for (unsigned element = 0; element < perRegister; ++element) {
        Coordinate at = getCoordinateD(accumulator, lane, index, element);
        uint32_t bits = computeElement(
            at.row, at.col, extractElement(accumulator, start, element));
        word |= bits << (element * getBitWidth(accumulator) % 32);
      }
      d.at(lane, index) = word;
    }
}

llvm::SmallVector<uint32_t, 0> vnm::emulator::gatherA(ElementType type,
                                                      ConstFragmentRef a,
                                                      unsigned rows,
                                                      unsigned stored) {
  llvm::SmallVector<uint32_t, 0> matrix(size_t(rows) * stored);
  for (unsigned lane = 0; lane < a.getNumLanes(); ++lane)
    for (unsigned index = 0; index < a.getNumRegisters(); ++index)
      for (unsigned e = 0; e < getElementsPerRegister(type); ++e) {
        Coordinate at = getCoordinateA(type, lane, index, e);
        matrix[size_t(at.row) * stored + at.col] =
            extractElement(type, a.get(lane, index), e);
      }
  return matrix;
}
