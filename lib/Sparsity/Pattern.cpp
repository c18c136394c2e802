// Part of the VNM project, under the Apache License v2.0 with LLVM Exceptions.
// See the file LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// This file implements the V:N:M pattern.

#include "vnm/Sparsity/Pattern.h"
#include "llvm/ADT/SmallVector.h"
#include "llvm/ADT/Twine.h"
#include "llvm/Support/MathExtras.h"
#include <cmath>

using namespace vnm::sparsity;

static llvm::Error makeError(const llvm::Twine &message) {
  return llvm::createStringError(llvm::inconvertibleErrorCode(), message);
}

llvm::Error Pattern::verify(int64_t v, int64_t n, int64_t m) {
  // The upper bounds keep every later product of sizes far from overflow.
  constexpr int64_t kLimit = int64_t(1) << 20;
  if (v < 16 || v > kLimit || !llvm::isPowerOf2_64(uint64_t(v)))
    return makeError("requires V to be a power of two in [16, 1048576], but V "
                     "is " +
                     llvm::Twine(v));
  if (n != kValuesPerGroup)
    return makeError("requires N to be 2, the hardware's 2:4 pattern, but N "
                     "is " +
                     llvm::Twine(n));
  if (m < kColumnsPerGroup || m > kLimit)
    return makeError("requires M to be in [4, 1048576], but M is " +
                     llvm::Twine(m));
  return llvm::Error::success();
}

llvm::Expected<Pattern> Pattern::parse(llvm::StringRef text) {
  llvm::SmallVector<llvm::StringRef, 4> parts;
  text.split(parts, ':');
  int64_t numbers[3];
  if (parts.size() != 3)
    return makeError("requires a pattern V:N:M such as 64:2:8, but found '" +
                     text + "'");
  for (unsigned i = 0; i < 3; ++i)
    if (parts[i].empty() || parts[i].getAsInteger(10, numbers[i]))
      return makeError("requires a pattern V:N:M of three integers, but '" +
                       parts[i] + "' in '" + text + "' is none");
  if (llvm::Error error = verify(numbers[0], numbers[1], numbers[2]))
    return std::move(error);
  return Pattern{numbers[0], numbers[1], numbers[2]};
}

std::string Pattern::str() const {
  return (llvm::Twine(v) + ":" + llvm::Twine(n) + ":" + llvm::Twine(m)).str();
}

double Pattern::log2MaskDiversity() const {
  double quads = double(m) * double(m - 1) * double(m - 2) * double(m - 3) / 24;
  return std::log2(quads) / (double(v) * double(m)) +
         std::log2(6.0) / double(m);
}
