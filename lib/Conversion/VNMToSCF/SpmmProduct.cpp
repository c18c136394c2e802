// Part of the VNM project, under the Apache License v2.0 with LLVM Exceptions.
// See the file LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// This file implements the gather and the product of a block of groups.

#include "SpmmEmitter.h"
#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/MemRef/IR/MemRef.h"
#include "mlir/Dialect/SCF/IR/SCF.h"
#include "mlir/Dialect/Vector/IR/VectorOps.h"

using namespace mlir;
using namespace vnm;
using sparsity::kColumnsPerGroup;
using sparsity::kGroupsPerMetadataWord;
using sparsity::kValuesPerGroup;

static constexpr int64_t kSlotsPerWord =
    kColumnsPerGroup * kGroupsPerMetadataWord;
static constexpr int64_t kValuesPerWord =
    kValuesPerGroup * kGroupsPerMetadataWord;
static constexpr int64_t kCacheLine = 64;

/// The column id of `slot` of the panel; K for slots past the last group.
Value SpmmEmitter::columnOfSlot(Value slot) {
  int64_t numSlots = kColumnsPerGroup * numGroups;
  bool padded = numGroups % kGroupsPerMetadataWord != 0;
  Value last = index(numSlots - 1);
  Value id = memref::LoadOp::create(
      b, op.getColumns(), ValueRange{panel, padded ? min(slot, last) : slot});
  // Ids of 16 bits are unsigned.
  Value column = arith::IndexCastUIOp::create(b, b.getIndexType(), id);
  if (!padded)
    return column;
  Value exists =
      arith::CmpIOp::create(b, arith::CmpIPredicate::sle, slot, last);
  return arith::SelectOp::create(b, exists, column, index(numCols));
}

void SpmmEmitter::gather(Value word, Value words, Tokens tokens) {
  Value firstSlot = mul(word, kSlotsPerWord);
  auto vectorType = VectorType::get(tokens.width, accumulatorType);
  forEach(mul(words, kSlotsPerWord), [&](Value slot) {
    Value column = columnOfSlot(add(firstSlot, slot));
    Value exists = arith::CmpIOp::create(b, arith::CmpIPredicate::ult, column,
                                         index(numCols));
    auto branch = scf::IfOp::create(b, exists, /*withElseRegion=*/true);
    OpBuilder::InsertionGuard guard(b);
    b.setInsertionPointToStart(branch.thenBlock());
    SmallVector<Value> indices(batch);
    indices.append({column, tokens.first});
    Value read = readTokens(x, indices, batch.size() + 1, tokens);
    vector::StoreOp::create(b, convert(read, accumulatorType), window,
                            ValueRange{slot, index(0)});
    b.setInsertionPointToStart(branch.elseBlock());
    vector::StoreOp::create(b, zero(vectorType), window,
                            ValueRange{slot, index(0)});
  });
}

/// Converts the values of `row` for the block at `word`; zeros past the last
/// group. Rows are far apart in memory, so that hardware does not foresee the
/// next block's reads: ask for them now.
void SpmmEmitter::loadRowValues(Value row, Value word) {
  Value values = op.getValues();
  Type type = op.getWeightElementType();
  int64_t numValues = kValuesPerGroup * numGroups;
  int64_t blockValues = kValuesPerWord * blockWords;
  Value first = mul(word, kValuesPerWord);
  Value read = vector::TransferReadOp::create(
      b, VectorType::get(blockValues, type), values, ValueRange{row, first},
      zero(type), ArrayRef<bool>{numValues % blockValues == 0});
  vector::StoreOp::create(b, convert(read, accumulatorType), rowValues,
                          index(0));

  auto prefetch = [&](Value source, Value column) {
    memref::PrefetchOp::create(b, source, ValueRange{row, column},
                               /*isWrite=*/false, /*localityHint=*/3,
                               /*isDataCache=*/true);
  };
  int64_t perLine = kCacheLine * 8 / type.getIntOrFloatBitWidth();
  for (int64_t offset = 0; offset < blockValues; offset += perLine)
    prefetch(values,
             min(add(first, blockValues + offset), index(numValues - 1)));
  prefetch(op.getMetadata(), min(add(word, blockWords), index(numWords - 1)));
}

/// How many sums a row of \p width tokens adds to in turn. Several break the
/// chain of dependent additions; all of them are to fit half of 32 registers.
static int64_t getNumChains(int64_t width) {
  return std::clamp<int64_t>(256 / width, 1, sparsity::kValuesPerGroup * 4);
}

/// `sum` plus the products of `row` with the window.
Value SpmmEmitter::multiplyRow(Value row, Value firstWord, Value words,
                               Value sum) {
  auto vectorType = cast<VectorType>(sum.getType());
  bool integer = isa<IntegerType>(accumulatorType);
  // Lets the back end fuse each product with its sum where it has such an
  // instruction, and only that.
  auto contract = arith::FastMathFlagsAttr::get(b.getContext(),
                                                arith::FastMathFlags::contract);
  SmallVector<Value> chains(getNumChains(vectorType.getDimSize(0)),
                            zero(vectorType));
  chains[0] = sum;
  auto loop = scf::ForOp::create(b, index(0), words, index(1), chains);
  OpBuilder::InsertionGuard guard(b);
  b.setInsertionPointToStart(loop.getBody());
  Value word = loop.getInductionVar();
  Value bits = arith::IndexCastUIOp::create(
      b, b.getIndexType(),
      memref::LoadOp::create(b, op.getMetadata(),
                             ValueRange{row, add(firstWord, word)}));
  Value firstSlot = mul(word, kSlotsPerWord);
  Value firstValue = mul(word, kValuesPerWord);
  chains.assign(loop.getRegionIterArgs().begin(),
                loop.getRegionIterArgs().end());
  for (int64_t i = 0; i < kValuesPerWord; ++i) {
    Value shifted = b.createOrFold<arith::ShRUIOp>(bits, index(2 * i));
    Value slot = arith::AndIOp::create(b, shifted, index(3));
    slot = add(add(slot, firstSlot), kColumnsPerGroup * (i / kValuesPerGroup));
    Value tokens = vector::LoadOp::create(b, vectorType, window,
                                          ValueRange{slot, index(0)});
    Value value = vector::BroadcastOp::create(
        b, vectorType,
        memref::LoadOp::create(b, rowValues, ValueRange{add(firstValue, i)}));
    Value &chain = chains[i % chains.size()];
    if (integer) {
      chain = arith::AddIOp::create(b, chain,
                                    arith::MulIOp::create(b, value, tokens));
      continue;
    }
    Value product = arith::MulFOp::create(b, value, tokens, contract);
    chain = arith::AddFOp::create(b, chain, product, contract);
  }
  scf::YieldOp::create(b, chains);
  b.setInsertionPointAfter(loop);
  Value total = loop.getResult(0);
  for (Value chain : loop.getResults().drop_front())
    total = integer ? arith::AddIOp::create(b, total, chain).getResult()
                    : arith::AddFOp::create(b, total, chain).getResult();
  return total;
}

/// Asks for the activations of the block at \p word that the gather will read,
/// row \p tileRow's share of them: they lie anywhere in memory, so that no
/// hardware foresees them.
void SpmmEmitter::prefetchWindow(Value tileRow, Value word, Tokens tokens) {
  int64_t numSlots = kColumnsPerGroup * numGroups;
  int64_t share = sparsity::ceilDiv(kSlotsPerWord * blockWords, rowTile);
  int64_t perLine =
      kCacheLine * 8 / op.getWeightElementType().getIntOrFloatBitWidth();
  Value first = add(mul(word, kSlotsPerWord), mul(tileRow, share));
  for (int64_t i = 0; i < share; ++i) {
    Value slot = min(add(first, i), index(numSlots - 1));
    Value column = min(columnOfSlot(slot), index(numCols - 1));
    for (int64_t token = 0; token < tokens.width; token += perLine) {
      SmallVector<Value> indices(batch);
      indices.append({column, add(tokens.first, token)});
      memref::PrefetchOp::create(b, x, indices, /*isWrite=*/false,
                                 /*localityHint=*/2, /*isDataCache=*/true);
    }
  }
}

void SpmmEmitter::multiply(Value word, Value words, Tokens tokens) {
  auto vectorType = VectorType::get(tokens.width, accumulatorType);
  forEach(rowsInTile, [&](Value tileRow) {
    Value row = add(firstRow, tileRow);
    loadRowValues(row, word);
    prefetchWindow(tileRow, add(word, blockWords), tokens);
    SmallVector<Value> indices = {tileRow, index(0)};
    Value sum = vector::LoadOp::create(b, vectorType, sums, indices);
    sum = multiplyRow(row, word, words, sum);
    vector::StoreOp::create(b, sum, sums, indices);
  });
}
