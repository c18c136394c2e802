// Part of the VNM project, under the Apache License v2.0 with LLVM Exceptions.
// See the file LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// This file implements the pipeline vnm-sparsify-model.

#include "mlir/Pass/PassManager.h"
#include "mlir/Transforms/Passes.h"
#include "vnm/Dialect/VNM/Transforms/Passes.h"
#include "vnm/Pipelines/Pipelines.h"

using namespace mlir;

void vnm::buildSparsifyModelPipeline(OpPassManager &pm,
                                     const SparsifySettings &settings) {
  // Equal constants and loads become one, so that layers share their weight.
  pm.addPass(createCSEPass());
  AnnotateMatmulsPassOptions annotate;
  annotate.pattern = settings.pattern;
  annotate.form = settings.form;
  annotate.criterion = settings.criterion;
  annotate.columnChoice = settings.columnChoice;
  annotate.filter = settings.filter;
  annotate.minRows = settings.minRows;
  annotate.minCols = settings.minCols;
  pm.addPass(createAnnotateMatmulsPass(annotate));
  SparsifyPassOptions sparsify;
  sparsify.calibration = settings.calibration;
  pm.addPass(createSparsifyPass(sparsify));
  pm.addPass(createCanonicalizerPass());
  pm.addPass(createCSEPass());
  pm.addPass(createFuseEpiloguePass());
  FoldWeightsPassOptions fold;
  fold.report = settings.report;
  pm.addPass(createFoldWeightsPass(fold));
}
