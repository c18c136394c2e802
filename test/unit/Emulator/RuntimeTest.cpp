// Part of the VNM project, under the Apache License v2.0 with LLVM Exceptions.
// See the file LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// This file tests the emulator's runtime with kernels written in C++ against
// its ABI: threads, barriers, memory and the checks, without a compiler
// between.

#include "vnm/Emulator/Abi.h"
#include "vnm/Emulator/Emulator.h"

#include <gtest/gtest.h>
#include <string>
#include <vector>

namespace {

/// The layout of a kernel's record; see lib/Emulator/Launch.h.
struct Record {
  void (*entry)(VnmEmuThread *, void **);
  const char *name;
  uint32_t staticSharedBytes, sharedAlignment, maxThreads;
  uint32_t requiredThreads[3], clusterExtents[3];
};

extern "C" {
void mgpuLaunchKernel(const Record *, intptr_t, intptr_t, intptr_t, intptr_t,
                      intptr_t, intptr_t, int32_t, void *, void **, void **,
                      size_t);
void *mgpuMemAlloc(uint64_t, void *, bool);
void mgpuMemFree(void *, void *);
void mgpuMemcpy(void *, void *, size_t, void *);
}

class RuntimeTest : public testing::TestWithParam<const char *> {
protected:
  RuntimeTest() {
    vnm_emulator_set_handler(
        [](const char *report, void *data) {
          static_cast<RuntimeTest *>(data)->reports.emplace_back(report);
        },
        this);
    configure(GetParam(), "all");
    out = static_cast<int32_t *>(mgpuMemAlloc(kBytes, nullptr, false));
  }
  ~RuntimeTest() override {
    mgpuMemFree(out, nullptr);
    vnm_emulator_set_handler(nullptr, nullptr);
  }

  static void configure(const char *order, const char *checks) {
    char message[256];
    ASSERT_EQ(vnm_emulator_configure(order, checks, message, sizeof(message)),
              0)
        << message;
  }

  /// Runs `entry` with `out` as its only argument.
  void launch(void (*entry)(VnmEmuThread *, void **), int blocks, int threads,
              uint32_t sharedBytes = 1024) {
    Record record = {entry, "kernel", sharedBytes, 16, 0, {}, {}};
    void *argument = out;
    void *parameters[] = {&argument};
    mgpuLaunchKernel(&record, blocks, 1, 1, threads, 1, 1, 0, nullptr,
                     parameters, nullptr, 1);
  }

  std::vector<int32_t> getResult(size_t count) {
    std::vector<int32_t> result(count);
    mgpuMemcpy(result.data(), out, count * sizeof(int32_t), nullptr);
    return result;
  }

  /// Whether the first report is of `check` at `op`.
  bool isReported(const std::string &check, const std::string &op) {
    return !reports.empty() && reports[0].rfind(op + " at here", 0) == 0 &&
           reports[0].find("[" + check + "]") != std::string::npos;
  }

  static constexpr uint64_t kBytes = 1 << 16;
  int32_t *out;
  std::vector<std::string> reports;
};

} // namespace

#define RECORD(name) "kernel\0" name "\0here"

static int32_t *getOut(void **parameters) {
  return *static_cast<int32_t **>(parameters[0]);
}
static uint32_t getThread(VnmEmuThread *t) {
  return vnm_emu_special_register(t, RECORD("tid"), VNM_EMU_TID);
}
static uint32_t getBlock(VnmEmuThread *t) {
  return vnm_emu_special_register(t, RECORD("ctaid"), VNM_EMU_CTAID);
}
static int32_t *getShared(VnmEmuThread *t) {
  return reinterpret_cast<int32_t *>(vnm_emu_shared_window(t));
}
static void store(VnmEmuThread *t, int32_t *to, int32_t value,
                  uint32_t space = VNM_EMU_SHARED) {
  vnm_emu_access(t, RECORD("store"), reinterpret_cast<char *>(to), 4, 4, space,
                 VNM_EMU_WRITE);
  *to = value;
}
static int32_t load(VnmEmuThread *t, const int32_t *from,
                    uint32_t space = VNM_EMU_SHARED) {
  vnm_emu_access(t, RECORD("load"), reinterpret_cast<const char *>(from), 4, 4,
                 space, VNM_EMU_READ);
  return *from;
}
static void synchronize(VnmEmuThread *t) {
  vnm_emu_barrier(t, RECORD("barrier"), 0, 0, 3, 0);
}

/// Each thread's number passes to the thread on the other end.
static void reverse(VnmEmuThread *t, void **parameters) {
  uint32_t thread = getThread(t), block = getBlock(t);
  store(t, getShared(t) + thread, int32_t(100 * block + thread));
  synchronize(t);
  int32_t value = load(t, getShared(t) + (95 - thread));
  store(t, getOut(parameters) + 96 * block + thread, value, VNM_EMU_GLOBAL);
}

TEST_P(RuntimeTest, RunsManyBlocks) {
  launch(reverse, 20, 96);
  EXPECT_TRUE(reports.empty()) << reports[0];
  std::vector<int32_t> result = getResult(20 * 96);
  for (int32_t i = 0; i < 20 * 96; ++i)
    ASSERT_EQ(result[i], 100 * (i / 96) + 95 - i % 96) << i;
}

TEST_P(RuntimeTest, RefusesTooMuchSharedMemory) {
  launch(reverse, 1, 96, 300 << 10);
  ASSERT_EQ(reports.size(), 1u);
  EXPECT_NE(
      reports[0].find("requires bytes of shared memory of at most 232448"),
      std::string::npos)
      << reports[0];
}

TEST_P(RuntimeTest, FindsRace) {
  launch([](VnmEmuThread *t,
            void **) { store(t, getShared(t) + getThread(t) / 2, 1); },
         1, 32);
  EXPECT_TRUE(isReported("race", "store")) << reports.size();
}

TEST_P(RuntimeTest, KnowsNeighbouringBytes) {
  launch(
      [](VnmEmuThread *t, void **) {
        char *byte = vnm_emu_shared_window(t) + getThread(t);
        vnm_emu_access(t, RECORD("byte"), byte, 1, 1, VNM_EMU_SHARED,
                       VNM_EMU_WRITE);
        *byte = 1;
      },
      1, 64);
  EXPECT_TRUE(reports.empty()) << reports[0];
}

/// Many readers of one word, then one writer, with or without a barrier.
template <bool hasBarrier>
static void broadcast(VnmEmuThread *t, void **) {
  if (getThread(t) == 0)
    store(t, getShared(t), 7);
  synchronize(t);
  load(t, getShared(t));
  if (hasBarrier)
    synchronize(t);
  if (getThread(t) == 70)
    store(t, getShared(t), 8);
}

TEST_P(RuntimeTest, RemembersAllReaders) {
  launch(broadcast<true>, 1, 96);
  EXPECT_TRUE(reports.empty()) << reports[0];
  launch(broadcast<false>, 1, 96);
  ASSERT_FALSE(reports.empty());
  EXPECT_NE(reports[0].find("[race]"), std::string::npos) << reports[0];
}

TEST_P(RuntimeTest, FindsUninitializedAndForeignMemory) {
  launch([](VnmEmuThread *t, void **) { load(t, getShared(t)); }, 1, 32);
  EXPECT_TRUE(isReported("uninit", "load"));
  reports.clear();
  launch([](VnmEmuThread *t,
            void **parameters) { load(t, getOut(parameters), VNM_EMU_GLOBAL); },
         1, 32);
  EXPECT_TRUE(isReported("uninit", "load"));
  reports.clear();
  launch(
      [](VnmEmuThread *t, void **parameters) {
        store(t, getOut(parameters) + kBytes / 4, 1, VNM_EMU_GLOBAL);
      },
      4, 32);
  EXPECT_TRUE(isReported("bounds", "store"));
  reports.clear();
  launch([](VnmEmuThread *t, void **) { store(t, getShared(t) - 1, 1); }, 4,
         32);
  EXPECT_TRUE(isReported("bounds", "store"));
}

TEST_P(RuntimeTest, FindsDivergence) {
  launch(
      [](VnmEmuThread *t, void **) {
        uint32_t words[4];
        if (getThread(t) < 16)
          vnm_emu_ldmatrix(t, RECORD("ldmatrix"), vnm_emu_shared_window(t), 4,
                           0, words);
      },
      1, 32);
  EXPECT_TRUE(isReported("divergence", "ldmatrix"));
}

TEST_P(RuntimeTest, LetsHalvesOfAWarpShuffleApart) {
  launch(
      [](VnmEmuThread *t, void **parameters) {
        uint32_t thread = getThread(t);
        uint32_t mask = thread < 16 ? 0xFFFF : 0xFFFF0000;
        uint64_t result = 0;
        for (uint32_t i = 0; i < (thread < 16 ? 3 : 5); ++i)
          result = vnm_emu_shfl(t, RECORD("shfl"), 0, mask, thread + i, 1, 31);
        store(t, getOut(parameters) + thread, int32_t(result), VNM_EMU_GLOBAL);
      },
      1, 32);
  EXPECT_TRUE(reports.empty()) << reports[0];
  std::vector<int32_t> result = getResult(32);
  for (int32_t i = 0; i < 32; ++i)
    EXPECT_EQ(result[i], (i ^ 1) + (i < 16 ? 2 : 4));
}

TEST_P(RuntimeTest, ReportsDeadlock) {
  launch(
      [](VnmEmuThread *t, void **) {
        if (getThread(t) < 32)
          vnm_emu_barrier(t, RECORD("sync"), 1, 64, 3, 0);
        else
          vnm_emu_barrier(t, RECORD("other"), 2, 64, 3, 0);
      },
      1, 64);
  ASSERT_EQ(reports.size(), 1u);
  EXPECT_NE(reports[0].find("warp 0, lanes 0-31 at sync at here: barrier 1 has "
                            "32 of 64 threads"),
            std::string::npos)
      << reports[0];
  EXPECT_NE(reports[0].find("warp 1, lanes 0-31 at other at here"),
            std::string::npos);
}

TEST_P(RuntimeTest, CompletesCopiesWhenWaitedFor) {
  for (int32_t i = 0; i < 128; ++i)
    mgpuMemcpy(out + i, &i, sizeof(i), nullptr);
  launch(
      [](VnmEmuThread *t, void **parameters) {
        uint32_t thread = getThread(t);
        auto *from = reinterpret_cast<char *>(getOut(parameters) + 4 * thread);
        char *to = vnm_emu_shared_window(t) + 16 * thread;
        // Half of it is zeros.
        vnm_emu_cp_async(t, RECORD("copy"), to, from, 16, 8);
        vnm_emu_cp_async_commit(t, RECORD("commit"));
        vnm_emu_cp_async_wait(t, RECORD("wait"), 0);
        synchronize(t);
        int32_t value = load(t, getShared(t) + (127 - thread));
        store(t, getOut(parameters) + 128 + thread, value, VNM_EMU_GLOBAL);
      },
      1, 32);
  EXPECT_TRUE(reports.empty()) << reports[0];
  std::vector<int32_t> result = getResult(160);
  for (int32_t i = 0; i < 32; ++i)
    EXPECT_EQ(result[128 + i], (127 - i) % 4 < 2 ? 127 - i : 0);
}

TEST_P(RuntimeTest, ReportsOnlyWhatIsAskedFor) {
  configure(GetParam(), "all,-race");
  launch(broadcast<false>, 1, 96);
  EXPECT_TRUE(reports.empty()) << reports[0];
  configure(GetParam(), "none");
  launch([](VnmEmuThread *t, void **) { load(t, getShared(t)); }, 1, 32);
  EXPECT_TRUE(reports.empty()) << reports[0];
}

TEST(EmulatorSettingsTest, RefusesUnknownNames) {
  char message[256];
  EXPECT_EQ(vnm_emulator_configure("soon", nullptr, message, sizeof(message)),
            1);
  EXPECT_STREQ(message, "requires the order to be late, early or random:SEED, "
                        "but it is 'soon'");
  EXPECT_EQ(vnm_emulator_configure("random:", nullptr, message, 8), 1);
  EXPECT_STREQ(message, "require");
  EXPECT_EQ(vnm_emulator_configure(nullptr, "race,-", message, sizeof(message)),
            1);
}

INSTANTIATE_TEST_SUITE_P(Orders, RuntimeTest,
                         testing::Values("late", "early", "random:1",
                                         "random:2", "random:3"));
