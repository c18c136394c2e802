// Part of the VNM project, under the Apache License v2.0 with LLVM Exceptions.
// See the file LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// This file implements Gram matrices and their checks.

#include "Gram.h"
#include "Detail.h"
#include "Gemm.h"
#include "Vector.h"
#include <algorithm>
#include <cassert>
#include <cmath>

using namespace vnm::sparsity;
using namespace vnm::sparsity::detail;
using llvm::Twine;

/// Rows of the Gram matrix that one task computes.
static constexpr int64_t kTaskRows = 64;
/// Samples that are summed in float before they are added up in double.
static constexpr int64_t kFloatSamples = 256;
/// Up to this K, definiteness is decided by factorisation before the update.
static constexpr int64_t kMaxFactorized = 512;

llvm::Expected<std::vector<float>>
vnm::sparsity::gramMatrix(llvm::ArrayRef<float> activations, int64_t samples,
                          int64_t cols, unsigned threads) {
  if (samples < 1 || cols < 1)
    return makeError("requires at least one sample and one column, but there "
                     "are " +
                     Twine(samples) + " and " + Twine(cols));
  if (int64_t(activations.size()) != samples * cols)
    return makeError("requires samples x K = " + Twine(samples * cols) +
                     " activations, but there are " +
                     Twine(activations.size()));
  if (llvm::Error error =
          checkFinite(MatrixView::rowMajor(activations.data(), ElementType::F32,
                                           samples, cols),
                      threads))
    return std::move(error);
  int64_t width = ceilDiv(cols, kLanes) * kLanes;
  std::vector<float> gram(cols * cols);
  parallelFor(
      threads, ceilDiv(cols, kTaskRows), kTaskRows * samples,
      [&](int64_t task) {
        int64_t begin = task * kTaskRows;
        int64_t count = std::min(kTaskRows, cols - begin);
        std::vector<float> left(count * kFloatSamples), part(count * width);
        std::vector<float> right(kFloatSamples * width, 0);
        std::vector<double> sums(count * cols, 0);
        for (int64_t first = 0; first < samples; first += kFloatSamples) {
          int64_t depth = std::min(kFloatSamples, samples - first);
          for (int64_t k = 0; k < depth; ++k) {
            const float *row = activations.data() + (first + k) * cols;
            std::copy_n(row, cols, right.begin() + k * width);
            for (int64_t i = 0; i < count; ++i)
              left[i * kFloatSamples + k] = row[begin + i];
          }
          std::fill(part.begin(), part.end(), 0.0f);
          addProduct(left.data(), kFloatSamples, right.data(), width,
                     part.data(), width, count, width, depth);
          for (int64_t i = 0; i < count; ++i)
            for (int64_t j = 0; j < cols; ++j)
              sums[i * cols + j] += part[i * width + j];
        }
        for (int64_t i = 0; i < count * cols; ++i)
          gram[begin * cols + i] = float(sums[i] / double(samples));
      });
  // Both triangles are sums of the same products, up to fused rounding.
  for (int64_t i = 0; i < cols; ++i)
    for (int64_t j = 0; j < i; ++j)
      gram[i * cols + j] = gram[j * cols + i];
  return gram;
}

double detail::dampingOf(llvm::ArrayRef<float> gram, int64_t cols,
                         double damping) {
  double trace = 0;
  for (int64_t i = 0; i < cols; ++i)
    trace += gram[i * cols + i];
  return damping * trace / double(cols);
}

static llvm::Error notDefinite(const Twine &why) {
  return makeError("requires a positive definite Gram matrix, but " + why);
}

llvm::Expected<std::vector<double>>
detail::factorize(llvm::ArrayRef<float> gram, int64_t cols, double damping) {
  // A Cholesky factorisation from the last column to the first.
  std::vector<double> factor(cols * cols, 0);
  for (int64_t j = cols - 1; j >= 0; --j) {
    const double *rowJ = factor.data() + j * cols;
    double pivot = 0;
    for (int64_t i = j; i >= 0; --i) {
      double *rowI = factor.data() + i * cols;
      double sum = gram[i * cols + j];
      for (int64_t k = j + 1; k < cols; ++k)
        sum -= rowI[k] * rowJ[k];
      if (i == j) {
        sum += damping;
        if (!(sum > 0))
          return notDefinite("columns " + Twine(j) + " to " + Twine(cols - 1) +
                             " have a minor that is not positive");
        pivot = std::sqrt(sum);
        rowI[j] = pivot;
        continue;
      }
      rowI[j] = sum / pivot;
    }
  }
  return factor;
}

/// Checks the matrix's elements and its minors of one and two columns.
static llvm::Error checkGram(llvm::ArrayRef<float> gram, int64_t cols,
                             double damping) {
  auto at = [&](int64_t i, int64_t j) { return double(gram[i * cols + j]); };
  auto name = [](int64_t i, int64_t j) {
    return "(" + std::to_string(i) + ", " + std::to_string(j) + ")";
  };
  for (int64_t i = 0; i < cols; ++i)
    for (int64_t j = 0; j < cols; ++j)
      if (!std::isfinite(gram[i * cols + j]))
        return makeError("requires a finite Gram matrix, but element " +
                         name(i, j) + " is " +
                         std::to_string(gram[i * cols + j]));
  double added = dampingOf(gram, cols, damping);
  for (int64_t i = 0; i < cols; ++i)
    if (!(at(i, i) >= 0) || !(at(i, i) + added > 0))
      return notDefinite("element " + name(i, i) + " is " +
                         std::to_string(at(i, i)));
  constexpr double kTolerance = 1e-3;
  for (int64_t i = 0; i < cols; ++i)
    for (int64_t j = 0; j < i; ++j) {
      double scale = std::sqrt((at(i, i) + added) * (at(j, j) + added));
      if (std::abs(at(i, j) - at(j, i)) > kTolerance * scale)
        return makeError("requires a symmetric Gram matrix, but elements " +
                         name(i, j) + " and " + name(j, i) + " are " +
                         std::to_string(at(i, j)) + " and " +
                         std::to_string(at(j, i)));
      if (std::abs(at(i, j)) >= scale * (1 + kTolerance))
        return notDefinite("element " + name(i, j) +
                           " exceeds its row's and its column's diagonal");
    }
  if (cols > kMaxFactorized)
    return llvm::Error::success();
  return factorize(gram, cols, added).takeError();
}

llvm::Error detail::checkUpdate(const MatrixView &weight,
                                const Structure &structure,
                                llvm::ArrayRef<float> gram,
                                const UpdateOptions &options) {
  if (llvm::Error error = verifyStructure(structure))
    return error;
  if (weight.rows != structure.numRows || weight.cols != structure.numCols)
    return makeError(
        "requires a weight of R x K = " + Twine(structure.numRows) + " x " +
        Twine(structure.numCols) + ", but it is " + Twine(weight.rows) + " x " +
        Twine(weight.cols));
  if (int64_t(gram.size()) != weight.cols * weight.cols)
    return makeError("requires a Gram matrix of K x K = " +
                     Twine(weight.cols * weight.cols) +
                     " elements, but it has " + Twine(gram.size()));
  if (!std::isfinite(options.damping) || options.damping < 0)
    return makeError("requires damping to be finite and not negative, but it "
                     "is " +
                     std::to_string(options.damping));
  if (options.iterations < 0)
    return makeError("requires iterations to be at least 0, but they are " +
                     Twine(options.iterations));
  if (llvm::Error error = checkFinite(weight, options.threads))
    return error;
  return checkGram(gram, weight.cols, options.damping);
}

double vnm::sparsity::relativeOutputError(llvm::ArrayRef<float> weight,
                                          llvm::ArrayRef<float> updated,
                                          llvm::ArrayRef<float> gram,
                                          int64_t rows, int64_t cols) {
  assert(int64_t(weight.size()) == rows * cols &&
         weight.size() == updated.size() &&
         int64_t(gram.size()) == cols * cols && "shapes that disagree");
  double error = 0, norm = 0;
  std::vector<double> all(cols), lost(cols);
  for (int64_t row = 0; row < rows; ++row) {
    std::fill(all.begin(), all.end(), 0.0);
    std::fill(lost.begin(), lost.end(), 0.0);
    const float *w = weight.data() + row * cols;
    const float *u = updated.data() + row * cols;
    for (int64_t i = 0; i < cols; ++i) {
      double difference = double(w[i]) - double(u[i]);
      for (int64_t j = 0; j < cols; ++j) {
        all[j] += double(w[i]) * gram[i * cols + j];
        lost[j] += difference * gram[i * cols + j];
      }
    }
    for (int64_t j = 0; j < cols; ++j) {
      norm += all[j] * w[j];
      error += lost[j] * (double(w[j]) - double(u[j]));
    }
  }
  return norm > 0 ? std::sqrt(std::max(error, 0.0) / norm) : 0;
}
