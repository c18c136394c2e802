// Part of the VNM project, under the Apache License v2.0 with LLVM Exceptions.
// See the file LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// This file implements the choice of tiles and the check of what
// kernels support.

#include "Schedule.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Math/IR/Math.h"
#include "vnm/Sparsity/Fragments.h"
#include "llvm/ADT/bit.h"
#include "llvm/Support/FormatVariadic.h"
#include <limits>

using namespace mlir;
using namespace vnm;

SpmmProblem::SpmmProblem(SpmmOp op) {
  auto x = cast<ShapedType>(op.getX().getType());
  auto init = cast<ShapedType>(op.getInit().getType());
  sparsity::Pattern pattern = op.getEncoding().getPattern().getPattern();
  numRows = op.getNumRows();
  numCols = op.getNumCols();
  fragments = !op.getEncoding().isCanonical();
  numGroups = pattern.numGroups(numCols);
  if (fragments)
    numGroups = llvm::alignTo(numGroups, sparsity::kStageGroups);
  panelRows = pattern.v;
  numTokens = x.getDimSize(op.getXTokenDim());
  if (ShapedType::isDynamic(numTokens))
    numTokens = init.getDimSize(op.getYTokenDim());
  numBatches = 1;
  for (int64_t size : x.getShape().take_front(op.getNumBatchDims()))
    numBatches =
        ShapedType::isDynamic(size) || ShapedType::isDynamic(numBatches)
            ? ShapedType::kDynamic
            : numBatches * size;
  element = x.getElementType();
  sumElement = op.getAccumulatorType();
  resultElement = init.getElementType();
  xTokenMajor = op.getXLayout() == ActivationLayout::TokenMajor;
  yTokenMajor = op.getYLayout() == ActivationLayout::TokenMajor;
  wideIds = getElementTypeOrSelf(op.getColumns().getType()).isInteger(32);
  permutedRows = bool(op.getRows());
  accumulate = op.getAccumulate();
  blockColumns = pattern.m;
  columnsInBlocks = op.getEncoding().getForm() == Form::Strict;
  keepsAllColumns = columnsInBlocks && pattern.m == 4 && numCols % 4 == 0;
}

/// The warps' grid that reads the fewest bytes of shared memory: a warp reads
/// 32 bytes per row and, for each of its panels, 64 per token of its tile in
/// every step.
static void chooseWarps(SpmmSchedule &schedule) {
  int64_t best = std::numeric_limits<int64_t>::max();
  SpmmSchedule grid = schedule;
  for (int64_t rows : {2, 1, 4, 8}) {
    grid.warpRows = rows;
    grid.warpTokens = std::max<int64_t>(1, grid.numWarps / rows);
    if (rows > grid.numWarps || grid.rowsPerWarp() < 16 ||
        grid.tokensPerWarp() < grid.pieceElements())
      continue;
    int64_t bytes = 32 * grid.rowsPerWarp() +
                    64 * grid.panelsPerWarp() * grid.tokensPerWarp();
    if (bytes >= best)
      continue;
    best = bytes;
    schedule.warpRows = grid.warpRows;
    schedule.warpTokens = grid.warpTokens;
  }
}

/// Sums of a thread, at most, beside which operands of one stage fit.
static constexpr int64_t kMaxSums = 128;

/// Tokens of a tile of `rowTile` rows: at least enough for all warps, which
/// take pieces of 16 bytes, at most what registers hold.
static int64_t getFewestTokens(const SpmmProblem &problem, int64_t rowTile) {
  return (rowTile == 16 ? 64 : 32) / problem.elementBytes();
}

static int64_t getMostTokens(const SpmmProblem &problem,
                             const SpmmSchedule &schedule) {
  bool dynamic = ShapedType::isDynamic(problem.numTokens);
  // Beside pieces that are put together of elements fit half as many.
  bool elements =
      problem.xTokenMajor ||
      (!dynamic && problem.elementBytes() * problem.numTokens % 4 != 0);
  int64_t maxSums = elements ? kMaxSums / 2 : kMaxSums;
  bool wide = schedule.rowTile >= 64 && !dynamic && schedule.window == 0;
  return std::min<int64_t>(maxSums * schedule.numThreads() / schedule.rowTile,
                           wide ? 256 : 128);
}

/// Shared memory of each of the CTAs that an SM runs at a time.
static int64_t getSharedBudget(const ChipLimits &limits, int64_t blocksPerSM) {
  return std::min(limits.sharedBytes, limits.sharedBytesPerSM / blocksPerSM -
                                          SpmmSchedule::kReservedSharedBytes);
}

/// Tiles of more rows have eight warps.
static constexpr int64_t kFourWarpsRows = 128;

SpmmSchedule::SpmmSchedule(const SpmmProblem &problem, const ChipLimits &limits,
                           const MmaFields &fields)
    : window(fields.window),
      windowRows(mma::kStageGroups * problem.blockColumns),
      elementBytes(problem.elementBytes()),
      interleavesTokens(elementBytes == 1 && !problem.xTokenMajor),
      sharesRows(window != 0 && problem.keepsAllColumns) {
  auto [rows, tokens, panels] = fields;
  // Gathered columns are those of one panel, so a tile lies in it.
  int64_t allRows = llvm::bit_ceil(uint64_t(problem.numRows));
  rowTile = std::max<int64_t>(
      16, std::min<int64_t>({problem.panelRows, allRows, 128}));
  if (rows != 0)
    rowTile = rows;
  if (panels != 0)
    rowTile = panels * problem.panelRows;
  if (rowTile > kFourWarpsRows)
    numWarps = 8;
  blocksPerSM = kWarpsPerSM / numWarps;
  auto maxStages = [&] {
    int64_t others = pipelineBytes() - metadataOffset();
    return (getSharedBudget(limits, blocksPerSM) - others) / stageBytes();
  };
  stages = kMinStages;
  tokenTile = getMostTokens(problem, *this);
  while (maxStages() < kMinStages && tokenTile > 16)
    tokenTile /= 2;
  if (tokens != 0)
    tokenTile = tokens;
  // A window may be worth a whole SM.
  if (window != 0 && maxStages() < kMinStages)
    blocksPerSM = 1;
  if (!ShapedType::isDynamic(problem.numTokens)) {
    int64_t fewest = getFewestTokens(problem, rowTile);
    while (tokens == 0 && tokenTile > fewest &&
           tokenTile / 2 >= problem.numTokens)
      tokenTile /= 2;
    int64_t wanted = limits.numSMs * blocksPerSM * kBusyPercent / 100;
    auto tiles = [&]() -> int64_t {
      return llvm::divideCeil(problem.numRows, rowTile) *
             llvm::divideCeil(problem.numTokens, tokenTile) *
             std::max<int64_t>(1, problem.numBatches);
    };
    while (tokens == 0 && tokenTile > std::max<int64_t>(32, fewest) &&
           tiles() < wanted)
      tokenTile /= 2;
    while (rows == 0 && panels == 0 && rowTile > 32 && tiles() < wanted)
      rowTile /= 2;
  }
  stages = std::clamp(maxStages(), kMinStages, kMaxStages);
  chooseWarps(*this);
}

std::string vnm::explainWindowRefusal(const SpmmProblem &problem) {
  if (problem.element.isInteger(8))
    return "requires a weight of f16 or bf16 for a window, but it is i8";
  if (problem.xTokenMajor)
    return "requires x to be feature-major for a window, but it is token-major";
  if (!problem.columnsInBlocks)
    return "requires a weight of form = strict for a window, as a group's "
           "columns must lie in its block, but its form is free";
  return {};
}

/// Why tiles cannot have `rows` rows (0: any), or `window` panels.
static std::string explainRowsRefusal(const SpmmProblem &problem, int64_t rows,
                                      int64_t window) {
  int64_t mostRows = std::min<int64_t>(problem.panelRows, 128);
  if (window == 0) {
    if (rows == 0 ||
        (llvm::isPowerOf2_64(rows) && rows >= 16 && rows <= mostRows))
      return {};
    return llvm::formatv("requires tiles of 16 to {0} rows, a power of two, "
                         "but they have {1}",
                         mostRows, rows);
  }
  std::string reason = explainWindowRefusal(problem);
  if (!reason.empty())
    return reason;
  constexpr int64_t kFewestRows = 64, kMostRows = 256;
  if (window > kMostRows || !llvm::isPowerOf2_64(window) ||
      window * problem.panelRows < kFewestRows ||
      window * problem.panelRows > kMostRows)
    return llvm::formatv("requires a window of a power of two of panels, {0} "
                         "to {1} rows together, but it has {2} of V = {3}",
                         kFewestRows, kMostRows, window, problem.panelRows);
  if (rows != 0 && rows != window * problem.panelRows)
    return llvm::formatv("requires tiles of {0} rows, which are {1} panels of "
                         "V = {2}, but they have {3}",
                         window * problem.panelRows, window, problem.panelRows,
                         rows);
  return {};
}

std::string vnm::explainMmaRefusal(const SpmmProblem &problem,
                                   const ChipLimits &limits,
                                   const MmaFields &fields) {
  auto [rows, tokens, window] = fields;
  if (rows == 0 && tokens == 0 && window == 0)
    return {};
  std::string reason = explainRowsRefusal(problem, rows, window);
  if (!reason.empty())
    return reason;
  // Which rows are chosen depends on the tokens, which must be sound for that.
  if (tokens != 0 && (!llvm::isPowerOf2_64(tokens) || tokens > 256))
    return llvm::formatv("requires tiles of a power of two of at most 256 "
                         "tokens, but they have {0}",
                         tokens);
  SpmmSchedule schedule(problem, limits, fields);
  int64_t fewest = getFewestTokens(problem, schedule.rowTile);
  int64_t most = getMostTokens(problem, schedule);
  if (tokens != 0 && (tokens < fewest || tokens > most))
    return llvm::formatv("requires {0} to {1} tokens in tiles of {2} rows, but "
                         "they have {3}",
                         fewest, most, schedule.rowTile, tokens);
  int64_t budget = getSharedBudget(limits, schedule.blocksPerSM);
  if (schedule.pipelineBytes() > budget)
    return llvm::formatv("requires {0} bytes of shared memory, but each of {1} "
                         "CTAs of an SM has {2}",
                         schedule.pipelineBytes(), schedule.blocksPerSM,
                         budget);
  return {};
}

static bool isSupportedScalar(Type type) {
  return type.isF16() || type.isBF16() || type.isF32() || type.isF64() ||
         type.isSignlessInteger(8) || type.isSignlessInteger(16) ||
         type.isSignlessInteger(32) || type.isSignlessInteger(64);
}

static LogicalResult checkBuffer(SpmmOp op, Value operand, StringRef name) {
  auto type = dyn_cast<MemRefType>(operand.getType());
  if (!type)
    return op.emitOpError() << "requires bufferized operands, but " << name
                            << " is " << operand.getType();
  if (type.getMemorySpace())
    return op.emitOpError() << "requires " << name
                            << " in host memory, which has no memory space, "
                               "but its type is "
                            << type;
  if (!isSupportedScalar(type.getElementType()))
    return op.emitOpError()
           << "requires " << name
           << " of f16, bf16, f32, f64, i8, i16, i32 or i64 on a GPU, but its "
              "type is "
           << type;
  return success();
}

/// The body is cloned into the kernel, so it must be scalar code that reads
/// nothing but its arguments and constants.
static LogicalResult checkEpilogueOp(SpmmOp op, Operation &inner) {
  bool scalar = isa<arith::ArithDialect, math::MathDialect>(inner.getDialect());
  if (!isa<YieldOp>(inner) && (!scalar || inner.getNumRegions()))
    return inner.emitOpError("requires an epilogue of scalar arith and math "
                             "ops on a GPU");
  for (Type type : inner.getResultTypes()) {
    if (!isSupportedScalar(type) && !type.isSignlessInteger(1))
      return inner.emitOpError() << "requires scalars of f16, bf16, f32, f64, "
                                    "i1, i8, i16, i32 or i64 in an epilogue "
                                    "on a GPU, but yields "
                                 << type;
  }
  for (Value operand : inner.getOperands()) {
    Operation *producer = operand.getDefiningOp();
    bool inside = operand.getParentBlock() == inner.getBlock();
    if (!inside && !(producer && producer->hasTrait<OpTrait::ConstantLike>()))
      return inner.emitOpError("requires an epilogue that uses only its "
                               "arguments and constants on a GPU");
  }
  return success();
}

LogicalResult vnm::checkSupported(SpmmOp op) {
  Type element = op.getWeightElementType();
  if (!element.isF16() && !element.isBF16() && !element.isInteger(8))
    return op.emitOpError()
           << "requires a weight of f16, bf16 or i8 on a GPU, but it is "
           << element;
  Type result = getElementTypeOrSelf(op.getInit().getType());
  bool floats =
      result.isF16() || result.isBF16() || result.isF32() || result.isF64();
  if (!floats && !isa<IntegerType>(result))
    return op.emitOpError()
           << "requires a result of f16, bf16, f32 or f64 on a GPU, but it is "
           << result;
  std::pair<Value, StringRef> operands[] = {{op.getValues(), "values"},
                                            {op.getMetadata(), "metadata"},
                                            {op.getColumns(), "columns"},
                                            {op.getRows(), "rows"},
                                            {op.getX(), "x"},
                                            {op.getInit(), "the destination"}};
  for (auto [operand, name] : operands)
    if (operand && failed(checkBuffer(op, operand, name)))
      return failure();
  for (Value operand : op.getEpilogueOperands())
    if (failed(checkBuffer(op, operand, "an epilogue operand")))
      return failure();
  if (op.hasEpilogue())
    for (Operation &inner : op.getEpilogue().front())
      if (failed(checkEpilogueOp(op, inner)))
        return failure();
  return success();
}
