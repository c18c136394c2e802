// Part of the VNM project, under the Apache License v2.0 with LLVM Exceptions.
// See the file LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// This file implements the mgpu* functions that upstream's gpu-to-llvm calls.
// Every failure ends the process with a message; none is ignored.

#include "Driver.h"

#include <cstdio>

using namespace vnm::cuda;

#define VNM_RUNTIME_EXPORT extern "C" __attribute__((visibility("default")))

static DevicePointer toDevice(void *pointer) {
  return reinterpret_cast<DevicePointer>(pointer);
}

/// What a driver without an entry point would say.
static constexpr Result kNotSupported = 801;

static void *toOption(uintptr_t value) {
  return reinterpret_cast<void *>(value);
}

//===----------------------------------------------------------------------===//
// Modules and kernels
//===----------------------------------------------------------------------===//

/// Loads a cubin or, through the driver's compiler, PTX. On failure the message
/// has that compiler's log, which says e.g. that the PTX is newer than the
/// driver. `options` and `values` have room for two more.
static Module loadModule(const void *data, int *options, void **values,
                         unsigned numOptions) {
  char log[4096] = "";
  options[numOptions] = kJitErrorLogBuffer;
  values[numOptions++] = log;
  options[numOptions] = kJitErrorLogBufferSizeBytes;
  values[numOptions++] = toOption(sizeof(log));
  Module module = nullptr;
  const Driver &d = driver();
  Result result =
      d.moduleLoadDataEx(&module, data, numOptions, options, values);
  if (result != 0) {
    int version = 0;
    d.driverGetVersion(&version);
    std::fprintf(stderr, "vnm: the driver supports CUDA %d.%d\n",
                 version / 1000, version % 1000 / 10);
  }
  check(result, "loading GPU code", log);
  return module;
}

VNM_RUNTIME_EXPORT Module mgpuModuleLoad(void *data, size_t) {
  int options[2];
  void *values[2];
  return loadModule(data, options, values, 0);
}

VNM_RUNTIME_EXPORT Module mgpuModuleLoadJIT(void *data, int optLevel, size_t) {
  int options[3] = {kJitOptimizationLevel};
  void *values[3] = {toOption(optLevel)};
  return loadModule(data, options, values, 1);
}

/// Modules unload when their code does, which at the end of a process may be
/// after the driver has shut down and freed them itself.
VNM_RUNTIME_EXPORT void mgpuModuleUnload(Module module) {
  constexpr Result kDeinitialized = 4;
  Result result = driver().moduleUnload(module);
  if (result != kDeinitialized)
    check(result, "cuModuleUnload");
}

VNM_RUNTIME_EXPORT Function mgpuModuleGetFunction(Module module,
                                                  const char *name) {
  Function function = nullptr;
  check(driver().moduleGetFunction(&function, module, name), name);
  return function;
}

/// More than 48 KiB of dynamic shared memory must be asked for.
static void allowSharedMemory(Function function, int32_t bytes) {
  constexpr int32_t kDefaultLimit = 48 << 10;
  if (bytes > kDefaultLimit)
    check(driver().functionSetAttribute(function, kMaxDynamicSharedSizeBytes,
                                        bytes),
          "cuFuncSetAttribute");
}

VNM_RUNTIME_EXPORT void
mgpuLaunchKernel(Function function, intptr_t gridX, intptr_t gridY,
                 intptr_t gridZ, intptr_t blockX, intptr_t blockY,
                 intptr_t blockZ, int32_t sharedMemoryBytes, Stream stream,
                 void **parameters, void **extra, size_t) {
  allowSharedMemory(function, sharedMemoryBytes);
  check(driver().launchKernel(function, gridX, gridY, gridZ, blockX, blockY,
                              blockZ, sharedMemoryBytes, stream, parameters,
                              extra),
        "cuLaunchKernel");
}

VNM_RUNTIME_EXPORT void mgpuLaunchClusterKernel(
    Function function, intptr_t clusterX, intptr_t clusterY, intptr_t clusterZ,
    intptr_t gridX, intptr_t gridY, intptr_t gridZ, intptr_t blockX,
    intptr_t blockY, intptr_t blockZ, int32_t sharedMemoryBytes, Stream stream,
    void **parameters, void **extra, size_t) {
  allowSharedMemory(function, sharedMemoryBytes);
  auto extent = [](intptr_t value) { return static_cast<unsigned>(value); };
  LaunchAttribute attribute = {};
  attribute.id = kLaunchAttributeClusterDimension;
  attribute.value.clusterDimension = {extent(clusterX), extent(clusterY),
                                      extent(clusterZ)};
  LaunchConfig config = {};
  config.gridX = extent(gridX);
  config.gridY = extent(gridY);
  config.gridZ = extent(gridZ);
  config.blockX = extent(blockX);
  config.blockY = extent(blockY);
  config.blockZ = extent(blockZ);
  config.sharedMemoryBytes = sharedMemoryBytes;
  config.stream = stream;
  config.attributes = &attribute;
  config.numAttributes = 1;
  const Driver &d = driver();
  check(d.launchKernelEx
            ? d.launchKernelEx(&config, function, parameters, extra)
            : kNotSupported,
        "cuLaunchKernelEx");
}

//===----------------------------------------------------------------------===//
// Streams and events
//===----------------------------------------------------------------------===//

VNM_RUNTIME_EXPORT Stream mgpuStreamCreate() {
  Stream stream = nullptr;
  check(driver().streamCreate(&stream, kStreamNonBlocking), "cuStreamCreate");
  return stream;
}

VNM_RUNTIME_EXPORT void mgpuStreamDestroy(Stream stream) {
  check(driver().streamDestroy(stream), "cuStreamDestroy");
}

VNM_RUNTIME_EXPORT void mgpuStreamSynchronize(Stream stream) {
  check(driver().streamSynchronize(stream), "cuStreamSynchronize");
}

VNM_RUNTIME_EXPORT void mgpuStreamWaitEvent(Stream stream, Event event) {
  check(driver().streamWaitEvent(stream, event, 0), "cuStreamWaitEvent");
}

VNM_RUNTIME_EXPORT Event mgpuEventCreate() {
  Event event = nullptr;
  check(driver().eventCreate(&event, kEventDisableTiming), "cuEventCreate");
  return event;
}

VNM_RUNTIME_EXPORT void mgpuEventDestroy(Event event) {
  check(driver().eventDestroy(event), "cuEventDestroy");
}

VNM_RUNTIME_EXPORT void mgpuEventSynchronize(Event event) {
  check(driver().eventSynchronize(event), "cuEventSynchronize");
}

VNM_RUNTIME_EXPORT void mgpuEventRecord(Event event, Stream stream) {
  check(driver().eventRecord(event, stream), "cuEventRecord");
}

//===----------------------------------------------------------------------===//
// Memory
//===----------------------------------------------------------------------===//

VNM_RUNTIME_EXPORT void *mgpuMemAlloc(uint64_t bytes, Stream,
                                      bool isHostShared) {
  // The driver refuses to allocate nothing.
  if (bytes == 0)
    return nullptr;
  DevicePointer pointer = 0;
  if (isHostShared)
    check(driver().memAllocManaged(&pointer, bytes, kMemAttachGlobal),
          "cuMemAllocManaged");
  else
    check(driver().memAlloc(&pointer, bytes), "cuMemAlloc");
  return reinterpret_cast<void *>(pointer);
}

VNM_RUNTIME_EXPORT void mgpuMemFree(void *pointer, Stream) {
  check(driver().memFree(toDevice(pointer)), "cuMemFree");
}

VNM_RUNTIME_EXPORT void mgpuMemcpy(void *to, void *from, size_t bytes,
                                   Stream stream) {
  if (bytes != 0)
    check(driver().memcpyAsync(toDevice(to), toDevice(from), bytes, stream),
          "cuMemcpyAsync");
}

VNM_RUNTIME_EXPORT void mgpuMemset32(void *pointer, unsigned value,
                                     size_t count, Stream stream) {
  check(driver().memsetD32Async(toDevice(pointer), value, count, stream),
        "cuMemsetD32Async");
}

VNM_RUNTIME_EXPORT void mgpuMemset16(void *pointer, unsigned short value,
                                     size_t count, Stream stream) {
  check(driver().memsetD16Async(toDevice(pointer), value, count, stream),
        "cuMemsetD16Async");
}

VNM_RUNTIME_EXPORT void mgpuMemHostRegister(void *pointer, uint64_t bytes) {
  check(driver().memHostRegister(pointer, bytes, 0), "cuMemHostRegister");
}

VNM_RUNTIME_EXPORT void mgpuMemHostUnregister(void *pointer) {
  check(driver().memHostUnregister(pointer), "cuMemHostUnregister");
}

namespace {
/// A memref's descriptor; `rank` sizes, then as many strides, follow.
struct MemRefDescriptor {
  char *allocated;
  char *aligned;
  int64_t offset;
  int64_t sizes[1];
};
} // namespace

/// `memref` must be contiguous; the product of its sizes is its length.
VNM_RUNTIME_EXPORT void
mgpuMemHostRegisterMemRef(int64_t rank, const MemRefDescriptor *memref,
                          int64_t elementBytes) {
  int64_t count = 1;
  for (int64_t dim = 0; dim < rank; ++dim)
    count *= memref->sizes[dim];
  mgpuMemHostRegister(memref->aligned + memref->offset * elementBytes,
                      count * elementBytes);
}

VNM_RUNTIME_EXPORT void
mgpuMemHostUnregisterMemRef(int64_t, const MemRefDescriptor *memref,
                            int64_t elementBytes) {
  mgpuMemHostUnregister(memref->aligned + memref->offset * elementBytes);
}

//===----------------------------------------------------------------------===//
// Tensor maps
//===----------------------------------------------------------------------===//

/// cuTensorMapEncodeTiled. `map` is 128 bytes on the host, aligned to 64.
VNM_RUNTIME_EXPORT void
mgpuTensorMapEncodeTiled(void *map, int type, uint32_t rank, void *address,
                         const uint64_t *sizes, const uint64_t *strides,
                         const uint32_t *box, const uint32_t *elementStrides,
                         int interleave, int swizzle, int l2Promotion,
                         int fill) {
  const Driver &d = driver();
  check(d.tensorMapEncodeTiled
            ? d.tensorMapEncodeTiled(map, type, rank, address, sizes, strides,
                                     box, elementStrides, interleave, swizzle,
                                     l2Promotion, fill)
            : kNotSupported,
        "cuTensorMapEncodeTiled");
}

//===----------------------------------------------------------------------===//
// Devices
//===----------------------------------------------------------------------===//

VNM_RUNTIME_EXPORT void mgpuSetDefaultDevice(int32_t device) {
  setDefaultDevice(device);
}
