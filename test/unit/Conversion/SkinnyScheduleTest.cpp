// Part of the VNM project, under the Apache License v2.0 with LLVM Exceptions.
// See the file LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// This file tests the schedules of the family skinny: that what is chosen fits,
// that what cannot run is refused, and that a row's pieces hold its bytes.

#include "SkinnySchedule.h"

#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/Parser/Parser.h"
#include "llvm/Support/FormatVariadic.h"
#include "gtest/gtest.h"

using namespace mlir;
using namespace vnm;

namespace {
/// A module with one product, of R x K weights at V:2:M with T tokens.
class Product {
public:
  Product(int64_t rows, int64_t cols, int64_t tokens, int64_t v, int64_t m) {
    context.loadDialect<VNMDialect, func::FuncDialect>();
    int64_t groups = llvm::divideCeil(cols, m);
    std::string types = llvm::formatv(
        "memref<{0}x{1}xf16>, memref<{0}x{2}xi16>, memref<{3}x{4}xi16>, "
        "memref<{5}x{6}xf16>",
        rows, 2 * groups, llvm::divideCeil(groups, 4),
        llvm::divideCeil(rows, v), 4 * groups, cols, tokens);
    std::string y = llvm::formatv("memref<{0}x{1}xf16>", rows, tokens);
    std::string body = llvm::formatv(
        "%v, %m, %c, %x, %y = \"test.buffers\"() : () -> ({0}, {1})\n"
        "vnm.spmm #vnm.encoding<{2}:2:{3}> ins(%v, %m, %c, %x : {0}) "
        "outs(%y : {1})\n",
        types, y, v, m);
    context.allowUnregisteredDialects();
    module = parseSourceString<ModuleOp>(body, &context);
    module->walk([&](SpmmOp found) { op = found; });
  }

  SpmmProblem getProblem() { return SpmmProblem(op); }

private:
  MLIRContext context;
  OwningOpRef<ModuleOp> module;
  SpmmOp op;
};
} // namespace

static SkinnySchedule getSchedule() {
  return SkinnySchedule(Product(4096, 4096, 16, 128, 8).getProblem(),
                        *lookupChip("sm_90a"));
}

TEST(SkinnySchedule, FitsOnEveryChip) {
  for (const char *name : {"sm_80", "sm_86", "sm_90a"})
    for (int64_t tokens : {1, 3, 8, 16, 33, 64})
      for (int64_t cols : {64, 4096, 8192, 28672})
        for (int64_t v : {16, 128}) {
          Product product(28672, cols, tokens, v, 5);
          const ChipInfo &chip = *lookupChip(name);
          EXPECT_EQ(explainSkinnyRefusal(product.getProblem(), chip), "")
              << name << ", " << tokens << " tokens, K = " << cols;
          EXPECT_LE(SkinnySchedule(product.getProblem(), chip).rowTile, v);
        }
}

TEST(SkinnySchedule, KeepsAllSMsBusy) {
  Product product(4096, 4096, 1, 128, 8);
  SkinnySchedule schedule(product.getProblem(), *lookupChip("sm_90a"));
  EXPECT_GE(4096 / schedule.rowTile, 100);
}

TEST(SkinnySchedule, RefusesWhatCannotRun) {
  auto explain = [](auto change) {
    SkinnySchedule schedule = getSchedule();
    change(schedule);
    return explainScheduleRefusal(schedule, 232448);
  };
  EXPECT_EQ(explain([](SkinnySchedule &s) {}), "");
  EXPECT_EQ(explain([](SkinnySchedule &s) { s.rowTile = 48; }),
            "requires tiles of 16, 32, 64 or 128 rows, but they have 48");
  EXPECT_EQ(explain([](SkinnySchedule &s) { s.numWarps = 12; }),
            "requires a power of two of at most 16 warps, but there are 12");
  EXPECT_EQ(explain([](SkinnySchedule &s) { s.stagesPerStep = 8; }),
            "requires steps of 1, 2 or 4 stages, but they have 8");
  EXPECT_EQ(explain([](SkinnySchedule &s) {
              s.weightsAhead = 1;
              s.activationsAhead = 2;
            }),
            "requires at least one step of activations ahead, and of weights "
            "no fewer, but there are 2 and 1");
  EXPECT_EQ(explain([](SkinnySchedule &s) {
              s.rowTile = 128;
              s.numTokens = 64;
            }),
            "requires at most 128 sums per thread, but there are 256");
  SkinnySchedule schedule = getSchedule();
  EXPECT_EQ(explainScheduleRefusal(schedule, schedule.sharedBytes() - 1),
            llvm::formatv("requires {0} bytes of shared memory, but a CTA has "
                          "{1}",
                          schedule.sharedBytes(), schedule.sharedBytes() - 1)
                .str());
}

// Wherever a row begins, its bytes of a step lie in its pieces; and there are
// no more pieces than that takes.
TEST(RowPieces, HoldARowsBytes) {
  for (int64_t granule : {2, 4})
    for (int64_t stepBytes : {8, 16, 32, 64, 128, 256})
      for (int64_t rowBytes = stepBytes; rowBytes < stepBytes + 64;
           rowBytes += granule) {
        RowPieces pieces(rowBytes, stepBytes, granule);
        int64_t most = 0;
        for (int64_t row = 0; row < 16; ++row) {
          int64_t shift = row * rowBytes % pieces.pieceBytes;
          EXPECT_TRUE(pieces.shifted || shift == 0);
          most = std::max<int64_t>(
              most, llvm::divideCeil(shift + stepBytes, pieces.pieceBytes));
        }
        EXPECT_LE(most, pieces.numPieces);
        EXPECT_LE(pieces.numPieces, most + 1);
        EXPECT_LE(pieces.pieceBytes * pieces.numPieces, pieces.pitch);
      }
}
