// Part of the VNM project, under the Apache License v2.0 with LLVM Exceptions.
// See the file LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// This file tests reading and writing of .npy files.

#include "vnm/ExecutionEngine/Npy.h"

#include "llvm/Support/raw_ostream.h"

// RapidCheck's header needs GoogleTest's before it.
#include "gtest/gtest.h"

#include "rapidcheck/gtest.h"

#include <cstring>

using namespace vnm;

/// A file of format 1.0 with the given dictionary and elements.
static std::string makeFile(const std::string &header,
                            const std::string &elements) {
  std::string file("\x93NUMPY\x01\x00", 8);
  file.push_back(static_cast<char>(header.size() & 0xff));
  file.push_back(static_cast<char>(header.size() >> 8));
  return file + header + elements;
}

static std::string makeHeader(const std::string &descr,
                              const std::string &order,
                              const std::string &shape) {
  return "{'descr': '" + descr + "', 'fortran_order': " + order +
         ", 'shape': " + shape + ", }";
}

static std::string getError(llvm::StringRef file) {
  llvm::Expected<NpyArray> array = parseNpy(file);
  return array ? "" : llvm::toString(array.takeError());
}

static std::string serialize(const NpyArray &array) {
  std::string text;
  llvm::raw_string_ostream os(text);
  writeNpy(os, array);
  return text;
}

RC_GTEST_PROP(Npy, ReadsWhatItWrites, ()) {
  static constexpr NpyType types[] = {{'f', 2}, {'f', 4}, {'f', 8}, {'i', 1},
                                      {'i', 2}, {'i', 4}, {'i', 8}, {'u', 1},
                                      {'u', 2}, {'u', 4}, {'u', 8}, {'b', 1}};
  NpyType type = types[*rc::gen::inRange<size_t>(0, std::size(types))];
  auto dims = *rc::gen::container<std::vector<int64_t>>(
      *rc::gen::inRange<size_t>(0, 5), rc::gen::inRange<int64_t>(0, 6));
  NpyArray array(type, dims);
  for (size_t i = 0; i < array.getSizeInBytes(); ++i)
    array.getData()[i] = static_cast<char>(*rc::gen::inRange(0, 256));

  std::string file = serialize(array);
  llvm::Expected<NpyArray> copy = parseNpy(file);
  RC_ASSERT(static_cast<bool>(copy));
  RC_ASSERT(copy->getType() == type);
  RC_ASSERT(copy->getShape() == llvm::ArrayRef<int64_t>(dims));
  RC_ASSERT(std::memcmp(copy->getData(), array.getData(),
                        array.getSizeInBytes()) == 0);
  RC_ASSERT(serialize(*copy) == file);
}

// Every prefix of a file is an error, never a crash or a shorter array.
TEST(Npy, RefusesEveryTruncation) {
  NpyArray array({'f', 4}, {3, 5});
  std::string file = serialize(array);
  for (size_t size = 0; size < file.size(); ++size)
    EXPECT_NE(getError(llvm::StringRef(file).take_front(size)), "") << size;
  EXPECT_NE(getError(file + "x"), "");
}

// Arbitrary damage to the header never crashes, and what still parses holds
// exactly the bytes that its shape says.
RC_GTEST_PROP(Npy, SurvivesDamage, ()) {
  std::string file = serialize(NpyArray({'f', 2}, {4, 6}));
  int edits = *rc::gen::inRange(1, 6);
  for (int i = 0; i < edits; ++i)
    file[*rc::gen::inRange<size_t>(0, file.size())] =
        static_cast<char>(*rc::gen::inRange(0, 256));
  llvm::Expected<NpyArray> array = parseNpy(file);
  if (!array) {
    llvm::consumeError(array.takeError());
    return;
  }
  RC_ASSERT(NpyArray::getByteSize(array->getType(), array->getShape()) ==
            static_cast<int64_t>(array->getSizeInBytes()));
}

TEST(Npy, StartsElementsOnACacheLine) {
  std::string file = serialize(NpyArray({'i', 1}, {1}));
  EXPECT_EQ((file.size() - 1) % 64, 0u);
  NpyArray array({'i', 1}, {1});
  EXPECT_EQ(reinterpret_cast<uintptr_t>(array.getData()) % 64, 0u);
}

TEST(Npy, ReadsScalarsAndEmptyArrays) {
  llvm::Expected<NpyArray> scalar =
      parseNpy(makeFile(makeHeader("<f4", "False", "()"), "abcd"));
  ASSERT_TRUE(static_cast<bool>(scalar));
  EXPECT_TRUE(scalar->getShape().empty());
  EXPECT_EQ(scalar->getSizeInBytes(), 4u);

  llvm::Expected<NpyArray> empty =
      parseNpy(makeFile(makeHeader("<f4", "False", "(0, 7)"), ""));
  ASSERT_TRUE(static_cast<bool>(empty));
  EXPECT_EQ(empty->getSizeInBytes(), 0u);
  EXPECT_NE(empty->getData(), nullptr);
}

TEST(Npy, ReadsVersion2AndRawBytes) {
  std::string header = makeHeader("|V2", "False", "(2,)");
  std::string file("\x93NUMPY\x02\x00", 8);
  file += {static_cast<char>(header.size()), 0, 0, 0};
  llvm::Expected<NpyArray> array = parseNpy(file + header + "abcd");
  ASSERT_TRUE(static_cast<bool>(array));
  EXPECT_EQ(array->getType(), (NpyType{'V', 2}));
}

// Either order of one long dimension is the same array.
TEST(Npy, RefusesFortranOrderOnlyWhereItMatters) {
  EXPECT_EQ(getError(makeFile(makeHeader("|i1", "True", "(1, 4)"), "abcd")),
            "");
  EXPECT_EQ(getError(makeFile(makeHeader("|i1", "True", "(2, 2)"), "abcd")),
            "requires C order (numpy.ascontiguousarray), but the array is in "
            "Fortran order");
}

TEST(Npy, NamesWhatIsWrong) {
  EXPECT_EQ(getError("hello"),
            "requires an .npy file, but the magic number is missing");
  EXPECT_EQ(getError(llvm::StringRef("\x93NUMPY\x07\x00\x00\x00", 10)),
            "requires format 1, 2 or 3, but it is 7");
  EXPECT_EQ(getError(makeFile(makeHeader(">f4", "False", "(1,)"), "abcd")),
            "requires little-endian elements, but they are '>f4'");
  EXPECT_EQ(getError(makeFile(makeHeader("<c8", "False", "(1,)"), "abcdefgh")),
            "requires elements of type f2, f4, f8, i1, i2, i4, i8, u1, u2, "
            "u4, u8, b1 or V2, but they are '<c8'");
  EXPECT_EQ(getError(makeFile("{'descr': [('a', '<f4')], 'fortran_order': "
                              "False, 'shape': (1,)}",
                              "abcd")),
            "requires a plain element type, but it is structured");
  EXPECT_EQ(getError(makeFile("{'descr': '<f4', 'shape': (1,)}", "abcd")),
            "requires the keys descr, fortran_order and shape in the header, "
            "but one is missing");
  EXPECT_EQ(getError(makeFile(makeHeader("<f4", "False", "(2, 3)"), "abcd")),
            "requires the bytes of shape (2, 3) and type <f4, but 4 bytes "
            "follow the header");
}

// A product of dimensions that overflows allocates nothing.
TEST(Npy, RefusesHostileShapes) {
  EXPECT_NE(getError(makeFile(
                makeHeader("<f8", "False", "(4294967296, 4294967296)"), "")),
            "");
  EXPECT_NE(getError(makeFile(makeHeader("<f8", "False", "(-1,)"), "")), "");
  EXPECT_NE(getError(makeFile(
                makeHeader("<f8", "False", "(99999999999999999999,)"), "")),
            "");
  std::string manyDims = "(";
  for (int i = 0; i < 100; ++i)
    manyDims += "1, ";
  EXPECT_EQ(getError(makeFile(makeHeader("|i1", "False", manyDims + ")"), "a")),
            "requires a rank of at most 64");
}
