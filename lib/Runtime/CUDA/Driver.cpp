// Part of the VNM project, under the Apache License v2.0 with LLVM Exceptions.
// See the file LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// This file loads the CUDA driver.

#include "Driver.h"

#include <atomic>
#include <cstdio>
#include <cstdlib>
#include <dlfcn.h>
#include <mutex>

using namespace vnm::cuda;

static constexpr const char *kLibrary = "libcuda.so.1";
static constexpr int kMaxDevices = 64;

static std::atomic<int> defaultDevice{0};
static std::mutex contextsMutex;
static Context contexts[kMaxDevices];

/// Ends the process at once: destructors of loaded code would call the driver
/// again.
[[noreturn]] static void quit() {
  std::fflush(nullptr);
  std::_Exit(1);
}

namespace {
/// What loading the driver came to.
struct LoadedDriver {
  Driver driver = {};
  std::string error; ///< Empty on success.
};
} // namespace

static LoadedDriver loadDriver() {
  LoadedDriver result;
  void *library = dlopen(kLibrary, RTLD_NOW | RTLD_GLOBAL);
  if (!library) {
    result.error = std::string("requires an NVIDIA driver to run on a GPU, "
                               "but ") +
                   kLibrary + " cannot be loaded: " + dlerror();
    return result;
  }
  auto resolve = [&](const char *symbol) {
    void *address = dlsym(library, symbol);
    if (!address && result.error.empty())
      result.error = std::string("requires a CUDA driver that has ") + symbol +
                     ", but " + kLibrary + " has not: update the NVIDIA driver";
    return address;
  };
  // NOLINTBEGIN(bugprone-macro-parentheses): declarators take no parentheses.
#define VNM_CUDA_RESOLVE(member, symbol, parameters)                           \
  result.driver.member =                                                       \
      reinterpret_cast<Result(*) parameters>(resolve(symbol));
  VNM_CUDA_ENTRY_POINTS(VNM_CUDA_RESOLVE)
#undef VNM_CUDA_RESOLVE
  // NOLINTEND(bugprone-macro-parentheses)
  result.driver.launchKernelEx =
      reinterpret_cast<decltype(result.driver.launchKernelEx)>(
          dlsym(library, "cuLaunchKernelEx"));
  result.driver.tensorMapEncodeTiled =
      reinterpret_cast<decltype(result.driver.tensorMapEncodeTiled)>(
          dlsym(library, "cuTensorMapEncodeTiled"));
  return result;
}

const Driver *vnm::cuda::findDriver(std::string &message) {
  static const LoadedDriver loaded = loadDriver();
  message = loaded.error;
  return loaded.error.empty() ? &loaded.driver : nullptr;
}

static const Driver &table() {
  std::string message;
  if (const Driver *driver = findDriver(message))
    return *driver;
  std::fprintf(stderr, "vnm: %s\n", message.c_str());
  quit();
}

/// The primary context of a device, retained for the life of the process.
static Context primaryContext(int ordinal) {
  std::lock_guard<std::mutex> lock(contextsMutex);
  if (ordinal < 0 || ordinal >= kMaxDevices) {
    std::fprintf(stderr,
                 "vnm: requires a device number below %d, but it is %d\n",
                 kMaxDevices, ordinal);
    quit();
  }
  if (!contexts[ordinal]) {
    check(table().init(0), "cuInit");
    Device device;
    check(table().deviceGet(&device, ordinal), "cuDeviceGet");
    check(table().primaryContextRetain(&contexts[ordinal], device),
          "cuDevicePrimaryCtxRetain");
  }
  return contexts[ordinal];
}

const Driver &vnm::cuda::driver() {
  thread_local int current = -1;
  int wanted = defaultDevice.load();
  if (current != wanted) {
    check(table().contextSetCurrent(primaryContext(wanted)), "cuCtxSetCurrent");
    current = wanted;
  }
  return table();
}

void vnm::cuda::setDefaultDevice(int ordinal) { defaultDevice = ordinal; }

void vnm::cuda::check(Result result, const char *what, const char *log) {
  if (result == 0)
    return;
  const char *name = nullptr;
  const char *text = nullptr;
  table().getErrorName(result, &name);
  table().getErrorString(result, &text);
  std::fprintf(stderr, "vnm: %s failed: %s (%s)\n", what,
               name ? name : "unknown error", text ? text : "no description");
  if (*log)
    std::fprintf(stderr, "%s\n", log);
  quit();
}
