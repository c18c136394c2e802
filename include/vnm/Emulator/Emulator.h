// Part of the VNM project, under the Apache License v2.0 with LLVM Exceptions.
// See the file LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// This file declares how a host sets the emulator up. The emulator itself is
// entered through the mgpu* functions that upstream's gpu-to-llvm calls, with
// kernels that convert-nvvm-to-emulation made.

#ifndef VNM_EMULATOR_EMULATOR_H
#define VNM_EMULATOR_EMULATOR_H

#include <stddef.h>

#ifdef __cplusplus
extern "C" {
#endif

/// Sets the order in which asynchronous work completes and threads run, and the
/// checks, for all later launches.
///
/// `order`: "late" (only when something waits for it; the default), "early" (at
/// once) or "random:SEED". `checks`: a list, separated by commas, of "all",
/// "none", a check's name to add it or "-name" to leave it out, e.g.
/// "all,-proxy"; docs/emulation.md lists the names. Null leaves a setting as it
/// is. Returns 0, or 1 after writing a message, cut to `messageBytes`, to
/// `message`. Not to be called during a launch.
int vnm_emulator_configure(const char *order, const char *checks, char *message,
                           size_t messageBytes);

/// What happens with the reports of a launch, called at its end once for each.
typedef void (*VnmEmulatorHandler)(const char *report, void *data);

/// Sets the handler and its data. Without one, which is the default, reports go
/// to the standard error stream and the process ends with status 1.
void vnm_emulator_set_handler(VnmEmulatorHandler handler, void *data);

#ifdef __cplusplus
}
#endif

#endif // VNM_EMULATOR_EMULATOR_H
