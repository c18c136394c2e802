// Part of the VNM project, under the Apache License v2.0 with LLVM Exceptions.
// See the file LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// This file implements packed weights of the C interface.

#include "vnm-c/Storage.h"
#include "Storage.h"
#include <algorithm>

using namespace vnm::capi;
using vnm::sparsity::ElementType;
using vnm::sparsity::Form;
using vnm::sparsity::MatrixView;
using vnm::sparsity::PackOptions;
using vnm::sparsity::Storage;
using vnm::sparsity::Structure;

llvm::Expected<PackOptions>
vnm::capi::toOptions(const VnmPackOptions *options) {
  PackOptions result;
  if (!options)
    return result;
  if (llvm::Error error = checkThreads(options->threads))
    return std::move(error);
  result.allowNonFinite = options->allowNonFinite;
  result.threads = options->threads;
  return result;
}

static llvm::Expected<Form> toForm(VnmForm form) {
  return toEnum<Form>(form, 2, "a form");
}

/// Checks the description and copies it; the structure is not verified yet.
static llvm::Error copyInfo(const VnmStructureInfo &info,
                            Structure &structure) {
  llvm::Expected<Form> form = toForm(info.form);
  if (!form)
    return form.takeError();
  structure.pattern = unwrap(info.pattern);
  structure.form = *form;
  structure.numRows = info.rows;
  structure.numCols = info.cols;
  if (llvm::Error error = copyArray(info.columns, info.numColumns, "columns",
                                    structure.columns))
    return error;
  if (llvm::Error error = copyArray(info.metadata, info.numMetadata, "metadata",
                                    structure.metadata))
    return error;
  return copyArray(info.order, info.numOrder, "order", structure.rows);
}

extern "C" {

VnmString vnmFormGetName(VnmForm form) {
  if (form != VnmFormStrict && form != VnmFormFree)
    return {"", 0};
  return wrap(toString(Form(form)));
}

VnmError *vnmFormParse(VnmString text, VnmForm *form) {
  if (VnmError *error = requirePointers({{"form", form}}))
    return error;
  return guard(VnmErrorKindInvalidArgument, [&]() -> llvm::Error {
    llvm::Expected<Form> result = vnm::sparsity::parseForm(unwrap(text));
    if (!result)
      return result.takeError();
    *form = VnmForm(*result);
    return llvm::Error::success();
  });
}

VnmError *vnmStructureCreate(const VnmStructureInfo *info,
                             VnmStructure **structure) {
  if (VnmError *error =
          requirePointers({{"info", info}, {"structure", structure}}))
    return error;
  Structure copy;
  if (VnmError *error = guard(VnmErrorKindInvalidArgument,
                              [&] { return copyInfo(*info, copy); }))
    return error;
  return guard(VnmErrorKindInvalidFormat, [&]() -> llvm::Error {
    if (llvm::Error error = verifyStructure(copy))
      return error;
    *structure = wrap<VnmStructure>(new Structure(std::move(copy)));
    return llvm::Error::success();
  });
}

void vnmStructureDestroy(VnmStructure *structure) { delete unwrap(structure); }

VnmError *vnmStructureGetInfo(const VnmStructure *structure,
                              VnmStructureInfo *info) {
  if (VnmError *error =
          requirePointers({{"structure", structure}, {"info", info}}))
    return error;
  const Structure &from = *unwrap(structure);
  info->pattern = wrap(from.pattern);
  info->form = VnmForm(from.form);
  info->rows = from.numRows;
  info->cols = from.numCols;
  info->columns = from.columns.data();
  info->numColumns = int64_t(from.columns.size());
  info->metadata = from.metadata.data();
  info->numMetadata = int64_t(from.metadata.size());
  info->order = from.rows.empty() ? nullptr : from.rows.data();
  info->numOrder = int64_t(from.rows.size());
  return nullptr;
}

VnmError *vnmStructureGetMask(const VnmStructure *structure, uint8_t *mask) {
  if (VnmError *error =
          requirePointers({{"structure", structure}, {"mask", mask}}))
    return error;
  return guard(VnmErrorKindInvalidArgument, [&] {
    std::vector<uint8_t> result = maskOf(*unwrap(structure));
    std::copy(result.begin(), result.end(), mask);
    return llvm::Error::success();
  });
}

VnmError *vnmStructureCreateFromMask(const uint8_t *mask, int64_t rows,
                                     int64_t cols, VnmPattern pattern,
                                     VnmStructure **structure) {
  if (VnmError *error =
          requirePointers({{"mask", mask}, {"structure", structure}}))
    return error;
  return guard(VnmErrorKindInvalidArgument, [&]() -> llvm::Error {
    llvm::Expected<int64_t> count =
        countElements(rows, cols, /*elementBytes=*/1);
    if (!count)
      return count.takeError();
    return take(vnm::sparsity::structureFromMask({mask, size_t(*count)}, rows,
                                                 cols, unwrap(pattern)),
                structure);
  });
}

VnmPackOptions vnmPackOptionsGetDefault(void) {
  PackOptions defaults;
  return {defaults.allowNonFinite, defaults.threads};
}

VnmError *vnmPack(const VnmMatrix *weight, const VnmStructure *structure,
                  const VnmPackOptions *options, VnmStorage **storage) {
  if (VnmError *error = requirePointers(
          {{"weight", weight}, {"structure", structure}, {"storage", storage}}))
    return error;
  return guard(VnmErrorKindInvalidArgument, [&]() -> llvm::Error {
    llvm::Expected<MatrixView> matrix = toMatrix(*weight);
    if (!matrix)
      return matrix.takeError();
    llvm::Expected<PackOptions> packOptions = toOptions(options);
    if (!packOptions)
      return packOptions.takeError();
    return take(pack(*matrix, *unwrap(structure), *packOptions), storage);
  });
}

VnmError *vnmStorageCreate(const VnmStructure *structure, VnmElementType type,
                           const void *values, int64_t numBytes,
                           VnmStorage **storage) {
  if (VnmError *error = requirePointers(
          {{"structure", structure}, {"values", values}, {"storage", storage}}))
    return error;
  Storage copy;
  VnmError *error = guard(VnmErrorKindInvalidArgument, [&]() -> llvm::Error {
    llvm::Expected<ElementType> elementType = toElementType(type);
    if (!elementType)
      return elementType.takeError();
    copy.type = *elementType;
    copy.structure = *unwrap(structure);
    return copyArray(static_cast<const char *>(values), numBytes, "values",
                     copy.values);
  });
  if (error)
    return error;
  return guard(VnmErrorKindInvalidFormat, [&]() -> llvm::Error {
    if (llvm::Error error = verifyStorage(copy))
      return error;
    *storage = wrap<VnmStorage>(new Storage(std::move(copy)));
    return llvm::Error::success();
  });
}

void vnmStorageDestroy(VnmStorage *storage) { delete unwrap(storage); }

const VnmStructure *vnmStorageGetStructure(const VnmStorage *storage) {
  return storage ? wrap<VnmStructure>(&unwrap(storage)->structure) : nullptr;
}

VnmElementType vnmStorageGetType(const VnmStorage *storage) {
  return storage ? VnmElementType(unwrap(storage)->type) : -1;
}

VnmError *vnmStorageGetValues(const VnmStorage *storage, const void **values,
                              int64_t *numBytes) {
  if (VnmError *error = requirePointers(
          {{"storage", storage}, {"values", values}, {"numBytes", numBytes}}))
    return error;
  *values = unwrap(storage)->values.data();
  *numBytes = int64_t(unwrap(storage)->values.size());
  return nullptr;
}

int64_t vnmStorageGetSize(const VnmStorage *storage) {
  if (!storage)
    return 0;
  return unwrap(storage)->sizeInBytes(
      vnm::sparsity::minimalColumnBytes(unwrap(storage)->structure.numCols));
}

VnmError *vnmStorageUnpack(const VnmStorage *storage, void *dense,
                           int64_t numBytes) {
  if (VnmError *error =
          requirePointers({{"storage", storage}, {"dense", dense}}))
    return error;
  return guard(VnmErrorKindInvalidArgument, [&]() -> llvm::Error {
    const Structure &structure = unwrap(storage)->structure;
    int64_t width = byteWidth(unwrap(storage)->type);
    llvm::Expected<int64_t> count =
        countElements(structure.numRows, structure.numCols, width);
    if (!count)
      return count.takeError();
    if (numBytes != *count * width)
      return makeError("requires a buffer of " + llvm::Twine(*count * width) +
                       " bytes for the dense weight, but it has " +
                       llvm::Twine(numBytes));
    std::vector<char> result;
    if (llvm::Error error = unpack(*unwrap(storage), result))
      return error;
    std::copy(result.begin(), result.end(), static_cast<char *>(dense));
    return llvm::Error::success();
  });
}

} // extern "C"
