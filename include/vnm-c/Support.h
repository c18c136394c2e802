// Part of the VNM project, under the Apache License v2.0 with LLVM Exceptions.
// See the file LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// This file declares strings, errors and the version of the C interface.
//
// Rules for every function of include/vnm-c:
// * A function that can fail returns a VnmError *: null for success, else an
//   error that the caller owns. After an error, outputs are as they were,
//   unless said otherwise. Nothing aborts or throws on bad input: null where
//   something is required, sizes that are negative or whose product overflows,
//   and numbers that no enumeration has are errors. Sizes of buffers cannot be
//   checked.
// * Create and read functions give handles that the caller owns and destroys;
//   Get functions give what its handle owns, valid as long as the handle.
//   Destroy functions take null.
// * Different handles may be used by different threads, and one handle by many
//   as long as none changes it. There is no global state.
// * Options may be null for the defaults. Matrices are row-major unless they
//   have strides; sizes count elements unless they are said to be bytes.

#ifndef VNM_C_SUPPORT_H
#define VNM_C_SUPPORT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

/// Marks what the library exports; everything else in it is hidden.
#define VNM_CAPI_EXPORTED __attribute__((visibility("default")))

#ifdef __cplusplus
extern "C" {
#endif

/// Text of `length` bytes in UTF-8, somebody else's; not terminated by a zero.
/// Null is the empty text if `length` is 0.
typedef struct VnmString {
  const char *data;
  size_t length;
} VnmString;

/// The text of a C string; empty for null.
static inline VnmString vnmStringFromC(const char *text) {
  VnmString string;
  string.data = text;
  string.length = text ? strlen(text) : 0;
  return string;
}

/// Takes a text that is valid during the call only. `userData` is what the
/// caller gave along with the callback.
typedef void (*VnmStringCallback)(VnmString text, void *userData);

/// What went wrong.
typedef int32_t VnmErrorKind;
enum {
  VnmErrorKindNone = 0,            ///< no error: the kind of null
  VnmErrorKindInvalidArgument = 1, ///< an argument, or values it points to
  VnmErrorKindInvalidFormat = 2,   ///< bytes or arrays that break a format
  VnmErrorKindIO = 3,              ///< a file that cannot be read or written
  VnmErrorKindOutOfMemory = 4,     ///< memory ran out
  VnmErrorKindInternal = 5         ///< a failure that should not be
};

/// An error; immutable.
typedef struct VnmError VnmError;

/// The kind of `error`; VnmErrorKindNone for null.
VNM_CAPI_EXPORTED VnmErrorKind vnmErrorGetKind(const VnmError *error);
/// The diagnostic, "requires ..., but ..."; empty for null. Owned by `error`.
VNM_CAPI_EXPORTED VnmString vnmErrorGetMessage(const VnmError *error);
/// Frees an error.
VNM_CAPI_EXPORTED void vnmErrorDestroy(VnmError *error);

/// The library's version, "major.minor.patch"; static.
VNM_CAPI_EXPORTED VnmString vnmGetVersion(void);

#ifdef __cplusplus
}
#endif

#endif // VNM_C_SUPPORT_H
