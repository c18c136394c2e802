// Part of the VNM project, under the Apache License v2.0 with LLVM Exceptions.
// See the file LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// This file tests manifests of kernels: reading them, the rule of the grid, and
// the parameters of a launch.

#include "vnm/Runtime/KernelLauncher.h"

#include "llvm/ADT/Twine.h"

#include "gtest/gtest.h"

using namespace vnm::runtime;

/// A manifest of one kernel with the given fields after those that no test
/// changes.
static std::string makeManifest(const llvm::Twine &fields) {
  return (R"({"version": 1, "kernels": [{
    "name": "spmm_0", "code": "k.cubin", "family": "mma_sp",
    "pattern": "64:2:8", "rows": 200, "cols": 256, "threads": 128,
    "shared_memory": 0, )" +
          fields + "}]}")
      .str();
}

static const char *const kDynamic =
    R"("tokens": "tokens", "batch": ["batch0", 2],
    "grid": {"row_tiles": 4, "token_tile": 64}, "arguments": [
      {"name": "x", "kind": "memref", "type": "f16", "layout": "feature_major",
       "shape": ["batch0", 2, 256, "tokens"]},
      {"name": "bias", "kind": "memref", "type": "f32", "shape": [200]},
      {"name": "tokens", "kind": "size", "type": "i64"}])";

static KernelEntry parseOne(const std::string &text) {
  auto kernels = parseManifest(text);
  if (!kernels) {
    ADD_FAILURE() << llvm::toString(kernels.takeError());
    return {};
  }
  EXPECT_EQ(kernels->size(), 1u);
  return kernels->front();
}

TEST(KernelManifest, ReadsWhetherKernelsMayOverlap) {
  std::string fields = kDynamic;
  EXPECT_FALSE(parseOne(makeManifest(fields)).dependentLaunch);
  fields += R"(, "dependent_launch": true)";
  EXPECT_TRUE(parseOne(makeManifest(fields)).dependentLaunch);
}

static std::string getError(const std::string &text) {
  auto kernels = parseManifest(text);
  return kernels ? "" : llvm::toString(kernels.takeError());
}

template <typename T>
static std::string getError(llvm::Expected<T> value) {
  return value ? "" : llvm::toString(value.takeError());
}

TEST(KernelManifest, ReadsFields) {
  KernelEntry kernel = parseOne(makeManifest(kDynamic));
  EXPECT_EQ(kernel.name, "spmm_0");
  EXPECT_EQ(kernel.code, "k.cubin");
  EXPECT_EQ(kernel.rows, 200);
  EXPECT_EQ(kernel.cols, 256);
  EXPECT_EQ(std::get<std::string>(kernel.tokens), "tokens");
  ASSERT_EQ(kernel.arguments.size(), 3u);
  EXPECT_EQ(kernel.arguments[0].type, "f16");
  EXPECT_EQ(std::get<int64_t>(kernel.arguments[0].shape[1]), 2);
  EXPECT_EQ(kernel.arguments[2].kind, KernelArgument::Kind::Size);
}

TEST(KernelManifest, CountsBlocks) {
  KernelEntry kernel = parseOne(makeManifest(kDynamic));
  // 4 row tiles, 2 token tiles, 3 x 2 batch entries.
  EXPECT_EQ(llvm::cantFail(kernel.numBlocks({{"tokens", 65}, {"batch0", 3}})),
            48);
  EXPECT_EQ(llvm::cantFail(kernel.numBlocks({{"tokens", 64}, {"batch0", 3}})),
            24);
  EXPECT_EQ(llvm::cantFail(kernel.numBlocks({{"tokens", 0}, {"batch0", 3}})),
            0);
  EXPECT_EQ(getError(kernel.numBlocks({{"tokens", 64}})),
            "requires the size 'batch0', but it is not given");
  EXPECT_EQ(getError(kernel.numBlocks({{"tokens", -1}, {"batch0", 1}})),
            "requires the size 'tokens' to be at least 0, but it is -1");
  EXPECT_EQ(
      getError(kernel.numBlocks({{"tokens", int64_t(1) << 40}, {"batch0", 1}})),
      "requires at most 2147483647 CTAs, but spmm_0 needs 137438953472");
  EXPECT_EQ(getError(kernel.numBlocks(
                {{"tokens", int64_t(1) << 62}, {"batch0", int64_t(1) << 62}})),
            "requires a product of sizes of less than 2^63");
}

TEST(KernelManifest, LimitsPersistentGrids) {
  KernelEntry kernel = parseOne(makeManifest(R"("tokens": 4096, "batch": [],
    "grid": {"row_tiles": 32, "token_tile": 256, "max_blocks": 132},
    "arguments": [])"));
  EXPECT_EQ(llvm::cantFail(kernel.numBlocks({})), 132);
  kernel.tokens = int64_t(512);
  EXPECT_EQ(llvm::cantFail(kernel.numBlocks({})), 64);
}

static std::string makeMapManifest(const llvm::Twine &map) {
  return makeManifest(R"("tokens": 64, "batch": [],
    "grid": {"row_tiles": 1, "token_tile": 64}, "arguments": [
      {"name": "x", "kind": "memref", "type": "f16", "shape": [128, 64]},
      {"name": "tokens", "kind": "size", "type": "i64"},
      {"name": "x_map", "kind": "tensor_map", )" +
                      map + "}]");
}

TEST(KernelManifest, ReadsTensorMaps) {
  KernelEntry kernel = parseOne(makeMapManifest(R"("type": "f16", "buffer": "x",
        "sizes": [64, 128], "strides": [128], "box": [64, 64])"));
  ASSERT_EQ(kernel.arguments.size(), 3u);
  const KernelArgument &argument = kernel.arguments[2];
  EXPECT_EQ(argument.kind, KernelArgument::Kind::TensorMap);
  EXPECT_EQ(argument.map.buffer, "x");
  EXPECT_EQ(argument.map.sizes, (std::vector<int64_t>{64, 128}));
  EXPECT_EQ(argument.map.strides, std::vector<int64_t>{128});
  EXPECT_EQ(argument.map.box, (std::vector<int64_t>{64, 64}));
  // One parameter of 16 words, for the launcher to encode.
  EXPECT_EQ(argument.getNumParameters(), 1u);
  std::vector<uint64_t> words = llvm::cantFail(
      kernel.packParameters({{"x", {0x1000, 128 * 64}}}, {{"tokens", 64}}));
  EXPECT_EQ(words.size(), 5u + 1u + 16u);
}

TEST(KernelManifest, RefusesTensorMaps) {
  const std::string kPrefix = "kernel 0 of the manifest: requires ";
  EXPECT_EQ(getError(makeMapManifest(R"("type": "f16", "buffer": "y",
              "sizes": [64], "strides": [], "box": [64])")),
            kPrefix +
                "a memref among the arguments as 'buffer', but it is 'y'");
  EXPECT_EQ(getError(makeMapManifest(R"("type": "f32", "buffer": "x",
              "sizes": [64], "strides": [], "box": [64])")),
            kPrefix + "a tensor map of f16 or bf16, but it is of 'f32'");
  EXPECT_EQ(getError(makeMapManifest(R"("type": "f16", "buffer": "x",
              "sizes": [64, 2], "strides": [], "box": [64, 2])")),
            kPrefix + "an array of 1 of integers of at least 0 as 'strides'");
  EXPECT_EQ(getError(makeMapManifest(R"("type": "f16", "buffer": "x",
              "sizes": [1, 1, 1, 1, 1, 1], "strides": [0, 0, 0, 0, 0],
              "box": [1, 1, 1, 1, 1, 1])")),
            kPrefix + "a tensor map of 1 to 5 dimensions, but there are 6");
}

TEST(KernelManifest, PacksParameters) {
  KernelEntry kernel = parseOne(makeManifest(kDynamic));
  KernelSizes sizes = {{"tokens", 10}, {"batch0", 3}};
  KernelBuffers buffers;
  buffers["x"] = {0x1000, 3 * 2 * 256 * 10};
  EXPECT_EQ(getError(kernel.packParameters(buffers, sizes)),
            "requires the buffer 'bias', but it is not given");
  buffers["bias"] = {0x2000, 199};
  EXPECT_EQ(getError(kernel.packParameters(buffers, sizes)),
            "requires 200 elements of 'bias', but there are 199");
  buffers["bias"].numElements = 200;
  std::vector<uint64_t> expected = {0x1000, 0x1000, 0,   15360, 1, 0x2000,
                                    0x2000, 0,      200, 1,     10};
  EXPECT_EQ(llvm::cantFail(kernel.packParameters(buffers, sizes)), expected);
}

TEST(KernelManifest, RefusesWhatIsWrong) {
  EXPECT_NE(getError("{").find("requires a manifest in JSON, but "),
            std::string::npos);
  EXPECT_EQ(getError(R"({"version": 2, "kernels": []})"),
            "requires a manifest of version 1");
  EXPECT_EQ(getError(R"({"version": 1})"),
            "requires an array as 'kernels' of the manifest");
  const char *const kPrefix = "kernel 0 of the manifest: ";
  auto expectError = [&](const char *fields, const char *message) {
    EXPECT_EQ(getError(makeManifest(fields)), std::string(kPrefix) + message);
  };
  expectError(R"("tokens": 1.5)",
              "requires a size, a number or a name, as 'tokens'");
  expectError(R"("tokens": 1, "batch": [], "dependent_launch": 1)",
              "requires true or false as 'dependent_launch'");
  expectError(R"("tokens": 1, "batch": [-1])",
              "requires an array of sizes as 'batch'");
  expectError(R"("tokens": 1, "batch": [])", "requires an object as 'grid'");
  expectError(R"("tokens": 1, "batch": [],
                 "grid": {"row_tiles": 1, "token_tile": 0})",
              "requires an integer of at least 1 as 'token_tile'");
  expectError(R"("tokens": 1, "batch": [],
                 "grid": {"row_tiles": 1, "token_tile": 8})",
              "requires an array as 'arguments'");
  expectError(
      R"("tokens": 1, "batch": [],
                 "grid": {"row_tiles": 1, "token_tile": 8}, "arguments": [
                   {"name": "x", "kind": "texture", "type": "f16", "shape": []}])",
      "requires 'kind' to be memref, size or tensor_map, but it is 'texture'");
}

TEST(KernelLauncher, NamesTheMissingManifest) {
  auto launcher = KernelLauncher::load("no-such-folder");
  ASSERT_FALSE(bool(launcher));
  std::string message = llvm::toString(launcher.takeError());
  EXPECT_EQ(message.rfind("requires no-such-folder", 0), 0u) << message;
}
