// Part of the VNM project, under the Apache License v2.0 with LLVM Exceptions.
// See the file LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// This file, included before everything else, gives llvm::Statistic the layout
// that it has in Debian's libraries, whether our own asserts are on or not.
//
// llvm/ADT/Statistic.h chooses the layout by NDEBUG. libMLIR, built with
// NDEBUG, constructs the statistics of our passes; were ours the other layout,
// it would leave the counter and the flag that says "registered" uninitialised.

#ifndef VNM_CMAKE_MODULES_NOSTATISTICS_H
#define VNM_CMAKE_MODULES_NOSTATISTICS_H

#ifdef NDEBUG
#include "llvm/ADT/Statistic.h"
#else
#define NDEBUG
#include "llvm/ADT/Statistic.h"
#undef NDEBUG
#endif

#endif // VNM_CMAKE_MODULES_NOSTATISTICS_H
