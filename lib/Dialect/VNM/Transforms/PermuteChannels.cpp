// Part of the VNM project, under the Apache License v2.0 with LLVM Exceptions.
// See the file LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// This file implements vnm-permute-channels: which products may have their
// channels in another order, and who puts them back.

#include "PermuteRewriter.h"
#include "mlir/IR/BuiltinOps.h"
#include "mlir/IR/Remarks.h"
#include "mlir/Interfaces/FunctionInterfaces.h"
#include "vnm/Dialect/VNM/IR/VNMDialect.h"
#include "vnm/Dialect/VNM/Transforms/LayerReport.h"
#include "vnm/Dialect/VNM/Transforms/Passes.h"
#include "vnm/Sparsity/SharedPermutation.h"
#include <chrono>
#include <deque>

namespace vnm {
#define GEN_PASS_DEF_PERMUTECHANNELSPASS
#include "vnm/Dialect/VNM/Transforms/Passes.h.inc"
} // namespace vnm

using namespace mlir;
using namespace vnm;

static SparsityAttr getSparsity(const ChannelProduct &product) {
  Operation *op = product.match.op;
  return op->getAttrOfType<SparsityAttr>(VNMDialect::getSparsityAttrName());
}

static std::string getProductName(const ChannelProduct &product) {
  return getLayerName(product.match.op).getValue().str();
}

/// Whether the rows of the result are neighbours in memory.
static bool isTokenMajor(const MatmulMatch &match) {
  return !match.yLoops.empty() &&
         llvm::is_contained(match.rowLoops, match.yLoops.back());
}

/// Whether all that reads `value`, through transposes and the like, are weights
/// of products in `flow`.
static bool isReadAsWeightOnly(Value value, const ChannelFlow &flow) {
  SmallVector<Value> worklist = {value};
  while (!worklist.empty()) {
    Value next = worklist.pop_back_val();
    for (OpOperand &use : next.getUses()) {
      Operation *user = use.getOwner();
      if (getViewedTensor(user) == next && use.getOperandNumber() == 0) {
        worklist.push_back(user->getResult(0));
        continue;
      }
      bool isWeight =
          llvm::any_of(flow.getProducts(), [&](const ChannelProduct &product) {
            return product.match.op == user &&
                   product.match.weightOperand == use.getOperandNumber();
          });
      if (!isWeight)
        return false;
    }
  }
  return true;
}

namespace {

/// The sparse products on both sides of a space.
struct Sides {
  SmallVector<const ChannelProduct *> producers, consumers;
};

struct PermuteChannelsPass final
    : vnm::impl::PermuteChannelsPassBase<PermuteChannelsPass> {
  using PermuteChannelsPassBase::PermuteChannelsPassBase;

  void runOnOperation() override;

private:
  LogicalResult checkOptions();
  FailureOr<std::vector<MatmulMatch>> matchAll();
  void fixWeights(ChannelFlow &flow);
  FailureOr<std::vector<float>> getScores(const ChannelProduct &product);
  Sides findSides(unsigned space);
  FailureOr<sparsity::SharedWeight>
  describeWeight(const ChannelProduct &product, bool asRows,
                 std::deque<std::vector<float>> &scores);
  LogicalResult permuteSpace(unsigned space);
  void recordFold(const Sides &sides, unsigned space,
                  const sparsity::SharedPermutation &permutation,
                  double seconds);
  void scatterRows(const ChannelProduct &product);
  void leaveColumns(const ChannelProduct &product);
  void missed(const ChannelProduct &product, StringRef what,
              const std::string &reason, StringRef suggestion);
  remark::RemarkOpts getRemarkOpts(const ChannelProduct &product);

  Calibration calibrated;
  ChannelFlow *flow = nullptr;
  LayerReport *report = nullptr;
  ChannelOrders orders;
};

} // namespace

LogicalResult PermuteChannelsPass::checkOptions() {
  if (scatter == "feature-major" || scatter == "always" || scatter == "never")
    return success();
  return getOperation()->emitError()
         << "vnm-permute-channels: option scatter: requires feature-major, "
            "always or never, but it is '"
         << scatter << "'";
}

FailureOr<std::vector<MatmulMatch>> PermuteChannelsPass::matchAll() {
  std::vector<MatmulMatch> matches;
  bool valid = true;
  for (Operation *op : getAnnotated(getOperation())) {
    MatmulMatch match;
    if (failed(matchAnnotated(op, match)))
      valid = false;
    else
      matches.push_back(std::move(match));
  }
  if (!valid)
    return failure();
  return matches;
}

/// Fixes the channels of weights that cannot be written anew.
void PermuteChannelsPass::fixWeights(ChannelFlow &flow) {
  for (const ChannelProduct &product : flow.getProducts()) {
    const WeightView &weight = product.match.weight;
    StringRef reason;
    if (weight.kind == WeightSourceKind::Argument || !getWeightContents(weight))
      reason = "the weight of a product is known only when the program runs";
    else if (!toCoreElementType(weight.getSourceElementType()))
      reason = "the weight of a product is cast from a type other than f16, "
               "bf16, f32 and i8";
    else if (!isReadAsWeightOnly(weight.source, flow))
      reason = "the weight of a product has other uses";
    if (reason.empty())
      continue;
    flow.fix(product.rowSpace, reason);
    flow.fix(product.columnSpace, reason);
  }
}

/// The importance of a product's weight, rows and columns in the orders found
/// so far. Weights of free spaces are constants.
FailureOr<std::vector<float>>
PermuteChannelsPass::getScores(const ChannelProduct &product) {
  FailureOr<std::optional<std::vector<float>>> scores =
      computeScores(product.match, calibrated);
  if (failed(scores))
    return failure();
  auto rows = orders.find(flow->find(product.rowSpace));
  auto columns = orders.find(flow->find(product.columnSpace));
  if (rows == orders.end() && columns == orders.end())
    return std::move(**scores);
  int64_t numRows = product.match.numRows, numCols = product.match.numCols;
  std::vector<float> ordered(numRows * numCols);
  for (int64_t row = 0; row < numRows; ++row) {
    int64_t oldRow = rows == orders.end() ? row : rows->second[row];
    for (int64_t col = 0; col < numCols; ++col) {
      int64_t oldCol = columns == orders.end() ? col : columns->second[col];
      ordered[row * numCols + col] = (**scores)[oldRow * numCols + oldCol];
    }
  }
  return ordered;
}

/// The products on both sides of a space; those that share a weight count once.
Sides PermuteChannelsPass::findSides(unsigned space) {
  Sides sides;
  llvm::DenseSet<Value> seenRows, seenColumns;
  for (const ChannelProduct &product : flow->getProducts()) {
    if (flow->find(product.rowSpace) == space &&
        seenRows.insert(product.match.weight.source).second)
      sides.producers.push_back(&product);
    if (flow->find(product.columnSpace) == space &&
        seenColumns.insert(product.match.weight.source).second)
      sides.consumers.push_back(&product);
  }
  return sides;
}

/// What the search is told of a product; its scores are kept in `scores`.
FailureOr<sparsity::SharedWeight>
PermuteChannelsPass::describeWeight(const ChannelProduct &product, bool asRows,
                                    std::deque<std::vector<float>> &scores) {
  SparsityAttr sparsity = getSparsity(product);
  sparsity::SharedWeight weight;
  weight.rows = product.match.numRows;
  weight.cols = product.match.numCols;
  weight.pattern = sparsity.getPattern().getPattern();
  weight.prune = sparsity.getPruneOptions();
  // A consumer in free form has no wishes; its scores may be zero.
  FailureOr<std::vector<float>> own =
      asRows || sparsity.getForm() == Form::Strict
          ? getScores(product)
          : std::vector<float>(weight.rows * weight.cols);
  if (failed(own))
    return failure();
  weight.scores = scores.emplace_back(std::move(*own));
  return weight;
}

/// Searches an order for a space that may have one.
LogicalResult PermuteChannelsPass::permuteSpace(unsigned space) {
  Sides sides = findSides(space);
  std::deque<std::vector<float>> scores;
  std::vector<sparsity::SharedWeight> producers, consumers;
  for (bool asRows : {true, false})
    for (const ChannelProduct *product :
         asRows ? sides.producers : sides.consumers) {
      FailureOr<sparsity::SharedWeight> weight =
          describeWeight(*product, asRows, scores);
      if (failed(weight))
        return failure();
      (asRows ? producers : consumers).push_back(*weight);
    }

  sparsity::SharedPermutationOptions options;
  const ChannelSpace &channels = flow->getSpace(space);
  options.block = channels.block;
  const ChannelProduct *first =
      (sides.producers.empty() ? sides.consumers : sides.producers).front();
  options.effort = toCore(getSparsity(*first).getEffort());
  auto start = std::chrono::steady_clock::now();
  llvm::Expected<sparsity::SharedPermutation> permutation =
      sparsity::permuteShared(producers, consumers, channels.size, options);
  if (!permutation) {
    Operation *op = first->match.op;
    return op->emitOpError()
           << "of layer '" << getProductName(*first)
           << "': " << llvm::toString(permutation.takeError());
  }
  std::chrono::duration<double> elapsed =
      std::chrono::steady_clock::now() - start;
  if (permutation->channels.empty())
    return success();
  orders[space] = permutation->channels;
  recordFold(sides, space, *permutation, elapsed.count());
  return success();
}

remark::RemarkOpts
PermuteChannelsPass::getRemarkOpts(const ChannelProduct &product) {
  Operation *op = product.match.op;
  auto function = op->getParentOfType<FunctionOpInterface>();
  return remark::RemarkOpts::name("permute")
      .category("vnm-permute")
      .function(function ? function.getName() : StringRef());
}

/// Says what a new order of a space does to each product.
void PermuteChannelsPass::recordFold(
    const Sides &sides, unsigned space,
    const sparsity::SharedPermutation &permutation, double seconds) {
  auto list = [](ArrayRef<const ChannelProduct *> products,
                 const ChannelProduct *without) {
    std::string names;
    for (const ChannelProduct *product : products)
      if (product != without)
        names.append(names.empty() ? "" : ", ")
            .append(getProductName(*product));
    return names;
  };
  int64_t block = flow->getSpace(space).block;
  std::string blocks;
  if (block != flow->getSpace(space).size)
    blocks = llvm::formatv(" within blocks of {0}", block);
  unsigned index = 0;
  auto record = [&](const ChannelProduct &product, StringRef what,
                    ArrayRef<const ChannelProduct *> sameSide,
                    ArrayRef<const ChannelProduct *> otherSide) {
    std::optional<double> before = permutation.before[index];
    std::optional<double> after = permutation.after[index++];
    if (!before || !after)
      return;
    std::string shared = list(otherSide, nullptr);
    shared = shared.empty() ? "" : " and into " + shared;
    std::string partners = list(sameSide, &product);
    shared = "folded into constants" + shared;
    if (!partners.empty())
      shared += ", in one order with " + partners;
    (*report)[getProductName(product)].steps.push_back(
        {("permute " + what).str(), *before, *after, seconds});
    remark::passed(product.match.op->getLoc(), getRemarkOpts(product))
        << remark::add("layer {0}: {1} permuted{2}, {3}",
                       getProductName(product), what.str(), blocks, shared)
        << remark::metric("RetainedBefore", *before)
        << remark::metric("RetainedAfter", *after);
  };
  for (const ChannelProduct *product : sides.producers)
    record(*product, "rows", sides.producers, sides.consumers);
  for (const ChannelProduct *product : sides.consumers)
    record(*product, "columns", sides.consumers, sides.producers);
  ++numFolded;
}

void PermuteChannelsPass::missed(const ChannelProduct &product, StringRef what,
                                 const std::string &reason,
                                 StringRef suggestion) {
  remark::detail::InFlightRemark remark =
      remark::missed(product.match.op->getLoc(), getRemarkOpts(product));
  remark << remark::add("layer {0} keeps the order of its {1}",
                        getProductName(product), what.str())
         << remark::reason("{0}", reason);
  if (!suggestion.empty())
    remark << remark::suggest("{0}", suggestion.str());
}

/// Lets the epilogue of a product put permuted rows back, or says why not.
void PermuteChannelsPass::scatterRows(const ChannelProduct &product) {
  SparsityAttr sparsity = getSparsity(product);
  const MatmulMatch &match = product.match;
  if (orders.contains(flow->find(product.rowSpace)))
    return;
  const ChannelSpace &space = flow->getSpace(product.rowSpace);
  std::string reason = space.reason;
  if (reason.empty())
    reason = "no better order was found";
  if (match.numRows <= sparsity.getPattern().getV())
    return missed(product, "rows", "all of them share a panel",
                  "a smaller V gives more panels");
  if (sparsity.getForm() == Form::Strict)
    return missed(product, "rows", reason,
                  "form=free lets the product store permuted rows");
  if (match.weight.kind == WeightSourceKind::Argument)
    return missed(product, "rows", "its weight is packed when the program runs",
                  "");
  if (scatter == "never")
    return missed(product, "rows", reason, "scatter=feature-major or always");
  if (scatter == "feature-major" && isTokenMajor(match))
    return missed(product, "rows",
                  reason + "; its result is token-major, so that storing "
                           "permuted rows writes single elements",
                  "scatter=always, or a feature-major result");
  Operation *op = match.op;
  op->setAttr(VNMDialect::getSparsityAttrName(),
              sparsity.withRowOrder(RowOrder::Permuted));
  ++numScattered;
  remark::passed(op->getLoc(), getRemarkOpts(product))
      << remark::add("layer {0}: rows permuted, put back by the epilogue",
                     getProductName(product))
      << remark::reason("{0}", reason);
}

/// Says why a product in strict form has its columns in their order.
void PermuteChannelsPass::leaveColumns(const ChannelProduct &product) {
  if (getSparsity(product).getForm() == Form::Free ||
      orders.contains(flow->find(product.columnSpace)))
    return;
  const ChannelSpace &space = flow->getSpace(product.columnSpace);
  missed(product, "columns",
         space.reason.empty() ? "no better order was found" : space.reason,
         "form=free lets every panel name its columns");
}

void PermuteChannelsPass::runOnOperation() {
  orders.clear();
  report = &getAnalysis<LayerReport>();
  if (failed(checkOptions()) ||
      failed(calibrated.open(getOperation(),
                             "vnm-permute-channels: option calibration",
                             calibration)))
    return signalPassFailure();
  FailureOr<std::vector<MatmulMatch>> matches = matchAll();
  if (failed(matches))
    return signalPassFailure();
  if (matches->empty())
    return;
  ChannelFlow analysis(getOperation(), std::move(*matches));
  flow = &analysis;
  fixWeights(analysis);

  // In the order of the model, so that each search sees the results of those
  // before.
  for (unsigned space = 0; fold && space < analysis.getNumSpaces(); ++space) {
    bool isWanted = llvm::any_of(
        analysis.getProducts(), [&](const ChannelProduct &product) {
          return analysis.find(product.rowSpace) == space ||
                 (analysis.find(product.columnSpace) == space &&
                  getSparsity(product).getForm() == Form::Strict);
        });
    if (isWanted && analysis.find(space) == space &&
        analysis.getSpace(space).block > 1 && failed(permuteSpace(space)))
      return signalPassFailure();
  }
  for (const ChannelProduct &product : analysis.getProducts()) {
    scatterRows(product);
    leaveColumns(product);
  }
  if (failed(PermuteRewriter(analysis, orders, calibrated).run()))
    signalPassFailure();
}
