// Part of the VNM project, under the Apache License v2.0 with LLVM Exceptions.
// See the file LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// This file implements the pass vnm-expand-kernel-math.

#include "vnm/Conversion/VNMToGPU/VNMToGPU.h"

#include "RoundedMath.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/GPU/IR/GPUDialect.h"
#include "mlir/Dialect/LLVMIR/LLVMDialect.h"
#include "mlir/Dialect/Math/IR/Math.h"
#include "mlir/Dialect/Math/Transforms/Passes.h"
#include "mlir/Dialect/Vector/IR/VectorOps.h"
#include "mlir/Pass/Pass.h"
#include "mlir/Transforms/DialectConversion.h"
#include "mlir/Transforms/GreedyPatternRewriteDriver.h"

namespace vnm {
#define GEN_PASS_DEF_EXPANDKERNELMATH
#include "vnm/Conversion/Passes.h.inc"
} // namespace vnm

using namespace mlir;

/// Ops that PTX has an instruction or a short correctly rounded sequence for,
/// with the LLVM intrinsic that selects it.
static constexpr std::pair<StringLiteral, StringLiteral> kIntrinsics[] = {
    {"math.absf", "llvm.fabs"},         {"math.ceil", "llvm.ceil"},
    {"math.copysign", "llvm.copysign"}, {"math.floor", "llvm.floor"},
    {"math.fma", "llvm.fma"},           {"math.roundeven", "llvm.roundeven"},
    {"math.sqrt", "llvm.sqrt"},         {"math.trunc", "llvm.trunc"},
    {"arith.maxnumf", "llvm.maxnum"},   {"arith.minnumf", "llvm.minnum"},
};

static StringRef lookupIntrinsic(Operation *op) {
  for (auto [name, intrinsic] : kIntrinsics)
    if (op->getName().getStringRef() == name)
      return intrinsic;
  return {};
}

/// What an intrinsic's name ends in for `type`; empty if it is not a float type
/// that PTX computes with.
static StringRef getSuffix(Type type) {
  if (type.isF16())
    return ".f16";
  if (type.isBF16())
    return ".bf16";
  if (type.isF32())
    return ".f32";
  return type.isF64() ? ".f64" : "";
}

/// isnan, isinf and isfinite are comparisons.
static LogicalResult expandIsNaN(math::IsNaNOp op, PatternRewriter &rewriter) {
  rewriter.replaceOpWithNewOp<arith::CmpFOp>(op, arith::CmpFPredicate::UNO,
                                             op.getOperand(), op.getOperand());
  return success();
}

template <typename OpTy, arith::CmpFPredicate predicate>
static LogicalResult compareToInfinity(OpTy op, PatternRewriter &rewriter) {
  auto type = dyn_cast<FloatType>(op.getOperand().getType());
  if (!type)
    return rewriter.notifyMatchFailure(op, "is not a scalar");
  Value magnitude =
      math::AbsFOp::create(rewriter, op.getLoc(), op.getOperand());
  Value infinity = arith::ConstantOp::create(
      rewriter, op.getLoc(),
      rewriter.getFloatAttr(type, APFloat::getInf(type.getFloatSemantics())));
  rewriter.replaceOpWithNewOp<arith::CmpFOp>(op, predicate, magnitude,
                                             infinity);
  return success();
}

/// log10(x) = log(x) / ln 10; the logarithm is expanded in turn.
static LogicalResult expandLog10(math::Log10Op op, PatternRewriter &rewriter) {
  if (!op.getType().isF32())
    return rewriter.notifyMatchFailure(op, "is not f32");
  Value log = math::LogOp::create(rewriter, op.getLoc(), op.getOperand());
  Value scale = arith::ConstantOp::create(
      rewriter, op.getLoc(), rewriter.getF32FloatAttr(0.434294482f));
  rewriter.replaceOpWithNewOp<arith::MulFOp>(op, log, scale);
  return success();
}

namespace {
/// An op on floats -> llvm.call_intrinsic. An LLVM op proper
/// (llvm.intr.floor) would become a libdevice call again in
/// convert-gpu-to-nvvm.
struct CallIntrinsic : RewritePattern {
  explicit CallIntrinsic(MLIRContext *context)
      : RewritePattern(MatchAnyOpTypeTag(), /*benefit=*/1, context) {}

  LogicalResult matchAndRewrite(Operation *op,
                                PatternRewriter &rewriter) const override {
    StringRef intrinsic = lookupIntrinsic(op);
    if (intrinsic.empty())
      return rewriter.notifyMatchFailure(op, "has no PTX instruction");
    Type type = op->getResult(0).getType();
    StringRef suffix = getSuffix(type);
    if (suffix.empty())
      return rewriter.notifyMatchFailure(op, "has no intrinsic of its type");
    std::string name = (intrinsic + suffix).str();
    rewriter.replaceOpWithNewOp<LLVM::CallIntrinsicOp>(
        op, type, rewriter.getStringAttr(name), op->getOperands());
    return success();
  }
};

struct ExpandKernelMath final
    : vnm::impl::ExpandKernelMathBase<ExpandKernelMath> {
  using ExpandKernelMathBase::ExpandKernelMathBase;

  void runOnOperation() override {
    if (failed(extendToF32()) ||
        failed(vnm::approximateRoundedMath(getOperation())) || failed(expand()))
      return signalPassFailure();
    WalkResult result = getOperation()->walk([](Operation *op) {
      if (!isa<arith::RemFOp>(op) &&
          !isa_and_nonnull<math::MathDialect>(op->getDialect()))
        return WalkResult::advance();
      op->emitOpError() << "requires an op and a type with a lowering to PTX "
                           "in a kernel, but its type is "
                        << op->getOperand(0).getType();
      return WalkResult::interrupt();
    });
    if (result.wasInterrupted())
      signalPassFailure();
  }

private:
  /// f16 and bf16 math in f32, rounded once.
  LogicalResult extendToF32() {
    MLIRContext *context = &getContext();
    TypeConverter converter;
    SetVector<Type> supported;
    supported.insert(Float32Type::get(context));
    supported.insert(Float64Type::get(context));
    math::populateExtendToSupportedTypesTypeConverter(
        converter, supported, Float32Type::get(context));
    ConversionTarget target(*context);
    math::populateExtendToSupportedTypesConversionTarget(target, converter);
    RewritePatternSet patterns(context);
    math::populateExtendToSupportedTypesPatterns(patterns, converter);
    return applyPartialConversion(getOperation(), target, std::move(patterns));
  }

  /// Elementary functions by polynomials and by each other. What PTX has stays.
  LogicalResult expand() {
    RewritePatternSet patterns(&getContext());
    auto hasInstruction = [](StringRef name) {
      return llvm::any_of(kIntrinsics,
                          [&](auto entry) { return entry.first == name; });
    };
    auto wanted = [=](StringRef name) { return !hasInstruction(name); };
    populateMathF32ExpansionPatterns(patterns, wanted);
    populateMathPolynomialApproximationPatterns(patterns, wanted);
    math::populateExpansionPatterns(
        patterns, {"acosh", "asinh", "atanh", "clampf", "cosh", "exp2", "fpowi",
                   "powf", "round", "rsqrt", "sinh", "tan"});
    patterns.add(expandIsNaN);
    patterns.add(compareToInfinity<math::IsInfOp, arith::CmpFPredicate::OEQ>);
    patterns.add(
        compareToInfinity<math::IsFiniteOp, arith::CmpFPredicate::OLT>);
    patterns.add(expandLog10);
    patterns.add<CallIntrinsic>(&getContext());
    return applyPatternsGreedily(getOperation(), std::move(patterns));
  }
};
} // namespace
