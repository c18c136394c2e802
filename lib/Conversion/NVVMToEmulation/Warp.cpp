// Part of the VNM project, under the Apache License v2.0 with LLVM Exceptions.
// See the file LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// This file converts special registers and what the lanes of a warp do
// together, matrices apart.

#include "KernelConverter.h"

#include "vnm/Emulator/Abi.h"

#include "mlir/Dialect/LLVMIR/NVVMDialect.h"

using namespace mlir;
using namespace vnm;

//===----------------------------------------------------------------------===//
// Special registers
//===----------------------------------------------------------------------===//

static constexpr StringLiteral kPrefix = "nvvm.read.ptx.sreg.";

static constexpr std::pair<StringLiteral, VnmEmuRegister> kRegisters[] = {
    {"tid", VNM_EMU_TID},
    {"ntid", VNM_EMU_NTID},
    {"ctaid", VNM_EMU_CTAID},
    {"nctaid", VNM_EMU_NCTAID},
    {"clusterid", VNM_EMU_CLUSTERID},
    {"nclusterid", VNM_EMU_NCLUSTERID},
    {"cluster.ctaid", VNM_EMU_CLUSTER_CTAID},
    {"cluster.nctaid", VNM_EMU_CLUSTER_NCTAID},
    {"cluster.ctarank", VNM_EMU_CLUSTER_CTARANK},
    {"cluster.nctarank", VNM_EMU_CLUSTER_NCTARANK},
    {"laneid", VNM_EMU_LANEID},
    {"warpid", VNM_EMU_WARPID},
    {"nwarpid", VNM_EMU_NWARPID},
    {"warpsize", VNM_EMU_WARPSIZE},
    {"lanemask.eq", VNM_EMU_LANEMASK_EQ},
    {"lanemask.le", VNM_EMU_LANEMASK_LE},
    {"lanemask.lt", VNM_EMU_LANEMASK_LT},
    {"lanemask.ge", VNM_EMU_LANEMASK_GE},
    {"lanemask.gt", VNM_EMU_LANEMASK_GT},
    {"total.smem.size", VNM_EMU_TOTAL_SMEM},
    {"dynamic.smem.size", VNM_EMU_DYNAMIC_SMEM},
};

/// The number of a register that is one of a kind or of x, y and z.
static std::optional<unsigned> getRegister(StringRef name) {
  StringRef base = name;
  unsigned dim = base.consume_back(".x")   ? 0
                 : base.consume_back(".y") ? 1
                 : base.consume_back(".z") ? 2
                                           : 0;
  for (auto [known, number] : kRegisters)
    if (known == base)
      return number + dim;
  return std::nullopt;
}

static LogicalResult convertRegister(Operation *op, KernelConverter &c) {
  StringRef name = op->getName().getStringRef();
  unsigned number = *getRegister(name.drop_front(kPrefix.size()));
  op->getResult(0).replaceAllUsesWith(
      c.callWithI32(op, "special_register", {c.i32(number)}));
  op->erase();
  return success();
}

void vnm::addRegisterHandlers(HandlerMap &handlers) {
  auto add = [&](const Twine &name) { handlers[name.str()] = convertRegister; };
  for (auto [name, number] : kRegisters) {
    // Those before CTARANK have three dimensions.
    if (number >= VNM_EMU_CLUSTER_CTARANK) {
      add(kPrefix + name);
      continue;
    }
    for (StringRef suffix : {".x", ".y", ".z"})
      add(kPrefix + name + suffix);
  }
}

//===----------------------------------------------------------------------===//
// Lanes together
//===----------------------------------------------------------------------===//

static LogicalResult convertSyncWarp(Operation *op, KernelConverter &c) {
  c.call(op, "warp_sync", {op->getOperand(0)});
  op->erase();
  return success();
}

static LogicalResult convertShfl(Operation *op, KernelConverter &c) {
  auto shfl = cast<NVVM::ShflOp>(op);
  ImplicitLocOpBuilder &b = c.builder();
  Value both =
      c.call(op, "shfl",
             {c.i32(int64_t(shfl.getKind())), shfl.getThreadMask(),
              c.toRegister(shfl.getVal()), shfl.getOffset(),
              shfl.getMaskAndClamp()},
             b.getI64Type());
  Value bits = LLVM::TruncOp::create(b, b.getI32Type(), both);
  Value value = c.fromRegister(bits, shfl.getVal().getType());
  if (shfl.getReturnValueAndIsValid()) {
    Value flag = LLVM::LShrOp::create(b, both, c.i64(32));
    Value isValid = LLVM::TruncOp::create(b, b.getI1Type(), flag);
    Value pair = LLVM::PoisonOp::create(b, shfl.getType());
    pair = LLVM::InsertValueOp::create(b, pair, value, int64_t(0));
    value = LLVM::InsertValueOp::create(b, pair, isValid, int64_t(1));
  }
  shfl.replaceAllUsesWith(value);
  shfl.erase();
  return success();
}

static LogicalResult convertVote(Operation *op, KernelConverter &c) {
  auto vote = cast<NVVM::VoteSyncOp>(op);
  Value result =
      c.callWithI32(op, "vote",
                    {c.i32(int64_t(vote.getKind())), vote.getMask(),
                     c.toI32(vote.getPred())});
  if (vote.getType().isInteger(1))
    result = c.toI1(result);
  vote.replaceAllUsesWith(result);
  vote.erase();
  return success();
}

static LogicalResult convertElect(Operation *op, KernelConverter &c) {
  Value mask = op->getNumOperands() ? op->getOperand(0) : c.i32(-1);
  op->getResult(0).replaceAllUsesWith(
      c.toI1(c.callWithI32(op, "elect", {mask})));
  op->erase();
  return success();
}

void vnm::addWarpHandlers(HandlerMap &handlers) {
  handlers["nvvm.bar.warp.sync"] = convertSyncWarp;
  handlers["nvvm.shfl.sync"] = convertShfl;
  handlers["nvvm.vote.sync"] = convertVote;
  handlers["nvvm.elect.sync"] = convertElect;
}
