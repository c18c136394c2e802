// Part of the VNM project, under the Apache License v2.0 with LLVM Exceptions.
// See the file LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// This file implements the pass convert-vnm-nvvm-to-llvm.

#include "vnm/Conversion/VNMNVVMToLLVM/VNMNVVMToLLVM.h"
#include "mlir/Dialect/LLVMIR/LLVMDialect.h"
#include "mlir/IR/PatternMatch.h"
#include "mlir/Transforms/WalkPatternRewriteDriver.h"
#include "vnm/Dialect/VNMNVVM/IR/VNMNVVMDialect.h"
#include "llvm/ADT/StringExtras.h"
#include "llvm/Support/raw_ostream.h"

namespace vnm {
#define GEN_PASS_DEF_CONVERTVNMNVVMTOLLVM
#include "vnm/Conversion/Passes.h.inc"
} // namespace vnm

using namespace mlir;
using namespace vnm;
using namespace vnm::nvvm;

/// "{$first, $(first + 1), ...}".
static std::string makeOperandList(unsigned first, unsigned count) {
  std::string text;
  llvm::raw_string_ostream os(text);
  os << '{';
  for (unsigned i = 0; i < count; ++i)
    os << (i ? ", $" : "$") << first + i;
  os << '}';
  return text;
}

/// The opcode with its suffixes.
static std::string makeOpcode(WgmmaMmaAsyncSpOp op) {
  std::string text;
  llvm::raw_string_ostream os(text);
  os << "wgmma.mma_async.sp.sync.aligned.m64n" << op.getShape().getN() << 'k'
     << op.getShape().getK() << (op.getSatfinite() ? ".satfinite" : "") << '.'
     << NVVM::stringifyWGMMATypes(op.getTypeD()) << '.'
     << NVVM::stringifyWGMMATypes(op.getTypeA()) << '.'
     << NVVM::stringifyWGMMATypes(op.getTypeB());
  return text;
}

/// The instruction, with the accumulators as operands 0 and up, and from
/// `first` on A, B's descriptor, the metadata and whether D counts. The block
/// gives the predicate a scope of its own.
static std::string makeAssembly(WgmmaMmaAsyncSpOp op,
                                const emulator::WgmmaInstruction &instruction,
                                unsigned first) {
  unsigned countA = op.getA().size(), b = first + countA;
  std::string text;
  llvm::raw_string_ostream os(text);
  os << "{\n.reg .pred p;\nsetp.ne.b32 p, $" << b + 2 << ", 0;\n"
     << makeOpcode(op) << ' '
     << makeOperandList(0, instruction.getNumRegistersD()) << ", ";
  if (op.hasRegistersA())
    os << makeOperandList(first, countA);
  else
    os << '$' << first;
  os << ", $" << b << ", $" << b + 1 << ", " << op.getSelector() << ", p";
  bool isFloat = !emulator::isInteger(instruction.typeA);
  if (isFloat)
    os << ", " << (instruction.negateA ? -1 : 1) << ", "
       << (instruction.negateB ? -1 : 1);
  if (emulator::getBitWidth(instruction.typeA) == 16) {
    if (!op.hasRegistersA())
      os << ", " << int(instruction.majorA == emulator::Major::MN);
    os << ", " << int(instruction.majorB == emulator::Major::MN);
  }
  os << ";\n}";
  return text;
}

/// Constraints of the same operands: every accumulator is an output and, tied
/// to it, an input.
static std::string makeConstraints(WgmmaMmaAsyncSpOp op, unsigned countD) {
  std::string text;
  llvm::raw_string_ostream os(text);
  const char *kind = op.getTypeD() == NVVM::WGMMATypes::f32 ? "=f," : "=r,";
  for (unsigned i = 0; i < countD; ++i)
    os << kind;
  for (unsigned i = 0; i < countD; ++i)
    os << i << ',';
  os << (op.hasRegistersA() ? "r,r,r,r" : "l") << ",l,r,r";
  return text;
}

namespace {
struct ConvertWgmmaMmaAsyncSp final : OpRewritePattern<WgmmaMmaAsyncSpOp> {
  using OpRewritePattern::OpRewritePattern;

  LogicalResult matchAndRewrite(WgmmaMmaAsyncSpOp op,
                                PatternRewriter &rewriter) const override {
    Location loc = op.getLoc();
    auto instruction = op.getInstruction();
    if (!instruction)
      return rewriter.notifyMatchFailure(op, "has a type without PTX");
    unsigned countD = instruction->getNumRegistersD();
    SmallVector<Value> operands;
    for (unsigned i = 0; i < countD; ++i)
      operands.push_back(
          LLVM::ExtractValueOp::create(rewriter, loc, op.getAccumulator(), i));
    llvm::append_range(operands, op.getA());
    operands.push_back(op.getDescriptorB());
    operands.push_back(op.getMetadata());
    operands.push_back(LLVM::ZExtOp::create(
        rewriter, loc, rewriter.getI32Type(), op.getScaleD()));
    // Asynchronous: neither removed nor moved, whoever uses the result.
    rewriter.replaceOpWithNewOp<LLVM::InlineAsmOp>(
        op, op.getType(), operands, makeAssembly(op, *instruction, 2 * countD),
        makeConstraints(op, countD), /*has_side_effects=*/true,
        /*is_align_stack=*/false, LLVM::tailcallkind::TailCallKind::None,
        LLVM::AsmDialectAttr::get(rewriter.getContext(),
                                  LLVM::AsmDialect::AD_ATT),
        /*operand_attrs=*/ArrayAttr());
    return success();
  }
};

struct ConvertVNMNVVMToLLVM final
    : vnm::impl::ConvertVNMNVVMToLLVMBase<ConvertVNMNVVMToLLVM> {
  void runOnOperation() override {
    RewritePatternSet patterns(&getContext());
    populateVNMNVVMToLLVMPatterns(patterns);
    walkAndApplyPatterns(getOperation(), std::move(patterns));
  }
};
} // namespace

void vnm::populateVNMNVVMToLLVMPatterns(RewritePatternSet &patterns) {
  patterns.add<ConvertWgmmaMmaAsyncSp>(patterns.getContext());
}
