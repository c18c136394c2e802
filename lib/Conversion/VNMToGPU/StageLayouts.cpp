// Part of the VNM project, under the Apache License v2.0 with LLVM Exceptions.
// See the file LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// This file implements vnm-stage-layouts: transposes around products whose
// kernel family wants another layout.

#include "vnm/Conversion/VNMToGPU/VNMToGPU.h"

#include "ScheduleRule.h"
#include "TransposeKernel.h"
#include "mlir/Analysis/AliasAnalysis.h"
#include "mlir/Dialect/Linalg/IR/Linalg.h"
#include "mlir/Dialect/MemRef/IR/MemRef.h"
#include "mlir/IR/ImplicitLocOpBuilder.h"

namespace vnm {
#define GEN_PASS_DEF_STAGELAYOUTS
#include "vnm/Conversion/Passes.h.inc"
} // namespace vnm

using namespace mlir;
using namespace vnm;

namespace {
/// Which operands of a product are transposed.
struct Staging {
  bool x = false;
  bool y = false;
};

class StageLayoutsPass final
    : public vnm::impl::StageLayoutsBase<StageLayoutsPass> {
public:
  using StageLayoutsBase::StageLayoutsBase;
  void runOnOperation() override;

private:
  void stageActivations(SpmmOp op);
  void stageResults(SpmmOp op);
  /// A feature-major buffer that holds `x` when `op` runs, or null.
  Value findStaged(SpmmOp op, Value x);

  /// The transposes so far, by their source.
  llvm::DenseMap<Value, SmallVector<linalg::TransposeOp>> transposes;
};
} // namespace

/// Swaps the last two dimensions.
static MemRefType getTransposedType(Value buffer) {
  auto type = cast<MemRefType>(buffer.getType());
  SmallVector<int64_t> shape(type.getShape());
  std::swap(shape[shape.size() - 1], shape[shape.size() - 2]);
  return MemRefType::get(shape, type.getElementType());
}

static linalg::TransposeOp emitTranspose(ImplicitLocOpBuilder &b, Value from,
                                         Value to, ActivationLayout layout) {
  auto rank = cast<MemRefType>(from.getType()).getRank();
  SmallVector<int64_t> permutation =
      llvm::to_vector(llvm::seq<int64_t>(0, rank));
  std::swap(permutation[rank - 1], permutation[rank - 2]);
  auto op = linalg::TransposeOp::create(b, from, to, permutation);
  op->setAttr(kStagedAttrName,
              ActivationLayoutAttr::get(b.getContext(), layout));
  return op;
}

/// Whether `op` reads its destination or an operand of its layout.
static bool readsResultLayout(SpmmOp op) {
  if (op.getAccumulate())
    return true;
  for (size_t i = 0; i < op.getEpilogueOperands().size(); ++i)
    if (op.getBroadcast(i) == Broadcast::Full)
      return true;
  return false;
}

static bool isStatic(Value buffer) {
  return cast<MemRefType>(buffer.getType()).hasStaticShape();
}

/// The fewest operands to transpose so that the family that would be taken with
/// feature-major ones can compute the product; none if it can as it is.
static Staging getStaging(SpmmOp op, const ScheduleOptions &options) {
  SpmmProblem problem(op);
  if ((!problem.xTokenMajor && !problem.yTokenMajor) || op.getScheduleAttr() ||
      !isStatic(op.getX()))
    return {};
  SpmmProblem staged = problem;
  staged.xTokenMajor = staged.yTokenMajor = false;
  RuleChoice choice = chooseByRule(op.getContext(), staged, options);
  if (!choice.schedule)
    return {};
  auto isRefused = [&] {
    return !explainRefusal(staged, options.chip, choice.schedule).empty();
  };
  staged = problem;
  if (!isRefused())
    return {};
  staged.xTokenMajor = false;
  if (!isRefused())
    return {/*x=*/true, /*y=*/false};
  // Transposes move whole elements; of f64 there is no kernel.
  if (readsResultLayout(op) || problem.resultElement.isF64())
    return {};
  return {problem.xTokenMajor, /*y=*/true};
}

/// Whether `op` may write `buffer`. A transpose writes its destination alone,
/// which the analysis does not take its word for.
static bool mayWrite(Operation *op, Value buffer, AliasAnalysis &aliases) {
  if (auto transpose = dyn_cast<linalg::TransposeOp>(op))
    return !aliases.alias(transpose.getInit(), buffer).isNo();
  return aliases.getModRef(op, buffer).isMod();
}

Value StageLayoutsPass::findStaged(SpmmOp op, Value x) {
  AliasAnalysis aliases(getOperation());
  for (linalg::TransposeOp transpose : transposes[x]) {
    if (transpose->getBlock() != op->getBlock())
      continue;
    bool isWritten = false;
    for (Operation *between = transpose->getNextNode();
         between != op && !isWritten; between = between->getNextNode())
      isWritten = mayWrite(between, x, aliases);
    if (!isWritten)
      return transpose.getInit();
  }
  return {};
}

void StageLayoutsPass::stageActivations(SpmmOp op) {
  Value x = op.getX();
  Value staged = findStaged(op, x);
  if (staged) {
    ++numShared;
  } else {
    ImplicitLocOpBuilder b(op.getLoc(), op);
    staged = memref::AllocOp::create(b, getTransposedType(x));
    transposes[x].push_back(
        emitTranspose(b, x, staged, ActivationLayout::FeatureMajor));
    // Later products of the block may want it, too.
    b.setInsertionPoint(op->getBlock()->getTerminator());
    memref::DeallocOp::create(b, staged);
    ++numTransposes;
  }
  op.getXMutable().assign(staged);
  op.setXLayout(ActivationLayout::FeatureMajor);
}

void StageLayoutsPass::stageResults(SpmmOp op) {
  Value y = op.getInit();
  ImplicitLocOpBuilder b(op.getLoc(), op);
  Value staged = memref::AllocOp::create(b, getTransposedType(y));
  op.getInitMutable().assign(staged);
  op.setYLayout(ActivationLayout::FeatureMajor);
  b.setInsertionPointAfter(op);
  emitTranspose(b, staged, y, ActivationLayout::TokenMajor);
  memref::DeallocOp::create(b, staged);
  ++numTransposes;
}

void StageLayoutsPass::runOnOperation() {
  ModuleOp module = getOperation();
  if (checkTarget(module.getLoc(), chip, /*ptx=*/0).empty() ||
      failed(checkFamilyOption(module.getLoc(), family)))
    return signalPassFailure();
  transposes.clear();
  ScheduleOptions options = {family, tokenTile, *lookupChip(chip)};
  SmallVector<std::pair<SpmmOp, Staging>> work;
  module.walk([&](SpmmOp op) {
    if (isa<MemRefType>(op.getX().getType()))
      work.emplace_back(op, getStaging(op, options));
  });
  for (auto [op, staging] : work) {
    if (staging.x)
      stageActivations(op);
    if (staging.y)
      stageResults(op);
  }
}
