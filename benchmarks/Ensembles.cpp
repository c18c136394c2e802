// Part of the VNM project, under the Apache License v2.0 with LLVM Exceptions.
// See the file LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// This file implements seeded importance scores.

#include "Ensembles.h"
#include "llvm/Support/ErrorHandling.h"
#include <cmath>
#include <random>

using namespace vnm::sparsity;

namespace {
/// Normal numbers by Box and Muller: standard libraries differ in theirs.
class Normals {
public:
  explicit Normals(uint64_t seed) : random(seed) {}

  double unit() { return (double(random() >> 11) + 0.5) * 0x1p-53; }
  double operator()() {
    return std::sqrt(-2 * std::log(unit())) *
           std::cos(6.283185307179586 * unit());
  }
  /// exp(sigma z) for `count` normals z.
  std::vector<double> scales(int64_t count, double sigma) {
    std::vector<double> result(count);
    for (double &scale : result)
      scale = std::exp(sigma * (*this)());
    return result;
  }
  std::mt19937_64 random;
};
} // namespace

llvm::StringRef vnm::sparsity::toString(Ensemble ensemble) {
  switch (ensemble) {
  case Ensemble::Gauss:
    return "gauss";
  case Ensemble::T3:
    return "t3";
  case Ensemble::Wanda:
    return "wanda";
  case Ensemble::Clust:
    return "clust";
  case Ensemble::Heads:
    return "heads";
  }
  llvm_unreachable("unknown ensemble");
}

static double studentT3(Normals &normal) {
  double sum = 0;
  for (int i = 0; i < 3; ++i) {
    double z = normal();
    sum += z * z;
  }
  return normal() / std::sqrt(sum / 3);
}

static void fillWanda(Normals &normal, int64_t rows, int64_t cols,
                      std::vector<float> &scores) {
  std::vector<double> colScales = normal.scales(cols, 0.6);
  for (int64_t i = 0; i < cols / 100; ++i)
    colScales[normal.random() % uint64_t(cols)] *= 10;
  std::vector<double> rowScales = normal.scales(rows, 0.2);
  for (int64_t i = 0; i < rows * cols; ++i)
    scores[i] = float(normal() * colScales[i % cols] * rowScales[i / cols]);
}

static void fillClust(Normals &normal, int64_t rows, int64_t cols,
                      std::vector<float> &scores) {
  constexpr int64_t kClusters = 16, kRank = 8;
  std::vector<std::vector<double>> scales;
  for (int64_t i = 0; i < kClusters; ++i)
    scales.push_back(normal.scales(cols, 0.5));
  std::vector<double> right(kRank * cols);
  for (double &value : right)
    value = normal();
  std::vector<int64_t> clusterOf(rows);
  for (int64_t row = 0; row < rows; ++row)
    clusterOf[row] = row % kClusters;
  for (int64_t row = rows; row > 1; --row)
    std::swap(clusterOf[row - 1], clusterOf[normal.random() % uint64_t(row)]);
  for (int64_t row = 0; row < rows; ++row) {
    double left[kRank];
    for (double &value : left)
      value = normal() / std::sqrt(double(kRank));
    for (int64_t col = 0; col < cols; ++col) {
      double part = 0;
      for (int64_t i = 0; i < kRank; ++i)
        part += left[i] * right[i * cols + col];
      scores[row * cols + col] =
          float((normal() + 0.5 * part) * scales[clusterOf[row]][col]);
    }
  }
}

static void fillHeads(Normals &normal, int64_t rows, int64_t cols,
                      std::vector<float> &scores) {
  std::vector<double> scales;
  for (int64_t i = 0; i < rows * cols; ++i) {
    if (i % (64 * cols) == 0)
      scales = normal.scales(cols, 0.6);
    scores[i] = float(normal() * scales[i % cols]);
  }
}

std::vector<float> vnm::sparsity::makeScores(Ensemble ensemble, int64_t rows,
                                             int64_t cols, uint64_t seed) {
  Normals normal(seed * 16 + uint64_t(ensemble));
  std::vector<float> scores(rows * cols);
  switch (ensemble) {
  case Ensemble::Gauss:
    for (float &score : scores)
      score = float(normal());
    break;
  case Ensemble::T3:
    for (float &score : scores)
      score = float(studentT3(normal));
    break;
  case Ensemble::Wanda:
    fillWanda(normal, rows, cols, scores);
    break;
  case Ensemble::Clust:
    fillClust(normal, rows, cols, scores);
    break;
  case Ensemble::Heads:
    fillHeads(normal, rows, cols, scores);
    break;
  }
  for (float &score : scores)
    score = std::fabs(score);
  return scores;
}
