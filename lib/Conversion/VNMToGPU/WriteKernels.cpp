// Part of the VNM project, under the Apache License v2.0 with LLVM Exceptions.
// See the file LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// This file implements the pass vnm-write-kernels.

#include "vnm/Conversion/VNMToGPU/VNMToGPU.h"

#include "KernelDescription.h"

#include "mlir/Dialect/LLVMIR/NVVMDialect.h"
#include "llvm/Support/FileSystem.h"
#include "llvm/Support/JSON.h"
#include "llvm/Support/Path.h"

namespace vnm {
#define GEN_PASS_DEF_WRITEKERNELS
#include "vnm/Conversion/Passes.h.inc"
} // namespace vnm

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

/// Writes `text` to `name` in `dir`; an error at `loc` if that fails.
static LogicalResult writeFile(Location loc, StringRef dir, StringRef name,
                               StringRef text) {
  SmallString<128> path(dir);
  llvm::sys::path::append(path, name);
  std::error_code error;
  llvm::raw_fd_ostream stream(path, error);
  if (!error) {
    stream << text;
    stream.close();
    error = stream.error();
    stream.clear_error();
  }
  if (!error)
    return success();
  return emitError(loc) << "requires a folder that can be written, but writing "
                        << path << " failed: " << error.message();
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

/// Writes the code of `binary` and adds its kernels to `kernels`.
static LogicalResult writeBinary(gpu::BinaryOp binary, StringRef dir,
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
  return writeFile(binary.getLoc(), dir, file, object->getObject().getValue());
}

namespace {
struct WriteKernels final : vnm::impl::WriteKernelsBase<WriteKernels> {
  using WriteKernelsBase::WriteKernelsBase;

  void runOnOperation() override {
    ModuleOp module = getOperation();
    Location loc = module.getLoc();
    if (dir.empty()) {
      emitError(loc, "requires dir to name a folder, but it is empty");
      return signalPassFailure();
    }
    if (module.getOps<gpu::BinaryOp>().empty()) {
      emitError(loc, "requires compiled kernels, but there is no gpu.binary; "
                     "run vnm-lower-to-nvvm first");
      return signalPassFailure();
    }
    if (std::error_code error = llvm::sys::fs::create_directories(dir)) {
      emitError(loc) << "requires a folder that can be written, but making "
                     << dir << " failed: " << error.message();
      return signalPassFailure();
    }
    json::Array kernels;
    for (gpu::BinaryOp binary : module.getOps<gpu::BinaryOp>())
      if (failed(writeBinary(binary, dir, kernels)))
        return signalPassFailure();
    json::Value manifest = json::Object{{"version", kManifestVersion},
                                        {"kernels", std::move(kernels)}};
    std::string text;
    llvm::raw_string_ostream(text) << llvm::formatv("{0:2}\n", manifest);
    if (failed(writeFile(loc, dir, "manifest.json", text)))
      signalPassFailure();
  }
};
} // namespace
