// Part of the VNM project, under the Apache License v2.0 with LLVM Exceptions.
// See the file LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// This file declares reading and writing of safetensors files.

#ifndef VNM_C_SAFETENSORS_H
#define VNM_C_SAFETENSORS_H

#include "vnm-c/Storage.h"

#ifdef __cplusplus
extern "C" {
#endif

//===----------------------------------------------------------------------===//
// Reading
//===----------------------------------------------------------------------===//

/// An open file, memory-mapped; immutable. The file must not be truncated while
/// it is open.
typedef struct VnmSafetensorsFile VnmSafetensorsFile;

/// One tensor; all pointers are the file's.
typedef struct VnmSafetensorsTensor {
  VnmString name;
  VnmString dtype;      ///< as in the file: "F16", "BF16", "F32", "I64", ...
  const int64_t *shape; ///< `rank` extents
  int64_t rank;
  const void *data; ///< row-major, little endian; need not be aligned
  int64_t numBytes;
} VnmSafetensorsTensor;

/// Opens a file and checks its header: JSON, dtypes, shapes, data without holes
/// and overlaps. Errors: IO, or InvalidFormat with what is wrong.
VNM_CAPI_EXPORTED VnmError *vnmSafetensorsOpen(VnmString path,
                                               VnmSafetensorsFile **file);
/// Closes a file; what it owned is gone.
VNM_CAPI_EXPORTED void vnmSafetensorsClose(VnmSafetensorsFile *file);
/// Tensors in the file, those of packed weights included; 0 for null.
VNM_CAPI_EXPORTED int64_t
vnmSafetensorsGetNumTensors(const VnmSafetensorsFile *file);
/// Tensor `index` in the order of names. Error: no such index.
VNM_CAPI_EXPORTED VnmError *
vnmSafetensorsGetTensor(const VnmSafetensorsFile *file, int64_t index,
                        VnmSafetensorsTensor *tensor);
/// The tensor of this name. Error: there is none.
VNM_CAPI_EXPORTED VnmError *
vnmSafetensorsFindTensor(const VnmSafetensorsFile *file, VnmString name,
                         VnmSafetensorsTensor *tensor);
/// Entries of the header's __metadata__; 0 for null.
VNM_CAPI_EXPORTED int64_t
vnmSafetensorsGetNumMetadata(const VnmSafetensorsFile *file);
/// Entry `index` of __metadata__ in the order of keys. Error: no such index.
VNM_CAPI_EXPORTED VnmError *
vnmSafetensorsGetMetadata(const VnmSafetensorsFile *file, int64_t index,
                          VnmString *key, VnmString *value);
/// Packed weights in the file; 0 for null.
VNM_CAPI_EXPORTED int64_t
vnmSafetensorsGetNumStorages(const VnmSafetensorsFile *file);
/// The name of packed weight `index`. Error: no such index.
VNM_CAPI_EXPORTED VnmError *
vnmSafetensorsGetStorageName(const VnmSafetensorsFile *file, int64_t index,
                             VnmString *name);
/// Reads a packed weight and verifies every rule. Errors (InvalidFormat) name
/// the weight and the rule.
VNM_CAPI_EXPORTED VnmError *
vnmSafetensorsReadStorage(const VnmSafetensorsFile *file, VnmString name,
                          VnmStorage **storage);

//===----------------------------------------------------------------------===//
// Writing
//===----------------------------------------------------------------------===//

/// Collects tensors for one file.
typedef struct VnmSafetensorsWriter VnmSafetensorsWriter;

/// An empty writer.
VNM_CAPI_EXPORTED VnmError *
vnmSafetensorsWriterCreate(VnmSafetensorsWriter **writer);
/// Frees a writer; writes nothing.
VNM_CAPI_EXPORTED void
vnmSafetensorsWriterDestroy(VnmSafetensorsWriter *writer);
/// Adds a tensor; bytes are copied. Errors: a name used twice, an unknown
/// dtype, a size that disagrees with dtype and shape.
VNM_CAPI_EXPORTED VnmError *
vnmSafetensorsWriterAdd(VnmSafetensorsWriter *writer,
                        const VnmSafetensorsTensor *tensor);
/// Adds the tensors and the description of a packed weight. Error: a name used
/// twice.
VNM_CAPI_EXPORTED VnmError *
vnmSafetensorsWriterAddStorage(VnmSafetensorsWriter *writer, VnmString name,
                               const VnmStorage *storage);
/// Adds all tensors and the metadata of another file. Only its header is kept
/// in memory: vnmSafetensorsWriterWrite reads the data again, so the file must
/// stay as it is until then. Errors: those of vnmSafetensorsOpen, names used
/// twice. An entry of __metadata__ replaces one of the same key.
VNM_CAPI_EXPORTED VnmError *
vnmSafetensorsWriterAddFile(VnmSafetensorsWriter *writer, VnmString path);
/// Sets an entry of __metadata__.
VNM_CAPI_EXPORTED VnmError *
vnmSafetensorsWriterSetMetadata(VnmSafetensorsWriter *writer, VnmString key,
                                VnmString value);
/// Writes the file atomically: a temporary file in the same folder, then a
/// rename. Error: IO.
VNM_CAPI_EXPORTED VnmError *
vnmSafetensorsWriterWrite(const VnmSafetensorsWriter *writer, VnmString path);

#ifdef __cplusplus
}
#endif

#endif // VNM_C_SAFETENSORS_H
