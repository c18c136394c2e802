// Part of the VNM project, under the Apache License v2.0 with LLVM Exceptions.
// See the file LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// This file emits the register fragments of mma.sp.m16n8k32. With lane = 4 g +
// q (PTX ISA, "Matrix Fragments for mma.sp.m16n8k32 with .f16 and .bf16
// types"):
//
//   weight      a0: row g,     stored values 2q, 2q + 1 of the step's 16
//               a1: row g + 8, the same;  a2, a3: stored values 2q + 8, 2q + 9
//   metadata    lanes q = 0, 1 (selector 0) or q = 2, 3 (selector 1) hold 16
//               logical columns each: row g in the low half, row g + 8 in the
//               high half
//   activations b_i: logical columns 8i + 2q, 8i + 2q + 1 of token g
//   sums        d0, d1: row g, tokens 2q, 2q + 1;  d2, d3: row g + 8
//
// Storage has this order already: value pair j of a row belongs to group j, and
// metadata word w to groups 4w .. 4w + 3.

#include "Fragments.h"

#include "SpmmKernel.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/LLVMIR/LLVMDialect.h"
#include "mlir/Dialect/LLVMIR/NVVMDialect.h"
#include "mlir/Dialect/MemRef/IR/MemRef.h"
#include "mlir/Dialect/NVGPU/IR/NVGPUDialect.h"
#include "mlir/Dialect/Vector/IR/VectorOps.h"

using namespace mlir;
using namespace vnm;

void vnm::emitMmaSp(ImplicitLocOpBuilder &b, ArrayRef<Value> weight,
                    ArrayRef<Value> activations, MutableArrayRef<Value> sums,
                    Value metadata, int64_t selector, bool isBF16) {
  auto type = LLVM::LLVMStructType::getLiteral(
      b.getContext(), SmallVector<Type>(4, b.getF32Type()));
  auto ptxType = isBF16 ? NVVM::MMATypes::bf16 : NVVM::MMATypes::f16;
  Value selectorValue = arith::ConstantIntOp::create(b, selector, /*width=*/32);
  auto mma = NVVM::MmaSpOp::create(
      b, type, weight, activations, sums, metadata, selectorValue,
      ArrayRef<int64_t>{16, 8, 32}, /*intOverflow=*/std::nullopt,
      std::array<NVVM::MMATypes, 2>{ptxType, ptxType});
  mma.setOrderedMetadata(true);
  for (int64_t i = 0; i < 4; ++i)
    sums[i] = LLVM::ExtractValueOp::create(b, mma.getRes(), i);
}

Value vnm::toMmaRegister(ImplicitLocOpBuilder &b, Value bits, bool isBF16) {
  if (isBF16)
    return bits;
  return LLVM::BitcastOp::create(b, VectorType::get({2}, b.getF16Type()), bits);
}

/// An mma.sp operand register: a pair of f16, or i32 for a pair of bf16.
static Value toRegister(ImplicitLocOpBuilder &b, Value pair) {
  if (cast<VectorType>(pair.getType()).getElementType().isF16())
    return pair;
  auto word = VectorType::get({1}, b.getI32Type());
  Value bits = vector::BitCastOp::create(b, word, pair);
  return vector::ExtractOp::create(b, bits, ArrayRef<int64_t>{0});
}

/// The two values of stored row `row` and group `group`; zero past R and G.
Value SpmmKernel::emitWeightRegister(Value row, Value group) {
  bool raggedRows = problem.numRows % schedule.rowTile != 0;
  bool raggedGroups = problem.numGroups % SpmmSchedule::kStageGroups != 0;
  Value safeRow = raggedRows ? clamp(row, problem.numRows) : row;
  Value safeGroup = raggedGroups ? clamp(group, problem.numGroups) : group;
  Value offset = add(mul(safeRow, 2 * problem.numGroups), mul(safeGroup, 2));
  auto type = VectorType::get({2}, problem.element);
  Value pair =
      vector::LoadOp::create(b, type, args.values, ValueRange{offset},
                             /*nontemporal=*/false, llvm::MaybeAlign(4));
  if (raggedRows || raggedGroups) {
    Value zero = arith::ConstantOp::create(b, b.getZeroAttr(type));
    Value valid = isTrue();
    if (raggedRows)
      valid = both(valid, less(row, problem.numRows));
    if (raggedGroups)
      valid = both(valid, less(group, problem.numGroups));
    pair = select(valid, pair, zero);
  }
  return toRegister(b, pair);
}

/// Metadata word `word` of stored row `row` as i32; unused nibbles past R and
/// G.
Value SpmmKernel::emitMetadataHalf(Value row, Value word) {
  bool raggedRows = problem.numRows % schedule.rowTile != 0;
  bool raggedWords = problem.numWords() % (SpmmSchedule::kStageGroups / 4) != 0;
  Value safeRow = raggedRows ? clamp(row, problem.numRows) : row;
  Value safeWord = raggedWords ? clamp(word, problem.numWords()) : word;
  Value offset = add(mul(safeRow, problem.numWords()), safeWord);
  Value half = memref::LoadOp::create(b, args.metadata, ValueRange{offset});
  half = arith::ExtUIOp::create(b, b.getI32Type(), half);
  if (!raggedRows && !raggedWords)
    return half;
  Value valid = isTrue();
  if (raggedRows)
    valid = both(valid, less(row, problem.numRows));
  if (raggedWords)
    valid = both(valid, less(word, problem.numWords()));
  Value unused = arith::ConstantIntOp::create(b, kUnusedWord, /*width=*/32);
  return select(valid, half, unused);
}

WeightFragments SpmmKernel::emitWeightFragments(Value step) {
  WeightFragments fragments;
  Value firstGroup = mul(step, SpmmSchedule::kStageGroups);
  // Word 4 step + q serves both halves: selector 0 reads lanes q = 0, 1, whose
  // words belong to the first half, selector 1 lanes q = 2, 3.
  Value word = add(mul(step, SpmmSchedule::kStageGroups / 4), map.quadLane);
  Value sixteen = arith::ConstantIntOp::create(b, 16, /*width=*/32);
  for (int64_t tile = 0; tile < schedule.rowTilesPerWarp(); ++tile) {
    Value low = add(add(map.row, map.warpRow), add(map.quadRow, 16 * tile));
    Value high = add(low, 8);
    auto &halves = fragments.values.emplace_back();
    for (int64_t half = 0; half < 2; ++half) {
      Value group = add(add(firstGroup, map.quadLane), 8 * half);
      Value farGroup = add(group, 4);
      halves[half] = {emitWeightRegister(low, group),
                      emitWeightRegister(high, group),
                      emitWeightRegister(low, farGroup),
                      emitWeightRegister(high, farGroup)};
    }
    Value upper =
        arith::ShLIOp::create(b, emitMetadataHalf(high, word), sixteen);
    fragments.metadata.push_back(
        arith::OrIOp::create(b, emitMetadataHalf(low, word), upper));
  }
  return fragments;
}

/// ldmatrix.x4: lane l gives the address of row l % 8 of 8x8 matrix l / 8. From
/// slots x tokens it transposes; the matrices are then 4 x 8 slots, so lane l
/// gives slot l. From tokens x slots, matrix i is slots 8i .. 8i + 7.
std::array<Value, 4>
SpmmKernel::emitActivationFragment(Value buffer, int64_t half, int64_t tile) {
  Value token = add(map.warpToken, 8 * tile);
  SmallVector<Value> position = {buffer};
  if (problem.xTokenMajor) {
    position.push_back(add(token, rem(map.lane, 8)));
    position.push_back(add(mul(div(map.lane, 8), 8), 32 * half));
  } else {
    position.push_back(add(map.lane, 32 * half));
    position.push_back(token);
  }
  auto type = VectorType::get({4, 2}, problem.element);
  Value matrices = nvgpu::LdMatrixOp::create(
      b, type, shared.stages, position, b.getBoolAttr(!problem.xTokenMajor),
      b.getI32IntegerAttr(4));
  std::array<Value, 4> registers;
  for (int64_t i = 0; i < 4; ++i)
    registers[i] = toRegister(
        b, vector::ExtractOp::create(b, matrices, ArrayRef<int64_t>{i}));
  return registers;
}
