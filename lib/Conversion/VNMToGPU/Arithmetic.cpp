// Part of the VNM project, under the Apache License v2.0 with LLVM Exceptions.
// See the file LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// This file implements kernels' arithmetic on integers and addresses.

#include "Arithmetic.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/LLVMIR/LLVMDialect.h"
#include "mlir/Dialect/MemRef/IR/MemRef.h"

using namespace mlir;
using namespace vnm;

static constexpr unsigned kGlobalSpace = 1;

Value KernelArithmetic::i32(int64_t value) {
  return arith::ConstantIntOp::create(b, value, /*width=*/32);
}

Value KernelArithmetic::i64(int64_t value) {
  return arith::ConstantIntOp::create(b, value, /*width=*/64);
}

Value KernelArithmetic::like(Value x, int64_t value) {
  return arith::ConstantIntOp::create(b, x.getType(), value);
}

Value KernelArithmetic::add(Value x, Value y) {
  return b.createOrFold<arith::AddIOp>(x, y);
}

Value KernelArithmetic::sub(Value x, Value y) {
  return b.createOrFold<arith::SubIOp>(x, y);
}

Value KernelArithmetic::mul(Value x, Value y) {
  return b.createOrFold<arith::MulIOp>(x, y);
}

Value KernelArithmetic::div(Value x, Value y) {
  return b.createOrFold<arith::DivUIOp>(x, y);
}

Value KernelArithmetic::rem(Value x, Value y) {
  return b.createOrFold<arith::RemUIOp>(x, y);
}

Value KernelArithmetic::bitAnd(Value x, Value y) {
  return b.createOrFold<arith::AndIOp>(x, y);
}

Value KernelArithmetic::bitOr(Value x, Value y) {
  return b.createOrFold<arith::OrIOp>(x, y);
}

Value KernelArithmetic::bitXor(Value x, Value y) {
  return b.createOrFold<arith::XOrIOp>(x, y);
}

Value KernelArithmetic::shiftLeft(Value x, Value y) {
  return b.createOrFold<arith::ShLIOp>(x, y);
}

Value KernelArithmetic::shiftRight(Value x, Value y) {
  return b.createOrFold<arith::ShRUIOp>(x, y);
}

Value KernelArithmetic::less(Value x, Value y) {
  return b.createOrFold<arith::CmpIOp>(arith::CmpIPredicate::ult, x, y);
}

Value KernelArithmetic::equal(Value x, int64_t y) {
  return b.createOrFold<arith::CmpIOp>(arith::CmpIPredicate::eq, x, like(x, y));
}

Value KernelArithmetic::both(Value x, Value y) {
  return b.createOrFold<arith::AndIOp>(x, y);
}

Value KernelArithmetic::select(Value condition, Value x, Value y) {
  return b.createOrFold<arith::SelectOp>(condition, x, y);
}

Value KernelArithmetic::minimum(Value x, Value y) {
  return b.createOrFold<arith::MinUIOp>(x, y);
}

Value KernelArithmetic::extend(Value x) {
  return b.createOrFold<arith::ExtUIOp>(b.getI64Type(), x);
}

Value KernelArithmetic::toIndex(Value x) {
  return b.createOrFold<arith::IndexCastUIOp>(b.getIndexType(), x);
}

Value KernelArithmetic::isTrue() {
  return arith::ConstantIntOp::create(b, /*value=*/1, /*width=*/1);
}

Value KernelArithmetic::globalPointer(Value buffer) {
  Value address = memref::ExtractAlignedPointerAsIndexOp::create(b, buffer);
  Value bits = arith::IndexCastOp::create(b, b.getI64Type(), address);
  auto type = LLVM::LLVMPointerType::get(b.getContext(), kGlobalSpace);
  return LLVM::IntToPtrOp::create(b, type, bits);
}

Value KernelArithmetic::advance(Value pointer, Value bytes) {
  return LLVM::GEPOp::create(b, pointer.getType(), b.getI8Type(), pointer,
                             ArrayRef<LLVM::GEPArg>{bytes});
}

Value KernelArithmetic::advance(Value pointer, int64_t bytes) {
  if (bytes == 0)
    return pointer;
  return LLVM::GEPOp::create(
      b, pointer.getType(), b.getI8Type(), pointer,
      ArrayRef<LLVM::GEPArg>{static_cast<int32_t>(bytes)});
}

Value KernelArithmetic::load(Type type, Value pointer, int64_t alignment) {
  return LLVM::LoadOp::create(b, type, pointer, alignment);
}

Value KernelArithmetic::selectNibbles(ArrayRef<Value> words, Value shift) {
  SmallVector<Value, 2> pairs(words);
  if (words.size() == 4) {
    pairs.clear();
    for (int64_t i = 0; i < 4; i += 2) {
      Value low = arith::ExtUIOp::create(b, b.getI32Type(), words[i]);
      Value high = arith::ExtUIOp::create(b, b.getI32Type(), words[i + 1]);
      pairs.push_back(bitOr(low, shiftLeft(high, 16)));
    }
  }
  for (Value &pair : pairs)
    pair = bitAnd(shiftRight(pair, shift), 0x000F000F);
  // Words 0, 2, 1, 3 in the bytes' low nibbles, then each odd one beside its
  // even one.
  Value bytes = bitOr(pairs[0], shiftLeft(pairs[1], 8));
  return bitOr(bytes, shiftRight(bytes, 12));
}
