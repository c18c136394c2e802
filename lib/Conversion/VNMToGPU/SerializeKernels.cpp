// Part of the VNM project, under the Apache License v2.0 with LLVM Exceptions.
// See the file LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// This file implements the pass vnm-serialize-kernels.

#include "vnm/Conversion/VNMToGPU/VNMToGPU.h"

#include "KernelDescription.h"

#include "mlir/Dialect/GPU/IR/CompilationInterfaces.h"
#include "mlir/Dialect/GPU/Transforms/Passes.h"
#include "mlir/Interfaces/FunctionInterfaces.h"
#include "mlir/Target/LLVMIR/Dialect/GPU/GPUToLLVMIRTranslation.h"
#include "mlir/Target/LLVMIR/Dialect/LLVMIR/LLVMToLLVMIRTranslation.h"
#include "mlir/Target/LLVMIR/Dialect/NVVM/NVVMToLLVMIRTranslation.h"
#include "llvm/ADT/StringMap.h"
#include "llvm/Support/FileSystem.h"
#include "llvm/Support/Path.h"
#include "llvm/Support/Program.h"

namespace vnm {
#define GEN_PASS_DEF_SERIALIZEKERNELS
#include "vnm/Conversion/Passes.h.inc"
} // namespace vnm

using namespace mlir;
using namespace vnm;

static constexpr StringLiteral kDefaultToolkits[] = {"/usr/local/cuda",
                                                     "/opt/cuda"};

static bool hasAssembler(StringRef toolkit) {
  SmallString<128> path(toolkit);
  llvm::sys::path::append(path, "bin", "ptxas");
  return llvm::sys::fs::can_execute(path);
}

/// The toolkit to take ptxas from; empty for the one in PATH, which upstream
/// finds by itself.
static FailureOr<std::string> findToolkit(ModuleOp module, StringRef toolkit) {
  if (!toolkit.empty()) {
    if (hasAssembler(toolkit))
      return toolkit.str();
    return emitError(module.getLoc())
           << "requires NVIDIA's assembler in the toolkit to make a cubin, but "
           << toolkit << "/bin/ptxas cannot be run";
  }
  if (llvm::sys::findProgramByName("ptxas"))
    return std::string();
  for (StringRef candidate : kDefaultToolkits)
    if (hasAssembler(candidate))
      return candidate.str();
  InFlightDiagnostic diagnostic =
      emitError(module.getLoc())
      << "requires NVIDIA's assembler to make a cubin, but "
         "ptxas is neither in PATH";
  for (StringRef candidate : kDefaultToolkits)
    diagnostic << " nor in " << candidate << "/bin";
  return diagnostic << "; name a toolkit, or use format=isa";
}

/// The described kernels of every gpu.module, by its name.
static llvm::StringMap<SmallVector<gpu::KernelMetadataAttr>>
collectKernels(ModuleOp module) {
  llvm::StringMap<SmallVector<gpu::KernelMetadataAttr>> result;
  for (auto kernels : module.getOps<gpu::GPUModuleOp>()) {
    for (auto function : kernels.getOps<FunctionOpInterface>()) {
      Attribute description = function->getAttr(kKernelAttrName);
      if (!description)
        continue;
      NamedAttribute entry(
          StringAttr::get(module.getContext(), kKernelAttrName), description);
      result[kernels.getName()].push_back(gpu::KernelMetadataAttr::get(
          function.getNameAttr(), function.getFunctionType(),
          /*argAttrs=*/nullptr,
          DictionaryAttr::get(module.getContext(), entry)));
    }
  }
  return result;
}

/// Adds `kernels` to every object of `binary`.
static void attachKernels(gpu::BinaryOp binary,
                          ArrayRef<gpu::KernelMetadataAttr> kernels) {
  MLIRContext *context = binary.getContext();
  auto table = gpu::KernelTableAttr::get(context, kernels);
  SmallVector<Attribute> objects;
  for (Attribute attribute : binary.getObjects()) {
    auto object = cast<gpu::ObjectAttr>(attribute);
    objects.push_back(gpu::ObjectAttr::get(
        context, object.getTarget(), object.getFormat(), object.getObject(),
        object.getProperties(), table));
  }
  binary.setObjectsAttr(ArrayAttr::get(context, objects));
}

namespace {
struct SerializeKernels final
    : vnm::impl::SerializeKernelsBase<SerializeKernels> {
  using SerializeKernelsBase::SerializeKernelsBase;

  void getDependentDialects(DialectRegistry &registry) const override {
    SerializeKernelsBase::getDependentDialects(registry);
    registerGPUDialectTranslation(registry);
    registerLLVMDialectTranslation(registry);
    registerNVVMDialectTranslation(registry);
  }

  void runOnOperation() override {
    ModuleOp module = getOperation();
    if (format != "isa" && format != "bin") {
      emitError(module.getLoc())
          << "requires format to be isa or bin, but it is '" << format << "'";
      return signalPassFailure();
    }
    if (module.getOps<gpu::GPUModuleOp>().empty())
      return;
    bool toCubin = format == "bin";
    FailureOr<std::string> path = std::string(toolkit);
    if (toCubin)
      path = findToolkit(module, toolkit);
    if (failed(path))
      return signalPassFailure();
    gpu::TargetOptions options(*path, /*librariesToLink=*/{}, /*cmdOptions=*/"",
                               /*elfSection=*/"",
                               toCubin ? gpu::CompilationTarget::Binary
                                       : gpu::CompilationTarget::Assembly);
    auto kernels = collectKernels(module);
    if (failed(gpu::transformGpuModulesToBinaries(module, nullptr, options)))
      return signalPassFailure();
    for (auto binary : module.getOps<gpu::BinaryOp>())
      if (auto found = kernels.find(binary.getSymName());
          found != kernels.end())
        attachKernels(binary, found->second);
  }
};
} // namespace
