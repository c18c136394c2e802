// Part of the VNM project, under the Apache License v2.0 with LLVM Exceptions.
// See the file LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// This file tests that hostile safetensors files are refused.

#include "SafetensorsTestUtils.h"

using namespace vnm::sparsity;
using namespace vnm::sparsity::test;

static std::string errorOf(llvm::StringRef header, llvm::StringRef data) {
  return messageOf(parseBytes(fileOf(header, data)));
}

//===----------------------------------------------------------------------===//
// Hostile files
//===----------------------------------------------------------------------===//

TEST(SafetensorsHostile, HeaderLength) {
  EXPECT_EQ(messageOf(parseBytes("")),
            "requires a safetensors file of at least 8 bytes, but it has 0");
  EXPECT_EQ(messageOf(parseBytes("7 bytes")),
            "requires a safetensors file of at least 8 bytes, but it has 7");
  auto withLength = [](uint64_t length) {
    std::string bytes = fileOf("{}", "");
    llvm::support::endian::write64le(bytes.data(), length);
    return messageOf(parseBytes(bytes));
  };
  EXPECT_EQ(withLength(2), "");
  EXPECT_EQ(withLength(3), "requires the safetensors header to lie within the "
                           "file, but its length is 3 and 2 bytes follow");
  EXPECT_EQ(withLength(100000001),
            "requires a safetensors header of at most 100000000 bytes, but its "
            "length is 100000001");
  EXPECT_EQ(withLength(UINT64_MAX),
            "requires a safetensors header of at most 100000000 bytes, but its "
            "length is 18446744073709551615");
  EXPECT_NE(withLength(0), "");
}

TEST(SafetensorsHostile, Json) {
  EXPECT_EQ(errorOf(" {}", ""), "requires a safetensors header to start with "
                                "'{', but it does not");
  for (const char *header :
       {"{", "{\"a\"", "{\"a\":", "{} x", "{\"a\":1,}", "{\"\xff\":{}}", "{\"a",
        "{\"\\", "{\"\\u12\":1}", "{'a':1}", "{]", "{\"a\":01x}"})
    EXPECT_NE(errorOf(header, "").find("requires a safetensors header of JSON"),
              std::string::npos)
        << header;
  // So deep that a recursive parser would run out of stack.
  std::string deep = "{\"a\":" + std::string(5000000, '[');
  EXPECT_EQ(errorOf(deep, ""),
            "requires a safetensors header of objects and arrays at most 8 "
            "deep, but byte 12 of it is deeper");
}

TEST(SafetensorsHostile, Names) {
  const std::string tensor =
      R"({"dtype":"U8","shape":[0],"data_offsets":[0,0]})";
  EXPECT_EQ(errorOf(R"({"a":)" + tensor + R"(,"b":)" + tensor + "}", ""), "");
  EXPECT_EQ(errorOf(R"({"a":)" + tensor + R"(,"a":)" + tensor + "}", ""),
            "requires unique names in a safetensors header, but 'a' appears "
            "twice");
  EXPECT_EQ(errorOf(R"({"a":)" + tensor + R"(,"\u0061" :)" + tensor + "}", ""),
            "requires unique names in a safetensors header, but 'a' appears "
            "twice");
  EXPECT_EQ(errorOf(R"({"__metadata__":{"k":"v","k":"w"}})", ""),
            "requires unique names in a safetensors header, but 'k' appears "
            "twice");
  EXPECT_EQ(
      errorOf(
          R"({"a":{"dtype":"U8","dtype":"I8","shape":[0],"data_offsets":[0,0]}})",
          ""),
      "requires unique names in a safetensors header, but 'dtype' appears "
      "twice");
}

TEST(SafetensorsHostile, Metadata) {
  EXPECT_EQ(errorOf(R"({"__metadata__":{"a":"b"}})", ""), "");
  EXPECT_EQ(errorOf(R"({"__metadata__":[]})", ""),
            "requires __metadata__ to be an object, but it is not");
  EXPECT_EQ(errorOf(R"({"__metadata__":{"a":1}})", ""),
            "requires __metadata__ to map strings to strings, but 'a' is none");
}

/// The error of a file with one tensor of these fields and 4 bytes of data.
static std::string tensorError(llvm::StringRef fields) {
  return errorOf(("{\"t\":{" + fields + "}}").str(), "data");
}

TEST(SafetensorsHostile, Fields) {
  EXPECT_EQ(tensorError(R"("dtype":"U8","shape":[4],"data_offsets":[0,4])"),
            "");
  EXPECT_EQ(tensorError(R"("dtype":"F16","shape":[2],"data_offsets":[0,4])"),
            "");
  EXPECT_EQ(tensorError(R"("dtype":"F17","shape":[2],"data_offsets":[0,4])"),
            "requires a known dtype for tensor 't', but it is 'F17'");
  EXPECT_EQ(tensorError(R"("shape":[4],"data_offsets":[0,4])"),
            "requires tensor 't' to have a string 'dtype', but it has none");
  EXPECT_EQ(tensorError(R"("dtype":"U8","data_offsets":[0,4])"),
            "requires tensor 't' to have an array 'shape', but it has none");
  EXPECT_EQ(tensorError(R"("dtype":"U8","shape":[4])"),
            "requires tensor 't' to have an array 'data_offsets', but it has "
            "none");
  EXPECT_EQ(
      tensorError(R"("dtype":"U8","shape":[4],"data_offsets":[0,4],"x":0)"),
      "requires tensor 't' to have dtype, shape and data_offsets only, "
      "but it has 'x'");
  EXPECT_EQ(errorOf(R"({"t":[]})", ""),
            "requires tensor 't' to be described by an object, but it is not");
}

TEST(SafetensorsHostile, Shapes) {
  for (const char *shape :
       {"-4", "4.5", "\"4\"", "null", "9223372036854775808", "1e300"})
    EXPECT_EQ(tensorError((R"("dtype":"U8","data_offsets":[0,4],"shape":[)" +
                           llvm::Twine(shape) + "]")
                              .str()),
              "requires 'shape' of tensor 't' to hold integers in [0, 2^63), "
              "but element 0 is none")
        << shape;
  // 2^32 x 2^32 x 4 = 0 modulo 2^64, and 2^62 x 4 is negative in 64 bits.
  for (const char *shape : {"4294967296,4294967296,4", "4611686018427387904,4"})
    EXPECT_EQ(tensorError((R"("dtype":"U8","data_offsets":[0,0],"shape":[)" +
                           llvm::Twine(shape) + "]")
                              .str()),
              "requires the size of tensor 't' to fit 63 bits, but its shape's "
              "product does not")
        << shape;
}

TEST(SafetensorsHostile, Offsets) {
  auto offsetsError = [](llvm::StringRef offsets) {
    return tensorError(
        (R"("dtype":"U8","shape":[4],"data_offsets":[)" + offsets + "]").str());
  };
  for (const char *offsets : {"", "0", "0,4,8", "4,0"})
    EXPECT_EQ(offsetsError(offsets),
              "requires 'data_offsets' of tensor 't' to be a begin and an end "
              "not before it, but they are not");
  EXPECT_EQ(offsetsError("-1,3"),
            "requires 'data_offsets' of tensor 't' to hold integers in [0, "
            "2^63), but element 0 is none");
  EXPECT_EQ(offsetsError("1,5"),
            "requires the data of tensor 't' to end within the file's 4 bytes "
            "of data, but it ends at 5");
  EXPECT_EQ(offsetsError("9223372036854775803,9223372036854775807"),
            "requires the data of tensor 't' to end within the file's 4 bytes "
            "of data, but it ends at 9223372036854775807");
  EXPECT_EQ(offsetsError("0,3"),
            "requires 4 bytes for tensor 't' by its dtype and shape, but its "
            "data has 3");
}

TEST(SafetensorsHostile, HolesAndOverlaps) {
  auto twoError = [](llvm::StringRef first, llvm::StringRef second) {
    return errorOf((R"({"a":{"dtype":"U8","shape":[2],"data_offsets":[)" +
                    first +
                    R"(]},"b":{"dtype":"U8","shape":[2],"data_offsets":[)" +
                    second + "]}}")
                       .str(),
                   "sixsix");
  };
  EXPECT_EQ(twoError("0,2", "1,3"),
            "requires tensors without overlaps between their data, but tensor "
            "'b' begins at 1 and the data before it ends at 2");
  EXPECT_EQ(twoError("0,2", "0,2"),
            "requires tensors without overlaps between their data, but tensor "
            "'b' begins at 0 and the data before it ends at 2");
  EXPECT_EQ(twoError("0,2", "4,6"),
            "requires tensors without holes between their data, but tensor 'b' "
            "begins at 4 and the data before it ends at 2");
  EXPECT_EQ(twoError("2,4", "4,6"),
            "requires tensors without holes between their data, but tensor 'a' "
            "begins at 2 and the data before it ends at 0");
  EXPECT_EQ(twoError("0,2", "2,4"),
            "requires tensors to fill the file's 6 bytes of data, but they end "
            "at 4");
}

//===----------------------------------------------------------------------===//
// Hostile packed weights
//===----------------------------------------------------------------------===//

namespace {
/// A file with one packed weight, of which tests change one thing.
class PackedFileTest : public SafetensorsTest {
protected:
  /// Bytes of a valid file: 3 x 9 at 16:2:4, free, rows permuted.
  std::string validBytes() {
    Random random(4);
    Dense dense = randomDense(random, ElementType::F16, 3, 9);
    Structure structure =
        randomStructure(random, {16, 2, 4}, 3, 9, Form::Free, true);
    SafetensorsWriter writer;
    take(writer.addStorage("w", take(pack(dense.view(), structure))));
    take(writer.write(path("valid")));
    return readBytes(path("valid"));
  }

  /// The error after `from` in the header was replaced by `to`.
  std::string errorAfter(llvm::StringRef from, llvm::StringRef to) {
    std::string bytes = validBytes();
    size_t length = llvm::support::endian::read64le(bytes.data());
    std::string header = bytes.substr(8, length);
    size_t at = header.find(from.str());
    EXPECT_NE(at, std::string::npos) << header;
    header.replace(at, from.size(), to.str());
    llvm::Expected<SafetensorsFile> file =
        parseBytes(fileOf(header, bytes.substr(8 + length)));
    if (!file)
      return "file: " + llvm::toString(file.takeError());
    return messageOfStorage(*file);
  }

  std::string messageOfStorage(const SafetensorsFile &file) {
    std::string message = messageOf(file.readStorage("w"));
    llvm::StringRef text = message;
    text.consume_front("packed weight 'w': ");
    return text.str();
  }
};
} // namespace

TEST_F(PackedFileTest, RefusesBadDescriptions) {
  EXPECT_EQ(errorAfter("\"vnm.w\"", "\"vnm.v\""),
            "requires __metadata__ to describe the packed weight 'w', but it "
            "has no key vnm.w");
  EXPECT_EQ(errorAfter("\\\"version\\\":1", "\\\"version\\\":2"),
            "requires version 1 of vnm.w, but it is 2");
  EXPECT_EQ(errorAfter("\\\"K\\\":9,", ""),
            "requires an integer 'K' in vnm.w, but there is none");
  EXPECT_EQ(errorAfter("\\\"K\\\":9,", "\\\"K\\\":9.5,"),
            "requires an integer 'K' in vnm.w, but there is none");
  EXPECT_EQ(errorAfter("\\\"K\\\":9,", "\\\"K\\\":0,"),
            "requires R and K to be in [1, 2147483647], but they are 3 and 0");
  EXPECT_EQ(errorAfter("\\\"V\\\":16", "\\\"V\\\":17"),
            "requires V to be a power of two in [16, 1048576], but V is 17");
  EXPECT_EQ(errorAfter("\\\"free\\\"", "\\\"fred\\\""),
            "requires a form of strict or free, but found 'fred'");
  EXPECT_EQ(errorAfter("\\\"free\\\"", "1"),
            "requires a string 'form' in vnm.w, but there is none");
  EXPECT_EQ(errorAfter("\\\"f16\\\"", "\\\"f64\\\""),
            "requires an element type of f16, bf16, f32 or i8, but found "
            "'f64'");
  EXPECT_EQ(errorAfter("{\\\"K\\\"", "[\\\"K\\\"").substr(0, 32),
            "requires vnm.w to be JSON, but [");
  EXPECT_EQ(errorAfter("{\\\"K\\\"", std::string(2000, '[') + "{\\\"K\\\"")
                .substr(0, 41),
            "requires vnm.w to have at most 1024 bytes");
}

TEST_F(PackedFileTest, RefusesBadTensors) {
  EXPECT_EQ(errorAfter("w.vnm_columns", "w.vnm_Columns"),
            "requires a tensor 'w.vnm_columns', but there is none");
  EXPECT_EQ(errorAfter("\"F16\"", "\"U16\""),
            "requires dtype F16 for tensor 'w.vnm_values', but it is U16");
  EXPECT_EQ(errorAfter("[3,6]", "[6,3]"),
            "requires shape 3 x 6 for tensor 'w.vnm_values', but it is 6 x 3");
  EXPECT_EQ(errorAfter("\\\"R\\\":3", "\\\"R\\\":2"),
            "requires shape 2 x 6 for tensor 'w.vnm_values', but it is 3 x 6");
  EXPECT_EQ(errorAfter("\\\"K\\\":9,", "\\\"K\\\":2147483647,").substr(0, 41),
            "requires shape 3 x 1073741824 for tensor ");
  // A strict weight would have its columns elsewhere.
  EXPECT_EQ(errorAfter("\\\"free\\\"", "\\\"strict\\\"").substr(0, 2), "[S");
  // Without its rows the weight is legal, but another.
  EXPECT_EQ(errorAfter("w.vnm_rows", "w.vnm_Rows"), "");
}

TEST_F(PackedFileTest, RefusesHugeShapesWithoutAllocating) {
  // K = 2^31 - 1 and M = 2^20 need few groups: nothing may have K elements.
  Structure structure;
  structure.pattern = {16, 2, 1 << 20};
  structure.form = Form::Free;
  structure.numRows = 1;
  structure.numCols = 2147483647;
  structure.columns.assign(4 * 2048, 2147483647);
  structure.metadata.assign(512, 0x4444);
  EXPECT_EQ(messageOf(verifyStructure(structure)), "");
  structure.columns[0] = structure.columns[8188] = 7;
  EXPECT_EQ(messageOf(verifyStructure(structure)),
            "[S12] requires a column at most once per panel, but column 7 of "
            "panel 0 is in group 0 and in group 2047");
}

TEST_F(PackedFileTest, SurvivesFlippedAndMissingBytes) {
  std::string valid = validBytes();
  int64_t numLegal = 0, numFiles = 0;
  auto tryBytes = [&](llvm::StringRef bytes) {
    ++numFiles;
    llvm::Expected<SafetensorsFile> file = parseBytes(bytes);
    if (!file) {
      EXPECT_NE(llvm::toString(file.takeError()), "");
      return;
    }
    for (const std::string &name : file->storageNames()) {
      llvm::Expected<Storage> storage = file->readStorage(name);
      if (!storage) {
        EXPECT_NE(llvm::toString(storage.takeError()), "");
        continue;
      }
      // What is accepted can be used.
      ++numLegal;
      take(verifyStorage(*storage));
      EXPECT_EQ(decode(*storage).size(),
                size_t(storage->structure.numRows * storage->structure.numCols *
                       byteWidth(storage->type)));
    }
  };
  for (size_t size = 0; size < valid.size(); ++size) {
    tryBytes(llvm::StringRef(valid).take_front(size));
    tryBytes(valid.substr(0, size) + valid.substr(size + 1));
  }
  EXPECT_EQ(numLegal, 0);
  for (size_t at = 0; at < valid.size(); ++at)
    for (int bit = 0; bit < 8; ++bit) {
      std::string bytes = valid;
      bytes[at] = char(bytes[at] ^ 1 << bit);
      tryBytes(bytes);
    }
  // Flips in values are legal, most others are not.
  EXPECT_GT(numLegal, 100);
  EXPECT_LT(numLegal, numFiles / 2);
}
