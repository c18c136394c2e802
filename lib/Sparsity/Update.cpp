// Part of the VNM project, under the Apache License v2.0 with LLVM Exceptions.
// See the file LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// This file implements the update of kept weights.

#include "vnm/Sparsity/Update.h"
#include "Detail.h"
#include "Gemm.h"
#include "Gram.h"
#include "Vector.h"
#include <algorithm>
#include <atomic>
#include <cmath>

using namespace vnm::sparsity;
using namespace vnm::sparsity::detail;

namespace {
/// Masked conjugate gradients for one panel.
class PanelSolver {
public:
  PanelSolver(const MatrixView &weight, const Structure &structure,
              llvm::ArrayRef<float> gram, double damping, int64_t panel);

  /// Returns false if a direction of negative curvature turned up.
  bool run(int64_t iterations);
  /// Writes the panel's rows.
  void store(std::vector<float> &updated) const;

private:
  void findColumns();
  void start();
  /// One step of every row.
  bool step();
  double dot(const std::vector<float> &a, const std::vector<float> &b,
             int64_t row) const;

  const MatrixView &weight;
  const Structure &structure;
  llvm::ArrayRef<float> gram;
  double damping;
  int64_t panel, begin, count;
  /// The panel's columns; every row vector has one element for each of them.
  std::vector<int32_t> columns;
  int64_t width = 0;
  /// 1 where a row keeps a column.
  std::vector<float> mask;
  std::vector<float> matrix, inverseDiagonal;
  std::vector<float> solution, residual, direction, product, scaled;
  /// Per row: residual times preconditioned residual.
  std::vector<double> energy, firstEnergy;
};
} // namespace

PanelSolver::PanelSolver(const MatrixView &weight, const Structure &structure,
                         llvm::ArrayRef<float> gram, double damping,
                         int64_t panel)
    : weight(weight), structure(structure), gram(gram), damping(damping),
      panel(panel), begin(panel * structure.pattern.v),
      count(std::min(structure.pattern.v, structure.numRows - begin)) {
  findColumns();
  start();
}

void PanelSolver::findColumns() {
  int64_t numCols = structure.numCols, numGroups = structure.numGroups();
  int64_t numSlots = numGroups * kColumnsPerGroup;
  const int32_t *ids = structure.columns.data() + panel * numSlots;
  for (int64_t i = 0; i < numSlots; ++i)
    if (ids[i] != numCols)
      columns.push_back(ids[i]);
  std::sort(columns.begin(), columns.end());
  width = ceilDiv(int64_t(columns.size()), kLanes) * kLanes;
  std::vector<int32_t> placeOf(numCols + 1, -1);
  for (size_t i = 0; i < columns.size(); ++i)
    placeOf[columns[i]] = int32_t(i);
  mask.assign(count * width, 0);
  for (int64_t row = 0; row < count; ++row)
    for (int64_t group = 0; group < numGroups; ++group)
      for (unsigned which = 0; which < kValuesPerGroup; ++which)
        if (int32_t id = structure.column(begin + row, group, which);
            id != numCols)
          mask[row * width + placeOf[id]] = 1;
}

void PanelSolver::start() {
  int64_t numCols = structure.numCols, size = int64_t(columns.size());
  matrix.assign(size * width, 0);
  inverseDiagonal.assign(width, 0);
  for (int64_t i = 0; i < size; ++i) {
    const float *row = gram.data() + int64_t(columns[i]) * numCols;
    for (int64_t j = 0; j < size; ++j)
      matrix[i * width + j] = row[columns[j]];
    matrix[i * width + i] = float(row[columns[i]] + damping);
    inverseDiagonal[i] = 1 / matrix[i * width + i];
  }
  // The start keeps the weights; the residual is what the pruned ones lose.
  solution.assign(count * width, 0);
  residual.assign(count * width, 0);
  std::vector<float> lost(count * numCols);
  for (int64_t row = 0; row < count; ++row) {
    float *out = lost.data() + row * numCols;
    loadRow(weight, structure.outputRow(begin + row), 0, numCols, out);
    for (int64_t i = 0; i < size; ++i)
      if (mask[row * width + i] != 0) {
        solution[row * width + i] = out[columns[i]];
        out[columns[i]] = 0;
      }
  }
  constexpr int64_t kDepth = 256;
  std::vector<float> strip(kDepth * width, 0);
  for (int64_t first = 0; first < numCols; first += kDepth) {
    int64_t depth = std::min(kDepth, numCols - first);
    for (int64_t k = 0; k < depth; ++k)
      for (int64_t i = 0; i < size; ++i)
        strip[k * width + i] = gram[(first + k) * numCols + columns[i]];
    addProduct(lost.data() + first, numCols, strip.data(), width,
               residual.data(), width, count, width, depth);
  }
  scaled.resize(count * width);
  for (int64_t i = 0; i < count * width; ++i) {
    residual[i] *= mask[i];
    scaled[i] = residual[i] * inverseDiagonal[i % width];
  }
  direction = scaled;
  product.resize(count * width);
  for (int64_t row = 0; row < count; ++row)
    energy.push_back(dot(residual, scaled, row));
  firstEnergy = energy;
}

double PanelSolver::dot(const std::vector<float> &a,
                        const std::vector<float> &b, int64_t row) const {
  double sum = 0;
  for (int64_t i = row * width; i < (row + 1) * width; ++i)
    sum += double(a[i]) * double(b[i]);
  return sum;
}

bool PanelSolver::step() {
  std::fill(product.begin(), product.end(), 0.0f);
  addProduct(direction.data(), width, matrix.data(), width, product.data(),
             width, count, width, int64_t(columns.size()));
  for (int64_t row = 0; row < count; ++row) {
    // Rows that have converged to rounding stand still.
    constexpr double kConverged = 1e-14;
    if (energy[row] <= kConverged * firstEnergy[row])
      continue;
    double curvature = dot(direction, product, row);
    if (!(curvature > 0))
      return false;
    float length = float(energy[row] / curvature);
    for (int64_t i = row * width; i < (row + 1) * width; ++i) {
      solution[i] += length * direction[i];
      residual[i] -= length * product[i] * mask[i];
      scaled[i] = residual[i] * inverseDiagonal[i - row * width];
    }
    double next = dot(residual, scaled, row);
    float ratio = float(next / energy[row]);
    energy[row] = next;
    for (int64_t i = row * width; i < (row + 1) * width; ++i)
      direction[i] = scaled[i] + ratio * direction[i];
  }
  return true;
}

bool PanelSolver::run(int64_t iterations) {
  for (int64_t i = 0; i < iterations; ++i)
    if (!step())
      return false;
  return true;
}

void PanelSolver::store(std::vector<float> &updated) const {
  for (int64_t row = 0; row < count; ++row) {
    float *out =
        updated.data() + structure.outputRow(begin + row) * structure.numCols;
    for (size_t i = 0; i < columns.size(); ++i)
      if (mask[row * width + i] != 0)
        out[columns[i]] = solution[row * width + i];
  }
}

llvm::Expected<std::vector<float>> vnm::sparsity::updateWeight(
    const MatrixView &weight, const Structure &structure,
    llvm::ArrayRef<float> gram, const UpdateOptions &options) {
  if (llvm::Error error = checkUpdate(weight, structure, gram, options))
    return std::move(error);
  double damping = dampingOf(gram, weight.cols, options.damping);
  std::vector<float> updated(weight.rows * weight.cols, 0);
  std::atomic<int64_t> failed{structure.numPanels()};
  parallelFor(options.threads, structure.numPanels(),
              weight.cols * structure.pattern.v, [&](int64_t panel) {
                PanelSolver solver(weight, structure, gram, damping, panel);
                if (solver.run(options.iterations))
                  return solver.store(updated);
                int64_t known = failed;
                while (panel < known &&
                       !failed.compare_exchange_weak(known, panel))
                  ;
              });
  if (failed < structure.numPanels())
    return makeError("requires a positive definite Gram matrix, but the "
                     "columns of panel " +
                     llvm::Twine(failed.load()) +
                     " have a direction of curvature 0 or less");
  return updated;
}

llvm::Expected<std::vector<float>> vnm::sparsity::updateWeightInOrder(
    const MatrixView &weight, const Structure &structure,
    llvm::ArrayRef<float> gram, const UpdateOptions &options) {
  if (llvm::Error error = checkUpdate(weight, structure, gram, options))
    return std::move(error);
  int64_t cols = weight.cols;
  llvm::Expected<std::vector<double>> factor =
      factorize(gram, cols, dampingOf(gram, cols, options.damping));
  if (!factor)
    return factor.takeError();
  // The inverse of the upper triangular factor, row by row from the last: its
  // row j says how the columns behind j make up for column j.
  std::vector<double> inverse(cols * cols, 0);
  for (int64_t i = cols - 1; i >= 0; --i) {
    const double *row = factor->data() + i * cols;
    double *out = inverse.data() + i * cols;
    for (int64_t k = i + 1; k < cols; ++k)
      for (int64_t j = k; j < cols; ++j)
        out[j] -= row[k] * inverse[k * cols + j];
    for (int64_t j = i + 1; j < cols; ++j)
      out[j] /= row[i];
    out[i] = 1 / row[i];
  }
  std::vector<uint8_t> mask = maskOf(structure);
  std::vector<float> updated(weight.rows * cols);
  parallelFor(options.threads, weight.rows, cols * cols / 2, [&](int64_t row) {
    std::vector<float> start(cols);
    loadRow(weight, row, 0, cols, start.data());
    std::vector<double> values(start.begin(), start.end());
    for (int64_t j = 0; j < cols; ++j) {
      if (mask[row * cols + j])
        continue;
      const double *order = inverse.data() + j * cols;
      double error = values[j] / order[j];
      for (int64_t i = j; i < cols; ++i)
        values[i] -= error * order[i];
      values[j] = 0;
    }
    std::copy(values.begin(), values.end(), updated.begin() + row * cols);
  });
  return updated;
}
