// Part of the VNM project, under the Apache License v2.0 with LLVM Exceptions.
// See the file LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// This file runs random products through vnm-lower-to-cpu and a JIT, and
// compares them with the reference in double precision.

#include "ProductCase.h"
#include "mlir/ExecutionEngine/ExecutionEngine.h"
#include "mlir/IR/BuiltinOps.h"
#include "mlir/IR/MLIRContext.h"
#include "mlir/Parser/Parser.h"
#include "mlir/Pass/PassManager.h"
#include "vnm/InitAll.h"
#include "vnm/Pipelines/Pipelines.h"
#include "llvm/Support/TargetSelect.h"

using namespace mlir;
using namespace vnm;
using vnm::test::Array;
using vnm::test::ProductCase;

namespace {
class CPUProductTest : public testing::Test {
protected:
  static void SetUpTestSuite() {
    llvm::InitializeNativeTarget();
    llvm::InitializeNativeTargetAsmParser();
    llvm::InitializeNativeTargetAsmPrinter();
  }

  CPUProductTest() {
    DialectRegistry registry;
    registerForTool(registry);
    context.appendDialectRegistry(registry);
    context.disableMultithreading();
  }

  /// Runs `count` cases, all in one module, from `firstSeed` on.
  void runCases(uint64_t firstSeed, int64_t count, int64_t maxTokens,
                int64_t tokenTile, int64_t groupsPerBlock);

  MLIRContext context;
};
} // namespace

/// Calls `name` with the arrays of `product`.
static std::string call(ExecutionEngine &engine, const std::string &name,
                        ProductCase &product) {
  std::vector<std::vector<int64_t>> descriptors;
  for (Array *array : product.arguments())
    descriptors.push_back(array->descriptor());
  std::vector<void *> pointers, arguments;
  for (std::vector<int64_t> &descriptor : descriptors)
    pointers.push_back(descriptor.data());
  for (void *&pointer : pointers)
    arguments.push_back(&pointer);
  llvm::Error error = engine.invokePacked("_mlir_ciface_" + name, arguments);
  return error ? llvm::toString(std::move(error)) : product.check();
}

void CPUProductTest::runCases(uint64_t firstSeed, int64_t count,
                              int64_t maxTokens, int64_t tokenTile,
                              int64_t groupsPerBlock) {
  std::vector<ProductCase> cases;
  std::string text;
  for (int64_t i = 0; i < count; ++i) {
    cases.emplace_back(firstSeed + i, maxTokens);
    text += cases.back().text("f" + std::to_string(i));
  }
  OwningOpRef<ModuleOp> module = parseSourceString<ModuleOp>(text, &context);
  ASSERT_TRUE(module) << text;

  PassManager pm(&context);
  LowerToCPUOptions options;
  options.tokenTile = tokenTile;
  options.groupsPerBlock = groupsPerBlock;
  buildLowerToCPUPipeline(pm, options);
  ASSERT_TRUE(succeeded(pm.run(*module))) << text;

  StringRef libraries[] = {VNM_OPENMP_LIBRARY};
  ExecutionEngineOptions engineOptions;
  engineOptions.sharedLibPaths = libraries;
  engineOptions.jitCodeGenOptLevel = llvm::CodeGenOptLevel::None;
  engineOptions.enableGDBNotificationListener = false;
  engineOptions.enablePerfNotificationListener = false;
  auto engine = ExecutionEngine::create(*module, engineOptions);
  ASSERT_TRUE(bool(engine)) << llvm::toString(engine.takeError());
  for (int64_t i = 0; i < count; ++i)
    EXPECT_EQ(call(**engine, "f" + std::to_string(i), cases[i]), "")
        << cases[i].describe();
}

TEST_F(CPUProductTest, RaggedProductsWithNarrowTiles) {
  for (uint64_t seed = 0; seed < 960; seed += 80)
    runCases(seed, 80, /*maxTokens=*/40, /*tokenTile=*/16,
             /*groupsPerBlock=*/seed % 160 ? 4 : 8);
}

TEST_F(CPUProductTest, RaggedProductsWithWideTiles) {
  runCases(5000, 40, /*maxTokens=*/100, /*tokenTile=*/32,
           /*groupsPerBlock=*/16);
  runCases(6000, 24, /*maxTokens=*/300, /*tokenTile=*/128,
           /*groupsPerBlock=*/16);
}
