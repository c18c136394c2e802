// Part of the VNM project, under the Apache License v2.0 with LLVM Exceptions.
// See the file LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// This file implements fibers on Boost.Context, with AddressSanitizer told of
// every switch.

#include "Fiber.h"

#include <boost/context/detail/fcontext.hpp>
#include <cstdio>
#include <cstdlib>
#include <sys/mman.h>
#include <unistd.h>
#include <utility>

#if defined(__has_feature)
#if __has_feature(address_sanitizer)
#define VNM_EMULATOR_ASAN 1
#include <sanitizer/asan_interface.h>
#include <sanitizer/common_interface_defs.h>
#endif
#endif

using namespace vnm::emulator;
using boost::context::detail::jump_fcontext;
using boost::context::detail::make_fcontext;
using boost::context::detail::transfer_t;

#ifdef VNM_EMULATOR_ASAN
static constexpr size_t kStackBytes = 512 << 10;
#else
static constexpr size_t kStackBytes = 256 << 10;
#endif

//===----------------------------------------------------------------------===//
// FiberStack
//===----------------------------------------------------------------------===//

static size_t getPageSize() {
  static const size_t size = size_t(sysconf(_SC_PAGESIZE));
  return size;
}

FiberStack::FiberStack() {
  size_t guard = getPageSize();
  void *memory =
      mmap(nullptr, kStackBytes + guard, PROT_READ | PROT_WRITE,
           MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE | MAP_STACK, -1, 0);
  if (memory == MAP_FAILED || mprotect(memory, guard, PROT_NONE) != 0) {
    std::fprintf(stderr, "vnm emulator: cannot allocate a thread's stack\n");
    std::exit(1);
  }
  bottom = static_cast<char *>(memory) + guard;
}

FiberStack::~FiberStack() {
  if (bottom)
    munmap(bottom - getPageSize(), kStackBytes + getPageSize());
}

FiberStack::FiberStack(FiberStack &&other) noexcept
    : bottom(std::exchange(other.bottom, nullptr)) {}

size_t FiberStack::getSize() { return kStackBytes; }

//===----------------------------------------------------------------------===//
// Fiber
//===----------------------------------------------------------------------===//

namespace vnm::emulator {
/// Switches with the calls that AddressSanitizer wants around them.
struct Fiber::Switch {
  static void start(void **fakeStack, const void *bottom, size_t size) {
#ifdef VNM_EMULATOR_ASAN
    __sanitizer_start_switch_fiber(fakeStack, bottom, size);
#endif
  }
  static void finish(void *fakeStack, const void **bottom, size_t *size) {
#ifdef VNM_EMULATOR_ASAN
    __sanitizer_finish_switch_fiber(fakeStack, bottom, size);
#endif
  }

  /// First frame of every fiber.
  static void enter(transfer_t from) {
    auto *fiber = static_cast<Fiber *>(from.data);
    finish(nullptr, &fiber->callerBottom, &fiber->callerSize);
    fiber->caller = from.fctx;
    fiber->entry(fiber->argument);
    fiber->done = true;
    start(nullptr, fiber->callerBottom, fiber->callerSize);
    jump_fcontext(fiber->caller, nullptr);
  }
};
} // namespace vnm::emulator

void Fiber::start(const FiberStack &newStack, Entry newEntry,
                  void *newArgument) {
  stack = &newStack;
  entry = newEntry;
  argument = newArgument;
  done = false;
#ifdef VNM_EMULATOR_ASAN
  // An abandoned fiber leaves its frames' red zones behind.
  __asan_unpoison_memory_region(stack->getBottom(), kStackBytes);
#endif
  context = make_fcontext(stack->getBottom() + kStackBytes, kStackBytes,
                          &Switch::enter);
}

void Fiber::resume() {
  void *fakeStack = nullptr;
  Switch::start(&fakeStack, stack->getBottom(), kStackBytes);
  transfer_t back = jump_fcontext(context, this);
  Switch::finish(fakeStack, nullptr, nullptr);
  context = back.fctx;
}

void Fiber::suspend() {
  void *fakeStack = nullptr;
  Switch::start(&fakeStack, callerBottom, callerSize);
  transfer_t back = jump_fcontext(caller, nullptr);
  Switch::finish(fakeStack, &callerBottom, &callerSize);
  caller = back.fctx;
}
