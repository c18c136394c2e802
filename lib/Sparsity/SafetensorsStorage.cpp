// Part of the VNM project, under the Apache License v2.0 with LLVM Exceptions.
// See the file LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// This file implements packed weights in safetensors files.

#include "Detail.h"
#include "vnm/Sparsity/Safetensors.h"
#include "llvm/ADT/StringExtras.h"
#include "llvm/Support/ErrorHandling.h"
#include "llvm/Support/JSON.h"
#include "llvm/Support/raw_ostream.h"

using namespace vnm::sparsity;
using detail::makeError;
using llvm::StringRef;
using llvm::Twine;

static constexpr llvm::StringLiteral kKeyPrefix = "vnm.";
static constexpr int64_t kVersion = 1;

static StringRef dtypeOf(ElementType type) {
  switch (type) {
  case ElementType::F16:
    return "F16";
  case ElementType::BF16:
    return "BF16";
  case ElementType::F32:
    return "F32";
  case ElementType::I8:
    return "I8";
  }
  llvm_unreachable("unknown element type");
}

/// The bytes of an array of integers, `width` each, little endian.
template <typename T>
static std::vector<char> toBytes(llvm::ArrayRef<T> array, int64_t width) {
  std::vector<char> bytes(array.size() * width);
  for (size_t i = 0; i < array.size(); ++i)
    for (int64_t b = 0; b < width; ++b)
      bytes[i * width + b] = char(uint64_t(array[i]) >> (8 * b));
  return bytes;
}

/// The inverse of toBytes, unsigned.
template <typename T>
static std::vector<T> fromBytes(llvm::ArrayRef<char> bytes, int64_t width) {
  std::vector<T> array(bytes.size() / width);
  for (size_t i = 0; i < array.size(); ++i) {
    uint64_t value = 0;
    for (int64_t b = 0; b < width; ++b)
      value |= uint64_t(uint8_t(bytes[i * width + b])) << (8 * b);
    array[i] = T(value);
  }
  return array;
}

//===----------------------------------------------------------------------===//
// Writing
//===----------------------------------------------------------------------===//

llvm::Error SafetensorsWriter::addStorage(StringRef name,
                                          const Storage &storage) {
  if (llvm::Error error = verifyStorage(storage))
    return error;
  const Structure &structure = storage.structure;
  const Pattern &pattern = structure.pattern;
  int64_t rows = structure.numRows, cols = structure.numCols;
  int64_t width = minimalColumnBytes(cols);
  // All tensors or none: a second attempt may then use the name again.
  SafetensorsWriter parts;
  llvm::Error error = llvm::joinErrors(
      parts.add((name + ".vnm_values").str(), dtypeOf(storage.type),
                {rows, pattern.numRowValues(cols)}, storage.values),
      parts.add((name + ".vnm_metadata").str(), "I16",
                {rows, pattern.numMetadataWords(cols)},
                toBytes(llvm::ArrayRef<uint16_t>(structure.metadata), 2)));
  error = llvm::joinErrors(
      std::move(error),
      parts.add((name + ".vnm_columns").str(), width == 2 ? "I16" : "I32",
                {structure.numPanels(), pattern.numColumnSlots(cols)},
                toBytes(llvm::ArrayRef<int32_t>(structure.columns), width)));
  if (!structure.rows.empty())
    error = llvm::joinErrors(
        std::move(error),
        parts.add((name + ".vnm_rows").str(), "I32", {rows},
                  toBytes(llvm::ArrayRef<int32_t>(structure.rows), 4)));
  if (error)
    return error;
  for (const auto &part : parts.entries)
    if (entries.count(part.first))
      return makeError("requires unique names, but tensor '" + part.first +
                       "' is added twice");
  entries.merge(parts.entries);

  llvm::json::Object description{{"version", kVersion},
                                 {"V", pattern.v},
                                 {"N", pattern.n},
                                 {"M", pattern.m},
                                 {"form", toString(structure.form)},
                                 {"R", rows},
                                 {"K", cols},
                                 {"dtype", toString(storage.type)}};
  std::string text;
  llvm::raw_string_ostream(text) << llvm::json::Value(std::move(description));
  setMetadata((kKeyPrefix + name).str(), text);
  return llvm::Error::success();
}

//===----------------------------------------------------------------------===//
// Reading
//===----------------------------------------------------------------------===//

namespace {
/// Reads one packed weight; errors name it.
class StorageReader {
public:
  StorageReader(const SafetensorsFile &file, StringRef name)
      : file(file), name(name) {}

  llvm::Error run(Storage &storage);

private:
  llvm::Error readDescription(Storage &storage) const;
  llvm::Expected<int64_t> integer(const llvm::json::Object &object,
                                  StringRef key) const;
  llvm::Expected<StringRef> string(const llvm::json::Object &object,
                                   StringRef key) const;
  /// The tensor `<name>.<suffix>` of this shape and one of these dtypes.
  llvm::Expected<const SafetensorsEntry *>
  tensor(StringRef suffix, llvm::ArrayRef<int64_t> shape,
         llvm::ArrayRef<StringRef> dtypes) const;

  const SafetensorsFile &file;
  StringRef name;
};
} // namespace

llvm::Expected<int64_t> StorageReader::integer(const llvm::json::Object &object,
                                               StringRef key) const {
  if (std::optional<int64_t> value = object.getInteger(key))
    return *value;
  return makeError("requires an integer '" + key + "' in " + kKeyPrefix + name +
                   ", but there is none");
}

llvm::Expected<StringRef>
StorageReader::string(const llvm::json::Object &object, StringRef key) const {
  if (std::optional<StringRef> value = object.getString(key))
    return *value;
  return makeError("requires a string '" + key + "' in " + kKeyPrefix + name +
                   ", but there is none");
}

llvm::Error StorageReader::readDescription(Storage &storage) const {
  auto found = file.metadata().find((kKeyPrefix + name).str());
  if (found == file.metadata().end())
    return makeError("requires __metadata__ to describe the packed weight '" +
                     name + "', but it has no key " + kKeyPrefix + name);
  // A description is flat: anything longer is none, and parsers recurse.
  constexpr size_t kMaxLength = 1024;
  if (found->second.size() > kMaxLength)
    return makeError("requires " + kKeyPrefix + name + " to have at most " +
                     Twine(kMaxLength) + " bytes, but it has " +
                     Twine(found->second.size()));
  llvm::Expected<llvm::json::Value> json = llvm::json::parse(found->second);
  if (!json)
    return makeError("requires " + kKeyPrefix + name + " to be JSON, but " +
                     llvm::toString(json.takeError()));
  const llvm::json::Object *object = json->getAsObject();
  if (!object)
    return makeError("requires " + kKeyPrefix + name +
                     " to be an object, but it is not");

  Structure &structure = storage.structure;
  int64_t version;
  const std::pair<StringRef, int64_t *> integers[] = {
      {"version", &version},       {"V", &structure.pattern.v},
      {"N", &structure.pattern.n}, {"M", &structure.pattern.m},
      {"R", &structure.numRows},   {"K", &structure.numCols}};
  for (auto [key, target] : integers) {
    llvm::Expected<int64_t> value = integer(*object, key);
    if (!value)
      return value.takeError();
    *target = *value;
  }
  if (version != kVersion)
    return makeError("requires version " + Twine(kVersion) + " of " +
                     kKeyPrefix + name + ", but it is " + Twine(version));
  llvm::Expected<StringRef> formText = string(*object, "form");
  if (!formText)
    return formText.takeError();
  llvm::Expected<Form> form = parseForm(*formText);
  if (!form)
    return form.takeError();
  structure.form = *form;
  llvm::Expected<StringRef> typeText = string(*object, "dtype");
  if (!typeText)
    return typeText.takeError();
  llvm::Expected<ElementType> type = parseElementType(*typeText);
  if (!type)
    return type.takeError();
  storage.type = *type;
  return llvm::Error::success();
}

llvm::Expected<const SafetensorsEntry *>
StorageReader::tensor(StringRef suffix, llvm::ArrayRef<int64_t> shape,
                      llvm::ArrayRef<StringRef> dtypes) const {
  std::string full = (name + "." + suffix).str();
  auto found = file.tensors().find(full);
  if (found == file.tensors().end())
    return makeError("requires a tensor '" + Twine(full) +
                     "', but there is none");
  const SafetensorsEntry &entry = found->second;
  if (!llvm::is_contained(dtypes, entry.dtype))
    return makeError("requires dtype " + llvm::join(dtypes, " or ") +
                     " for tensor '" + full + "', but it is " + entry.dtype);
  if (shape != llvm::ArrayRef(entry.shape)) {
    auto print = [](llvm::ArrayRef<int64_t> extents) {
      std::string text;
      llvm::raw_string_ostream stream(text);
      llvm::interleave(extents, stream, " x ");
      return text;
    };
    return makeError("requires shape " + print(shape) + " for tensor '" + full +
                     "', but it is " + print(entry.shape));
  }
  return &entry;
}

llvm::Error StorageReader::run(Storage &storage) {
  if (llvm::Error error = readDescription(storage))
    return error;
  Structure &structure = storage.structure;
  const Pattern &pattern = structure.pattern;
  // Sizes are computed from these, so they come first.
  if (llvm::Error error = Pattern::verify(pattern.v, pattern.n, pattern.m))
    return error;
  if (llvm::Error error =
          detail::checkShape(structure.numRows, structure.numCols))
    return error;
  int64_t rows = structure.numRows, cols = structure.numCols;
  llvm::Expected<const SafetensorsEntry *> values =
      tensor("vnm_values", {rows, pattern.numRowValues(cols)},
             {dtypeOf(storage.type)});
  if (!values)
    return values.takeError();
  storage.values.assign((*values)->data.begin(), (*values)->data.end());
  llvm::Expected<const SafetensorsEntry *> metadata = tensor(
      "vnm_metadata", {rows, pattern.numMetadataWords(cols)}, {"I16", "U16"});
  if (!metadata)
    return metadata.takeError();
  structure.metadata = fromBytes<uint16_t>((*metadata)->data, 2);

  llvm::SmallVector<StringRef, 2> columnTypes{"I32"};
  if (minimalColumnBytes(cols) == 2)
    columnTypes.insert(columnTypes.begin(), {"I16", "U16"});
  llvm::Expected<const SafetensorsEntry *> columns = tensor(
      "vnm_columns", {structure.numPanels(), pattern.numColumnSlots(cols)},
      columnTypes);
  if (!columns)
    return columns.takeError();
  structure.columns =
      fromBytes<int32_t>((*columns)->data, (*columns)->dtype == "I32" ? 4 : 2);
  if (!file.tensors().count((name + ".vnm_rows").str()))
    return verifyStorage(storage);
  llvm::Expected<const SafetensorsEntry *> order =
      tensor("vnm_rows", {rows}, {"I32"});
  if (!order)
    return order.takeError();
  structure.rows = fromBytes<int32_t>((*order)->data, 4);
  return verifyStorage(storage);
}

llvm::Expected<Storage> SafetensorsFile::readStorage(StringRef name) const {
  Storage storage;
  if (llvm::Error error = StorageReader(*this, name).run(storage))
    return makeError("packed weight '" + name +
                     "': " + llvm::toString(std::move(error)));
  return storage;
}

std::vector<std::string> SafetensorsFile::storageNames() const {
  std::vector<std::string> names;
  for (const auto &entry : info)
    if (StringRef key = entry.first; key.consume_front(kKeyPrefix))
      names.push_back(key.str());
  return names;
}
