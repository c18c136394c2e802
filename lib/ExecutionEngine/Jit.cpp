// Part of the VNM project, under the Apache License v2.0 with LLVM Exceptions.
// See the file LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// This file implements the in-process compilation of lowered modules.

#include "Jit.h"

#include "mlir/ExecutionEngine/OptUtils.h"
#include "mlir/IR/Diagnostics.h"
#include "llvm/ExecutionEngine/Orc/JITTargetMachineBuilder.h"
#include "llvm/Support/DynamicLibrary.h"
#include "llvm/Support/FileSystem.h"
#include "llvm/Support/Path.h"
#include "llvm/Support/TargetSelect.h"
#include "llvm/Target/TargetMachine.h"

using namespace mlir;
using namespace vnm;

/// Whether a CUDA driver is there and sees a device; emits an error if not.
static LogicalResult checkCudaDriver(Location loc) {
  std::string message;
  auto driver =
      llvm::sys::DynamicLibrary::getPermanentLibrary("libcuda.so.1", &message);
  if (!driver.isValid())
    return emitError(loc) << "requires a CUDA driver for --target=cuda, but "
                          << message;
  auto init =
      reinterpret_cast<int (*)(unsigned)>(driver.getAddressOfSymbol("cuInit"));
  auto count = reinterpret_cast<int (*)(int *)>(
      driver.getAddressOfSymbol("cuDeviceGetCount"));
  int status = init ? init(0) : -1, devices = 0;
  if (status == 0)
    status = count ? count(&devices) : -1;
  if (status != 0)
    return emitError(loc) << "requires a CUDA driver that initialises for "
                             "--target=cuda, but it returned error "
                          << status;
  if (devices == 0)
    return emitError(loc)
           << "requires a CUDA device for --target=cuda, but there is none";
  return success();
}

/// Loads the library `name` of this project; `isRequired` says whether its
/// absence is an error.
static LogicalResult loadOwnLibrary(Location loc, StringRef dir, StringRef name,
                                    bool isRequired) {
  SmallString<128> path(dir);
  llvm::sys::path::append(path, name);
  if (!isRequired && !llvm::sys::fs::exists(path))
    return success();
  std::string message;
  if (llvm::sys::DynamicLibrary::LoadLibraryPermanently(path.c_str(), &message))
    return emitError(loc) << "requires the runtime library " << name
                          << ", but it cannot be loaded: " << message;
  return success();
}

/// Passes the settings on to the emulator, which is loaded.
static LogicalResult configureEmulator(Location loc,
                                       const RunnerOptions &options) {
  using Configure = int (*)(const char *, const char *, char *, size_t);
  auto configure = reinterpret_cast<Configure>(
      llvm::sys::DynamicLibrary::SearchForAddressOfSymbol(
          "vnm_emulator_configure"));
  if (!configure)
    return emitError(loc) << "requires vnm_emulator_configure in the runtime "
                             "library of the emulator, but it is not there";
  auto orNull = [](const std::string &text) {
    return text.empty() ? nullptr : text.c_str();
  };
  char message[512];
  if (configure(orNull(options.emulationOrder),
                orNull(options.emulationChecks), message, sizeof(message)))
    return emitError(loc) << message;
  return success();
}

LogicalResult vnm::loadRuntimeLibraries(Location loc,
                                        const RunnerOptions &options) {
  bool isCuda = options.target == RunnerOptions::Target::CUDA;
  if (isCuda && failed(checkCudaDriver(loc)))
    return failure();
  if (failed(loadOwnLibrary(loc, options.libraryDir, "libvnm_runtime.so",
                            /*isRequired=*/false)) ||
      (isCuda &&
       failed(loadOwnLibrary(loc, options.libraryDir, "libvnm_cuda_runtime.so",
                             /*isRequired=*/true))))
    return failure();
  bool isEmulation = options.target == RunnerOptions::Target::Emulation;
  if (isEmulation &&
      (failed(loadOwnLibrary(loc, options.libraryDir, "libvnm_emulator.so",
                             /*isRequired=*/true)) ||
       failed(configureEmulator(loc, options))))
    return failure();
  // Code without parallel loops runs without it, so its absence is no error
  // here: the compiler names the missing symbols.
  std::string ignored;
  if (llvm::sys::DynamicLibrary::LoadLibraryPermanently("libomp.so.5",
                                                        &ignored))
    llvm::sys::DynamicLibrary::LoadLibraryPermanently(VNM_OPENMP_LIBRARY,
                                                      &ignored);
  return success();
}

FailureOr<std::unique_ptr<ExecutionEngine>> vnm::compile(ModuleOp module,
                                                         bool keepObject) {
  llvm::InitializeNativeTarget();
  llvm::InitializeNativeTargetAsmParser();
  llvm::InitializeNativeTargetAsmPrinter();
  auto fail = [&](llvm::Error error) {
    return module.emitError()
           << "cannot compile the module: " << llvm::toString(std::move(error));
  };
  auto builder = llvm::orc::JITTargetMachineBuilder::detectHost();
  if (!builder)
    return fail(builder.takeError());
  auto machine = builder->createTargetMachine();
  if (!machine)
    return fail(machine.takeError());

  ExecutionEngineOptions options;
  auto transformer = makeOptimizingTransformer(
      /*optLevel=*/3, /*sizeLevel=*/0, machine->get());
  options.transformer = transformer;
  options.jitCodeGenOptLevel = llvm::CodeGenOptLevel::Aggressive;
  options.enableObjectDump = keepObject;
  options.enableGDBNotificationListener = false;
  options.enablePerfNotificationListener = false;
  auto engine = ExecutionEngine::create(module, options, std::move(*machine));
  if (!engine)
    return fail(engine.takeError());
  return std::move(*engine);
}
