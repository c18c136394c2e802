// Part of the VNM project, under the Apache License v2.0 with LLVM Exceptions.
// See the file LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// This file implements the pipeline vnm-lower-to-cpu.

#include "HostLowering.h"
#include "mlir/Conversion/GPUCommon/GPUCommonPass.h"
#include "mlir/Conversion/Passes.h"
#include "mlir/Dialect/Arith/Transforms/Passes.h"
#include "mlir/Dialect/Bufferization/Pipelines/Passes.h"
#include "mlir/Dialect/Bufferization/Transforms/Passes.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/Dialect/LLVMIR/Transforms/RequestCWrappers.h"
#include "mlir/Dialect/Linalg/Passes.h"
#include "mlir/Dialect/MemRef/Transforms/Passes.h"
#include "mlir/Pass/PassManager.h"
#include "mlir/Transforms/Passes.h"
#include "vnm/Conversion/VNMToSCF/VNMToSCF.h"
#include "vnm/Dialect/VNM/Transforms/Passes.h"
#include "vnm/Pipelines/Pipelines.h"
#include "vnm/Transforms/Passes.h"

using namespace mlir;

static void cleanUp(OpPassManager &pm) {
  pm.addPass(createCanonicalizerPass());
  pm.addPass(createCSEPass());
}

void vnm::addFrontHalf(OpPassManager &pm, const SparsifySettings &settings) {
  if (!settings.pattern.empty())
    return buildSparsifyModelPipeline(pm, settings);
  addFoldAndReport(pm, settings);
}

void vnm::addBufferization(OpPassManager &pm) {
  pm.addPass(vnm::createExpandStoragePass());
  pm.addNestedPass<func::FuncOp>(vnm::createRecordSignaturePass());
  pm.addPass(createConvertTensorToLinalgPass());
  pm.addNestedPass<func::FuncOp>(createConvertElementwiseToLinalgPass());
  cleanUp(pm);
  pm.addPass(createLinalgElementwiseOpFusionPass());
  cleanUp(pm);
  pm.addPass(bufferization::createEmptyTensorEliminationPass());
  bufferization::OneShotBufferizePassOptions options;
  options.bufferizeFunctionBoundaries = true;
  // A loop may yield the result of a product, which is a new buffer.
  options.allowReturnAllocsFromLoops = true;
  options.functionBoundaryTypeConversion =
      bufferization::LayoutMapOption::IdentityLayoutMap;
  pm.addPass(bufferization::createOneShotBufferizePass(options));
  cleanUp(pm);
  bufferization::BufferDeallocationPipelineOptions deallocation;
  bufferization::buildBufferDeallocationPipeline(pm, deallocation);
  // A function that returns one of its arguments returns a clone.
  pm.addPass(createConvertBufferizationToMemRefPass());
}

void vnm::addLoops(OpPassManager &pm, const LowerToCPUOptions &options) {
  vnm::ConvertVNMToSCFOptions conversion;
  conversion.tokenTile = options.tokenTile;
  conversion.groupsPerBlock = options.groupsPerBlock;
  pm.addPass(vnm::createConvertVNMToSCF(conversion));
  pm.addPass(vnm::createVectorizeLinalgPass());
  pm.addPass(createConvertLinalgToParallelLoopsPass());
  pm.addPass(vnm::createApproximateMathPass());
  cleanUp(pm);
  pm.addPass(createConvertVectorToSCFPass());
  pm.addPass(createConvertSCFToOpenMPPass());
  cleanUp(pm);
}

void vnm::addLLVM(OpPassManager &pm, bool hasLaunches) {
  pm.addPass(memref::createExpandOpsPass());
  pm.addPass(memref::createExpandStridedMetadataPass());
  pm.addPass(createLowerAffinePass());
  pm.addPass(createSCFToControlFlowPass());
  pm.addPass(arith::createArithExpandOpsPass());
  pm.addNestedPass<func::FuncOp>(LLVM::createLLVMRequestCWrappersPass());
  pm.addPass(createConvertVectorToLLVMPass());
  pm.addPass(createConvertMathToLLVMPass());
  pm.addPass(createConvertMathToLibmPass());
  if (hasLaunches)
    pm.addPass(createGpuToLLVMConversionPass());
  pm.addPass(createFinalizeMemRefToLLVMConversionPass());
  pm.addPass(createConvertFuncToLLVMPass());
  pm.addPass(createArithToLLVMConversionPass());
  pm.addPass(createConvertIndexToLLVMPass());
  pm.addPass(createConvertControlFlowToLLVMPass());
  pm.addPass(createConvertOpenMPToLLVMPass());
  pm.addPass(createUBToLLVMConversionPass());
  pm.addPass(createReconcileUnrealizedCastsPass());
}

void vnm::buildLowerToCPUPipeline(OpPassManager &pm,
                                  const LowerToCPUOptions &options) {
  addFrontHalf(pm, options.getSettings());
  addBufferization(pm);
  addLoops(pm, options);
  addLLVM(pm, /*hasLaunches=*/false);
}
