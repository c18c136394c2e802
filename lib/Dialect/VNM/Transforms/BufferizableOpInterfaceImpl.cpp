// Part of the VNM project, under the Apache License v2.0 with LLVM Exceptions.
// See the file LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// This file implements the bufferization of the vnm dialect.

#include "vnm/Dialect/VNM/Transforms/BufferizableOpInterfaceImpl.h"
#include "mlir/Dialect/Bufferization/IR/BufferizableOpInterface.h"
#include "mlir/Dialect/Bufferization/IR/DstBufferizableOpInterfaceImpl.h"
#include "mlir/IR/PatternMatch.h"
#include "vnm/Dialect/VNM/IR/VNMOps.h"

using namespace mlir;
using namespace mlir::bufferization;

/// Buffers of `values`, in order.
static FailureOr<SmallVector<Value>>
getBuffers(RewriterBase &rewriter, ValueRange values,
           const BufferizationOptions &options,
           const BufferizationState &state) {
  SmallVector<Value> buffers;
  for (Value value : values) {
    FailureOr<Value> buffer = getBuffer(rewriter, value, options, state);
    if (failed(buffer))
      return failure();
    buffers.push_back(*buffer);
  }
  return buffers;
}

namespace {

/// Destination-style op of the dialect on storage: the op on buffers has the
/// same operand segments, attributes and regions and no results.
template <typename Model, typename OpTy>
struct StorageOpModel : DstBufferizableOpInterfaceExternalModel<Model, OpTy> {
  bool bufferizesToMemoryRead(Operation *op, OpOperand &operand,
                              const AnalysisState &) const {
    return !cast<OpTy>(op).isDpsInit(&operand);
  }

  LogicalResult bufferize(Operation *op, RewriterBase &rewriter,
                          const BufferizationOptions &options,
                          BufferizationState &state) const {
    rewriter.setInsertionPoint(op);
    FailureOr<SmallVector<Value>> buffers =
        getBuffers(rewriter, op->getOperands(), options, state);
    if (failed(buffers))
      return failure();

    OperationState newState(op->getLoc(), OpTy::getOperationName(), *buffers,
                            TypeRange{},
                            op->getDiscardableAttrDictionary().getValue());
    for (unsigned i = 0; i < op->getNumRegions(); ++i)
      newState.addRegion();
    newState.propertiesAttr = op->getPropertiesAsAttribute();
    Operation *newOp = rewriter.create(newState);
    for (auto [from, to] : llvm::zip(op->getRegions(), newOp->getRegions()))
      rewriter.inlineRegionBefore(from, to, to.end());

    auto dstOp = cast<DestinationStyleOpInterface>(newOp);
    replaceOpWithBufferizedValues(rewriter, op,
                                  SmallVector<Value>(dstOp.getDpsInits()));
    return success();
  }
};

struct PackOpModel : StorageOpModel<PackOpModel, vnm::PackOp> {};
struct UnpackOpModel : StorageOpModel<UnpackOpModel, vnm::UnpackOp> {};

struct SpmmOpModel : StorageOpModel<SpmmOpModel, vnm::SpmmOp> {
  bool bufferizesToMemoryRead(Operation *op, OpOperand &operand,
                              const AnalysisState &) const {
    auto spmmOp = cast<vnm::SpmmOp>(op);
    return !spmmOp.isDpsInit(&operand) || spmmOp.getAccumulate();
  }
};

/// Op on encoded tensors, which have no buffer.
template <typename OpTy>
struct EncodedOpModel
    : BufferizableOpInterface::ExternalModel<EncodedOpModel<OpTy>, OpTy> {
  bool bufferizesToMemoryRead(Operation *, OpOperand &,
                              const AnalysisState &) const {
    return true;
  }
  bool bufferizesToMemoryWrite(Operation *, OpOperand &,
                               const AnalysisState &) const {
    return false;
  }
  AliasingValueList getAliasingValues(Operation *, OpOperand &,
                                      const AnalysisState &) const {
    return {};
  }
  LogicalResult verifyAnalysis(Operation *op, const AnalysisState &) const {
    return op->emitOpError("requires vnm-expand-storage to run before "
                           "bufferization: encoded tensors have no buffer");
  }
  LogicalResult bufferize(Operation *op, RewriterBase &,
                          const BufferizationOptions &,
                          BufferizationState &) const {
    return op->emitOpError("requires vnm-expand-storage to run before "
                           "bufferization: encoded tensors have no buffer");
  }
};

} // namespace

template <typename... OpTys>
static void attachEncodedOpModels(MLIRContext *context) {
  (OpTys::template attachInterface<EncodedOpModel<OpTys>>(*context), ...);
}

void vnm::registerBufferizableOpInterfaceExternalModels(
    DialectRegistry &registry) {
  registry.addExtension(+[](MLIRContext *context, vnm::VNMDialect *) {
    PackOp::attachInterface<PackOpModel>(*context);
    SpmmOp::attachInterface<SpmmOpModel>(*context);
    UnpackOp::attachInterface<UnpackOpModel>(*context);
    attachEncodedOpModels<AssembleOp, CompressOp, DecompressOp, DisassembleOp,
                          MatmulOp>(context);
  });
}
