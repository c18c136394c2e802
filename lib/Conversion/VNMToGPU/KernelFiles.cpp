// Part of the VNM project, under the Apache License v2.0 with LLVM Exceptions.
// See the file LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// This file implements the manifest of compiled kernels.

#include "vnm/Conversion/VNMToGPU/KernelFiles.h"

#include "KernelDescription.h"

#include "mlir/Dialect/GPU/IR/GPUDialect.h"
#include "mlir/Dialect/LLVMIR/NVVMDialect.h"
#include "llvm/Support/FormatVariadic.h"
#include "llvm/Support/JSON.h"

using namespace mlir;
using namespace vnm;
namespace json = llvm::json;

static constexpr int64_t kManifestVersion = 1;

/// A description holds dictionaries, arrays, strings, integers and booleans.
static json::Value toJSON(Attribute attribute) {
  if (auto dictionary = dyn_cast<DictionaryAttr>(attribute)) {
    json::Object object;
    for (NamedAttribute entry : dictionary)
      object[entry.getName().str()] = toJSON(entry.getValue());
    return object;
  }
  if (auto array = dyn_cast<ArrayAttr>(attribute)) {
    json::Array values;
    for (Attribute element : array)
      values.push_back(toJSON(element));
    return values;
  }
  if (auto boolean = dyn_cast<BoolAttr>(attribute))
    return boolean.getValue();
  if (auto integer = dyn_cast<IntegerAttr>(attribute))
    return integer.getInt();
  return cast<StringAttr>(attribute).str();
}

/// The one object of a binary, if it is PTX or a cubin with described kernels.
static FailureOr<gpu::ObjectAttr> getObject(gpu::BinaryOp binary) {
  if (binary.getObjects().size() != 1)
    return binary.emitOpError() << "requires one object, but there are "
                                << binary.getObjects().size();
  auto object = dyn_cast<gpu::ObjectAttr>(binary.getObjects()[0]);
  if (!object || (object.getFormat() != gpu::CompilationTarget::Assembly &&
                  object.getFormat() != gpu::CompilationTarget::Binary))
    return binary.emitOpError("requires PTX or a cubin, but the object is "
                              "neither; use format=isa or format=bin");
  if (!object.getKernels() || object.getKernels().empty())
    return binary.emitOpError("requires kernels of convert-vnm-to-gpu that "
                              "vnm-serialize-kernels compiled, but there is no "
                              "table of kernels");
  return object;
}

/// Adds the code of `binary` to `files` and its kernels to `kernels`.
static LogicalResult addBinary(gpu::BinaryOp binary, KernelFiles &files,
                               json::Array &kernels) {
  FailureOr<gpu::ObjectAttr> object = getObject(binary);
  if (failed(object))
    return failure();
  bool isCubin = object->getFormat() == gpu::CompilationTarget::Binary;
  StringRef format = isCubin ? "cubin" : "ptx";
  std::string file = (binary.getSymName() + "." + format).str();
  for (gpu::KernelMetadataAttr kernel : object->getKernels()) {
    auto description = kernel.getAttr<DictionaryAttr>(kKernelAttrName);
    if (!description)
      return binary.emitOpError()
             << "requires '" << kKernelAttrName << "' of every kernel, but "
             << kernel.getName() << " has none";
    json::Value entry = toJSON(description);
    json::Object &fields = *entry.getAsObject();
    fields["name"] = kernel.getName().str();
    fields["code"] = file;
    fields["format"] = format;
    if (auto target = dyn_cast<NVVM::NVVMTargetAttr>(object->getTarget()))
      fields["chip"] = target.getChip();
    kernels.push_back(std::move(entry));
  }
  files.code.push_back(
      {file, format.str(), object->getObject().getValue().str()});
  return success();
}

FailureOr<KernelFiles> vnm::getKernelFiles(ModuleOp module) {
  if (module.getOps<gpu::BinaryOp>().empty())
    return emitError(module.getLoc())
           << "requires compiled kernels, but there is no gpu.binary; run "
              "vnm-lower-to-nvvm first";
  KernelFiles files;
  json::Array kernels;
  for (gpu::BinaryOp binary : module.getOps<gpu::BinaryOp>())
    if (failed(addBinary(binary, files, kernels)))
      return failure();
  json::Value manifest = json::Object{{"version", kManifestVersion},
                                      {"kernels", std::move(kernels)}};
  llvm::raw_string_ostream(files.manifest)
      << llvm::formatv("{0:2}\n", manifest);
  return files;
}
