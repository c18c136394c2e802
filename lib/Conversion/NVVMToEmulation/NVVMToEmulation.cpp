// Part of the VNM project, under the Apache License v2.0 with LLVM Exceptions.
// See the file LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// This file implements the pass convert-nvvm-to-emulation.

#include "vnm/Conversion/NVVMToEmulation/NVVMToEmulation.h"

#include "KernelConverter.h"
#include "Launch.h"

#include "mlir/IR/AttrTypeSubElements.h"
#include "llvm/ADT/StringSet.h"
#include "llvm/Support/MathExtras.h"

namespace vnm {
#define GEN_PASS_DEF_CONVERTNVVMTOEMULATION
#include "vnm/Conversion/Passes.h.inc"
} // namespace vnm

using namespace mlir;
using namespace vnm;

static constexpr unsigned kSharedSpace = 3;

/// Lays out the shared variables that `kernel` names: static ones in the
/// module's order, dynamic ones, which have no elements, behind them.
static SharedLayout layOut(gpu::GPUModuleOp kernels, LLVM::LLVMFuncOp kernel) {
  llvm::StringSet<> used;
  kernel.walk([&](LLVM::AddressOfOp op) { used.insert(op.getGlobalName()); });
  DataLayout layout(kernels->getParentOfType<ModuleOp>());
  SharedLayout result;
  SmallVector<LLVM::GlobalOp> dynamic;
  auto getAlignment = [&](LLVM::GlobalOp global) {
    return global.getAlignment().value_or(
        layout.getTypeABIAlignment(global.getGlobalType()));
  };
  for (auto global : kernels.getOps<LLVM::GlobalOp>()) {
    if (global.getAddrSpace() != kSharedSpace ||
        !used.contains(global.getSymName()))
      continue;
    uint64_t bytes = layout.getTypeSize(global.getGlobalType());
    if (bytes == 0) {
      dynamic.push_back(global);
      result.alignment = std::max(result.alignment, getAlignment(global));
      continue;
    }
    result.staticBytes = llvm::alignTo(result.staticBytes, getAlignment(global));
    result.offsets[global.getSymName()] = result.staticBytes;
    result.staticBytes += bytes;
  }
  for (LLVM::GlobalOp global : dynamic)
    result.offsets[global.getSymName()] =
        llvm::alignTo(result.staticBytes, result.alignment);
  return result;
}

static const HandlerMap &getHandlers() {
  static const HandlerMap handlers = [] {
    HandlerMap map;
    addMemoryHandlers(map);
    addRegisterHandlers(map);
    addWarpHandlers(map);
    addMatrixHandlers(map);
    addBarrierHandlers(map);
    addCopyHandlers(map);
    addWarpgroupHandlers(map);
    return map;
  }();
  return handlers;
}

/// On the host there is one address space.
static void removeAddressSpaces(LLVM::LLVMFuncOp function) {
  MLIRContext *context = function.getContext();
  AttrTypeReplacer replacer;
  replacer.addReplacement([=](LLVM::LLVMPointerType) -> std::optional<Type> {
    return LLVM::LLVMPointerType::get(context);
  });
  replacer.recursivelyReplaceElementsIn(function, /*replaceAttrs=*/true,
                                        /*replaceLocs=*/false,
                                        /*replaceTypes=*/true);
  function.walk([](LLVM::AddrSpaceCastOp cast) {
    cast.replaceAllUsesWith(cast.getArg());
    cast.erase();
  });
}

namespace {
/// The conversion of one module.
class ModuleConverter {
public:
  explicit ModuleConverter(ModuleOp module)
      : module(module), symbols(module) {}

  LogicalResult run();
  unsigned getNumKernels() const { return numKernels; }

private:
  LogicalResult convertModule(gpu::GPUModuleOp kernels);
  /// Moves a function to the module, with a thread as its first argument.
  LLVM::LLVMFuncOp move(gpu::GPUModuleOp kernels, LLVM::LLVMFuncOp function);
  LogicalResult convertCalls(LLVM::LLVMFuncOp function);

  ModuleOp module;
  SymbolTable symbols;
  unsigned numKernels = 0;
  llvm::StringMap<LLVM::LLVMFuncOp> moved; ///< Of the current module, by name.
};
} // namespace

/// What launches refer to: a kernel without a body, which names its record.
static void declareKernel(gpu::GPUModuleOp kernels, StringRef name,
                          LLVM::LLVMFunctionType type, LLVM::GlobalOp record) {
  auto builder = OpBuilder::atBlockEnd(kernels.getBody());
  auto kernel = LLVM::LLVMFuncOp::create(builder, record.getLoc(), name, type);
  kernel->setAttr(gpu::GPUDialect::getKernelFuncAttrName(),
                  builder.getUnitAttr());
  kernel->setAttr(getRecordAttrName(), FlatSymbolRefAttr::get(record));
}

LLVM::LLVMFuncOp ModuleConverter::move(gpu::GPUModuleOp kernels,
                                       LLVM::LLVMFuncOp function) {
  std::string name = function.getName().str();
  function->remove();
  function.setName((kernels.getName() + "_" + name).str());
  symbols.insert(function, Block::iterator(kernels));
  Type pointer = LLVM::LLVMPointerType::get(module.getContext());
  Location loc = function.getLoc();
  SmallVector<Type> arguments = {pointer};
  llvm::append_range(arguments, function.getArgumentTypes());
  SmallVector<Attribute> attributes = {
      DictionaryAttr::get(module.getContext())};
  for (unsigned i = 0; i + 1 < arguments.size(); ++i)
    attributes.push_back(function.getArgAttrDict(i)
                             ? function.getArgAttrDict(i)
                             : DictionaryAttr::get(module.getContext()));
  auto type = function.getFunctionType();
  function.setType(LLVM::LLVMFunctionType::get(type.getReturnType(), arguments,
                                               type.isVarArg()));
  function.setAllArgAttrs(attributes);
  function.getBody().front().insertArgument(0u, pointer, loc);
  moved[name] = function;
  return function;
}

LogicalResult ModuleConverter::convertCalls(LLVM::LLVMFuncOp function) {
  WalkResult result = function.walk([&](LLVM::CallOp call) {
    std::optional<StringRef> callee = call.getCallee();
    if (callee && callee->starts_with("vnm_emu_"))
      return WalkResult::advance();
    if (!callee || !moved.contains(*callee)) {
      call.emitError() << "requires calls in a kernel to name a function with "
                          "a body, but "
                       << (callee ? *callee : "a pointer") << " has none";
      return WalkResult::interrupt();
    }
    OpBuilder builder(call);
    SmallVector<Value> operands = {function.getArgument(0)};
    llvm::append_range(operands, call.getArgOperands());
    auto replacement = LLVM::CallOp::create(builder, call.getLoc(),
                                            moved[*callee], operands);
    call->replaceAllUsesWith(replacement->getResults());
    call.erase();
    return WalkResult::advance();
  });
  return success(!result.wasInterrupted());
}

LogicalResult ModuleConverter::convertModule(gpu::GPUModuleOp kernels) {
  moved.clear();
  SmallVector<std::pair<LLVM::LLVMFuncOp, std::string>> functions;
  for (Operation &op : *kernels.getBody()) {
    if (isa<LLVM::GlobalOp, LLVM::ComdatOp>(op))
      continue;
    auto function = dyn_cast<LLVM::LLVMFuncOp>(op);
    if (!function)
      return op.emitError() << "requires a kernel module of the LLVM dialect, "
                               "but it has '"
                            << op.getName() << "'";
    if (!function.isExternal())
      functions.emplace_back(function, function.getName().str());
  }
  SmallVector<SharedLayout> layouts;
  for (auto &[function, name] : functions)
    layouts.push_back(function->hasAttr("nvvm.kernel")
                          ? layOut(kernels, function)
                          : SharedLayout());
  for (auto &[function, name] : functions)
    move(kernels, function);
  for (auto [item, layout] : llvm::zip(functions, layouts)) {
    LLVM::LLVMFuncOp function = item.first;
    if (failed(convertCalls(function)))
      return failure();
    KernelConverter converter(module, symbols, function, item.second, layout);
    if (failed(converter.run(getHandlers())))
      return failure();
    removeAddressSpaces(function);
    if (function->hasAttr("nvvm.kernel")) {
      auto type = function.getFunctionType();
      declareKernel(
          kernels, item.second,
          LLVM::LLVMFunctionType::get(type.getReturnType(),
                                      type.getParams().drop_front()),
          addKernelRecord(module, symbols, function, item.second, layout));
      ++numKernels;
    }
    SmallVector<StringAttr> foreign;
    for (NamedAttribute attribute : function->getDiscardableAttrs())
      if (attribute.getName().strref().starts_with("nvvm.") ||
          attribute.getName().strref().starts_with("gpu."))
        foreign.push_back(attribute.getName());
    for (StringAttr name : foreign)
      function->removeDiscardableAttr(name);
    function.setLinkage(LLVM::Linkage::Internal);
  }
  for (auto global :
       llvm::make_early_inc_range(kernels.getOps<LLVM::GlobalOp>()))
    global.erase();
  return success();
}

LogicalResult ModuleConverter::run() {
  for (auto kernels : llvm::to_vector(module.getOps<gpu::GPUModuleOp>()))
    if (failed(convertModule(kernels)))
      return failure();
  return success();
}

namespace {
struct ConvertNVVMToEmulation final
    : vnm::impl::ConvertNVVMToEmulationBase<ConvertNVVMToEmulation> {
  using ConvertNVVMToEmulationBase::ConvertNVVMToEmulationBase;

  void runOnOperation() override {
    ModuleConverter converter(getOperation());
    if (failed(converter.run()))
      return signalPassFailure();
    numKernels += converter.getNumKernels();
  }
};
} // namespace
