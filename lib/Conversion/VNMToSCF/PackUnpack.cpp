// Part of the VNM project, under the Apache License v2.0 with LLVM Exceptions.
// See the file LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// This file implements the lowering of vnm.pack to a call of the runtime
// library and of vnm.unpack to loops.

#include "PackUnpack.h"
#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/Dialect/LLVMIR/LLVMDialect.h"
#include "mlir/Dialect/MemRef/IR/MemRef.h"
#include "mlir/Dialect/SCF/IR/SCF.h"
#include "mlir/IR/ImplicitLocOpBuilder.h"
#include "mlir/IR/SymbolTable.h"

using namespace mlir;
using namespace vnm;
using sparsity::kColumnsPerGroup;
using sparsity::kGroupsPerMetadataWord;
using sparsity::kValuesPerGroup;

/// The runtime library's function for these types, e.g. "vnm_pack_f16_i32".
static std::string getPackFunctionName(PackOp op, Type elementType) {
  std::string name;
  llvm::raw_string_ostream os(name);
  os << "vnm_pack_" << elementType << "_" << op.getEncoding().getColumnType();
  return name;
}

/// The declaration of `name` next to `op`, made if absent; null if the name is
/// taken by something else.
static func::FuncOp getOrDeclare(Operation *op, RewriterBase &rewriter,
                                 StringRef name, FunctionType type) {
  Operation *table = SymbolTable::getNearestSymbolTable(op);
  if (Operation *found = SymbolTable::lookupSymbolIn(table, name)) {
    auto function = dyn_cast<func::FuncOp>(found);
    return function && function.getFunctionType() == type ? function : nullptr;
  }
  OpBuilder::InsertionGuard guard(rewriter);
  rewriter.setInsertionPointToStart(&table->getRegion(0).front());
  auto function = func::FuncOp::create(rewriter, op->getLoc(), name, type);
  function.setPrivate();
  function->setAttr(LLVM::LLVMDialect::getEmitCWrapperAttrName(),
                    rewriter.getUnitAttr());
  return function;
}

LogicalResult vnm::emitPackCall(PackOp op, RewriterBase &rewriter) {
  ImplicitLocOpBuilder b(op.getLoc(), rewriter);
  sparsity::Pattern pattern = op.getEncoding().getPattern().getPattern();
  auto unranked = [&](Type elementType) -> Type {
    return UnrankedMemRefType::get(elementType, Attribute());
  };
  Type elementType = getElementTypeOrSelf(op.getWeight().getType());
  SmallVector<Type> types = {unranked(elementType), unranked(b.getF32Type())};
  Type columnType = op.getEncoding().getColumnType();
  for (Type part :
       {elementType, Type(b.getI16Type()), columnType, Type(b.getI32Type())})
    types.push_back(unranked(part));
  types.append(6, b.getI64Type());
  auto callee = getOrDeclare(op, rewriter, getPackFunctionName(op, elementType),
                             b.getFunctionType(types, {}));
  if (!callee)
    return failure();

  Value importance = op.getImportance();
  // No importance is an empty vector.
  if (!importance)
    importance =
        memref::AllocaOp::create(b, MemRefType::get({0}, b.getF32Type()));
  SmallVector<Value> memrefs = {op.getWeight(), importance};
  llvm::append_range(memrefs, op.getInits());
  // Neither are rows that keep their order.
  if (!op.getEncoding().hasRows())
    memrefs.push_back(
        memref::AllocaOp::create(b, MemRefType::get({0}, b.getI32Type())));
  SmallVector<Value> arguments;
  for (auto [memref, type] : llvm::zip(memrefs, types))
    arguments.push_back(memref::CastOp::create(b, type, memref));
  for (int64_t value :
       {pattern.v, pattern.m, int64_t(toCore(op.getEncoding().getForm())),
        int64_t(toCore(op.getCriterion())),
        int64_t(toCore(op.getColumnChoice())), int64_t(toCore(op.getEffort()))})
    arguments.push_back(arith::ConstantIntOp::create(b, b.getI64Type(), value));
  func::CallOp::create(b, callee, arguments);
  return success();
}

/// Writes the value at `column` of `values` to the element of `dense` it stands
/// for; nothing if its slot has no column.
static void emitUnpackValue(ImplicitLocOpBuilder &b, UnpackOp op, Value row,
                            Value denseRow, Value group, int64_t which) {
  auto index = [&](int64_t value) -> Value {
    return arith::ConstantIndexOp::create(b, value);
  };
  int64_t v = op.getEncoding().getPattern().getV();
  Value word = arith::DivUIOp::create(b, group, index(kGroupsPerMetadataWord));
  Value nibble =
      arith::RemUIOp::create(b, group, index(kGroupsPerMetadataWord));
  Value bits = arith::IndexCastUIOp::create(
      b, b.getIndexType(),
      memref::LoadOp::create(b, op.getStorage()[1], ValueRange{row, word}));
  Value shift = arith::AddIOp::create(
      b, arith::MulIOp::create(b, nibble, index(4)), index(2 * which));
  Value slot = arith::AndIOp::create(b, arith::ShRUIOp::create(b, bits, shift),
                                     index(3));
  slot = arith::AddIOp::create(
      b, slot, arith::MulIOp::create(b, group, index(kColumnsPerGroup)));
  Value panel = arith::DivUIOp::create(b, row, index(v));
  Value column = arith::IndexCastUIOp::create(
      b, b.getIndexType(),
      memref::LoadOp::create(b, op.getStorage()[2], ValueRange{panel, slot}));
  int64_t numCols = cast<MemRefType>(op.getInit().getType()).getDimSize(1);
  Value exists = arith::CmpIOp::create(b, arith::CmpIPredicate::ult, column,
                                       index(numCols));
  auto branch = scf::IfOp::create(b, exists, /*withElseRegion=*/false);
  OpBuilder::InsertionGuard guard(b);
  b.setInsertionPointToStart(branch.thenBlock());
  Value place = arith::AddIOp::create(
      b, arith::MulIOp::create(b, group, index(kValuesPerGroup)), index(which));
  Value value =
      memref::LoadOp::create(b, op.getStorage()[0], ValueRange{row, place});
  memref::StoreOp::create(b, value, op.getInit(), ValueRange{denseRow, column});
}

void vnm::emitUnpack(UnpackOp op, OpBuilder &builder) {
  ImplicitLocOpBuilder b(op.getLoc(), builder);
  auto index = [&](int64_t value) -> Value {
    return arith::ConstantIndexOp::create(b, value);
  };
  auto dense = cast<MemRefType>(op.getInit().getType());
  sparsity::Pattern pattern = op.getEncoding().getPattern().getPattern();
  Value zero = arith::ConstantOp::create(
      b, cast<TypedAttr>(b.getZeroAttr(dense.getElementType())));
  auto rows = scf::ParallelOp::create(b, index(0), index(dense.getDimSize(0)),
                                      index(1));
  OpBuilder::InsertionGuard guard(b);
  b.setInsertionPointToStart(rows.getBody());
  Value row = rows.getInductionVars().front();
  Value denseRow = row;
  if (op.getStorage().size() == 4)
    denseRow = arith::IndexCastUIOp::create(
        b, b.getIndexType(),
        memref::LoadOp::create(b, op.getStorage()[3], row));
  auto clear =
      scf::ForOp::create(b, index(0), index(dense.getDimSize(1)), index(1));
  auto scatter = scf::ForOp::create(
      b, index(0), index(pattern.numGroups(dense.getDimSize(1))), index(1));
  b.setInsertionPointToStart(clear.getBody());
  memref::StoreOp::create(b, zero, op.getInit(),
                          ValueRange{denseRow, clear.getInductionVar()});
  b.setInsertionPointToStart(scatter.getBody());
  for (int64_t which = 0; which < kValuesPerGroup; ++which)
    emitUnpackValue(b, op, row, denseRow, scatter.getInductionVar(), which);
}
