// Part of the VNM project, under the Apache License v2.0 with LLVM Exceptions.
// See the file LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// This file implements random products.

#include "ProductCase.h"
#include "vnm/Sparsity/Reference.h"
#include "llvm/Support/raw_ostream.h"
#include <cmath>
#include <cstring>

using namespace vnm;
using namespace vnm::test;
using namespace vnm::sparsity;
using sparsity::test::pick;
using sparsity::test::Random;

//===----------------------------------------------------------------------===//
// Array
//===----------------------------------------------------------------------===//

static int64_t widthOf(const std::string &type) {
  if (type == "f64")
    return 8;
  if (type == "f32" || type == "i32")
    return 4;
  return type == "i8" ? 1 : 2;
}

template <typename T>
static T loadAs(const char *from) {
  T value;
  std::memcpy(&value, from, sizeof(T));
  return value;
}
template <typename T>
static void storeAs(char *to, T value) {
  std::memcpy(to, &value, sizeof(T));
}

Array::Array(std::string type, std::vector<int64_t> shape, int64_t padding)
    : type(std::move(type)), shape(std::move(shape)), padding(padding) {
  strides.assign(this->shape.size(), 1);
  for (int64_t d = int64_t(this->shape.size()) - 2; d >= 0; --d)
    strides[d] = d == int64_t(this->shape.size()) - 2
                     ? this->shape[d + 1] + padding
                     : strides[d + 1] * this->shape[d + 1];
  int64_t extent = this->shape.front() * strides.front() + padding;
  bytes.assign(extent * widthOf(this->type), char(0xFF));
}

int64_t Array::offsetOf(int64_t linear) const {
  int64_t offset = 0;
  for (int64_t d = int64_t(shape.size()) - 1; d >= 0; --d) {
    offset += linear % shape[d] * strides[d];
    linear /= shape[d];
  }
  return offset;
}

double Array::get(int64_t linear) const {
  const char *at = bytes.data() + offsetOf(linear) * widthOf(type);
  if (type == "f16")
    return halfToFloat(loadAs<uint16_t>(at));
  if (type == "bf16")
    return bfloat16ToFloat(loadAs<uint16_t>(at));
  if (type == "f32")
    return loadAs<float>(at);
  if (type == "f64")
    return loadAs<double>(at);
  if (type == "i8")
    return loadAs<int8_t>(at);
  return type == "i16" ? loadAs<int16_t>(at) : loadAs<int32_t>(at);
}

void Array::set(int64_t linear, double value) {
  char *at = bytes.data() + offsetOf(linear) * widthOf(type);
  if (type == "f16")
    return storeAs<uint16_t>(at, floatToHalf(float(value)));
  if (type == "bf16")
    return storeAs<uint16_t>(at, floatToBfloat16(float(value)));
  if (type == "f32")
    return storeAs<float>(at, float(value));
  if (type == "f64")
    return storeAs<double>(at, value);
  if (type == "i8")
    return storeAs<int8_t>(at, int8_t(value));
  if (type == "i16")
    return storeAs<int16_t>(at, int16_t(uint16_t(value)));
  storeAs<int32_t>(at, int32_t(value));
}

void Array::fill(Random &random) {
  for (int64_t i = 0; i < size(); ++i) {
    if (type[0] == 'i') {
      set(i, double(pick(random, -128, 127)));
      continue;
    }
    int64_t kind = pick(random, 0, 15);
    double value = 2.0 * sparsity::test::pickUnit(random) - 1.0;
    set(i, kind == 0 ? 0.0 : kind == 1 ? -0.0 : value);
  }
}

int64_t Array::size() const {
  int64_t result = 1;
  for (int64_t extent : shape)
    result *= extent;
  return result;
}

bool Array::isPaddingIntact() const {
  std::vector<bool> used(bytes.size(), false);
  int64_t width = widthOf(type);
  for (int64_t i = 0; i < size(); ++i)
    std::fill_n(used.begin() + offsetOf(i) * width, width, true);
  for (size_t i = 0; i < bytes.size(); ++i)
    if (!used[i] && bytes[i] != char(0xFF))
      return false;
  return true;
}

std::string Array::memrefType(uint64_t dynamic) const {
  std::string result = "memref<";
  for (auto [d, extent] : llvm::enumerate(shape))
    result += ((dynamic >> d) & 1 ? "?" : std::to_string(extent)) + "x";
  result += type;
  if (padding) {
    result += ", strided<[";
    for (size_t d = 0; d + 1 < shape.size(); ++d)
      result += "?, ";
    result += "1]>";
  }
  return result + ">";
}

std::vector<int64_t> Array::descriptor() {
  auto address = int64_t(reinterpret_cast<intptr_t>(bytes.data()));
  std::vector<int64_t> result = {address, address, 0};
  result.insert(result.end(), shape.begin(), shape.end());
  result.insert(result.end(), strides.begin(), strides.end());
  return result;
}

//===----------------------------------------------------------------------===//
// ProductCase: making one
//===----------------------------------------------------------------------===//

ProductCase::ProductCase(uint64_t seed, int64_t maxTokens) : seed(seed) {
  Random random(seed);
  tokens = pick(random, 0, 5) == 0 ? 1 : pick(random, 1, maxTokens);
  for (int64_t i = pick(random, 0, 5); i >= 4; --i)
    batch.push_back(pick(random, 1, 3));
  for (int64_t extent : batch)
    numBatches *= extent;
  xTokenMajor = pick(random, 0, 1);
  yTokenMajor = pick(random, 0, 1);
  accumulate = pick(random, 0, 2) == 0;
  makeWeight(random);
  makeActivations(random);
  makeEpilogue(random);
}

void ProductCase::makeWeight(Random &random) {
  static const int64_t kPanels[] = {16, 16, 32, 64, 128, 256};
  Pattern pattern;
  pattern.v = kPanels[pick(random, 0, 5)];
  pattern.m = pick(random, 0, 7) ? pick(random, 4, 17) : pick(random, 18, 100);
  int64_t numRows =
      pick(random, 0, 7) ? pick(random, 1, 70) : pick(random, 120, 300);
  int64_t numCols =
      pick(random, 0, 7) ? pick(random, 1, 90) : pick(random, 200, 600);
  storage.structure = sparsity::test::randomStructure(
      random, pattern, numRows, numCols,
      pick(random, 0, 1) ? Form::Free : Form::Strict, pick(random, 0, 2) == 0);
  storage.type = ElementType(pick(random, 0, 3));
  const Structure &s = storage.structure;
  values = Array(toString(storage.type).str(),
                 {numRows, pattern.numRowValues(numCols)});
  values.fill(random);
  for (int64_t row = 0; row < numRows; ++row)
    for (int64_t i = 0; i < pattern.numRowValues(numCols); ++i)
      if (s.column(row, i / 2, unsigned(i % 2)) == numCols)
        values.set(row * pattern.numRowValues(numCols) + i, 0);
  storage.values = values.bytes;
  metadata = Array("i16", {numRows, pattern.numMetadataWords(numCols)});
  for (size_t i = 0; i < s.metadata.size(); ++i)
    metadata.set(int64_t(i), s.metadata[i]);
  columns = Array(pick(random, 0, 1) ? "i16" : "i32",
                  {s.numPanels(), pattern.numColumnSlots(numCols)});
  for (size_t i = 0; i < s.columns.size(); ++i)
    columns.set(int64_t(i), s.columns[i]);
  if (s.rows.empty())
    return;
  rows = Array("i32", {numRows});
  for (size_t i = 0; i < s.rows.size(); ++i)
    rows.set(int64_t(i), s.rows[i]);
}

int64_t ProductCase::place(bool tokenMajor, int64_t b, int64_t channel,
                           int64_t token, int64_t channels) const {
  return b * channels * tokens +
         (tokenMajor ? token * channels + channel : channel * tokens + token);
}

void ProductCase::makeActivations(Random &random) {
  const Structure &s = storage.structure;
  auto shapeOf = [&](bool tokenMajor, int64_t channels) {
    std::vector<int64_t> shape = batch;
    shape.push_back(tokenMajor ? tokens : channels);
    shape.push_back(tokenMajor ? channels : tokens);
    return shape;
  };
  x = Array(values.type, shapeOf(xTokenMajor, s.numCols),
            pick(random, 0, 2) ? 0 : pick(random, 1, 5));
  x.fill(random);
  // Channels that no stored value names must have no influence.
  std::vector<bool> named(s.numCols + 1, false);
  for (int64_t row = 0; row < s.numRows; ++row)
    for (int64_t i = 0; i < 2 * s.numGroups(); ++i)
      named[s.column(row, i / 2, unsigned(i % 2))] = true;
  for (int64_t column = 0; column < s.numCols; ++column)
    for (int64_t b = 0; b < numBatches && !named[column]; ++b)
      for (int64_t token = 0; token < tokens; ++token)
        x.set(place(xTokenMajor, b, column, token, s.numCols),
              x.type == "i8" ? 127 : std::nan(""));
  // Dimensions but the channels may be dynamic.
  dynamicX = random() & ((1u << x.shape.size()) - 1) &
             ~(1u << (batch.size() + xTokenMajor));
  static const char *const kResults[] = {"f32", "f32", "f16", "bf16", "f64"};
  y = Array(x.type == "i8" ? "i32" : kResults[pick(random, 0, 4)],
            shapeOf(yTokenMajor, s.numRows),
            pick(random, 0, 2) ? 0 : pick(random, 1, 5));
  // Contents of y matter only if the product adds to them.
  if (accumulate)
    y.fill(random);
  initial = y;
}

void ProductCase::makeEpilogue(Random &random) {
  int64_t numRows = storage.structure.numRows;
  bool integer = x.type == "i8";
  epilogue = EpilogueKind(pick(random, 0, 5) % 4);
  if (integer && epilogue == EpilogueKind::TanhScaleResidual)
    epilogue = EpilogueKind::BiasRelu;
  bias = Array(integer ? "i32" : x.type, {numRows});
  bias.fill(random);
  scale = Array("f32", {tokens});
  scale.fill(random);
  residual = Array("f32", y.shape);
  residual.fill(random);
}

//===----------------------------------------------------------------------===//
// ProductCase: its IR
//===----------------------------------------------------------------------===//

/// "%to = <conversion> %from" between float types, or a copy of none at all.
static std::string castText(const std::string &to, const std::string &toType,
                            const std::string &from,
                            const std::string &fromType) {
  if (toType == fromType)
    return "%" + to + " = arith.bitcast %" + from + " : " + fromType + " to " +
           toType + "\n";
  std::string op = widthOf(toType) > widthOf(fromType) ? "extf" : "truncf";
  return "%" + to + " = arith." + op + " %" + from + " : " + fromType + " to " +
         toType + "\n";
}

std::string ProductCase::epilogueText() const {
  if (epilogue == EpilogueKind::None)
    return "";
  bool integer = x.type == "i8";
  std::string acc = integer ? "i32" : "f32";
  std::string text = " epilogue";
  std::string body;
  std::string arguments = "%acc: " + acc;
  if (epilogue == EpilogueKind::BiasRelu) {
    text += "(%bias per_row : " + bias.memrefType() + ")";
    arguments += ", %b: " + bias.type;
    if (integer)
      body = "%zero = arith.constant 0 : i32\n"
             "%s = arith.addi %acc, %b : i32\n"
             "%r = arith.maxsi %s, %zero : i32\n";
    else
      body = "%zero = arith.constant 0.0 : f32\n" +
             castText("b32", "f32", "b", bias.type) +
             "%s = arith.addf %acc, %b32 : f32\n"
             "%r = arith.maximumf %s, %zero : f32\n";
  }
  if (epilogue == EpilogueKind::TanhScaleResidual) {
    text += "(%scale per_token : " + scale.memrefType() +
            ", %residual full : " + residual.memrefType() + ")";
    arguments += ", %c: f32, %d: f32";
    body = "%t = math.tanh %acc : f32\n"
           "%p = arith.mulf %t, %c : f32\n"
           "%r = arith.addf %p, %d : f32\n";
  }
  if (epilogue == EpilogueKind::ScalarRelu) {
    std::string zero = integer ? "0" : "0.0";
    std::string compare = integer ? "arith.cmpi sgt" : "arith.cmpf ogt";
    body = "%zero = arith.constant " + zero + " : " + acc +
           "\n%m = " + compare + ", %acc, %zero : " + acc +
           "\n%r = scf.if %m -> (" + acc + ") { scf.yield %acc : " + acc +
           " } else { scf.yield %zero : " + acc + " }\n";
  }
  body += integer ? "vnm.yield %r : i32\n"
                  : castText("o", y.type, "r", "f32") +
                        "vnm.yield %o : " + y.type + "\n";
  return text + " {\n^bb0(" + arguments + "):\n" + body + "}";
}

std::string ProductCase::text(const std::string &name) const {
  const Structure &s = storage.structure;
  // Dynamic dimensions of y are those of x, at their other place.
  uint64_t dynamicY = dynamicX & ((1u << batch.size()) - 1);
  if ((dynamicX >> (batch.size() + !xTokenMajor)) & 1)
    dynamicY |= 1u << (batch.size() + !yTokenMajor);
  std::string v = values.memrefType(), m = metadata.memrefType(),
              c = columns.memrefType(), xType = x.memrefType(dynamicX),
              yType = y.memrefType(dynamicY);
  std::string text = "func.func @" + name + "(%values: " + v +
                     ", %metadata: " + m + ", %columns: " + c;
  if (!s.rows.empty())
    text += ", %rows: " + rows.memrefType();
  text += ", %x: " + xType + ", %y: " + yType +
          ", %bias: " + bias.memrefType() + ", %scale: " + scale.memrefType() +
          ", %residual: " + residual.memrefType() + ") {\n";
  text += "vnm.spmm #vnm.encoding<" + s.pattern.str();
  text += s.form == Form::Free ? ", form = free" : "";
  text += columns.type == "i32" ? ", columns = i32" : "";
  text += s.rows.empty() ? "" : ", rows = permuted";
  text += "> ins(%values, %metadata, %columns, %x : " + v + ", " + m + ", " +
          c + ", " + xType + ")";
  if (!s.rows.empty())
    text += " rows(%rows : " + rows.memrefType() + ")";
  text += " outs(%y : " + yType + ") {";
  text += accumulate ? "accumulate, " : "";
  auto layout = [](bool tokenMajor) {
    return std::string("#vnm.activation_layout<") +
           (tokenMajor ? "token_major>" : "feature_major>");
  };
  text += "x_layout = " + layout(xTokenMajor) +
          ", y_layout = " + layout(yTokenMajor) + "}";
  return text + epilogueText() + "\nreturn\n}\n";
}

std::vector<Array *> ProductCase::arguments() {
  std::vector<Array *> result = {&values, &metadata, &columns};
  if (!storage.structure.rows.empty())
    result.push_back(&rows);
  for (Array *array : {&x, &y, &bias, &scale, &residual})
    result.push_back(array);
  return result;
}

//===----------------------------------------------------------------------===//
// ProductCase: checking it
//===----------------------------------------------------------------------===//

std::string ProductCase::describe() const {
  const Structure &s = storage.structure;
  std::string text;
  llvm::raw_string_ostream os(text);
  os << "seed " << seed << ": " << s.pattern.str() << " " << toString(s.form)
     << " " << values.type << " R=" << s.numRows << " K=" << s.numCols
     << " T=" << tokens << " batches=" << numBatches
     << " x_token_major=" << xTokenMajor << " y_token_major=" << yTokenMajor
     << " y=" << y.type << " columns=" << columns.type
     << " permuted=" << !s.rows.empty() << " accumulate=" << accumulate
     << " epilogue=" << int(epilogue) << " padding=" << x.padding << ","
     << y.padding;
  return text;
}

double ProductCase::applyEpilogue(double sum, int64_t b, int64_t row,
                                  int64_t token) const {
  int64_t at = place(yTokenMajor, b, row, token, storage.structure.numRows);
  switch (epilogue) {
  case EpilogueKind::None:
    return sum;
  case EpilogueKind::BiasRelu:
    return std::max(sum + bias.get(row), 0.0);
  case EpilogueKind::TanhScaleResidual:
    // The array padding of y does not apply to the residual.
    return std::tanh(sum) * scale.get(token) + residual.get(at);
  case EpilogueKind::ScalarRelu:
    return std::max(sum, 0.0);
  }
  llvm_unreachable("unknown epilogue");
}

/// Distance of neighbouring numbers at 1 in a result type.
static double epsilonOf(const std::string &type) {
  if (type == "f16")
    return 0x1p-10;
  if (type == "bf16")
    return 0x1p-7;
  return type == "i32" ? 0 : 0x1p-23;
}

std::string ProductCase::check() const {
  const Structure &s = storage.structure;
  if (!y.isPaddingIntact())
    return "wrote outside of the result";
  Storage magnitudes = storage;
  Array absolute = values;
  for (int64_t i = 0; i < absolute.size(); ++i)
    absolute.set(i, std::min(std::fabs(absolute.get(i)), 127.0));
  magnitudes.values = absolute.bytes;
  for (int64_t b = 0; b < numBatches; ++b) {
    std::vector<double> in(s.numCols * tokens), inMagnitude;
    for (int64_t column = 0; column < s.numCols; ++column)
      for (int64_t token = 0; token < tokens; ++token)
        in[column * tokens + token] =
            x.get(place(xTokenMajor, b, column, token, s.numCols));
    for (double value : in)
      inMagnitude.push_back(std::fabs(value));
    std::vector<double> sums = referenceSpmm(storage, in, tokens);
    std::vector<double> bounds = referenceSpmm(magnitudes, inMagnitude, tokens);
    for (int64_t i = 0; i < int64_t(sums.size()); ++i) {
      int64_t row = i / tokens, token = i % tokens;
      int64_t at = place(yTokenMajor, b, row, token, s.numRows);
      double start = accumulate ? initial.get(at) : 0;
      double expected = applyEpilogue(sums[i] + start, b, row, token);
      // Sums of n terms in f32 are off by at most n half ulps of the sum of
      // magnitudes; epilogues add a few roundings and 4e-6 of tanh; the result
      // is rounded once (twice if it is narrow).
      double terms = double(2 * s.numGroups() + 8);
      double tolerance = terms * 0x1p-24 * (bounds[i] + std::fabs(start) + 2);
      if (epilogue == EpilogueKind::TanhScaleResidual)
        tolerance += 4e-6;
      tolerance += epsilonOf(y.type) * std::fabs(expected);
      if (y.type == "f16")
        tolerance += 0x1p-24; // subnormal results
      if (y.type == "i32")
        tolerance = 0;
      double found = y.get(at);
      if (std::fabs(found - expected) <= tolerance)
        continue;
      std::string text;
      llvm::raw_string_ostream(text)
          << "batch " << b << ", row " << row << ", token " << token << " is "
          << found << ", expected " << expected << " within " << tolerance;
      return text;
    }
  }
  return "";
}
