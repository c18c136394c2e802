// Part of the VNM project, under the Apache License v2.0 with LLVM Exceptions.
// See the file LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// This file declares the shared memory of a CTA and the shadow that says who
// accessed what.

#ifndef VNM_LIB_EMULATOR_SHAREDWINDOW_H
#define VNM_LIB_EMULATOR_SHAREDWINDOW_H

#include "Clocks.h"
#include "Report.h"

#include <array>
#include <memory>
#include <vector>

namespace vnm::emulator {

/// How an access takes part in the memory model.
enum class AccessKind : uint8_t {
  Read = 0,
  Write = 1,
  Atomic = 3,    ///< A write that does not conflict with its like.
  AsyncRead = 4, ///< By the asynchronous proxy.
  AsyncWrite = 5
};
inline bool isWrite(AccessKind kind) { return uint8_t(kind) & 1; }
inline bool isAsyncProxy(AccessKind kind) { return uint8_t(kind) & 4; }

/// One access, or what the shadow keeps of it.
struct Access {
  OpRef op;
  uint32_t time = 0;      ///< Of the component.
  uint16_t component = 0; ///< See Clocks.h.
  AccessKind kind = AccessKind::Read;
  uint8_t bytes = 0; ///< In the shadow: which of a word's four it touches.
};

/// What is wrong with an access.
struct AccessProblem {
  enum Kind { None, Uninitialized, Race, Proxy } kind = None;
  uint32_t offset = 0; ///< Of the first word concerned.
  Access earlier;      ///< The other access of a race.
};

/// Shared memory of one CTA: bytes and their shadow.
class SharedWindow {
public:
  SharedWindow() = default;

  /// Makes it `bytes` bytes, none of them written. The memory is not reused for
  /// anything while the window lives.
  void reset(uint32_t bytes);

  char *getBase() const { return base; }
  uint32_t getSize() const { return size; }
  bool contains(uintptr_t address) const {
    return address - reinterpret_cast<uintptr_t>(base) < size;
  }

  /// Notes an access of `thread` to the bytes and holds it against earlier ones
  /// and, with `track`, orders. Returns the first problem.
  AccessProblem access(uint32_t offset, uint32_t bytes, const Access &access,
                       unsigned thread, const ClockTable &clocks);

private:
  /// Four bytes. Accesses beyond `recent` are in `more`.
  struct Word {
    static constexpr unsigned kRecent = 4;
    std::array<Access, kRecent> recent;
    std::unique_ptr<std::vector<Access>> more;
    uint8_t count = 0;
    uint8_t written = 0; ///< One bit per byte.
  };

  void accessWord(Word &word, const Access &access, unsigned thread,
                  const ClockTable &clocks, AccessProblem &problem);
  static void append(Word &word, const Access &access);

  std::unique_ptr<char[]> storage;
  size_t capacity = 0;
  char *base = nullptr;
  uint32_t size = 0;
  std::vector<Word> words;
};

} // namespace vnm::emulator

#endif // VNM_LIB_EMULATOR_SHAREDWINDOW_H
