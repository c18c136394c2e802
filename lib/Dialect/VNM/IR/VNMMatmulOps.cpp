// Part of the VNM project, under the Apache License v2.0 with LLVM Exceptions.
// See the file LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// This file implements vnm.matmul and vnm.spmm: verification and assembly.

#include "OpVerifiers.h"
#include "mlir/Dialect/Tensor/IR/Tensor.h"
#include "mlir/IR/Matchers.h"
#include "mlir/IR/OpImplementation.h"
#include "mlir/IR/PatternMatch.h"
#include "vnm/Dialect/VNM/IR/VNMOps.h"

using namespace mlir;
using namespace vnm;

//===----------------------------------------------------------------------===//
// Assembly of the epilogue:  epilogue(%b per_row : type, ...) { region }
//===----------------------------------------------------------------------===//

static ParseResult
parseEpilogue(OpAsmParser &parser,
              SmallVectorImpl<OpAsmParser::UnresolvedOperand> &operands,
              SmallVectorImpl<Type> &types, ArrayAttr &broadcasts,
              Region &region) {
  SmallVector<Attribute> kinds;
  auto parseOperand = [&]() -> ParseResult {
    StringRef keyword;
    if (parser.parseOperand(operands.emplace_back()))
      return failure();
    SMLoc loc = parser.getCurrentLocation();
    if (parser.parseKeyword(&keyword))
      return failure();
    std::optional<Broadcast> kind = symbolizeBroadcast(keyword);
    if (!kind)
      return parser.emitError(loc)
             << "requires per_row, per_token or full, but found '" << keyword
             << "'";
    kinds.push_back(BroadcastAttr::get(parser.getContext(), *kind));
    return parser.parseColonType(types.emplace_back());
  };
  if (succeeded(parser.parseOptionalKeyword("epilogue"))) {
    if (succeeded(parser.parseOptionalLParen()) &&
        (parser.parseCommaSeparatedList(parseOperand) || parser.parseRParen()))
      return failure();
    if (parser.parseRegion(region))
      return failure();
  }
  broadcasts = parser.getBuilder().getArrayAttr(kinds);
  return success();
}

static void printEpilogue(OpAsmPrinter &printer, Operation *,
                          OperandRange operands, TypeRange types,
                          ArrayAttr broadcasts, Region &region) {
  if (region.empty())
    return;
  printer << "epilogue";
  if (!operands.empty()) {
    printer << "(";
    llvm::interleaveComma(
        llvm::zip(operands, broadcasts, types), printer, [&](auto element) {
          auto [operand, kind, type] = element;
          printer << operand << " "
                  << stringifyBroadcast(cast<BroadcastAttr>(kind).getValue())
                  << " : " << type;
        });
    printer << ")";
  }
  printer << " ";
  printer.printRegion(region);
}

#define GET_OP_CLASSES
#include "vnm/Dialect/VNM/IR/VNMOps.cpp.inc"

void VNMDialect::registerOps() {
  addOperations<
#define GET_OP_LIST
#include "vnm/Dialect/VNM/IR/VNMOps.cpp.inc"
      >();
}

//===----------------------------------------------------------------------===//
// Verification
//===----------------------------------------------------------------------===//

/// Whether two extents may be equal at run time.
static bool areCompatible(int64_t a, int64_t b) {
  return a == b || ShapedType::isDynamic(a) || ShapedType::isDynamic(b);
}

/// Checks ranks, shapes and element types of x and init against R x K.
template <typename OpTy>
static LogicalResult verifyActivations(OpTy op) {
  auto x = cast<ShapedType>(op.getX().getType());
  auto init = cast<ShapedType>(op.getInit().getType());
  int64_t batchDims = op.getNumBatchDims();
  int64_t channels = x.getDimSize(op.getXChannelDim());
  if (channels != op.getNumCols())
    return op.emitOpError()
           << "requires K = " << op.getNumCols() << " channels in dimension "
           << op.getXChannelDim() << " of x, but its type is " << x;
  int64_t rows = init.getDimSize(op.getYRowDim());
  if (rows != op.getNumRows())
    return op.emitOpError()
           << "requires R = " << op.getNumRows() << " rows in dimension "
           << op.getYRowDim() << " of the result, but its type is " << init;
  if (!areCompatible(x.getDimSize(op.getXTokenDim()),
                     init.getDimSize(op.getYTokenDim())))
    return op.emitOpError() << "requires as many tokens in x as in the result, "
                               "but they are "
                            << x.getDimSize(op.getXTokenDim()) << " and "
                            << init.getDimSize(op.getYTokenDim());
  for (int64_t dim = 0; dim < batchDims; ++dim)
    if (!areCompatible(x.getDimSize(dim), init.getDimSize(dim)))
      return op.emitOpError()
             << "requires the same batch in x and in the result, but dimension "
             << dim << " is " << x.getDimSize(dim) << " and "
             << init.getDimSize(dim);
  Type weightElement = op.getWeightElementType();
  if (x.getElementType() != weightElement)
    return op.emitOpError()
           << "requires x to have the weight's element type " << weightElement
           << ", but it has " << x.getElementType();
  Type resultElement = init.getElementType();
  bool floats = isa<FloatType>(resultElement);
  if (isa<FloatType>(weightElement) ? floats
                                    : resultElement.isSignlessInteger(32))
    return success();
  // Only an epilogue says how sums of integers become floats.
  if (isa<IntegerType>(weightElement) && floats && op.hasEpilogue() &&
      !op.getAccumulate())
    return success();
  InFlightDiagnostic diagnostic = op.emitOpError() << "requires a result of ";
  if (isa<FloatType>(weightElement))
    diagnostic << "floats";
  else
    diagnostic << "i32, or of floats by an epilogue without accumulate,";
  return diagnostic << " for a weight of " << weightElement << ", but it has "
                    << resultElement;
}

/// Checks the shape of epilogue operand `index`.
template <typename OpTy>
static LogicalResult verifyEpilogueOperand(OpTy op, unsigned index) {
  auto init = cast<ShapedType>(op.getInit().getType());
  auto type = cast<ShapedType>(op.getEpilogueOperands()[index].getType());
  Broadcast kind = op.getBroadcast(index);
  SmallVector<int64_t> expected;
  switch (kind) {
  case Broadcast::PerRow:
    expected = {op.getNumRows()};
    break;
  case Broadcast::PerToken:
    expected = {init.getDimSize(op.getYTokenDim())};
    break;
  case Broadcast::Full:
    llvm::append_range(expected, init.getShape());
    break;
  }
  bool matches = expected.size() == size_t(type.getRank()) &&
                 llvm::all_of(llvm::zip(expected, type.getShape()), [](auto p) {
                   return areCompatible(std::get<0>(p), std::get<1>(p));
                 });
  if (matches)
    return success();
  InFlightDiagnostic diagnostic =
      op.emitOpError() << "requires epilogue operand #" << index << ", "
                       << stringifyBroadcast(kind) << ", to have shape [";
  llvm::interleaveComma(expected, diagnostic, [&](int64_t size) {
    if (ShapedType::isDynamic(size))
      diagnostic << "?";
    else
      diagnostic << size;
  });
  return diagnostic << "], but its type is " << type;
}

template <typename OpTy>
static LogicalResult verifyEpilogue(OpTy op) {
  size_t numOperands = op.getEpilogueOperands().size();
  if (op.getBroadcasts().size() != numOperands)
    return op.emitOpError()
           << "requires one broadcast per epilogue operand, " << numOperands
           << ", but has " << op.getBroadcasts().size();
  if (!op.hasEpilogue()) {
    if (numOperands)
      return op.emitOpError() << "requires an epilogue to use its "
                              << numOperands << " operands";
    return success();
  }
  Block &block = op.getEpilogue().front();
  SmallVector<Type> expected = {op.getAccumulatorType()};
  for (Value operand : op.getEpilogueOperands())
    expected.push_back(getElementTypeOrSelf(operand.getType()));
  if (!llvm::equal(block.getArgumentTypes(), expected)) {
    InFlightDiagnostic diagnostic =
        op.emitOpError() << "requires the epilogue's arguments to be (";
    llvm::interleaveComma(expected, diagnostic);
    diagnostic << "), but they are (";
    llvm::interleaveComma(block.getArgumentTypes(), diagnostic);
    return diagnostic << ")";
  }
  for (unsigned index = 0; index < numOperands; ++index)
    if (failed(verifyEpilogueOperand(op, index)))
      return failure();
  auto yield = block.empty() ? YieldOp() : dyn_cast<YieldOp>(block.back());
  if (!yield)
    return op.emitOpError() << "requires the epilogue to end in vnm.yield";
  Type stored = getElementTypeOrSelf(op.getInit().getType());
  if (yield.getValue().getType() != stored)
    return yield.emitOpError()
           << "requires the stored element's type " << stored << ", but yields "
           << yield.getValue().getType();
  return success();
}

template <typename OpTy>
static LogicalResult verifyRanks(OpTy op) {
  auto x = cast<ShapedType>(op.getX().getType());
  auto init = cast<ShapedType>(op.getInit().getType());
  if (x.getRank() < 2 || x.getRank() != init.getRank())
    return op.emitOpError() << "requires x and the result to have the same "
                               "rank, 2 or more, but their types are "
                            << x << " and " << init;
  return success();
}

//===----------------------------------------------------------------------===//
// MatmulOp
//===----------------------------------------------------------------------===//

int64_t MatmulOp::getNumRows() {
  return cast<RankedTensorType>(getWeight().getType()).getDimSize(0);
}

int64_t MatmulOp::getNumCols() {
  return cast<RankedTensorType>(getWeight().getType()).getDimSize(1);
}

Type MatmulOp::getAccumulatorType() {
  return vnm::getAccumulatorType(getWeightElementType());
}

LogicalResult MatmulOp::verify() {
  if (!getEncoding())
    return emitOpError()
           << "requires a #vnm.encoding on the weight, but its type is "
           << getWeight().getType();
  if (failed(verifyRanks(*this)) || failed(verifyActivations(*this)) ||
      failed(verifyEpilogue(*this)))
    return failure();
  return verifyDestinations(*this, getOperands(), getInit());
}

LogicalResult MatmulOp::reifyResultShapes(OpBuilder &builder,
                                          ReifiedRankedShapedTypeDims &dims) {
  dims.push_back(tensor::getMixedSizes(builder, getLoc(), getInit()));
  return success();
}

namespace {
/// Adding a constant zero destination is not adding.
struct DropZeroAccumulation : OpRewritePattern<MatmulOp> {
  using OpRewritePattern::OpRewritePattern;

  LogicalResult matchAndRewrite(MatmulOp op,
                                PatternRewriter &rewriter) const override {
    if (!op.getAccumulate() || !(matchPattern(op.getInit(), m_Zero()) ||
                                 matchPattern(op.getInit(), m_AnyZeroFloat())))
      return failure();
    rewriter.modifyOpInPlace(op, [&] { op.setAccumulate(false); });
    return success();
  }
};
} // namespace

void MatmulOp::getCanonicalizationPatterns(RewritePatternSet &patterns,
                                           MLIRContext *context) {
  patterns.add<DropZeroAccumulation>(context);
}

//===----------------------------------------------------------------------===//
// SpmmOp
//===----------------------------------------------------------------------===//

/// Fragments are padded: they do not tell R, but the destination does.
int64_t SpmmOp::getNumRows() {
  if (!getEncoding().isCanonical())
    return cast<ShapedType>(getInit().getType()).getDimSize(getYRowDim());
  return cast<ShapedType>(getValues().getType()).getDimSize(0);
}

int64_t SpmmOp::getNumCols() {
  return cast<ShapedType>(getX().getType()).getDimSize(getXChannelDim());
}

Type SpmmOp::getAccumulatorType() {
  return vnm::getAccumulatorType(getWeightElementType());
}

LogicalResult SpmmOp::verify() {
  if (failed(verifyRanks(*this)))
    return failure();
  auto values = cast<ShapedType>(getValues().getType());
  if (getEncoding().isCanonical() && values.getRank() != 2)
    return emitOpError() << "requires values of rank 2, but their type is "
                         << values;
  int64_t shape[2] = {getNumRows(), getNumCols()};
  EncodingAttr encoding = getEncoding();
  if (failed(encoding.verifyEncoding(shape, values.getElementType(),
                                     [&] { return emitOpError(); })))
    return failure();
  SmallVector<Type> parts = {values, getMetadata().getType(),
                             getColumns().getType()};
  if (getRows())
    parts.push_back(getRows().getType());
  if (failed(verifyStorageParts(
          *this, parts,
          encoding.getStorageTypes(shape, values.getElementType()))) ||
      failed(verifyActivations(*this)) || failed(verifyEpilogue(*this)))
    return failure();
  return verifyDestinations(*this, getOperands(), getInit());
}

LogicalResult SpmmOp::reifyResultShapes(OpBuilder &builder,
                                        ReifiedRankedShapedTypeDims &dims) {
  if (!hasBuffers())
    dims.push_back(tensor::getMixedSizes(builder, getLoc(), getInit()));
  return success();
}

void SpmmOp::getEffects(
    SmallVectorImpl<SideEffects::EffectInstance<MemoryEffects::Effect>>
        &effects) {
  for (OpOperand &operand : getOperation()->getOpOperands()) {
    if (!isa<BaseMemRefType>(operand.get().getType()))
      continue;
    bool isInit = isDpsInit(&operand);
    if (!isInit || getAccumulate())
      effects.emplace_back(MemoryEffects::Read::get(), &operand);
    if (isInit)
      effects.emplace_back(MemoryEffects::Write::get(), &operand);
  }
}
