// Part of the VNM project, under the Apache License v2.0 with LLVM Exceptions.
// See the file LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// This file implements cost tables and the model behind them.

#include "vnm/Sparsity/CostTable.h"
#include "Detail.h"
#include "llvm/ADT/STLExtras.h"
#include "llvm/Support/ErrorHandling.h"
#include "llvm/Support/FormatVariadic.h"
#include "llvm/Support/JSON.h"
#include "llvm/Support/raw_ostream.h"
#include <algorithm>
#include <cmath>
#include <tuple>

using namespace vnm::sparsity;
using namespace vnm::sparsity::detail;
namespace json = llvm::json;
using llvm::Twine;

static constexpr int64_t kVersion = 1;

llvm::StringRef vnm::sparsity::toString(Cost::Source source) {
  switch (source) {
  case Cost::Source::Measured:
    return "measured";
  case Cost::Source::Interpolated:
    return "interpolated";
  case Cost::Source::Extrapolated:
    return "extrapolated";
  case Cost::Source::Roofline:
    return "roofline";
  }
  llvm_unreachable("unknown source");
}

/// Operations of a product, a skipped half of a 2:4 group counted.
static double operationsOf(const ProductShape &shape,
                           const std::optional<Pattern> &pattern) {
  double depth = double(shape.cols);
  if (pattern)
    depth = double(pattern->numColumnSlots(shape.cols));
  return 2 * double(shape.rows) * double(shape.tokens) * depth;
}

double Roofline::estimate(ElementType type, const ProductShape &shape,
                          const std::optional<Pattern> &pattern) const {
  double width = double(byteWidth(type));
  double rate = denseFlopsPerMicrosecond;
  double rows = double(shape.rows), cols = double(shape.cols);
  double bytes = rows * cols * width;
  if (pattern) {
    rate = std::min(sparseFlopsLimit, sparseFlopsPerMicrosecond *
                                          std::sqrt(double(pattern->v) / 64));
    // Values, nibbles and 16-bit column ids.
    double slots = double(pattern->numColumnSlots(shape.cols));
    bytes = rows * slots * (width / 2 + 0.125) +
            2 * slots * double(pattern->numPanels(shape.rows));
  }
  rate *= 2 / width;
  bytes += (rows + cols) * double(shape.tokens) * width;
  return fixedMicroseconds + std::max(operationsOf(shape, pattern) / rate,
                                      bytes / bytesPerMicrosecond);
}

static llvm::Error checkProduct(const ProductShape &shape) {
  if (shape.rows > 0 && shape.cols > 0 && shape.tokens > 0)
    return llvm::Error::success();
  return makeError("requires R, K and T of a product to be at least 1, but "
                   "they are " +
                   Twine(shape.rows) + ", " + Twine(shape.cols) + " and " +
                   Twine(shape.tokens));
}

llvm::Error CostTable::add(const CostEntry &entry) {
  if (llvm::Error error = checkProduct(entry.shape))
    return error;
  if (!std::isfinite(entry.microseconds) || entry.microseconds <= 0)
    return makeError("requires a positive time, but it is " +
                     std::to_string(entry.microseconds));
  entries.push_back(entry);
  return llvm::Error::success();
}

//===----------------------------------------------------------------------===//
// Looking up
//===----------------------------------------------------------------------===//

namespace {
struct Neighbour {
  const CostEntry *entry;
  double distance;
};
} // namespace

static double distanceOf(const ProductShape &a, const ProductShape &b) {
  auto ratio = [](int64_t x, int64_t y) {
    return std::log(double(x) / double(y));
  };
  return std::hypot(ratio(a.rows, b.rows), ratio(a.cols, b.cols),
                    ratio(a.tokens, b.tokens));
}

/// Whether every dimension lies between those of some entries.
static bool isCovered(const ProductShape &shape,
                      llvm::ArrayRef<Neighbour> neighbours) {
  for (int64_t ProductShape::*member :
       {&ProductShape::rows, &ProductShape::cols, &ProductShape::tokens}) {
    auto below = [&](const Neighbour &n) {
      return n.entry->shape.*member <= shape.*member;
    };
    auto above = [&](const Neighbour &n) {
      return n.entry->shape.*member >= shape.*member;
    };
    if (llvm::none_of(neighbours, below) || llvm::none_of(neighbours, above))
      return false;
  }
  return true;
}

llvm::Expected<Cost>
CostTable::lookUp(ElementType type, const ProductShape &shape,
                  const std::optional<Pattern> &pattern) const {
  if (llvm::Error error = checkProduct(shape))
    return std::move(error);
  std::vector<Neighbour> neighbours;
  for (const CostEntry &entry : entries)
    if (entry.type == type && entry.pattern == pattern)
      neighbours.push_back({&entry, distanceOf(entry.shape, shape)});
  if (neighbours.empty())
    return Cost{roofline.estimate(type, shape, pattern), Cost::Source::Roofline,
                ""};
  bool covered = isCovered(shape, neighbours);
  auto key = [](const Neighbour &n) {
    return std::tuple(n.distance, n.entry->microseconds, n.entry);
  };
  llvm::sort(neighbours, [&](const Neighbour &a, const Neighbour &b) {
    return key(a) < key(b);
  });
  const CostEntry &nearest = *neighbours[0].entry;
  if (neighbours[0].distance == 0)
    return Cost{nearest.microseconds, Cost::Source::Measured, nearest.family};
  // Of several entries of one shape the first is the fastest.
  constexpr size_t kNeighbours = 4;
  double logRate = 0, weights = 0;
  std::vector<ProductShape> used;
  for (const Neighbour &neighbour : neighbours) {
    const ProductShape &other = neighbour.entry->shape;
    if (used.size() == kNeighbours)
      break;
    if (llvm::any_of(used, [&](const ProductShape &s) {
          return distanceOf(s, other) == 0;
        }))
      continue;
    used.push_back(other);
    double weight = 1 / (neighbour.distance * neighbour.distance);
    logRate += weight * std::log(operationsOf(other, pattern) /
                                 neighbour.entry->microseconds);
    weights += weight;
  }
  return Cost{operationsOf(shape, pattern) / std::exp(logRate / weights),
              covered ? Cost::Source::Interpolated : Cost::Source::Extrapolated,
              nearest.family};
}

//===----------------------------------------------------------------------===//
// JSON
//===----------------------------------------------------------------------===//

static llvm::Expected<CostEntry> parseEntry(const json::Object &object) {
  CostEntry entry;
  auto getString = [&](llvm::StringRef key) -> llvm::Expected<llvm::StringRef> {
    if (std::optional<llvm::StringRef> text = object.getString(key))
      return *text;
    return makeError("requires a string '" + key + "'");
  };
  for (auto [key, member] :
       {std::pair<llvm::StringRef, int64_t *>{"rows", &entry.shape.rows},
        {"cols", &entry.shape.cols},
        {"tokens", &entry.shape.tokens}}) {
    std::optional<int64_t> number = object.getInteger(key);
    if (!number)
      return makeError("requires an integer '" + key + "'");
    *member = *number;
  }
  llvm::Expected<llvm::StringRef> dtype = getString("dtype");
  if (!dtype)
    return dtype.takeError();
  llvm::Expected<ElementType> type = parseElementType(*dtype);
  if (!type)
    return type.takeError();
  entry.type = *type;
  llvm::Expected<llvm::StringRef> name = getString("pattern");
  if (!name)
    return name.takeError();
  if (*name != "dense") {
    llvm::Expected<Pattern> pattern = Pattern::parse(*name);
    if (!pattern)
      return pattern.takeError();
    entry.pattern = *pattern;
  }
  llvm::Expected<llvm::StringRef> family = getString("family");
  if (!family)
    return family.takeError();
  entry.family = family->str();
  std::optional<double> time = object.getNumber("microseconds");
  if (!time)
    return makeError("requires a number 'microseconds'");
  entry.microseconds = *time;
  return entry;
}

llvm::Expected<CostTable> CostTable::parse(llvm::StringRef text) {
  llvm::Expected<json::Value> value = json::parse(text);
  if (!value)
    return makeError("requires a cost table in JSON, but " +
                     llvm::toString(value.takeError()));
  const json::Object *root = value->getAsObject();
  if (!root)
    return makeError("requires a cost table to be a JSON object");
  if (root->getInteger("version") != kVersion)
    return makeError("requires a cost table of version " + Twine(kVersion));
  std::optional<llvm::StringRef> device = root->getString("device");
  const json::Array *list = root->getArray("entries");
  if (!device || !list)
    return makeError("requires a cost table to have a string 'device' and an "
                     "array 'entries'");
  CostTable table;
  table.device = device->str();
  for (size_t i = 0; i < list->size(); ++i) {
    auto inEntry = [&](llvm::Error error) {
      return makeError("entry " + Twine(i) + " of the cost table: " +
                       llvm::toString(std::move(error)));
    };
    const json::Object *object = (*list)[i].getAsObject();
    if (!object)
      return inEntry(makeError("requires an object"));
    llvm::Expected<CostEntry> entry = parseEntry(*object);
    if (!entry)
      return inEntry(entry.takeError());
    if (llvm::Error error = table.add(*entry))
      return inEntry(std::move(error));
  }
  return table;
}

std::string CostTable::str() const {
  json::Array list;
  for (const CostEntry &entry : entries)
    list.push_back(json::Object{
        {"dtype", toString(entry.type)},
        {"rows", entry.shape.rows},
        {"cols", entry.shape.cols},
        {"tokens", entry.shape.tokens},
        {"pattern", entry.pattern ? entry.pattern->str() : "dense"},
        {"family", entry.family},
        {"microseconds", entry.microseconds}});
  std::string text;
  llvm::raw_string_ostream stream(text);
  stream << llvm::formatv("{0:2}", json::Value(json::Object{
                                       {"version", kVersion},
                                       {"device", device},
                                       {"entries", std::move(list)}}))
         << "\n";
  return text;
}
