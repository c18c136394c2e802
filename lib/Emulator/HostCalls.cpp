// Part of the VNM project, under the Apache License v2.0 with LLVM Exceptions.
// See the file LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// This file implements the mgpu* functions that upstream's gpu-to-llvm calls,
// on emulated kernels and memory, and the set-up by the host. Streams run in
// the order of the calls: every function returns when its work is done.

#include "Launch.h"
#include "TensorMapStorage.h"

#include "vnm/Emulator/Emulator.h"

#include <cstdio>
#include <cstdlib>
#include <cstring>

using namespace vnm::emulator;

#define VNM_EMULATOR_EXPORT extern "C" __attribute__((visibility("default")))

namespace {
/// What the host has set up.
struct Host {
  Settings settings;
  VnmEmulatorHandler handler = nullptr;
  void *handlerData = nullptr;
};
} // namespace

static Host &getHost() {
  static Host host;
  return host;
}

/// Ends the process: a call failed that has no way to say so.
[[noreturn]] static void quit(const std::string &text) {
  std::fprintf(stderr, "vnm emulator: error: %s\n", text.c_str());
  std::exit(1);
}

VNM_EMULATOR_EXPORT int vnm_emulator_configure(const char *order,
                                               const char *checks,
                                               char *message,
                                               size_t messageBytes) {
  Settings settings = getHost().settings;
  std::string problem;
  if (order)
    problem = settings.parseOrder(order);
  if (checks && problem.empty())
    problem = settings.checks.parse(checks);
  if (problem.empty()) {
    getHost().settings = settings;
    return 0;
  }
  std::snprintf(message, messageBytes, "%s", problem.c_str());
  return 1;
}

VNM_EMULATOR_EXPORT void vnm_emulator_set_handler(VnmEmulatorHandler handler,
                                                  void *data) {
  getHost().handler = handler;
  getHost().handlerData = data;
}

//===----------------------------------------------------------------------===//
// Launches
//===----------------------------------------------------------------------===//

static void finish(const Launch &launch) {
  const Host &host = getHost();
  for (const std::string &report : launch.reports.get()) {
    if (host.handler)
      host.handler(report.c_str(), host.handlerData);
    else
      std::fprintf(stderr, "vnm emulator: error: %s\n", report.c_str());
  }
  if (!launch.reports.get().empty() && !host.handler)
    std::exit(1);
}

VNM_EMULATOR_EXPORT void
mgpuLaunchClusterKernel(const KernelRecord *kernel, intptr_t clusterX,
                        intptr_t clusterY, intptr_t clusterZ, intptr_t gridX,
                        intptr_t gridY, intptr_t gridZ, intptr_t blockX,
                        intptr_t blockY, intptr_t blockZ,
                        int32_t sharedMemoryBytes, void *, void **parameters,
                        void **, size_t numParameters) {
  auto toDim = [](intptr_t x, intptr_t y, intptr_t z) {
    return Dim3{unsigned(x), unsigned(y), unsigned(z)};
  };
  Launch launch;
  launch.kernel = kernel;
  launch.cluster = toDim(clusterX, clusterY, clusterZ);
  launch.grid = toDim(gridX, gridY, gridZ);
  launch.block = toDim(blockX, blockY, blockZ);
  launch.dynamicSharedBytes = uint32_t(sharedMemoryBytes);
  launch.parameters = parameters;
  launch.numParameters = numParameters;
  launch.settings = getHost().settings;
  launch.allocations = GlobalMemory::get().getAll();
  launch.run();
  finish(launch);
}

VNM_EMULATOR_EXPORT void
mgpuLaunchKernel(const KernelRecord *kernel, intptr_t gridX, intptr_t gridY,
                 intptr_t gridZ, intptr_t blockX, intptr_t blockY,
                 intptr_t blockZ, int32_t sharedMemoryBytes, void *stream,
                 void **parameters, void **extra, size_t numParameters) {
  const uint32_t *declared = kernel->clusterExtents;
  auto extent = [&](int dim) { return declared[0] ? declared[dim] : 1; };
  mgpuLaunchClusterKernel(kernel, extent(0), extent(1), extent(2), gridX, gridY,
                          gridZ, blockX, blockY, blockZ, sharedMemoryBytes,
                          stream, parameters, extra, numParameters);
}

//===----------------------------------------------------------------------===//
// Streams and events
//===----------------------------------------------------------------------===//

/// Something to point to: nothing is kept of a stream or an event.
static char handle;

VNM_EMULATOR_EXPORT void *mgpuStreamCreate() { return &handle; }
VNM_EMULATOR_EXPORT void mgpuStreamDestroy(void *) {}
VNM_EMULATOR_EXPORT void mgpuStreamSynchronize(void *) {}
VNM_EMULATOR_EXPORT void mgpuStreamWaitEvent(void *, void *) {}
VNM_EMULATOR_EXPORT void *mgpuEventCreate() { return &handle; }
VNM_EMULATOR_EXPORT void mgpuEventDestroy(void *) {}
VNM_EMULATOR_EXPORT void mgpuEventSynchronize(void *) {}
VNM_EMULATOR_EXPORT void mgpuEventRecord(void *, void *) {}

//===----------------------------------------------------------------------===//
// Memory
//===----------------------------------------------------------------------===//

VNM_EMULATOR_EXPORT void *mgpuMemAlloc(uint64_t bytes, void *,
                                       bool isHostShared) {
  // As on a GPU, where nothing cannot be allocated.
  if (bytes == 0)
    return nullptr;
  void *result = GlobalMemory::get().allocate(bytes);
  auto address = reinterpret_cast<uintptr_t>(result);
  // What the host writes to it is not seen here.
  if (isHostShared)
    GlobalMemory::get().find(address)->markWritten(address, bytes);
  return result;
}

VNM_EMULATOR_EXPORT void mgpuMemFree(void *pointer, void *) {
  if (pointer && !GlobalMemory::get().release(pointer))
    quit("requires an address that mgpuMemAlloc returned to free, but it is "
         "none");
}

/// The allocation that `bytes` at `pointer` lie in; null if they are the
/// host's. Ends the process if they reach out of one.
static std::shared_ptr<Allocation> findDevice(const void *pointer,
                                              size_t bytes) {
  auto address = reinterpret_cast<uintptr_t>(pointer);
  std::shared_ptr<Allocation> hit = GlobalMemory::get().find(address);
  if (hit && bytes != 0 && !hit->contains(address, bytes)) {
    // One past the end of an allocation may be the host's.
    if (address - hit->getBase() == hit->getSize())
      return nullptr;
    quit("requires a copy within an allocation of " +
         std::to_string(hit->getSize()) + " bytes, but it is of " +
         std::to_string(bytes) + " bytes from byte " +
         std::to_string(address - hit->getBase()) + " on");
  }
  return hit;
}

VNM_EMULATOR_EXPORT void mgpuMemcpy(void *to, void *from, size_t bytes,
                                    void *) {
  if (bytes == 0)
    return;
  std::shared_ptr<Allocation> target = findDevice(to, bytes);
  findDevice(from, bytes);
  std::memcpy(to, from, bytes);
  if (target)
    target->markWritten(reinterpret_cast<uintptr_t>(to), bytes);
}

template <typename T>
static void fill(void *pointer, T value, size_t count) {
  std::shared_ptr<Allocation> target = findDevice(pointer, count * sizeof(T));
  for (size_t i = 0; i < count; ++i)
    std::memcpy(static_cast<char *>(pointer) + i * sizeof(T), &value,
                sizeof(T));
  if (target && count)
    target->markWritten(reinterpret_cast<uintptr_t>(pointer),
                        count * sizeof(T));
}

VNM_EMULATOR_EXPORT void mgpuMemset32(void *pointer, unsigned value,
                                      size_t count, void *) {
  fill(pointer, value, count);
}

VNM_EMULATOR_EXPORT void mgpuMemset16(void *pointer, unsigned short value,
                                      size_t count, void *) {
  fill(pointer, value, count);
}

VNM_EMULATOR_EXPORT void mgpuMemHostRegister(void *, uint64_t) {}
VNM_EMULATOR_EXPORT void mgpuMemHostUnregister(void *) {}
VNM_EMULATOR_EXPORT void mgpuMemHostRegisterMemRef(int64_t, void *, int64_t) {}
VNM_EMULATOR_EXPORT void mgpuMemHostUnregisterMemRef(int64_t, void *, int64_t) {
}

namespace {
/// A memref's descriptor; `rank` sizes, then as many strides, follow.
struct MemRefDescriptor {
  char *allocated;
  char *aligned;
  int64_t offset;
  int64_t extents[1];
};
} // namespace

/// Bytes of CUtensorMapDataType.
static unsigned getElementBytes(int type) {
  constexpr uint8_t kBytes[] = {1, 2, 4, 4, 8, 8, 2, 4, 8, 2, 4, 4, 4};
  if (type < 0 || size_t(type) >= std::size(kBytes))
    quit("requires a data type of tensor maps, but it is " +
         std::to_string(type));
  return kBytes[type];
}

/// CUtensorMapSwizzle counts 0 to 3 for none, 32, 64 and 128 bytes.
static Swizzle getSwizzle(int swizzle) {
  constexpr Swizzle kSwizzles[] = {Swizzle::None, Swizzle::B32, Swizzle::B64,
                                   Swizzle::B128};
  if (swizzle < 0 || size_t(swizzle) >= std::size(kSwizzles))
    quit("requires a swizzle of tensor maps, but it is " +
         std::to_string(swizzle));
  return kSwizzles[swizzle];
}

/// Writes `map` to `bytes` or, if none like it can be encoded, ends the
/// process.
static void encode(const TensorMap &map, void *bytes) {
  if (llvm::Error error = verify(map))
    quit("cannot encode a tensor map: " + llvm::toString(std::move(error)));
  storeTensorMap(map, static_cast<char *>(bytes));
}

/// cuTensorMapEncodeTiled, without interleave, with zeros out of bounds.
VNM_EMULATOR_EXPORT void
mgpuTensorMapEncodeTiled(void *encoded, int type, uint32_t rank, void *address,
                         const uint64_t *sizes, const uint64_t *strides,
                         const uint32_t *box, const uint32_t *elementStrides,
                         int interleave, int swizzle, int, int fill) {
  if (rank < 1 || rank > 5 || interleave != 0 || fill != 0)
    quit("requires a tensor map of rank 1 to 5 without interleave and with "
         "zeros out of bounds, but its rank is " +
         std::to_string(rank));
  TensorMap map;
  map.elementBytes = getElementBytes(type);
  map.globalAddress = reinterpret_cast<uintptr_t>(address);
  map.swizzle = getSwizzle(swizzle);
  map.sizes.assign(sizes, sizes + rank);
  map.strides.assign(strides, strides + rank - 1);
  map.box.assign(box, box + rank);
  for (uint32_t dim = 0; dim < rank; ++dim)
    if (elementStrides[dim] != 1)
      quit("requires a tensor map whose element strides are 1, but one is " +
           std::to_string(elementStrides[dim]));
  encode(map, encoded);
}

/// A map of the memref, whose last dimension is the map's first, in global
/// memory. The box has the memref's order, too.
VNM_EMULATOR_EXPORT void *
mgpuTensorMapEncodeTiledMemref(int64_t rank, const MemRefDescriptor *memref,
                               int type, int interleave, int swizzle, int, int,
                               const int64_t *box) {
  if (rank < 1 || rank > 5 || interleave != 0)
    quit("requires a tensor map of rank 1 to 5 without interleave, but its "
         "rank is " +
         std::to_string(rank));
  TensorMap map;
  map.elementBytes = getElementBytes(type);
  map.globalAddress = reinterpret_cast<uintptr_t>(
      memref->aligned + memref->offset * int64_t(map.elementBytes));
  map.swizzle = getSwizzle(swizzle);
  const int64_t *sizes = memref->extents, *strides = sizes + rank;
  for (int64_t dim = rank - 1; dim >= 0; --dim) {
    map.sizes.push_back(uint64_t(sizes[dim]));
    map.box.push_back(uint32_t(box[dim]));
    if (dim > 0)
      map.strides.push_back(uint64_t(strides[dim - 1]) * map.elementBytes);
  }
  void *result = GlobalMemory::get().allocate(kTensorMapBytes);
  encode(map, result);
  return result;
}

VNM_EMULATOR_EXPORT void mgpuSetDefaultDevice(int32_t device) {
  if (device != 0)
    quit("requires device 0, the only one, but it is " +
         std::to_string(device));
}
