// Part of the VNM project, under the Apache License v2.0 with LLVM Exceptions.
// See the file LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// This file implements the compiler as a function.

#include "vnm/Compiler/Compiler.h"

#include "Collectors.h"
#include "Registration.h"

#include "mlir/Bytecode/BytecodeWriter.h"
#include "mlir/Dialect/GPU/IR/GPUDialect.h"
#include "mlir/IR/BuiltinOps.h"
#include "mlir/IR/MLIRContext.h"
#include "mlir/IR/OwningOpRef.h"
#include "mlir/Parser/Parser.h"
#include "mlir/Pass/PassManager.h"
#include "mlir/Pass/PassRegistry.h"
#include "vnm/Conversion/VNMToGPU/KernelFiles.h"
#include "llvm/Support/MemoryBuffer.h"
#include "llvm/Support/Regex.h"
#include "llvm/Support/SourceMgr.h"
#include "llvm/Support/ThreadPool.h"

using namespace mlir;
using namespace vnm::compiler;

/// Resources in bytecode are aligned to what their elements need, at most this.
static constexpr uint64_t kSourceAlignment = 4096;
static constexpr unsigned kMaxThreads = 1024;

static llvm::Error makeError(const llvm::Twine &message) {
  return llvm::createStringError(llvm::inconvertibleErrorCode(), message);
}

static llvm::Error checkOptions(const Options &options) {
  std::string message;
  if (!options.remarks.empty() &&
      !llvm::Regex(options.remarks).isValid(message))
    return makeError("requires remarks to be a regular expression, but '" +
                     options.remarks + "' is none: " + message);
  if (options.threads > kMaxThreads)
    return makeError("requires at most " + llvm::Twine(kMaxThreads) +
                     " threads, but they are " + llvm::Twine(options.threads));
  return llvm::Error::success();
}

/// The passes of `text`, for a module.
static llvm::Expected<OpPassManager> parsePipeline(llvm::StringRef text) {
  OpPassManager passes(ModuleOp::getOperationName());
  text = text.trim();
  llvm::StringRef list = text;
  if (list.consume_front("builtin.module(") && !list.consume_back(")"))
    return makeError("requires a pipeline with a parenthesis that closes "
                     "builtin.module(, but it is '" +
                     text + "'");
  if (list.empty())
    return passes;
  std::string message;
  llvm::raw_string_ostream stream(message);
  if (succeeded(parsePassPipeline(list, passes, stream)))
    return passes;
  return makeError("requires a pipeline of known passes, but it is '" + text +
                   "': " + llvm::StringRef(message).trim());
}

/// Parses a copy of `source`, which needs no alignment and no zero at its end.
static OwningOpRef<ModuleOp> parseSource(MLIRContext &context,
                                         llvm::StringRef source,
                                         const Options &options) {
  auto buffer = llvm::WritableMemoryBuffer::getNewUninitMemBuffer(
      source.size(), options.sourceName, llvm::Align(kSourceAlignment));
  llvm::copy(source, buffer->getBufferStart());
  llvm::SourceMgr sources;
  sources.AddNewSourceBuffer(std::move(buffer), llvm::SMLoc());
  return parseSourceFile<ModuleOp>(sources, ParserConfig(&context));
}

static std::string printIR(ModuleOp module, IRFormat format) {
  std::string text;
  llvm::raw_string_ostream stream(text);
  if (format == IRFormat::Text)
    module.print(stream);
  else if (format == IRFormat::Bytecode)
    // Fails only where an older version is asked for.
    (void)writeBytecodeToFile(module, stream);
  return text;
}

/// Whether there are kernels that convert-vnm-to-gpu described: a module may
/// have a gpu.binary of other origin, of which no manifest can tell.
static bool hasKernels(ModuleOp module) {
  return llvm::any_of(module.getOps<gpu::BinaryOp>(), [](gpu::BinaryOp binary) {
    return llvm::any_of(binary.getObjects(), [](Attribute attribute) {
      auto object = dyn_cast<gpu::ObjectAttr>(attribute);
      return object && object.getKernels() && !object.getKernels().empty();
    });
  });
}

static LogicalResult addKernels(ModuleOp module, Result &result) {
  if (!hasKernels(module))
    return success();
  FailureOr<vnm::KernelFiles> files = vnm::getKernelFiles(module);
  if (failed(files))
    return failure();
  result.manifest = std::move(files->manifest);
  for (vnm::KernelCode &code : files->code)
    result.code.push_back({std::move(code.fileName), std::move(code.format),
                           std::move(code.data)});
  return success();
}

/// Everything that may emit diagnostics.
static LogicalResult run(MLIRContext &context, llvm::StringRef source,
                         const OpPassManager &passes, const Options &options,
                         Result &result) {
  OwningOpRef<ModuleOp> module = parseSource(context, source, options);
  if (!module)
    return failure();
  PassManager manager(&context);
  static_cast<OpPassManager &>(manager) = passes;
  if (failed(manager.run(*module)) || failed(addKernels(*module, result)))
    return failure();
  result.ir = printIR(*module, options.irFormat);
  return success();
}

llvm::Expected<Result> vnm::compiler::compile(llvm::StringRef source,
                                              const Options &options) {
  if (llvm::Error error = checkOptions(options))
    return std::move(error);
  registerPasses();
  llvm::Expected<OpPassManager> passes = parsePipeline(options.pipeline);
  if (!passes)
    return passes.takeError();

  Result result;
  RemarkCollector remarks;
  DialectRegistry registry;
  registerDialects(registry);
  // Before the context, which uses them to its end.
  std::unique_ptr<llvm::DefaultThreadPool> threads;
  if (options.threads > 1)
    threads = std::make_unique<llvm::DefaultThreadPool>(
        llvm::hardware_concurrency(options.threads));
  MLIRContext context(registry, options.threads == 0
                                    ? MLIRContext::Threading::ENABLED
                                    : MLIRContext::Threading::DISABLED);
  if (threads)
    context.setThreadPool(*threads);
  context.allowUnregisteredDialects(options.allowUnregisteredDialects);
  // A diagnostic names a place; it does not repeat what is there.
  context.printOpOnDiagnostic(false);
  if (!options.remarks.empty() &&
      failed(remarks.attach(context, options.remarks)))
    return makeError("requires remarks that can be collected, but the engine "
                     "of remarks does not start");
  DiagnosticCollector diagnostics(context);
  LogicalResult outcome = run(context, source, *passes, options, result);
  result.remarks = remarks.take();
  result.diagnostics = diagnostics.take();
  if (succeeded(outcome))
    return result;
  if (result.diagnostics.empty())
    result.diagnostics.push_back(
        {Severity::Error, options.sourceName,
         "requires passes that succeed, but one failed without saying why"});
  return llvm::make_error<CompileError>(std::move(result.diagnostics));
}
