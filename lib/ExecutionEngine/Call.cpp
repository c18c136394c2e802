// Part of the VNM project, under the Apache License v2.0 with LLVM Exceptions.
// See the file LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// This file implements one call of compiled code: descriptors in, arrays out.

#include "Jit.h"

#include "llvm/ADT/DenseSet.h"
#include "llvm/Support/MathExtras.h"

#include <cstring>

using namespace mlir;
using namespace vnm;

/// What MemRefToLLVM stores as the allocated pointer of a constant global.
static constexpr uint64_t kGlobalMarker = 0xdeadbeef;

/// Words of a memref descriptor: allocated and aligned pointer, offset, sizes,
/// strides.
static size_t getDescriptorWords(size_t rank) { return 3 + 2 * rank; }

static uint64_t toWord(const void *pointer) {
  return reinterpret_cast<uintptr_t>(pointer);
}

/// Appends the fields of a descriptor of the dense row-major `array`.
static void appendDescriptor(NpyArray &array,
                             SmallVectorImpl<uint64_t> &fields) {
  uint64_t data = toWord(array.getData());
  fields.append({data, data, /*offset=*/0});
  ArrayRef<int64_t> shape = array.getShape();
  fields.append(shape.begin(), shape.end());
  size_t strides = fields.size();
  fields.append(shape.size(), 1);
  for (size_t i = shape.size(); i-- > 1;)
    fields[strides + i - 1] =
        fields[strides + i] * std::max<int64_t>(shape[i], 1);
}

Call::Call(const Signature &signature, ArrayRef<NpyArray> arguments)
    : signature(signature) {
  for (const NpyArray &argument : arguments)
    buffers.push_back(argument.clone());
  for (auto [spec, buffer] : llvm::zip(signature.arguments, buffers)) {
    if (!spec.isScalar) {
      appendDescriptor(buffer, fields);
      continue;
    }
    uint64_t word = 0;
    std::memcpy(&word, buffer.getData(), buffer.getSizeInBytes());
    fields.push_back(word);
  }
  // The results are one value, or a struct of them with natural alignment.
  size_t size = 0;
  for (const ValueSpec &spec : signature.results) {
    size_t alignment = spec.isScalar ? spec.elements.size : sizeof(uint64_t);
    size_t bytes = spec.isScalar ? spec.elements.size
                                 : getDescriptorWords(spec.shape.size()) * 8;
    resultOffsets.push_back(llvm::alignTo(size, alignment));
    size = resultOffsets.back() + bytes;
  }
  resultSlot.assign(llvm::divideCeil(size, sizeof(uint64_t)), 0);
}

Call::~Call() { freeResults(); }

void Call::invoke(void (*function)(void **)) {
  freeResults();
  SmallVector<void *> packed;
  for (uint64_t &field : fields)
    packed.push_back(&field);
  packed.push_back(resultSlot.data());
  function(packed.data());
  hasResults = true;
}

/// Copies a strided array of `rank` remaining dimensions into row-major `out`.
static char *copyStrided(const char *in, const int64_t *sizes,
                         const int64_t *strides, size_t rank, size_t bytes,
                         char *out) {
  if (rank == 0) {
    std::memcpy(out, in, bytes);
    return out + bytes;
  }
  if (rank == 1 && strides[0] == 1) {
    std::memcpy(out, in, sizes[0] * bytes);
    return out + sizes[0] * bytes;
  }
  for (int64_t i = 0; i < sizes[0]; ++i)
    out = copyStrided(in + i * strides[0] * static_cast<int64_t>(bytes),
                      sizes + 1, strides + 1, rank - 1, bytes, out);
  return out;
}

NpyArray Call::getResult(unsigned index) const {
  const ValueSpec &spec = signature.results[index];
  const char *slot =
      reinterpret_cast<const char *>(resultSlot.data()) + resultOffsets[index];
  if (spec.isScalar) {
    NpyArray array(spec.elements, {});
    std::memcpy(array.getData(), slot, spec.elements.size);
    return array;
  }
  size_t rank = spec.shape.size();
  SmallVector<int64_t> words(getDescriptorWords(rank));
  std::memcpy(words.data(), slot, words.size() * sizeof(int64_t));
  const int64_t *sizes = words.data() + 3;
  NpyArray array(spec.elements, ArrayRef<int64_t>(sizes, rank));
  const char *data = reinterpret_cast<const char *>(words[1]) +
                     words[2] * static_cast<int64_t>(spec.elements.size);
  if (array.getSizeInBytes() != 0)
    copyStrided(data, sizes, sizes + rank, rank, spec.elements.size,
                array.getData());
  return array;
}

void Call::freeResults() {
  if (!hasResults)
    return;
  hasResults = false;
  // Bufferization may return an argument, a constant or one buffer twice.
  llvm::DenseSet<uint64_t> kept = {0, kGlobalMarker};
  for (NpyArray &buffer : buffers)
    kept.insert(toWord(buffer.getData()));
  for (auto [spec, offset] : llvm::zip(signature.results, resultOffsets)) {
    uint64_t allocated = resultSlot[offset / sizeof(uint64_t)];
    if (!spec.isScalar && kept.insert(allocated).second)
      std::free(reinterpret_cast<void *>(allocated));
  }
}
