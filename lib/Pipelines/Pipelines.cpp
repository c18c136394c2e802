// Part of the VNM project, under the Apache License v2.0 with LLVM Exceptions.
// See the file LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// This file registers the named pass pipelines.

#include "vnm/Pipelines/Pipelines.h"

void vnm::registerPipelines() {}
