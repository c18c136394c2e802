// Part of the VNM project, under the Apache License v2.0 with LLVM Exceptions.
// See the file LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// This file converts asynchronous copies.

#include "KernelConverter.h"

#include "mlir/Dialect/LLVMIR/NVVMDialect.h"

using namespace mlir;
using namespace vnm;

static LogicalResult erase(Operation *op) {
  op->erase();
  return success();
}

//===----------------------------------------------------------------------===//
// cp.async
//===----------------------------------------------------------------------===//

static LogicalResult convertCpAsync(Operation *op, KernelConverter &c) {
  auto copy = cast<NVVM::CpAsyncOp>(op);
  Value bytes = c.i32(copy.getSize());
  c.call(op, "cp_async",
         {c.toPointer(copy.getDst()), c.toPointer(copy.getSrc()), bytes,
          copy.getCpSize() ? copy.getCpSize() : bytes});
  return erase(op);
}

static LogicalResult convertCommit(Operation *op, KernelConverter &c) {
  c.call(op, "cp_async_commit", {});
  return erase(op);
}

static LogicalResult convertWait(Operation *op, KernelConverter &c) {
  c.call(op, "cp_async_wait",
         {c.i32(cast<NVVM::CpAsyncWaitGroupOp>(op).getN())});
  return erase(op);
}

//===----------------------------------------------------------------------===//
// cp.async.bulk
//===----------------------------------------------------------------------===//

static Value getMask(KernelConverter &c, Value mask) {
  return mask ? c.toI32(mask) : c.i32(0);
}

static LogicalResult convertBulkLoad(Operation *op, KernelConverter &c) {
  auto copy = cast<NVVM::CpAsyncBulkGlobalToSharedClusterOp>(op);
  c.call(op, "bulk_load",
         {c.toPointer(copy.getDstMem()), c.toPointer(copy.getSrcMem()),
          c.toPointer(copy.getMbar()), copy.getSize(),
          getMask(c, copy.getMulticastMask())});
  return erase(op);
}

static LogicalResult convertBulkCopy(Operation *op, KernelConverter &c) {
  auto copy = cast<NVVM::CpAsyncBulkSharedCTAToSharedClusterOp>(op);
  c.call(op, "bulk_copy",
         {c.toPointer(copy.getDstMem()), c.toPointer(copy.getSrcMem()),
          c.toPointer(copy.getMbar()), copy.getSize()});
  return erase(op);
}

static LogicalResult convertBulkStore(Operation *op, KernelConverter &c) {
  auto copy = cast<NVVM::CpAsyncBulkSharedCTAToGlobalOp>(op);
  if (copy.getByteMask())
    return emitNoEmulation(op) << " with a byte mask";
  c.call(op, "bulk_store",
         {c.toPointer(copy.getDstMem()), c.toPointer(copy.getSrcMem()),
          copy.getSize()});
  return erase(op);
}

static LogicalResult convertTensorLoad(Operation *op, KernelConverter &c) {
  auto copy = cast<NVVM::CpAsyncBulkTensorGlobalToSharedClusterOp>(op);
  if (copy.getMode() != NVVM::TMALoadMode::TILE || copy.getGroup())
    return emitNoEmulation(op) << " but for tiles and one CTA";
  c.guard(op, copy.getPredicate());
  unsigned rank = copy.getCoordinates().size();
  Value coordinates = c.makeRegisters(copy.getCoordinates(), rank);
  c.call(op, "tensor_load",
         {c.toPointer(copy.getDstMem()), c.toPointer(copy.getTmaDescriptor()),
          c.toPointer(copy.getMbar()), c.i32(rank), coordinates,
          getMask(c, copy.getMulticastMask())});
  return erase(op);
}

static LogicalResult convertTensorStore(Operation *op, KernelConverter &c) {
  auto copy = cast<NVVM::CpAsyncBulkTensorSharedCTAToGlobalOp>(op);
  if (copy.getMode() != NVVM::TMAStoreMode::TILE)
    return emitNoEmulation(op) << " but for tiles";
  c.guard(op, copy.getPredicate());
  unsigned rank = copy.getCoordinates().size();
  Value coordinates = c.makeRegisters(copy.getCoordinates(), rank);
  c.call(op, "tensor_store",
         {c.toPointer(copy.getTmaDescriptor()), c.toPointer(copy.getSrcMem()),
          c.i32(rank), coordinates});
  return erase(op);
}

static LogicalResult convertBulkCommit(Operation *op, KernelConverter &c) {
  c.call(op, "bulk_commit", {});
  return erase(op);
}

static LogicalResult convertBulkWait(Operation *op, KernelConverter &c) {
  auto wait = cast<NVVM::CpAsyncBulkWaitGroupOp>(op);
  c.call(op, "bulk_wait",
         {c.i32(wait.getGroup()), c.i32(wait.getRead().value_or(false))});
  return erase(op);
}

/// Prefetches change nothing that can be seen.
static LogicalResult convertPrefetch(Operation *op, KernelConverter &) {
  return erase(op);
}

static LogicalResult convertMapa(Operation *op, KernelConverter &c) {
  auto mapa = cast<NVVM::MapaOp>(op);
  Value place = c.call(op, "mapa", {c.toPointer(mapa.getA()), mapa.getB()},
                       c.getPointerType());
  if (place.getType() != mapa.getType())
    place = LLVM::AddrSpaceCastOp::create(c.builder(), mapa.getType(), place);
  mapa.replaceAllUsesWith(place);
  return erase(op);
}

void vnm::addCopyHandlers(HandlerMap &handlers) {
  handlers["nvvm.cp.async.shared.global"] = convertCpAsync;
  handlers["nvvm.cp.async.commit.group"] = convertCommit;
  handlers["nvvm.cp.async.wait.group"] = convertWait;
  handlers["nvvm.cp.async.bulk.shared.cluster.global"] = convertBulkLoad;
  handlers["nvvm.cp.async.bulk.shared.cluster.shared.cta"] = convertBulkCopy;
  handlers["nvvm.cp.async.bulk.global.shared.cta"] = convertBulkStore;
  handlers["nvvm.cp.async.bulk.tensor.shared.cluster.global"] =
      convertTensorLoad;
  handlers["nvvm.cp.async.bulk.tensor.global.shared.cta"] = convertTensorStore;
  handlers["nvvm.cp.async.bulk.commit.group"] = convertBulkCommit;
  handlers["nvvm.cp.async.bulk.wait_group"] = convertBulkWait;
  handlers["nvvm.cp.async.bulk.prefetch"] = convertPrefetch;
  handlers["nvvm.cp.async.bulk.tensor.prefetch"] = convertPrefetch;
  handlers["nvvm.prefetch"] = convertPrefetch;
  handlers["nvvm.mapa"] = convertMapa;
}
