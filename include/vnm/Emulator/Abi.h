// Part of the VNM project, under the Apache License v2.0 with LLVM Exceptions.
// See the file LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// This file declares the functions that emulated kernels call in place of
// NVVM's ops. convert-nvvm-to-emulation makes the calls; the types are C's, so
// that both sides agree without a shared compiler.
//
// Every function takes the calling thread, which the kernel got as its first
// argument, and the op's record (see OpRef in lib/Emulator/Report.h). Addresses
// of all state spaces are addresses of this process; flags (i1) are passed as
// 0 or 1. "R" is an array of 32-bit registers, in PTX's order.

#ifndef VNM_EMULATOR_ABI_H
#define VNM_EMULATOR_ABI_H

#include <stdint.h>

#ifdef __cplusplus
namespace vnm::emulator {
struct Thread;
} // namespace vnm::emulator
using VnmEmuThread = vnm::emulator::Thread;
extern "C" {
// The library hides everything else.
#pragma GCC visibility push(default)
#else
typedef struct VnmEmuThread VnmEmuThread;
#endif

/// State spaces of an access.
enum VnmEmuSpace {
  VNM_EMU_GENERIC = 0,
  VNM_EMU_GLOBAL = 1,
  VNM_EMU_SHARED = 3,
  VNM_EMU_LOCAL = 5,
  VNM_EMU_CLUSTER = 7
};

/// What an access does.
enum VnmEmuAccess { VNM_EMU_READ = 0, VNM_EMU_WRITE = 1, VNM_EMU_ATOMIC = 2 };

/// Special registers (PTX ISA 10). Three of a kind are x, y and z.
enum VnmEmuRegister {
  VNM_EMU_TID = 0,
  VNM_EMU_NTID = 3,
  VNM_EMU_CTAID = 6,
  VNM_EMU_NCTAID = 9,
  VNM_EMU_CLUSTERID = 12,
  VNM_EMU_NCLUSTERID = 15,
  VNM_EMU_CLUSTER_CTAID = 18,
  VNM_EMU_CLUSTER_NCTAID = 21,
  VNM_EMU_CLUSTER_CTARANK = 24,
  VNM_EMU_CLUSTER_NCTARANK = 25,
  VNM_EMU_LANEID = 26,
  VNM_EMU_WARPID = 27,
  VNM_EMU_NWARPID = 28,
  VNM_EMU_WARPSIZE = 29,
  VNM_EMU_LANEMASK_EQ = 30,
  VNM_EMU_LANEMASK_LE = 31,
  VNM_EMU_LANEMASK_LT = 32,
  VNM_EMU_LANEMASK_GE = 33,
  VNM_EMU_LANEMASK_GT = 34,
  VNM_EMU_TOTAL_SMEM = 35,
  VNM_EMU_DYNAMIC_SMEM = 36
};

//===----------------------------------------------------------------------===//
// Threads and memory
//===----------------------------------------------------------------------===//

uint32_t vnm_emu_special_register(VnmEmuThread *, const char *op,
                                  uint32_t which);
/// The first byte of the CTA's shared memory.
char *vnm_emu_shared_window(VnmEmuThread *);
/// The number that PTX gives a shared address: the offset in the window, and
/// the CTA's rank from bit 24 on.
uint64_t vnm_emu_shared_to_integer(VnmEmuThread *, const char *op,
                                   const char *address);
char *vnm_emu_integer_to_shared(VnmEmuThread *, const char *op, uint64_t value);
/// Checks an access that the kernel is about to make itself.
void vnm_emu_access(VnmEmuThread *, const char *op, const char *address,
                    uint64_t bytes, uint32_t alignment, uint32_t space,
                    uint32_t access);
/// mapa: the same place in the CTA of `rank`.
char *vnm_emu_mapa(VnmEmuThread *, const char *op, const char *address,
                   uint32_t rank);

//===----------------------------------------------------------------------===//
// Warps
//===----------------------------------------------------------------------===//

void vnm_emu_warp_sync(VnmEmuThread *, const char *op, uint32_t mask);
/// `kind`: 0 bfly, 1 up, 2 down, 3 idx. The predicate goes to bit 32.
uint64_t vnm_emu_shfl(VnmEmuThread *, const char *op, uint32_t kind,
                      uint32_t mask, uint32_t value, uint32_t offset,
                      uint32_t clamp);
/// `kind`: 0 any, 1 all, 2 ballot, 3 uni.
uint32_t vnm_emu_vote(VnmEmuThread *, const char *op, uint32_t kind,
                      uint32_t mask, uint32_t predicate);
/// Whether this lane is the leader: the lowest of the mask.
uint32_t vnm_emu_elect(VnmEmuThread *, const char *op, uint32_t mask);

//===----------------------------------------------------------------------===//
// Matrices
//===----------------------------------------------------------------------===//

void vnm_emu_ldmatrix(VnmEmuThread *, const char *op, const char *address,
                      uint32_t count, uint32_t transpose, uint32_t *result);
void vnm_emu_stmatrix(VnmEmuThread *, const char *op, const char *address,
                      uint32_t count, uint32_t transpose,
                      const uint32_t *source);
/// The static part of an mma; types are numbers of ElementType.
struct VnmEmuMma {
  uint32_t typeA, typeB, accumulator, k, sparse, selector, saturate;
};
void vnm_emu_mma(VnmEmuThread *, const char *op,
                 const struct VnmEmuMma *instruction, const uint32_t *a,
                 const uint32_t *b, const uint32_t *c, uint32_t metadata,
                 uint32_t *d);

/// The static part of a wgmma.
struct VnmEmuWgmma {
  uint32_t typeA, typeB, accumulator, n, k, sparse, selector;
  uint32_t negateA, negateB, transposeA, transposeB, saturate;
};
/// Registers of A, or null for a descriptor. `in` and `out` are D's registers;
/// until vnm_emu_wgmma_wait, `out` holds a reference to the pending result.
void vnm_emu_wgmma(VnmEmuThread *, const char *op,
                   const struct VnmEmuWgmma *instruction, const uint32_t *a,
                   uint64_t descriptorA, uint64_t descriptorB,
                   uint32_t metadata, uint32_t scaleD, const uint32_t *in,
                   uint32_t *out);
void vnm_emu_wgmma_fence(VnmEmuThread *, const char *op);
void vnm_emu_wgmma_commit(VnmEmuThread *, const char *op);
void vnm_emu_wgmma_wait(VnmEmuThread *, const char *op, uint32_t keep);
/// Replaces a reference to a result by the result, before anything but a wgmma
/// uses `count` registers of D.
void vnm_emu_wgmma_use(VnmEmuThread *, const char *op, uint32_t count,
                       uint32_t *registers);

//===----------------------------------------------------------------------===//
// Barriers and fences
//===----------------------------------------------------------------------===//

/// `count` 0: all threads. `reduction`: 0 popc, 1 and, 2 or, 3 none.
uint32_t vnm_emu_barrier(VnmEmuThread *, const char *op, uint32_t id,
                         uint32_t count, uint32_t reduction,
                         uint32_t predicate);
void vnm_emu_barrier_arrive(VnmEmuThread *, const char *op, uint32_t id,
                            uint32_t count);
void vnm_emu_cluster_arrive(VnmEmuThread *, const char *op, uint32_t relaxed,
                            uint32_t aligned);
void vnm_emu_cluster_wait(VnmEmuThread *, const char *op, uint32_t aligned);

void vnm_emu_mbarrier_init(VnmEmuThread *, const char *op, const char *address,
                           uint32_t count);
void vnm_emu_mbarrier_inval(VnmEmuThread *, const char *op,
                            const char *address);
/// `drop`: the expected count of later phases decreases too. `noComplete`: the
/// arrival must not be the last. Returns the state before.
uint64_t vnm_emu_mbarrier_arrive(VnmEmuThread *, const char *op,
                                 const char *address, uint32_t count,
                                 uint32_t drop, uint32_t noComplete,
                                 uint32_t relaxed);
/// Adds to (`sign` 1) or takes from (0) the transaction count.
void vnm_emu_mbarrier_transactions(VnmEmuThread *, const char *op,
                                   const char *address, uint32_t bytes,
                                   uint32_t sign);
/// Whether the phase of a parity (`isState` 0) or of a state (1) is over.
/// `blocking`: 0 test_wait, 1 try_wait, 2 until it is over.
uint32_t vnm_emu_mbarrier_wait(VnmEmuThread *, const char *op,
                               const char *address, uint64_t phase,
                               uint32_t isState, uint32_t blocking,
                               uint32_t relaxed);

/// `kind`: a number of VnmEmuFence.
enum VnmEmuFence { VNM_EMU_FENCE_MEMORY = 0, VNM_EMU_FENCE_PROXY_ASYNC = 1 };
void vnm_emu_fence(VnmEmuThread *, const char *op, uint32_t kind);

//===----------------------------------------------------------------------===//
// Asynchronous copies
//===----------------------------------------------------------------------===//

void vnm_emu_cp_async(VnmEmuThread *, const char *op, char *destination,
                      const char *source, uint32_t bytes, uint32_t sourceBytes);
void vnm_emu_cp_async_commit(VnmEmuThread *, const char *op);
void vnm_emu_cp_async_wait(VnmEmuThread *, const char *op, uint32_t keep);
void vnm_emu_cp_async_mbarrier_arrive(VnmEmuThread *, const char *op,
                                      const char *address, uint32_t noIncrement);

/// cp.async.bulk from global to shared memory. `ctaMask` 0: where `destination`
/// points; else every CTA of the mask.
void vnm_emu_bulk_load(VnmEmuThread *, const char *op, char *destination,
                       const char *source, const char *mbarrier, uint32_t bytes,
                       uint32_t ctaMask);
/// cp.async.bulk from shared memory to that of another CTA.
void vnm_emu_bulk_copy(VnmEmuThread *, const char *op, char *destination,
                       const char *source, const char *mbarrier,
                       uint32_t bytes);
void vnm_emu_bulk_store(VnmEmuThread *, const char *op, char *destination,
                        const char *source, uint32_t bytes);
/// `coordinates`: `rank` of them, dimension 0 first.
void vnm_emu_tensor_load(VnmEmuThread *, const char *op, char *destination,
                         const char *map, const char *mbarrier, uint32_t rank,
                         const int32_t *coordinates, uint32_t ctaMask);
void vnm_emu_tensor_store(VnmEmuThread *, const char *op, const char *map,
                          const char *source, uint32_t rank,
                          const int32_t *coordinates);
void vnm_emu_bulk_commit(VnmEmuThread *, const char *op);
void vnm_emu_bulk_wait(VnmEmuThread *, const char *op, uint32_t keep,
                       uint32_t read);

//===----------------------------------------------------------------------===//
// Others
//===----------------------------------------------------------------------===//

/// `kind`: 1 increases, 0 decreases.
void vnm_emu_setmaxnreg(VnmEmuThread *, const char *op, uint32_t count,
                        uint32_t increase);
/// `kind`: 0 wait, 1 launch_dependents.
void vnm_emu_griddepcontrol(VnmEmuThread *, const char *op, uint32_t kind);
/// Lets other threads run: nanosleep and loops that poll.
void vnm_emu_yield(VnmEmuThread *, const char *op);

#ifdef __cplusplus
#pragma GCC visibility pop
} // extern "C"
#endif

#endif // VNM_EMULATOR_ABI_H
