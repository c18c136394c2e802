// Part of the VNM project, under the Apache License v2.0 with LLVM Exceptions.
// See the file LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// This file implements the printing of the report on layers and the pass
// vnm-write-report.

#include "vnm/Dialect/VNM/Transforms/LayerReport.h"
#include "mlir/IR/BuiltinOps.h"
#include "vnm/Dialect/VNM/Transforms/Passes.h"
#include "llvm/Support/JSON.h"
#include "llvm/Support/raw_ostream.h"

namespace vnm {
#define GEN_PASS_DEF_WRITEREPORTPASS
#include "vnm/Dialect/VNM/Transforms/Passes.h.inc"
} // namespace vnm

using namespace mlir;
using namespace vnm;

static void printSparsity(llvm::json::OStream &json,
                          const LayerRecord &record) {
  SparsityAttr sparsity = record.sparsity;
  sparsity::Pattern pattern = sparsity.getPattern().getPattern();
  json.attribute("pattern", pattern.str());
  json.attribute("form", stringifyForm(sparsity.getForm()));
  json.attribute("row_order", stringifyRowOrder(sparsity.getRowOrder()));
  json.attribute("criterion", stringifyCriterion(sparsity.getCriterion()));
  if (record.cols)
    json.attribute("density", double(pattern.numRowValues(record.cols)) /
                                  double(record.cols));
}

static void printSteps(llvm::json::OStream &json, const LayerRecord &record) {
  if (record.steps.empty())
    return;
  json.attributeArray("steps", [&] {
    for (const LayerStep &step : record.steps)
      json.object([&] {
        json.attribute("step", step.name);
        json.attribute("retained_before", step.before);
        json.attribute("retained_after", step.after);
        json.attribute("seconds", step.seconds);
      });
  });
}

static void printPrediction(llvm::json::OStream &json,
                            const LayerRecord &record) {
  if (!record.cost || !record.denseCost)
    return;
  json.attributeObject("predicted", [&] {
    json.attribute("microseconds", record.cost->microseconds);
    json.attribute("dense_microseconds", record.denseCost->microseconds);
    json.attribute("speedup",
                   record.denseCost->microseconds / record.cost->microseconds);
    json.attribute("source", sparsity::toString(record.cost->source));
    if (!record.cost->family.empty())
      json.attribute("family", record.cost->family);
  });
}

static void printLayer(llvm::json::OStream &json, StringRef name,
                       const LayerRecord &record) {
  json.object([&] {
    json.attribute("layer", name);
    if (record.rows) {
      json.attribute("rows", record.rows);
      json.attribute("cols", record.cols);
    }
    if (record.tokens)
      json.attribute("tokens", *record.tokens);
    if (record.type)
      json.attribute("dtype", sparsity::toString(*record.type));
    json.attribute("decision", record.sparsity ? "sparse" : "dense");
    if (!record.reason.empty())
      json.attribute("reason", record.reason);
    if (record.sparsity)
      printSparsity(json, record);
    if (record.retained)
      json.attribute("retained_importance", *record.retained);
    if (record.bytesDense) {
      json.attribute("bytes_dense", record.bytesDense);
      json.attribute("bytes_sparse", record.bytesSparse);
    }
    printSteps(json, record);
    printPrediction(json, record);
  });
}

void LayerReport::print(llvm::raw_ostream &os) const {
  // What the packed layers retain together counts every element once.
  double retained = 0, elements = 0, cost = 0, denseCost = 0;
  int64_t bytesDense = 0, bytesSparse = 0;
  for (const auto &[name, record] : layers) {
    if (record.retained) {
      retained += *record.retained * double(record.rows * record.cols);
      elements += double(record.rows * record.cols);
    }
    bytesDense += record.bytesDense;
    bytesSparse += record.bytesSparse;
    if (record.cost && record.denseCost) {
      cost += record.cost->microseconds;
      denseCost += record.denseCost->microseconds;
    }
  }
  llvm::json::OStream json(os, /*IndentSize=*/2);
  json.object([&] {
    json.attribute("version", 1);
    json.attributeArray("layers", [&] {
      for (const auto &[name, record] : layers)
        printLayer(json, name, record);
    });
    json.attributeObject("model", [&] {
      if (elements > 0)
        json.attribute("retained_importance", retained / elements);
      json.attribute("bytes_dense", bytesDense);
      json.attribute("bytes_sparse", bytesSparse);
      if (cost > 0)
        json.attribute("predicted_speedup", denseCost / cost);
    });
  });
  os << "\n";
}

namespace {
struct WriteReportPass final : vnm::impl::WriteReportPassBase<WriteReportPass> {
  using WriteReportPassBase::WriteReportPassBase;

  void runOnOperation() override {
    markAllAnalysesPreserved();
    const auto &report = getAnalysis<LayerReport>();
    std::error_code code;
    llvm::raw_fd_ostream stream(file, code);
    if (!code) {
      report.print(stream);
      stream.close();
      code = stream.error();
      stream.clear_error();
    }
    if (!code)
      return;
    getOperation()->emitError()
        << "vnm-write-report: option file: requires a writable file, but '"
        << file << "' cannot be written: " << code.message();
    signalPassFailure();
  }
};
} // namespace
