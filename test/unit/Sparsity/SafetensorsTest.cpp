// Part of the VNM project, under the Apache License v2.0 with LLVM Exceptions.
// See the file LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// This file tests reading and writing of safetensors files.

#include "SafetensorsTestUtils.h"

using namespace vnm::sparsity;
using namespace vnm::sparsity::test;

static bool same(const Storage &a, const Storage &b) {
  const Structure &s = a.structure, &t = b.structure;
  return s.pattern == t.pattern && s.form == t.form && s.numRows == t.numRows &&
         s.numCols == t.numCols && s.columns == t.columns &&
         s.metadata == t.metadata && s.rows == t.rows && a.type == b.type &&
         a.values == b.values;
}

//===----------------------------------------------------------------------===//
// Round trips
//===----------------------------------------------------------------------===//

TEST_F(SafetensorsTest, RoundTripsPackedWeights) {
  Random random(1);
  SafetensorsWriter writer;
  std::vector<Storage> storages;
  for (int i = 0; i < 16; ++i) {
    Dense dense = randomDense(random, ElementType(i % 4), pick(random, 1, 50),
                              pick(random, 1, 70));
    Structure structure =
        randomStructure(random, {16, 2, pick(random, 4, 9)}, dense.rows,
                        dense.cols, Form(i / 4 % 2), i >= 8);
    storages.push_back(take(pack(dense.view(), structure)));
    take(writer.addStorage("layer." + std::to_string(i), storages.back()));
  }
  writer.setMetadata("format", "pt");
  const float bias[3] = {1, 2, 3};
  llvm::ArrayRef<char> biasBytes(reinterpret_cast<const char *>(bias),
                                 sizeof(bias));
  take(writer.add("bias", "F32", {3}, biasBytes));
  take(writer.add("empty", "I64", {0, 5}, {}));
  take(writer.write(path("all.safetensors")));

  SafetensorsFile file = take(SafetensorsFile::open(path("all.safetensors")));
  for (int i = 0; i < 16; ++i)
    EXPECT_TRUE(
        same(take(file.readStorage("layer." + std::to_string(i))), storages[i]))
        << i;
  EXPECT_EQ(file.storageNames().size(), 16u);
  EXPECT_EQ(file.metadata().at("format"), "pt");
  EXPECT_EQ(file.tensors().at("bias").data, biasBytes);
  EXPECT_EQ(file.tensors().at("bias").shape, (std::vector<int64_t>{3}));
  EXPECT_EQ(file.tensors().at("empty").data.size(), 0u);
  // Nothing but the file is left, and data starts at a multiple of 8.
  std::error_code code;
  int64_t numFiles = 0;
  for (llvm::sys::fs::directory_iterator it(folder, code), end; it != end;
       it.increment(code))
    ++numFiles;
  EXPECT_EQ(numFiles, 1);
  EXPECT_EQ(llvm::support::endian::read64le(
                readBytes(path("all.safetensors")).data()) %
                8,
            0u);
}

TEST_F(SafetensorsTest, WritesTheDocumentedArrays) {
  const float weight[2][10] = {{9, 9, 1.5, 9, 9, 0, 9, 9, 3, 4},
                               {9, 9, 9, 9, -2, 9, 9, 5, 6, 7}};
  const std::vector<uint8_t> mask = {0, 0, 1, 0, 0, 1, 0, 0, 1, 1,
                                     0, 0, 0, 0, 1, 0, 0, 1, 1, 1};
  Storage storage =
      take(pack(MatrixView::rowMajor(weight, ElementType::F32, 2, 10),
                take(structureFromMask(mask, 2, 10, {16, 2, 8}))));
  SafetensorsWriter writer;
  take(writer.addStorage("fc.weight", storage));
  take(writer.write(path("one.safetensors")));
  std::string bytes = readBytes(path("one.safetensors"));
  std::string header = bytes.substr(8, bytes.find("     "));
  llvm::StringRef text(bytes);
  // The worked example of docs/storage-format.md, field by field.
  EXPECT_TRUE(text.contains("\"fc.weight.vnm_values\":{\"dtype\":\"F32\","
                            "\"shape\":[2,4],\"data_offsets\":[0,32]}"))
      << header;
  EXPECT_TRUE(text.contains("\"fc.weight.vnm_columns\":{\"dtype\":\"I16\","
                            "\"shape\":[1,8],\"data_offsets\":[32,48]}"))
      << header;
  EXPECT_TRUE(text.contains("\"fc.weight.vnm_metadata\":{\"dtype\":\"I16\","
                            "\"shape\":[2,1],\"data_offsets\":[48,52]}"))
      << header;
  EXPECT_FALSE(text.contains("vnm_rows"));
  EXPECT_EQ(take(SafetensorsFile::open(path("one.safetensors")))
                .metadata()
                .at("vnm.fc.weight"),
            "{\"K\":10,\"M\":8,\"N\":2,\"R\":2,\"V\":16,\"dtype\":\"f32\","
            "\"form\":\"strict\",\"version\":1}");
  EXPECT_EQ(text.take_back(20),
            llvm::StringRef("\2\0\4\0\5\0\7\0\x8\0\x9\0\xA\0\xA\0"
                            "\x48\x44\x4d\x44",
                            20));
}

TEST_F(SafetensorsTest, UsesWideIdsForManyColumns) {
  Random random(2);
  for (int64_t cols : {65535, 65536}) {
    Structure structure =
        randomStructure(random, {16, 2, 1024}, 2, cols, Form::Strict, false);
    Dense dense = randomDense(random, ElementType::I8, 2, cols);
    Storage storage = take(pack(dense.view(), structure));
    SafetensorsWriter writer;
    take(writer.addStorage("w", storage));
    take(writer.write(path("wide.safetensors")));
    SafetensorsFile file =
        take(SafetensorsFile::open(path("wide.safetensors")));
    EXPECT_EQ(file.tensors().at("w.vnm_columns").dtype,
              cols == 65535 ? "I16" : "I32");
    EXPECT_TRUE(same(take(file.readStorage("w")), storage));
  }
}

//===----------------------------------------------------------------------===//
// Writing
//===----------------------------------------------------------------------===//

TEST_F(SafetensorsTest, RefusesWhatItCannotWrite) {
  SafetensorsWriter writer;
  take(writer.add("a", "U8", {2}, {1, 2}));
  EXPECT_EQ(messageOf(writer.add("a", "U8", {2}, {1, 2})),
            "requires unique names, but tensor 'a' is added twice");
  EXPECT_EQ(messageOf(writer.add("b", "U8", {3}, {1, 2})),
            "requires 3 bytes for tensor 'b' by its dtype and shape, but there "
            "are 2");
  EXPECT_EQ(messageOf(writer.add("b", "U7", {2}, {1, 2})),
            "requires a known dtype for tensor 'b', but it is 'U7'");
  EXPECT_EQ(messageOf(writer.add("b", "U8", {-2}, {1, 2})),
            "requires extents of tensor 'b' not to be negative, but one is -2");
  EXPECT_EQ(messageOf(writer.add("__metadata__", "U8", {0}, {})),
            "requires another name for a tensor than __metadata__");
  EXPECT_EQ(messageOf(writer.add("\xff", "U8", {0}, {})),
            "requires names of tensors in UTF-8, but one is not");
  // What was refused left nothing behind.
  take(writer.add("b", "U8", {0}, {}));
}

TEST_F(SafetensorsTest, AddsAllOfAPackedWeightOrNothing) {
  Random random(3);
  Storage storage = randomStorage(random, {16, 2, 8}, ElementType::F16, 4, 9);
  SafetensorsWriter writer;
  take(writer.add("w.vnm_columns", "U8", {0}, {}));
  EXPECT_EQ(messageOf(writer.addStorage("w", storage)),
            "requires unique names, but tensor 'w.vnm_columns' is added twice");
  storage.structure.metadata[0] = 0;
  EXPECT_EQ(messageOf(writer.addStorage("v", storage)).substr(0, 5), "[S13]");
  take(writer.write(path("w.safetensors")));
  SafetensorsFile file = take(SafetensorsFile::open(path("w.safetensors")));
  EXPECT_EQ(file.tensors().size(), 1u);
  EXPECT_TRUE(file.metadata().empty());
}

TEST_F(SafetensorsTest, RefusesUnwritablePaths) {
  SafetensorsWriter writer;
  take(writer.add("a", "U8", {2}, {1, 2}));
  // No such folder; a file where a folder is needed; a folder; a device.
  take(writer.write(path("file")));
  for (const std::string &target :
       {path("missing/x.safetensors"), path("file/x.safetensors"), path("."),
        std::string("/dev/null"), std::string()})
    EXPECT_NE(messageOf(writer.write(target))
                  .find("requires a writable path, but '" + target + "' "),
              std::string::npos)
        << target;
  EXPECT_FALSE(llvm::sys::fs::is_regular_file("/dev/null"));
}

TEST_F(SafetensorsTest, ReplacesAFileWhole) {
  SafetensorsWriter first, second;
  take(first.add("a", "U8", {2}, {1, 2}));
  take(second.add("b", "U8", {1}, {3}));
  take(first.write(path("x")));
  SafetensorsFile open = take(SafetensorsFile::open(path("x")));
  take(second.write(path("x")));
  // The old file stays mapped and whole for those who read it.
  EXPECT_EQ(open.tensors().at("a").data[1], 2);
  EXPECT_EQ(take(SafetensorsFile::open(path("x"))).tensors().count("b"), 1u);
}

TEST_F(SafetensorsTest, NamesTheFileThatItCannotRead) {
  std::string missing = path("missing");
  EXPECT_EQ(messageOf(SafetensorsFile::open(missing)),
            "requires a readable file, but '" + missing +
                "' cannot be read: No such file or directory");
  EXPECT_NE(messageOf(SafetensorsFile::open(folder)), "");
}
