// Part of the VNM project, under the Apache License v2.0 with LLVM Exceptions.
// See the file LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// This file converts matrix instructions of warps.

#include "KernelConverter.h"

#include "vnm/Emulator/Instructions/ElementType.h"

#include "mlir/Dialect/LLVMIR/NVVMDialect.h"

using namespace mlir;
using namespace vnm;
using emulator::ElementType;

static LogicalResult convertLdMatrix(Operation *op, KernelConverter &c) {
  auto load = cast<NVVM::LdMatrixOp>(op);
  if (load.getEltType() != NVVM::LdStMatrixEltType::B16 ||
      load.getShape().getM() != 8 || load.getShape().getN() != 8)
    return emitNoEmulation(op) << " but for m8n8 of b16";
  bool transpose = load.getLayout() == NVVM::MMALayout::col;
  Value buffer = c.makeRegisters({}, load.getNum());
  c.call(op, "ldmatrix",
         {c.toPointer(load.getPtr()), c.i32(load.getNum()), c.i32(transpose),
          buffer});
  load.replaceAllUsesWith(c.loadRegisters(buffer, load.getType()));
  load.erase();
  return success();
}

static LogicalResult convertStMatrix(Operation *op, KernelConverter &c) {
  auto store = cast<NVVM::StMatrixOp>(op);
  if (store.getEltType() != NVVM::LdStMatrixEltType::B16 ||
      store.getShape().getM() != 8 || store.getShape().getN() != 8)
    return emitNoEmulation(op) << " but for m8n8 of b16";
  bool transpose = store.getLayout() == NVVM::MMALayout::col;
  unsigned count = store.getSources().size();
  Value buffer = c.makeRegisters(store.getSources(), count);
  c.call(op, "stmatrix",
         {c.toPointer(store.getPtr()), c.i32(count), c.i32(transpose), buffer});
  store.erase();
  return success();
}

static std::optional<ElementType> toElementType(NVVM::MMATypes type) {
  switch (type) {
  case NVVM::MMATypes::f16:
    return ElementType::F16;
  case NVVM::MMATypes::bf16:
    return ElementType::BF16;
  case NVVM::MMATypes::tf32:
    return ElementType::TF32;
  case NVVM::MMATypes::f32:
    return ElementType::F32;
  case NVVM::MMATypes::s8:
    return ElementType::S8;
  case NVVM::MMATypes::u8:
    return ElementType::U8;
  case NVVM::MMATypes::s32:
    return ElementType::S32;
  default:
    return std::nullopt;
  }
}

/// The call of an mma, dense or sparse. `metadata` is null if dense.
template <typename MmaTy>
static LogicalResult emitMma(MmaTy mma, KernelConverter &c, Value metadata,
                             unsigned selector, bool saturate) {
  Operation *op = mma;
  std::optional<NVVM::MMATypes> named[] = {mma.getMultiplicandAPtxType(),
                                           mma.getMultiplicandBPtxType()};
  ValueRange operands[] = {mma.getOperandA(), mma.getOperandB()};
  std::optional<ElementType> types[2];
  for (int i = 0; i < 2; ++i) {
    if (!named[i])
      named[i] = NVVM::MmaOp::inferOperandMMAType(operands[i].front().getType(),
                                            /*isAccumulator=*/false);
    if (named[i])
      types[i] = toElementType(*named[i]);
  }
  std::optional<ElementType> sums = toElementType(mma.accumPtxType());
  NVVM::MMAShapeAttr shape = mma.getShapeAttr();
  if (!types[0] || !types[1] || !sums || mma.resultPtxType() != mma.accumPtxType())
    return emitNoEmulation(op) << " for its types";
  if (shape.getM() != 16 || shape.getN() != 8)
    return emitNoEmulation(op) << " but for m16n8";

  Value instruction = c.makeConstant(
      {int32_t(*types[0]), int32_t(*types[1]), int32_t(*sums),
       int32_t(shape.getK()), metadata ? 1 : 0, int32_t(selector), saturate});
  auto load = [&](ValueRange values) {
    return c.makeRegisters(values, values.size());
  };
  Value result = c.makeRegisters({}, mma.getOperandC().size());
  c.call(op, "mma",
         {instruction, load(mma.getOperandA()), load(mma.getOperandB()),
          load(mma.getOperandC()), metadata ? metadata : c.i32(0), result});
  op->getResult(0).replaceAllUsesWith(
      c.loadRegisters(result, op->getResult(0).getType()));
  op->erase();
  return success();
}

static LogicalResult convertMma(Operation *op, KernelConverter &c) {
  auto mma = cast<NVVM::MmaOp>(op);
  if (mma.getB1Op() || mma.getLayoutA() != NVVM::MMALayout::row ||
      mma.getLayoutB() != NVVM::MMALayout::col)
    return emitNoEmulation(op) << " but for row.col products";
  bool saturate =
      mma.getIntOverflowBehavior() == NVVM::MMAIntOverflow::satfinite;
  return emitMma(mma, c, /*metadata=*/Value(), /*selector=*/0, saturate);
}

static LogicalResult convertMmaSp(Operation *op, KernelConverter &c) {
  auto mma = cast<NVVM::MmaSpOp>(op);
  auto selector =
      mma.getSparsitySelector().getDefiningOp<LLVM::ConstantOp>();
  if (!selector)
    return op->emitError("requires a constant sparsity selector, as it is an "
                         "immediate in PTX");
  bool saturate =
      mma.getIntOverflowBehavior() == NVVM::MMAIntOverflow::satfinite;
  return emitMma(mma, c, mma.getSparseMetadata(),
                 cast<IntegerAttr>(selector.getValue()).getInt(), saturate);
}

void vnm::addMatrixHandlers(HandlerMap &handlers) {
  handlers["nvvm.ldmatrix"] = convertLdMatrix;
  handlers["nvvm.stmatrix"] = convertStMatrix;
  handlers["nvvm.mma.sync"] = convertMma;
  handlers["nvvm.mma.sp.sync"] = convertMmaSp;
}
