// Part of the VNM project, under the Apache License v2.0 with LLVM Exceptions.
// See the file LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// This file implements the shared memory of a CTA and its shadow.
//
// The shadow keeps, per word, the accesses that a later one could race with. A
// write removes what it is ordered after; a read removes reads it is ordered
// after, for whoever is ordered after the later read is ordered after those too.

#include "SharedWindow.h"

#include <cstring>

using namespace vnm::emulator;

/// What hardware windows are aligned to, so that offsets and addresses agree.
static constexpr size_t kWindowAlignment = 1024;

void SharedWindow::reset(uint32_t bytes) {
  size = bytes;
  size_t needed = size_t(bytes) + 2 * kWindowAlignment;
  if (capacity < needed) {
    capacity = needed;
    storage.reset(new char[capacity]);
  }
  auto address = reinterpret_cast<uintptr_t>(storage.get());
  base = storage.get() + (kWindowAlignment - address % kWindowAlignment);
  // NaNs, for floats of every width.
  std::memset(storage.get(), 0xFF, needed);
  size_t numWords = (bytes + 3) / 4;
  if (words.size() < numWords)
    words.resize(numWords);
  for (size_t i = 0; i < numWords; ++i) {
    words[i].count = 0;
    words[i].written = 0;
    words[i].more.reset();
  }
}

void SharedWindow::append(Word &word, const Access &access) {
  if (word.count < Word::kRecent) {
    word.recent[word.count++] = access;
    return;
  }
  if (!word.more)
    word.more = std::make_unique<std::vector<Access>>();
  word.more->push_back(access);
}

namespace {
/// Holds one new access against earlier ones.
struct Comparison {
  const Access &access;
  unsigned thread;
  const ClockTable &clocks;
  AccessProblem &problem;

  /// Notes a problem with `earlier`; false if `earlier` need not be kept.
  bool visit(Access &earlier) {
    uint8_t overlap = earlier.bytes & access.bytes;
    if (!overlap)
      return true;
    bool bothAtomic = earlier.kind == AccessKind::Atomic &&
                      access.kind == AccessKind::Atomic;
    bool conflict =
        (isWrite(earlier.kind) || isWrite(access.kind)) && !bothAtomic;
    bool ordered = clocks.hasSeen(thread, earlier.component, earlier.time);
    if (conflict && !ordered)
      note(AccessProblem::Race, earlier);
    else if (isAsyncProxy(access.kind) && isWrite(earlier.kind) &&
             !isAsyncProxy(earlier.kind) &&
             !clocks.hasFenced(thread, earlier.component, earlier.time))
      note(AccessProblem::Proxy, earlier);
    bool isCovered =
        ordered && (isWrite(access.kind) || !isWrite(earlier.kind));
    if (isCovered)
      earlier.bytes &= ~overlap;
    return earlier.bytes != 0;
  }

  void note(AccessProblem::Kind kind, const Access &earlier) {
    if (problem.kind != AccessProblem::None)
      return;
    problem.kind = kind;
    problem.earlier = earlier;
  }
};
} // namespace

void SharedWindow::accessWord(Word &word, const Access &access, unsigned thread,
                              const ClockTable &clocks,
                              AccessProblem &problem) {
  Comparison comparison{access, thread, clocks, problem};
  unsigned kept = 0;
  for (unsigned i = 0; i < word.count; ++i)
    if (comparison.visit(word.recent[i]))
      word.recent[kept++] = word.recent[i];
  word.count = kept;
  if (word.more) {
    std::vector<Access> more = std::move(*word.more);
    word.more.reset();
    for (Access &earlier : more)
      if (comparison.visit(earlier))
        append(word, earlier);
  }
  if (isWrite(access.kind))
    word.written |= access.bytes;
  else if (problem.kind == AccessProblem::None &&
           (access.bytes & ~word.written))
    problem.kind = AccessProblem::Uninitialized;
  append(word, access);
}

AccessProblem SharedWindow::access(uint32_t offset, uint32_t bytes,
                                   const Access &access, unsigned thread,
                                   const ClockTable &clocks) {
  AccessProblem problem;
  Access piece = access;
  uint32_t end = offset + bytes;
  for (uint32_t at = offset; at < end;) {
    uint32_t first = at % 4;
    uint32_t count = std::min(4 - first, end - at);
    piece.bytes = uint8_t(((1u << count) - 1) << first);
    bool wasFine = problem.kind == AccessProblem::None;
    accessWord(words[at / 4], piece, thread, clocks, problem);
    if (wasFine && problem.kind != AccessProblem::None)
      problem.offset = at;
    at += count;
  }
  return problem;
}
