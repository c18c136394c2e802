// Part of the VNM project, under the Apache License v2.0 with LLVM Exceptions.
// See the file LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// This file declares reading and writing of NumPy's .npy array files.

#ifndef VNM_EXECUTIONENGINE_NPY_H
#define VNM_EXECUTIONENGINE_NPY_H

#include "llvm/ADT/ArrayRef.h"
#include "llvm/ADT/SmallVector.h"
#include "llvm/ADT/StringRef.h"
#include "llvm/Support/Error.h"

#include <cstdint>
#include <cstdlib>
#include <memory>
#include <string>

namespace llvm {
class raw_ostream;
} // namespace llvm

namespace vnm {

/// Element type of an array file, in NumPy's terms.
struct NpyType {
  /// 'f' float, 'i' signed, 'u' unsigned, 'b' boolean, 'V' raw bytes.
  char kind = 'f';
  /// Bytes of an element.
  unsigned size = 4;

  /// NumPy's spelling, e.g. "<f2" or "|i1".
  std::string str() const;
  bool operator==(const NpyType &other) const {
    return kind == other.kind && size == other.size;
  }
  bool operator!=(const NpyType &other) const { return !(*this == other); }
};

/// A dense row-major array that owns its elements.
class NpyArray {
public:
  /// Alignment of the elements in bytes: a cache line, enough for any vector.
  static constexpr size_t kAlignment = 64;

  /// Zero-filled array. The size must be representable (see `getByteSize`).
  NpyArray(NpyType type, llvm::ArrayRef<int64_t> shape);
  NpyArray(NpyArray &&) = default;
  NpyArray &operator=(NpyArray &&) = default;

  /// A deep copy.
  NpyArray clone() const;

  NpyType getType() const { return type; }
  llvm::ArrayRef<int64_t> getShape() const { return shape; }
  char *getData() { return data.get(); }
  const char *getData() const { return data.get(); }
  /// Bytes of all elements.
  size_t getSizeInBytes() const { return sizeInBytes; }

  /// Bytes of an array, or nothing if a dimension is negative or the product
  /// does not fit into 63 bits.
  static std::optional<int64_t> getByteSize(NpyType type,
                                            llvm::ArrayRef<int64_t> shape);

private:
  struct Free {
    void operator()(char *pointer) const { std::free(pointer); }
  };
  NpyType type;
  llvm::SmallVector<int64_t, 4> shape;
  size_t sizeInBytes;
  std::unique_ptr<char, Free> data;
};

/// Text of a shape as NumPy prints it: "(2, 3)", "(2,)", "()".
std::string formatShape(llvm::ArrayRef<int64_t> shape);

/// Parses the contents of an .npy file (format 1.0, 2.0 or 3.0): little-endian,
/// C order, element types f2 f4 f8 i1 i2 i4 i8 u1 u2 u4 u8 b1 V2. Anything else
/// is an error that says what is required and what was found.
llvm::Expected<NpyArray> parseNpy(llvm::StringRef contents);

/// Reads the .npy file `path`; errors name it.
llvm::Expected<NpyArray> readNpy(llvm::StringRef path);

/// Writes `array` as an .npy file of format 1.0.
void writeNpy(llvm::raw_ostream &os, const NpyArray &array);

} // namespace vnm

#endif // VNM_EXECUTIONENGINE_NPY_H
