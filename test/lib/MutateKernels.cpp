// Part of the VNM project, under the Apache License v2.0 with LLVM Exceptions.
// See the file LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// This file implements test-mutate-kernels, which plants one fault in the
// kernels of a module, and the plugin that brings it to vnm-opt.

#include "mlir/Dialect/GPU/IR/GPUDialect.h"
#include "mlir/Dialect/LLVMIR/LLVMDialect.h"
#include "mlir/Dialect/LLVMIR/NVVMDialect.h"
#include "mlir/IR/ImplicitLocOpBuilder.h"
#include "mlir/Pass/Pass.h"
#include "mlir/Tools/Plugins/PassPlugin.h"

using namespace mlir;

namespace {

/// What the fault is.
enum class Fault {
  Remove,   ///< The op is not there.
  Shift,    ///< Its first address is `amount` bytes further.
  Swizzle,  ///< Bits `amount` of its first address are the other way round.
  Diverge,  ///< Only lanes below `amount` execute it.
  Exchange, ///< An integer operand comes from the lane whose number differs in
            ///< the bits `amount`.
  Flip,     ///< Bits `amount` of an integer operand are the other way round.
  Count     ///< An integer attribute is `amount` larger.
};

struct MutateKernels
    : PassWrapper<MutateKernels, OperationPass<ModuleOp>> {
  MLIR_DEFINE_EXPLICIT_INTERNAL_INLINE_TYPE_ID(MutateKernels)

  MutateKernels() = default;
  MutateKernels(const MutateKernels &other) : PassWrapper(other) {}

  StringRef getArgument() const override { return "test-mutate-kernels"; }
  StringRef getDescription() const override {
    return "plants a fault in the kernels of a module";
  }
  void getDependentDialects(DialectRegistry &registry) const override {
    registry.insert<LLVM::LLVMDialect, NVVM::NVVMDialect>();
  }
  void runOnOperation() override;

  Option<std::string> opName{*this, "op", llvm::cl::desc("Name of the op")};
  Option<unsigned> number{*this, "number", llvm::cl::init(1),
                          llvm::cl::desc("Which of that name, from 1")};
  Option<unsigned> operand{*this, "operand", llvm::cl::init(0),
                           llvm::cl::desc("Which operand of a kind, from 0")};
  Option<std::string> attribute{*this, "attribute",
                                llvm::cl::desc("Name of the attribute")};
  Option<int64_t> amount{*this, "amount", llvm::cl::init(1),
                         llvm::cl::desc("Size of the fault")};
  Option<Fault> fault{
      *this, "fault", llvm::cl::init(Fault::Remove), llvm::cl::desc("Its kind"),
      llvm::cl::values(clEnumValN(Fault::Remove, "remove", ""),
                       clEnumValN(Fault::Shift, "shift", ""),
                       clEnumValN(Fault::Swizzle, "swizzle", ""),
                       clEnumValN(Fault::Diverge, "diverge", ""),
                       clEnumValN(Fault::Exchange, "exchange", ""),
                       clEnumValN(Fault::Flip, "flip", ""),
                       clEnumValN(Fault::Count, "count", ""))};

private:
  LogicalResult mutate(Operation *op);
  void moveAddress(Operation *op, ImplicitLocOpBuilder &b);
  void changeInteger(Operation *op, ImplicitLocOpBuilder &b);
  void diverge(Operation *op, ImplicitLocOpBuilder &b);
};

} // namespace

/// Operand number `wanted` of those whose type is `TypeTy`; null if there are
/// not so many.
template <typename TypeTy>
static OpOperand *findOperand(Operation *op, unsigned wanted) {
  for (OpOperand &operand : op->getOpOperands())
    if (isa<TypeTy>(operand.get().getType()) && wanted-- == 0)
      return &operand;
  return nullptr;
}

void MutateKernels::moveAddress(Operation *op, ImplicitLocOpBuilder &b) {
  OpOperand *address = findOperand<LLVM::LLVMPointerType>(op, operand);
  Type type = address->get().getType();
  if (fault == Fault::Shift)
    return address->set(
        LLVM::GEPOp::create(b, type, b.getI8Type(), address->get(),
                            ArrayRef<LLVM::GEPArg>{int32_t(amount)}));
  Value bits = LLVM::PtrToIntOp::create(b, b.getI64Type(), address->get());
  Value mask = LLVM::ConstantOp::create(b, b.getI64Type(), int64_t(amount));
  bits = LLVM::XOrOp::create(b, bits, mask);
  address->set(LLVM::IntToPtrOp::create(b, type, bits));
}

void MutateKernels::changeInteger(Operation *op, ImplicitLocOpBuilder &b) {
  OpOperand *value = findOperand<IntegerType>(op, operand);
  Type type = value->get().getType();
  Value mask = LLVM::ConstantOp::create(b, type, int64_t(amount));
  if (fault == Fault::Flip)
    return value->set(LLVM::XOrOp::create(b, value->get(), mask));
  Value all = LLVM::ConstantOp::create(b, type, int64_t(-1));
  Value clamp = LLVM::ConstantOp::create(b, type, int64_t(31));
  value->set(NVVM::ShflOp::create(b, type, all, value->get(), mask, clamp,
                                  NVVM::ShflKind::bfly, UnitAttr()));
}

void MutateKernels::diverge(Operation *op, ImplicitLocOpBuilder &b) {
  Type i32 = b.getI32Type();
  Value thread = NVVM::ThreadIdXOp::create(b, i32);
  Value mask = LLVM::ConstantOp::create(b, i32, 31);
  Value lane = LLVM::AndOp::create(b, thread, mask);
  Value limit = LLVM::ConstantOp::create(b, i32, int64_t(amount));
  Value isIn =
      LLVM::ICmpOp::create(b, LLVM::ICmpPredicate::ult, lane, limit);
  Block *before = op->getBlock();
  Block *body = before->splitBlock(op);
  Block *after = body->splitBlock(op->getNextNode());
  b.setInsertionPointToEnd(before);
  LLVM::CondBrOp::create(b, isIn, body, after);
  b.setInsertionPointToEnd(body);
  LLVM::BrOp::create(b, after);
}

LogicalResult MutateKernels::mutate(Operation *op) {
  ImplicitLocOpBuilder b(op->getLoc(), op);
  switch (fault) {
  case Fault::Remove:
    if (!op->use_empty())
      return op->emitError("requires an op without uses to remove it");
    op->erase();
    return success();
  case Fault::Shift:
  case Fault::Swizzle:
    if (!findOperand<LLVM::LLVMPointerType>(op, operand))
      return op->emitError("requires an address to move");
    moveAddress(op, b);
    return success();
  case Fault::Diverge:
    if (op->getNumResults() != 0)
      return op->emitError("requires an op without results to branch around");
    diverge(op, b);
    return success();
  case Fault::Exchange:
  case Fault::Flip:
    if (!findOperand<IntegerType>(op, operand))
      return op->emitError("requires an integer to change");
    changeInteger(op, b);
    return success();
  case Fault::Count: {
    auto old = op->getAttrOfType<IntegerAttr>(attribute);
    if (!old)
      return op->emitError() << "requires an integer attribute " << attribute;
    op->setAttr(attribute,
                IntegerAttr::get(old.getType(), old.getInt() + amount));
    return success();
  }
  }
  llvm_unreachable("unknown fault");
}

void MutateKernels::runOnOperation() {
  unsigned count = 0;
  Operation *found = nullptr;
  getOperation()->walk([&](gpu::GPUModuleOp kernels) {
    kernels->walk([&](Operation *op) {
      if (op->getName().getStringRef() == opName && ++count == number)
        found = op;
    });
  });
  if (!found) {
    emitError(getOperation().getLoc())
        << "requires " << opName << " number " << number
        << " in a kernel, but there are " << count;
    return signalPassFailure();
  }
  if (failed(mutate(found)))
    signalPassFailure();
}

/// Entry point of `--load-pass-plugin`.
extern "C" LLVM_ATTRIBUTE_WEAK
    LLVM_ATTRIBUTE_VISIBILITY_DEFAULT mlir::PassPluginLibraryInfo
    mlirGetPassPluginInfo() {
  return {MLIR_PLUGIN_API_VERSION, "VNMTest", "1",
          [] { PassRegistration<MutateKernels>(); }};
}
