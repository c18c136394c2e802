// Part of the VNM project, under the Apache License v2.0 with LLVM Exceptions.
// See the file LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// This file implements the parallel loop of the sparsity library.

#include "Detail.h"
#include "llvm/Support/ThreadPool.h"
#include "llvm/Support/Threading.h"
#include <algorithm>
#include <atomic>

using namespace vnm::sparsity;

/// Below this many elements in all, starting threads costs more than it saves.
static constexpr int64_t kMinParallelWork = int64_t(1) << 17;

void detail::parallelFor(unsigned threads, int64_t count, int64_t workPerCall,
                         llvm::function_ref<void(int64_t)> body) {
  auto runInline = [&] {
    for (int64_t i = 0; i < count; ++i)
      body(i);
  };
  if (threads == 1 || count <= 1 || workPerCall * count < kMinParallelWork)
    return runInline();
  llvm::ThreadPoolStrategy strategy = llvm::hardware_concurrency(threads);
  int64_t workers = std::min<int64_t>(strategy.compute_thread_count(), count);
  if (workers <= 1)
    return runInline();

  // Each worker takes the next index until none is left: calls may differ much
  // in cost, and no result depends on who computed it.
  std::atomic<int64_t> next{0};
  llvm::DefaultThreadPool pool(strategy);
  for (int64_t worker = 0; worker < workers; ++worker)
    pool.async([&] {
      for (int64_t i = next++; i < count; i = next++)
        body(i);
    });
  pool.wait();
}
