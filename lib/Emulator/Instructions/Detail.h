// Part of the VNM project, under the Apache License v2.0 with LLVM Exceptions.
// See the file LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// This file declares how errors of instructions are made.

#ifndef VNM_EMULATOR_INSTRUCTIONS_DETAIL_H
#define VNM_EMULATOR_INSTRUCTIONS_DETAIL_H

#include "llvm/ADT/Twine.h"
#include "llvm/Support/Error.h"

namespace vnm::emulator {

/// An error with `message`, of the form "requires X, but Y".
inline llvm::Error makeError(const llvm::Twine &message) {
  return llvm::createStringError(llvm::inconvertibleErrorCode(), message);
}

} // namespace vnm::emulator

#endif // VNM_EMULATOR_INSTRUCTIONS_DETAIL_H
