// Part of the VNM project, under the Apache License v2.0 with LLVM Exceptions.
// See the file LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// This file implements the pass vnm-expand-kernel-math.

#include "vnm/Conversion/VNMToGPU/VNMToGPU.h"

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
};

static StringRef lookupIntrinsic(Operation *op) {
  for (auto [name, intrinsic] : kIntrinsics)
    if (op->getName().getStringRef() == name)
      return intrinsic;
  return {};
}

namespace {
/// math.<op> : f32 | f64 -> llvm.call_intrinsic. An LLVM op proper
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
    if (!type.isF32() && !type.isF64())
      return rewriter.notifyMatchFailure(op, "is neither f32 nor f64");
    std::string name = (intrinsic + (type.isF32() ? ".f32" : ".f64")).str();
    rewriter.replaceOpWithNewOp<LLVM::CallIntrinsicOp>(
        op, type, rewriter.getStringAttr(name), op->getOperands());
    return success();
  }
};

struct ExpandKernelMath final
    : vnm::impl::ExpandKernelMathBase<ExpandKernelMath> {
  using ExpandKernelMathBase::ExpandKernelMathBase;

  void runOnOperation() override {
    if (failed(extendToF32()) || failed(expand()))
      return signalPassFailure();
    WalkResult result = getOperation()->walk([](Operation *op) {
      bool remainder = isa<arith::RemFOp>(op);
      if (!remainder && !isa_and_nonnull<math::MathDialect>(op->getDialect()))
        return WalkResult::advance();
      if (!remainder && !isa<FloatType>(op->getResult(0).getType()))
        return WalkResult::advance();
      op->emitOpError() << "requires an op and a type with a lowering to PTX "
                           "in a kernel, but its type is "
                        << op->getResult(0).getType();
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
    patterns.add<CallIntrinsic>(&getContext());
    return applyPatternsGreedily(getOperation(), std::move(patterns));
  }
};
} // namespace
