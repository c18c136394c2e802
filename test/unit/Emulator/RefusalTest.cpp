// Part of the VNM project, under the Apache License v2.0 with LLVM Exceptions.
// See the file LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// This file tests what instructions refuse, and with which message.

#include "DeviceResults.h"
#include "TestUtils.h"
#include "vnm/Emulator/Instructions/MatrixCopy.h"
#include "vnm/Emulator/Instructions/Mma.h"
#include "vnm/Emulator/Instructions/Wgmma.h"

using namespace vnm::emulator;
using namespace vnm::emulator::test;

TEST(Refusal, MmaTypesAndShapes) {
  MmaInstruction instruction;
  EXPECT_EQ(messageOf(verify(instruction)), "");
  instruction.k = 32;
  EXPECT_EQ(messageOf(verify(instruction)),
            "requires k of 8 or 16 for f16, but k is 32");
  instruction.sparse = true;
  instruction.selector = 2;
  EXPECT_EQ(messageOf(verify(instruction)),
            "requires a sparsity selector below 2 for f16 with k = 32, but it "
            "is 2");
  instruction.typeB = ElementType::BF16;
  EXPECT_EQ(messageOf(verify(instruction)),
            "requires A and B of f16, bf16 or tf32 alike, or of s8 and u8, but "
            "they are f16 and bf16");
  instruction.typeA = ElementType::BF16;
  instruction.accumulator = ElementType::F16;
  EXPECT_EQ(messageOf(verify(instruction)),
            "requires f32 accumulators for bf16, but they are f16");
  instruction.accumulator = ElementType::F32;
  instruction.saturate = true;
  EXPECT_EQ(messageOf(verify(instruction)),
            "requires integers with satfinite, but A is bf16");
}

TEST(Refusal, MmaOperands) {
  std::vector<uint32_t> a(128), b(64), c(128), d(64);
  EXPECT_EQ(messageOf(executeMma({}, {a, 32}, {b, 32}, {c, 32}, {}, {d, 32})),
            "requires operand D of 32 lanes and 4 registers, but it has 32 and "
            "2");
}

TEST(Refusal, WgmmaShapes) {
  WgmmaInstruction instruction;
  instruction.n = 260;
  EXPECT_EQ(messageOf(verify(instruction)),
            "requires n to be a multiple of 8 in [8, 256], but n is 260");
  instruction.n = 40;
  EXPECT_EQ(messageOf(verify(instruction)), "");
  instruction.typeA = instruction.typeB = ElementType::S8;
  instruction.accumulator = ElementType::S32;
  instruction.k = 32;
  EXPECT_EQ(messageOf(verify(instruction)),
            "requires n to be a multiple of 8 in [8, 256], for integers 8, 24 "
            "or a multiple of 16, but n is 40");
  instruction.majorB = Major::MN;
  EXPECT_EQ(messageOf(verify(instruction)),
            "requires 16-bit elements in an MN-major matrix, but they are s8");
}

TEST(Refusal, WgmmaOperandsAndMemory) {
  WgmmaInstruction instruction;
  instruction.n = 8;
  std::vector<uint32_t> a(512), d(512);
  ByteMemory memory(256);
  WgmmaOperandA registers;
  registers.registers = {a, 128};
  MatrixDescriptor descriptor;
  descriptor.leadingOffset = 128;
  descriptor.strideOffset = 256;
  auto run = [&](uint64_t b) {
    return messageOf(
        executeWgmma(instruction, registers, b, {}, false, memory, {d, 128}));
  };
  EXPECT_EQ(run(descriptor.encode()), "");
  // The memory's own checks come through.
  descriptor.leadingOffset = 256;
  EXPECT_EQ(run(descriptor.encode()),
            "requires addresses below 256, but lane 0 reads 256");
  EXPECT_NE(run(uint64_t(1) << 52).find("has 0x10000000000000 set"),
            std::string::npos);
  instruction.majorA = Major::MN;
  EXPECT_EQ(run(descriptor.encode()),
            "requires a K-major A in registers, but it is MN-major");
}

TEST(Refusal, MatrixCopies) {
  ByteMemory memory(512);
  std::vector<uint32_t> addresses(32, 16), registers(32), three(96);
  addresses[7] = 24;
  EXPECT_EQ(
      messageOf(executeLdMatrix(addresses, false, memory, {registers, 32})),
      "requires rows aligned to 16 bytes, but lane 7 gives shared "
      "address 0x18");
  EXPECT_EQ(messageOf(executeStMatrix(addresses, false, {three, 32}, memory)),
            "requires 1, 2 or 4 matrices, but there are 3");
  // Lanes beyond the matrices' rows give no address.
  addresses[7] = 0;
  addresses[8] = 24;
  EXPECT_EQ(
      messageOf(executeLdMatrix(addresses, false, memory, {registers, 32})),
      "");
}
