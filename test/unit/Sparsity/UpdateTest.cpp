// Part of the VNM project, under the Apache License v2.0 with LLVM Exceptions.
// See the file LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// This file tests the weight update against exact least squares.

#include "vnm/Sparsity/Update.h"
#include "TestUtils.h"
#include <cmath>
#include <limits>

using namespace vnm::sparsity;
using namespace vnm::sparsity::test;

/// About normal: the sum of 12 uniform numbers.
static float pickNormal(Random &random) {
  float sum = -6;
  for (int i = 0; i < 12; ++i)
    sum += pickUnit(random);
  return sum;
}

/// Samples whose neighbouring channels are alike and of very different scales.
static std::vector<float> correlated(Random &random, int64_t samples,
                                     int64_t cols) {
  std::vector<float> scales, x;
  for (int64_t j = 0; j < cols; ++j)
    scales.push_back(std::exp(0.5f * pickNormal(random)));
  for (int64_t s = 0; s < samples; ++s) {
    float state = pickNormal(random);
    for (int64_t j = 0; j < cols; ++j) {
      state = 0.9f * state + 0.436f * pickNormal(random);
      x.push_back(state * scales[j]);
    }
  }
  return x;
}

namespace {
struct Layer {
  int64_t rows = 0, cols = 0;
  std::vector<float> weight, gram, heldOut;
  Structure structure;

  MatrixView view() const {
    return MatrixView::rowMajor(weight.data(), ElementType::F32, rows, cols);
  }
  double heldOutError(const std::vector<float> &updated) const {
    return relativeOutputError(weight, updated, heldOut, rows, cols);
  }
};
} // namespace

static Layer makeLayer(uint64_t seed, int64_t rows, int64_t cols,
                       const Pattern &pattern, Form form) {
  Random random(seed);
  Layer layer;
  layer.rows = rows;
  layer.cols = cols;
  for (int64_t i = 0; i < rows * cols; ++i)
    layer.weight.push_back(pickNormal(random));
  // The same channel scales for both halves of the samples.
  int64_t samples = 6 * cols;
  std::vector<float> x = correlated(random, 2 * samples, cols);
  llvm::ArrayRef<float> all(x);
  layer.gram = take(gramMatrix(all.take_front(samples * cols), samples, cols));
  layer.heldOut =
      take(gramMatrix(all.drop_front(samples * cols), samples, cols));
  std::vector<float> norms;
  for (int64_t j = 0; j < cols; ++j)
    norms.push_back(std::sqrt(layer.gram[j * cols + j]));
  ImportanceOptions options;
  options.criterion = Criterion::Wanda;
  options.activationNorms = norms;
  PruneOptions pruneOptions;
  pruneOptions.form = form;
  layer.structure = take(prune(take(importance(layer.view(), options)), rows,
                               cols, pattern, pruneOptions));
  return layer;
}

static std::vector<float> masked(const Layer &layer) {
  std::vector<uint8_t> mask = maskOf(layer.structure);
  std::vector<float> result = layer.weight;
  for (size_t i = 0; i < result.size(); ++i)
    result[i] *= float(mask[i]);
  return result;
}

/// Solves the normal equations of every row on its columns by elimination, in
/// double.
static std::vector<float> leastSquares(const Layer &layer, double damping) {
  std::vector<uint8_t> mask = maskOf(layer.structure);
  int64_t cols = layer.cols;
  double added = 0;
  for (int64_t j = 0; j < cols; ++j)
    added += damping * layer.gram[j * cols + j] / double(cols);
  auto gram = [&](int64_t i, int64_t j) {
    return layer.gram[i * cols + j] + (i == j ? added : 0);
  };
  std::vector<float> result(layer.weight.size(), 0);
  for (int64_t row = 0; row < layer.rows; ++row) {
    std::vector<int64_t> ids;
    for (int64_t j = 0; j < cols; ++j)
      if (mask[row * cols + j])
        ids.push_back(j);
    size_t n = ids.size();
    std::vector<std::vector<double>> a(n, std::vector<double>(n + 1, 0));
    for (size_t i = 0; i < n; ++i) {
      for (size_t j = 0; j < n; ++j)
        a[i][j] = gram(ids[i], ids[j]);
      for (int64_t j = 0; j < cols; ++j)
        a[i][n] += layer.weight[row * cols + j] * gram(j, ids[i]);
    }
    for (size_t p = 0; p < n; ++p)
      for (size_t i = 0; i < n; ++i) {
        if (i == p)
          continue;
        double factor = a[i][p] / a[p][p];
        for (size_t j = p; j <= n; ++j)
          a[i][j] -= factor * a[p][j];
      }
    for (size_t p = 0; p < n; ++p)
      result[row * cols + ids[p]] = float(a[p][n] / a[p][p]);
  }
  return result;
}

TEST(Update, ComesCloseToLeastSquaresInTenSteps) {
  for (Form form : {Form::Strict, Form::Free}) {
    Layer layer = makeLayer(1, 48, 200, {16, 2, 8}, form);
    double exact = layer.heldOutError(leastSquares(layer, 0.01));
    double plain = layer.heldOutError(masked(layer));
    double updated = layer.heldOutError(
        take(updateWeight(layer.view(), layer.structure, layer.gram)));
    double inOrder = layer.heldOutError(
        take(updateWeightInOrder(layer.view(), layer.structure, layer.gram)));
    EXPECT_LE(updated, 1.05 * exact);
    EXPECT_LE(updated, 0.67 * plain);
    EXPECT_LT(inOrder, plain);
    EXPECT_LT(updated, inOrder);
  }
}

TEST(Update, ConvergesToLeastSquares) {
  Layer layer = makeLayer(2, 20, 61, {16, 2, 5}, Form::Strict);
  UpdateOptions options;
  options.iterations = 200;
  std::vector<float> updated =
      take(updateWeight(layer.view(), layer.structure, layer.gram, options));
  std::vector<float> exact = leastSquares(layer, options.damping);
  for (size_t i = 0; i < updated.size(); ++i)
    EXPECT_NEAR(updated[i], exact[i], 1e-3);
}

TEST(Update, KeepsTheStructure) {
  Layer layer = makeLayer(3, 40, 50, {16, 2, 8}, Form::Free);
  layer.structure.rows.resize(40);
  for (int32_t i = 0; i < 40; ++i)
    layer.structure.rows[i] = 39 - i;
  std::vector<uint8_t> mask = maskOf(layer.structure);
  for (bool inOrder : {false, true}) {
    std::vector<float> updated =
        take((inOrder ? updateWeightInOrder : updateWeight)(
            layer.view(), layer.structure, layer.gram, {}));
    for (size_t i = 0; i < updated.size(); ++i)
      if (!mask[i])
        EXPECT_EQ(updated[i], 0);
    EXPECT_LT(layer.heldOutError(updated), layer.heldOutError(masked(layer)));
  }
  UpdateOptions options;
  options.iterations = 0;
  EXPECT_EQ(
      take(updateWeight(layer.view(), layer.structure, layer.gram, options)),
      masked(layer));
}

TEST(Update, DoesNotDependOnThreads) {
  Layer layer = makeLayer(4, 130, 300, {16, 2, 8}, Form::Strict);
  UpdateOptions options;
  options.threads = 1;
  std::vector<float> expected =
      take(updateWeight(layer.view(), layer.structure, layer.gram, options));
  std::vector<float> expectedInOrder = take(
      updateWeightInOrder(layer.view(), layer.structure, layer.gram, options));
  for (unsigned threads : {2, 3}) {
    options.threads = threads;
    EXPECT_EQ(expected, take(updateWeight(layer.view(), layer.structure,
                                          layer.gram, options)));
    EXPECT_EQ(expectedInOrder,
              take(updateWeightInOrder(layer.view(), layer.structure,
                                       layer.gram, options)));
  }
}

TEST(Update, RefusesBadInput) {
  Layer layer = makeLayer(5, 16, 20, {16, 2, 5}, Form::Strict);
  UpdateOptions options;
  auto message = [&] {
    std::string first = messageOf(
        updateWeight(layer.view(), layer.structure, layer.gram, options));
    EXPECT_EQ(first, messageOf(updateWeightInOrder(
                         layer.view(), layer.structure, layer.gram, options)));
    return first;
  };
  EXPECT_EQ(message(), "");
  options.damping = -1;
  EXPECT_EQ(message(), "requires damping to be finite and not negative, but it "
                       "is -1.000000");
  options = {};
  options.iterations = -2;
  EXPECT_EQ(message(), "requires iterations to be at least 0, but they are -2");
  options = {};
  std::vector<float> gram = layer.gram;
  layer.gram.pop_back();
  EXPECT_EQ(message(), "requires a Gram matrix of K x K = 400 elements, but it "
                       "has 399");
  layer.gram = gram;
  layer.gram[21] = std::numeric_limits<float>::quiet_NaN();
  EXPECT_EQ(message(),
            "requires a finite Gram matrix, but element (1, 1) is nan");
  layer.gram[21] = -1;
  EXPECT_EQ(message(), "requires a positive definite Gram matrix, but element "
                       "(1, 1) is -1.000000");
  layer.gram = gram;
  layer.gram[1] += gram[0];
  EXPECT_NE(message().find("requires a symmetric Gram matrix, but elements (1, "
                           "0) and (0, 1) are "),
            std::string::npos);
  layer.gram[20] = layer.gram[1] = 2 * std::sqrt(gram[0] * gram[21]);
  EXPECT_EQ(message(), "requires a positive definite Gram matrix, but element "
                       "(1, 0) exceeds its row's and its column's diagonal");
  // Three columns, each two of them possible, all three not.
  layer.gram.assign(400, 0);
  for (int i = 0; i < 20; ++i)
    layer.gram[i * 21] = 1;
  for (int i = 0; i < 3; ++i)
    for (int j = 0; j < i; ++j)
      layer.gram[i * 20 + j] = layer.gram[j * 20 + i] = -0.9f;
  EXPECT_EQ(message(), "requires a positive definite Gram matrix, but columns "
                       "0 to 19 have a minor that is not positive");
  layer.gram = gram;
  layer.structure = take(prune(std::vector<float>(15, 1.0f), 3, 5, {16, 2, 5}));
  EXPECT_EQ(message(), "requires a weight of R x K = 3 x 5, but it is 16 x 20");
}

TEST(Update, FindsNegativeCurvatureInLargeMatrices) {
  // Too large to be factorised beforehand; every pair of columns is possible.
  int64_t cols = 520;
  std::vector<float> gram(cols * cols, -0.9f);
  for (int64_t i = 0; i < cols; ++i)
    gram[i * cols + i] = 1;
  std::vector<float> weight(16 * cols, 1);
  MatrixView view =
      MatrixView::rowMajor(weight.data(), ElementType::F32, 16, cols);
  Structure structure = take(prune(weight, 16, cols, {16, 2, 8}));
  EXPECT_EQ(messageOf(updateWeight(view, structure, gram)),
            "requires a positive definite Gram matrix, but the columns of "
            "panel 0 have a direction of curvature 0 or less");
}

TEST(GramMatrix, IsTheMeanOfOuterProducts) {
  Random random(6);
  int64_t samples = 700, cols = 83;
  std::vector<float> x = correlated(random, samples, cols);
  std::vector<float> gram = take(gramMatrix(x, samples, cols));
  for (int64_t i = 0; i < cols; ++i)
    for (int64_t j = 0; j < cols; ++j) {
      double sum = 0, scale = 0;
      for (int64_t s = 0; s < samples; ++s) {
        sum += double(x[s * cols + i]) * x[s * cols + j];
        scale += std::abs(double(x[s * cols + i]) * x[s * cols + j]);
      }
      EXPECT_NEAR(gram[i * cols + j], sum / double(samples),
                  1e-5 * scale / double(samples));
      EXPECT_EQ(gram[i * cols + j], gram[j * cols + i]);
    }
  EXPECT_EQ(gram, take(gramMatrix(x, samples, cols, 2)));
}

TEST(GramMatrix, RefusesBadInput) {
  EXPECT_EQ(messageOf(gramMatrix({1, 2, 3}, 2, 2)),
            "requires samples x K = 4 activations, but there are 3");
  EXPECT_EQ(messageOf(gramMatrix({}, 0, 2)),
            "requires at least one sample and one column, but there are 0 and "
            "2");
  std::vector<float> x = {1, 2, 3, std::numeric_limits<float>::infinity()};
  EXPECT_NE(messageOf(gramMatrix(x, 2, 2)), "");
}
