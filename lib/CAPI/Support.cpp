// Part of the VNM project, under the Apache License v2.0 with LLVM Exceptions.
// See the file LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// This file implements strings, errors and the version of the C interface.

#include "vnm-c/Support.h"
#include "Detail.h"
#include "Error.h"
#include "llvm/Support/MathExtras.h"
#include <cstdlib>
#include <cstring>

using namespace vnm::capi;

static constexpr char kOutOfMemoryText[] =
    "requires more memory, but none is left";
static VnmError outOfMemoryError = {VnmErrorKindOutOfMemory, kOutOfMemoryText,
                                    sizeof(kOutOfMemoryText) - 1, nullptr};

VnmError *vnm::capi::outOfMemory() { return &outOfMemoryError; }

/// A new error, or the one that says that there is no memory for it.
static VnmError *newError(VnmErrorKind kind, llvm::StringRef message) {
  auto *text = static_cast<char *>(std::malloc(message.size() + 1));
  auto *error = static_cast<VnmError *>(std::malloc(sizeof(VnmError)));
  if (!text || !error) {
    std::free(text);
    std::free(error);
    return outOfMemory();
  }
  std::memcpy(text, message.data(), message.size());
  text[message.size()] = 0;
  *error = {kind, text, message.size(), nullptr};
  return error;
}

VnmError *vnm::capi::internalError(const char *what) {
  return newError(VnmErrorKindInternal, what);
}

VnmError *vnm::capi::wrap(llvm::Error error, VnmErrorKind kind) {
  if (!error)
    return nullptr;
  std::string text;
  std::vector<vnm::compiler::Diagnostic> diagnostics;
  llvm::handleAllErrors(std::move(error), [&](llvm::ErrorInfoBase &info) {
    text += (text.empty() ? "" : "; ") + info.message();
    if (info.isA<vnm::compiler::CompileError>())
      diagnostics =
          static_cast<vnm::compiler::CompileError &>(info).getDiagnostics();
    else if (info.convertToErrorCode() != llvm::inconvertibleErrorCode())
      kind = VnmErrorKindIO;
  });
  VnmError *result = newError(kind, text);
  if (!diagnostics.empty() && result != outOfMemory())
    result->diagnostics =
        new std::vector<vnm::compiler::Diagnostic>(std::move(diagnostics));
  return result;
}

VnmError *
vnm::capi::requirePointers(std::initializer_list<NamedPointer> arguments) {
  for (const NamedPointer &argument : arguments)
    if (!argument.second)
      return guard(VnmErrorKindInvalidArgument, [&] {
        return makeError("requires the argument '" +
                         llvm::Twine(argument.first) +
                         "' not to be null, but it is");
      });
  return nullptr;
}

llvm::Expected<int64_t> vnm::capi::countElements(int64_t rows, int64_t cols,
                                                 int64_t elementBytes) {
  for (int64_t extent : {rows, cols})
    if (extent < 1 || extent > INT32_MAX)
      return makeError("requires R and K to be in [1, 2147483647], but they "
                       "are " +
                       llvm::Twine(rows) + " and " + llvm::Twine(cols));
  int64_t bytes;
  if (llvm::MulOverflow(rows * cols, elementBytes, bytes))
    return makeError("requires the size of R x K = " + llvm::Twine(rows) +
                     " x " + llvm::Twine(cols) +
                     " elements to fit 63 bits, but it does not");
  return rows * cols;
}

llvm::Error vnm::capi::checkThreads(uint32_t threads) {
  constexpr uint32_t kMaxThreads = 1024;
  if (threads <= kMaxThreads)
    return llvm::Error::success();
  return makeError("requires at most " + llvm::Twine(kMaxThreads) +
                   " threads, but they are " + llvm::Twine(threads));
}

extern "C" {

VnmErrorKind vnmErrorGetKind(const VnmError *error) {
  return error ? error->kind : VnmErrorKind(VnmErrorKindNone);
}

VnmString vnmErrorGetMessage(const VnmError *error) {
  if (!error)
    return {"", 0};
  return {error->text, error->length};
}

void vnmErrorDestroy(VnmError *error) {
  if (!error || error == &outOfMemoryError)
    return;
  std::free(const_cast<char *>(error->text));
  delete error->diagnostics;
  std::free(error);
}

VnmString vnmGetVersion(void) { return vnmStringFromC(VNM_VERSION); }

} // extern "C"
