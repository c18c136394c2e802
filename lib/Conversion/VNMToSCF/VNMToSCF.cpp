// Part of the VNM project, under the Apache License v2.0 with LLVM Exceptions.
// See the file LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// This file implements the pass convert-vnm-to-scf.

#include "vnm/Conversion/VNMToSCF/VNMToSCF.h"
#include "PackUnpack.h"
#include "SpmmEmitter.h"
#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/Dialect/MemRef/IR/MemRef.h"
#include "mlir/Dialect/SCF/IR/SCF.h"
#include "mlir/Dialect/Vector/IR/VectorOps.h"
#include "mlir/IR/BuiltinOps.h"
#include "mlir/Transforms/WalkPatternRewriteDriver.h"
#include "llvm/Support/MathExtras.h"

namespace vnm {
#define GEN_PASS_DEF_CONVERTVNMTOSCF
#include "vnm/Conversion/Passes.h.inc"
} // namespace vnm

using namespace mlir;
using namespace vnm;

/// The most that options may ask for: buffers of both sizes are on a thread's
/// stack.
static constexpr int64_t kMaxTokenTile = 512;
static constexpr int64_t kMaxGroupsPerBlock = 256;

static bool hasTensorOperand(Operation *op) {
  return llvm::any_of(op->getOperandTypes(), llvm::IsaPred<TensorType>);
}

namespace {
struct ConvertSpmm : OpRewritePattern<SpmmOp> {
  ConvertSpmm(MLIRContext *context, const VNMToSCFOptions &options)
      : OpRewritePattern(context), options(options) {}

  LogicalResult matchAndRewrite(SpmmOp op,
                                PatternRewriter &rewriter) const override {
    if (hasTensorOperand(op))
      return rewriter.notifyMatchFailure(op, "works on tensors");
    if (!op.getEncoding().isCanonical())
      return rewriter.notifyMatchFailure(op, "weight is in fragments");
    SpmmEmitter(op, rewriter, options).emit();
    rewriter.eraseOp(op);
    return success();
  }

  VNMToSCFOptions options;
};

struct ConvertPack : OpRewritePattern<PackOp> {
  using OpRewritePattern::OpRewritePattern;

  LogicalResult matchAndRewrite(PackOp op,
                                PatternRewriter &rewriter) const override {
    if (hasTensorOperand(op))
      return rewriter.notifyMatchFailure(op, "works on tensors");
    if (failed(emitPackCall(op, rewriter)))
      return rewriter.notifyMatchFailure(op,
                                         "runtime function's name is taken");
    rewriter.eraseOp(op);
    return success();
  }
};

struct ConvertUnpack : OpRewritePattern<UnpackOp> {
  using OpRewritePattern::OpRewritePattern;

  LogicalResult matchAndRewrite(UnpackOp op,
                                PatternRewriter &rewriter) const override {
    if (hasTensorOperand(op))
      return rewriter.notifyMatchFailure(op, "works on tensors");
    emitUnpack(op, rewriter);
    rewriter.eraseOp(op);
    return success();
  }
};

struct ConvertVNMToSCF : vnm::impl::ConvertVNMToSCFBase<ConvertVNMToSCF> {
  using ConvertVNMToSCFBase::ConvertVNMToSCFBase;

  void runOnOperation() override {
    if (failed(verifyOptions()))
      return signalPassFailure();
    RewritePatternSet patterns(&getContext());
    populateVNMToSCFPatterns(patterns, {tokenTile, groupsPerBlock});
    walkAndApplyPatterns(getOperation(), std::move(patterns));
    WalkResult result = getOperation().walk([](Operation *op) {
      if (!isa<SpmmOp, PackOp, UnpackOp>(op))
        return WalkResult::advance();
      if (hasTensorOperand(op))
        op->emitOpError() << "requires operands in memory, but they are "
                             "tensors; run one-shot-bufferize first";
      else if (auto spmm = dyn_cast<SpmmOp>(op);
               spmm && !spmm.getEncoding().isCanonical())
        op->emitOpError() << "requires layout = canonical on a CPU, but the "
                             "encoding is "
                          << spmm.getEncoding();
      else
        op->emitOpError() << "requires the runtime library's function name, "
                             "but another symbol has it";
      return WalkResult::interrupt();
    });
    if (result.wasInterrupted())
      signalPassFailure();
  }

  LogicalResult verifyOptions() {
    Location loc = getOperation().getLoc();
    if (tokenTile < 16 || tokenTile > kMaxTokenTile ||
        !llvm::isPowerOf2_64(tokenTile))
      return emitError(loc)
             << "convert-vnm-to-scf requires token-tile to be a "
                "power of two in [16, "
             << kMaxTokenTile << "], but it is " << tokenTile.getValue();
    if (groupsPerBlock < 4 || groupsPerBlock > kMaxGroupsPerBlock ||
        groupsPerBlock % 4 != 0)
      return emitError(loc)
             << "convert-vnm-to-scf requires groups-per-block to "
                "be a multiple of 4 in [4, "
             << kMaxGroupsPerBlock << "], but it is "
             << groupsPerBlock.getValue();
    return success();
  }
};
} // namespace

void vnm::populateVNMToSCFPatterns(RewritePatternSet &patterns,
                                   const VNMToSCFOptions &options) {
  patterns.add<ConvertSpmm>(patterns.getContext(), options);
  patterns.add<ConvertPack, ConvertUnpack>(patterns.getContext());
}
