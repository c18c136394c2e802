// Part of the VNM project, under the Apache License v2.0 with LLVM Exceptions.
// See the file LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// This file implements the runner: lower, compile, call, report.

#include "vnm/ExecutionEngine/Runner.h"

#include "Jit.h"

#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/IR/Diagnostics.h"
#include "mlir/Parser/Parser.h"
#include "mlir/Pass/PassManager.h"
#include "mlir/Pass/PassRegistry.h"
#include "mlir/Support/FileUtilities.h"
#include "llvm/Support/Format.h"
#include "llvm/Support/SourceMgr.h"
#include "llvm/Support/ToolOutputFile.h"

#include <chrono>

using namespace mlir;
using namespace vnm;

/// Names and default pipelines of the targets, in the order of the enumeration.
static constexpr StringLiteral kTargets[] = {"cpu", "cuda", "emulate"};
static constexpr StringLiteral kPipelines[] = {
    "vnm-lower-to-cpu", "vnm-lower-to-nvvm", "vnm-lower-to-emulation"};

namespace {

/// One run, from the files named in the options to the summary.
class Runner {
public:
  Runner(MLIRContext &context, const RunnerOptions &options)
      : options(options), context(context),
        loc(FileLineColLoc::get(&context, options.input, 0, 0)),
        handler(sources, &context) {}

  LogicalResult run();

private:
  /// With an object file to write and nothing else asked for, nothing runs.
  bool isCompileOnly() const {
    return !options.objectFile.empty() && options.arguments.empty() &&
           options.results.empty();
  }
  LogicalResult readArguments();
  LogicalResult openOutputs();
  LogicalResult parse();
  LogicalResult lower();
  LogicalResult checkFiles();
  LogicalResult call(ExecutionEngine &engine);
  void printSummary(ArrayRef<double> milliseconds,
                    ArrayRef<std::string> resultTexts) const;

  const RunnerOptions &options;
  MLIRContext &context;
  Location loc;
  llvm::SourceMgr sources;
  SourceMgrDiagnosticHandler handler;
  OwningOpRef<ModuleOp> module;
  Signature signature;
  SmallVector<NpyArray> arguments;
  SmallVector<std::unique_ptr<llvm::ToolOutputFile>> outputs;
  std::unique_ptr<llvm::ToolOutputFile> objectFile;
};

} // namespace

LogicalResult Runner::readArguments() {
  for (const std::string &path : options.arguments) {
    llvm::Expected<NpyArray> array = readNpy(path);
    if (!array)
      return emitError(loc) << llvm::toString(array.takeError());
    arguments.push_back(std::move(*array));
  }
  return success();
}

LogicalResult Runner::openOutputs() {
  auto open = [&](StringRef path) -> std::unique_ptr<llvm::ToolOutputFile> {
    std::string message;
    auto file = openOutputFile(path, &message);
    if (!file)
      emitError(loc) << message;
    return file;
  };
  for (const std::string &path : options.results) {
    outputs.push_back(open(path));
    if (!outputs.back())
      return failure();
  }
  if (options.objectFile.empty())
    return success();
  objectFile = open(options.objectFile);
  return success(objectFile != nullptr);
}

LogicalResult Runner::parse() {
  std::string message;
  auto buffer = openInputFile(options.input, &message);
  if (!buffer)
    return emitError(loc) << message;
  sources.AddNewSourceBuffer(std::move(buffer), llvm::SMLoc());
  module = parseSourceFile<ModuleOp>(sources, &context);
  return success(*module != nullptr);
}

/// Lowers the module unless its entry is an LLVM function already.
LogicalResult Runner::lower() {
  if (!SymbolTable::lookupSymbolIn(*module, options.entry))
    return success(); // Reported with the signature.
  if (module->getOps<func::FuncOp>().empty())
    return success();
  StringRef pipeline = options.pipeline;
  if (pipeline.empty())
    pipeline = kPipelines[unsigned(options.target)];
  // mlir-opt's --pass-pipeline spells the anchor out; so may our users.
  StringRef passes = pipeline;
  if (passes.consume_front("builtin.module(") && !passes.consume_back(")"))
    passes = pipeline;
  PassManager manager(&context);
  std::string message;
  llvm::raw_string_ostream os(message);
  if (failed(parsePassPipeline(passes, manager, os)))
    return emitError(loc) << "cannot parse the pipeline '" << pipeline
                          << "': " << StringRef(message).rtrim();
  if (failed(manager.run(*module)))
    return failure();
  if (auto left = module->getOps<func::FuncOp>(); !left.empty())
    return (*left.begin()).emitError()
           << "requires the pipeline to lower everything to the LLVM dialect, "
              "but func.func is left";
  return success();
}

/// Holds files and signature against each other.
LogicalResult Runner::checkFiles() {
  FailureOr<Signature> found = getSignature(*module, options.entry);
  if (failed(found))
    return failure();
  signature = std::move(*found);
  if (isCompileOnly())
    return success();
  if (arguments.size() != signature.arguments.size())
    return emitError(loc) << "requires --arg for each of the "
                          << signature.arguments.size() << " arguments of @"
                          << options.entry << ", but there are "
                          << arguments.size();
  if (outputs.size() > signature.results.size())
    return emitError(loc) << "requires --out for at most the "
                          << signature.results.size() << " results of @"
                          << options.entry << ", but there are "
                          << outputs.size();
  for (auto [index, spec] : llvm::enumerate(signature.arguments))
    if (failed(checkArgument(loc, spec, index, arguments[index],
                             options.arguments[index])))
      return failure();
  return success();
}

LogicalResult Runner::call(ExecutionEngine &engine) {
  auto function = engine.lookupPacked(options.entry);
  if (!function)
    return emitError(loc) << "cannot link the compiled code: "
                          << llvm::toString(function.takeError());
  // Constructors load GPU kernels.
  engine.initialize();
  if (objectFile) {
    engine.dumpToObjectFile(options.objectFile);
    objectFile->keep();
  }
  if (isCompileOnly()) {
    llvm::outs() << "wrote    " << options.objectFile << '\n';
    return success();
  }

  SmallVector<double> milliseconds;
  SmallVector<std::string> resultTexts;
  // The first call of several warms caches, threads and the GPU up.
  for (unsigned i = 0; i < options.repeat + 1; ++i) {
    Call call(signature, arguments);
    auto start = std::chrono::steady_clock::now();
    call.invoke(*function);
    std::chrono::duration<double, std::milli> elapsed =
        std::chrono::steady_clock::now() - start;
    if (i > 0 || options.repeat == 0)
      milliseconds.push_back(elapsed.count());
    if (i < options.repeat)
      continue;
    for (unsigned index = 0; index < signature.results.size(); ++index) {
      NpyArray result = call.getResult(index);
      resultTexts.push_back(formatShape(result.getShape()) + " " +
                            result.getType().str());
      if (index < outputs.size())
        writeNpy(outputs[index]->os(), result);
    }
  }
  for (auto [path, output] : llvm::zip(options.results, outputs)) {
    output->os().flush();
    if (output->os().has_error())
      return emitError(loc) << "cannot write '" << path
                            << "': " << output->os().error().message();
    output->keep();
  }
  printSummary(milliseconds, resultTexts);
  return success();
}

void Runner::printSummary(ArrayRef<double> milliseconds,
                          ArrayRef<std::string> resultTexts) const {
  // The summary must not mix with an array on the standard output.
  raw_ostream &os =
      llvm::is_contained(options.results, "-") ? llvm::errs() : llvm::outs();
  os << "entry    @" << options.entry << " on "
     << kTargets[unsigned(options.target)] << '\n';
  for (auto [index, spec] : llvm::enumerate(signature.arguments))
    os << "arg " << index << "    " << spec.type << "  "
       << formatShape(arguments[index].getShape()) << ' '
       << arguments[index].getType().str() << "  " << options.arguments[index]
       << '\n';
  for (auto [index, spec] : llvm::enumerate(signature.results))
    os << "result " << index << ' ' << spec.type << "  " << resultTexts[index]
       << "  "
       << (index < options.results.size() ? options.results[index]
                                          : "(not written)")
       << '\n';
  SmallVector<double> sorted(milliseconds);
  llvm::sort(sorted);
  os << "time     " << llvm::format("%.3f", sorted[sorted.size() / 2]) << " ms";
  if (options.repeat > 0)
    os << " median, " << llvm::format("%.3f", sorted.front()) << " min, "
       << llvm::format("%.3f", sorted.back()) << " max of " << sorted.size()
       << (sorted.size() == 1 ? " call" : " calls") << " after one warm-up";
  os << '\n';
}

LogicalResult Runner::run() {
  if (failed(readArguments()) || failed(openOutputs()) || failed(parse()) ||
      failed(loadRuntimeLibraries(loc, options)) || failed(lower()) ||
      failed(checkFiles()))
    return failure();
  auto engine = compile(*module, /*keepObject=*/objectFile != nullptr);
  if (failed(engine))
    return failure();
  return call(**engine);
}

LogicalResult vnm::run(MLIRContext &context, const RunnerOptions &options) {
  return Runner(context, options).run();
}
