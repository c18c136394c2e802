// Part of the VNM project, under the Apache License v2.0 with LLVM Exceptions.
// See the file LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// This file implements vnm-fold-weights: constant weights are packed at compile
// time.

#include "ConstantData.h"
#include "RewriteUtils.h"
#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/MLProgram/IR/MLProgram.h"
#include "mlir/Dialect/MemRef/IR/MemRef.h"
#include "mlir/IR/BuiltinOps.h"
#include "mlir/IR/Matchers.h"
#include "mlir/IR/Remarks.h"
#include "mlir/Interfaces/FunctionInterfaces.h"
#include "vnm/Dialect/VNM/IR/VNMOps.h"
#include "vnm/Dialect/VNM/Transforms/LayerReport.h"
#include "vnm/Dialect/VNM/Transforms/Passes.h"
#include "llvm/ADT/SetVector.h"
#include "llvm/ADT/StringMap.h"
#include <chrono>

namespace vnm {
#define GEN_PASS_DEF_FOLDWEIGHTSPASS
#include "vnm/Dialect/VNM/Transforms/Passes.h.inc"
} // namespace vnm

using namespace mlir;
using namespace vnm;

//===----------------------------------------------------------------------===//
// Storage and constants
//===----------------------------------------------------------------------===//

/// The bytes of `elements`, an array of integers.
template <typename T>
static ArrayRef<char> asBytes(const std::vector<T> &elements) {
  return {reinterpret_cast<const char *>(elements.data()),
          elements.size() * sizeof(T)};
}

/// vnm.assemble of resource constants with the contents of `storage`.
static Value createAssembled(OpBuilder &builder, Location loc,
                             RankedTensorType type, StringRef name,
                             const sparsity::Storage &storage) {
  EncodingAttr encoding = EncodingAttr::of(type);
  auto partTypes = EncodingAttr::getStorageTypes(type);
  auto part = [&](unsigned index, StringRef suffix, ArrayRef<char> bytes) {
    return createResourceConstant(builder, loc, partTypes[index],
                                  (name + "." + suffix).str(), bytes);
  };
  Value values = part(0, "vnm_values", storage.values);
  Value metadata = part(1, "vnm_metadata", asBytes(storage.structure.metadata));
  Value columns;
  if (encoding.getColumnWidth() == ColumnWidth::I32) {
    columns = part(2, "vnm_columns", asBytes(storage.structure.columns));
  } else {
    std::vector<uint16_t> narrow(storage.structure.columns.begin(),
                                 storage.structure.columns.end());
    columns = part(2, "vnm_columns", asBytes(narrow));
  }
  SmallVector<Value> parts = {values, metadata, columns};
  if (encoding.hasRows()) {
    std::vector<int32_t> rows;
    rows.reserve(storage.structure.numRows);
    for (int64_t row = 0; row < storage.structure.numRows; ++row)
      rows.push_back(static_cast<int32_t>(storage.structure.outputRow(row)));
    parts.push_back(part(3, "vnm_rows", asBytes(rows)));
  }
  return AssembleOp::create(builder, loc, type, parts);
}

/// Elements of a constant of integers T, widened to U.
template <typename T, typename U>
static llvm::Error readIntegers(ElementsAttr elements, std::vector<U> &result) {
  llvm::Expected<std::vector<char>> bytes = copyConstantData(elements);
  if (!bytes)
    return bytes.takeError();
  for (size_t i = 0; i < bytes->size(); i += sizeof(T)) {
    T element;
    std::memcpy(&element, bytes->data() + i, sizeof(T));
    result.push_back(element);
  }
  return llvm::Error::success();
}

/// The canonical storage that `op` assembles; none unless all of it is
/// constant.
static llvm::Expected<std::optional<sparsity::Storage>>
getAssembledConstant(AssembleOp op) {
  SmallVector<ElementsAttr> parts;
  for (Value part : op.getStorage()) {
    ElementsAttr &elements = parts.emplace_back();
    if (!matchPattern(part, m_Constant(&elements)))
      return std::nullopt;
  }
  auto type = cast<RankedTensorType>(op.getType());
  EncodingAttr encoding = EncodingAttr::of(type);
  if (!encoding.isCanonical())
    return std::nullopt;
  sparsity::Storage storage;
  sparsity::Structure &structure = storage.structure;
  structure.pattern = encoding.getPattern().getPattern();
  structure.form = toCore(encoding.getForm());
  structure.numRows = type.getDimSize(0);
  structure.numCols = type.getDimSize(1);
  storage.type = *toCoreElementType(type.getElementType());
  llvm::Expected<std::vector<char>> values = copyConstantData(parts[0]);
  if (!values)
    return values.takeError();
  storage.values = std::move(*values);
  if (llvm::Error error = readIntegers<uint16_t>(parts[1], structure.metadata))
    return error;
  // i16 column ids are read unsigned.
  if (llvm::Error error =
          encoding.getColumnWidth() == ColumnWidth::I16
              ? readIntegers<uint16_t>(parts[2], structure.columns)
              : readIntegers<int32_t>(parts[2], structure.columns))
    return error;
  if (encoding.hasRows())
    if (llvm::Error error = readIntegers<int32_t>(parts[3], structure.rows))
      return error;
  return storage;
}

//===----------------------------------------------------------------------===//
// The pass
//===----------------------------------------------------------------------===//

namespace {

struct FoldWeightsPass final : vnm::impl::FoldWeightsPassBase<FoldWeightsPass> {
  using FoldWeightsPassBase::FoldWeightsPassBase;

  void runOnOperation() override;

private:
  LogicalResult verifyAssembled();
  LogicalResult foldCompress(CompressOp op);
  LogicalResult foldConstantCompress(CompressOp op, ConstantMatrix &matrix,
                                     ElementsAttr importance);
  LogicalResult foldDecompress(DecompressOp op);
  void eraseDeadGlobals();

  LayerReport *report = nullptr;
  /// How often a layer's name was met.
  llvm::StringMap<unsigned> occurrences;
};

} // namespace

/// Remark options for something done or not done to `op`.
static remark::RemarkOpts getRemarkOpts(Operation *op) {
  auto function = op->getParentOfType<FunctionOpInterface>();
  return remark::RemarkOpts::name("fold")
      .category("vnm-fold")
      .function(function ? function.getName() : StringRef());
}

/// The layer's name of `op`, or a name made of its type.
static std::string getLayerName(CompressOp op) {
  if (auto layer =
          op->getAttrOfType<StringAttr>(VNMDialect::getLayerAttrName()))
    return layer.getValue().str();
  auto type = cast<RankedTensorType>(op.getType());
  return llvm::formatv("weight_{0}_{1}", type.getDimSize(0),
                       type.getDimSize(1));
}

LogicalResult FoldWeightsPass::verifyAssembled() {
  bool valid = true;
  getOperation()->walk([&](AssembleOp op) {
    llvm::Expected<std::optional<sparsity::Storage>> storage =
        getAssembledConstant(op);
    llvm::Error error = storage ? *storage ? sparsity::verifyStorage(**storage)
                                           : llvm::Error::success()
                                : storage.takeError();
    if (!error)
      return;
    op.emitOpError() << "storage: " << llvm::toString(std::move(error));
    valid = false;
  });
  return success(valid);
}

/// The scores of `matrix` that `op` prunes by, given its importance operand.
static llvm::Expected<std::vector<float>>
computeScores(CompressOp op, const ConstantMatrix &matrix,
              ElementsAttr importance) {
  std::vector<float> given;
  if (importance) {
    llvm::Expected<std::vector<float>> read = readFloats(importance);
    if (!read)
      return read.takeError();
    given = std::move(*read);
  }
  if (op.getCriterion() == Criterion::Given)
    return given;
  sparsity::ImportanceOptions options;
  options.criterion = toCore(op.getCriterion());
  options.activationNorms = given;
  return sparsity::importance(matrix.view, options);
}

/// What the strict form without permutations retains.
static llvm::Expected<double>
retainedInStrictForm(ArrayRef<float> scores, int64_t rows, int64_t cols,
                     const sparsity::Pattern &pattern) {
  llvm::Expected<sparsity::Structure> structure =
      sparsity::prune(scores, rows, cols, pattern);
  if (!structure)
    return structure.takeError();
  return sparsity::retainedImportance(scores, *structure);
}

/// Prunes and packs `matrix` and replaces `op` by the result.
LogicalResult FoldWeightsPass::foldConstantCompress(CompressOp op,
                                                    ConstantMatrix &matrix,
                                                    ElementsAttr importance) {
  std::string layer = getLayerName(op);
  if (unsigned count = occurrences[layer]++)
    layer += "." + std::to_string(count);
  auto fail = [&](llvm::Error error) {
    return op.emitOpError()
           << "of layer '" << layer
           << "' cannot be folded: " << llvm::toString(std::move(error));
  };
  auto type = cast<RankedTensorType>(op.getType());
  EncodingAttr encoding = EncodingAttr::of(type);
  auto sparsity = SparsityAttr::get(op.getContext(), encoding.getPattern(),
                                    encoding.getForm(), op.getCriterion(),
                                    op.getColumnChoice(),
                                    encoding.getRowOrder(), op.getEffort());
  sparsity::Pattern pattern = encoding.getPattern().getPattern();
  int64_t rows = type.getDimSize(0), cols = type.getDimSize(1);

  llvm::Expected<std::vector<float>> scores =
      computeScores(op, matrix, importance);
  if (!scores)
    return fail(scores.takeError());
  auto start = std::chrono::steady_clock::now();
  llvm::Expected<sparsity::Structure> structure =
      sparsity::prune(*scores, rows, cols, pattern, sparsity.getPruneOptions());
  if (!structure)
    return fail(structure.takeError());
  std::chrono::duration<double> elapsed =
      std::chrono::steady_clock::now() - start;
  llvm::Expected<sparsity::Storage> storage =
      sparsity::pack(matrix.view, *structure);
  if (!storage)
    return fail(storage.takeError());

  LayerRecord &record = (*report)[layer];
  record.rows = rows;
  record.cols = cols;
  record.type = matrix.view.type;
  record.sparsity = sparsity;
  record.retained = sparsity::retainedImportance(*scores, *structure);
  record.bytesDense =
      type.getNumElements() * sparsity::byteWidth(matrix.view.type);
  record.bytesSparse =
      encoding.getStorageSizeInBytes(type.getShape(), type.getElementType());
  if (encoding.getForm() == Form::Free) {
    llvm::Expected<double> strict =
        retainedInStrictForm(*scores, rows, cols, pattern);
    if (!strict)
      return fail(strict.takeError());
    record.steps.push_back(
        {encoding.hasRows() ? "free rows and columns" : "free columns", *strict,
         *record.retained, elapsed.count()});
  }
  remark::passed(op.getLoc(), getRemarkOpts(op))
      << remark::add("layer {0}: {1} x {2} packed at {3} {4}", layer, rows,
                     cols, pattern.str(), stringifyForm(encoding.getForm()))
      << remark::metric("RetainedImportance", *record.retained)
      << remark::metric("BytesBefore", record.bytesDense)
      << remark::metric("BytesAfter", record.bytesSparse);
  ++numFolded;
  bytesBefore += record.bytesDense;
  bytesAfter += record.bytesSparse;

  OpBuilder builder(op);
  op.replaceAllUsesWith(
      createAssembled(builder, op.getLoc(), type, layer, *storage));
  eraseIfDead(op);
  return success();
}

/// Folds `op` if its weight and importance are constant; else says why not.
LogicalResult FoldWeightsPass::foldCompress(CompressOp op) {
  auto leave = [&](StringRef reason) {
    remark::missed(op.getLoc(), getRemarkOpts(op))
        << remark::add("layer {0} is packed when the program runs",
                       getLayerName(op))
        << remark::reason("{0}", reason.str());
    return success();
  };
  FailureOr<WeightView> view = traceWeight(op.getWeight());
  if (failed(view))
    return leave("its weight is computed when the program runs");
  if (view->kind == WeightSourceKind::Argument)
    return leave("its weight is a function argument");
  ElementsAttr contents = getWeightContents(*view);
  if (!contents)
    return leave("its weight has no value in this module");
  ElementsAttr importance;
  if (op.getImportance() &&
      !matchPattern(op.getImportance(), m_Constant(&importance)))
    return leave("its importance is computed when the program runs");
  llvm::Expected<std::optional<ConstantMatrix>> matrix =
      getConstantMatrix(*view, contents);
  if (!matrix)
    return op.emitOpError()
           << "of layer '" << getLayerName(op)
           << "' cannot be folded: " << llvm::toString(matrix.takeError());
  if (!*matrix)
    return leave("its weight is cast from a type other than f16, bf16, f32 "
                 "and i8");
  return foldConstantCompress(op, **matrix, importance);
}

/// Folds `op` if it decodes constant storage.
LogicalResult FoldWeightsPass::foldDecompress(DecompressOp op) {
  auto assembleOp = op.getSource().getDefiningOp<AssembleOp>();
  if (!assembleOp)
    return success();
  llvm::Expected<std::optional<sparsity::Storage>> storage =
      getAssembledConstant(assembleOp);
  if (!storage)
    return op.emitOpError() << llvm::toString(storage.takeError());
  if (!*storage)
    return success();
  std::vector<char> dense;
  if (llvm::Error error = sparsity::unpack(**storage, dense))
    return op.emitOpError() << llvm::toString(std::move(error));
  OpBuilder builder(op);
  op.replaceAllUsesWith(createResourceConstant(
      builder, op.getLoc(), cast<RankedTensorType>(op.getType()),
      "vnm_decompressed", dense));
  eraseIfDead(op);
  return success();
}

/// Erases private constant globals that nothing mentions.
void FoldWeightsPass::eraseDeadGlobals() {
  SmallVector<Operation *> dead;
  for (Operation &op : *getOperation().getBody()) {
    auto programGlobal = dyn_cast<ml_program::GlobalOp>(op);
    auto bufferGlobal = dyn_cast<memref::GlobalOp>(op);
    bool isConstant = (programGlobal && !programGlobal.getIsMutable()) ||
                      (bufferGlobal && bufferGlobal.getConstant());
    if (isConstant && cast<SymbolOpInterface>(op).isPrivate() &&
        SymbolTable::symbolKnownUseEmpty(&op, getOperation()))
      dead.push_back(&op);
  }
  for (Operation *op : dead)
    op->erase();
}

void FoldWeightsPass::runOnOperation() {
  report = &getAnalysis<LayerReport>();
  occurrences.clear();
  if (failed(verifyAssembled()))
    return signalPassFailure();
  bool valid = true;
  // In the order of the products, which is the model's; then all others.
  llvm::SetVector<CompressOp> compressOps;
  getOperation()->walk([&](MatmulOp op) {
    if (auto compressOp = op.getWeight().getDefiningOp<CompressOp>())
      compressOps.insert(compressOp);
  });
  getOperation()->walk([&](CompressOp op) { compressOps.insert(op); });
  for (CompressOp op : compressOps)
    valid &= succeeded(foldCompress(op));
  SmallVector<DecompressOp> decompressOps;
  getOperation()->walk([&](DecompressOp op) { decompressOps.push_back(op); });
  for (DecompressOp op : decompressOps)
    valid &= succeeded(foldDecompress(op));
  eraseDeadGlobals();
  if (!valid)
    signalPassFailure();
}
