// Part of the VNM project, under the Apache License v2.0 with LLVM Exceptions.
// See the file LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// This file declares what the sources of the C interface share: errors, guards
// around calls, conversions of arguments.

#ifndef VNM_LIB_CAPI_DETAIL_H
#define VNM_LIB_CAPI_DETAIL_H

#include "vnm-c/Matrix.h"
#include "vnm-c/Pattern.h"
#include "vnm/Sparsity/Matrix.h"
#include "vnm/Sparsity/Pattern.h"
#include "llvm/ADT/Twine.h"
#include "llvm/Support/Error.h"
#include <exception>
#include <initializer_list>
#include <new>
#include <stdexcept>
#include <utility>
#include <vector>

namespace vnm::capi {

/// An error of the library's own; the C interface gives its message.
inline llvm::Error makeError(const llvm::Twine &message) {
  return llvm::createStringError(llvm::inconvertibleErrorCode(), message);
}

/// Null for success. An error that carries a system's code is of kind IO, any
/// other of `kind`.
VnmError *wrap(llvm::Error error, VnmErrorKind kind);
/// The error that says so; needs no memory.
VnmError *outOfMemory();
/// The error for an exception that has no business here.
VnmError *internalError(const char *what);

/// Runs `body`, which returns an llvm::Error of kind `kind`; no exception of
/// the standard library leaves it.
template <typename Body>
VnmError *guard(VnmErrorKind kind, Body body) {
  try {
    return wrap(body(), kind);
  } catch (const std::bad_alloc &) {
    return outOfMemory();
  } catch (const std::length_error &) {
    return outOfMemory();
  } catch (const std::exception &exception) {
    return internalError(exception.what());
  }
}

/// An argument that may not be null, and what it is called.
using NamedPointer = std::pair<const char *, const void *>;

/// The error of the first argument that is null, or null.
VnmError *requirePointers(std::initializer_list<NamedPointer> arguments);

/// Conversions of texts. A null with a length is taken as empty.
inline llvm::StringRef unwrap(VnmString text) {
  return text.data ? llvm::StringRef(text.data, text.length)
                   : llvm::StringRef();
}
inline VnmString wrap(llvm::StringRef text) {
  return {text.data(), text.size()};
}

/// Conversions of patterns; the result need not be a legal one.
inline sparsity::Pattern unwrap(VnmPattern pattern) {
  return {pattern.v, pattern.n, pattern.m};
}
inline VnmPattern wrap(const sparsity::Pattern &pattern) {
  return {pattern.v, pattern.n, pattern.m};
}

/// Checks that `number` is that of one of `count` enumerators from 0 on; `name`
/// says of what.
template <typename Enum>
llvm::Expected<Enum> toEnum(int32_t number, int32_t count, const char *name) {
  if (number >= 0 && number < count)
    return Enum(number);
  return makeError("requires the number of " + llvm::Twine(name) +
                   " to be in [0, " + llvm::Twine(count) + "), but it is " +
                   llvm::Twine(number));
}

/// The element type of this number.
inline llvm::Expected<sparsity::ElementType> toElementType(int32_t number) {
  return toEnum<sparsity::ElementType>(number, 4, "an element type");
}

/// Checks that R and K are in [1, 2^31 - 1] and that R x K elements of
/// `elementBytes` fit an address. Returns R x K.
llvm::Expected<int64_t> countElements(int64_t rows, int64_t cols,
                                      int64_t elementBytes);

/// Checks a matrix, its pointer included, and the span of its strides.
llvm::Expected<sparsity::MatrixView> toMatrix(const VnmMatrix &matrix);

/// Checks that `threads` is a number of threads that a process can have.
llvm::Error checkThreads(uint32_t threads);

/// Copies an array of the caller's. Error: a negative length, null with another
/// length than 0.
template <typename T>
llvm::Error copyArray(const T *data, int64_t length, const char *name,
                      std::vector<T> &result) {
  if (length < 0 || (length > 0 && !data))
    return makeError("requires the array '" + llvm::Twine(name) +
                     "' to have a pointer and a length of at least 0, but its "
                     "length is " +
                     llvm::Twine(length) +
                     (data ? "" : " and its pointer null"));
  if (length > 0)
    result.assign(data, data + length);
  return llvm::Error::success();
}

/// The element of `list` at `index`. Error: an index out of range.
template <typename T>
llvm::Expected<const T *> elementAt(const std::vector<T> &list, int64_t index) {
  if (index >= 0 && index < int64_t(list.size()))
    return &list[index];
  return makeError("requires an index in [0, " + llvm::Twine(list.size()) +
                   "), but it is " + llvm::Twine(index));
}

/// The type Object behind an opaque handle; specialised for each.
template <typename Handle>
struct HandleTraits;
template <typename Handle>
using ObjectOf = typename HandleTraits<Handle>::Object;

/// Conversions between handles and the objects they stand for.
template <typename Handle>
ObjectOf<Handle> *unwrap(Handle *handle) {
  return reinterpret_cast<ObjectOf<Handle> *>(handle);
}
template <typename Handle>
const ObjectOf<Handle> *unwrap(const Handle *handle) {
  return reinterpret_cast<const ObjectOf<Handle> *>(handle);
}
template <typename Handle>
Handle *wrap(ObjectOf<Handle> *object) {
  return reinterpret_cast<Handle *>(object);
}
template <typename Handle>
const Handle *wrap(const ObjectOf<Handle> *object) {
  return reinterpret_cast<const Handle *>(object);
}

/// Moves a result to a new object that the caller owns.
template <typename Handle>
llvm::Error take(llvm::Expected<ObjectOf<Handle>> result, Handle **out) {
  if (!result)
    return result.takeError();
  *out = wrap<Handle>(new ObjectOf<Handle>(std::move(*result)));
  return llvm::Error::success();
}

} // namespace vnm::capi

#endif // VNM_LIB_CAPI_DETAIL_H
