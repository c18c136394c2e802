// Part of the VNM project, under the Apache License v2.0 with LLVM Exceptions.
// See the file LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// This file converts memory accesses and addresses. Accesses stay what they
// are, after a call that checks them.

#include "KernelConverter.h"

#include "vnm/Emulator/Abi.h"

using namespace mlir;
using namespace vnm;

static unsigned getSpace(Value pointer) {
  return cast<LLVM::LLVMPointerType>(pointer.getType()).getAddressSpace();
}

/// Checks an access of `bytes` (i64).
static void emitCheck(Operation *op, KernelConverter &c, Value pointer,
                      Value bytes, uint64_t alignment, VnmEmuAccess access) {
  unsigned space = getSpace(pointer);
  // Nobody else sees local memory.
  if (space == VNM_EMU_LOCAL)
    return;
  // Constant memory is global memory here.
  if (space != VNM_EMU_GLOBAL && space != VNM_EMU_SHARED &&
      space != VNM_EMU_CLUSTER)
    space = VNM_EMU_GENERIC;
  c.call(op, "access",
         {c.toPointer(pointer), bytes, c.i32(int64_t(alignment)), c.i32(space),
          c.i32(access)});
}

static void emitCheck(Operation *op, KernelConverter &c, Value pointer,
                      Type type, std::optional<uint64_t> alignment,
                      VnmEmuAccess access) {
  const DataLayout &layout = c.getDataLayout();
  emitCheck(op, c, pointer, c.i64(layout.getTypeSize(type).getFixedValue()),
            alignment.value_or(layout.getTypeABIAlignment(type)), access);
}

static LogicalResult convertLoad(Operation *op, KernelConverter &c) {
  auto load = cast<LLVM::LoadOp>(op);
  bool isAtomic = load.getOrdering() != LLVM::AtomicOrdering::not_atomic;
  emitCheck(op, c, load.getAddr(), load.getType(), load.getAlignment(),
            isAtomic ? VNM_EMU_ATOMIC : VNM_EMU_READ);
  return success();
}

static LogicalResult convertStore(Operation *op, KernelConverter &c) {
  auto store = cast<LLVM::StoreOp>(op);
  bool isAtomic = store.getOrdering() != LLVM::AtomicOrdering::not_atomic;
  emitCheck(op, c, store.getAddr(), store.getValue().getType(),
            store.getAlignment(), isAtomic ? VNM_EMU_ATOMIC : VNM_EMU_WRITE);
  return success();
}

static LogicalResult convertAtomic(Operation *op, KernelConverter &c) {
  Value pointer = op->getOperand(0);
  emitCheck(op, c, pointer, op->getOperand(1).getType(), std::nullopt,
            VNM_EMU_ATOMIC);
  return success();
}

/// memcpy, memmove, memset: destination, source or value, length.
static LogicalResult convertBulk(Operation *op, KernelConverter &c) {
  Value bytes = op->getOperand(2);
  if (bytes.getType() != c.builder().getI64Type())
    bytes =
        LLVM::ZExtOp::create(c.builder(), c.builder().getI64Type(), bytes);
  emitCheck(op, c, op->getOperand(0), bytes, 1, VNM_EMU_WRITE);
  if (isa<LLVM::LLVMPointerType>(op->getOperand(1).getType()))
    emitCheck(op, c, op->getOperand(1), bytes, 1, VNM_EMU_READ);
  return success();
}

//===----------------------------------------------------------------------===//
// Addresses
//===----------------------------------------------------------------------===//

static bool isShared(Value pointer) {
  auto type = dyn_cast<LLVM::LLVMPointerType>(pointer.getType());
  return type && (type.getAddressSpace() == VNM_EMU_SHARED ||
                  type.getAddressSpace() == VNM_EMU_CLUSTER);
}

/// PTX gives shared memory small addresses, which descriptors are made of.
static LogicalResult convertPtrToInt(Operation *op, KernelConverter &c) {
  auto cast = mlir::cast<LLVM::PtrToIntOp>(op);
  if (!isShared(cast.getArg()))
    return success();
  ImplicitLocOpBuilder &b = c.builder();
  Value value = c.call(op, "shared_to_integer", {c.toPointer(cast.getArg())},
                       b.getI64Type());
  if (cast.getType().getIntOrFloatBitWidth() < 64)
    value = LLVM::TruncOp::create(b, cast.getType(), value);
  cast.replaceAllUsesWith(value);
  cast.erase();
  return success();
}

static LogicalResult convertIntToPtr(Operation *op, KernelConverter &c) {
  auto cast = mlir::cast<LLVM::IntToPtrOp>(op);
  if (!isShared(cast.getResult()))
    return success();
  ImplicitLocOpBuilder &b = c.builder();
  Value value = cast.getArg();
  if (value.getType().getIntOrFloatBitWidth() < 64)
    value = LLVM::ZExtOp::create(b, b.getI64Type(), value);
  Value pointer =
      c.call(op, "integer_to_shared", {value}, c.getPointerType());
  cast.replaceAllUsesWith(
      LLVM::AddrSpaceCastOp::create(b, cast.getType(), pointer).getResult());
  cast.erase();
  return success();
}

static LogicalResult convertAddressOf(Operation *op, KernelConverter &c) {
  auto address = cast<LLVM::AddressOfOp>(op);
  if (!isShared(address.getResult()))
    return op->emitError() << "requires a kernel's variables in shared memory, "
                              "but @"
                           << address.getGlobalName() << " is not";
  auto found = c.getSharedLayout().offsets.find(address.getGlobalName());
  if (found == c.getSharedLayout().offsets.end())
    return op->emitError() << "requires shared memory to be used by kernels, "
                              "but a function that is none uses @"
                           << address.getGlobalName();
  ImplicitLocOpBuilder &b = c.builder();
  Value place = LLVM::GEPOp::create(
      b, c.getPointerType(), b.getI8Type(), c.getWindow(),
      ArrayRef<LLVM::GEPArg>{int32_t(found->second)});
  address.replaceAllUsesWith(
      LLVM::AddrSpaceCastOp::create(b, address.getType(), place).getResult());
  address.erase();
  return success();
}

//===----------------------------------------------------------------------===//
// Calls
//===----------------------------------------------------------------------===//

static LogicalResult convertIntrinsicCall(Operation *op, KernelConverter &c) {
  auto call = cast<LLVM::CallIntrinsicOp>(op);
  if (!call.getIntrin().starts_with("llvm.nvvm."))
    return success();
  return op->emitError() << "requires an op with an emulation, but the "
                            "intrinsic "
                         << call.getIntrin() << " has none";
}

static LogicalResult convertInlineAsm(Operation *op, KernelConverter &c) {
  return op->emitError() << "requires an op with an emulation, but inline PTX "
                            "has none: "
                         << cast<LLVM::InlineAsmOp>(op).getAsmString();
}

void vnm::addMemoryHandlers(HandlerMap &handlers) {
  handlers["llvm.load"] = convertLoad;
  handlers["llvm.store"] = convertStore;
  handlers["llvm.atomicrmw"] = convertAtomic;
  handlers["llvm.cmpxchg"] = convertAtomic;
  handlers["llvm.intr.memcpy"] = convertBulk;
  handlers["llvm.intr.memmove"] = convertBulk;
  handlers["llvm.intr.memset"] = convertBulk;
  handlers["llvm.ptrtoint"] = convertPtrToInt;
  handlers["llvm.inttoptr"] = convertIntToPtr;
  handlers["llvm.mlir.addressof"] = convertAddressOf;
  handlers["llvm.call_intrinsic"] = convertIntrinsicCall;
  handlers["llvm.inline_asm"] = convertInlineAsm;
}
