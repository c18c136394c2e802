// Part of the VNM project, under the Apache License v2.0 with LLVM Exceptions.
// See the file LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// This file implements vnm-annotate-matmuls: which contractions become sparse.

#include "mlir/IR/Remarks.h"
#include "mlir/Interfaces/FunctionInterfaces.h"
#include "vnm/Dialect/VNM/IR/VNMDialect.h"
#include "vnm/Dialect/VNM/Transforms/LayerReport.h"
#include "vnm/Dialect/VNM/Transforms/MatmulMatcher.h"
#include "vnm/Dialect/VNM/Transforms/Passes.h"
#include "llvm/Support/Regex.h"

namespace vnm {
#define GEN_PASS_DEF_ANNOTATEMATMULSPASS
#include "vnm/Dialect/VNM/Transforms/Passes.h.inc"
} // namespace vnm

using namespace mlir;
using namespace vnm;

//===----------------------------------------------------------------------===//
// Layer names
//===----------------------------------------------------------------------===//

/// The first name in `loc`, outermost first; empty if it has none.
static StringRef findName(Location loc) {
  StringRef name;
  loc->walk([&](Location inner) {
    auto named = dyn_cast<NameLoc>(inner);
    if (!named)
      return WalkResult::advance();
    name = named.getName();
    return WalkResult::interrupt();
  });
  return name;
}

//===----------------------------------------------------------------------===//
// Other uses of a weight
//===----------------------------------------------------------------------===//

namespace {

/// The contractions of a module and the sources that hold the same weight.
class WeightUses {
public:
  explicit WeightUses(Operation *root);

  /// Whether every use of the weight of `match` is a product with the same
  /// matrix.
  bool agree(const MatmulMatch &match);

private:
  static const void *getKey(Value source);
  const MatmulMatch *getMatch(Operation *op);

  llvm::DenseMap<const void *, SmallVector<Value>> sourcesOfKey;
  llvm::DenseMap<Operation *, std::unique_ptr<MatmulMatch>> matches;
};

} // namespace

/// Equal for sources that hold the same weight: equal constants, loads of the
/// same global, the same argument.
const void *WeightUses::getKey(Value source) {
  Operation *op = source.getDefiningOp();
  if (!op)
    return source.getAsOpaquePointer();
  if (Attribute value = op->getAttr("value"))
    return value.getAsOpaquePointer();
  if (Attribute global = op->getAttr("global"))
    return global.getAsOpaquePointer();
  if (Operation *getGlobal = op->getNumOperands() == 1
                                 ? op->getOperand(0).getDefiningOp()
                                 : nullptr)
    if (Attribute name = getGlobal->getAttr("name"))
      return name.getAsOpaquePointer();
  return source.getAsOpaquePointer();
}

WeightUses::WeightUses(Operation *root) {
  llvm::DenseSet<Value> seen;
  root->walk([&](linalg::LinalgOp op) {
    auto match = std::make_unique<MatmulMatch>();
    if (matchMatmul(op, *match) != MatmulMismatch::None)
      return;
    Value source = match->weight.source;
    if (seen.insert(source).second)
      sourcesOfKey[getKey(source)].push_back(source);
    matches[op] = std::move(match);
  });
}

const MatmulMatch *WeightUses::getMatch(Operation *op) {
  auto it = matches.find(op);
  return it == matches.end() ? nullptr : it->second.get();
}

bool WeightUses::agree(const MatmulMatch &match) {
  SmallVector<Value> worklist = sourcesOfKey[getKey(match.weight.source)];
  while (!worklist.empty()) {
    Value value = worklist.pop_back_val();
    for (OpOperand &use : value.getUses()) {
      Operation *user = use.getOwner();
      if (getViewedTensor(user) == value && use.getOperandNumber() == 0) {
        worklist.push_back(user->getResult(0));
        continue;
      }
      if (user->getName().getStringRef() == "tensor.dim")
        continue;
      const MatmulMatch *other = getMatch(user);
      if (!other || other->weightOperand != use.getOperandNumber() ||
          !other->readsSameMatrix(match))
        return false;
    }
  }
  return true;
}

//===----------------------------------------------------------------------===//
// The pass
//===----------------------------------------------------------------------===//

/// Parses an option with a parser of the core library.
template <typename T>
static LogicalResult
parseOption(MLIRContext *context, StringRef option, StringRef text,
            llvm::Expected<T> (*parse)(StringRef), T &result) {
  llvm::Expected<T> parsed = parse(text);
  if (parsed) {
    result = *parsed;
    return success();
  }
  return emitError(UnknownLoc::get(context))
         << "vnm-annotate-matmuls: option " << option << ": "
         << llvm::toString(parsed.takeError());
}

namespace {

struct AnnotateMatmulsPass final
    : vnm::impl::AnnotateMatmulsPassBase<AnnotateMatmulsPass> {
  using AnnotateMatmulsPassBase::AnnotateMatmulsPassBase;

  LogicalResult initialize(MLIRContext *context) override;
  void runOnOperation() override;

private:
  void annotateFunction(FunctionOpInterface function, WeightUses &uses);
  void annotate(Operation *op, StringRef layer, WeightUses &uses);
  void leave(Operation *op, StringRef layer, const std::string &reason,
             const std::string &suggestion = "");
  remark::RemarkOpts getRemarkOpts() {
    return remark::RemarkOpts::name("annotate")
        .category("vnm-annotate")
        .function(functionName);
  }

  SparsityAttr sparsity;
  LayerReport *report = nullptr;
  /// The function at work.
  StringRef functionName;
  /// How often a name was given to a layer.
  llvm::StringMap<unsigned> occurrences;
};

} // namespace

LogicalResult AnnotateMatmulsPass::initialize(MLIRContext *context) {
  sparsity::Pattern parsedPattern;
  sparsity::Form parsedForm;
  sparsity::Criterion parsedCriterion;
  sparsity::ColumnChoice parsedChoice;
  sparsity::Effort parsedEffort;
  if (failed(parseOption<sparsity::Pattern>(context, "pattern", pattern,
                                            sparsity::Pattern::parse,
                                            parsedPattern)) ||
      failed(parseOption(context, "form", form, sparsity::parseForm,
                         parsedForm)) ||
      failed(parseOption(context, "criterion", criterion,
                         sparsity::parseCriterion, parsedCriterion)) ||
      failed(parseOption(context, "column-choice", columnChoice,
                         sparsity::parseColumnChoice, parsedChoice)) ||
      failed(parseOption(context, "effort", effort, sparsity::parseEffort,
                         parsedEffort)))
    return failure();
  if (parsedCriterion == sparsity::Criterion::Given)
    return emitError(UnknownLoc::get(context))
           << "vnm-annotate-matmuls: option criterion: requires magnitude, "
              "wanda or ria, but it is 'given', which needs scores";
  std::string error;
  if (!filter.empty() && !llvm::Regex(filter).isValid(error))
    return emitError(UnknownLoc::get(context))
           << "vnm-annotate-matmuls: option filter: requires a regular "
              "expression, but '"
           << filter << "' is none: " << error;
  sparsity = SparsityAttr::get(
      context, PatternAttr::get(context, parsedPattern), fromCore(parsedForm),
      *symbolizeCriterion(sparsity::toString(parsedCriterion)),
      *symbolizeColumnChoice(sparsity::toString(parsedChoice)),
      RowOrder::Identity, *symbolizeEffort(sparsity::toString(parsedEffort)));
  return success();
}

/// Records why `op` stays dense.
void AnnotateMatmulsPass::leave(Operation *op, StringRef layer,
                                const std::string &reason,
                                const std::string &suggestion) {
  ++numLeft;
  (*report)[layer].reason = reason;
  remark::detail::InFlightRemark missed =
      remark::missed(op->getLoc(), getRemarkOpts());
  missed << remark::add("layer {0} stays dense", layer.str())
         << remark::reason("{0}", reason);
  if (!suggestion.empty())
    missed << remark::suggest("{0}", suggestion);
}

/// Annotates `op`, a contraction, or leaves it with a reason.
void AnnotateMatmulsPass::annotate(Operation *op, StringRef layer,
                                   WeightUses &uses) {
  MatmulMatch match;
  MatmulMismatch reason = matchMatmul(op, match);
  if (reason != MatmulMismatch::None)
    return leave(op, layer, describe(reason).str(), suggest(reason).str());
  LayerRecord &record = (*report)[layer];
  record.rows = match.numRows;
  record.cols = match.numCols;
  record.type = toCoreElementType(match.elementType);
  if (!filter.empty() && !llvm::Regex(filter).match(layer))
    return leave(op, layer, "filter '" + filter + "' does not match its name");
  if (match.numRows < minRows || match.numCols < minCols)
    return leave(op, layer,
                 llvm::formatv("its weight is {0} x {1}, and the smallest to "
                               "annotate is {2} x {3}",
                               match.numRows, match.numCols, minRows.getValue(),
                               minCols.getValue()),
                 "lower min-rows or min-cols");
  if (!uses.agree(match))
    return leave(op, layer,
                 "its weight is used elsewhere, not as the same matrix of a "
                 "product",
                 "give the other use a weight of its own");

  ++numAnnotated;
  op->setAttr(VNMDialect::getLayerAttrName(),
              StringAttr::get(&getContext(), layer));
  op->setAttr(VNMDialect::getSparsityAttrName(), sparsity);
  record.sparsity = sparsity;
  remark::passed(op->getLoc(), getRemarkOpts()) << remark::add(
      "layer {0}: weight {1} x {2} to become {3}", layer.str(), match.numRows,
      match.numCols, sparsity.getPattern().getPattern().str());
}

void AnnotateMatmulsPass::annotateFunction(FunctionOpInterface function,
                                           WeightUses &uses) {
  functionName = function.getName();
  unsigned index = 0;
  function->walk([&](Operation *op) {
    MatmulMatch match;
    if (matchMatmul(op, match) == MatmulMismatch::NotContraction)
      return;
    std::string layer = (functionName + "." + Twine(index++)).str();
    if (StringRef name = findName(op->getLoc()); !name.empty())
      layer = name.str();
    if (auto given =
            op->getAttrOfType<StringAttr>(VNMDialect::getLayerAttrName()))
      layer = given.getValue().str();
    // Names that several contractions share are told apart by a number.
    if (unsigned count = occurrences[layer]++)
      layer += "." + std::to_string(count);
    if (!op->hasAttr(VNMDialect::getSparsityAttrName()))
      annotate(op, layer, uses);
  });
}

void AnnotateMatmulsPass::runOnOperation() {
  occurrences.clear();
  report = &getAnalysis<LayerReport>();
  WeightUses uses(getOperation());
  getOperation()->walk<WalkOrder::PreOrder>([&](FunctionOpInterface function) {
    annotateFunction(function, uses);
    return WalkResult::skip();
  });
}
