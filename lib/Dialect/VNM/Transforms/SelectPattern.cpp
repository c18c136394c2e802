// Part of the VNM project, under the Apache License v2.0 with LLVM Exceptions.
// See the file LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// This file implements vnm-select-pattern: V and M of every annotated product.

#include "LayerScores.h"
#include "mlir/IR/BuiltinOps.h"
#include "mlir/IR/Remarks.h"
#include "mlir/Interfaces/FunctionInterfaces.h"
#include "vnm/Dialect/VNM/IR/VNMDialect.h"
#include "vnm/Dialect/VNM/Transforms/LayerReport.h"
#include "vnm/Dialect/VNM/Transforms/Passes.h"
#include "vnm/Sparsity/Select.h"

namespace vnm {
#define GEN_PASS_DEF_SELECTPATTERNPASS
#include "vnm/Dialect/VNM/Transforms/Passes.h.inc"
} // namespace vnm

using namespace mlir;
using namespace vnm;

/// The candidates where none are given.
static std::vector<sparsity::Pattern> getDefaultCandidates() {
  std::vector<sparsity::Pattern> candidates;
  for (int64_t v : {32, 64, 128})
    for (int64_t m : {5, 6, 8, 16})
      candidates.push_back({v, sparsity::kValuesPerGroup, m});
  return candidates;
}

namespace {
struct SelectPatternPass final
    : vnm::impl::SelectPatternPassBase<SelectPatternPass> {
  using SelectPatternPassBase::SelectPatternPassBase;

  void runOnOperation() override;

private:
  InFlightDiagnostic emitOptionError(StringRef option) {
    return getOperation()->emitError()
           << "vnm-select-pattern: option " << option << ": ";
  }
  LogicalResult parseCandidates();
  LogicalResult openCostTable();
  LogicalResult addLayer(Operation *op);
  LogicalResult fail(llvm::Error error);
  FailureOr<sparsity::Selection> select();
  FailureOr<sparsity::Selection> selectAnnotated();
  void apply(unsigned index, const sparsity::SelectedLayer &selected);

  std::vector<sparsity::Pattern> patterns;
  sparsity::CostTable costs;
  Calibration calibrated;
  std::vector<MatmulMatch> matches;
  std::vector<sparsity::SelectLayer> layers;
  LayerReport *report = nullptr;
};
} // namespace

LogicalResult SelectPatternPass::parseCandidates() {
  patterns.clear();
  for (const std::string &text : candidates) {
    llvm::Expected<sparsity::Pattern> pattern = sparsity::Pattern::parse(text);
    if (!pattern)
      return emitOptionError("candidates")
             << llvm::toString(pattern.takeError());
    patterns.push_back(*pattern);
  }
  if (candidates.empty())
    patterns = getDefaultCandidates();
  if (rule != "diversity" && rule != "retained" && rule != "per-layer" &&
      rule != "annotated")
    return emitOptionError("rule") << "requires diversity, retained, per-layer "
                                      "or annotated, but it is '"
                                   << rule << "'";
  if (budget < 0 || (budget > 0 && rule != "per-layer"))
    return emitOptionError("budget")
           << "requires a positive time and rule=per-layer, but it is "
           << double(budget) << " with rule=" << rule;
  if (tokens < 0)
    return emitOptionError("tokens")
           << "requires a positive number, but it is " << int64_t(tokens);
  return success();
}

LogicalResult SelectPatternPass::openCostTable() {
  costs = sparsity::CostTable();
  if (costTable.empty())
    return success();
  llvm::Expected<sparsity::CostTable> table =
      sparsity::CostTable::open(costTable);
  if (!table)
    return emitOptionError("cost-table") << llvm::toString(table.takeError());
  costs = std::move(*table);
  return success();
}

/// Tokens of a product: the product of its free loops' sizes; none if dynamic.
static std::optional<int64_t> getNumTokens(const MatmulMatch &match) {
  linalg::LinalgOp op = match.op;
  SmallVector<int64_t> sizes = op.getStaticLoopRanges();
  int64_t tokens = 1;
  for (unsigned loop : match.freeLoops) {
    if (ShapedType::isDynamic(sizes[loop]))
      return std::nullopt;
    tokens *= sizes[loop];
  }
  return tokens;
}

LogicalResult SelectPatternPass::addLayer(Operation *op) {
  MatmulMatch match;
  if (failed(matchAnnotated(op, match)))
    return failure();
  std::optional<int64_t> numTokens = getNumTokens(match);
  if (!numTokens && tokens == 0)
    return op->emitOpError() << "requires the option tokens of "
                                "vnm-select-pattern, as the number of tokens "
                                "of layer '"
                             << getLayerName(op).getValue() << "' is dynamic";
  sparsity::SelectLayer layer;
  layer.name = getLayerName(op).getValue();
  layer.type = *toCoreElementType(match.elementType);
  layer.shape = {match.numRows, match.numCols,
                 numTokens ? *numTokens : int64_t(tokens)};
  layer.weight = double(match.numRows) * double(match.numCols);
  if (match.weight.kind != WeightSourceKind::Argument &&
      getWeightContents(match.weight))
    layer.computeScores = [this,
                           match]() -> llvm::Expected<std::vector<float>> {
      FailureOr<std::optional<std::vector<float>>> scores =
          computeScores(match, calibrated);
      if (succeeded(scores) && *scores)
        return std::move(**scores);
      return llvm::createStringError(
          llvm::inconvertibleErrorCode(),
          "requires a weight of f16, bf16, f32 or i8 with importance scores, "
          "but it has none");
    };
  layers.push_back(std::move(layer));
  matches.push_back(std::move(match));
  return success();
}

LogicalResult SelectPatternPass::fail(llvm::Error error) {
  return getOperation()->emitError()
         << "vnm-select-pattern: " << llvm::toString(std::move(error));
}

/// Every layer's own pattern, or none where dense is predicted to be as fast.
FailureOr<sparsity::Selection> SelectPatternPass::selectAnnotated() {
  sparsity::Selection selection;
  for (auto [match, layer] : llvm::zip_equal(matches, layers)) {
    auto annotation = match.op->getAttrOfType<SparsityAttr>(
        VNMDialect::getSparsityAttrName());
    sparsity::Pattern pattern = annotation.getPattern().getPattern();
    llvm::Expected<sparsity::Cost> dense =
        costs.lookUp(layer.type, layer.shape, std::nullopt);
    if (!dense)
      return fail(dense.takeError());
    llvm::Expected<sparsity::Cost> sparse =
        costs.lookUp(layer.type, layer.shape, pattern);
    if (!sparse)
      return fail(sparse.takeError());
    bool isFaster = sparse->microseconds < dense->microseconds;
    sparsity::SelectedLayer selected;
    if (isFaster)
      selected.pattern = pattern;
    selected.cost = isFaster ? *sparse : *dense;
    selected.denseMicroseconds = dense->microseconds;
    selection.microseconds += selected.cost.microseconds;
    selection.denseMicroseconds += selected.denseMicroseconds;
    selection.layers.push_back(std::move(selected));
  }
  return selection;
}

FailureOr<sparsity::Selection> SelectPatternPass::select() {
  if (rule == "annotated")
    return selectAnnotated();
  sparsity::SelectOptions options;
  Operation *first = matches.front().op;
  options.prune =
      first->getAttrOfType<SparsityAttr>(VNMDialect::getSparsityAttrName())
          .getPruneOptions();
  // Patterns are compared, not weights pruned.
  options.prune.effort = sparsity::Effort::Fast;
  options.prune.permuteRows = false;
  if (rule != "per-layer") {
    llvm::Expected<sparsity::Selection> selection = sparsity::selectUniform(
        layers, patterns, costs, speedup,
        rule == "diversity" ? sparsity::SelectRule::MaskDiversity
                            : sparsity::SelectRule::Retained,
        options);
    if (!selection)
      return fail(selection.takeError());
    return std::move(*selection);
  }
  double microseconds = budget;
  if (microseconds == 0) {
    if (!(speedup >= 1))
      return emitOptionError("speedup")
             << "requires at least 1, but it is " << double(speedup);
    for (const sparsity::SelectLayer &layer : layers) {
      llvm::Expected<sparsity::Cost> cost =
          costs.lookUp(layer.type, layer.shape, std::nullopt);
      if (!cost)
        return fail(cost.takeError());
      microseconds += cost->microseconds / speedup;
    }
  }
  llvm::Expected<sparsity::Selection> selection =
      sparsity::selectPerLayer(layers, patterns, costs, microseconds, options);
  if (!selection)
    return fail(selection.takeError());
  return std::move(*selection);
}

/// Annotates the layer, or leaves it dense, and says so.
void SelectPatternPass::apply(unsigned index,
                              const sparsity::SelectedLayer &selected) {
  Operation *op = matches[index].op;
  const sparsity::SelectLayer &layer = layers[index];
  auto function = op->getParentOfType<FunctionOpInterface>();
  auto options = remark::RemarkOpts::name("select")
                     .category("vnm-select")
                     .function(function ? function.getName() : StringRef());
  LayerRecord &record = (*report)[layer.name];
  record.rows = layer.shape.rows;
  record.cols = layer.shape.cols;
  record.tokens = layer.shape.tokens;
  record.type = layer.type;
  record.cost = selected.cost;
  record.denseCost = sparsity::Cost();
  record.denseCost->microseconds = selected.denseMicroseconds;
  std::string times = llvm::formatv(
      "{0:f1} us ({1}), dense {2:f1} us", selected.cost.microseconds,
      sparsity::toString(selected.cost.source), selected.denseMicroseconds);
  if (!selected.pattern) {
    ++numDense;
    op->removeAttr(VNMDialect::getSparsityAttrName());
    record.sparsity = nullptr;
    if (rule == "annotated")
      record.reason = "its pattern is not predicted to be faster";
    else if (speedup == 1 && budget == 0)
      record.reason = "a speed-up of 1 needs no sparsity";
    else
      record.reason = "no chosen pattern is predicted to be faster, or others "
                      "make up for it";
    remark::missed(op->getLoc(), options)
        << remark::add("layer {0} stays dense at {1}", layer.name, times)
        << remark::reason("{0}", record.reason);
    return;
  }
  ++numSelected;
  auto sparsity =
      op->getAttrOfType<SparsityAttr>(VNMDialect::getSparsityAttrName())
          .withPattern(PatternAttr::get(&getContext(), *selected.pattern));
  op->setAttr(VNMDialect::getSparsityAttrName(), sparsity);
  record.sparsity = sparsity;
  remark::detail::InFlightRemark passed = remark::passed(op->getLoc(), options);
  passed << remark::add("layer {0}: {1}, {2}", layer.name,
                        selected.pattern->str(), times)
         << remark::metric("SpeedUp", selected.denseMicroseconds /
                                          selected.cost.microseconds);
  if (rule == "retained" || rule == "per-layer")
    passed << remark::metric("RetainedImportance", selected.retained);
}

void SelectPatternPass::runOnOperation() {
  matches.clear();
  layers.clear();
  report = &getAnalysis<LayerReport>();
  if (failed(parseCandidates()) || failed(openCostTable()) ||
      failed(calibrated.open(getOperation(),
                             "vnm-select-pattern: option calibration",
                             calibration)))
    return signalPassFailure();
  SmallVector<Operation *> annotated = getAnnotated(getOperation());
  if (annotated.empty())
    return;
  bool valid = true;
  for (Operation *op : annotated)
    valid &= succeeded(addLayer(op));
  if (!valid)
    return signalPassFailure();
  FailureOr<sparsity::Selection> selection = select();
  if (failed(selection))
    return signalPassFailure();
  for (auto [index, selected] : llvm::enumerate(selection->layers))
    apply(index, selected);
  remark::analysis(getOperation()->getLoc(),
                   remark::RemarkOpts::name("select").category("vnm-select"))
      << remark::add("{0} layers: {1:f1} us predicted, dense {2:f1} us",
                     layers.size(), selection->microseconds,
                     selection->denseMicroseconds)
      << remark::metric("SpeedUp", selection->speedup());
}
