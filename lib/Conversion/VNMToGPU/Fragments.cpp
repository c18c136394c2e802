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
// metadata word w to groups 4w .. 4w + 3. ldmatrix gives lane 4g + q the
// elements 2q, 2q + 1 of row g of an 8x8 matrix, whose rows begin where lanes
// say: lane l says row l % 8 of matrix l / 8.

#include "Fragments.h"

#include "SpmmKernel.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/LLVMIR/LLVMDialect.h"
#include "mlir/Dialect/LLVMIR/NVVMDialect.h"

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

SmallVector<Value> SpmmKernel::emitLoadMatrices(Value address, int64_t offset,
                                                bool transpose) {
  MLIRContext *context = b.getContext();
  auto type = LLVM::LLVMStructType::getLiteral(
      context, SmallVector<Type>(4, b.getI32Type()));
  auto layout = transpose ? NVVM::MMALayout::col : NVVM::MMALayout::row;
  Value matrices = NVVM::LdMatrixOp::create(
      b, type, advance(sharedPointer(address), offset), /*num=*/4, layout,
      NVVM::LdStMatrixShapeAttr::get(context, 8, 8),
      NVVM::LdStMatrixEltType::B16);
  SmallVector<Value> registers;
  for (int64_t i = 0; i < 4; ++i)
    registers.push_back(LLVM::ExtractValueOp::create(b, matrices, i));
  return registers;
}

/// Matrices: rows 0 to 7, rows 8 to 15 of the tile with the step's first 8
/// stored values, then the same rows with its last 8.
SmallVector<Value> SpmmKernel::emitWeights(Value read, int64_t half,
                                           int64_t tile) {
  constexpr int64_t kPieces = mma::kValuePieces;
  Value row = add(map.warpRow, rem(map.lane, 16)), piece = div(map.lane, 16);
  Value swizzle = rem(div(row, 8 / kPieces), kPieces);
  Value place = add(mul(row, mma::kValueBytes),
                    mul(bitXor(piece, swizzle), mma::kPieceBytes));
  Value address = add(add(read, schedule.channelBytes()), place);
  return emitLoadMatrices(bitXor(address, 2 * half * mma::kPieceBytes),
                          16 * tile * mma::kValueBytes, /*transpose=*/false);
}

/// From slots x tokens, which are transposed, matrices are 4 x 8 slots, so lane
/// l says slot l: the gather of rows is free. From tokens x slots, matrix i is
/// slots 8i .. 8i + 7 of 8 tokens.
SmallVector<Value> SpmmKernel::emitActivations(Value read, int64_t half,
                                               int64_t tile) {
  if (problem.xTokenMajor) {
    constexpr int64_t kPieces = mma::kStageSlots / mma::kPieceElements;
    constexpr int64_t kLineBytes = kPieces * mma::kPieceBytes;
    Value row = rem(map.lane, 8);
    Value place = add(mul(add(map.warpToken, row), kLineBytes),
                      mul(bitXor(div(map.lane, 8), row), mma::kPieceBytes));
    return emitLoadMatrices(
        bitXor(add(read, place), 4 * half * mma::kPieceBytes),
        8 * tile * kLineBytes, /*transpose=*/false);
  }
  int64_t pieces = schedule.tokenTile / mma::kPieceElements;
  Value swizzle =
      pieces >= 8 ? rem(map.lane, 8) : rem(div(map.lane, 8 / pieces), pieces);
  Value piece = div(map.warpToken, mma::kPieceElements);
  Value place = add(mul(map.lane, pieces * mma::kPieceBytes),
                    mul(bitXor(piece, swizzle), mma::kPieceBytes));
  return emitLoadMatrices(bitXor(add(read, place), tile * mma::kPieceBytes),
                          32 * half * pieces * mma::kPieceBytes,
                          /*transpose=*/true);
}

/// Word 4 stage + q serves both steps: selector 0 reads lanes q = 0, 1, whose
/// words belong to the first, selector 1 lanes q = 2, 3. Rows past R repeat the
/// last, whose sums are not stored.
SmallVector<Value> SpmmKernel::emitLoadMetadata(Value stage) {
  int64_t rowBytes = mma::kWordBytes * problem.numWords();
  Value quadRow = div(map.lane, 4);
  Value word = add(mul(minimum(stage, numStages() - 1), mma::kStageWords),
                   rem(map.lane, 4));
  bool ragged = problem.numWords() % mma::kStageWords != 0;
  Value safeWord = ragged ? minimum(word, problem.numWords() - 1) : word;
  Value tile =
      advance(globalPointer(args.metadata), mul(extend(map.row), rowBytes));
  Value column = mul(safeWord, mma::kWordBytes);
  Value lane = advance(
      tile, extend(add(mul(add(map.warpRow, quadRow), rowBytes), column)));
  SmallVector<Value> words;
  for (int64_t i = 0; i < 2 * schedule.rowTilesPerWarp(); ++i) {
    Value place = advance(lane, 8 * i * rowBytes);
    if (raggedRows()) {
      Value row = add(add(map.warpRow, quadRow), 8 * i);
      Value left = sub(i32(problem.numRows - 1), map.row);
      place =
          advance(tile, extend(add(mul(minimum(row, left), rowBytes), column)));
    }
    Value value = load(b.getI16Type(), place, mma::kWordBytes);
    if (ragged)
      value = select(less(word, problem.numWords()), value,
                     arith::ConstantIntOp::create(b, kUnusedWord, 16));
    words.push_back(value);
  }
  return words;
}

SmallVector<Value> SpmmKernel::emitMetadata(ValueRange words) {
  SmallVector<Value> registers;
  for (size_t i = 0; i < words.size(); i += 2) {
    Value low = arith::ExtUIOp::create(b, b.getI32Type(), words[i]);
    Value high = arith::ExtUIOp::create(b, b.getI32Type(), words[i + 1]);
    registers.push_back(bitOr(low, shiftLeft(high, i32(16))));
  }
  return registers;
}
