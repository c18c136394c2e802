// Part of the VNM project, under the Apache License v2.0 with LLVM Exceptions.
// See the file LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// This file declares the conversion of one kernel function, and the registry of
// the ops that have an emulation.

#ifndef VNM_LIB_CONVERSION_NVVMTOEMULATION_KERNELCONVERTER_H
#define VNM_LIB_CONVERSION_NVVMTOEMULATION_KERNELCONVERTER_H

#include "mlir/Dialect/LLVMIR/LLVMDialect.h"
#include "mlir/IR/ImplicitLocOpBuilder.h"
#include "mlir/IR/SymbolTable.h"
#include "mlir/Interfaces/DataLayoutInterfaces.h"
#include "llvm/ADT/StringMap.h"

namespace vnm {

class KernelConverter;

/// Replaces an op by its emulation, or emits an error at it.
using OpHandler = llvm::LogicalResult (*)(mlir::Operation *op,
                                          KernelConverter &converter);

/// Handlers by the name of the op.
using HandlerMap = llvm::StringMap<OpHandler>;

/// Adds the handlers of one file each.
void addMemoryHandlers(HandlerMap &handlers);
void addRegisterHandlers(HandlerMap &handlers);
void addWarpHandlers(HandlerMap &handlers);
void addMatrixHandlers(HandlerMap &handlers);
void addBarrierHandlers(HandlerMap &handlers);
void addCopyHandlers(HandlerMap &handlers);
void addWarpgroupHandlers(HandlerMap &handlers);

/// Where shared variables lie in a CTA's window.
struct SharedLayout {
  llvm::StringMap<uint64_t> offsets; ///< By the variable's name.
  uint64_t staticBytes = 0;
  uint64_t alignment = 1; ///< Of what follows the static variables.
};

/// Converts the body of one function of a kernel module. The function already
/// has the emulator's thread as its first argument.
class KernelConverter {
public:
  KernelConverter(mlir::ModuleOp module, mlir::SymbolTable &symbols,
                  mlir::LLVM::LLVMFuncOp function, llvm::StringRef kernelName,
                  const SharedLayout &layout);

  /// Replaces every op that has no meaning on the host. All errors are emitted.
  llvm::LogicalResult run(const HandlerMap &handlers);

  /// The builder, set to the op that is being replaced.
  mlir::ImplicitLocOpBuilder &builder() { return b; }
  const mlir::DataLayout &getDataLayout() const { return dataLayout; }
  const SharedLayout &getSharedLayout() const { return layout; }
  mlir::Type getPointerType() const { return pointerType; }

  /// A call of the emulator's function vnm_emu_`name` with the thread, the
  /// record of `op` and `arguments`; the result's type is null for none.
  mlir::Value call(mlir::Operation *op, llvm::StringRef name,
                   mlir::ValueRange arguments, mlir::Type result = {});
  mlir::Value callWithI32(mlir::Operation *op, llvm::StringRef name,
                          mlir::ValueRange arguments) {
    return call(op, name, arguments, b.getI32Type());
  }

  /// The first byte of the CTA's shared memory.
  mlir::Value getWindow();

  mlir::Value i32(int64_t value);
  mlir::Value i64(int64_t value);
  /// `value`, an integer of at most 32 bits, as i32, extended by zeros.
  mlir::Value toI32(mlir::Value value);
  /// `value`, an i32 that is 0 or 1, as i1.
  mlir::Value toI1(mlir::Value value);
  /// A pointer of any address space as one of the default's.
  mlir::Value toPointer(mlir::Value pointer);
  /// Any scalar or vector of 32 bits as i32, and back.
  mlir::Value toRegister(mlir::Value value);
  mlir::Value fromRegister(mlir::Value value, mlir::Type type);

  /// A buffer of 32-bit registers in the function's frame, set to `values`;
  /// with none, to nothing.
  mlir::Value makeRegisters(mlir::ValueRange values, unsigned count);
  /// Register `index` of such a buffer as `type`.
  mlir::Value loadRegister(mlir::Value buffer, unsigned index, mlir::Type type);
  /// All of them: a struct, or a single one.
  mlir::Value loadRegisters(mlir::Value buffer, mlir::Type type);
  /// A constant in memory of 32-bit words.
  mlir::Value makeConstant(llvm::ArrayRef<int32_t> words);

  /// Everything that is built until the end of `op` only happens if `predicate`
  /// (i1, may be null) is true.
  void guard(mlir::Operation *op, mlir::Value predicate);

private:
  llvm::LogicalResult convert(mlir::Operation *op, const HandlerMap &handlers);
  /// A pointer to the strings that describe `op` to the emulator.
  mlir::Value getRecord(mlir::Operation *op);
  mlir::Value addString(llvm::StringRef name, llvm::StringRef text);

  mlir::ModuleOp module;
  mlir::SymbolTable &symbols;
  mlir::LLVM::LLVMFuncOp function;
  std::string kernelName;
  const SharedLayout &layout;
  mlir::DataLayout dataLayout;
  mlir::ImplicitLocOpBuilder b;
  mlir::Type pointerType;
  mlir::Value thread, window;
  llvm::StringMap<unsigned> counts;          ///< Ops by name, so far.
  llvm::DenseMap<mlir::Operation *, unsigned> ordinals;
  llvm::DenseMap<mlir::Operation *, std::string> records;
};

/// Resolves references to the sums of asynchronous products where `function`
/// uses them; before its ops are replaced.
void resolveWarpgroupSums(mlir::LLVM::LLVMFuncOp function,
                          KernelConverter &converter);

/// An error that says that `op`, or a variant of it, has no emulation.
mlir::InFlightDiagnostic emitNoEmulation(mlir::Operation *op);

} // namespace vnm

#endif // VNM_LIB_CONVERSION_NVVMTOEMULATION_KERNELCONVERTER_H
