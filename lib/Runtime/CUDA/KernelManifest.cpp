// Part of the VNM project, under the Apache License v2.0 with LLVM Exceptions.
// See the file LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// This file reads manifests of kernels and applies their rules.

#include "vnm/Runtime/KernelManifest.h"

#include "llvm/ADT/Twine.h"
#include "llvm/Support/JSON.h"
#include "llvm/Support/MathExtras.h"
#include <limits>

using namespace vnm::runtime;
namespace json = llvm::json;
using llvm::Twine;

static constexpr int64_t kVersion = 1;
/// Limit of the x dimension of a grid, on every chip.
static constexpr int64_t kMaxBlocks = std::numeric_limits<int32_t>::max();

static llvm::Error makeError(const Twine &message) {
  return llvm::createStringError(llvm::inconvertibleErrorCode(), message);
}

//===----------------------------------------------------------------------===//
// Rules
//===----------------------------------------------------------------------===//

static llvm::Expected<int64_t> evaluate(const KernelSize &size,
                                        const KernelSizes &sizes) {
  if (const auto *value = std::get_if<int64_t>(&size))
    return *value;
  const std::string &name = std::get<std::string>(size);
  auto found = sizes.find(name);
  if (found == sizes.end())
    return makeError("requires the size '" + name + "', but it is not given");
  if (found->second < 0)
    return makeError("requires the size '" + name +
                     "' to be at least 0, but it is " + Twine(found->second));
  return found->second;
}

/// The product of `sizes`, or an error if it leaves the range of int64_t.
static llvm::Expected<int64_t> multiply(int64_t factor,
                                        const std::vector<KernelSize> &shape,
                                        const KernelSizes &sizes) {
  int64_t product = factor;
  for (const KernelSize &size : shape) {
    llvm::Expected<int64_t> value = evaluate(size, sizes);
    if (!value)
      return value.takeError();
    if (llvm::MulOverflow(product, *value, product))
      return makeError("requires a product of sizes of less than 2^63");
  }
  return product;
}

llvm::Expected<int64_t> KernelEntry::numBlocks(const KernelSizes &sizes) const {
  llvm::Expected<int64_t> numTokens = evaluate(tokens, sizes);
  if (!numTokens)
    return numTokens.takeError();
  int64_t tokenTiles = *numTokens / tokenTile + (*numTokens % tokenTile != 0);
  int64_t tiles = 0;
  if (llvm::MulOverflow(rowTiles, tokenTiles, tiles))
    return makeError("requires a product of sizes of less than 2^63");
  llvm::Expected<int64_t> blocks = multiply(tiles, batch, sizes);
  if (!blocks)
    return blocks.takeError();
  if (maxBlocks != 0)
    return std::min(*blocks, maxBlocks);
  if (*blocks > kMaxBlocks)
    return makeError("requires at most " + Twine(kMaxBlocks) + " CTAs, but " +
                     name + " needs " + Twine(*blocks));
  return *blocks;
}

llvm::Expected<std::vector<uint64_t>>
KernelEntry::packParameters(const KernelBuffers &buffers,
                            const KernelSizes &sizes) const {
  std::vector<uint64_t> words;
  for (const KernelArgument &argument : arguments) {
    if (argument.kind == KernelArgument::Kind::Size) {
      llvm::Expected<int64_t> value = evaluate(argument.name, sizes);
      if (!value)
        return value.takeError();
      words.push_back(*value);
      continue;
    }
    if (argument.kind == KernelArgument::Kind::TensorMap) {
      words.resize(words.size() + argument.getNumWords());
      continue;
    }
    auto found = buffers.find(argument.name);
    if (found == buffers.end())
      return makeError("requires the buffer '" + argument.name +
                       "', but it is not given");
    const KernelBuffer &buffer = found->second;
    llvm::Expected<int64_t> count = multiply(1, argument.shape, sizes);
    if (!count)
      return count.takeError();
    if (buffer.numElements != *count)
      return makeError("requires " + Twine(*count) + " elements of '" +
                       argument.name + "', but there are " +
                       Twine(buffer.numElements));
    words.insert(words.end(),
                 {buffer.pointer, buffer.pointer, 0, uint64_t(*count), 1});
  }
  return words;
}

//===----------------------------------------------------------------------===//
// JSON
//===----------------------------------------------------------------------===//

namespace {
/// Reads fields of an object and keeps the first error.
class FieldReader {
public:
  explicit FieldReader(const json::Object &object) : object(object) {}

  void read(llvm::StringRef key, std::string &field) {
    if (std::optional<llvm::StringRef> value = object.getString(key))
      field = value->str();
    else
      refuse("a string", key);
  }

  void read(llvm::StringRef key, int64_t &field, int64_t least) {
    std::optional<int64_t> value = object.getInteger(key);
    if (value && *value >= least)
      field = *value;
    else
      refuse("an integer of at least " + Twine(least), key);
  }

  /// A field that may be absent, which is false.
  void readOptional(llvm::StringRef key, bool &field) {
    if (!object.get(key))
      return;
    if (std::optional<bool> value = object.getBoolean(key))
      field = *value;
    else
      refuse("true or false", key);
  }

  void read(llvm::StringRef key, KernelSize &field) {
    const json::Value *value = object.get(key);
    if (!value || !toSize(*value, field))
      refuse("a size, a number or a name,", key);
  }

  void read(llvm::StringRef key, std::vector<KernelSize> &field) {
    const json::Array *array = object.getArray(key);
    if (!array)
      return refuse("an array of sizes", key);
    for (const json::Value &value : *array)
      if (!toSize(value, field.emplace_back()))
        return refuse("an array of sizes", key);
  }

  /// `count` integers of at least `least`; any number if `count` is negative.
  void read(llvm::StringRef key, std::vector<int64_t> &field, int64_t least,
            int64_t count = -1) {
    const json::Array *array = object.getArray(key);
    bool isValid = array && (count < 0 || int64_t(array->size()) == count);
    for (size_t i = 0; isValid && i < array->size(); ++i) {
      std::optional<int64_t> value = (*array)[i].getAsInteger();
      isValid = value && *value >= least;
      field.push_back(value.value_or(0));
    }
    if (!isValid)
      refuse((count < 0 ? "an array" : "an array of " + Twine(count)) +
                 " of integers of at least " + Twine(least),
             key);
  }

  llvm::Error takeError() {
    return message.empty() ? llvm::Error::success() : makeError(message);
  }

private:
  static bool toSize(const json::Value &value, KernelSize &size) {
    if (std::optional<llvm::StringRef> name = value.getAsString()) {
      size = name->str();
      return true;
    }
    std::optional<int64_t> number = value.getAsInteger();
    if (!number || *number < 0)
      return false;
    size = *number;
    return true;
  }

  void refuse(const Twine &what, llvm::StringRef key) {
    if (message.empty())
      message = ("requires " + what + " as '" + key + "'").str();
  }

  const json::Object &object;
  std::string message;
};
} // namespace

static llvm::Error parseMap(const json::Object &object, KernelTensorMap &map) {
  FieldReader reader(object);
  reader.read("buffer", map.buffer);
  reader.read("sizes", map.sizes, /*least=*/1);
  auto rank = static_cast<int64_t>(map.sizes.size());
  if (llvm::Error error = reader.takeError())
    return error;
  constexpr int64_t kMaxRank = 5;
  if (rank < 1 || rank > kMaxRank)
    return makeError("requires a tensor map of 1 to " + Twine(kMaxRank) +
                     " dimensions, but there are " + Twine(rank));
  reader.read("strides", map.strides, /*least=*/0, rank - 1);
  reader.read("box", map.box, /*least=*/1, rank);
  return reader.takeError();
}

/// Checks that every tensor map is of a buffer that is an argument.
static llvm::Error checkMaps(const KernelEntry &kernel) {
  auto hasBuffer = [&](llvm::StringRef name) {
    return llvm::any_of(kernel.arguments, [&](const KernelArgument &argument) {
      return argument.kind == KernelArgument::Kind::MemRef &&
             argument.name == name;
    });
  };
  for (const KernelArgument &argument : kernel.arguments)
    if (argument.kind == KernelArgument::Kind::TensorMap &&
        !hasBuffer(argument.map.buffer))
      return makeError("requires a memref among the arguments as 'buffer', but "
                       "it is '" +
                       argument.map.buffer + "'");
  return llvm::Error::success();
}

static llvm::Expected<KernelArgument>
parseArgument(const json::Object &object) {
  KernelArgument argument;
  FieldReader reader(object);
  std::string kind;
  reader.read("name", argument.name);
  reader.read("kind", kind);
  reader.read("type", argument.type);
  if (kind == "size")
    argument.kind = KernelArgument::Kind::Size;
  else if (kind == "tensor_map")
    argument.kind = KernelArgument::Kind::TensorMap;
  else
    reader.read("shape", argument.shape);
  if (llvm::Error error = reader.takeError())
    return std::move(error);
  if (argument.kind == KernelArgument::Kind::TensorMap) {
    if (llvm::Error error = parseMap(object, argument.map))
      return std::move(error);
    if (argument.type != "f16" && argument.type != "bf16")
      return makeError("requires a tensor map of f16 or bf16, but it is of '" +
                       argument.type + "'");
  }
  if (kind != "size" && kind != "memref" && kind != "tensor_map")
    return makeError("requires 'kind' to be memref, size or tensor_map, but it "
                     "is '" +
                     kind + "'");
  return argument;
}

static llvm::Error parseGrid(const json::Object &object, KernelEntry &kernel) {
  const json::Object *grid = object.getObject("grid");
  if (!grid)
    return makeError("requires an object as 'grid'");
  FieldReader reader(*grid);
  reader.read("row_tiles", kernel.rowTiles, /*least=*/1);
  reader.read("token_tile", kernel.tokenTile, /*least=*/1);
  if (grid->get("max_blocks"))
    reader.read("max_blocks", kernel.maxBlocks, /*least=*/1);
  return reader.takeError();
}

static llvm::Expected<KernelEntry> parseKernel(const json::Object &object) {
  KernelEntry kernel;
  FieldReader reader(object);
  reader.read("name", kernel.name);
  reader.read("code", kernel.code);
  reader.read("family", kernel.family);
  reader.read("pattern", kernel.pattern);
  reader.read("rows", kernel.rows, /*least=*/1);
  reader.read("cols", kernel.cols, /*least=*/1);
  reader.read("tokens", kernel.tokens);
  reader.read("batch", kernel.batch);
  reader.read("threads", kernel.threads, /*least=*/1);
  reader.read("shared_memory", kernel.sharedMemory, /*least=*/0);
  reader.readOptional("dependent_launch", kernel.dependentLaunch);
  if (llvm::Error error = reader.takeError())
    return std::move(error);
  if (llvm::Error error = parseGrid(object, kernel))
    return std::move(error);
  const json::Array *arguments = object.getArray("arguments");
  if (!arguments)
    return makeError("requires an array as 'arguments'");
  for (const json::Value &value : *arguments) {
    const json::Object *fields = value.getAsObject();
    if (!fields)
      return makeError("requires objects in 'arguments'");
    llvm::Expected<KernelArgument> argument = parseArgument(*fields);
    if (!argument)
      return argument.takeError();
    kernel.arguments.push_back(std::move(*argument));
  }
  if (llvm::Error error = checkMaps(kernel))
    return std::move(error);
  return kernel;
}

llvm::Expected<std::vector<KernelEntry>>
vnm::runtime::parseManifest(llvm::StringRef text) {
  llvm::Expected<json::Value> value = json::parse(text);
  if (!value)
    return makeError("requires a manifest in JSON, but " +
                     llvm::toString(value.takeError()));
  const json::Object *root = value->getAsObject();
  if (!root || root->getInteger("version") != kVersion)
    return makeError("requires a manifest of version " + Twine(kVersion));
  const json::Array *list = root->getArray("kernels");
  if (!list)
    return makeError("requires an array as 'kernels' of the manifest");
  std::vector<KernelEntry> kernels;
  for (size_t i = 0; i < list->size(); ++i) {
    const json::Object *object = (*list)[i].getAsObject();
    llvm::Expected<KernelEntry> kernel =
        object ? parseKernel(*object) : makeError("requires an object");
    if (!kernel)
      return makeError("kernel " + Twine(i) + " of the manifest: " +
                       llvm::toString(kernel.takeError()));
    kernels.push_back(std::move(*kernel));
  }
  return kernels;
}
