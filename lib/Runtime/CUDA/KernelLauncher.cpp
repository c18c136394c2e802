// Part of the VNM project, under the Apache License v2.0 with LLVM Exceptions.
// See the file LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// This file launches kernels of a manifest over the CUDA driver.

#include "vnm/Runtime/KernelLauncher.h"

#include "Driver.h"

#include "llvm/ADT/SmallString.h"
#include "llvm/ADT/Twine.h"
#include "llvm/Support/MemoryBuffer.h"
#include "llvm/Support/Path.h"
#include <cstring>

using namespace vnm::runtime;
using namespace vnm::cuda;
using llvm::Twine;

struct KernelLauncher::State {
  const Driver *driver = nullptr;
  std::vector<KernelEntry> kernels;
  /// Code of each file of the manifest.
  llvm::StringMap<Module> modules;
  /// Function of each kernel.
  std::vector<Function> functions;

  ~State() {
    // At the end of a process the driver may have freed them itself; there is
    // nobody to tell.
    for (auto &module : modules)
      driver->moduleUnload(module.second);
  }
};

static llvm::Error makeError(const Twine &message) {
  return llvm::createStringError(llvm::inconvertibleErrorCode(), message);
}

/// An error that says what failed, unless `result` is success.
static llvm::Error toError(const Driver &driver, Result result,
                           const Twine &what, llvm::StringRef log = "") {
  if (result == 0)
    return llvm::Error::success();
  const char *text = nullptr;
  driver.getErrorString(result, &text);
  return makeError(what + " failed: " + (text ? text : "unknown error") +
                   (log.empty() ? "" : "\n") + log);
}

static llvm::Expected<std::unique_ptr<llvm::MemoryBuffer>>
readFile(llvm::StringRef folder, llvm::StringRef name) {
  llvm::SmallString<128> path(folder);
  llvm::sys::path::append(path, name);
  // A byte of 0 follows the contents, which ends PTX for the driver.
  auto buffer = llvm::MemoryBuffer::getFile(path);
  if (!buffer)
    return makeError("requires " + path +
                     " to be readable, but: " + buffer.getError().message());
  return std::move(*buffer);
}

static llvm::Expected<Module> loadCode(const Driver &driver,
                                       llvm::StringRef folder,
                                       const std::string &name) {
  auto code = readFile(folder, name);
  if (!code)
    return code.takeError();
  char log[4096] = "";
  int options[] = {kJitErrorLogBuffer, kJitErrorLogBufferSizeBytes};
  void *values[] = {log, reinterpret_cast<void *>(sizeof(log))};
  Module module = nullptr;
  Result result = driver.moduleLoadDataEx(&module, (*code)->getBufferStart(),
                                          std::size(options), options, values);
  if (llvm::Error error = toError(driver, result, "loading " + name, log))
    return std::move(error);
  return module;
}

/// Makes a context current if none is.
static llvm::Error ensureContext(const Driver &driver) {
  Context current = nullptr;
  if (llvm::Error error =
          toError(driver, driver.init(0), "initialising the CUDA driver"))
    return error;
  if (llvm::Error error = toError(driver, driver.contextGetCurrent(&current),
                                  "cuCtxGetCurrent"))
    return error;
  if (current)
    return llvm::Error::success();
  Device device = 0;
  if (llvm::Error error =
          toError(driver, driver.deviceGet(&device, 0), "cuDeviceGet"))
    return error;
  if (llvm::Error error =
          toError(driver, driver.primaryContextRetain(&current, device),
                  "cuDevicePrimaryCtxRetain"))
    return error;
  return toError(driver, driver.contextSetCurrent(current), "cuCtxSetCurrent");
}

static llvm::Expected<Function>
findFunction(const Driver &driver, Module module, const KernelEntry &kernel) {
  Function function = nullptr;
  if (llvm::Error error = toError(
          driver,
          driver.moduleGetFunction(&function, module, kernel.name.c_str()),
          "looking up kernel " + kernel.name))
    return std::move(error);
  Result result =
      driver.functionSetAttribute(function, kMaxDynamicSharedSizeBytes,
                                  static_cast<int>(kernel.sharedMemory));
  if (llvm::Error error =
          toError(driver, result,
                  "allowing " + Twine(kernel.sharedMemory) +
                      " bytes of shared memory for " + kernel.name))
    return std::move(error);
  return function;
}

KernelLauncher::KernelLauncher(std::unique_ptr<State> state)
    : state(std::move(state)) {}
KernelLauncher::KernelLauncher(KernelLauncher &&) noexcept = default;
KernelLauncher &KernelLauncher::operator=(KernelLauncher &&) noexcept = default;
KernelLauncher::~KernelLauncher() = default;

const std::vector<KernelEntry> &KernelLauncher::getKernels() const {
  return state->kernels;
}

llvm::Expected<KernelLauncher> KernelLauncher::load(llvm::StringRef folder) {
  auto text = readFile(folder, "manifest.json");
  if (!text)
    return text.takeError();
  auto kernels = parseManifest((*text)->getBuffer());
  if (!kernels)
    return kernels.takeError();
  std::string message;
  auto state = std::make_unique<State>();
  state->driver = findDriver(message);
  if (!state->driver)
    return makeError(message);
  const Driver &driver = *state->driver;
  if (llvm::Error error = ensureContext(driver))
    return std::move(error);
  state->kernels = std::move(*kernels);
  for (const KernelEntry &kernel : state->kernels) {
    if (!state->modules.contains(kernel.code)) {
      auto module = loadCode(driver, folder, kernel.code);
      if (!module)
        return module.takeError();
      state->modules[kernel.code] = *module;
    }
    auto function = findFunction(driver, state->modules[kernel.code], kernel);
    if (!function)
      return function.takeError();
    state->functions.push_back(*function);
  }
  return KernelLauncher(std::move(state));
}

/// Encodes the map of the array at `pointer` in `words`, of which there are 16.
static llvm::Error encodeMap(const Driver &driver,
                             const KernelArgument &argument, uint64_t pointer,
                             uint64_t *words) {
  if (!driver.tensorMapEncodeTiled)
    return makeError("requires a CUDA driver that has cuTensorMapEncodeTiled: "
                     "update the NVIDIA driver");
  const KernelTensorMap &map = argument.map;
  std::vector<uint64_t> sizes(map.sizes.begin(), map.sizes.end());
  std::vector<uint64_t> strides(map.strides.begin(), map.strides.end());
  std::vector<uint32_t> box(map.box.begin(), map.box.end());
  std::vector<uint32_t> elementStrides(sizes.size(), 1);
  alignas(64) char encoded[128];
  Result result = driver.tensorMapEncodeTiled(
      encoded, argument.type == "bf16" ? kTensorMapBF16 : kTensorMapF16,
      static_cast<uint32_t>(sizes.size()), reinterpret_cast<void *>(pointer),
      sizes.data(), strides.data(), box.data(), elementStrides.data(),
      /*interleave=*/0, kTensorMapSwizzle128B, kTensorMapL2Promotion256B,
      /*fill=*/0);
  std::memcpy(words, encoded, sizeof(encoded));
  return toError(driver, result, "encoding tensor map " + argument.name);
}

/// The addresses of the parameters whose words are `words`; encodes maps.
static llvm::Expected<std::vector<void *>>
getParameters(const Driver &driver, const KernelEntry &kernel,
              const KernelBuffers &buffers, std::vector<uint64_t> &words) {
  std::vector<void *> parameters;
  uint64_t *next = words.data();
  for (const KernelArgument &argument : kernel.arguments) {
    if (argument.kind == KernelArgument::Kind::TensorMap)
      if (llvm::Error error = encodeMap(
              driver, argument,
              buffers.find(argument.map.buffer)->second.pointer, next))
        return std::move(error);
    for (size_t i = 0; i < argument.getNumParameters(); ++i)
      parameters.push_back(next + i);
    next += argument.getNumWords();
  }
  return parameters;
}

llvm::Error KernelLauncher::launch(size_t index, const KernelBuffers &buffers,
                                   const KernelSizes &sizes, void *stream,
                                   bool overlap) const {
  const KernelEntry &kernel = state->kernels[index];
  const Driver &driver = *state->driver;
  auto blocks = kernel.numBlocks(sizes);
  if (!blocks)
    return blocks.takeError();
  auto words = kernel.packParameters(buffers, sizes);
  if (!words)
    return words.takeError();
  if (*blocks == 0)
    return llvm::Error::success();
  auto parameters = getParameters(driver, kernel, buffers, *words);
  if (!parameters)
    return parameters.takeError();
  LaunchConfig config = {static_cast<unsigned>(*blocks),
                         1,
                         1,
                         static_cast<unsigned>(kernel.threads),
                         1,
                         1,
                         static_cast<unsigned>(kernel.sharedMemory),
                         static_cast<Stream>(stream),
                         /*attributes=*/nullptr,
                         /*numAttributes=*/0};
  Result result = 0;
  // Drivers that cannot overlap kernels run them one after the other.
  if (overlap && kernel.dependentLaunch && driver.launchKernelEx) {
    LaunchAttribute attribute = {};
    attribute.id = kLaunchAttributeProgrammaticStreamSerialization;
    attribute.value.programmaticStreamSerialization = 1;
    config.attributes = &attribute;
    config.numAttributes = 1;
    result = driver.launchKernelEx(&config, state->functions[index],
                                   parameters->data(), /*extra=*/nullptr);
  } else {
    result = driver.launchKernel(state->functions[index], config.gridX, 1, 1,
                                 config.blockX, 1, 1, config.sharedMemoryBytes,
                                 config.stream, parameters->data(),
                                 /*extra=*/nullptr);
  }
  return toError(driver, result, "launching " + kernel.name);
}
