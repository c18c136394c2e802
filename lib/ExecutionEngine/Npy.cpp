// Part of the VNM project, under the Apache License v2.0 with LLVM Exceptions.
// See the file LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// This file implements reading and writing of NumPy's .npy array files. The
// format: "\x93NUMPY", major, minor, header length (u16, from 2.0 on u32), a
// Python dictionary literal padded with spaces to a multiple of 64, elements.

#include "vnm/ExecutionEngine/Npy.h"

#include "llvm/ADT/StringExtras.h"
#include "llvm/ADT/StringSwitch.h"
#include "llvm/Support/Endian.h"
#include "llvm/Support/MathExtras.h"
#include "llvm/Support/MemoryBuffer.h"
#include "llvm/Support/raw_ostream.h"

#include <cstring>

using namespace llvm;
using namespace vnm;

static constexpr StringLiteral kMagic("\x93NUMPY");
static constexpr size_t kHeaderAlignment = 64;
/// More dimensions than NumPy itself can represent.
static constexpr size_t kMaxRank = 64;

template <typename... Ts>
static Error makeError(const char *format, Ts... values) {
  return createStringError(std::errc::invalid_argument, format, values...);
}

std::string NpyType::str() const {
  // Single bytes have no order, and NumPy says so.
  return (size == 1 || kind == 'V' ? "|" : "<") + std::string(1, kind) +
         std::to_string(size);
}

std::string vnm::formatShape(ArrayRef<int64_t> shape) {
  std::string text = "(";
  raw_string_ostream os(text);
  interleaveComma(shape, os);
  os << (shape.size() == 1 ? ",)" : ")");
  return text;
}

std::optional<int64_t> NpyArray::getByteSize(NpyType type,
                                             ArrayRef<int64_t> shape) {
  int64_t size = type.size;
  for (int64_t dim : shape)
    if (dim < 0 || MulOverflow(size, dim, size))
      return std::nullopt;
  return size;
}

NpyArray::NpyArray(NpyType type, ArrayRef<int64_t> shape)
    : type(type), shape(shape), sizeInBytes(*getByteSize(type, shape)) {
  // An empty array has an address too: a null one would mean "no buffer".
  size_t allocated = alignTo(std::max<size_t>(sizeInBytes, 1), kAlignment);
  data.reset(static_cast<char *>(std::aligned_alloc(kAlignment, allocated)));
  if (!data)
    report_bad_alloc_error("array of an .npy file");
  std::memset(data.get(), 0, allocated);
}

NpyArray NpyArray::clone() const {
  NpyArray copy(type, shape);
  std::memcpy(copy.getData(), getData(), sizeInBytes);
  return copy;
}

namespace {

/// The three entries of a header.
struct Header {
  std::optional<StringRef> descr;
  std::optional<bool> fortranOrder;
  std::optional<SmallVector<int64_t, 4>> shape;
};

/// Recursive-descent parser of the header's dictionary literal.
class HeaderParser {
public:
  explicit HeaderParser(StringRef text) : rest(text) {}

  /// Parses the whole dictionary.
  Expected<Header> parse();

private:
  /// Drops white space, then `token` if it is next.
  bool consume(StringRef token) {
    rest = rest.ltrim(" \t\n");
    return rest.consume_front(token);
  }
  Error unexpected(const char *what) {
    return makeError("requires %s in the header, but it goes on with '%s'",
                     what, rest.take_front(16).str().c_str());
  }
  Error parseEntry();
  Expected<StringRef> parseString();
  Error parseShape();

  StringRef rest;
  Header header;
};

} // namespace

Expected<StringRef> HeaderParser::parseString() {
  StringRef quote = consume("'") ? "'" : consume("\"") ? "\"" : "";
  size_t end = quote.empty() ? StringRef::npos : rest.find(quote);
  if (end == StringRef::npos)
    return unexpected("a string");
  StringRef text = rest.take_front(end);
  rest = rest.drop_front(end + 1);
  return text;
}

Error HeaderParser::parseShape() {
  if (!consume("("))
    return unexpected("a shape tuple");
  SmallVector<int64_t, 4> shape;
  while (!consume(")")) {
    int64_t dim;
    rest = rest.ltrim(' ');
    if (rest.consumeInteger(10, dim) || dim < 0)
      return unexpected("a non-negative dimension");
    rest.consume_front("L"); // Python 2 wrote long integers so.
    shape.push_back(dim);
    if (shape.size() > kMaxRank)
      return makeError("requires a rank of at most %zu", kMaxRank);
    if (!consume(",") && !rest.ltrim(' ').starts_with(")"))
      return unexpected("',' or ')'");
  }
  header.shape = shape;
  return Error::success();
}

Error HeaderParser::parseEntry() {
  Expected<StringRef> key = parseString();
  if (!key)
    return key.takeError();
  if (!consume(":"))
    return unexpected("':'");
  if (*key == "descr") {
    Expected<StringRef> value = parseString();
    if (!value) {
      consumeError(value.takeError());
      return makeError("requires a plain element type, but it is structured");
    }
    header.descr = *value;
    return Error::success();
  }
  if (*key == "fortran_order") {
    bool isTrue = consume("True");
    if (!isTrue && !consume("False"))
      return unexpected("True or False");
    header.fortranOrder = isTrue;
    return Error::success();
  }
  if (*key == "shape")
    return parseShape();
  return makeError("requires only the keys descr, fortran_order and shape in "
                   "the header, but there is '%s'",
                   key->str().c_str());
}

Expected<Header> HeaderParser::parse() {
  if (!consume("{"))
    return unexpected("'{'");
  while (!consume("}")) {
    if (Error error = parseEntry())
      return std::move(error);
    if (!consume(",") && !rest.ltrim(' ').starts_with("}"))
      return unexpected("',' or '}'");
  }
  if (!rest.trim(" \t\n").empty())
    return unexpected("nothing after '}'");
  if (!header.descr || !header.fortranOrder || !header.shape)
    return makeError("requires the keys descr, fortran_order and shape in the "
                     "header, but one is missing");
  return header;
}

/// Element type of a `descr` string such as "<f2".
static Expected<NpyType> parseType(StringRef descr) {
  NpyType type;
  StringRef text = descr;
  char order = text.empty() ? '\0' : text.front();
  if (order == '>')
    return makeError("requires little-endian elements, but they are '%s'",
                     descr.str().c_str());
  if (order == '<' || order == '|' || order == '=')
    text = text.drop_front();
  type.kind = text.empty() ? '\0' : text.front();
  StringRef sizes = StringSwitch<StringRef>(text.take_front(1))
                        .Case("f", "248")
                        .Cases({"i", "u"}, "1248")
                        .Case("b", "1")
                        .Case("V", "2")
                        .Default("");
  StringRef size = text.drop_front(text.empty() ? 0 : 1);
  if (size.size() != 1 || !sizes.contains(size))
    return makeError("requires elements of type f2, f4, f8, i1, i2, i4, i8, "
                     "u1, u2, u4, u8, b1 or V2, but they are '%s'",
                     descr.str().c_str());
  type.size = size.front() - '0';
  return type;
}

/// Splits a file into its header text and its elements.
static Expected<std::pair<StringRef, StringRef>> splitFile(StringRef contents) {
  if (!contents.consume_front(kMagic))
    return makeError("requires an .npy file, but the magic number is missing");
  if (contents.size() < 2)
    return makeError("requires a version, but the file ends before it");
  unsigned major = static_cast<uint8_t>(contents[0]);
  contents = contents.drop_front(2);
  if (major < 1 || major > 3)
    return makeError("requires format 1, 2 or 3, but it is %u", major);
  size_t lengthBytes = major == 1 ? 2 : 4;
  if (contents.size() < lengthBytes)
    return makeError("requires a header length, but the file ends before it");
  uint64_t length = lengthBytes == 2
                        ? support::endian::read16le(contents.data())
                        : support::endian::read32le(contents.data());
  contents = contents.drop_front(lengthBytes);
  if (contents.size() < length)
    return makeError("requires a header of %llu bytes, but %zu are left",
                     static_cast<unsigned long long>(length), contents.size());
  return std::make_pair(contents.take_front(length),
                        contents.drop_front(length));
}

Expected<NpyArray> vnm::parseNpy(StringRef contents) {
  auto parts = splitFile(contents);
  if (!parts)
    return parts.takeError();
  auto [headerText, elements] = *parts;
  Expected<Header> header = HeaderParser(headerText).parse();
  if (!header)
    return header.takeError();
  Expected<NpyType> type = parseType(*header->descr);
  if (!type)
    return type.takeError();
  ArrayRef<int64_t> shape = *header->shape;
  // Both orders are the same for arrays with at most one long dimension.
  if (*header->fortranOrder &&
      count_if(shape, [](int64_t dim) { return dim != 1; }) > 1)
    return makeError("requires C order (numpy.ascontiguousarray), but the "
                     "array is in Fortran order");
  std::optional<int64_t> size = NpyArray::getByteSize(*type, shape);
  // Comparing first keeps a hostile shape from allocating.
  if (!size || static_cast<uint64_t>(*size) != elements.size())
    return makeError("requires the bytes of shape %s and type %s, but %zu "
                     "bytes follow the header",
                     formatShape(shape).c_str(), type->str().c_str(),
                     elements.size());
  NpyArray array(*type, shape);
  if (!elements.empty())
    std::memcpy(array.getData(), elements.data(), elements.size());
  return array;
}

Expected<NpyArray> vnm::readNpy(StringRef path) {
  // Text mode off and no terminator: big arrays are mapped, not copied twice.
  auto buffer = MemoryBuffer::getFile(path, /*IsText=*/false,
                                      /*RequiresNullTerminator=*/false);
  if (!buffer)
    return createStringError(buffer.getError(), "cannot read '%s': %s",
                             path.str().c_str(),
                             buffer.getError().message().c_str());
  Expected<NpyArray> array = parseNpy((*buffer)->getBuffer());
  if (!array)
    return makeError("'%s' %s", path.str().c_str(),
                     toString(array.takeError()).c_str());
  return array;
}

void vnm::writeNpy(raw_ostream &os, const NpyArray &array) {
  std::string header =
      "{'descr': '" + array.getType().str() +
      "', 'fortran_order': False, 'shape': " + formatShape(array.getShape()) +
      ", }";
  size_t prefix = kMagic.size() + 4;
  size_t total = alignTo(prefix + header.size() + 1, kHeaderAlignment);
  header.append(total - prefix - header.size() - 1, ' ');
  header.push_back('\n');
  char length[2];
  support::endian::write16le(length, header.size());
  os << kMagic << '\x01' << '\0' << StringRef(length, 2) << header
     << StringRef(array.getData(), array.getSizeInBytes());
}
