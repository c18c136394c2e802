// Part of the VNM project, under the Apache License v2.0 with LLVM Exceptions.
// See the file LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// This file implements wgmma.mma_async, dense and sparse.

#include "vnm/Emulator/Instructions/Wgmma.h"
#include "Detail.h"
#include "MatrixProduct.h"
#include "vnm/Emulator/Instructions/Metadata.h"

using namespace vnm::emulator;

static constexpr unsigned kRows = 64;
static constexpr unsigned kPieceBytes = 16;

unsigned WgmmaInstruction::getNumRegistersD() const {
  return kRows * n / (kWarpgroupLanes * getElementsPerRegister(accumulator));
}

/// Checks which types go together, and with which flags.
static llvm::Error verifyTypes(const WgmmaInstruction &i) {
  bool bytes = getBitWidth(i.typeA) == 8 && getBitWidth(i.typeB) == 8;
  bool floats = i.typeA == i.typeB &&
                (i.typeA == ElementType::F16 || i.typeA == ElementType::BF16 ||
                 i.typeA == ElementType::TF32);
  if (!bytes && !floats)
    return makeError("requires A and B of f16, bf16 or tf32 alike, or of s8 "
                     "and u8, but they are " +
                     stringify(i.typeA) + " and " + stringify(i.typeB));
  bool narrow = i.accumulator == ElementType::F16;
  bool legal = bytes ? i.accumulator == ElementType::S32
                     : i.accumulator == ElementType::F32 ||
                           (narrow && i.typeA == ElementType::F16);
  if (!legal)
    return makeError("requires accumulators of f32, of f16 for f16 or of s32 "
                     "for integers, but they are " +
                     stringify(i.accumulator) + " for " + stringify(i.typeA));
  if (i.saturate && !bytes)
    return makeError("requires integers with satfinite, but A is " +
                     stringify(i.typeA));
  if (bytes && (i.negateA || i.negateB))
    return makeError("requires floating-point elements to negate them, but A "
                     "is " +
                     stringify(i.typeA));
  bool transposed = i.majorA == Major::MN || i.majorB == Major::MN;
  if (transposed && getBitWidth(i.typeA) != 16)
    return makeError("requires 16-bit elements in an MN-major matrix, but "
                     "they are " +
                     stringify(i.typeA));
  return llvm::Error::success();
}

llvm::Error vnm::emulator::verify(const WgmmaInstruction &i) {
  if (llvm::Error error = verifyTypes(i))
    return error;
  unsigned k = 8 * getElementsPerRegister(i.typeA) * (i.sparse ? 2 : 1);
  if (i.k != k)
    return makeError("requires k of " + llvm::Twine(k) + " for " +
                     (i.sparse ? "sparse " : "") + stringify(i.typeA) +
                     ", but k is " + llvm::Twine(i.k));
  bool bytes = isInteger(i.typeA);
  bool legal = i.n >= 8 && i.n <= 256 && i.n % 8 == 0;
  if (bytes)
    legal = legal && (i.n % 16 == 0 || i.n == 8 || i.n == 24);
  if (!legal)
    return makeError(llvm::Twine("requires n to be a multiple of 8 in "
                                 "[8, 256]") +
                     (bytes ? ", for integers 8, 24 or a multiple of 16" : "") +
                     ", but n is " + llvm::Twine(i.n));
  if (i.sparse)
    return verify(MetadataFormat{i.typeA, i.k, i.selector});
  return llvm::Error::success();
}

/// Reads a matrix of `mn` x `k` elements from shared memory, row by row.
static llvm::Expected<llvm::SmallVector<uint32_t, 0>>
readMatrix(llvm::StringRef name, uint64_t bits, ElementType type, Major major,
           unsigned mn, unsigned k, SharedMemory &memory) {
  llvm::Expected<MatrixDescriptor> descriptor = MatrixDescriptor::decode(bits);
  if (!descriptor)
    return descriptor.takeError();
  if (llvm::Error error = descriptor->verify(type, major, mn, k))
    return makeError(name + " " + llvm::toString(std::move(error)));
  unsigned bytes = getBitWidth(type) / 8, perPiece = kPieceBytes / bytes;
  bool kMajor = major == Major::K;
  unsigned alongSize = kMajor ? k : mn, acrossSize = kMajor ? mn : k;
  llvm::SmallVector<uint32_t, 0> matrix(size_t(mn) * k);
  for (unsigned across = 0; across < acrossSize; ++across)
    for (unsigned along = 0; along < alongSize; along += perPiece) {
      unsigned row = kMajor ? across : along, col = kMajor ? along : across;
      uint8_t piece[kPieceBytes];
      uint32_t address = descriptor->getElementAddress(type, major, row, col);
      if (llvm::Error error = memory.read(address, piece, /*lane=*/0))
        return std::move(error);
      for (unsigned i = 0; i < perPiece; ++i) {
        uint32_t element = 0;
        for (unsigned byte = 0; byte < bytes; ++byte)
          element |= uint32_t(piece[i * bytes + byte]) << (8 * byte);
        matrix[kMajor ? size_t(row) * k + col + i : size_t(row + i) * k + col] =
            element;
      }
    }
  return matrix;
}

/// Checks the operands in registers.
static llvm::Error verifyOperands(const WgmmaInstruction &i,
                                  const WgmmaOperandA &a,
                                  ConstFragmentRef metadata,
                                  ConstFragmentRef d) {
  auto check = [](llvm::StringRef name, ConstFragmentRef operand,
                  unsigned registers) -> llvm::Error {
    if (operand.getNumLanes() == kWarpgroupLanes &&
        operand.getNumRegisters() == registers)
      return llvm::Error::success();
    return makeError("requires operand " + name + " of 128 lanes and " +
                     llvm::Twine(registers) + " registers, but it has " +
                     llvm::Twine(operand.getNumLanes()) + " and " +
                     llvm::Twine(operand.getNumRegisters()));
  };
  if (llvm::Error error = check("D", d, i.getNumRegistersD()))
    return error;
  if (a.registers.getNumLanes() && i.majorA == Major::MN)
    return makeError("requires a K-major A in registers, but it is MN-major");
  if (a.registers.getNumLanes())
    if (llvm::Error error = check("A", a.registers, i.getNumRegistersA()))
      return error;
  if (i.sparse)
    return check("metadata", metadata, 1);
  return llvm::Error::success();
}

/// Fills A and B of `product`.
static llvm::Error loadOperands(const WgmmaInstruction &i,
                                const WgmmaOperandA &a, uint64_t descriptorB,
                                SharedMemory &memory, MatrixProduct &product) {
  if (a.registers.getNumLanes()) {
    product.a = gatherA(i.typeA, a.registers, kRows, product.stored);
  } else {
    auto matrix = readMatrix("A", a.descriptor, i.typeA, i.majorA, kRows,
                             product.stored, memory);
    if (!matrix)
      return matrix.takeError();
    product.a = std::move(*matrix);
  }
  auto matrix =
      readMatrix("B", descriptorB, i.typeB, i.majorB, i.n, i.k, memory);
  if (!matrix)
    return matrix.takeError();
  product.b = std::move(*matrix);
  if (i.negateA)
    for (uint32_t &element : product.a)
      element = negateElement(i.typeA, element);
  if (i.negateB)
    for (uint32_t &element : product.b)
      element = negateElement(i.typeB, element);
  return llvm::Error::success();
}

llvm::Error vnm::emulator::executeWgmma(const WgmmaInstruction &instruction,
                                        const WgmmaOperandA &a,
                                        uint64_t descriptorB,
                                        ConstFragmentRef metadata, bool scaleD,
                                        SharedMemory &memory, FragmentRef d) {
  if (llvm::Error error = verify(instruction))
    return error;
  if (llvm::Error error = verifyOperands(instruction, a, metadata, d))
    return error;
  MatrixProduct product;
  product.typeA = instruction.typeA;
  product.typeB = instruction.typeB;
  product.accumulator = instruction.accumulator;
  product.saturate = instruction.saturate;
  product.k = instruction.k;
  product.stored = instruction.sparse ? instruction.k / 2 : instruction.k;
  if (instruction.sparse) {
    auto columns = decodeMetadata(
        {instruction.typeA, instruction.k, instruction.selector}, metadata);
    if (!columns)
      return columns.takeError();
    product.columns = std::move(*columns);
  }
  if (llvm::Error error =
          loadOperands(instruction, a, descriptorB, memory, product))
    return error;
  product.compute(scaleD ? ConstFragmentRef(d) : ConstFragmentRef(), d);
  return llvm::Error::success();
}
