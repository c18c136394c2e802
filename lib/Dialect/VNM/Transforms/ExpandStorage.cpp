// Part of the VNM project, under the Apache License v2.0 with LLVM Exceptions.
// See the file LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// This file implements vnm-expand-storage: encoded tensors become storage.

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/Dialect/Func/Transforms/FuncConversions.h"
#include "mlir/Dialect/SCF/IR/SCF.h"
#include "mlir/Dialect/SCF/Transforms/Patterns.h"
#include "mlir/Dialect/Tensor/IR/Tensor.h"
#include "mlir/IR/BuiltinOps.h"
#include "mlir/Transforms/DialectConversion.h"
#include "vnm/Dialect/VNM/IR/VNMDialect.h"
#include "vnm/Dialect/VNM/IR/VNMOps.h"
#include "vnm/Dialect/VNM/Transforms/Passes.h"

namespace vnm {
#define GEN_PASS_DEF_EXPANDSTORAGEPASS
#include "vnm/Dialect/VNM/Transforms/Passes.h.inc"
} // namespace vnm

using namespace mlir;

/// Whether `type` is or mentions (as a function type does) an encoded tensor.
static bool mentionsEncoding(Type type) {
  if (isa<IntegerType, FloatType, IndexType>(type))
    return false;
  return type
      .walk<WalkOrder::PreOrder>(
          [](vnm::EncodingAttr) { return WalkResult::interrupt(); })
      .wasInterrupted();
}

/// Whether an operand, a result, a block argument or the function type of `op`
/// mentions an encoded tensor.
static bool touchesEncoding(Operation *op) {
  if (llvm::any_of(op->getOperandTypes(), mentionsEncoding) ||
      llvm::any_of(op->getResultTypes(), mentionsEncoding))
    return true;
  if (auto function = dyn_cast<func::FuncOp>(op))
    if (mentionsEncoding(function.getFunctionType()))
      return true;
  for (Region &region : op->getRegions())
    for (Block &block : region)
      if (llvm::any_of(block.getArgumentTypes(), mentionsEncoding))
        return true;
  return false;
}

/// Whether the pass can convert `op` if it touches encoded tensors.
static bool isConvertible(Operation *op) {
  return isa<vnm::AssembleOp, vnm::CompressOp, vnm::DecompressOp,
             vnm::DisassembleOp, vnm::MatmulOp, func::FuncOp, func::CallOp,
             func::ReturnOp, scf::ForOp, scf::IfOp, scf::WhileOp, scf::YieldOp,
             scf::ConditionOp, scf::IndexSwitchOp, arith::SelectOp>(op);
}

/// Reports every op that keeps an encoded tensor alive.
static LogicalResult verifyConvertible(Operation *root) {
  bool valid = true;
  root->walk([&](Operation *op) {
    if (!touchesEncoding(op))
      return;
    if (!isConvertible(op)) {
      op->emitOpError("cannot be applied to tensors with a vnm.encoding: only "
                      "vnm ops, functions, calls and scf ops can");
      valid = false;
      return;
    }
    auto function = dyn_cast<func::FuncOp>(op);
    if (!function || function.isExternal())
      return;
    for (Block &block : llvm::drop_begin(function.getBody())) {
      if (llvm::none_of(block.getArgumentTypes(), mentionsEncoding))
        continue;
      op->emitOpError("requires blocks other than the entry to have no "
                      "argument with a vnm.encoding, but block ")
          << std::distance(function.getBody().begin(), block.getIterator())
          << " has one";
      valid = false;
    }
  });
  return success(valid);
}

/// The attribute dictionaries of `types` after conversion: those of an encoded
/// type go to each of its parts, without vnm.weight, which speaks of dense
/// weights.
static ArrayAttr expandAttrDicts(ArrayAttr dicts, TypeRange types,
                                 const TypeConverter &converter) {
  if (!dicts)
    return {};
  SmallVector<Attribute> expanded;
  for (auto [dict, type] : llvm::zip_equal(dicts, types)) {
    SmallVector<Type> parts;
    if (failed(converter.convertType(type, parts)))
      return {};
    NamedAttrList attributes(cast<DictionaryAttr>(dict));
    if (vnm::EncodingAttr::of(type))
      attributes.erase(vnm::VNMDialect::getWeightAttrName());
    expanded.append(parts.size(), attributes.getDictionary(dicts.getContext()));
  }
  return ArrayAttr::get(dicts.getContext(), expanded);
}

/// Drops vnm.weight, which no later pass reads and no translation knows.
static void dropWeightMarks(FunctionOpInterface function) {
  for (unsigned i = 0; i < function.getNumArguments(); ++i)
    function.removeArgAttr(i, vnm::VNMDialect::getWeightAttrName());
}

namespace {

/// Changes the signature of a function, its attributes and its entry block.
struct ConvertFunc final : OpConversionPattern<func::FuncOp> {
  using OpConversionPattern::OpConversionPattern;

  LogicalResult
  matchAndRewrite(func::FuncOp op, OpAdaptor adaptor,
                  ConversionPatternRewriter &rewriter) const override {
    const TypeConverter &converter = *getTypeConverter();
    FunctionType type = op.getFunctionType();
    TypeConverter::SignatureConversion signature(type.getNumInputs());
    SmallVector<Type> results;
    if (failed(converter.convertSignatureArgs(type.getInputs(), signature)) ||
        failed(converter.convertTypes(type.getResults(), results)))
      return rewriter.notifyMatchFailure(op, "signature has no conversion");

    if (!op.isExternal())
      rewriter.applySignatureConversion(&op.getBody().front(), signature,
                                        &converter);
    ArrayAttr argAttrs =
        expandAttrDicts(op.getArgAttrsAttr(), type.getInputs(), converter);
    ArrayAttr resAttrs =
        expandAttrDicts(op.getResAttrsAttr(), type.getResults(), converter);
    rewriter.modifyOpInPlace(op, [&] {
      // The attributes first: setting the type alone would drop or misplace
      // them.
      op.removeArgAttrsAttr();
      op.removeResAttrsAttr();
      op.setFunctionType(FunctionType::get(
          op.getContext(), signature.getConvertedTypes(), results));
      if (argAttrs)
        op.setArgAttrsAttr(argAttrs);
      if (resAttrs)
        op.setResAttrsAttr(resAttrs);
    });
    return success();
  }
};

/// vnm.assemble: its operands are the parts.
struct ExpandAssemble final : OpConversionPattern<vnm::AssembleOp> {
  using OpConversionPattern::OpConversionPattern;

  LogicalResult
  matchAndRewrite(vnm::AssembleOp op, OpAdaptor adaptor,
                  ConversionPatternRewriter &rewriter) const override {
    rewriter.replaceOpWithMultiple(op, {adaptor.getStorage()});
    return success();
  }
};

/// vnm.disassemble: its results are the parts.
struct ExpandDisassemble final : OpConversionPattern<vnm::DisassembleOp> {
  using OpConversionPattern::OpConversionPattern;

  LogicalResult
  matchAndRewrite(vnm::DisassembleOp op, OneToNOpAdaptor adaptor,
                  ConversionPatternRewriter &rewriter) const override {
    rewriter.replaceOp(op, adaptor.getSource());
    return success();
  }
};

/// vnm.compress: vnm.pack into new tensors.
struct ExpandCompress final : OpConversionPattern<vnm::CompressOp> {
  using OpConversionPattern::OpConversionPattern;

  LogicalResult
  matchAndRewrite(vnm::CompressOp op, OpAdaptor adaptor,
                  ConversionPatternRewriter &rewriter) const override {
    auto type = cast<RankedTensorType>(op.getResult().getType());
    SmallVector<Value> inits;
    SmallVector<Type> types;
    for (RankedTensorType part : vnm::EncodingAttr::getStorageTypes(type)) {
      inits.push_back(tensor::EmptyOp::create(
          rewriter, op.getLoc(), part.getShape(), part.getElementType()));
      types.push_back(part);
    }
    auto packOp = vnm::PackOp::create(
        rewriter, op.getLoc(), types, vnm::EncodingAttr::of(type),
        adaptor.getWeight(), adaptor.getImportance(), inits,
        op.getCriterionAttr(), op.getColumnChoiceAttr(), op.getEffortAttr());
    rewriter.replaceOpWithMultiple(op, {packOp.getStorage()});
    return success();
  }
};

/// vnm.decompress: vnm.unpack into a new tensor.
struct ExpandDecompress final : OpConversionPattern<vnm::DecompressOp> {
  using OpConversionPattern::OpConversionPattern;

  LogicalResult
  matchAndRewrite(vnm::DecompressOp op, OneToNOpAdaptor adaptor,
                  ConversionPatternRewriter &rewriter) const override {
    auto type = cast<RankedTensorType>(op.getResult().getType());
    Value init = tensor::EmptyOp::create(rewriter, op.getLoc(), type.getShape(),
                                         type.getElementType());
    rewriter.replaceOpWithNewOp<vnm::UnpackOp>(
        op, TypeRange{type}, vnm::EncodingAttr::of(op.getSource().getType()),
        adaptor.getSource(), init);
    return success();
  }
};

/// vnm.matmul: vnm.spmm with the same epilogue.
struct ExpandMatmul final : OpConversionPattern<vnm::MatmulOp> {
  using OpConversionPattern::OpConversionPattern;

  LogicalResult
  matchAndRewrite(vnm::MatmulOp op, OneToNOpAdaptor adaptor,
                  ConversionPatternRewriter &rewriter) const override {
    ValueRange storage = adaptor.getWeight();
    if (storage.size() != op.getEncoding().getNumStorageParts())
      return rewriter.notifyMatchFailure(op, "weight was not converted");
    Value rows = op.getEncoding().hasRows() ? storage[3] : Value();
    SmallVector<Value> epilogueOperands;
    for (ValueRange operand : adaptor.getEpilogueOperands())
      llvm::append_range(epilogueOperands, operand);
    auto spmmOp = vnm::SpmmOp::create(
        rewriter, op.getLoc(), op->getResultTypes(), op.getEncoding(),
        storage[0], storage[1], storage[2], rows, adaptor.getX().front(),
        adaptor.getInit().front(), epilogueOperands, op.getBroadcastsAttr(),
        op.getAccumulateAttr(), op.getXLayoutAttr(), op.getYLayoutAttr(),
        /*schedule=*/vnm::ScheduleAttr());
    spmmOp->setDiscardableAttrs(op->getDiscardableAttrDictionary());
    rewriter.inlineRegionBefore(op.getEpilogue(), spmmOp.getEpilogue(),
                                spmmOp.getEpilogue().end());
    rewriter.replaceOp(op, spmmOp.getResult());
    return success();
  }
};

/// arith.select between encoded tensors: one select per part.
struct ExpandSelect final : OpConversionPattern<arith::SelectOp> {
  using OpConversionPattern::OpConversionPattern;

  LogicalResult
  matchAndRewrite(arith::SelectOp op, OneToNOpAdaptor adaptor,
                  ConversionPatternRewriter &rewriter) const override {
    SmallVector<Value> selected;
    for (auto [first, second] :
         llvm::zip_equal(adaptor.getTrueValue(), adaptor.getFalseValue()))
      selected.push_back(arith::SelectOp::create(rewriter, op.getLoc(),
                                                 adaptor.getCondition().front(),
                                                 first, second));
    rewriter.replaceOpWithMultiple(op, {ValueRange(selected)});
    return success();
  }
};

struct ExpandStoragePass final
    : vnm::impl::ExpandStoragePassBase<ExpandStoragePass> {
  void runOnOperation() override {
    ModuleOp module = getOperation();
    if (failed(verifyConvertible(module)))
      return signalPassFailure();
    module.walk([&](vnm::MatmulOp) { ++numProducts; });

    TypeConverter converter;
    vnm::populateExpandStorageTypeConversion(converter);
    RewritePatternSet patterns(&getContext());
    vnm::populateExpandStoragePatterns(converter, patterns);
    ConversionTarget target(getContext());
    target.markUnknownOpDynamicallyLegal(
        [](Operation *op) { return !touchesEncoding(op); });
    if (failed(applyPartialConversion(module, target, std::move(patterns))))
      return signalPassFailure();
    module.walk(dropWeightMarks);
  }
};

} // namespace

void vnm::populateExpandStorageTypeConversion(TypeConverter &converter) {
  converter.addConversion([](Type type) { return type; });
  converter.addConversion(
      [](RankedTensorType type,
         SmallVectorImpl<Type> &parts) -> std::optional<LogicalResult> {
        if (!EncodingAttr::of(type))
          return std::nullopt;
        llvm::append_range(parts, EncodingAttr::getStorageTypes(type));
        return success();
      });
}

void vnm::populateExpandStoragePatterns(const TypeConverter &converter,
                                        RewritePatternSet &patterns) {
  patterns.add<ConvertFunc, ExpandAssemble, ExpandCompress, ExpandDecompress,
               ExpandDisassemble, ExpandMatmul, ExpandSelect>(
      converter, patterns.getContext());
  populateCallOpTypeConversionPattern(patterns, converter);
  populateReturnOpTypeConversionPattern(patterns, converter);
  scf::populateSCFStructuralTypeConversions(converter, patterns);
}
