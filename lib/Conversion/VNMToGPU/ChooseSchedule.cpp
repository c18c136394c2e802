// Part of the VNM project, under the Apache License v2.0 with LLVM Exceptions.
// See the file LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// This file implements vnm-choose-schedule: a schedule for every vnm.spmm, from
// measured times or by the built-in rule.

#include "vnm/Conversion/VNMToGPU/VNMToGPU.h"

#include "ScheduleRule.h"
#include "mlir/IR/Remarks.h"
#include "mlir/Interfaces/FunctionInterfaces.h"
#include "vnm/Sparsity/CostTable.h"
#include "llvm/Support/FormatVariadic.h"

namespace vnm {
#define GEN_PASS_DEF_CHOOSESCHEDULE
#include "vnm/Conversion/Passes.h.inc"
} // namespace vnm

using namespace mlir;
using namespace vnm;

namespace {
/// A product as cost tables know it.
struct Product {
  sparsity::ElementType type;
  sparsity::ProductShape shape;
  sparsity::Pattern pattern;
};

/// A schedule that the product admits, and its measured or interpolated time.
struct Candidate {
  ScheduleAttr schedule;
  sparsity::Cost cost;
};

struct ChooseSchedulePass final
    : vnm::impl::ChooseScheduleBase<ChooseSchedulePass> {
  using ChooseScheduleBase::ChooseScheduleBase;

  void runOnOperation() override;

private:
  LogicalResult openCostTable();
  void choose(SpmmOp op, const ScheduleOptions &options);
  void chooseMeasured(SpmmOp op, const Product &product,
                      ArrayRef<Candidate> candidates);
  void chooseWithoutTimes(SpmmOp op, const std::optional<Product> &product,
                          const RuleChoice &choice);
  SmallVector<Candidate> getCandidates(const SpmmProblem &problem,
                                       const Product &product,
                                       const ScheduleOptions &options);
  /// What the product costs without sparsity, or sparse by the model.
  sparsity::Cost getCost(const Product &product,
                         std::optional<sparsity::Pattern> pattern);
  void remarkOnDense(SpmmOp op, const sparsity::Cost &sparse,
                     const sparsity::Cost &dense);

  sparsity::CostTable costs;
};
} // namespace

/// None if T, the batch or R or K is not known, or if there is nothing to do.
static std::optional<Product> getProduct(SpmmOp op,
                                         const SpmmProblem &problem) {
  auto type = toCoreElementType(problem.element);
  if (!type || ShapedType::isDynamic(problem.numTokens) ||
      ShapedType::isDynamic(problem.numBatches))
    return std::nullopt;
  int64_t tokens = problem.numTokens * problem.numBatches;
  if (tokens == 0)
    return std::nullopt;
  return Product{*type,
                 {problem.numRows, problem.numCols, tokens},
                 op.getEncoding().getPattern().getPattern()};
}

static remark::RemarkOpts getRemarkOptions(SpmmOp op, StringRef name) {
  auto function = op->getParentOfType<FunctionOpInterface>();
  return remark::RemarkOpts::name(name).category("vnm-gpu").function(
      function ? function.getName() : StringRef());
}

/// E.g. "wgmma_sp, token_tile = 256".
static std::string toText(ScheduleAttr schedule) {
  std::string text = schedule.getFamily().str();
  for (NamedAttribute field : schedule.getFields())
    text += llvm::formatv(", {0} = {1}", field.getName().getValue(),
                          cast<IntegerAttr>(field.getValue()).getInt());
  return text;
}

/// E.g. "98.8 us (measured)".
static std::string toText(const sparsity::Cost &cost) {
  return llvm::formatv("{0:f1} us ({1})", cost.microseconds,
                       sparsity::toString(cost.source));
}

LogicalResult ChooseSchedulePass::openCostTable() {
  costs = sparsity::CostTable();
  if (costTable.empty())
    return success();
  llvm::Expected<sparsity::CostTable> table =
      sparsity::CostTable::open(costTable);
  if (!table)
    return getOperation()->emitError()
           << "vnm-choose-schedule: option cost-table: "
           << llvm::toString(table.takeError());
  costs = std::move(*table);
  return success();
}

sparsity::Cost
ChooseSchedulePass::getCost(const Product &product,
                            std::optional<sparsity::Pattern> pattern) {
  return llvm::cantFail(costs.lookUp(product.type, product.shape, pattern));
}

SmallVector<Candidate>
ChooseSchedulePass::getCandidates(const SpmmProblem &problem,
                                  const Product &product,
                                  const ScheduleOptions &options) {
  SmallVector<Candidate> candidates;
  for (const sparsity::ScheduleCost &known :
       llvm::cantFail(costs.lookUpSchedules(product.type, product.shape,
                                            product.pattern))) {
    // What is best for some shapes says little of those beyond.
    if (known.cost.source == sparsity::Cost::Source::Extrapolated)
      break;
    const FamilyInfo *info = lookUpFamily(known.family);
    if (!info)
      continue;
    SmallVector<std::pair<StringRef, int64_t>> fields(known.schedule.begin(),
                                                      known.schedule.end());
    auto schedule = ScheduleAttr::get(&getContext(), known.family, fields);
    if (!explainRefusal(problem, options.chip, schedule).empty())
      continue;
    // Entries that leave fields open may mean what another says.
    schedule = info->complete(problem, options.chip, schedule);
    bool isKnown = llvm::is_contained(
        llvm::map_range(candidates, [](auto &c) { return c.schedule; }),
        schedule);
    if (options.admit(schedule) && !isKnown)
      candidates.push_back({schedule, known.cost});
  }
  return candidates;
}

void ChooseSchedulePass::remarkOnDense(SpmmOp op, const sparsity::Cost &sparse,
                                       const sparsity::Cost &dense) {
  if (dense.microseconds >= sparse.microseconds)
    return;
  remark::missed(op.getLoc(), getRemarkOptions(op, "dense"))
      << remark::add("the dense product is predicted to be faster: {0}, sparse "
                     "{1}",
                     toText(dense), toText(sparse))
      << remark::suggest("leave the layer dense, e.g. by allow-dense=true, or "
                         "choose a larger M");
}

void ChooseSchedulePass::chooseMeasured(SpmmOp op, const Product &product,
                                        ArrayRef<Candidate> candidates) {
  ++numMeasured;
  const Candidate &best = candidates.front();
  op.setScheduleAttr(best.schedule);
  sparsity::Cost dense = getCost(product, std::nullopt);
  std::string others;
  for (const Candidate &other : candidates.drop_front())
    others += toText(other.schedule) + ": " + toText(other.cost) + "; ";
  remark::passed(op.getLoc(), getRemarkOptions(op, "schedule"))
      << remark::add("{0}: {1}", toText(best.schedule), toText(best.cost))
      << remark::reason("{0}dense: {1}", others, toText(dense))
      << remark::metric("Microseconds", best.cost.microseconds)
      << remark::metric("DenseMicroseconds", dense.microseconds);
  remarkOnDense(op, best.cost, dense);
}

void ChooseSchedulePass::chooseWithoutTimes(
    SpmmOp op, const std::optional<Product> &product,
    const RuleChoice &choice) {
  ++numByRule;
  op.setScheduleAttr(choice.schedule);
  remarkOnPassedOver(op, choice);
  StringRef reason = "there is no cost table";
  if (!product)
    reason = "the number of tokens or of batch entries is dynamic";
  else if (!costTable.empty())
    reason = "the cost table has no schedule that the product admits and whose "
             "measured shapes surround it";
  std::string times;
  if (product)
    times = llvm::formatv(": sparse {0}, dense {1}",
                          toText(getCost(*product, product->pattern)),
                          toText(getCost(*product, std::nullopt)));
  remark::analysis(op.getLoc(), getRemarkOptions(op, "schedule"))
      << remark::add("{0}, by the built-in rule{1}", toText(choice.schedule),
                     times)
      << remark::reason("{0}", reason);
  if (product)
    remarkOnDense(op, getCost(*product, product->pattern),
                  getCost(*product, std::nullopt));
}

void ChooseSchedulePass::choose(SpmmOp op, const ScheduleOptions &options) {
  if (op.getScheduleAttr())
    return;
  SpmmProblem problem(op);
  RuleChoice choice = chooseByRule(&getContext(), problem, options);
  if (!choice.schedule)
    return;
  std::optional<Product> product = getProduct(op, problem);
  SmallVector<Candidate> candidates;
  if (product)
    candidates = getCandidates(problem, *product, options);
  if (candidates.empty())
    return chooseWithoutTimes(op, product, choice);
  chooseMeasured(op, *product, candidates);
}

void ChooseSchedulePass::runOnOperation() {
  ModuleOp module = getOperation();
  if (checkTarget(module.getLoc(), chip, /*ptx=*/0).empty() ||
      failed(checkFamilyOption(module.getLoc(), family)) ||
      failed(openCostTable()))
    return signalPassFailure();
  ScheduleOptions options = {family, tokenTile, *lookupChip(chip)};
  module.walk([&](SpmmOp op) { choose(op, options); });
}
