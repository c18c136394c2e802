// Part of the VNM project, under the Apache License v2.0 with LLVM Exceptions.
// See the file LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// This file implements the ABI's functions on matrices of a warp.

#include "WarpMemory.h"

#include "vnm/Emulator/Abi.h"
#include "vnm/Emulator/Instructions/MatrixCopy.h"
#include "vnm/Emulator/Instructions/Mma.h"

#include <cstring>

using namespace llvm;
using namespace vnm::emulator;

static Collective makeAligned(const char *op,
                              void (*execute)(Warp &, const Collective &)) {
  Collective collective;
  collective.op = OpRef(op);
  collective.mask = ~0u;
  collective.execute = execute;
  return collective;
}

/// Fails the warp's first lane with an instruction's error, if there is one.
static void checkInstruction(Warp &warp, OpRef op, Error error) {
  if (error)
    warp.getThread(0).fail(Check::Instruction, op, toString(std::move(error)));
}

//===----------------------------------------------------------------------===//
// Memory
//===----------------------------------------------------------------------===//

static char *getAddress(const Cta &cta, uint32_t offset) {
  // Offsets before the window wrapped around.
  return cta.window.getBase() + int32_t(offset);
}

Error WarpMemory::read(uint32_t address, MutableArrayRef<uint8_t> bytes,
                       unsigned lane) {
  Thread &thread = warp.getThread(lane);
  const char *from = getAddress(*warp.cta, address);
  SharedRange range = locateShared(thread, op, from, bytes.size(), 1);
  noteAccess(thread, op, range, AccessKind::Read);
  std::memcpy(bytes.data(), from, bytes.size());
  return Error::success();
}

Error WarpMemory::write(uint32_t address, ArrayRef<uint8_t> bytes,
                        unsigned lane) {
  Thread &thread = warp.getThread(lane);
  char *to = getAddress(*warp.cta, address);
  SharedRange range = locateShared(thread, op, to, bytes.size(), 1);
  checkNotMBarrier(thread, op, range);
  noteAccess(thread, op, range, AccessKind::Write);
  std::memcpy(to, bytes.data(), bytes.size());
  return Error::success();
}

//===----------------------------------------------------------------------===//
// ldmatrix and stmatrix
//===----------------------------------------------------------------------===//

namespace {
struct CopyArguments {
  const char *address;
  uint32_t count, transpose;
  uint32_t *result;
  const uint32_t *source;
};
} // namespace

static std::array<uint32_t, 32> getAddresses(const Warp &warp,
                                             const Collective &collective) {
  std::array<uint32_t, 32> addresses;
  for (unsigned lane = 0; lane < 32; ++lane)
    addresses[lane] =
        uint32_t(static_cast<CopyArguments *>(collective.arguments[lane])
                     ->address -
                 warp.cta->window.getBase());
  return addresses;
}

static void executeLoad(Warp &warp, const Collective &collective) {
  auto get = [&](unsigned lane) {
    return static_cast<CopyArguments *>(collective.arguments[lane]);
  };
  unsigned count = get(0)->count;
  std::array<uint32_t, 32 * 4> registers;
  WarpMemory memory(warp, collective.op);
  checkInstruction(
      warp, collective.op,
      executeLdMatrix(
          getAddresses(warp, collective), get(0)->transpose, memory,
          FragmentRef(MutableArrayRef(registers).take_front(32 * count), 32)));
  for (unsigned lane = 0; lane < 32; ++lane)
    std::memcpy(get(lane)->result, &registers[lane * count], 4 * count);
}

void vnm_emu_ldmatrix(Thread *thread, const char *op, const char *address,
                      uint32_t count, uint32_t transpose, uint32_t *result) {
  CopyArguments arguments{address, count, transpose, result, nullptr};
  thread->warp->meet(*thread, makeAligned(op, executeLoad), &arguments);
}

static void executeStore(Warp &warp, const Collective &collective) {
  auto get = [&](unsigned lane) {
    return static_cast<CopyArguments *>(collective.arguments[lane]);
  };
  unsigned count = get(0)->count;
  std::array<uint32_t, 32 * 4> registers;
  for (unsigned lane = 0; lane < 32; ++lane)
    std::memcpy(&registers[lane * count], get(lane)->source, 4 * count);
  WarpMemory memory(warp, collective.op);
  checkInstruction(
      warp, collective.op,
      executeStMatrix(
          getAddresses(warp, collective), get(0)->transpose,
          ConstFragmentRef(ArrayRef(registers).take_front(32 * count), 32),
          memory));
}

void vnm_emu_stmatrix(Thread *thread, const char *op, const char *address,
                      uint32_t count, uint32_t transpose,
                      const uint32_t *source) {
  CopyArguments arguments{address, count, transpose, nullptr, source};
  thread->warp->meet(*thread, makeAligned(op, executeStore), &arguments);
}

//===----------------------------------------------------------------------===//
// mma
//===----------------------------------------------------------------------===//

namespace {
struct MmaArguments {
  const VnmEmuMma *instruction;
  const uint32_t *a, *b, *c;
  uint32_t metadata;
  uint32_t *d;
};
} // namespace

static MmaInstruction decode(const VnmEmuMma &from) {
  MmaInstruction instruction;
  instruction.typeA = ElementType(from.typeA);
  instruction.typeB = ElementType(from.typeB);
  instruction.accumulator = ElementType(from.accumulator);
  instruction.k = from.k;
  instruction.sparse = from.sparse;
  instruction.selector = from.selector;
  instruction.saturate = from.saturate;
  return instruction;
}

static void executeProduct(Warp &warp, const Collective &collective) {
  auto get = [&](unsigned lane) {
    return static_cast<MmaArguments *>(collective.arguments[lane]);
  };
  MmaInstruction instruction = decode(*get(0)->instruction);
  checkInstruction(warp, collective.op, verify(instruction));
  constexpr unsigned kMaxRegisters = 8;
  unsigned numA = instruction.getNumRegistersA(),
           numB = instruction.getNumRegistersB(),
           numD = instruction.getNumRegistersD();
  std::array<uint32_t, 32 * kMaxRegisters> a, b, d;
  std::array<uint32_t, 32> metadata;
  for (unsigned lane = 0; lane < 32; ++lane) {
    std::memcpy(&a[lane * numA], get(lane)->a, 4 * numA);
    std::memcpy(&b[lane * numB], get(lane)->b, 4 * numB);
    std::memcpy(&d[lane * numD], get(lane)->c, 4 * numD);
    metadata[lane] = get(lane)->metadata;
  }
  FragmentRef sums(MutableArrayRef(d).take_front(32 * numD), 32);
  checkInstruction(
      warp, collective.op,
      executeMma(instruction,
                 ConstFragmentRef(ArrayRef(a).take_front(32 * numA), 32),
                 ConstFragmentRef(ArrayRef(b).take_front(32 * numB), 32), sums,
                 ConstFragmentRef(metadata, 32), sums));
  for (unsigned lane = 0; lane < 32; ++lane)
    std::memcpy(get(lane)->d, &d[lane * numD], 4 * numD);
}

void vnm_emu_mma(Thread *thread, const char *op, const VnmEmuMma *instruction,
                 const uint32_t *a, const uint32_t *b, const uint32_t *c,
                 uint32_t metadata, uint32_t *d) {
  MmaArguments arguments{instruction, a, b, c, metadata, d};
  thread->warp->meet(*thread, makeAligned(op, executeProduct), &arguments);
}
