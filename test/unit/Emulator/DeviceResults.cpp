// Part of the VNM project, under the Apache License v2.0 with LLVM Exceptions.
// See the file LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// This file implements the replay of a GPU's results.

#include "DeviceResults.h"
#include "vnm/Emulator/Instructions/MatrixCopy.h"
#include "vnm/Emulator/Instructions/Mma.h"
#include "vnm/Emulator/Instructions/TensorCopy.h"
#include "vnm/Emulator/Instructions/Wgmma.h"
#include "llvm/ADT/StringSwitch.h"
#include "llvm/Support/MemoryBuffer.h"
#include <cstring>
#include <tuple>

using namespace vnm::emulator;
using namespace vnm::emulator::test;

static llvm::Error makeError(const llvm::Twine &message) {
  return llvm::createStringError(llvm::inconvertibleErrorCode(), message);
}

llvm::Error ByteMemory::read(uint32_t address,
                             llvm::MutableArrayRef<uint8_t> out,
                             unsigned lane) {
  if (address + out.size() > bytes.size())
    return makeError("requires addresses below " + llvm::Twine(bytes.size()) +
                     ", but lane " + llvm::Twine(lane) + " reads " +
                     llvm::Twine(address));
  std::memcpy(out.data(), bytes.data() + address, out.size());
  return llvm::Error::success();
}

llvm::Error ByteMemory::write(uint32_t address, llvm::ArrayRef<uint8_t> in,
                              unsigned lane) {
  if (address + in.size() > bytes.size())
    return makeError("requires addresses below " + llvm::Twine(bytes.size()) +
                     ", but lane " + llvm::Twine(lane) + " writes " +
                     llvm::Twine(address));
  std::memcpy(bytes.data() + address, in.data(), in.size());
  return llvm::Error::success();
}

int64_t DeviceResults::getNumber(llvm::StringRef field) const {
  int64_t number = 0;
  [[maybe_unused]] bool failed =
      llvm::StringRef(fields.lookup(field)).getAsInteger(10, number);
  assert(!failed && "requires a number");
  return number;
}

llvm::SmallVector<int64_t, 3>
DeviceResults::getList(llvm::StringRef field) const {
  llvm::SmallVector<llvm::StringRef, 3> parts;
  std::string text = fields.lookup(field);
  llvm::StringRef(text).split(parts, ',');
  llvm::SmallVector<int64_t, 3> numbers;
  for (llvm::StringRef part : parts)
    if (!part.getAsInteger(10, numbers.emplace_back()))
      continue;
  return numbers;
}

llvm::Expected<DeviceResults> DeviceResults::read(llvm::StringRef &data) {
  llvm::StringRef header;
  std::tie(header, data) = data.split('\n');
  DeviceResults results;
  llvm::SmallVector<llvm::StringRef> parts;
  header.split(parts, ' ');
  for (llvm::StringRef part : parts) {
    auto [key, value] = part.split('=');
    results.fields[key] = value.str();
  }
  size_t lanes = results.getText("family") == "wgmma" ? 128 : 32;
  results.countA = lanes * size_t(results.getNumber("count_a"));
  results.countB = lanes * size_t(results.getNumber("count_b"));
  results.countC = lanes * size_t(results.getNumber("count_c"));
  results.countE = lanes * size_t(results.getNumber("count_e"));
  results.countMemory = size_t(results.getNumber("count_s"));
  results.countD = size_t(results.getNumber("count_d"));
  size_t stride = size_t(results.getNumber("stride"));
  results.keptD = (results.countD + stride - 1) / stride;
  bool complete = true;
  auto take = [&](std::vector<uint32_t> &out, size_t count) {
    out.resize(count * results.getNumSamples());
    size_t bytes = 4 * out.size();
    complete &= bytes <= data.size();
    if (!complete || !bytes)
      return;
    std::memcpy(out.data(), data.data(), bytes);
    data = data.drop_front(bytes);
  };
  take(results.a, results.countA);
  take(results.b, results.countB);
  take(results.c, results.countC);
  take(results.e, results.countE);
  take(results.memory, results.countMemory);
  take(results.d, results.keptD);
  if (!complete)
    return makeError("requires the words that the header of " +
                     results.getText("name") + " counts");
  return results;
}

llvm::Expected<std::vector<DeviceResults>>
DeviceResults::readFile(const std::string &path) {
  auto buffer = llvm::MemoryBuffer::getFile(path, /*IsText=*/false,
                                            /*RequiresNullTerminator=*/false);
  if (!buffer)
    return makeError("cannot read " + path);
  std::vector<DeviceResults> all;
  llvm::StringRef data = (*buffer)->getBuffer();
  while (!data.empty()) {
    llvm::Expected<DeviceResults> results = read(data);
    if (!results)
      return makeError(path + ": " + llvm::toString(results.takeError()));
    all.push_back(std::move(*results));
  }
  return all;
}

static ElementType parseType(llvm::StringRef text) {
  return llvm::StringSwitch<ElementType>(text)
      .Case("f16", ElementType::F16)
      .Case("bf16", ElementType::BF16)
      .Case("tf32", ElementType::TF32)
      .Case("f32", ElementType::F32)
      .Case("s8", ElementType::S8)
      .Case("u8", ElementType::U8)
      .Default(ElementType::S32);
}

static Swizzle parseSwizzle(int64_t bytes) {
  return bytes == 128  ? Swizzle::B128
         : bytes == 64 ? Swizzle::B64
         : bytes == 32 ? Swizzle::B32
                       : Swizzle::None;
}

namespace {
/// The operands of one sample.
struct Sample {
  Sample(const DeviceResults &results, size_t index)
      : a(slice(results.a, results.countA, index)),
        b(slice(results.b, results.countB, index)),
        c(slice(results.c, results.countC, index)),
        e(slice(results.e, results.countE, index)),
        memory(slice(results.memory, results.countMemory, index)) {}

  static llvm::ArrayRef<uint32_t> slice(const std::vector<uint32_t> &all,
                                        size_t count, size_t index) {
    return llvm::ArrayRef(all).slice(count * index, count);
  }

  llvm::ArrayRef<uint32_t> a, b, c, e, memory;
};
} // namespace

static ByteMemory makeMemory(llvm::ArrayRef<uint32_t> words) {
  ByteMemory memory(4 * words.size());
  if (!words.empty())
    std::memcpy(memory.bytes.data(), words.data(), 4 * words.size());
  return memory;
}

static std::vector<uint32_t> toWords(llvm::ArrayRef<uint8_t> bytes) {
  std::vector<uint32_t> words(bytes.size() / 4);
  std::memcpy(words.data(), bytes.data(), 4 * words.size());
  return words;
}

static ConstFragmentRef makeFragment(llvm::ArrayRef<uint32_t> words,
                                     unsigned lanes) {
  return words.empty() ? ConstFragmentRef() : ConstFragmentRef(words, lanes);
}

static llvm::Error replayMma(const DeviceResults &results, const Sample &sample,
                             std::vector<uint32_t> &d) {
  MmaInstruction instruction;
  instruction.typeA = parseType(results.getText("type_a"));
  instruction.typeB = parseType(results.getText("type_b"));
  instruction.accumulator = parseType(results.getText("acc"));
  instruction.k = unsigned(results.getNumber("k"));
  instruction.sparse = results.getNumber("sparse");
  instruction.selector = unsigned(results.getNumber("selector"));
  instruction.saturate = results.getNumber("saturate");
  return executeMma(instruction, {sample.a, 32}, {sample.b, 32}, {sample.c, 32},
                    makeFragment(sample.e, 32), {d, 32});
}

static uint64_t makeDescriptor(const DeviceResults &results, const char *name) {
  std::string suffix = std::string("_") + name;
  MatrixDescriptor descriptor;
  descriptor.address = uint32_t(results.getNumber("start" + suffix));
  descriptor.leadingOffset = uint32_t(results.getNumber("lbo" + suffix));
  descriptor.strideOffset = uint32_t(results.getNumber("sbo" + suffix));
  descriptor.baseOffset = unsigned(results.getNumber("base_offset"));
  descriptor.swizzle = parseSwizzle(results.getNumber("swizzle"));
  return descriptor.encode();
}

static llvm::Error replayWgmma(const DeviceResults &results,
                               const Sample &sample, std::vector<uint32_t> &d) {
  WgmmaInstruction instruction;
  instruction.typeA = parseType(results.getText("type_a"));
  instruction.typeB = parseType(results.getText("type_b"));
  instruction.accumulator = parseType(results.getText("acc"));
  instruction.n = unsigned(results.getNumber("n"));
  instruction.k = unsigned(results.getNumber("k"));
  instruction.sparse = results.getNumber("sparse");
  instruction.selector = unsigned(results.getNumber("selector"));
  instruction.saturate = results.getNumber("saturate");
  instruction.negateA = results.getNumber("negate");
  auto major = [&](llvm::StringRef field) {
    return results.getText(field) == "mn" ? Major::MN : Major::K;
  };
  instruction.majorA = major("major_a");
  instruction.majorB = major("major_b");
  bool scaleD = results.getNumber("scale_d");
  if (scaleD)
    d = sample.c.vec();
  WgmmaOperandA a;
  a.registers = makeFragment(sample.a, 128);
  a.descriptor = makeDescriptor(results, "a");
  ByteMemory memory = makeMemory(sample.memory);
  return executeWgmma(instruction, a, makeDescriptor(results, "b"),
                      makeFragment(sample.e, 128), scaleD, memory, {d, 128});
}

static llvm::Error replayMatrixCopy(const DeviceResults &results,
                                    const Sample &sample,
                                    std::vector<uint32_t> &d) {
  ByteMemory memory = makeMemory(sample.memory);
  bool transpose = results.getNumber("transpose");
  if (results.getText("family") == "ldmatrix")
    return executeLdMatrix(sample.a, transpose, memory, {d, 32});
  llvm::Error error =
      executeStMatrix(sample.a, transpose, {sample.c, 32}, memory);
  d = toWords(memory.bytes);
  return error;
}

static llvm::Error replayTensorCopy(const DeviceResults &results,
                                    const Sample &sample,
                                    std::vector<uint32_t> &d) {
  TensorMap map;
  map.elementBytes = getBitWidth(parseType(results.getText("type_a"))) / 8;
  map.swizzle = parseSwizzle(results.getNumber("swizzle"));
  for (int64_t extent : results.getList("box"))
    map.box.push_back(uint32_t(extent));
  uint64_t pitch = map.elementBytes;
  for (int64_t size : results.getList("sizes")) {
    if (!map.sizes.empty())
      map.strides.push_back(pitch);
    map.sizes.push_back(uint64_t(size));
    pitch *= uint64_t(size);
  }
  bool load = results.getText("family") == "tma_load";
  ByteMemory global = makeMemory(sample.memory);
  ByteMemory shared = makeMemory(load ? llvm::ArrayRef<uint32_t>(d) : sample.b);
  llvm::SmallVector<int32_t, 3> coordinates;
  for (size_t i = 0; i < map.box.size(); ++i)
    coordinates.push_back(int32_t(sample.a[i]));
  auto copy = [&](TensorCopyPiece piece) -> llvm::Error {
    std::vector<uint8_t> bytes(piece.bytes);
    if (!load && piece.outOfBounds)
      return llvm::Error::success();
    ByteMemory &source = load ? global : shared;
    uint32_t global32 = uint32_t(piece.globalAddress);
    if (!piece.outOfBounds)
      if (llvm::Error error =
              source.read(load ? global32 : piece.sharedAddress, bytes, 0))
        return error;
    ByteMemory &destination = load ? shared : global;
    return destination.write(load ? piece.sharedAddress : global32, bytes, 0);
  };
  llvm::Error error = forEachTensorCopyPiece(
      map, load ? TensorCopyDirection::Load : TensorCopyDirection::Store,
      coordinates, 0, copy);
  d = toWords(load ? shared.bytes : global.bytes);
  return error;
}

llvm::Expected<std::vector<uint32_t>>
DeviceResults::replay(size_t sample) const {
  std::vector<uint32_t> result(countD);
  Sample operands(*this, sample);
  std::string family = getText("family");
  llvm::Error error = family == "mma"     ? replayMma(*this, operands, result)
                      : family == "wgmma" ? replayWgmma(*this, operands, result)
                      : llvm::StringRef(family).ends_with("matrix")
                          ? replayMatrixCopy(*this, operands, result)
                          : replayTensorCopy(*this, operands, result);
  if (error)
    return std::move(error);
  size_t stride = size_t(getNumber("stride"));
  for (size_t i = 0; i < keptD; ++i)
    result[i] = result[i * stride];
  result.resize(keptD);
  return result;
}
