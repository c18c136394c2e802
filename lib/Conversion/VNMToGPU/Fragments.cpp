// Part of the VNM project, under the Apache License v2.0 with LLVM Exceptions.
// See the file LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// This file emits the register fragments of mma.sp. With lane = 4 g + q, those
// of m16n8k32 (PTX ISA, "Matrix Fragments for mma.sp.m16n8k32 with .f16 and
// .bf16 types") are:
//
//   weight      a0: row g,     stored values 2q, 2q + 1 of the step's 16
//               a1: row g + 8, the same;  a2, a3: stored values 2q + 8, 2q + 9
//   metadata    lanes q = 0, 1 (selector 0) or q = 2, 3 (selector 1) hold 16
//               logical columns each: row g in the low half, row g + 8 in the
//               high half
//   activations b_i: logical columns 8i + 2q, 8i + 2q + 1 of token g
//   sums        d0, d1: row g, tokens 2q, 2q + 1;  d2, d3: row g + 8
//
// and those of m16n8k64 ("... with .s8 or .u8 types"):
//
//   weight      a0: row g, stored values 4q .. 4q + 3 of the step's 32
//               a1: row g + 8, the same;  a2, a3: 16 stored values further on
//   metadata    lane q = 2i + h holds logical columns 32i .. 32i + 31 of row
//               g + 8h
//   activations b_i: logical columns 16i + 4q .. 16i + 4q + 3 of token g
//   sums        as above
//
// Storage has this order already: value pair j of a row belongs to group j, and
// metadata word w to groups 4w .. 4w + 3. ldmatrix gives lane 4g + q the
// bytes 4q .. 4q + 3 of row g of an 8x8 matrix of 16 bits, whose rows begin
// where lanes say: lane l says row l % 8 of matrix l / 8.

#include "Fragments.h"

#include "SpmmKernel.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/LLVMIR/LLVMDialect.h"
#include "mlir/Dialect/LLVMIR/NVVMDialect.h"

using namespace mlir;
using namespace vnm;

void vnm::emitMmaSp(ImplicitLocOpBuilder &b, ArrayRef<Value> weight,
                    ArrayRef<Value> activations, MutableArrayRef<Value> sums,
                    Value metadata, int64_t selector, Type element) {
  bool isByte = element.isInteger(8);
  auto type = LLVM::LLVMStructType::getLiteral(
      b.getContext(), SmallVector<Type>(4, sums.front().getType()));
  auto ptxType = isByte             ? NVVM::MMATypes::s8
                 : element.isBF16() ? NVVM::MMATypes::bf16
                                    : NVVM::MMATypes::f16;
  std::optional<NVVM::MMAIntOverflow> overflow;
  if (isByte)
    overflow = NVVM::MMAIntOverflow::wrapped;
  Value selectorValue = arith::ConstantIntOp::create(b, selector, /*width=*/32);
  auto mma = NVVM::MmaSpOp::create(
      b, type, weight, activations, sums, metadata, selectorValue,
      ArrayRef<int64_t>{16, 8, isByte ? 64 : 32}, overflow,
      std::array<NVVM::MMATypes, 2>{ptxType, ptxType});
  mma.setOrderedMetadata(true);
  for (int64_t i = 0; i < 4; ++i)
    sums[i] = LLVM::ExtractValueOp::create(b, mma.getRes(), i);
}

Value vnm::toMmaRegister(ImplicitLocOpBuilder &b, Value bits, Type element) {
  if (!element.isF16())
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

/// Matrices: rows 0 to 7, rows 8 to 15 of the tile with the first half of the
/// step's stored values, a piece, then the same rows with the second.
SmallVector<Value> SpmmKernel::emitWeights(Value read, int64_t half,
                                           int64_t tile) {
  int64_t pieces = schedule.valuePieces();
  Value row = add(map.warpRow, rem(map.lane, 16)), piece = div(map.lane, 16);
  Value place =
      add(mul(row, schedule.valueBytes()),
          mul(bitXor(piece, emitSwizzle(row, pieces)), mma::kPieceBytes));
  Value address = add(add(read, schedule.channelBytes()), place);
  return emitLoadMatrices(bitXor(address, 2 * half * mma::kPieceBytes),
                          16 * tile * schedule.valueBytes(),
                          /*transpose=*/false);
}

SmallVector<Value> SpmmKernel::emitActivations(const LoopState &state,
                                               int64_t half, int64_t load) {
  Value read = state.read;
  if (picksRows())
    return emitPickedActivations(state, half, load);
  if (problem.xTokenMajor)
    return emitTokenMajorActivations(read, half, load);
  int64_t pieces = schedule.tokenTile / schedule.pieceElements();
  int64_t lineBytes = pieces * mma::kPieceBytes;
  Value piece = div(map.warpToken, schedule.pieceElements());
  Value place =
      add(mul(map.lane, lineBytes),
          mul(bitXor(piece, emitSwizzle(map.lane, pieces)), mma::kPieceBytes));
  Value address = bitXor(add(read, place), load * mma::kPieceBytes);
  if (schedule.interleavesTokens)
    return emitInterleavedActivations(address, lineBytes);
  return emitLoadMatrices(address, 32 * half * lineBytes, /*transpose=*/true);
}

/// A step is a piece of 16 bytes per register: matrix i is piece i of 8 tokens.
SmallVector<Value>
SpmmKernel::emitTokenMajorActivations(Value read, int64_t half, int64_t tile) {
  int64_t pieces = mma::kStageSlots / schedule.pieceElements();
  int64_t lineBytes = pieces * mma::kPieceBytes;
  Value row = rem(map.lane, 8);
  Value piece = bitXor(div(map.lane, 8), emitSwizzle(row, pieces));
  Value place = add(mul(add(map.warpToken, row), lineBytes),
                    mul(piece, mma::kPieceBytes));
  return emitLoadMatrices(bitXor(add(read, place), 4 * half * mma::kPieceBytes),
                          8 * tile * lineBytes, /*transpose=*/false);
}

/// Of matrices 2i and 2i + 1, register i of the even tokens takes the bytes 0
/// and 2, that of the odd ones the bytes 1 and 3 (mma::getByteRow).
SmallVector<Value> SpmmKernel::emitInterleavedActivations(Value address,
                                                          int64_t lineBytes) {
  auto type = VectorType::get({4}, b.getI8Type());
  SmallVector<Value> bytes;
  for (int64_t first : {0, 32})
    for (Value word : emitLoadMatrices(address, first * lineBytes,
                                       /*transpose=*/true))
      bytes.push_back(LLVM::BitcastOp::create(b, type, word));
  SmallVector<Value> registers;
  for (int32_t odd : {0, 1})
    for (size_t i = 0; i < bytes.size(); i += 2) {
      Value shuffled = LLVM::ShuffleVectorOp::create(
          b, bytes[i], bytes[i + 1],
          ArrayRef<int32_t>{odd, odd + 2, odd + 4, odd + 6});
      registers.push_back(LLVM::BitcastOp::create(b, b.getI32Type(), shuffled));
    }
  return registers;
}
