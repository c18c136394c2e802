// Part of the VNM project, under the Apache License v2.0 with LLVM Exceptions.
// See the file LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// This file declares the options of the front half, which pipelines share.

#ifndef VNM_PIPELINES_SPARSIFYOPTIONS_H
#define VNM_PIPELINES_SPARSIFYOPTIONS_H

#include "mlir/Pass/PassOptions.h"
#include "llvm/ADT/SmallVector.h"
#include <string>

namespace vnm {

/// What the front half is told: options of vnm-annotate-matmuls,
/// vnm-select-pattern, vnm-permute-channels, vnm-sparsify and vnm-write-report.
struct SparsifySettings {
  std::string pattern;
  std::string form;
  std::string criterion;
  std::string columnChoice;
  std::string effort;
  std::string filter;
  std::string select;
  bool allowDense;
  double speedup;
  llvm::SmallVector<std::string> candidates;
  std::string costTable;
  int64_t tokens;
  bool permute;
  std::string scatter;
  int64_t minRows;
  int64_t minCols;
  std::string calibration;
  std::string report;
};

/// Base of the options of a pipeline, `Concrete`, that has or may begin with
/// the front half.
template <typename Concrete>
struct SparsifyOptions : mlir::PassPipelineOptions<Concrete> {
  template <typename T>
  using Option =
      typename mlir::PassPipelineOptions<Concrete>::template Option<T>;

  /// `defaultPattern` is empty where the front half only runs if asked for.
  explicit SparsifyOptions(llvm::StringRef defaultPattern = "")
      : pattern(
            *this, "pattern", llvm::cl::init(defaultPattern.str()),
            llvm::cl::desc("V:N:M to sparsify weights to, e.g. 64:2:8: V a "
                           "power of two, at least 16; N = 2; M at least 4; "
                           "empty to leave them dense")) {}

  /// The options' values.
  SparsifySettings getSettings() const {
    return {
        pattern,
        form,
        criterion,
        columnChoice,
        effort,
        filter,
        select,
        allowDense,
        speedup,
        llvm::SmallVector<std::string>(candidates.begin(), candidates.end()),
        costTable,
        tokens,
        permute,
        scatter,
        minRows,
        minCols,
        calibration,
        report};
  }

  Option<std::string> pattern;
  Option<std::string> form{
      *this, "form", llvm::cl::init("strict"),
      llvm::cl::desc(
          "strict (default) or free: which columns a group may hold")};
  Option<std::string> criterion{
      *this, "criterion", llvm::cl::init("magnitude"),
      llvm::cl::desc("magnitude (default), wanda or ria: the importance of an "
                     "element")};
  Option<std::string> columnChoice{
      *this, "column-choice", llvm::cl::init("exact"),
      llvm::cl::desc(
          "exact (default) or l1: how a block chooses its 4 columns")};
  Option<std::string> effort{
      *this, "effort", llvm::cl::init("default"),
      llvm::cl::desc("fast, default or high: how hard to search, in free form "
                     "and for permutations")};
  Option<std::string> select{
      *this, "select", llvm::cl::init(""),
      llvm::cl::desc("Rule that chooses the pattern instead: diversity, "
                     "retained or per-layer (vnm-select-pattern); empty "
                     "(default) to take `pattern` for every layer")};
  Option<bool> allowDense{
      *this, "allow-dense", llvm::cl::init(false),
      llvm::cl::desc("Without select: leave a layer dense that is predicted to "
                     "be no faster with `pattern` (default false)")};
  Option<double> speedup{
      *this, "speedup", llvm::cl::init(1.5),
      llvm::cl::desc("With select: how many times as fast as dense the "
                     "products together must be (default 1.5)")};
  typename mlir::PassPipelineOptions<Concrete>::template ListOption<std::string>
      candidates{*this, "candidates",
                 llvm::cl::desc("With select: patterns V:N:M to choose of")};
  Option<std::string> costTable{
      *this, "cost-table", llvm::cl::init(""),
      llvm::cl::desc("File (JSON) with measured times, for select and "
                     "allow-dense and to choose the schedules of GPU kernels; "
                     "empty (default) for a model")};
  Option<int64_t> tokens{
      *this, "tokens", llvm::cl::init(0),
      llvm::cl::desc(
          "With select or allow-dense: T of products whose number of "
          "tokens is dynamic")};
  Option<bool> permute{
      *this, "permute", llvm::cl::init(false),
      llvm::cl::desc("Permute channels (vnm-permute-channels; default false)")};
  Option<std::string> scatter{
      *this, "scatter", llvm::cl::init("feature-major"),
      llvm::cl::desc("With permute: feature-major (default), always or never: "
                     "products that may store permuted rows at their places")};
  Option<std::string> filter{
      *this, "filter", llvm::cl::init(""),
      llvm::cl::desc("Regular expression that a layer's name must contain; "
                     "empty (default) for every layer")};
  Option<int64_t> minRows{
      *this, "min-rows", llvm::cl::init(1),
      llvm::cl::desc("Fewest rows R of a weight to sparsify (default 1)")};
  Option<int64_t> minCols{
      *this, "min-cols", llvm::cl::init(1),
      llvm::cl::desc("Fewest columns K of a weight to sparsify (default 1)")};
  Option<std::string> calibration{
      *this, "calibration", llvm::cl::init(""),
      llvm::cl::desc("File (safetensors) with the norms of each layer's input "
                     "channels, for wanda and ria; empty (default) for none")};
  Option<std::string> report{
      *this, "report", llvm::cl::init(""),
      llvm::cl::desc("File to write what became of each layer to, as JSON; "
                     "empty (default) for none")};
};

} // namespace vnm

#endif // VNM_PIPELINES_SPARSIFYOPTIONS_H
