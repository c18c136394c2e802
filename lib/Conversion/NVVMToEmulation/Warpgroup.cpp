// Part of the VNM project, under the Apache License v2.0 with LLVM Exceptions.
// See the file LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// This file converts the asynchronous products of warpgroups.
//
// The sums of a product are in its registers only after a wait, but SSA values
// are there at once. So a product yields a reference to its sums, which other
// products take as it is and everything else resolves where it uses it.

#include "KernelConverter.h"

#include "vnm/Dialect/VNMNVVM/IR/VNMNVVMDialect.h"
#include "vnm/Emulator/Instructions/Wgmma.h"

#include "mlir/Dialect/LLVMIR/NVVMDialect.h"
#include "mlir/Interfaces/ControlFlowInterfaces.h"
#include "llvm/ADT/SetVector.h"

using namespace mlir;
using namespace vnm;
using emulator::ElementType;
using emulator::Major;
using emulator::WgmmaInstruction;

//===----------------------------------------------------------------------===//
// Uses of sums
//===----------------------------------------------------------------------===//

static bool isProduct(Operation *op) {
  return isa<NVVM::WgmmaMmaAsyncOp, nvvm::WgmmaMmaAsyncSpOp>(op);
}

/// The values that may hold a reference: results of products, and what they
/// reach through branches.
static SetVector<Value> findReferences(LLVM::LLVMFuncOp function) {
  SetVector<Value> references;
  function.walk([&](Operation *op) {
    if (isProduct(op))
      references.insert(op->getResult(0));
  });
  for (size_t i = 0; i < references.size(); ++i) {
    for (OpOperand &use : references[i].getUses()) {
      auto branch = dyn_cast<BranchOpInterface>(use.getOwner());
      if (!branch)
        continue;
      if (std::optional<BlockArgument> argument =
              branch.getSuccessorBlockArgument(use.getOperandNumber()))
        references.insert(*argument);
    }
  }
  return references;
}

/// Taking a struct apart does not use its registers, so it moves to where the
/// parts are used.
static void sinkExtracts(Value reference) {
  SmallVector<LLVM::ExtractValueOp> extracts;
  for (Operation *user : reference.getUsers())
    if (auto extract = dyn_cast<LLVM::ExtractValueOp>(user))
      extracts.push_back(extract);
  for (LLVM::ExtractValueOp extract : extracts) {
    for (OpOperand &use : llvm::make_early_inc_range(extract->getUses())) {
      OpBuilder builder(use.getOwner());
      use.set(builder.clone(*extract)->getResult(0));
    }
    extract.erase();
  }
}

static void resolveUses(Value reference, KernelConverter &c) {
  sinkExtracts(reference);
  // The first use in each block resolves for all of the block.
  llvm::MapVector<Block *, SmallVector<OpOperand *>> uses;
  for (OpOperand &use : reference.getUses())
    if (!isProduct(use.getOwner()) && !isa<BranchOpInterface>(use.getOwner()))
      uses[use.getOwner()->getBlock()].push_back(&use);
  auto type = cast<LLVM::LLVMStructType>(reference.getType());
  ImplicitLocOpBuilder &b = c.builder();
  for (auto &[block, operands] : uses) {
    Operation *first = operands.front()->getOwner();
    for (OpOperand *operand : operands)
      if (operand->getOwner()->isBeforeInBlock(first))
        first = operand->getOwner();
    b.setInsertionPoint(first);
    b.setLoc(first->getLoc());
    SmallVector<Value> parts;
    for (size_t i = 0; i < type.getBody().size(); ++i)
      parts.push_back(
          LLVM::ExtractValueOp::create(b, reference, int64_t(i)));
    Value buffer = c.makeRegisters(parts, parts.size());
    // What uses the sums, not what takes them apart.
    Operation *user = isa<LLVM::ExtractValueOp>(first) && first->hasOneUse()
                          ? *first->user_begin()
                          : first;
    c.call(user, "wgmma_use", {c.i32(int64_t(parts.size())), buffer});
    Value resolved = c.loadRegisters(buffer, type);
    for (OpOperand *operand : operands)
      operand->set(resolved);
  }
}

void vnm::resolveWarpgroupSums(LLVM::LLVMFuncOp function, KernelConverter &c) {
  for (Value reference : findReferences(function))
    resolveUses(reference, c);
}

//===----------------------------------------------------------------------===//
// Ops
//===----------------------------------------------------------------------===//

static std::optional<ElementType> toElementType(NVVM::WGMMATypes type) {
  switch (type) {
  case NVVM::WGMMATypes::f16:
    return ElementType::F16;
  case NVVM::WGMMATypes::bf16:
    return ElementType::BF16;
  case NVVM::WGMMATypes::tf32:
    return ElementType::TF32;
  case NVVM::WGMMATypes::s8:
    return ElementType::S8;
  case NVVM::WGMMATypes::u8:
    return ElementType::U8;
  case NVVM::WGMMATypes::f32:
    return ElementType::F32;
  case NVVM::WGMMATypes::s32:
    return ElementType::S32;
  default:
    return std::nullopt;
  }
}

/// The registers of a struct of 32-bit elements; null if it has others.
static Value storeStruct(KernelConverter &c, Value value) {
  auto type = cast<LLVM::LLVMStructType>(value.getType());
  SmallVector<Value> parts;
  for (auto [index, element] : llvm::enumerate(type.getBody())) {
    if (c.getDataLayout().getTypeSizeInBits(element) != 32)
      return {};
    parts.push_back(LLVM::ExtractValueOp::create(c.builder(), value,
                                                 int64_t(index)));
  }
  return c.makeRegisters(parts, parts.size());
}

namespace {
/// What a product takes at run time.
struct ProductOperands {
  ValueRange registersA; ///< Empty if A has a descriptor.
  Value descriptorA, descriptorB;
  Value metadata; ///< Null if dense.
  Value scaleD;   ///< i32
  Value sums;
};
} // namespace

static LogicalResult emitProduct(Operation *op, KernelConverter &c,
                                 const WgmmaInstruction &instruction,
                                 const ProductOperands &operands) {
  auto type = cast<LLVM::LLVMStructType>(op->getResult(0).getType());
  Value in = storeStruct(c, operands.sums);
  if (!in || type.getBody().size() != instruction.getNumRegistersD())
    return emitNoEmulation(op) << " for " << type;
  Value constant = c.makeConstant(
      {int32_t(instruction.typeA), int32_t(instruction.typeB),
       int32_t(instruction.accumulator), int32_t(instruction.n),
       int32_t(instruction.k), instruction.sparse,
       int32_t(instruction.selector), instruction.negateA, instruction.negateB,
       instruction.majorA == Major::MN, instruction.majorB == Major::MN,
       instruction.saturate});
  Value a = operands.registersA.empty()
                ? LLVM::ZeroOp::create(c.builder(), c.getPointerType())
                      .getResult()
                : c.makeRegisters(operands.registersA,
                                  operands.registersA.size());
  Value descriptorA = operands.descriptorA ? operands.descriptorA : c.i64(0);
  Value metadata = operands.metadata ? operands.metadata : c.i32(0);
  Value out = c.makeRegisters({}, type.getBody().size());
  c.call(op, "wgmma",
         {constant, a, descriptorA, operands.descriptorB, metadata,
          operands.scaleD, in, out});
  op->getResult(0).replaceAllUsesWith(c.loadRegisters(out, type));
  op->erase();
  return success();
}

static LogicalResult convertDense(Operation *op, KernelConverter &c) {
  auto product = cast<NVVM::WgmmaMmaAsyncOp>(op);
  std::optional<ElementType> typeA = toElementType(product.getTypeA()),
                             typeB = toElementType(product.getTypeB()),
                             typeD = toElementType(product.getTypeD());
  if (!typeA || !typeB || !typeD)
    return emitNoEmulation(op) << " for its types";
  auto getMajor = [](bool isTransposed) {
    return isTransposed ? Major::MN : Major::K;
  };
  WgmmaInstruction instruction;
  instruction.typeA = *typeA;
  instruction.typeB = *typeB;
  instruction.accumulator = *typeD;
  instruction.n = product.getShape().getN();
  instruction.k = product.getShape().getK();
  instruction.negateA = product.getScaleA() == NVVM::WGMMAScaleIn::neg;
  instruction.negateB = product.getScaleB() == NVVM::WGMMAScaleIn::neg;
  instruction.majorA = getMajor(product.getLayoutA() == NVVM::MMALayout::col);
  instruction.majorB = getMajor(product.getLayoutB() == NVVM::MMALayout::row);
  instruction.saturate =
      product.getSatfinite() == NVVM::MMAIntOverflow::satfinite;
  ProductOperands operands;
  operands.descriptorA = product.getDescriptorA();
  operands.descriptorB = product.getDescriptorB();
  operands.scaleD = c.i32(product.getScaleD() == NVVM::WGMMAScaleOut::one);
  operands.sums = product.getInouts();
  return emitProduct(op, c, instruction, operands);
}

static LogicalResult convertSparse(Operation *op, KernelConverter &c) {
  auto product = cast<nvvm::WgmmaMmaAsyncSpOp>(op);
  std::optional<WgmmaInstruction> instruction = product.getInstruction();
  if (!instruction)
    return emitNoEmulation(op) << " for its types";
  ProductOperands operands;
  if (product.hasRegistersA())
    operands.registersA = product.getA();
  else
    operands.descriptorA = product.getA().front();
  operands.descriptorB = product.getDescriptorB();
  operands.metadata = product.getMetadata();
  operands.scaleD = c.toI32(product.getScaleD());
  operands.sums = product.getAccumulator();
  return emitProduct(op, c, *instruction, operands);
}

static LogicalResult convertFence(Operation *op, KernelConverter &c) {
  c.call(op, "wgmma_fence", {});
  op->erase();
  return success();
}

static LogicalResult convertCommit(Operation *op, KernelConverter &c) {
  c.call(op, "wgmma_commit", {});
  op->erase();
  return success();
}

static LogicalResult convertWait(Operation *op, KernelConverter &c) {
  auto wait = cast<NVVM::WgmmaWaitGroupSyncOp>(op);
  c.call(op, "wgmma_wait", {c.i32(int64_t(wait.getGroup()))});
  op->erase();
  return success();
}

void vnm::addWarpgroupHandlers(HandlerMap &handlers) {
  handlers["nvvm.wgmma.mma_async"] = convertDense;
  handlers["vnm_nvvm.wgmma.mma_async.sp"] = convertSparse;
  handlers["nvvm.wgmma.fence.aligned"] = convertFence;
  handlers["nvvm.wgmma.commit.group.sync.aligned"] = convertCommit;
  handlers["nvvm.wgmma.wait.group.sync.aligned"] = convertWait;
}
