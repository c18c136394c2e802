// Part of the VNM project, under the Apache License v2.0 with LLVM Exceptions.
// See the file LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// This file implements the vnm_nvvm dialect.

#include "vnm/Dialect/VNMNVVM/IR/VNMNVVMDialect.h"
#include "mlir/IR/Builders.h"
#include "mlir/IR/DialectImplementation.h"
#include "mlir/IR/OpImplementation.h"

using namespace mlir;
using namespace vnm;
using namespace vnm::nvvm;

#include "vnm/Dialect/VNMNVVM/IR/VNMNVVMDialect.cpp.inc"

#define GET_OP_CLASSES
#include "vnm/Dialect/VNMNVVM/IR/VNMNVVMOps.cpp.inc"

void VNMNVVMDialect::initialize() {
  addOperations<
#define GET_OP_LIST
#include "vnm/Dialect/VNMNVVM/IR/VNMNVVMOps.cpp.inc"
      >();
}

static std::optional<emulator::ElementType> convertType(NVVM::WGMMATypes type) {
  switch (type) {
  case NVVM::WGMMATypes::f16:
    return emulator::ElementType::F16;
  case NVVM::WGMMATypes::bf16:
    return emulator::ElementType::BF16;
  case NVVM::WGMMATypes::tf32:
    return emulator::ElementType::TF32;
  case NVVM::WGMMATypes::s8:
    return emulator::ElementType::S8;
  case NVVM::WGMMATypes::u8:
    return emulator::ElementType::U8;
  case NVVM::WGMMATypes::f32:
    return emulator::ElementType::F32;
  case NVVM::WGMMATypes::s32:
    return emulator::ElementType::S32;
  default:
    return std::nullopt;
  }
}

std::optional<emulator::WgmmaInstruction> WgmmaMmaAsyncSpOp::getInstruction() {
  auto typeA = convertType(getTypeA()), typeB = convertType(getTypeB());
  auto typeD = convertType(getTypeD());
  if (!typeA || !typeB || !typeD)
    return std::nullopt;
  emulator::WgmmaInstruction instruction;
  instruction.typeA = *typeA;
  instruction.typeB = *typeB;
  instruction.accumulator = *typeD;
  instruction.n = unsigned(getShape().getN());
  instruction.k = unsigned(getShape().getK());
  instruction.sparse = true;
  instruction.selector = getSelector();
  instruction.negateA = getScaleA() == NVVM::WGMMAScaleIn::neg;
  instruction.negateB = getScaleB() == NVVM::WGMMAScaleIn::neg;
  // PTX writes A row by row and B column by column where both are K-major.
  if (getLayoutA() == NVVM::MMALayout::col)
    instruction.majorA = emulator::Major::MN;
  if (getLayoutB() == NVVM::MMALayout::row)
    instruction.majorB = emulator::Major::MN;
  instruction.saturate = getSatfinite();
  return instruction;
}

LogicalResult WgmmaMmaAsyncSpOp::verify() {
  auto instruction = getInstruction();
  if (!instruction)
    return emitOpError() << "requires types of f16, bf16, tf32, s8, u8, f32 or "
                            "s32, but D, A and B are "
                         << NVVM::stringifyWGMMATypes(getTypeD()) << ", "
                         << NVVM::stringifyWGMMATypes(getTypeA()) << " and "
                         << NVVM::stringifyWGMMATypes(getTypeB());
  if (getShape().getM() != 64)
    return emitOpError() << "requires m to be 64, but it is "
                         << getShape().getM();
  if (llvm::Error error = emulator::verify(*instruction))
    return emitOpError() << llvm::toString(std::move(error));
  bool registers = llvm::all_of(getA().getTypes(),
                                [](Type type) { return type.isInteger(32); });
  if (getA().size() != (registers ? 4 : 1))
    return emitOpError() << "requires A in four i32 or as one i64, but it has "
                         << getA().size() << " operands of types "
                         << getA().getTypes();
  if (registers && instruction->majorA == emulator::Major::MN)
    return emitOpError() << "requires layout row of an A in registers, but it "
                            "is col";
  auto type = cast<LLVM::LLVMStructType>(getAccumulator().getType());
  unsigned count = instruction->getNumRegistersD();
  bool isFloat = getTypeD() == NVVM::WGMMATypes::f32;
  bool matches = !type.isOpaque() && type.getBody().size() == count &&
                 llvm::all_of(type.getBody(), [&](Type element) {
                   return isFloat ? element.isF32() : element.isInteger(32);
                 });
  if (!matches)
    return emitOpError() << "requires a struct of " << count
                         << (isFloat ? " f32" : " i32")
                         << " as accumulator, but it is " << type;
  return success();
}
