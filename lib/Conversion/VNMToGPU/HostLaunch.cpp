// Part of the VNM project, under the Apache License v2.0 with LLVM Exceptions.
// See the file LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// This file emits the host side of a kernel.

#include "HostLaunch.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/MemRef/IR/MemRef.h"
#include "mlir/Dialect/SCF/IR/SCF.h"

using namespace mlir;
using namespace vnm;

namespace {

/// A chain of asynchronous GPU operations in program order.
class LaunchEmitter {
public:
  explicit LaunchEmitter(ImplicitLocOpBuilder &builder) : b(builder) {
    tokenType = gpu::AsyncTokenType::get(b.getContext());
    token = gpu::WaitOp::create(b, tokenType, ValueRange()).getAsyncToken();
  }

  /// A flat buffer on the GPU for `host`, filled from it if `copyIn`.
  Value allocate(Value host, bool copyIn);
  void launch(SymbolRefAttr kernel, Value blocks, const LaunchShape &shape,
              ValueRange operands);
  /// Copies `device` to `host` and waits for everything.
  void copyOut(Value device, Value host);
  /// Frees every buffer of the GPU and of the host that was allocated here.
  void release();

private:
  Value constant(int64_t value) {
    return arith::ConstantIndexOp::create(b, value);
  }
  SmallVector<Value> sizes(Value buffer);
  /// `host` itself if its elements are contiguous in row-major order, else a
  /// new buffer that is.
  Value contiguous(Value host, bool copyIn);
  Value flatten(Value contiguousHost);
  void copyElements(Value from, Value to);
  void copy(Value to, Value from);

  ImplicitLocOpBuilder &b;
  Type tokenType;
  Value token;
  SmallVector<Value> deviceBuffers;
  SmallVector<Value> hostBuffers;
};

} // namespace

SmallVector<Value> LaunchEmitter::sizes(Value buffer) {
  SmallVector<Value> result;
  auto type = cast<MemRefType>(buffer.getType());
  for (int64_t dim = 0; dim < type.getRank(); ++dim)
    result.push_back(type.isDynamicDim(dim)
                         ? Value(memref::DimOp::create(b, buffer, dim))
                         : constant(type.getDimSize(dim)));
  return result;
}

Value LaunchEmitter::contiguous(Value host, bool copyIn) {
  auto type = cast<MemRefType>(host.getType());
  if (type.getLayout().isIdentity())
    return host;
  SmallVector<Value> dynamicSizes;
  for (auto [dim, size] : llvm::enumerate(sizes(host)))
    if (type.isDynamicDim(dim))
      dynamicSizes.push_back(size);
  Value buffer = memref::AllocOp::create(
      b, MemRefType::get(type.getShape(), type.getElementType()), dynamicSizes);
  hostBuffers.push_back(buffer);
  if (copyIn)
    copyElements(host, buffer);
  return buffer;
}

/// A loop nest: memref.copy between strided buffers needs a runtime library.
void LaunchEmitter::copyElements(Value from, Value to) {
  SmallVector<Value> upper = sizes(from);
  SmallVector<Value> lower(upper.size(), constant(0));
  SmallVector<Value> steps(upper.size(), constant(1));
  scf::buildLoopNest(
      b, b.getLoc(), lower, upper, steps,
      [&](OpBuilder &body, Location loc, ValueRange position) {
        Value element = memref::LoadOp::create(body, loc, from, position);
        memref::StoreOp::create(body, loc, element, to, position);
      });
}

Value LaunchEmitter::flatten(Value contiguousHost) {
  auto type = cast<MemRefType>(contiguousHost.getType());
  auto flat = MemRefType::get({ShapedType::kDynamic}, type.getElementType());
  Value result = contiguousHost;
  if (type.getRank() > 1) {
    ReassociationIndices all =
        llvm::to_vector(llvm::seq<int64_t>(0, type.getRank()));
    result = memref::CollapseShapeOp::create(
        b, result, SmallVector<ReassociationIndices>{all});
  }
  if (result.getType() == flat)
    return result;
  return memref::CastOp::create(b, flat, result);
}

void LaunchEmitter::copy(Value to, Value from) {
  token = gpu::MemcpyOp::create(b, tokenType, ValueRange{token}, to, from)
              .getAsyncToken();
}

Value LaunchEmitter::allocate(Value host, bool copyIn) {
  auto element = cast<MemRefType>(host.getType()).getElementType();
  Value size = constant(1);
  for (Value extent : sizes(host))
    size = b.createOrFold<arith::MulIOp>(size, extent);
  auto alloc = gpu::AllocOp::create(
      b, MemRefType::get({ShapedType::kDynamic}, element), tokenType,
      ValueRange{token}, ValueRange{size}, ValueRange());
  token = alloc.getAsyncToken();
  deviceBuffers.push_back(alloc.getMemref());
  if (copyIn)
    copy(alloc.getMemref(), flatten(contiguous(host, /*copyIn=*/true)));
  return alloc.getMemref();
}

void LaunchEmitter::launch(SymbolRefAttr kernel, Value blocks,
                           const LaunchShape &shape, ValueRange operands) {
  Value one = constant(1);
  Value sharedBytes;
  if (shape.dynamicSharedBytes != 0)
    sharedBytes = arith::ConstantIntOp::create(b, shape.dynamicSharedBytes,
                                               /*width=*/32);
  token = gpu::LaunchFuncOp::create(
              b, kernel, gpu::KernelDim3{blocks, one, one},
              gpu::KernelDim3{constant(shape.numThreads), one, one},
              sharedBytes, operands, tokenType, ValueRange{token})
              .getAsyncToken();
}

void LaunchEmitter::copyOut(Value device, Value host) {
  Value staging = contiguous(host, /*copyIn=*/false);
  copy(flatten(staging), device);
  gpu::WaitOp::create(b, Type(), ValueRange{token});
  if (staging != host)
    copyElements(staging, host);
  token = gpu::WaitOp::create(b, tokenType, ValueRange()).getAsyncToken();
}

void LaunchEmitter::release() {
  for (Value buffer : deviceBuffers)
    token = gpu::DeallocOp::create(b, tokenType, ValueRange{token}, buffer)
                .getAsyncToken();
  gpu::WaitOp::create(b, Type(), ValueRange{token});
  for (Value buffer : hostBuffers)
    memref::DeallocOp::create(b, buffer);
}

/// The number of CTAs; the kernels take their numbers apart.
static Value emitNumBlocks(ImplicitLocOpBuilder &b, SpmmOp op, Value numTokens,
                           const SpmmProblem &problem,
                           const LaunchShape &shape) {
  auto constant = [&](int64_t value) {
    return arith::ConstantIndexOp::create(b, value);
  };
  Value tokenTiles =
      b.createOrFold<arith::CeilDivUIOp>(numTokens, constant(shape.tokenTile));
  Value blocks = b.createOrFold<arith::MulIOp>(
      tokenTiles, constant(llvm::divideCeil(problem.numRows, shape.rowTile)));
  for (int64_t dim = 0; dim < op.getNumBatchDims(); ++dim)
    blocks = b.createOrFold<arith::MulIOp>(
        blocks, b.createOrFold<memref::DimOp>(op.getX(), dim));
  if (shape.maxBlocks == 0)
    return blocks;
  blocks =
      b.createOrFold<arith::CeilDivUIOp>(blocks, constant(shape.tilesPerBlock));
  return b.createOrFold<arith::MinUIOp>(blocks, constant(shape.maxBlocks));
}

void vnm::emitHostLaunch(OpBuilder &builder, SpmmOp op, SymbolRefAttr kernel,
                         const SpmmProblem &problem, const LaunchShape &shape) {
  ImplicitLocOpBuilder b(op.getLoc(), builder);
  Value numTokens = b.createOrFold<memref::DimOp>(op.getX(), op.getXTokenDim());
  Value blocks = emitNumBlocks(b, op, numTokens, problem, shape);
  if (!getConstantIntValue(blocks)) {
    // A launch of no CTAs is an error.
    Value zero = arith::ConstantIndexOp::create(b, 0);
    Value any =
        arith::CmpIOp::create(b, arith::CmpIPredicate::ne, blocks, zero);
    auto branch = scf::IfOp::create(b, any, /*withElseRegion=*/false);
    b.setInsertionPointToStart(branch.thenBlock());
  } else if (getConstantIntValue(blocks) == 0) {
    return;
  }

  LaunchEmitter emitter(b);
  SmallVector<Value> operands;
  auto passIn = [&](Value host) {
    operands.push_back(emitter.allocate(host, /*copyIn=*/true));
  };
  for (Value part : {op.getValues(), op.getMetadata(), op.getColumns()})
    passIn(part);
  if (op.getRows())
    passIn(op.getRows());
  passIn(op.getX());
  Value x = operands.back();
  Value result = emitter.allocate(op.getInit(), problem.accumulate);
  operands.push_back(result);
  llvm::for_each(op.getEpilogueOperands(), passIn);
  operands.push_back(numTokens);
  if (shape.xMap)
    operands.push_back(emitEncodeTensorMap(b, *shape.xMap, x));
  emitter.launch(kernel, blocks, shape, operands);
  emitter.copyOut(result, op.getInit());
  emitter.release();
}

void vnm::emitTransposeLaunch(OpBuilder &builder, linalg::TransposeOp op,
                              SymbolRefAttr kernel, int64_t numBlocks,
                              int64_t numTokens, const LaunchShape &shape) {
  if (numBlocks == 0)
    return;
  ImplicitLocOpBuilder b(op.getLoc(), builder);
  LaunchEmitter emitter(b);
  Value source = emitter.allocate(op.getInput(), /*copyIn=*/true);
  Value result = emitter.allocate(op.getInit(), /*copyIn=*/false);
  Value tokens = arith::ConstantIndexOp::create(b, numTokens);
  emitter.launch(kernel, arith::ConstantIndexOp::create(b, numBlocks), shape,
                 {source, result, tokens});
  emitter.copyOut(result, op.getInit());
  emitter.release();
}
