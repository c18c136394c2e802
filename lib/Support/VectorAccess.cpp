// Part of the VNM project, under the Apache License v2.0 with LLVM Exceptions.
// See the file LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// This file implements reads and writes of vectors in memory.

#include "vnm/Support/VectorAccess.h"
#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/MemRef/IR/MemRef.h"
#include "mlir/Dialect/SCF/IR/SCF.h"
#include "mlir/Dialect/Vector/IR/VectorOps.h"

using namespace mlir;

bool vnm::isContiguousAlong(MemRefType type, int64_t dim) {
  // Memory holds an i1 per byte, a vector eight of them.
  Type element = type.getElementType();
  return dim == type.getRank() - 1 && type.isLastDimUnitStride() &&
         element.isIntOrFloat() && element.getIntOrFloatBitWidth() % 8 == 0;
}

/// Map of a transfer of one vector along `dim`.
static AffineMap mapAlong(MemRefType type, int64_t dim) {
  MLIRContext *context = type.getContext();
  return AffineMap::get(type.getRank(), 0, getAffineDimExpr(dim, context),
                        context);
}

/// `indices` with `lane` added along `dim`.
static SmallVector<Value> laneOf(ImplicitLocOpBuilder &b, ValueRange indices,
                                 int64_t dim, int64_t lane) {
  SmallVector<Value> result(indices);
  result[dim] = b.createOrFold<arith::AddIOp>(
      result[dim], arith::ConstantIndexOp::create(b, lane));
  return result;
}

Value vnm::readVector(ImplicitLocOpBuilder &b, Value source, ValueRange indices,
                      int64_t dim, int64_t width, bool inBounds) {
  auto type = cast<MemRefType>(source.getType());
  auto vectorType = VectorType::get(width, type.getElementType());
  if (isContiguousAlong(type, dim)) {
    Value zero = arith::ConstantOp::create(
        b, cast<TypedAttr>(b.getZeroAttr(type.getElementType())));
    return vector::TransferReadOp::create(b, vectorType, source, indices, zero,
                                          mapAlong(type, dim),
                                          ArrayRef<bool>{inBounds});
  }
  Value last;
  if (!inBounds)
    last = b.createOrFold<arith::SubIOp>(
        b.createOrFold<memref::DimOp>(source, dim),
        arith::ConstantIndexOp::create(b, 1));
  SmallVector<Value> elements;
  for (int64_t lane = 0; lane < width; ++lane) {
    SmallVector<Value> place = laneOf(b, indices, dim, lane);
    if (!inBounds)
      place[dim] = b.createOrFold<arith::MinSIOp>(place[dim], last);
    elements.push_back(memref::LoadOp::create(b, source, place));
  }
  return vector::FromElementsOp::create(b, vectorType, elements);
}

void vnm::writeVector(ImplicitLocOpBuilder &b, Value vector, Value destination,
                      ValueRange indices, int64_t dim, bool inBounds) {
  auto type = cast<MemRefType>(destination.getType());
  if (isContiguousAlong(type, dim)) {
    vector::TransferWriteOp::create(b, vector, destination, indices,
                                    mapAlong(type, dim),
                                    ArrayRef<bool>{inBounds});
    return;
  }
  Value end = b.createOrFold<memref::DimOp>(destination, dim);
  int64_t width = cast<VectorType>(vector.getType()).getDimSize(0);
  for (int64_t lane = 0; lane < width; ++lane) {
    SmallVector<Value> place = laneOf(b, indices, dim, lane);
    Value element = vector::ExtractOp::create(b, vector, lane);
    if (inBounds) {
      memref::StoreOp::create(b, element, destination, place);
      continue;
    }
    Value exists =
        arith::CmpIOp::create(b, arith::CmpIPredicate::slt, place[dim], end);
    auto branch = scf::IfOp::create(b, exists, /*withElseRegion=*/false);
    OpBuilder::InsertionGuard guard(b);
    b.setInsertionPointToStart(branch.thenBlock());
    memref::StoreOp::create(b, element, destination, place);
  }
}
