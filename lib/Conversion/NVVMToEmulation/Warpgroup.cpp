// Part of the VNM project, under the Apache License v2.0 with LLVM Exceptions.
// See the file LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// This file converts the asynchronous products of warpgroups.

#include "KernelConverter.h"

using namespace mlir;
using namespace vnm;

void vnm::addWarpgroupHandlers(HandlerMap &handlers) {}
