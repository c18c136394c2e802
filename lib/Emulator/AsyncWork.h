// Part of the VNM project, under the Apache License v2.0 with LLVM Exceptions.
// See the file LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// This file declares work that completes some time after it was issued.

#ifndef VNM_LIB_EMULATOR_ASYNCWORK_H
#define VNM_LIB_EMULATOR_ASYNCWORK_H

#include "Report.h"

#include "llvm/ADT/FunctionExtras.h"
#include <deque>
#include <list>
#include <memory>
#include <vector>

namespace vnm::emulator {

class Cluster;
struct Thread;

/// One piece of work. It runs once, on whatever stack asks for it.
struct AsyncTask {
  OpRef op;
  llvm::unique_function<void()> perform; ///< Null when done.

  void finish() {
    if (!perform)
      return;
    llvm::unique_function<void()> work = std::move(perform);
    perform = nullptr;
    work();
  }
};
using AsyncTaskRef = std::shared_ptr<AsyncTask>;

/// Groups of tasks that complete in the order of their commits.
struct AsyncGroups {
  struct Group {
    std::vector<AsyncTaskRef> tasks;
    uint32_t time = 0;
  };

  std::vector<AsyncTaskRef> current;
  std::deque<Group> committed;
  /// Of the component whose accesses the tasks make.
  uint32_t time = 1;
  unsigned component = 0;
  bool hasComponent = false;

  void commit();
  /// Finishes all but the last `keep` groups; returns the time by which they
  /// are finished, 0 if there were none.
  uint32_t finish(size_t keep);
  /// Whether a task has not been performed.
  bool isPending() const { return !current.empty() || !committed.empty(); }
};

/// The groups of one thread.
struct ThreadCopies {
  AsyncGroups copies; ///< cp.async
  AsyncGroups bulk;   ///< cp.async.bulk from shared memory
};

/// Work whose completion an mbarrier tells, in the order of issue.
struct AsyncQueue {
  std::list<AsyncTask> tasks;
};

/// What is to be done when `thread` returns: performs the rest of its work and
/// reports what it ought to have waited for.
void finishAsyncWork(Thread &thread);

} // namespace vnm::emulator

#endif // VNM_LIB_EMULATOR_ASYNCWORK_H
