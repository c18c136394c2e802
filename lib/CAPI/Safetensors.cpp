// Part of the VNM project, under the Apache License v2.0 with LLVM Exceptions.
// See the file LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// This file implements safetensors files of the C interface.

#include "vnm-c/Safetensors.h"
#include "Storage.h"
#include "vnm/Sparsity/Safetensors.h"

using namespace vnm::capi;
using vnm::sparsity::SafetensorsEntry;
using vnm::sparsity::SafetensorsFile;
using vnm::sparsity::SafetensorsWriter;

namespace {
/// An open file and what makes its maps accessible by index.
struct OpenFile {
  explicit OpenFile(SafetensorsFile opened)
      : file(std::move(opened)), storages(file.storageNames()) {
    for (const auto &entry : file.tensors())
      tensors.push_back(&entry);
    for (const auto &entry : file.metadata())
      metadata.push_back(&entry);
  }
  OpenFile(const OpenFile &) = delete;
  OpenFile &operator=(const OpenFile &) = delete;

  SafetensorsFile file;
  std::vector<const std::pair<const std::string, SafetensorsEntry> *> tensors;
  std::vector<const std::pair<const std::string, std::string> *> metadata;
  std::vector<std::string> storages;
};
} // namespace

namespace vnm::capi {
template <>
struct HandleTraits<VnmSafetensorsFile> {
  using Object = OpenFile;
};
template <>
struct HandleTraits<VnmSafetensorsWriter> {
  using Object = SafetensorsWriter;
};
} // namespace vnm::capi

static VnmSafetensorsTensor describe(const std::string &name,
                                     const SafetensorsEntry &entry) {
  return {wrap(llvm::StringRef(name)), wrap(llvm::StringRef(entry.dtype)),
          entry.shape.data(),          int64_t(entry.shape.size()),
          entry.data.data(),           int64_t(entry.data.size())};
}

extern "C" {

VnmError *vnmSafetensorsOpen(VnmString path, VnmSafetensorsFile **file) {
  if (VnmError *error = requirePointers({{"file", file}}))
    return error;
  return guard(VnmErrorKindInvalidFormat, [&]() -> llvm::Error {
    llvm::Expected<SafetensorsFile> opened =
        SafetensorsFile::open(unwrap(path));
    if (!opened)
      return opened.takeError();
    *file = wrap<VnmSafetensorsFile>(new OpenFile(std::move(*opened)));
    return llvm::Error::success();
  });
}

void vnmSafetensorsClose(VnmSafetensorsFile *file) { delete unwrap(file); }

int64_t vnmSafetensorsGetNumTensors(const VnmSafetensorsFile *file) {
  return file ? int64_t(unwrap(file)->tensors.size()) : 0;
}

VnmError *vnmSafetensorsGetTensor(const VnmSafetensorsFile *file, int64_t index,
                                  VnmSafetensorsTensor *tensor) {
  if (VnmError *error = requirePointers({{"file", file}, {"tensor", tensor}}))
    return error;
  return guard(VnmErrorKindInvalidArgument, [&]() -> llvm::Error {
    auto entry = elementAt(unwrap(file)->tensors, index);
    if (!entry)
      return entry.takeError();
    *tensor = describe((**entry)->first, (**entry)->second);
    return llvm::Error::success();
  });
}

VnmError *vnmSafetensorsFindTensor(const VnmSafetensorsFile *file,
                                   VnmString name,
                                   VnmSafetensorsTensor *tensor) {
  if (VnmError *error = requirePointers({{"file", file}, {"tensor", tensor}}))
    return error;
  return guard(VnmErrorKindInvalidArgument, [&]() -> llvm::Error {
    const auto &tensors = unwrap(file)->file.tensors();
    auto found = tensors.find(unwrap(name).str());
    if (found == tensors.end())
      return makeError("requires a tensor '" + unwrap(name) +
                       "', but there is none");
    *tensor = describe(found->first, found->second);
    return llvm::Error::success();
  });
}

int64_t vnmSafetensorsGetNumMetadata(const VnmSafetensorsFile *file) {
  return file ? int64_t(unwrap(file)->metadata.size()) : 0;
}

VnmError *vnmSafetensorsGetMetadata(const VnmSafetensorsFile *file,
                                    int64_t index, VnmString *key,
                                    VnmString *value) {
  if (VnmError *error =
          requirePointers({{"file", file}, {"key", key}, {"value", value}}))
    return error;
  return guard(VnmErrorKindInvalidArgument, [&]() -> llvm::Error {
    auto entry = elementAt(unwrap(file)->metadata, index);
    if (!entry)
      return entry.takeError();
    *key = wrap(llvm::StringRef((**entry)->first));
    *value = wrap(llvm::StringRef((**entry)->second));
    return llvm::Error::success();
  });
}

int64_t vnmSafetensorsGetNumStorages(const VnmSafetensorsFile *file) {
  return file ? int64_t(unwrap(file)->storages.size()) : 0;
}

VnmError *vnmSafetensorsGetStorageName(const VnmSafetensorsFile *file,
                                       int64_t index, VnmString *name) {
  if (VnmError *error = requirePointers({{"file", file}, {"name", name}}))
    return error;
  return guard(VnmErrorKindInvalidArgument, [&]() -> llvm::Error {
    auto entry = elementAt(unwrap(file)->storages, index);
    if (!entry)
      return entry.takeError();
    *name = wrap(llvm::StringRef(**entry));
    return llvm::Error::success();
  });
}

VnmError *vnmSafetensorsReadStorage(const VnmSafetensorsFile *file,
                                    VnmString name, VnmStorage **storage) {
  if (VnmError *error = requirePointers({{"file", file}, {"storage", storage}}))
    return error;
  return guard(VnmErrorKindInvalidFormat, [&]() -> llvm::Error {
    return take(unwrap(file)->file.readStorage(unwrap(name)), storage);
  });
}

VnmError *vnmSafetensorsWriterCreate(VnmSafetensorsWriter **writer) {
  if (VnmError *error = requirePointers({{"writer", writer}}))
    return error;
  return guard(VnmErrorKindInvalidArgument, [&] {
    *writer = wrap<VnmSafetensorsWriter>(new SafetensorsWriter());
    return llvm::Error::success();
  });
}

void vnmSafetensorsWriterDestroy(VnmSafetensorsWriter *writer) {
  delete unwrap(writer);
}

VnmError *vnmSafetensorsWriterAdd(VnmSafetensorsWriter *writer,
                                  const VnmSafetensorsTensor *tensor) {
  if (VnmError *error =
          requirePointers({{"writer", writer}, {"tensor", tensor}}))
    return error;
  return guard(VnmErrorKindInvalidArgument, [&]() -> llvm::Error {
    if (tensor->rank < 0 || (tensor->rank > 0 && !tensor->shape))
      return makeError("requires a shape with a pointer and a rank of at least "
                       "0, but the rank is " +
                       llvm::Twine(tensor->rank));
    if (tensor->numBytes < 0 || (tensor->numBytes > 0 && !tensor->data))
      return makeError("requires data with a pointer and at least 0 bytes, but "
                       "there are " +
                       llvm::Twine(tensor->numBytes));
    llvm::ArrayRef<int64_t> shape(tensor->shape, size_t(tensor->rank));
    llvm::ArrayRef<char> data(static_cast<const char *>(tensor->data),
                              size_t(tensor->numBytes));
    return unwrap(writer)->add(unwrap(tensor->name), unwrap(tensor->dtype),
                               shape, data);
  });
}

VnmError *vnmSafetensorsWriterAddStorage(VnmSafetensorsWriter *writer,
                                         VnmString name,
                                         const VnmStorage *storage) {
  if (VnmError *error =
          requirePointers({{"writer", writer}, {"storage", storage}}))
    return error;
  return guard(VnmErrorKindInvalidArgument, [&] {
    return unwrap(writer)->addStorage(unwrap(name), *unwrap(storage));
  });
}

VnmError *vnmSafetensorsWriterAddFile(VnmSafetensorsWriter *writer,
                                      VnmString path) {
  if (VnmError *error = requirePointers({{"writer", writer}}))
    return error;
  return guard(VnmErrorKindInvalidFormat,
               [&] { return unwrap(writer)->addFile(unwrap(path)); });
}

VnmError *vnmSafetensorsWriterSetMetadata(VnmSafetensorsWriter *writer,
                                          VnmString key, VnmString value) {
  if (VnmError *error = requirePointers({{"writer", writer}}))
    return error;
  return guard(VnmErrorKindInvalidArgument, [&] {
    unwrap(writer)->setMetadata(unwrap(key), unwrap(value));
    return llvm::Error::success();
  });
}

VnmError *vnmSafetensorsWriterWrite(const VnmSafetensorsWriter *writer,
                                    VnmString path) {
  if (VnmError *error = requirePointers({{"writer", writer}}))
    return error;
  return guard(VnmErrorKindIO,
               [&] { return unwrap(writer)->write(unwrap(path)); });
}

} // extern "C"
