// Part of the VNM project, under the Apache License v2.0 with LLVM Exceptions.
// See the file LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// This file implements writing of safetensors files.

#include "Detail.h"
#include "SafetensorsDtype.h"
#include "vnm/Sparsity/Safetensors.h"
#include "llvm/ADT/STLExtras.h"
#include "llvm/ADT/ScopeExit.h"
#include "llvm/ADT/StringSwitch.h"
#include "llvm/Support/Endian.h"
#include "llvm/Support/FileSystem.h"
#include "llvm/Support/JSON.h"
#include "llvm/Support/MathExtras.h"
#include "llvm/Support/Process.h"
#include "llvm/Support/raw_ostream.h"

using namespace vnm::sparsity;
using detail::makeError;
using llvm::StringRef;
using llvm::Twine;

int64_t detail::dtypeWidth(StringRef dtype) {
  return llvm::StringSwitch<int64_t>(dtype)
      .Cases({"BOOL", "U8", "I8", "F8_E4M3", "F8_E5M2", "F8_E8M0"}, 1)
      .Cases({"I16", "U16", "F16", "BF16"}, 2)
      .Cases({"I32", "U32", "F32"}, 4)
      .Cases({"I64", "U64", "F64", "C64"}, 8)
      .Default(0);
}

llvm::Expected<int64_t> detail::tensorBytes(StringRef name, StringRef dtype,
                                            llvm::ArrayRef<int64_t> shape) {
  int64_t bytes = dtypeWidth(dtype);
  if (bytes == 0)
    return makeError("requires a known dtype for tensor '" + name +
                     "', but it is '" + dtype + "'");
  for (int64_t extent : shape) {
    if (extent < 0)
      return makeError("requires extents of tensor '" + name +
                       "' not to be negative, but one is " + Twine(extent));
    if (llvm::MulOverflow(bytes, extent, bytes))
      return makeError("requires the size of tensor '" + name +
                       "' to fit 63 bits, but its shape's product does not");
  }
  return bytes;
}

static llvm::Error nameTwice(StringRef name) {
  return makeError("requires unique names, but tensor '" + name +
                   "' is added twice");
}

llvm::Error SafetensorsWriter::add(StringRef name, StringRef dtype,
                                   llvm::ArrayRef<int64_t> shape,
                                   llvm::ArrayRef<char> data) {
  if (!llvm::json::isUTF8(name))
    return makeError("requires names of tensors in UTF-8, but one is not");
  if (name == detail::kMetadataName)
    return makeError("requires another name for a tensor than " +
                     detail::kMetadataName);
  llvm::Expected<int64_t> bytes = detail::tensorBytes(name, dtype, shape);
  if (!bytes)
    return bytes.takeError();
  if (*bytes != int64_t(data.size()))
    return makeError("requires " + Twine(*bytes) + " bytes for tensor '" +
                     name + "' by its dtype and shape, but there are " +
                     Twine(data.size()));
  if (entries.count(name.str()))
    return nameTwice(name);
  entries[name.str()] = {dtype.str(),
                         {shape.begin(), shape.end()},
                         *bytes,
                         {data.begin(), data.end()},
                         /*path=*/""};
  return llvm::Error::success();
}

llvm::Error SafetensorsWriter::addFile(StringRef path) {
  llvm::Expected<SafetensorsFile> file = SafetensorsFile::open(path);
  if (!file)
    return file.takeError();
  // All tensors or none.
  for (const auto &[name, entry] : file->tensors())
    if (entries.count(name))
      return nameTwice(name);
  for (const auto &[name, entry] : file->tensors())
    entries[name] = {entry.dtype, entry.shape, int64_t(entry.data.size()),
                     /*data=*/{}, path.str()};
  for (const auto &[key, value] : file->metadata())
    info[key] = value;
  return llvm::Error::success();
}

void SafetensorsWriter::setMetadata(StringRef key, StringRef value) {
  info[llvm::json::fixUTF8(key)] = llvm::json::fixUTF8(value);
}

/// The header's text; `order` is that of the tensors' data.
template <typename Iterator>
static std::string makeHeader(llvm::ArrayRef<Iterator> order,
                              const std::map<std::string, std::string> &info) {
  std::string text;
  llvm::raw_string_ostream stream(text);
  llvm::json::OStream json(stream);
  json.objectBegin();
  if (!info.empty())
    json.attributeObject(detail::kMetadataName, [&] {
      for (const auto &[key, value] : info)
        json.attribute(key, value);
    });
  int64_t offset = 0;
  for (Iterator entry : order)
    json.attributeObject(entry->first, [&] {
      json.attribute("dtype", entry->second.dtype);
      json.attributeArray("shape", [&] {
        for (int64_t extent : entry->second.shape)
          json.value(extent);
      });
      json.attributeArray("data_offsets", [&] {
        json.value(offset);
        offset += entry->second.numBytes;
        json.value(offset);
      });
    });
  json.objectEnd();
  // Spaces up to a multiple of 8 align the data.
  text.resize(llvm::alignTo(text.size(), 8), ' ');
  return text;
}

static llvm::Error fileError(StringRef path, std::error_code code) {
  return llvm::createStringError(code,
                                 "requires a writable path, but '" + path +
                                     "' cannot be written: " + code.message());
}

/// Creates a new file beside `path`. Readable for all that the process's mask
/// lets read, as the final file should be.
static std::error_code createTemporary(StringRef path, int &descriptor,
                                       std::string &temporary) {
  constexpr unsigned kAttempts = 128;
  std::error_code code;
  for (unsigned attempt = 0; attempt < kAttempts; ++attempt) {
    temporary = (path + ".tmp-" + Twine(llvm::sys::Process::getProcessId()) +
                 "-" + Twine(attempt))
                    .str();
    code = llvm::sys::fs::openFileForWrite(
        temporary, descriptor, llvm::sys::fs::CD_CreateNew,
        llvm::sys::fs::OF_None,
        llvm::sys::fs::all_read | llvm::sys::fs::all_write);
    if (code != std::errc::file_exists)
      return code;
  }
  return code;
}

llvm::Error SafetensorsWriter::writeData(
    llvm::ArrayRef<std::map<std::string, Pending>::const_iterator> order,
    llvm::raw_ostream &stream) const {
  for (auto entry : order) {
    const auto &[name, pending] = *entry;
    if (pending.path.empty()) {
      stream.write(pending.data.data(), pending.data.size());
      continue;
    }
    // Opened for one tensor only: what was read of a map counts as memory.
    llvm::Expected<SafetensorsFile> file = SafetensorsFile::open(pending.path);
    if (!file)
      return file.takeError();
    auto found = file->tensors().find(name);
    if (found == file->tensors().end() ||
        int64_t(found->second.data.size()) != pending.numBytes)
      return makeError("requires '" + pending.path +
                       "' to stay as it was when it was added, but tensor '" +
                       name + "' changed");
    stream.write(found->second.data.data(), found->second.data.size());
  }
  return llvm::Error::success();
}

llvm::Error SafetensorsWriter::write(StringRef path) const {
  // A rename would replace a device or a folder's entry by a plain file.
  if (llvm::sys::fs::exists(path) && !llvm::sys::fs::is_regular_file(path))
    return makeError("requires a writable path, but '" + path +
                     "' exists and is not a regular file");
  using Iterator = std::map<std::string, Pending>::const_iterator;
  std::vector<Iterator> order;
  for (Iterator it = entries.begin(); it != entries.end(); ++it)
    order.push_back(it);
  // Wide elements first: then every tensor is aligned.
  llvm::sort(order, [](Iterator a, Iterator b) {
    int64_t widthOfA = detail::dtypeWidth(a->second.dtype);
    int64_t widthOfB = detail::dtypeWidth(b->second.dtype);
    return widthOfA != widthOfB ? widthOfA > widthOfB : a->first < b->first;
  });
  std::string header = makeHeader<Iterator>(order, info);

  int descriptor;
  std::string temporary;
  if (std::error_code code = createTemporary(path, descriptor, temporary))
    return fileError(path, code);
  // A file that cannot be removed was renamed, or is all we could leave.
  llvm::scope_exit removeTemporary(
      [&] { (void)llvm::sys::fs::remove(temporary); });
  llvm::raw_fd_ostream stream(descriptor, /*shouldClose=*/true);
  char length[8];
  llvm::support::endian::write64le(length, header.size());
  stream.write(length, sizeof(length));
  stream << header;
  llvm::Error copied = writeData(order, stream);
  stream.close();
  if (stream.has_error()) {
    std::error_code code = stream.error();
    stream.clear_error();
    return llvm::joinErrors(std::move(copied), fileError(path, code));
  }
  if (copied)
    return copied;
  if (std::error_code code = llvm::sys::fs::rename(temporary, path))
    return fileError(path, code);
  removeTemporary.release();
  return llvm::Error::success();
}
