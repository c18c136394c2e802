// Part of the VNM project, under the Apache License v2.0 with LLVM Exceptions.
// See the file LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// This file implements fragments of the C interface.

#include "vnm-c/Fragments.h"
#include "Storage.h"
#include "vnm/Sparsity/Fragments.h"
#include <algorithm>

using namespace vnm::capi;
using vnm::sparsity::Fragments;
using vnm::sparsity::FragmentShape;
using vnm::sparsity::Pattern;

/// An error unless the caller's array `name` has `wanted` elements.
static llvm::Error checkArray(const void *array, int64_t count, int64_t wanted,
                              llvm::StringRef name) {
  if (array && count == wanted)
    return llvm::Error::success();
  return makeError(
      "requires an array of " + llvm::Twine(wanted) + " " + name + ", but " +
      (array ? "it has " + llvm::Twine(count) : llvm::Twine("it is null")));
}

extern "C" {

VnmError *vnmFragmentSizes(VnmPattern pattern, int64_t rows, int64_t cols,
                           VnmFragmentSizes *sizes) {
  if (VnmError *error = requirePointers({{"sizes", sizes}}))
    return error;
  return guard(VnmErrorKindInvalidArgument, [&]() -> llvm::Error {
    Pattern checked = unwrap(pattern);
    if (llvm::Error error = Pattern::verify(checked.v, checked.n, checked.m))
      return error;
    llvm::Expected<int64_t> count =
        countElements(rows, cols, /*elementBytes=*/2);
    if (!count)
      return count.takeError();
    FragmentShape shape(checked, rows, cols);
    *sizes = {shape.numBlocks, shape.numStages, checked.numPanels(rows),
              shape.numSlots()};
    return llvm::Error::success();
  });
}

VnmError *vnmStorageGetFragments(const VnmStorage *storage, uint32_t threads,
                                 const VnmFragments *fragments) {
  if (VnmError *error =
          requirePointers({{"storage", storage}, {"fragments", fragments}}))
    return error;
  return guard(VnmErrorKindInvalidArgument, [&]() -> llvm::Error {
    if (llvm::Error error = checkThreads(threads))
      return error;
    llvm::Expected<Fragments> packed =
        vnm::sparsity::packFragments(*unwrap(storage), threads);
    if (!packed)
      return packed.takeError();
    if (llvm::Error error =
            checkArray(fragments->values, fragments->numValues,
                       int64_t(packed->values.size()) / 2, "values"))
      return error;
    if (llvm::Error error =
            checkArray(fragments->metadata, fragments->numMetadata,
                       int64_t(packed->metadata.size()), "metadata words"))
      return error;
    if (llvm::Error error =
            checkArray(fragments->columns, fragments->numColumns,
                       int64_t(packed->columns.size()), "column ids"))
      return error;
    llvm::copy(packed->values, static_cast<char *>(fragments->values));
    llvm::copy(packed->metadata, fragments->metadata);
    llvm::copy(packed->columns, fragments->columns);
    return llvm::Error::success();
  });
}

} // extern "C"
