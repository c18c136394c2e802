// Part of the VNM project, under the Apache License v2.0 with LLVM Exceptions.
// See the file LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// This file reads and writes cost tables as JSON (docs/algorithms.md, "Cost
// tables").

#include "Detail.h"
#include "vnm/Sparsity/CostTable.h"
#include "llvm/Support/FormatVariadic.h"
#include "llvm/Support/JSON.h"
#include "llvm/Support/MemoryBuffer.h"
#include "llvm/Support/raw_ostream.h"

using namespace vnm::sparsity;
using namespace vnm::sparsity::detail;
namespace json = llvm::json;
using llvm::StringRef;
using llvm::Twine;

static constexpr int64_t kVersion = 1;

namespace {
/// An object of the file and where it is, e.g. "$.entries[3]".
class Reader {
public:
  Reader(const json::Object &object, std::string path)
      : object(object), path(std::move(path)) {}

  /// An error at `key`.
  llvm::Error fail(StringRef key, const Twine &text) const {
    return makeError(path + "." + key + ": " + text);
  }

  /// `what`, e.g. "an integer", of `key`; an error if it is not there.
  template <typename T>
  llvm::Expected<T> require(StringRef key, StringRef what,
                            const std::optional<T> &value) const {
    if (value)
      return *value;
    return fail(key, "requires " + what);
  }
  llvm::Expected<StringRef> getString(StringRef key) const {
    return require(key, "a string", object.getString(key));
  }
  llvm::Expected<int64_t> getInteger(StringRef key) const {
    return require(key, "an integer", object.getInteger(key));
  }
  llvm::Expected<double> getNumber(StringRef key) const {
    return require(key, "a number", object.getNumber(key));
  }
  /// The positive integers of an object `key`, which may be missing.
  llvm::Expected<ScheduleFields> getFields(StringRef key) const;

private:
  const json::Object &object;
  std::string path;
};
} // namespace

llvm::Expected<ScheduleFields> Reader::getFields(StringRef key) const {
  ScheduleFields fields;
  const json::Value *value = object.get(key);
  if (!value)
    return fields;
  const json::Object *numbers = value->getAsObject();
  if (!numbers)
    return fail(key, "requires an object of positive integers");
  for (const auto &[name, number] : *numbers) {
    std::optional<int64_t> integer = number.getAsInteger();
    if (!integer || *integer < 1)
      return fail((key + "." + name.str()).str(),
                  "requires a positive integer");
    fields[name.str()] = *integer;
  }
  return fields;
}

static llvm::Expected<CostEntry> parseEntry(const Reader &reader) {
  CostEntry entry;
  for (auto [key, member] :
       {std::pair<StringRef, int64_t *>{"rows", &entry.shape.rows},
        {"cols", &entry.shape.cols},
        {"tokens", &entry.shape.tokens}}) {
    llvm::Expected<int64_t> number = reader.getInteger(key);
    if (!number)
      return number.takeError();
    *member = *number;
  }
  llvm::Expected<StringRef> dtype = reader.getString("dtype");
  if (!dtype)
    return dtype.takeError();
  llvm::Expected<ElementType> type = parseElementType(*dtype);
  if (!type)
    return reader.fail("dtype", llvm::toString(type.takeError()));
  entry.type = *type;
  llvm::Expected<StringRef> name = reader.getString("pattern");
  if (!name)
    return name.takeError();
  if (*name != "dense") {
    llvm::Expected<Pattern> pattern = Pattern::parse(*name);
    if (!pattern)
      return reader.fail("pattern", llvm::toString(pattern.takeError()));
    entry.pattern = *pattern;
  }
  llvm::Expected<StringRef> family = reader.getString("family");
  if (!family)
    return family.takeError();
  entry.family = family->str();
  llvm::Expected<double> time = reader.getNumber("microseconds");
  if (!time)
    return time.takeError();
  entry.microseconds = *time;
  llvm::Expected<ScheduleFields> schedule = reader.getFields("schedule");
  if (!schedule)
    return schedule.takeError();
  entry.schedule = std::move(*schedule);
  return entry;
}

llvm::Expected<CostTable> CostTable::parse(StringRef text) {
  llvm::Expected<json::Value> value = json::parse(text);
  if (!value)
    return makeError("requires a cost table in JSON, but " +
                     llvm::toString(value.takeError()));
  const json::Object *root = value->getAsObject();
  if (!root)
    return makeError("$: requires an object");
  if (root->getInteger("version") != kVersion)
    return makeError("$.version: requires " + Twine(kVersion));
  CostTable table;
  llvm::Expected<StringRef> device = Reader(*root, "$").getString("device");
  if (!device)
    return device.takeError();
  table.device = device->str();
  const json::Array *list = root->getArray("entries");
  if (!list)
    return makeError("$.entries: requires an array");
  for (size_t i = 0; i < list->size(); ++i) {
    std::string path = ("$.entries[" + Twine(i) + "]").str();
    const json::Object *object = (*list)[i].getAsObject();
    if (!object)
      return makeError(path + ": requires an object");
    llvm::Expected<CostEntry> entry = parseEntry(Reader(*object, path));
    if (!entry)
      return entry.takeError();
    if (llvm::Error error = table.add(*entry))
      return makeError(path + ": " + llvm::toString(std::move(error)));
  }
  return table;
}

llvm::Expected<CostTable> CostTable::open(StringRef file) {
  auto buffer = llvm::MemoryBuffer::getFile(file, /*IsText=*/true);
  if (!buffer)
    return makeError("requires a readable file, but '" + file +
                     "' cannot be read: " + buffer.getError().message());
  llvm::Expected<CostTable> table = parse((*buffer)->getBuffer());
  if (!table)
    return makeError("'" + file + "': " + llvm::toString(table.takeError()));
  return table;
}

std::string CostTable::str() const {
  json::Array list;
  for (const CostEntry &entry : entries) {
    json::Object object{
        {"dtype", toString(entry.type)},
        {"rows", entry.shape.rows},
        {"cols", entry.shape.cols},
        {"tokens", entry.shape.tokens},
        {"pattern", entry.pattern ? entry.pattern->str() : "dense"},
        {"family", entry.family},
        {"microseconds", entry.microseconds}};
    if (!entry.schedule.empty()) {
      json::Object fields;
      for (const auto &[name, number] : entry.schedule)
        fields[name] = number;
      object["schedule"] = std::move(fields);
    }
    list.push_back(std::move(object));
  }
  std::string text;
  llvm::raw_string_ostream stream(text);
  stream << llvm::formatv("{0:2}", json::Value(json::Object{
                                       {"version", kVersion},
                                       {"device", device},
                                       {"entries", std::move(list)}}))
         << "\n";
  return text;
}
