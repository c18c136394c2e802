// Part of the VNM project, under the Apache License v2.0 with LLVM Exceptions.
// See the file LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// This file implements the choice of the 4 columns that a block keeps: exact
// for groups of up to 32 columns, by exchange beyond.

#include "ColumnChoice.h"
#include <algorithm>
#include <cassert>
#include <limits>

using namespace vnm::sparsity;
using namespace vnm::sparsity::detail;

/// Groups of up to this many columns are enumerated.
static constexpr int64_t kMaxEnumerated = 8;
/// Groups of up to this many columns are searched with bounds, still exactly.
static constexpr int64_t kMaxExact = 32;

//===----------------------------------------------------------------------===//
// What a choice of columns keeps
//===----------------------------------------------------------------------===//

/// Splits every row's three scores: the largest to first[], the second largest
/// to second[]. A fourth score x then adds up to first + max(second, x), the
/// rounded sum of the two largest of four, whichever of the four is x.
template <int64_t fixedBlocks>
VNM_INLINE void splitTriple(const BlockScores &scores, int64_t a, int64_t b,
                            int64_t c, LaneBlock *first, LaneBlock *second) {
  int64_t numBlocks = fixedBlocks ? fixedBlocks : scores.blocksPerColumn;
  for (int64_t i = 0; i < numBlocks; ++i) {
    Lanes x = load(scores.column(a)[i]), y = load(scores.column(b)[i]),
          z = load(scores.column(c)[i]);
    Lanes high = max(x, y);
    store(first[i], max(high, z));
    store(second[i], max(min(x, y), min(high, z)));
  }
}

/// What the rows keep of the triple split into `first` and `second` and of
/// column `d`: the value every search here maximises.
template <int64_t fixedBlocks>
VNM_INLINE float keptWith(const BlockScores &scores, const LaneBlock *first,
                          const LaneBlock *second, int64_t d) {
  int64_t numBlocks = fixedBlocks ? fixedBlocks : scores.blocksPerColumn;
  const LaneBlock *column = scores.column(d);
  Lanes sum;
  for (int64_t i = 0; i < numBlocks; ++i)
    sum = sum + (load(first[i]) + max(load(second[i]), load(column[i])));
  return sumOf(sum);
}

/// What the rows would keep if they could choose among all columns. Rounding is
/// monotone and the order of addition the same, so no four columns keep more,
/// to the last bit.
VNM_INLINE float keptOfAll(const BlockScores &scores) {
  Lanes sum;
  for (int64_t i = 0; i < scores.blocksPerColumn; ++i) {
    Lanes first = load(scores.column(0)[i]);
    Lanes second = load(scores.column(1)[i]);
    Lanes high = max(first, second);
    second = min(first, second);
    first = high;
    for (int64_t c = 2; c < scores.numColumns; ++c) {
      Lanes x = load(scores.column(c)[i]);
      second = max(second, min(first, x));
      first = max(first, x);
    }
    sum = sum + (first + second);
  }
  return sumOf(sum);
}

namespace {
/// Four ascending columns and what they keep.
struct Choice {
  int32_t ids[4] = {0, 1, 2, 3};
  float kept = -1;

  /// Takes the other choice if it keeps more, or as much and comes first in
  /// lexicographic order.
  void improve(const Choice &other) {
    if (other.kept > kept ||
        (other.kept == kept &&
         std::lexicographical_compare(other.ids, other.ids + 4, ids, ids + 4)))
      *this = other;
  }
};
} // namespace

//===----------------------------------------------------------------------===//
// Searches
//===----------------------------------------------------------------------===//

/// The four columns of largest sum; ties to the lower column.
VNM_INLINE void chooseByColumnSum(const BlockScores &scores, int32_t *ids) {
  float best[4] = {-1, -1, -1, -1};
  std::fill(ids, ids + 4, -1);
  for (int64_t c = 0; c < scores.numColumns; ++c) {
    Lanes lanes;
    for (int64_t i = 0; i < scores.blocksPerColumn; ++i)
      lanes = lanes + load(scores.column(c)[i]);
    float sum = sumOf(lanes);
    // Insertion into the four best so far, after those at least as large.
    int64_t place = 4;
    while (place > 0 && (ids[place - 1] < 0 || sum > best[place - 1]))
      --place;
    if (place == 4)
      continue;
    std::copy_backward(best + place, best + 3, best + 4);
    std::copy_backward(ids + place, ids + 3, ids + 4);
    best[place] = sum;
    ids[place] = int32_t(c);
  }
  std::sort(ids, ids + 4);
}

/// Improves `choice` by the best exchange of one column until none helps.
VNM_INLINE void exchange(const BlockScores &scores, LaneBlock *scratch,
                         Choice &choice) {
  LaneBlock *first = scratch, *second = scratch + scores.blocksPerColumn;
  splitTriple<0>(scores, choice.ids[0], choice.ids[1], choice.ids[2], first,
                 second);
  choice.kept = keptWith<0>(scores, first, second, choice.ids[3]);
  for (;;) {
    Choice best = choice;
    for (int32_t dropped : choice.ids) {
      int32_t others[3];
      std::remove_copy(choice.ids, choice.ids + 4, others, dropped);
      splitTriple<0>(scores, others[0], others[1], others[2], first, second);
      for (int64_t x = 0; x < scores.numColumns; ++x) {
        if (std::find(choice.ids, choice.ids + 4, x) != choice.ids + 4)
          continue;
        float kept = keptWith<0>(scores, first, second, x);
        if (!(kept > best.kept))
          continue;
        best.kept = kept;
        std::copy(others, others + 3, best.ids);
        best.ids[3] = int32_t(x);
      }
    }
    if (!(best.kept > choice.kept))
      return;
    std::sort(best.ids, best.ids + 4);
    choice = best;
  }
}

/// Tries every four columns.
template <int64_t fixedBlocks>
VNM_INLINE void enumerate(const BlockScores &scores, LaneBlock *scratch,
                          Choice &best) {
  LaneBlock *first = scratch, *second = scratch + scores.blocksPerColumn;
  int32_t n = int32_t(scores.numColumns);
  for (int32_t a = 0; a < n; ++a)
    for (int32_t b = a + 1; b < n; ++b)
      for (int32_t c = b + 1; c < n - 1; ++c) {
        splitTriple<fixedBlocks>(scores, a, b, c, first, second);
        for (int32_t d = c + 1; d < n; ++d) {
          float kept = keptWith<fixedBlocks>(scores, first, second, d);
          if (kept > best.kept)
            best = {{a, b, c, d}, kept};
        }
      }
}

VNM_INLINE void chooseByEnumeration(const BlockScores &scores,
                                    LaneBlock *scratch, Choice &best) {
  switch (scores.blocksPerColumn) {
  case 1:
    return enumerate<1>(scores, scratch, best);
  case 2:
    return enumerate<2>(scores, scratch, best);
  case 4:
    return enumerate<4>(scores, scratch, best);
  case 8:
    return enumerate<8>(scores, scratch, best);
  default:
    return enumerate<0>(scores, scratch, best);
  }
}

/// What each two and each three columns keep: pairs[a][b] and triples[a][b][c]
/// for a < b < c, rows of kMaxExact.
template <int64_t fixedBlocks>
VNM_INLINE void fillTriples(const BlockScores &scores, LaneBlock *scratch,
                            float (*pairs)[kMaxExact], float *triples) {
  int64_t numBlocks = fixedBlocks ? fixedBlocks : scores.blocksPerColumn;
  LaneBlock *sums = scratch, *highs = scratch + scores.blocksPerColumn;
  int64_t n = scores.numColumns;
  for (int64_t a = 0; a < n; ++a)
    for (int64_t b = a + 1; b < n; ++b) {
      Lanes pair;
      for (int64_t i = 0; i < numBlocks; ++i) {
        Lanes x = load(scores.column(a)[i]), y = load(scores.column(b)[i]);
        store(sums[i], x + y);
        store(highs[i], max(x, y));
        pair = pair + (x + y);
      }
      pairs[a][b] = sumOf(pair);
      float *row = triples + (a * kMaxExact + b) * kMaxExact;
      for (int64_t c = b + 1; c < n; ++c) {
        Lanes triple;
        for (int64_t i = 0; i < numBlocks; ++i)
          triple = triple + max(load(sums[i]),
                                load(highs[i]) + load(scores.column(c)[i]));
        row[c] = sumOf(triple);
      }
    }
}

/// Lanes d in [begin, begin + 16) whose four columns a, b, c, d may keep at
/// least `threshold`, by submodularity:
///   f(abcd) <= f(abc) + min(f(abd) - f(ab), f(acd) - f(ac), f(bcd) - f(bc)).
/// A NaN (an overflow) counts as "may".
VNM_INLINE Flags mayReach(const float *triples, const float (*pairs)[kMaxExact],
                          int64_t a, int64_t b, int64_t c, int64_t begin,
                          float threshold) {
  auto at = [](int64_t x, int64_t y) {
    return (x * kMaxExact + y) * kMaxExact;
  };
  Lanes gain = min(min(load(triples + at(a, b) + begin) - pairs[a][b],
                       load(triples + at(a, c) + begin) - pairs[a][c]),
                   load(triples + at(b, c) + begin) - pairs[b][c]);
  Vector bound = gain.value + triples[at(a, b) + c];
  return {~(bound < threshold)};
}

/// Tries, in lexicographic order, the four columns whose bound reaches what
/// `best` keeps. `most` is what no choice exceeds.
template <int64_t fixedBlocks>
VNM_INLINE void searchBounded(const BlockScores &scores, LaneBlock *scratch,
                              const float (*pairs)[kMaxExact],
                              const float *triples, float most, Choice &best) {
  LaneBlock *first = scratch, *second = scratch + scores.blocksPerColumn;
  int32_t n = int32_t(scores.numColumns);
  // The bound is a sum of rounded sums. With f* the largest value, its error
  // and that of a value are below (4 (blocks + 6) + 6) ulp(f*) together, and an
  // exchange optimum is at least f* / 2; 16 (blocks + 8) covers twice that.
  float slack = 1 - 16 * float(scores.blocksPerColumn + 8) * 0x1p-24f;
  // Sums may overflow: an infinite one is reached by bounds near the largest
  // finite number, too.
  auto thresholdFor = [slack](float kept) {
    return std::min(kept, std::numeric_limits<float>::max()) * slack;
  };
  float threshold = thresholdFor(best.kept);
  for (int32_t a = 0; a < n; ++a)
    for (int32_t b = a + 1; b < n; ++b)
      for (int32_t c = b + 1; c < n - 1; ++c) {
        bool split = false;
        for (int32_t begin = (c + 1) & ~15; begin < n; begin += 16) {
          Flags flags = mayReach(triples, pairs, a, b, c, begin, threshold);
          if (!any(flags))
            continue;
          int32_t end = std::min(n, begin + 16);
          for (int32_t d = std::max(begin, c + 1); d < end; ++d) {
            if (!flags.value[d - begin])
              continue;
            if (!split)
              splitTriple<fixedBlocks>(scores, a, b, c, first, second);
            split = true;
            float kept = keptWith<fixedBlocks>(scores, first, second, d);
            best.improve({{a, b, c, d}, kept});
            threshold = thresholdFor(best.kept);
            // In this order the first to keep the most is the answer.
            if (kept == most)
              return;
          }
        }
      }
}

template <int64_t fixedBlocks>
VNM_INLINE void chooseWithBounds(const BlockScores &scores, LaneBlock *scratch,
                                 float *triples, Choice &best) {
  float pairs[kMaxExact][kMaxExact];
  fillTriples<fixedBlocks>(scores, scratch, pairs, triples);
  searchBounded<fixedBlocks>(scores, scratch, pairs, triples, keptOfAll(scores),
                             best);
}

VNM_INLINE void chooseByBounds(const BlockScores &scores, LaneBlock *scratch,
                               float *triples, Choice &best) {
  switch (scores.blocksPerColumn) {
  case 1:
    return chooseWithBounds<1>(scores, scratch, triples, best);
  case 2:
    return chooseWithBounds<2>(scores, scratch, triples, best);
  case 4:
    return chooseWithBounds<4>(scores, scratch, triples, best);
  case 8:
    return chooseWithBounds<8>(scores, scratch, triples, best);
  default:
    return chooseWithBounds<0>(scores, scratch, triples, best);
  }
}

/// Chooses the columns of one block.
VNM_INLINE void chooseBlock(const BlockScores &scores, ColumnChoice choice,
                            LaneBlock *scratch, float *triples, int32_t *ids) {
  if (choice == ColumnChoice::L1)
    return chooseByColumnSum(scores, ids);
  Choice best;
  if (scores.numColumns <= kMaxEnumerated) {
    chooseByEnumeration(scores, scratch, best);
  } else {
    chooseByColumnSum(scores, best.ids);
    exchange(scores, scratch, best);
    if (scores.numColumns <= kMaxExact)
      chooseByBounds(scores, scratch, triples, best);
  }
  std::copy(best.ids, best.ids + 4, ids);
}

//===----------------------------------------------------------------------===//
// Nibbles
//===----------------------------------------------------------------------===//

VNM_INLINE void findBlockNibbles(const LaneBlock *const *columns, int64_t block,
                                 uint16_t *nibbles) {
  const float *a = columns[0][block].lane, *b = columns[1][block].lane,
              *c = columns[2][block].lane, *d = columns[3][block].lane;
  for (int64_t i = 0; i < kLanes; ++i) {
    // A position stays if it beats two others; the lower one wins a tie.
    int32_t ab = a[i] >= b[i], ac = a[i] >= c[i], ad = a[i] >= d[i];
    int32_t bc = b[i] >= c[i], bd = b[i] >= d[i], cd = c[i] >= d[i];
    int32_t keepsA = ab + ac + ad >= 2;
    int32_t keepsB = (1 - ab) + bc + bd >= 2;
    int32_t keepsC = (1 - ac) + (1 - bc) + cd >= 2;
    int32_t keepsD = (1 - ad) + (1 - bd) + (1 - cd) >= 2;
    int32_t low = keepsA ? 0 : keepsB ? 1 : 2;
    int32_t high = keepsD ? 3 : keepsC ? 2 : 1;
    nibbles[i] = uint16_t(low | high << 2);
  }
}

VNM_INLINE void findAllNibbles(const LaneBlock *const *columns,
                               int64_t numBlocks, uint16_t *nibbles) {
  for (int64_t block = 0; block < numBlocks; ++block)
    findBlockNibbles(columns, block, nibbles + block * kLanes);
}

//===----------------------------------------------------------------------===//
// Versions for vector levels
//===----------------------------------------------------------------------===//

VNM_PER_LEVEL(chooseAtLevel, chooseBlock,
              (const BlockScores &scores, ColumnChoice choice,
               LaneBlock *scratch, float *triples, int32_t *ids),
              (scores, choice, scratch, triples, ids))
VNM_PER_LEVEL(findNibblesAtLevel, findAllNibbles,
              (const LaneBlock *const *columns, int64_t numBlocks,
               uint16_t *nibbles),
              (columns, numBlocks, nibbles))

void ColumnChooser::choose(const BlockScores &scores, ColumnChoice choice,
                           int32_t *ids) {
  assert(scores.numColumns > kColumnsPerGroup && "nothing to choose");
  scratch.resize(2 * scores.blocksPerColumn);
  if (choice == ColumnChoice::Exact && scores.numColumns <= kMaxExact &&
      scores.numColumns > kMaxEnumerated)
    triples.resize(kMaxExact * kMaxExact * kMaxExact);
  chooseAtLevel(level, scores, choice, scratch.data(), triples.data(), ids);
}

void detail::findNibbles(const LaneBlock *const columns[4], int64_t numBlocks,
                         uint16_t *nibbles, VectorLevel level) {
  findNibblesAtLevel(level, columns, numBlocks, nibbles);
}
