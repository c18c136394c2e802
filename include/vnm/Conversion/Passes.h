// Part of the VNM project, under the Apache License v2.0 with LLVM Exceptions.
// See the file LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// This file declares the conversions from the vnm dialect.

#ifndef VNM_CONVERSION_PASSES_H
#define VNM_CONVERSION_PASSES_H

#include "vnm/Conversion/NVVMToEmulation/NVVMToEmulation.h"
#include "vnm/Conversion/VNMNVVMToLLVM/VNMNVVMToLLVM.h"
#include "vnm/Conversion/VNMToGPU/VNMToGPU.h"
#include "vnm/Conversion/VNMToSCF/VNMToSCF.h"

namespace vnm {

#define GEN_PASS_REGISTRATION
#include "vnm/Conversion/Passes.h.inc"

} // namespace vnm

#endif // VNM_CONVERSION_PASSES_H
