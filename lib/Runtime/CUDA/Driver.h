// Part of the VNM project, under the Apache License v2.0 with LLVM Exceptions.
// See the file LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// This file declares the part of the CUDA driver API that the runtime uses, and
// the table of its entry points. The types are the driver's ABI; no CUDA header
// is needed.

#ifndef VNM_LIB_RUNTIME_CUDA_DRIVER_H
#define VNM_LIB_RUNTIME_CUDA_DRIVER_H

#include <cstddef>
#include <cstdint>
#include <string>

namespace vnm::cuda {

using Device = int;
using DevicePointer = unsigned long long;
using Result = int; ///< CUresult; 0 is success.
using Context = struct CUctx_st *;
using Module = struct CUmod_st *;
using Function = struct CUfunc_st *;
using Stream = struct CUstream_st *;
using Event = struct CUevent_st *;

/// CUjit_option
enum JitOption : int {
  kJitErrorLogBuffer = 5,
  kJitErrorLogBufferSizeBytes = 6,
  kJitOptimizationLevel = 7
};

/// CUfunction_attribute
inline constexpr int kMaxDynamicSharedSizeBytes = 8;
/// CUtensorMapDataType, CUtensorMapSwizzle, CUtensorMapL2promotion
inline constexpr int kTensorMapF16 = 6, kTensorMapBF16 = 9;
inline constexpr int kTensorMapSwizzle128B = 3;
inline constexpr int kTensorMapL2Promotion256B = 3;
inline constexpr unsigned kMemAttachGlobal = 1;
inline constexpr unsigned kEventDisableTiming = 2;
inline constexpr unsigned kStreamNonBlocking = 1;

/// CUlaunchAttribute: an id and 64 bytes of value.
struct LaunchAttribute {
  int id;
  char padding[8 - sizeof(int)];
  union {
    char bytes[64];
    struct {
      unsigned x, y, z;
    } clusterDimension;
    int programmaticStreamSerialization; ///< Whether it is allowed.
  } value;
};
inline constexpr int kLaunchAttributeClusterDimension = 4;
inline constexpr int kLaunchAttributeProgrammaticStreamSerialization = 6;

/// CUlaunchConfig
struct LaunchConfig {
  unsigned gridX, gridY, gridZ;
  unsigned blockX, blockY, blockZ;
  unsigned sharedMemoryBytes;
  Stream stream;
  LaunchAttribute *attributes;
  unsigned numAttributes;
};

/// X(member, symbol, parameters) for every entry point used.
#define VNM_CUDA_ENTRY_POINTS(X)                                               \
  X(init, "cuInit", (unsigned))                                                \
  X(getErrorName, "cuGetErrorName", (Result, const char **))                   \
  X(getErrorString, "cuGetErrorString", (Result, const char **))               \
  X(driverGetVersion, "cuDriverGetVersion", (int *))                           \
  X(deviceGet, "cuDeviceGet", (Device *, int))                                 \
  X(primaryContextRetain, "cuDevicePrimaryCtxRetain", (Context *, Device))     \
  X(contextGetCurrent, "cuCtxGetCurrent", (Context *))                         \
  X(contextSetCurrent, "cuCtxSetCurrent", (Context))                           \
  X(moduleLoadDataEx, "cuModuleLoadDataEx",                                    \
    (Module *, const void *, unsigned, int *, void **))                        \
  X(moduleUnload, "cuModuleUnload", (Module))                                  \
  X(moduleGetFunction, "cuModuleGetFunction",                                  \
    (Function *, Module, const char *))                                        \
  X(functionSetAttribute, "cuFuncSetAttribute", (Function, int, int))          \
  X(launchKernel, "cuLaunchKernel",                                            \
    (Function, unsigned, unsigned, unsigned, unsigned, unsigned, unsigned,     \
     unsigned, Stream, void **, void **))                                      \
  X(streamCreate, "cuStreamCreate", (Stream *, unsigned))                      \
  X(streamDestroy, "cuStreamDestroy_v2", (Stream))                             \
  X(streamSynchronize, "cuStreamSynchronize", (Stream))                        \
  X(streamWaitEvent, "cuStreamWaitEvent", (Stream, Event, unsigned))           \
  X(eventCreate, "cuEventCreate", (Event *, unsigned))                         \
  X(eventDestroy, "cuEventDestroy_v2", (Event))                                \
  X(eventSynchronize, "cuEventSynchronize", (Event))                           \
  X(eventRecord, "cuEventRecord", (Event, Stream))                             \
  X(memAlloc, "cuMemAlloc_v2", (DevicePointer *, size_t))                      \
  X(memAllocManaged, "cuMemAllocManaged", (DevicePointer *, size_t, unsigned)) \
  X(memFree, "cuMemFree_v2", (DevicePointer))                                  \
  X(memcpyAsync, "cuMemcpyAsync",                                              \
    (DevicePointer, DevicePointer, size_t, Stream))                            \
  X(memsetD16Async, "cuMemsetD16Async",                                        \
    (DevicePointer, unsigned short, size_t, Stream))                           \
  X(memsetD32Async, "cuMemsetD32Async",                                        \
    (DevicePointer, unsigned, size_t, Stream))                                 \
  X(memHostRegister, "cuMemHostRegister_v2", (void *, size_t, unsigned))       \
  X(memHostUnregister, "cuMemHostUnregister", (void *))

/// The entry points, all resolved.
struct Driver {
  // NOLINTBEGIN(bugprone-macro-parentheses): declarators take no parentheses.
#define VNM_CUDA_MEMBER(member, symbol, parameters) Result(*member) parameters;
  VNM_CUDA_ENTRY_POINTS(VNM_CUDA_MEMBER)
#undef VNM_CUDA_MEMBER
  // NOLINTEND(bugprone-macro-parentheses)
  /// cuTensorMapEncodeTiled; null on drivers before 12.0. Map, data type, rank,
  /// address, sizes, strides in bytes, box, element strides, interleave,
  /// swizzle, L2 promotion, fill.
  Result (*tensorMapEncodeTiled)(void *, int, uint32_t, void *,
                                 const uint64_t *, const uint64_t *,
                                 const uint32_t *, const uint32_t *, int, int,
                                 int, int);
  /// cuLaunchKernelEx; null on drivers before 11.8.
  Result (*launchKernelEx)(const LaunchConfig *, Function, void **, void **);
};

/// The driver, loaded on first use but not initialised; null without one, and
/// then `message` says what is missing.
const Driver *findDriver(std::string &message);

/// The driver, loaded and initialised on first use, with the primary context of
/// the default device current on this thread. Without a driver or a device,
/// says so and ends the process with status 1.
const Driver &driver();

/// Makes device `ordinal` the one that threads use from now on.
void setDefaultDevice(int ordinal);

/// Ends the process with status 1 unless `result` is success, after a message
/// that names `what`, the driver's error and, if not empty, `log`.
void check(Result result, const char *what, const char *log = "");

} // namespace vnm::cuda

#endif // VNM_LIB_RUNTIME_CUDA_DRIVER_H
