// Part of the VNM project, under the Apache License v2.0 with LLVM Exceptions.
// See the file LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// This file implements vnm-opt: mlir-opt with this project registered.

#include "vnm/Dialect/VNM/Transforms/Passes.h"
#include "vnm/InitAll.h"
#include "vnm/Support/Version.h"

#include "mlir/IR/DialectRegistry.h"
#include "mlir/Pass/PassManager.h"
#include "mlir/Support/FileUtilities.h"
#include "mlir/Tools/mlir-opt/MlirOptMain.h"
#include "llvm/Support/CommandLine.h"
#include "llvm/Support/MemoryBuffer.h"
#include "llvm/Support/ToolOutputFile.h"

static llvm::cl::opt<std::string>
    reportFile("vnm-report",
               llvm::cl::desc("Write what became of every layer to this file, "
                              "as JSON, after the last pass"),
               llvm::cl::value_desc("file"));

/// As upstream's MlirOptMain, with vnm-write-report at the end of the pipeline.
static llvm::LogicalResult runWithReport(llvm::StringRef input,
                                         llvm::StringRef output,
                                         mlir::DialectRegistry &registry) {
  auto config = mlir::MlirOptMainConfig::createFromCLOptions();
  config.setPassPipelineSetupFn([config](mlir::PassManager &pm) {
    if (llvm::failed(config.setupPassPipeline(pm)))
      return llvm::failure();
    vnm::WriteReportPassOptions options;
    options.file = reportFile;
    pm.addPass(vnm::createWriteReportPass(options));
    return llvm::success();
  });
  std::string message;
  auto source = mlir::openInputFile(input, &message);
  auto target = source ? mlir::openOutputFile(output, &message) : nullptr;
  if (!target) {
    llvm::errs() << message << "\n";
    return llvm::failure();
  }
  if (llvm::failed(
          mlir::MlirOptMain(target->os(), std::move(source), registry, config)))
    return llvm::failure();
  target->keep();
  return llvm::success();
}

int main(int argc, char **argv) {
  vnm::initToolIdentity("vnm-opt");
  mlir::DialectRegistry registry;
  vnm::registerForTool(registry);
  auto [input, output] = mlir::registerAndParseCLIOptions(
      argc, argv, "VNM optimizer: V:N:M-sparse matrix products\n", registry);
  return mlir::asMainReturnCode(
      reportFile.empty()
          ? mlir::MlirOptMain(argc, argv, input, output, registry)
          : runWithReport(input, output, registry));
}
