// Part of the VNM project, under the Apache License v2.0 with LLVM Exceptions.
// See the file LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// This file declares what the project's tools say about their version.

#ifndef VNM_SUPPORT_VERSION_H
#define VNM_SUPPORT_VERSION_H

#include "llvm/ADT/StringRef.h"

namespace vnm {

/// The project's version, e.g. "0.1.0".
llvm::StringRef getVersion();

/// Makes the command line's `--version` and the crash message name the tool
/// `name`, this project and its version. Call it first in main.
void initToolIdentity(llvm::StringRef name);

} // namespace vnm

#endif // VNM_SUPPORT_VERSION_H
