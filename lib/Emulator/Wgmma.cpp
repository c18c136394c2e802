// Part of the VNM project, under the Apache License v2.0 with LLVM Exceptions.
// See the file LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// This file implements the asynchronous products of warpgroups.
//
// A product is computed when it is issued, from the bytes that are there. If its
// completion is put off and the bytes change meanwhile, it is computed again.

#include "Wgmma.h"

#include "Access.h"

#include "vnm/Emulator/Abi.h"

#include <cstring>

using namespace llvm;
using namespace vnm::emulator;

//===----------------------------------------------------------------------===//
// Meeting
//===----------------------------------------------------------------------===//

static unsigned getLane(const Thread &thread) {
  return thread.index % WarpgroupWork::kLanes;
}

static std::string describeWait(const Thread &thread) {
  return "waits for its warpgroup: " +
         std::to_string(thread.warp->warpgroup->numArrived) +
         " of 128 threads are there";
}

/// Waits for the other lanes of the warpgroup. Returns true on the last, which
/// acts for all and then calls release.
static bool meet(Thread &thread, OpRef op, void *arguments) {
  WarpgroupWork &work = *thread.warp->warpgroup;
  unsigned first = thread.index - getLane(thread);
  if (thread.cta->threads.size() < first + WarpgroupWork::kLanes)
    thread.fail(Check::Divergence, op,
                "requires a warpgroup of 128 threads, but the CTA has " +
                    std::to_string(thread.cta->threads.size()));
  if (work.numArrived != 0 && work.op != op)
    thread.fail(Check::Divergence, op,
                "requires all threads of a warpgroup to execute it together, "
                "but some are at " +
                    work.op.str());
  work.op = op;
  work.arguments[getLane(thread)] = arguments;
  if (++work.numArrived == WarpgroupWork::kLanes)
    return true;
  work.waiting.push_back(&thread);
  thread.park({op, describeWait, 0});
  return false;
}

static void release(Thread &thread) {
  WarpgroupWork &work = *thread.warp->warpgroup;
  work.numArrived = 0;
  for (Thread *waiting : work.waiting)
    thread.getCluster().wake(*waiting);
  work.waiting.clear();
}

//===----------------------------------------------------------------------===//
// References
//===----------------------------------------------------------------------===//

static constexpr uint32_t kMark = 0xFFD7A3C9;

/// The ticket that `registers` refer to; 0 if they hold values.
static uint32_t getTicket(ArrayRef<uint32_t> registers) {
  if (registers.size() < 2 || registers[0] != kMark)
    return 0;
  for (uint32_t value : registers.drop_front(2))
    if (value != (kMark ^ registers[1]))
      return 0;
  return registers[1];
}

static void setReference(MutableArrayRef<uint32_t> registers, uint32_t ticket) {
  llvm::fill(registers, kMark ^ ticket);
  registers[0] = kMark;
  registers[1] = ticket;
}

//===----------------------------------------------------------------------===//
// Products
//===----------------------------------------------------------------------===//

namespace {
struct ProductArguments {
  const VnmEmuWgmma *instruction;
  const uint32_t *a;
  uint64_t descriptorA, descriptorB;
  uint32_t metadata, scaleD;
  const uint32_t *in;
  uint32_t *out;
};

/// Shared memory as products read it: through the asynchronous proxy, on behalf
/// of the warpgroup's first thread. Notes accesses only at issue.
class ProductMemory final : public SharedMemory {
public:
  ProductMemory(Thread &thread, WarpgroupProduct &product, bool isIssue)
      : thread(thread), product(product), isIssue(isIssue) {}

  Error read(uint32_t address, MutableArrayRef<uint8_t> bytes,
             unsigned) override {
    const char *from = thread.cta->window.getBase() + int32_t(address);
    if (isIssue) {
      SharedRange range =
          locateShared(thread, product.op, from, bytes.size(), 1);
      const WarpgroupWork &work = *thread.warp->warpgroup;
      noteAccess(thread, product.op, range, AccessKind::AsyncRead,
                 work.component, work.time);
      auto *first = reinterpret_cast<const uint8_t *>(from);
      product.operands.push_back({range.offset, {first, first + bytes.size()}});
    }
    std::memcpy(bytes.data(), from, bytes.size());
    return Error::success();
  }

  Error write(uint32_t, ArrayRef<uint8_t>, unsigned) override {
    llvm_unreachable("a product writes registers only");
  }

private:
  Thread &thread;
  WarpgroupProduct &product;
  bool isIssue;
};
} // namespace

static WgmmaInstruction decode(const VnmEmuWgmma &from) {
  WgmmaInstruction instruction;
  instruction.typeA = ElementType(from.typeA);
  instruction.typeB = ElementType(from.typeB);
  instruction.accumulator = ElementType(from.accumulator);
  instruction.n = from.n;
  instruction.k = from.k;
  instruction.sparse = from.sparse;
  instruction.selector = from.selector;
  instruction.negateA = from.negateA;
  instruction.negateB = from.negateB;
  instruction.majorA = from.transposeA ? Major::MN : Major::K;
  instruction.majorB = from.transposeB ? Major::MN : Major::K;
  instruction.saturate = from.saturate;
  return instruction;
}

/// Computes the sums from the input and what is in shared memory.
static void compute(Thread &leader, WarpgroupProduct &product, bool isIssue) {
  WarpgroupWork &work = *leader.warp->warpgroup;
  product.sums = product.inputTicket ? work.products[product.inputTicket].sums
                                     : product.input;
  WgmmaOperandA a;
  a.descriptor = product.descriptorA;
  if (!product.registersA.empty())
    a.registers = ConstFragmentRef(product.registersA, WarpgroupWork::kLanes);
  ProductMemory memory(leader, product, isIssue);
  Error error = executeWgmma(
      product.instruction, a, product.descriptorB,
      ConstFragmentRef(product.metadata, WarpgroupWork::kLanes),
      product.scaleD, memory,
      FragmentRef(product.sums, WarpgroupWork::kLanes));
  if (error)
    leader.fail(Check::Instruction, product.op, toString(std::move(error)));
}

/// Takes the operands of all lanes into `product`.
static void gather(Thread &leader, WarpgroupProduct &product) {
  WarpgroupWork &work = *leader.warp->warpgroup;
  auto get = [&](unsigned lane) {
    return static_cast<ProductArguments *>(work.arguments[lane]);
  };
  unsigned numD = product.instruction.getNumRegistersD();
  unsigned numA =
      get(0)->a ? product.instruction.getNumRegistersA() : 0;
  product.descriptorA = get(0)->descriptorA;
  product.descriptorB = get(0)->descriptorB;
  product.scaleD = get(0)->scaleD;
  product.inputTicket = getTicket({get(0)->in, numD});
  for (unsigned lane = 0; lane < WarpgroupWork::kLanes; ++lane) {
    const ProductArguments &own = *get(lane);
    if (own.descriptorB != product.descriptorB ||
        own.descriptorA != product.descriptorA ||
        bool(own.scaleD) != product.scaleD)
      leader.fail(Check::Divergence, product.op,
                  "requires the same descriptors and scale-d in all threads of "
                  "the warpgroup, but lane " +
                      std::to_string(lane) + " differs from lane 0");
    product.metadata.push_back(own.metadata);
    product.registersA.insert(product.registersA.end(), own.a, own.a + numA);
    if (!product.inputTicket)
      product.input.insert(product.input.end(), own.in, own.in + numD);
  }
}

static void checkFence(Thread &leader, const WarpgroupProduct &product) {
  const WarpgroupWork &work = *leader.warp->warpgroup;
  bool usesRegisters = !product.registersA.empty() || !product.inputTicket;
  if (usesRegisters && !work.isFenced)
    leader.report(Check::Async, product.op,
                  "requires wgmma.fence after registers that it uses were "
                  "written, but there is none");
}

static void issue(Thread &last, OpRef op) {
  WarpgroupWork &work = *last.warp->warpgroup;
  Thread &leader = last.cta->threads[last.index - getLane(last)];
  if (!work.hasComponent) {
    work.component = last.getCluster().clocks.addComponent();
    work.hasComponent = true;
  }
  WarpgroupProduct product;
  product.op = op;
  product.instruction =
      decode(*static_cast<ProductArguments *>(work.arguments[0])->instruction);
  if (Error error = verify(product.instruction))
    leader.fail(Check::Instruction, op, toString(std::move(error)));
  gather(leader, product);
  if (product.inputTicket && !work.products.count(product.inputTicket))
    leader.fail(Check::Async, op,
                "requires sums that no other wgmma has taken, but one has");
  checkFence(leader, product);
  compute(leader, product, /*isIssue=*/true);
  if (last.getCluster().drawCompletion())
    product.operands.clear();
  uint32_t ticket = work.nextTicket++;
  unsigned numD = product.instruction.getNumRegistersD();
  for (void *arguments : work.arguments)
    setReference({static_cast<ProductArguments *>(arguments)->out, numD},
                 ticket);
  work.products.emplace(ticket, std::move(product));
  work.current.push_back(ticket);
}

void vnm_emu_wgmma(Thread *thread, const char *op,
                   const VnmEmuWgmma *instruction, const uint32_t *a,
                   uint64_t descriptorA, uint64_t descriptorB,
                   uint32_t metadata, uint32_t scaleD, const uint32_t *in,
                   uint32_t *out) {
  ProductArguments arguments{instruction, a,      descriptorA, descriptorB,
                             metadata,    scaleD, in,          out};
  if (!meet(*thread, OpRef(op), &arguments))
    return;
  issue(*thread, OpRef(op));
  release(*thread);
}

//===----------------------------------------------------------------------===//
// Completion
//===----------------------------------------------------------------------===//

static void complete(Thread &leader, uint32_t ticket) {
  WarpgroupWork &work = *leader.warp->warpgroup;
  WarpgroupProduct &product = work.products[ticket];
  bool isStale = product.inputTicket &&
                 work.products[product.inputTicket].wasRedone;
  for (const OperandBytes &operand : product.operands)
    isStale |= std::memcmp(leader.cta->window.getBase() + operand.offset,
                           operand.bytes.data(), operand.bytes.size()) != 0;
  if (isStale) {
    compute(leader, product, /*isIssue=*/false);
    product.wasRedone = true;
  }
  if (product.inputTicket)
    work.products.erase(product.inputTicket);
  product.operands = {};
  product.input = {};
  product.registersA = {};
  product.metadata = {};
  product.isComplete = true;
}

void vnm_emu_wgmma_fence(Thread *thread, const char *op) {
  if (!meet(*thread, OpRef(op), nullptr))
    return;
  thread->warp->warpgroup->isFenced = true;
  release(*thread);
}

void vnm_emu_wgmma_commit(Thread *thread, const char *op) {
  if (!meet(*thread, OpRef(op), nullptr))
    return;
  WarpgroupWork &work = *thread->warp->warpgroup;
  work.committed.push_back(std::move(work.current));
  work.current.clear();
  ++work.time;
  release(*thread);
}

/// Results nobody took; whoever still refers to an older one is in error.
static void forgetOldResults(WarpgroupWork &work) {
  constexpr size_t kKept = 64;
  for (auto it = work.products.begin();
       it != work.products.end() && work.products.size() > kKept;)
    it = it->second.isComplete ? work.products.erase(it) : std::next(it);
}

void vnm_emu_wgmma_wait(Thread *thread, const char *op, uint32_t keep) {
  if (!meet(*thread, OpRef(op), nullptr))
    return;
  WarpgroupWork &work = *thread->warp->warpgroup;
  unsigned first = thread->index - getLane(*thread);
  while (work.committed.size() > keep) {
    for (uint32_t ticket : work.committed.front())
      complete(thread->cta->threads[first], ticket);
    work.committed.pop_front();
  }
  forgetOldResults(work);
  work.isFenced = false;
  // Groups up to this one have read their operands.
  auto finished = uint32_t(work.time - 1 - work.committed.size());
  if (work.hasComponent)
    for (unsigned lane = 0; lane < WarpgroupWork::kLanes; ++lane)
      thread->getCluster().clocks.advance(
          thread->cta->threads[first + lane].component, work.component,
          finished);
  release(*thread);
}

void vnm_emu_wgmma_use(Thread *thread, const char *op, uint32_t count,
                       uint32_t *registers) {
  uint32_t ticket = getTicket({registers, count});
  if (ticket == 0)
    return;
  WarpgroupWork &work = *thread->warp->warpgroup;
  auto found = work.products.find(ticket);
  if (found == work.products.end())
    thread->fail(Check::Async, OpRef(op),
                 "requires sums that no later wgmma has taken, but one has");
  const WarpgroupProduct &product = found->second;
  if (!product.isComplete)
    thread->report(Check::Async, OpRef(op),
                   "requires wgmma.wait_group before the sums of a wgmma are "
                   "used, but those of " +
                       product.op.str() + " were not waited for");
  std::memcpy(registers, &product.sums[getLane(*thread) * count], 4 * count);
}
