// Part of the VNM project, under the Apache License v2.0 with LLVM Exceptions.
// See the file LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// This file declares what products cost: tables of measurements and a model for
// what no table knows.

#ifndef VNM_SPARSITY_COSTTABLE_H
#define VNM_SPARSITY_COSTTABLE_H

#include "vnm/Sparsity/Matrix.h"
#include "vnm/Sparsity/Pattern.h"
#include <map>
#include <optional>
#include <string>
#include <vector>

namespace vnm::sparsity {

/// A product of a weight, R x K, with K x T activations.
struct ProductShape {
  int64_t rows = 0, cols = 0, tokens = 0;
};

/// Numbers that a kernel was built with, by name, e.g. {"token_tile", 256}.
using ScheduleFields = std::map<std::string, int64_t>;

/// A measured product.
struct CostEntry {
  ElementType type = ElementType::F16;
  ProductShape shape;
  /// None for a dense weight.
  std::optional<Pattern> pattern;
  /// The kernel family that was measured; not interpreted.
  std::string family;
  double microseconds = 0;
  /// What the kernel of the family was built with; empty if nothing is known.
  ScheduleFields schedule = {};
};

/// A cost and where it comes from.
struct Cost {
  enum class Source : uint8_t {
    Measured,     ///< an entry has this shape
    Interpolated, ///< between entries of other shapes
    Extrapolated, ///< some dimension is outside of what was measured
    Roofline      ///< from the model: no entry has the type and the pattern
  };
  double microseconds = 0;
  Source source = Source::Roofline;
  /// The family of the entry, or of the nearest one.
  std::string family;
};
/// What a product costs with one kernel.
struct ScheduleCost {
  std::string family;
  ScheduleFields schedule;
  Cost cost;
};

/// "measured", "interpolated", "extrapolated" or "roofline".
llvm::StringRef toString(Cost::Source source);

/// A machine as a model sees it: a product takes as long as its arithmetic or
/// its memory traffic, whichever is slower, and a fixed time. The defaults are
/// rounded from f16 measurements on one H200: dense 640 TFLOP/s, sparse 560 at
/// V = 64 and 800 at V = 128 (counting the skipped half), scaled between and
/// below with the square root of V. f32 is taken to run at half the rate of
/// f16, i8 at twice.
struct Roofline {
  double denseFlopsPerMicrosecond = 640e6;
  double sparseFlopsPerMicrosecond = 560e6; ///< at V = 64
  double sparseFlopsLimit = 800e6;
  double bytesPerMicrosecond = 4e6;
  double fixedMicroseconds = 5;

  double estimate(ElementType type, const ProductShape &shape,
                  const std::optional<Pattern> &pattern) const;
};

/// Measured products of one device.
class CostTable {
public:
  CostTable() = default;
  /// Reads the JSON of docs/algorithms.md, "Cost tables". Errors name the
  /// place, e.g. "$.entries[3].rows: requires an integer".
  static llvm::Expected<CostTable> parse(llvm::StringRef json);
  /// Parses a file. Errors name the file.
  static llvm::Expected<CostTable> open(llvm::StringRef file);
  /// The JSON that parse() reads.
  std::string str() const;

  /// Adds an entry. Error: sizes or a time that are not positive.
  llvm::Error add(const CostEntry &entry);

  /// What a product costs. An entry of this shape, type and pattern decides (of
  /// several the fastest). Else the model's time is scaled by how much slower
  /// than the model the four nearest shapes were, a geometric mean with weights
  /// 1 / distance^2 for the Euclidean distance of (log R, log K', log T), K'
  /// being the columns that are multiplied. Shapes are those of entries of the
  /// type and pattern; if there are none, of the type, V and N. Without any the
  /// model decides. Error: sizes that are not positive.
  llvm::Expected<Cost> lookUp(ElementType type, const ProductShape &shape,
                              const std::optional<Pattern> &pattern) const;

  /// The same for every kernel, a family with a schedule, that has such
  /// entries, each from its own: the fastest first, but extrapolated ones last.
  /// Empty if there are none.
  llvm::Expected<std::vector<ScheduleCost>>
  lookUpSchedules(ElementType type, const ProductShape &shape,
                  const Pattern &pattern) const;

  std::string device;
  Roofline roofline;

private:
  std::vector<CostEntry> entries;
};

} // namespace vnm::sparsity

#endif // VNM_SPARSITY_COSTTABLE_H
