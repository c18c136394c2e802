// Part of the VNM project, under the Apache License v2.0 with LLVM Exceptions.
// See the file LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// This file implements the spaces of channels and the joining of dimensions.

#include "ChannelFlow.h"

using namespace mlir;
using namespace vnm;

//===----------------------------------------------------------------------===//
// Spaces
//===----------------------------------------------------------------------===//

unsigned ChannelFlow::find(unsigned space) const {
  while (parents[space] != space)
    space = parents[space] = parents[parents[space]];
  return space;
}

unsigned ChannelFlow::createSpace(int64_t size) {
  parents.push_back(spaces.size());
  spaces.push_back({size, size, ""});
  return spaces.size() - 1;
}

void ChannelFlow::fix(unsigned space, StringRef reason) {
  pin({space, 1, 1}, reason);
}

/// Fixes the digits of `tag` and, as a permutation of what is above them would
/// move them, all above.
void ChannelFlow::pin(const ChannelTag &tag, StringRef reason) {
  ChannelSpace &space = spaces[find(tag.space)];
  if (tag.stride >= space.block)
    return;
  space.block = tag.stride;
  space.reason = reason.str();
}

void ChannelFlow::pinAll(const ChannelInfo &info, StringRef reason) {
  for (const ChannelDim &dim : info)
    for (const ChannelFactor &factor : dim)
      for (const ChannelTag &tag : factor.tags)
        pin(tag, reason);
}

bool ChannelFlow::isPinned(const ChannelTag &tag) const {
  return tag.stride >= getSpace(tag.space).block;
}

/// Makes the channels of two tags, at the same positions of a loop, keep
/// together.
void ChannelFlow::unite(const ChannelTag &a, const ChannelTag &b) {
  unsigned first = find(a.space), second = find(b.space);
  if (a.size != b.size || a.stride != b.stride ||
      (first != second && (spaces[first].size != spaces[second].size ||
                           isPinned(a) || isPinned(b)))) {
    // What fixes one fixes the other.
    std::string reason = "it is combined with channels that are grouped or "
                         "ordered in another way";
    for (const ChannelTag &tag : {a, b})
      if (first != second && isPinned(tag))
        reason = getSpace(tag.space).reason;
    pin(a, reason);
    pin(b, reason);
    return;
  }
  if (first == second)
    return;
  ChannelSpace &kept = spaces[first];
  const ChannelSpace &merged = spaces[second];
  if (merged.block < kept.block) {
    kept.block = merged.block;
    kept.reason = merged.reason;
  }
  parents[second] = first;
}

//===----------------------------------------------------------------------===//
// Dimensions
//===----------------------------------------------------------------------===//

ChannelDim vnm::createFixedDim(int64_t size, StringRef reason) {
  if (size == 1)
    return {};
  ChannelFactor factor(size);
  factor.reason = reason;
  return {factor};
}

ChannelInfo vnm::createFixedInfo(ShapedType type, StringRef reason) {
  ChannelInfo info;
  for (int64_t size : type.getShape())
    info.push_back(createFixedDim(size, reason));
  return info;
}

/// The product of the factors' sizes; dynamic if one is.
static int64_t getSize(const ChannelDim &dim) {
  int64_t size = 1;
  for (const ChannelFactor &factor : dim) {
    if (ShapedType::isDynamic(factor.size))
      return ShapedType::kDynamic;
    size *= factor.size;
  }
  return size;
}

/// Cuts `factor` in two, the faster of size `fast`.
static std::pair<ChannelFactor, ChannelFactor>
split(const ChannelFactor &factor, int64_t fast) {
  std::pair<ChannelFactor, ChannelFactor> result = {factor, factor};
  int64_t slow = factor.size / fast;
  result.first.size = slow;
  result.second.size = fast;
  for (ChannelTag &tag : result.first.tags)
    tag = {tag.space, slow, tag.stride * fast};
  for (ChannelTag &tag : result.second.tags)
    tag.size = fast;
  return result;
}

ChannelDim ChannelFlow::createTags(unsigned space, ArrayRef<int64_t> sizes,
                                   unsigned position) {
  int64_t stride = 1;
  for (int64_t size : sizes.drop_front(position + 1))
    stride *= size;
  if (sizes[position] == 1)
    return {};
  ChannelFactor factor(sizes[position]);
  factor.tags.push_back({space, sizes[position], stride});
  return {factor};
}

ChannelFactor ChannelFlow::joinFactors(const ChannelFactor &a,
                                       const ChannelFactor &b) {
  if (a.uniform)
    return b;
  if (b.uniform)
    return a;
  ChannelFactor result = a.tags.empty() ? b : a;
  if (a.tags.empty() || b.tags.empty()) {
    StringRef reason = a.tags.empty() ? a.reason : b.reason;
    for (const ChannelTag &tag : result.tags)
      pin(tag, reason);
    return result;
  }
  for (const ChannelTag &tag : b.tags) {
    for (const ChannelTag &other : a.tags)
      unite(other, tag);
    if (!llvm::is_contained(result.tags, tag))
      result.tags.push_back(tag);
  }
  return result;
}

ChannelDim ChannelFlow::join(const ChannelDim &a, const ChannelDim &b) {
  ChannelDim left = a, right = b, result;
  while (!left.empty() && !right.empty()) {
    ChannelFactor x = left.pop_back_val(), y = right.pop_back_val();
    // A dynamic size is one with whatever it is joined with only if both are
    // whole dimensions.
    bool dynamic =
        ShapedType::isDynamic(x.size) || ShapedType::isDynamic(y.size);
    if (x.size != y.size && !(dynamic && left.empty() && right.empty())) {
      int64_t fast = std::min(x.size, y.size);
      bool divides =
          !dynamic && fast > 0 && x.size % fast == 0 && y.size % fast == 0;
      if (!divides) {
        StringRef reason = "its channels are regrouped where it is read";
        pinAll({a, b}, reason);
        return createFixedDim(getSize(a), reason);
      }
      ChannelDim &longer = x.size > y.size ? left : right;
      ChannelFactor &cut = x.size > y.size ? x : y;
      auto [slow, faster] = split(cut, fast);
      longer.push_back(slow);
      cut = faster;
    }
    result.push_back(joinFactors(x, y));
  }
  std::reverse(result.begin(), result.end());
  return result;
}

/// Fixes what is not carried whole: a permutation moves the lower digits of a
/// channel's number depending on those above them, so that a tensor with only
/// some of the digits that may move has no meaning in another order.
void ChannelFlow::pinIncomplete(const ChannelInfo &info) {
  SmallVector<ChannelTag> tags;
  for (const ChannelDim &dim : info)
    for (const ChannelFactor &factor : dim)
      for (const ChannelTag &tag : factor.tags)
        tags.push_back({find(tag.space), tag.size, tag.stride});
  for (const ChannelTag &lowest : tags) {
    int64_t covered = 1;
    bool progress = true;
    while (progress) {
      progress = false;
      for (const ChannelTag &tag : tags)
        if (tag.space == lowest.space && tag.stride <= covered &&
            tag.stride * tag.size > covered) {
          covered = tag.stride * tag.size;
          progress = true;
        }
    }
    if (covered != spaces[lowest.space].size)
      pin(lowest, "a part of its channels' numbers is reduced or sliced away");
  }
}

//===----------------------------------------------------------------------===//
// Construction
//===----------------------------------------------------------------------===//

ChannelFlow::ChannelFlow(Operation *root, std::vector<MatmulMatch> matches) {
  for (MatmulMatch &match : matches)
    addProduct(std::move(match));
  root->walk<WalkOrder::PreOrder>([&](Operation *op) {
    if (op != root)
      visit(op);
  });
}

void ChannelFlow::addProduct(MatmulMatch match) {
  unsigned rowSpace = createSpace(match.numRows);
  unsigned columnSpace = createSpace(match.numCols);
  // A weight that several products read has one order.
  for (const ChannelProduct &other : products) {
    if (other.match.weight.source != match.weight.source)
      continue;
    if (other.match.readsSameMatrix(match)) {
      unite({other.rowSpace, match.numRows, 1}, {rowSpace, match.numRows, 1});
      unite({other.columnSpace, match.numCols, 1},
            {columnSpace, match.numCols, 1});
      continue;
    }
    for (unsigned space :
         {rowSpace, columnSpace, other.rowSpace, other.columnSpace})
      fix(space, "its weight is read as two different matrices");
  }
  productOf[match.op] = products.size();
  products.push_back({std::move(match), rowSpace, columnSpace});
}

void ChannelFlow::setInfo(Value value, ChannelInfo info) {
  pinIncomplete(info);
  infos[value] = std::move(info);
}
