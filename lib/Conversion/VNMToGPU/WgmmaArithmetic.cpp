// Part of the VNM project, under the Apache License v2.0 with LLVM Exceptions.
// See the file LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// This file implements the wgmma_sp kernel's arithmetic on integers and
// addresses.

#include "WgmmaKernel.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/LLVMIR/LLVMDialect.h"
#include "mlir/Dialect/MemRef/IR/MemRef.h"

using namespace mlir;
using namespace vnm;

static constexpr unsigned kGlobalSpace = 1;

Value WgmmaKernel::i32(int64_t value) {
  return arith::ConstantIntOp::create(b, value, /*width=*/32);
}

Value WgmmaKernel::i64(int64_t value) {
  return arith::ConstantIntOp::create(b, value, /*width=*/64);
}

Value WgmmaKernel::like(Value x, int64_t value) {
  return arith::ConstantIntOp::create(b, x.getType(), value);
}

Value WgmmaKernel::add(Value x, Value y) {
  return b.createOrFold<arith::AddIOp>(x, y);
}

Value WgmmaKernel::sub(Value x, Value y) {
  return b.createOrFold<arith::SubIOp>(x, y);
}

Value WgmmaKernel::mul(Value x, Value y) {
  return b.createOrFold<arith::MulIOp>(x, y);
}

Value WgmmaKernel::div(Value x, Value y) {
  return b.createOrFold<arith::DivUIOp>(x, y);
}

Value WgmmaKernel::rem(Value x, Value y) {
  return b.createOrFold<arith::RemUIOp>(x, y);
}

Value WgmmaKernel::bitAnd(Value x, Value y) {
  return b.createOrFold<arith::AndIOp>(x, y);
}

Value WgmmaKernel::bitOr(Value x, Value y) {
  return b.createOrFold<arith::OrIOp>(x, y);
}

Value WgmmaKernel::bitXor(Value x, Value y) {
  return b.createOrFold<arith::XOrIOp>(x, y);
}

Value WgmmaKernel::shiftLeft(Value x, Value y) {
  return b.createOrFold<arith::ShLIOp>(x, y);
}

Value WgmmaKernel::shiftRight(Value x, Value y) {
  return b.createOrFold<arith::ShRUIOp>(x, y);
}

Value WgmmaKernel::less(Value x, Value y) {
  return b.createOrFold<arith::CmpIOp>(arith::CmpIPredicate::ult, x, y);
}

Value WgmmaKernel::equal(Value x, int64_t y) {
  return b.createOrFold<arith::CmpIOp>(arith::CmpIPredicate::eq, x, like(x, y));
}

Value WgmmaKernel::both(Value x, Value y) {
  return b.createOrFold<arith::AndIOp>(x, y);
}

Value WgmmaKernel::select(Value condition, Value x, Value y) {
  return b.createOrFold<arith::SelectOp>(condition, x, y);
}

Value WgmmaKernel::minimum(Value x, Value y) {
  return b.createOrFold<arith::MinUIOp>(x, y);
}

Value WgmmaKernel::extend(Value x) {
  return b.createOrFold<arith::ExtUIOp>(b.getI64Type(), x);
}

Value WgmmaKernel::toIndex(Value x) {
  return b.createOrFold<arith::IndexCastUIOp>(b.getIndexType(), x);
}

Value WgmmaKernel::isTrue() {
  return arith::ConstantIntOp::create(b, /*value=*/1, /*width=*/1);
}

Value WgmmaKernel::globalPointer(Value buffer) {
  Value address = memref::ExtractAlignedPointerAsIndexOp::create(b, buffer);
  Value bits = arith::IndexCastOp::create(b, b.getI64Type(), address);
  auto type = LLVM::LLVMPointerType::get(b.getContext(), kGlobalSpace);
  return LLVM::IntToPtrOp::create(b, type, bits);
}

Value WgmmaKernel::advance(Value pointer, Value bytes) {
  return LLVM::GEPOp::create(b, pointer.getType(), b.getI8Type(), pointer,
                             ArrayRef<LLVM::GEPArg>{bytes});
}

Value WgmmaKernel::advance(Value pointer, int64_t bytes) {
  if (bytes == 0)
    return pointer;
  return LLVM::GEPOp::create(
      b, pointer.getType(), b.getI8Type(), pointer,
      ArrayRef<LLVM::GEPArg>{static_cast<int32_t>(bytes)});
}

Value WgmmaKernel::load(Type type, Value pointer, int64_t alignment) {
  return LLVM::LoadOp::create(b, type, pointer, alignment);
}
