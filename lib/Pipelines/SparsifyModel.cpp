// Part of the VNM project, under the Apache License v2.0 with LLVM Exceptions.
// See the file LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// This file implements the pipeline vnm-sparsify-model.

#include "HostLowering.h"
#include "mlir/Pass/PassManager.h"
#include "mlir/Transforms/Passes.h"
#include "vnm/Dialect/VNM/Transforms/Passes.h"
#include "vnm/Pipelines/Pipelines.h"

using namespace mlir;

void vnm::addFoldAndReport(OpPassManager &pm,
                           const SparsifySettings &settings) {
  pm.addPass(createFoldWeightsPass());
  if (settings.report.empty())
    return;
  WriteReportPassOptions write;
  write.file = settings.report;
  pm.addPass(createWriteReportPass(write));
}

void vnm::buildSparsifyModelPipeline(OpPassManager &pm,
                                     const SparsifySettings &settings) {
  // Equal constants and loads become one, so that layers share their weight.
  pm.addPass(createCSEPass());
  AnnotateMatmulsPassOptions annotate;
  annotate.pattern = settings.pattern;
  annotate.form = settings.form;
  annotate.criterion = settings.criterion;
  annotate.columnChoice = settings.columnChoice;
  annotate.effort = settings.effort;
  annotate.filter = settings.filter;
  annotate.minRows = settings.minRows;
  annotate.minCols = settings.minCols;
  pm.addPass(createAnnotateMatmulsPass(annotate));
  if (!settings.select.empty() || settings.allowDense) {
    SelectPatternPassOptions select;
    select.rule = settings.select.empty() ? "annotated" : settings.select;
    select.speedup = settings.speedup;
    select.candidates = settings.candidates;
    select.costTable = settings.costTable;
    select.tokens = settings.tokens;
    select.calibration = settings.calibration;
    pm.addPass(createSelectPatternPass(select));
  }
  if (settings.permute) {
    PermuteChannelsPassOptions permute;
    permute.scatter = settings.scatter;
    permute.calibration = settings.calibration;
    pm.addPass(createPermuteChannelsPass(permute));
  }
  SparsifyPassOptions sparsify;
  sparsify.calibration = settings.calibration;
  pm.addPass(createSparsifyPass(sparsify));
  pm.addPass(createCanonicalizerPass());
  pm.addPass(createCSEPass());
  pm.addPass(createFuseEpiloguePass());
  addFoldAndReport(pm, settings);
}
