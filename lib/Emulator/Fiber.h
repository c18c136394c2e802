// Part of the VNM project, under the Apache License v2.0 with LLVM Exceptions.
// See the file LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// This file declares fibers: stacks that a scheduler switches between.

#ifndef VNM_LIB_EMULATOR_FIBER_H
#define VNM_LIB_EMULATOR_FIBER_H

#include <cstddef>
#include <cstdint>

namespace vnm::emulator {

/// Memory for one stack, with a guard page below it.
class FiberStack {
public:
  FiberStack();
  ~FiberStack();
  FiberStack(FiberStack &&other) noexcept;
  FiberStack(const FiberStack &) = delete;
  FiberStack &operator=(const FiberStack &) = delete;

  char *getBottom() const { return bottom; }
  static size_t getSize();
  bool contains(uintptr_t address) const {
    return address - reinterpret_cast<uintptr_t>(bottom) < getSize();
  }

private:
  char *bottom = nullptr;
};

/// One flow of control. Whoever resumes it runs on when it suspends or ends.
class Fiber {
public:
  using Entry = void (*)(void *argument);

  /// Prepares the fiber to run `entry(argument)` on `stack`. A fiber that was
  /// suspended before is abandoned: its frames are not unwound.
  void start(const FiberStack &stack, Entry entry, void *argument);

  /// Runs it until it suspends itself or its entry returns.
  void resume();

  /// Returns to the caller of resume; called on this fiber.
  void suspend();

  /// Whether the entry has returned.
  bool isDone() const { return done; }

private:
  struct Switch;

  void *context = nullptr; ///< Of this fiber while it is suspended.
  void *caller = nullptr;  ///< Of the resumer while it runs.
  const FiberStack *stack = nullptr;
  Entry entry = nullptr;
  void *argument = nullptr;
  bool done = false;
  // What AddressSanitizer wants to know of a switch.
  const void *callerBottom = nullptr;
  size_t callerSize = 0;
};

} // namespace vnm::emulator

#endif // VNM_LIB_EMULATOR_FIBER_H
