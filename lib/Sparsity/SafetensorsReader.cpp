// Part of the VNM project, under the Apache License v2.0 with LLVM Exceptions.
// See the file LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// This file implements reading of safetensors files.

#include "Detail.h"
#include "SafetensorsDtype.h"
#include "vnm/Sparsity/Safetensors.h"
#include "llvm/ADT/SmallVector.h"
#include "llvm/ADT/StringSet.h"
#include "llvm/Support/Endian.h"
#include "llvm/Support/JSON.h"
#include <algorithm>

using namespace vnm::sparsity;
using detail::makeError;
using llvm::StringRef;
using llvm::Twine;

/// The format's own limit on the header.
static constexpr uint64_t kMaxHeaderBytes = 100'000'000;
/// {name: {shape: [...]}} is three deep; more is not a header, and the parser
/// below recurses.
static constexpr size_t kMaxDepth = 8;

//===----------------------------------------------------------------------===//
// Header text
//===----------------------------------------------------------------------===//

namespace {
/// Walks the brackets and strings of a JSON text without building anything.
class HeaderScanner {
public:
  explicit HeaderScanner(StringRef text) : text(text) {}

  /// Checks that brackets nest at most kMaxDepth deep. Correct up to the first
  /// syntax error, which is as far as a parser gets.
  llvm::Error checkDepth();
  /// Checks that no object of a valid text names a key twice: parsers keep one
  /// of the two silently.
  llvm::Error checkKeys();

private:
  /// The string literal that starts at `pos`, quotes included; moves behind it.
  StringRef takeString();

  StringRef text;
  size_t pos = 0;
};
} // namespace

StringRef HeaderScanner::takeString() {
  size_t begin = pos++;
  while (pos < text.size() && text[pos] != '"')
    pos += text[pos] == '\\' ? 2 : 1;
  pos = std::min(pos + 1, text.size());
  return text.slice(begin, pos);
}

llvm::Error HeaderScanner::checkDepth() {
  size_t depth = 0;
  for (pos = 0; pos < text.size();) {
    if (text[pos] == '"') {
      takeString();
      continue;
    }
    if (text[pos] == '{' || text[pos] == '[')
      ++depth;
    else if ((text[pos] == '}' || text[pos] == ']') && depth > 0)
      --depth;
    if (depth > kMaxDepth)
      return makeError("requires a safetensors header of objects and arrays at "
                       "most " +
                       Twine(kMaxDepth) + " deep, but byte " + Twine(pos) +
                       " of it is deeper");
    ++pos;
  }
  return llvm::Error::success();
}

llvm::Error HeaderScanner::checkKeys() {
  llvm::SmallVector<llvm::StringSet<>, 4> objects;
  for (pos = 0; pos < text.size();) {
    if (text[pos] == '{' || text[pos] == '[')
      objects.emplace_back();
    else if (text[pos] == '}' || text[pos] == ']')
      objects.pop_back();
    if (text[pos] != '"') {
      ++pos;
      continue;
    }
    StringRef literal = takeString();
    // Only a key has a colon after it.
    if (!text.drop_front(pos).ltrim(" \t\r\n").starts_with(":"))
      continue;
    // Escapes may spell one key in two ways.
    llvm::Expected<llvm::json::Value> key = llvm::json::parse(literal);
    if (!key)
      return key.takeError();
    StringRef name = key->getAsString().value_or("");
    if (!objects.back().insert(name).second)
      return makeError("requires unique names in a safetensors header, but '" +
                       name + "' appears twice");
  }
  return llvm::Error::success();
}

//===----------------------------------------------------------------------===//
// Entries
//===----------------------------------------------------------------------===//

namespace {
/// One tensor of the header and where its data lies.
struct Extent {
  StringRef name;
  uint64_t begin, end;
};
} // namespace

/// Reads a JSON array of non-negative integers.
static llvm::Error readIntegers(StringRef tensor, StringRef field,
                                const llvm::json::Object &object,
                                llvm::SmallVectorImpl<int64_t> &result) {
  const llvm::json::Array *array = object.getArray(field);
  if (!array)
    return makeError("requires tensor '" + tensor + "' to have an array '" +
                     field + "', but it has none");
  for (const llvm::json::Value &value : *array) {
    std::optional<int64_t> integer = value.getAsInteger();
    if (!integer || *integer < 0)
      return makeError("requires '" + field + "' of tensor '" + tensor +
                       "' to hold integers in [0, 2^63), but element " +
                       Twine(result.size()) + " is none");
    result.push_back(*integer);
  }
  return llvm::Error::success();
}

/// Checks one tensor of the header on its own and fills `entry`, `extent`.
static llvm::Error readEntry(StringRef name, const llvm::json::Value &value,
                             llvm::ArrayRef<char> data, SafetensorsEntry &entry,
                             Extent &extent) {
  const llvm::json::Object *object = value.getAsObject();
  if (!object)
    return makeError("requires tensor '" + name +
                     "' to be described by an object, but it is not");
  for (const auto &field : *object)
    if (StringRef key = field.first;
        key != "dtype" && key != "shape" && key != "data_offsets")
      return makeError("requires tensor '" + name +
                       "' to have dtype, shape and data_offsets only, but it "
                       "has '" +
                       key + "'");
  std::optional<StringRef> dtype = object->getString("dtype");
  if (!dtype)
    return makeError("requires tensor '" + name +
                     "' to have a string 'dtype', but it has none");
  entry.dtype = dtype->str();
  llvm::SmallVector<int64_t, 4> shape, offsets;
  if (llvm::Error error = readIntegers(name, "shape", *object, shape))
    return error;
  if (llvm::Error error = readIntegers(name, "data_offsets", *object, offsets))
    return error;
  entry.shape.assign(shape.begin(), shape.end());
  if (offsets.size() != 2 || offsets[0] > offsets[1])
    return makeError("requires 'data_offsets' of tensor '" + name +
                     "' to be a begin and an end not before it, but they are "
                     "not");
  if (uint64_t(offsets[1]) > data.size())
    return makeError("requires the data of tensor '" + name +
                     "' to end within the file's " + Twine(data.size()) +
                     " bytes of data, but it ends at " + Twine(offsets[1]));
  llvm::Expected<int64_t> size = detail::tensorBytes(name, entry.dtype, shape);
  if (!size)
    return size.takeError();
  if (*size != offsets[1] - offsets[0])
    return makeError("requires " + Twine(*size) + " bytes for tensor '" + name +
                     "' by its dtype and shape, but its data has " +
                     Twine(offsets[1] - offsets[0]));
  entry.data = data.slice(offsets[0], *size);
  extent = {name, uint64_t(offsets[0]), uint64_t(offsets[1])};
  return llvm::Error::success();
}

/// Checks that the tensors fill the file's data without holes and overlaps.
static llvm::Error checkExtents(std::vector<Extent> extents, uint64_t size) {
  llvm::sort(extents, [](const Extent &a, const Extent &b) {
    return std::tie(a.begin, a.end, a.name) < std::tie(b.begin, b.end, b.name);
  });
  uint64_t end = 0;
  for (const Extent &extent : extents) {
    if (extent.begin != end)
      return makeError("requires tensors without " +
                       Twine(extent.begin < end ? "overlaps" : "holes") +
                       " between their data, but tensor '" + extent.name +
                       "' begins at " + Twine(extent.begin) +
                       " and the data before it ends at " + Twine(end));
    end = extent.end;
  }
  if (end != size)
    return makeError("requires tensors to fill the file's " + Twine(size) +
                     " bytes of data, but they end at " + Twine(end));
  return llvm::Error::success();
}

static llvm::Error readInfo(const llvm::json::Value &value,
                            std::map<std::string, std::string> &info) {
  const llvm::json::Object *object = value.getAsObject();
  if (!object)
    return makeError("requires __metadata__ to be an object, but it is not");
  for (const auto &field : *object) {
    std::optional<StringRef> text = field.second.getAsString();
    if (!text)
      return makeError(
          "requires __metadata__ to map strings to strings, but '" +
          StringRef(field.first) + "' is none");
    info[field.first.str()] = text->str();
  }
  return llvm::Error::success();
}

//===----------------------------------------------------------------------===//
// Files
//===----------------------------------------------------------------------===//

/// Splits a file into its header's text and its data.
static llvm::Error splitFile(StringRef bytes, StringRef &header,
                             llvm::ArrayRef<char> &data) {
  if (bytes.size() < 8)
    return makeError("requires a safetensors file of at least 8 bytes, but it "
                     "has " +
                     Twine(bytes.size()));
  uint64_t length = llvm::support::endian::read64le(bytes.data());
  if (length > kMaxHeaderBytes)
    return makeError("requires a safetensors header of at most " +
                     Twine(kMaxHeaderBytes) + " bytes, but its length is " +
                     Twine(length));
  if (length > bytes.size() - 8)
    return makeError("requires the safetensors header to lie within the file, "
                     "but its length is " +
                     Twine(length) + " and " + Twine(bytes.size() - 8) +
                     " bytes follow");
  header = bytes.substr(8, length);
  StringRef rest = bytes.drop_front(8 + length);
  data = llvm::ArrayRef<char>(rest.data(), rest.size());
  if (!header.starts_with("{"))
    return makeError("requires a safetensors header to start with '{', but it "
                     "does not");
  return llvm::Error::success();
}

llvm::Expected<SafetensorsFile>
SafetensorsFile::parse(std::unique_ptr<llvm::MemoryBuffer> buffer) {
  StringRef header;
  llvm::ArrayRef<char> data;
  if (llvm::Error error = splitFile(buffer->getBuffer(), header, data))
    return std::move(error);
  if (llvm::Error error = HeaderScanner(header).checkDepth())
    return std::move(error);
  llvm::Expected<llvm::json::Value> json = llvm::json::parse(header);
  if (!json)
    return makeError("requires a safetensors header of JSON, but " +
                     llvm::toString(json.takeError()));
  const llvm::json::Object *object = json->getAsObject();
  if (!object)
    return makeError("requires a safetensors header to be one object, but it "
                     "is not");
  if (llvm::Error error = HeaderScanner(header).checkKeys())
    return std::move(error);

  SafetensorsFile file;
  std::vector<Extent> extents;
  for (const auto &field : *object) {
    StringRef name = field.first;
    if (name == detail::kMetadataName) {
      if (llvm::Error error = readInfo(field.second, file.info))
        return std::move(error);
      continue;
    }
    Extent extent;
    if (llvm::Error error = readEntry(name, field.second, data,
                                      file.entries[name.str()], extent))
      return std::move(error);
    extents.push_back(extent);
  }
  if (llvm::Error error = checkExtents(std::move(extents), data.size()))
    return std::move(error);
  file.buffer = std::move(buffer);
  return std::move(file);
}

llvm::Expected<SafetensorsFile> SafetensorsFile::open(StringRef path) {
  auto buffer = llvm::MemoryBuffer::getFile(path, /*IsText=*/false,
                                            /*RequiresNullTerminator=*/false);
  if (!buffer)
    return llvm::createStringError(
        buffer.getError(),
        "requires a readable file, but '" + path +
            "' cannot be read: " + buffer.getError().message());
  llvm::Expected<SafetensorsFile> file = parse(std::move(*buffer));
  if (!file)
    return makeError(path + ": " + llvm::toString(file.takeError()));
  return file;
}
