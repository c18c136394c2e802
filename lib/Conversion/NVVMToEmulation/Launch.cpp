// Part of the VNM project, under the Apache License v2.0 with LLVM Exceptions.
// See the file LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// This file implements the records of kernels and the pass
// convert-launches-to-emulation.

#include "vnm/Conversion/NVVMToEmulation/NVVMToEmulation.h"

#include "Launch.h"

#include "mlir/Dialect/LLVMIR/NVVMDialect.h"

namespace vnm {
#define GEN_PASS_DEF_CONVERTLAUNCHESTOEMULATION
#include "vnm/Conversion/Passes.h.inc"
} // namespace vnm

using namespace mlir;
using namespace vnm;

static Type getPointer(ModuleOp module) {
  return LLVM::LLVMPointerType::get(module.getContext());
}

//===----------------------------------------------------------------------===//
// Records of kernels
//===----------------------------------------------------------------------===//

/// Runs the kernel on a thread, with arguments from an array of pointers to
/// them.
static LLVM::LLVMFuncOp addEntry(ModuleOp module, SymbolTable &symbols,
                                 LLVM::LLVMFuncOp kernel) {
  ImplicitLocOpBuilder b(kernel.getLoc(), module.getContext());
  b.setInsertionPointAfter(kernel);
  Type pointer = getPointer(module);
  auto type = LLVM::LLVMFunctionType::get(
      LLVM::LLVMVoidType::get(module.getContext()), {pointer, pointer});
  auto entry = LLVM::LLVMFuncOp::create(b, (kernel.getName() + "_entry").str(),
                                        type, LLVM::Linkage::Internal);
  symbols.insert(entry);
  b.setInsertionPointToStart(entry.addEntryBlock(b));
  SmallVector<Value> arguments = {entry.getArgument(0)};
  for (auto [index, type] :
       llvm::enumerate(kernel.getArgumentTypes().drop_front())) {
    Value place = LLVM::GEPOp::create(b, pointer, pointer, entry.getArgument(1),
                                      ArrayRef<LLVM::GEPArg>{int32_t(index)});
    Value address = LLVM::LoadOp::create(b, pointer, place);
    // An argument by value is passed as its address, and one that is constant
    // for the grid is not copied: tensor copies know maps by where they are.
    bool isByValue = bool(
        kernel.getArgAttr(index + 1, LLVM::LLVMDialect::getByValAttrName()));
    StringRef constant = NVVM::NVVMDialect::getGridConstantAttrName();
    if (kernel.getArgAttr(index + 1, constant)) {
      kernel.removeArgAttr(index + 1, constant);
      kernel.removeArgAttr(index + 1, LLVM::LLVMDialect::getByValAttrName());
    }
    arguments.push_back(
        isByValue ? address : LLVM::LoadOp::create(b, type, address).getRes());
  }
  LLVM::CallOp::create(b, kernel, arguments);
  LLVM::ReturnOp::create(b, ValueRange());
  return entry;
}

/// Dimension `dim` of an array attribute; `missing` without it.
static int32_t getExtent(Operation *op, StringRef name, unsigned dim,
                         int32_t missing) {
  auto extents = op->getAttrOfType<DenseI32ArrayAttr>(name);
  if (!extents)
    return missing;
  return dim < extents.asArrayRef().size() ? extents.asArrayRef()[dim] : 1;
}

LLVM::GlobalOp vnm::addKernelRecord(ModuleOp module, SymbolTable &symbols,
                                    LLVM::LLVMFuncOp kernel, StringRef name,
                                    const SharedLayout &layout) {
  LLVM::LLVMFuncOp entry = addEntry(module, symbols, kernel);
  MLIRContext *context = module.getContext();
  ImplicitLocOpBuilder b(kernel.getLoc(), context);
  b.setInsertionPointToStart(module.getBody());
  std::string text = name.str();
  text.push_back('\0');
  auto string = LLVM::GlobalOp::create(
      b, LLVM::LLVMArrayType::get(b.getI8Type(), text.size()),
      /*isConstant=*/true, LLVM::Linkage::Internal, "vnm_emu_name",
      b.getStringAttr(text));
  symbols.insert(string);

  int32_t maxThreads = 0;
  if (auto bound = kernel->getAttrOfType<DenseI32ArrayAttr>("nvvm.maxntid")) {
    maxThreads = 1;
    for (int32_t extent : bound.asArrayRef())
      maxThreads *= extent;
  }
  SmallVector<int32_t> words = {int32_t(layout.staticBytes),
                                int32_t(layout.alignment), maxThreads};
  for (unsigned dim = 0; dim < 3; ++dim)
    words.push_back(getExtent(kernel, "nvvm.reqntid", dim, 0));
  for (unsigned dim = 0; dim < 3; ++dim)
    words.push_back(getExtent(kernel, "nvvm.cluster_dim", dim, 0));

  SmallVector<Type> types = {getPointer(module), getPointer(module)};
  types.append(words.size(), b.getI32Type());
  auto type = LLVM::LLVMStructType::getLiteral(context, types);
  auto record = LLVM::GlobalOp::create(
      b, type, /*isConstant=*/true, LLVM::Linkage::Internal,
      (kernel.getName() + "_record").str(), Attribute());
  symbols.insert(record);
  b.setInsertionPointToStart(b.createBlock(&record.getInitializerRegion()));
  Value value = LLVM::PoisonOp::create(b, type);
  int64_t position = 0;
  auto add = [&](Value field) {
    value = LLVM::InsertValueOp::create(b, value, field, position++);
  };
  add(LLVM::AddressOfOp::create(b, entry));
  add(LLVM::AddressOfOp::create(b, string));
  for (int32_t word : words)
    add(LLVM::ConstantOp::create(b, b.getI32Type(), word));
  LLVM::ReturnOp::create(b, value);
  return record;
}

//===----------------------------------------------------------------------===//
// Launches
//===----------------------------------------------------------------------===//

static LLVM::LLVMFuncOp getHostFunction(ModuleOp module, SymbolTable &symbols,
                                        StringRef name,
                                        ArrayRef<Type> arguments) {
  if (auto found = symbols.lookup<LLVM::LLVMFuncOp>(name))
    return found;
  OpBuilder builder = OpBuilder::atBlockBegin(module.getBody());
  auto function = LLVM::LLVMFuncOp::create(
      builder, module.getLoc(), name,
      LLVM::LLVMFunctionType::get(LLVM::LLVMVoidType::get(module.getContext()),
                                  arguments));
  symbols.insert(function);
  return function;
}

static LogicalResult checkLaunch(gpu::LaunchFuncOp launch) {
  if (launch.getAsyncToken() || !launch.getAsyncDependencies().empty())
    return launch.emitError("requires a launch with a stream instead of "
                            "tokens; gpu-to-llvm makes it one");
  for (Value operand : launch->getOperands())
    if (!LLVM::isCompatibleType(operand.getType()))
      return launch.emitError()
             << "requires operands of LLVM types, which gpu-to-llvm makes, but "
                "one is "
             << operand.getType();
  return success();
}

/// The record that the declaration of the launch's kernel names.
static FailureOr<LLVM::GlobalOp>
findRecord(ModuleOp module, SymbolTable &symbols, gpu::LaunchFuncOp launch) {
  Operation *kernel =
      SymbolTable::lookupSymbolIn(module, launch.getKernelAttr());
  auto name =
      kernel ? kernel->getAttrOfType<FlatSymbolRefAttr>(getRecordAttrName())
             : FlatSymbolRefAttr();
  auto record =
      name ? symbols.lookup<LLVM::GlobalOp>(name.getValue()) : LLVM::GlobalOp();
  if (!record)
    return launch.emitError()
           << "requires a kernel that convert-nvvm-to-emulation converted, but "
           << launch.getKernel() << " is none";
  return record;
}

static LogicalResult convertLaunch(ModuleOp module, SymbolTable &symbols,
                                   gpu::LaunchFuncOp launch) {
  FailureOr<LLVM::GlobalOp> record = findRecord(module, symbols, launch);
  if (failed(record) || failed(checkLaunch(launch)))
    return failure();
  ImplicitLocOpBuilder b(launch.getLoc(), launch);
  Type pointer = getPointer(module), i64 = b.getI64Type();
  Value one = LLVM::ConstantOp::create(b, b.getI32Type(), 1);
  // Launches may be in loops.
  Value stack = LLVM::StackSaveOp::create(b, pointer);
  ValueRange arguments = launch.getKernelOperands();
  Value array = LLVM::AllocaOp::create(
      b, pointer,
      LLVM::LLVMArrayType::get(pointer, std::max<size_t>(arguments.size(), 1)),
      one);
  for (auto [index, argument] : llvm::enumerate(arguments)) {
    Value place = LLVM::AllocaOp::create(b, pointer, argument.getType(), one);
    LLVM::StoreOp::create(b, argument, place);
    Value slot = LLVM::GEPOp::create(b, pointer, pointer, array,
                                     ArrayRef<LLVM::GEPArg>{int32_t(index)});
    LLVM::StoreOp::create(b, place, slot);
  }
  auto toI64 = [&](Value value) -> Value {
    if (value.getType() == i64)
      return value;
    return LLVM::SExtOp::create(b, i64, value);
  };
  SmallVector<Value> operands = {LLVM::AddressOfOp::create(b, *record)};
  StringRef name = "mgpuLaunchKernel";
  if (launch.hasClusterSize()) {
    name = "mgpuLaunchClusterKernel";
    for (Value extent : {launch.getClusterSizeX(), launch.getClusterSizeY(),
                         launch.getClusterSizeZ()})
      operands.push_back(toI64(extent));
  }
  for (Value extent :
       {launch.getGridSizeX(), launch.getGridSizeY(), launch.getGridSizeZ(),
        launch.getBlockSizeX(), launch.getBlockSizeY(), launch.getBlockSizeZ()})
    operands.push_back(toI64(extent));
  Value none = LLVM::ZeroOp::create(b, pointer);
  Value sharedBytes = launch.getDynamicSharedMemorySize();
  if (!sharedBytes)
    sharedBytes = LLVM::ConstantOp::create(b, b.getI32Type(), 0);
  Value stream = launch.getAsyncObject();
  operands.append(
      {sharedBytes, stream ? stream : none, array, none,
       LLVM::ConstantOp::create(b, i64, int64_t(arguments.size()))});
  LLVM::CallOp::create(
      b,
      getHostFunction(module, symbols, name,
                      llvm::to_vector(ValueRange(operands).getTypes())),
      operands);
  LLVM::StackRestoreOp::create(b, stack);
  launch.erase();
  return success();
}

namespace {
struct ConvertLaunchesToEmulation final
    : vnm::impl::ConvertLaunchesToEmulationBase<ConvertLaunchesToEmulation> {
  using ConvertLaunchesToEmulationBase::ConvertLaunchesToEmulationBase;

  void runOnOperation() override {
    ModuleOp module = getOperation();
    SymbolTable symbols(module);
    SmallVector<gpu::LaunchFuncOp> launches;
    module.walk([&](gpu::LaunchFuncOp launch) { launches.push_back(launch); });
    for (gpu::LaunchFuncOp launch : launches)
      if (failed(convertLaunch(module, symbols, launch)))
        return signalPassFailure();
    for (auto kernels : llvm::to_vector(module.getOps<gpu::GPUModuleOp>()))
      kernels.erase();
    module->removeAttr(gpu::GPUDialect::getContainerModuleAttrName());
  }
};
} // namespace
