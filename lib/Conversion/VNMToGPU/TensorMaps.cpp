// Part of the VNM project, under the Apache License v2.0 with LLVM Exceptions.
// See the file LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// This file implements tensor maps: their encoding by the host, and their
// addresses in kernels.

#include "TensorMaps.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/LLVMIR/LLVMDialect.h"
#include "mlir/Dialect/MemRef/IR/MemRef.h"
#include "mlir/IR/BuiltinOps.h"
#include "llvm/Support/FormatVariadic.h"

using namespace mlir;
using namespace vnm;

static constexpr int64_t kMapBytes = 128;

// CUDA driver API, enumerations of cuTensorMapEncodeTiled.
static constexpr int64_t kTypeF16 = 6, kTypeBF16 = 9;
static constexpr int64_t kNoInterleave = 0;
static constexpr int64_t kSwizzle128 = 3;
/// A copy of 128 bytes brings the 256 around it to the L2 cache: a tile's
/// chunks lie side by side.
static constexpr int64_t kPromote256 = 3;
static constexpr int64_t kFillZeros = 0;

std::string vnm::explainMapRefusal(const TensorMap &map) {
  constexpr int64_t kMaxSize = int64_t(1) << 32;
  constexpr int64_t kMaxStride = int64_t(1) << 40;
  constexpr int64_t kStrideUnit = 16;
  for (int64_t size : map.sizes)
    if (size < 1 || size >= kMaxSize)
      return llvm::formatv("requires sizes of a tensor map in [1, 2^32), but "
                           "one is {0}",
                           size);
  for (int64_t stride : map.strides)
    if (stride % kStrideUnit != 0 || stride >= kMaxStride)
      return llvm::formatv("requires strides of a tensor map that are "
                           "multiples of {0} bytes below 2^40, but one is {1}",
                           kStrideUnit, stride);
  return {};
}

Type vnm::getTensorMapType(MLIRContext *context) {
  return LLVM::LLVMArrayType::get(IntegerType::get(context, 64), kMapBytes / 8);
}

//===----------------------------------------------------------------------===//
// Host
//===----------------------------------------------------------------------===//

/// Upstream's name and types for cuTensorMapEncodeTiled.
static LLVM::LLVMFuncOp getEncodeFunction(ImplicitLocOpBuilder &b) {
  constexpr StringLiteral kName = "mgpuTensorMapEncodeTiled";
  auto module =
      b.getInsertionBlock()->getParentOp()->getParentOfType<ModuleOp>();
  if (auto function = module.lookupSymbol<LLVM::LLVMFuncOp>(kName))
    return function;
  OpBuilder::InsertionGuard guard(b);
  b.setInsertionPointToStart(module.getBody());
  Type pointer = LLVM::LLVMPointerType::get(b.getContext());
  Type i32 = b.getI32Type();
  // map, data type, rank, address, sizes, strides, box, element strides,
  // interleave, swizzle, L2 promotion, fill
  auto type =
      LLVM::LLVMFunctionType::get(LLVM::LLVMVoidType::get(b.getContext()),
                                  {pointer, i32, i32, pointer, pointer, pointer,
                                   pointer, pointer, i32, i32, i32, i32});
  return LLVM::LLVMFuncOp::create(b, kName, type);
}

static Value emitAlloca(ImplicitLocOpBuilder &b, Type type, int64_t count,
                        int64_t alignment) {
  Value size = LLVM::ConstantOp::create(b, b.getI64IntegerAttr(count));
  return LLVM::AllocaOp::create(b, LLVM::LLVMPointerType::get(b.getContext()),
                                type, size, alignment);
}

/// An array of `values` on the stack.
static Value emitArray(ImplicitLocOpBuilder &b, IntegerType type,
                       ArrayRef<int64_t> values) {
  int64_t bytes = type.getWidth() / 8;
  Value array = emitAlloca(b, type, values.size(), bytes);
  for (auto [index, value] : llvm::enumerate(values)) {
    Value place = LLVM::GEPOp::create(b, array.getType(), type, array,
                                      ArrayRef<LLVM::GEPArg>{int32_t(index)});
    Value element = LLVM::ConstantOp::create(b, b.getIntegerAttr(type, value));
    LLVM::StoreOp::create(b, element, place);
  }
  return array;
}

static Value emitAddress(ImplicitLocOpBuilder &b, Value buffer) {
  Value address = memref::ExtractAlignedPointerAsIndexOp::create(b, buffer);
  address = arith::IndexCastUIOp::create(b, b.getI64Type(), address);
  return LLVM::IntToPtrOp::create(b, LLVM::LLVMPointerType::get(b.getContext()),
                                  address);
}

Value vnm::emitEncodeTensorMap(ImplicitLocOpBuilder &b, const TensorMap &map,
                               Value buffer) {
  LLVM::LLVMFuncOp encode = getEncodeFunction(b);
  Type pointer = LLVM::LLVMPointerType::get(b.getContext());
  IntegerType i32 = b.getI32Type(), i64 = b.getI64Type();
  // The product may be in a loop.
  Value stack = LLVM::StackSaveOp::create(b, pointer);
  Type type = getTensorMapType(b.getContext());
  Value encoded = emitAlloca(b, type, 1, kTensorMapAlignment);
  auto constant = [&](int64_t value) -> Value {
    return LLVM::ConstantOp::create(b, b.getI32IntegerAttr(value));
  };
  SmallVector<int64_t> elementStrides(map.getRank(), 1);
  LLVM::CallOp::create(
      b, encode,
      ValueRange{encoded, constant(map.element.isBF16() ? kTypeBF16 : kTypeF16),
                 constant(map.getRank()), emitAddress(b, buffer),
                 emitArray(b, i64, map.sizes), emitArray(b, i64, map.strides),
                 emitArray(b, i32, map.box), emitArray(b, i32, elementStrides),
                 constant(kNoInterleave), constant(kSwizzle128),
                 constant(kPromote256), constant(kFillZeros)});
  Value result = LLVM::LoadOp::create(b, type, encoded);
  LLVM::StackRestoreOp::create(b, stack);
  return result;
}

//===----------------------------------------------------------------------===//
// Kernel
//===----------------------------------------------------------------------===//

Value vnm::emitTensorMapAddress(ImplicitLocOpBuilder &b, Value argument) {
  Type pointer = LLVM::LLVMPointerType::get(b.getContext());
  return UnrealizedConversionCastOp::create(b, pointer, argument).getResult(0);
}
