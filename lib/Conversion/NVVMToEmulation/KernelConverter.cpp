// Part of the VNM project, under the Apache License v2.0 with LLVM Exceptions.
// See the file LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// This file implements what the conversions of all ops share.

#include "KernelConverter.h"

#include "llvm/ADT/TypeSwitch.h"
#include "llvm/Support/raw_ostream.h"

using namespace mlir;
using namespace vnm;

InFlightDiagnostic vnm::emitNoEmulation(Operation *op) {
  return op->emitError() << "requires an op with an emulation, but '"
                         << op->getName() << "' has none";
}

KernelConverter::KernelConverter(ModuleOp module, SymbolTable &symbols,
                                 LLVM::LLVMFuncOp function,
                                 StringRef kernelName,
                                 const SharedLayout &layout)
    : module(module), symbols(symbols), function(function),
      kernelName(kernelName), layout(layout), dataLayout(module),
      b(function.getLoc(), module.getContext()),
      pointerType(LLVM::LLVMPointerType::get(module.getContext())),
      thread(function.getArgument(0)) {}

//===----------------------------------------------------------------------===//
// Constants and conversions
//===----------------------------------------------------------------------===//

Value KernelConverter::i32(int64_t value) {
  return LLVM::ConstantOp::create(b, b.getI32Type(), int32_t(value));
}

Value KernelConverter::i64(int64_t value) {
  return LLVM::ConstantOp::create(b, b.getI64Type(), value);
}

Value KernelConverter::toI32(Value value) {
  if (value.getType().getIntOrFloatBitWidth() == 32)
    return value;
  return LLVM::ZExtOp::create(b, b.getI32Type(), value);
}

Value KernelConverter::toI1(Value value) {
  return LLVM::TruncOp::create(b, b.getI1Type(), value);
}

Value KernelConverter::toPointer(Value pointer) {
  if (pointer.getType() == pointerType)
    return pointer;
  return LLVM::AddrSpaceCastOp::create(b, pointerType, pointer);
}

Value KernelConverter::toRegister(Value value) {
  if (value.getType().isInteger(32))
    return value;
  return LLVM::BitcastOp::create(b, b.getI32Type(), value);
}

Value KernelConverter::fromRegister(Value value, Type type) {
  if (type.isInteger(32))
    return value;
  return LLVM::BitcastOp::create(b, type, value);
}

//===----------------------------------------------------------------------===//
// Memory in the frame and in the module
//===----------------------------------------------------------------------===//

Value KernelConverter::makeRegisters(ValueRange values, unsigned count) {
  Value buffer;
  {
    OpBuilder::InsertionGuard guard(b);
    b.setInsertionPointToStart(&function.getBody().front());
    buffer = LLVM::AllocaOp::create(b, pointerType, b.getI32Type(), i32(count),
                                    /*alignment=*/16);
  }
  for (auto [index, value] : llvm::enumerate(values)) {
    Value place = LLVM::GEPOp::create(b, pointerType, b.getI32Type(), buffer,
                                      ArrayRef<LLVM::GEPArg>{int32_t(index)});
    LLVM::StoreOp::create(b, toRegister(value), place);
  }
  return buffer;
}

Value KernelConverter::loadRegister(Value buffer, unsigned index, Type type) {
  Value place = LLVM::GEPOp::create(b, pointerType, b.getI32Type(), buffer,
                                    ArrayRef<LLVM::GEPArg>{int32_t(index)});
  return fromRegister(LLVM::LoadOp::create(b, b.getI32Type(), place), type);
}

Value KernelConverter::loadRegisters(Value buffer, Type type) {
  auto structType = dyn_cast<LLVM::LLVMStructType>(type);
  if (!structType)
    return loadRegister(buffer, 0, type);
  Value result = LLVM::PoisonOp::create(b, type);
  for (auto [index, element] : llvm::enumerate(structType.getBody()))
    result = LLVM::InsertValueOp::create(
        b, result, loadRegister(buffer, index, element), int64_t(index));
  return result;
}

/// A constant global at the start of the module.
static LLVM::GlobalOp addGlobal(ModuleOp module, SymbolTable &symbols,
                                Location loc, Type type, StringRef name,
                                Attribute value) {
  OpBuilder builder = OpBuilder::atBlockBegin(module.getBody());
  auto global = LLVM::GlobalOp::create(builder, loc, type, /*isConstant=*/true,
                                       LLVM::Linkage::Internal, name, value);
  symbols.insert(global);
  return global;
}

Value KernelConverter::addString(StringRef name, StringRef text) {
  auto type = LLVM::LLVMArrayType::get(b.getI8Type(), text.size());
  LLVM::GlobalOp global = addGlobal(module, symbols, b.getLoc(), type, name,
                                    b.getStringAttr(text));
  return LLVM::AddressOfOp::create(b, global);
}

Value KernelConverter::makeConstant(ArrayRef<int32_t> words) {
  auto type = LLVM::LLVMArrayType::get(b.getI32Type(), words.size());
  LLVM::GlobalOp global =
      addGlobal(module, symbols, b.getLoc(), type, "vnm_emu_constant",
                b.getI32TensorAttr(words));
  return LLVM::AddressOfOp::create(b, global);
}

/// A location as a reader wants it: file, line and column if it has them.
static std::string formatLocation(Location loc) {
  std::string text;
  llvm::raw_string_ostream os(text);
  FileLineColLoc place;
  loc->walk([&](Location part) {
    if (auto file = dyn_cast<FileLineColLoc>(part))
      place = file;
    return place ? WalkResult::interrupt() : WalkResult::advance();
  });
  if (place)
    os << place.getFilename().getValue() << ":" << place.getLine() << ":"
       << place.getColumn();
  else
    os << loc;
  return text;
}

Value KernelConverter::getRecord(Operation *op) {
  std::string &symbol = records[op];
  if (!symbol.empty())
    return LLVM::AddressOfOp::create(b, pointerType, symbol);
  std::string text = kernelName;
  text.push_back('\0');
  text += op->getName().getStringRef().str() + " #" +
          std::to_string(ordinals.lookup(op));
  text.push_back('\0');
  text += formatLocation(op->getLoc());
  text.push_back('\0');
  Value address = addString("vnm_emu_op", text);
  symbol =
      address.getDefiningOp<LLVM::AddressOfOp>().getGlobalName().str();
  return address;
}

//===----------------------------------------------------------------------===//
// Calls and control flow
//===----------------------------------------------------------------------===//

Value KernelConverter::call(Operation *op, StringRef name, ValueRange arguments,
                            Type result) {
  std::string symbol = ("vnm_emu_" + name).str();
  SmallVector<Value> operands = {thread, getRecord(op)};
  llvm::append_range(operands, arguments);
  auto callee = symbols.lookup<LLVM::LLVMFuncOp>(symbol);
  if (!callee) {
    OpBuilder builder = OpBuilder::atBlockBegin(module.getBody());
    Type returned =
        result ? result : LLVM::LLVMVoidType::get(module.getContext());
    callee = LLVM::LLVMFuncOp::create(
        builder, module.getLoc(), symbol,
        LLVM::LLVMFunctionType::get(
            returned, llvm::to_vector(ValueRange(operands).getTypes())));
    symbols.insert(callee);
  }
  auto call = LLVM::CallOp::create(b, callee, operands);
  return result ? call.getResult() : Value();
}

Value KernelConverter::getWindow() {
  if (window)
    return window;
  OpBuilder::InsertionGuard guard(b);
  b.setInsertionPointToStart(&function.getBody().front());
  StringRef symbol = "vnm_emu_shared_window";
  auto callee = symbols.lookup<LLVM::LLVMFuncOp>(symbol);
  if (!callee) {
    OpBuilder builder = OpBuilder::atBlockBegin(module.getBody());
    callee = LLVM::LLVMFuncOp::create(
        builder, module.getLoc(), symbol,
        LLVM::LLVMFunctionType::get(pointerType, {pointerType}));
    symbols.insert(callee);
  }
  window = LLVM::CallOp::create(b, callee, ValueRange{thread}).getResult();
  return window;
}

void KernelConverter::guard(Operation *op, Value predicate) {
  if (!predicate)
    return;
  Block *before = op->getBlock();
  Block *after = before->splitBlock(op);
  Block *body = b.createBlock(after);
  b.setInsertionPointToEnd(before);
  LLVM::CondBrOp::create(b, predicate, body, after);
  b.setInsertionPointToEnd(body);
  b.setInsertionPoint(LLVM::BrOp::create(b, after));
}

LogicalResult KernelConverter::convert(Operation *op,
                                       const HandlerMap &handlers) {
  b.setLoc(op->getLoc());
  b.setInsertionPoint(op);
  auto found = handlers.find(op->getName().getStringRef());
  if (found != handlers.end())
    return found->second(op, *this);
  if (isa_and_nonnull<LLVM::LLVMDialect>(op->getDialect()))
    return success();
  return emitNoEmulation(op);
}

LogicalResult KernelConverter::run(const HandlerMap &handlers) {
  SmallVector<Operation *> ops;
  function.getBody().walk([&](Operation *op) {
    // Parts of structs move about; they need no conversion.
    if (!isa<LLVM::ExtractValueOp>(op))
      ops.push_back(op);
    ordinals[op] = ++counts[op->getName().getStringRef()];
  });
  resolveWarpgroupSums(function, *this);
  LogicalResult result = success();
  for (Operation *op : ops)
    if (failed(convert(op, handlers)))
      result = failure();
  return result;
}
