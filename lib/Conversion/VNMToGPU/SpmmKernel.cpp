// Part of the VNM project, under the Apache License v2.0 with LLVM Exceptions.
// See the file LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// This file puts the parts of the mma_sp kernel together.

#include "SpmmKernel.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/LLVMIR/LLVMDialect.h"

using namespace mlir;
using namespace vnm;

KernelArguments::KernelArguments(SpmmOp op, ValueRange arguments) {
  size_t position = 0;
  values = arguments[position++];
  metadata = arguments[position++];
  columns = arguments[position++];
  if (op.getRows())
    rows = arguments[position++];
  x = arguments[position++];
  y = arguments[position++];
  for (size_t i = 0; i < op.getEpilogueOperands().size(); ++i)
    epilogue.push_back(arguments[position++]);
  numTokens = arguments[position++];
  if (position < arguments.size())
    xMap = arguments[position];
}

SpmmKernel::SpmmKernel(ImplicitLocOpBuilder &builder, SpmmOp op,
                       const SpmmProblem &problem, const SpmmSchedule &schedule,
                       ValueRange arguments)
    : KernelArithmetic(builder), op(op), problem(problem), schedule(schedule),
      args(op, arguments) {
  // A static T lets arithmetic fold.
  bool dynamic = ShapedType::isDynamic(problem.numTokens);
  numTokens =
      dynamic ? arith::IndexCastUIOp::create(b, b.getI64Type(), args.numTokens)
              : i64(problem.numTokens);
}

void SpmmKernel::emit(Value sharedMemory) {
  shared = LLVM::PtrToIntOp::create(b, b.getI32Type(), sharedMemory);
  map = emitTileMap();
  if (schedule.window)
    emitZeroRow();
  emitEpilogue(emitMainLoop());
}

gpu::GPUFuncOp vnm::createKernelFunction(OpBuilder &builder, SpmmOp op,
                                         StringRef name, int64_t numThreads,
                                         TypeRange workgroup, bool takesMap) {
  SmallVector<Type> types;
  auto addBuffer = [&](Value operand) {
    types.push_back(MemRefType::get({ShapedType::kDynamic},
                                    getElementTypeOrSelf(operand.getType())));
  };
  for (Value operand : {op.getValues(), op.getMetadata(), op.getColumns()})
    addBuffer(operand);
  if (op.getRows())
    addBuffer(op.getRows());
  addBuffer(op.getX());
  addBuffer(op.getInit());
  llvm::for_each(op.getEpilogueOperands(), addBuffer);
  types.push_back(builder.getIndexType());
  if (takesMap)
    types.push_back(getTensorMapType(builder.getContext()));

  auto kernel =
      gpu::GPUFuncOp::create(builder, op.getLoc(), name,
                             builder.getFunctionType(types, {}), workgroup);
  kernel->setAttr(gpu::GPUDialect::getKernelFuncAttrName(),
                  builder.getUnitAttr());
  kernel.setKnownBlockSize(
      ArrayRef<int32_t>{static_cast<int32_t>(numThreads), 1, 1});
  return kernel;
}

/// The 128-byte swizzle of wgmma wants a multiple of 1024 bytes.
LLVM::GlobalOp vnm::getSharedMemory(OpBuilder &builder, Location loc) {
  constexpr llvm::StringLiteral kName = "vnm_shared";
  auto module = cast<gpu::GPUModuleOp>(builder.getBlock()->getParentOp());
  if (auto global = module.lookupSymbol<LLVM::GlobalOp>(kName))
    return global;
  OpBuilder::InsertionGuard guard(builder);
  builder.setInsertionPointToStart(module.getBody());
  auto type = LLVM::LLVMArrayType::get(builder.getI8Type(), 0);
  constexpr unsigned kSharedSpace = 3;
  return LLVM::GlobalOp::create(builder, loc, type, /*isConstant=*/false,
                                LLVM::Linkage::External, kName, Attribute(),
                                /*alignment=*/1024, kSharedSpace);
}

gpu::GPUFuncOp vnm::buildSpmmKernel(OpBuilder &builder, SpmmOp op,
                                    StringRef name, const SpmmProblem &problem,
                                    const SpmmSchedule &schedule) {
  LLVM::GlobalOp global = getSharedMemory(builder, op.getLoc());
  gpu::GPUFuncOp kernel = createKernelFunction(
      builder, op, name, schedule.numThreads(), TypeRange());
  OpBuilder::InsertionGuard guard(builder);
  ImplicitLocOpBuilder body(op.getLoc(), builder);
  body.setInsertionPointToStart(&kernel.getBody().front());
  Value sharedMemory = LLVM::AddressOfOp::create(body, global);
  SpmmKernel emitter(
      body, op, problem, schedule,
      kernel.getArguments().take_front(kernel.getNumArguments()));
  emitter.emit(sharedMemory);
  gpu::ReturnOp::create(body);
  return kernel;
}
