// Part of the VNM project, under the Apache License v2.0 with LLVM Exceptions.
// See the file LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// This file implements cost tables and the model behind them.

#include "vnm/Sparsity/CostTable.h"
#include "Detail.h"
#include "llvm/ADT/STLExtras.h"
#include "llvm/Support/ErrorHandling.h"
#include <algorithm>
#include <array>
#include <cmath>
#include <tuple>

using namespace vnm::sparsity;
using namespace vnm::sparsity::detail;
using llvm::Twine;

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

/// K', the columns that are multiplied.
static double depthOf(const ProductShape &shape,
                      const std::optional<Pattern> &pattern) {
  return double(pattern ? pattern->numColumnSlots(shape.cols) : shape.cols);
}

/// Operations of a product, a skipped half of a 2:4 group counted.
static double operationsOf(const ProductShape &shape,
                           const std::optional<Pattern> &pattern) {
  return 2 * double(shape.rows) * double(shape.tokens) *
         depthOf(shape, pattern);
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

/// Logarithms of R, K' and T.
using Point = std::array<double, 3>;

static Point pointOf(const ProductShape &shape,
                     const std::optional<Pattern> &pattern) {
  return {std::log(double(shape.rows)), std::log(depthOf(shape, pattern)),
          std::log(double(shape.tokens))};
}

static double squaredDistance(const Point &a, const Point &b) {
  double sum = 0;
  for (size_t i = 0; i < a.size(); ++i)
    sum += (a[i] - b[i]) * (a[i] - b[i]);
  return sum;
}

namespace {
/// What is asked for.
struct Query {
  ElementType type;
  ProductShape shape;
  std::optional<Pattern> pattern;
  Point point = pointOf(shape, pattern);
};

/// An entry that tells something about a query.
struct Neighbour {
  const CostEntry *entry;
  Point point;
  double distance; ///< squared
  bool isSame;     ///< the very shape and pattern
};
} // namespace

static bool isSameShape(const ProductShape &a, const ProductShape &b) {
  return a.rows == b.rows && a.cols == b.cols && a.tokens == b.tokens;
}

/// Whether kernels for the two patterns only differ in their number of columns.
static bool haveSamePanels(const std::optional<Pattern> &a,
                           const std::optional<Pattern> &b) {
  return a && b && a->v == b->v && a->n == b->n;
}

/// The entries of the query's type and pattern, or else of its type, V and N;
/// the nearest first, and of one shape the fastest.
static std::vector<Neighbour> findNeighbours(llvm::ArrayRef<CostEntry> entries,
                                             const Query &query) {
  std::vector<Neighbour> neighbours;
  auto add = [&](auto isRelated) {
    for (const CostEntry &entry : entries) {
      if (entry.type != query.type || !isRelated(entry))
        continue;
      Point point = pointOf(entry.shape, entry.pattern);
      bool isSame = entry.pattern == query.pattern &&
                    isSameShape(entry.shape, query.shape);
      neighbours.push_back(
          {&entry, point, squaredDistance(point, query.point), isSame});
    }
  };
  add([&](const CostEntry &e) { return e.pattern == query.pattern; });
  if (neighbours.empty())
    add([&](const CostEntry &e) {
      return haveSamePanels(e.pattern, query.pattern);
    });
  llvm::sort(neighbours, [](const Neighbour &a, const Neighbour &b) {
    auto key = [](const Neighbour &n) {
      return std::tuple(!n.isSame, n.distance, n.entry->microseconds, n.entry);
    };
    return key(a) < key(b);
  });
  return neighbours;
}

/// Whether every dimension lies between those of some entries.
static bool isCovered(const Point &point,
                      llvm::ArrayRef<Neighbour> neighbours) {
  for (size_t i = 0; i < point.size(); ++i) {
    auto below = [&](const Neighbour &n) { return n.point[i] <= point[i]; };
    auto above = [&](const Neighbour &n) { return n.point[i] >= point[i]; };
    if (llvm::none_of(neighbours, below) || llvm::none_of(neighbours, above))
      return false;
  }
  return true;
}

/// The cost that `neighbours`, which are not empty, give the query.
static Cost interpolate(llvm::ArrayRef<Neighbour> neighbours,
                        const Query &query, const Roofline &roofline) {
  const CostEntry &nearest = *neighbours.front().entry;
  if (neighbours.front().isSame)
    return {nearest.microseconds, Cost::Source::Measured, nearest.family};
  constexpr size_t kNeighbours = 4;
  /// So that an entry of the query's R, K' and T alone decides.
  constexpr double kLeastDistance = 1e-12;
  double logRatio = 0, weights = 0;
  std::vector<Point> used;
  for (const Neighbour &neighbour : neighbours) {
    if (used.size() == kNeighbours)
      break;
    if (llvm::is_contained(used, neighbour.point))
      continue;
    used.push_back(neighbour.point);
    const CostEntry &entry = *neighbour.entry;
    double weight = 1 / std::max(neighbour.distance, kLeastDistance);
    double model = roofline.estimate(entry.type, entry.shape, entry.pattern);
    logRatio += weight * std::log(entry.microseconds / model);
    weights += weight;
  }
  double model = roofline.estimate(query.type, query.shape, query.pattern);
  return {model * std::exp(logRatio / weights),
          isCovered(query.point, neighbours) ? Cost::Source::Interpolated
                                             : Cost::Source::Extrapolated,
          nearest.family};
}

llvm::Expected<Cost>
CostTable::lookUp(ElementType type, const ProductShape &shape,
                  const std::optional<Pattern> &pattern) const {
  if (llvm::Error error = checkProduct(shape))
    return std::move(error);
  Query query{type, shape, pattern};
  std::vector<Neighbour> neighbours = findNeighbours(entries, query);
  if (neighbours.empty())
    return Cost{roofline.estimate(type, shape, pattern), Cost::Source::Roofline,
                ""};
  return interpolate(neighbours, query, roofline);
}

llvm::Expected<std::vector<ScheduleCost>>
CostTable::lookUpSchedules(ElementType type, const ProductShape &shape,
                           const Pattern &pattern) const {
  if (llvm::Error error = checkProduct(shape))
    return std::move(error);
  Query query{type, shape, pattern};
  std::map<std::pair<std::string, ScheduleFields>, std::vector<Neighbour>>
      kernels;
  for (const Neighbour &neighbour : findNeighbours(entries, query))
    kernels[{neighbour.entry->family, neighbour.entry->schedule}].push_back(
        neighbour);
  std::vector<ScheduleCost> costs;
  costs.reserve(kernels.size());
  for (const auto &[kernel, neighbours] : kernels)
    costs.push_back({kernel.first, kernel.second,
                     interpolate(neighbours, query, roofline)});
  llvm::sort(costs, [](const ScheduleCost &a, const ScheduleCost &b) {
    auto key = [](const ScheduleCost &c) {
      return std::tuple(c.cost.source == Cost::Source::Extrapolated,
                        c.cost.microseconds, c.family, c.schedule);
    };
    return key(a) < key(b);
  });
  return costs;
}
