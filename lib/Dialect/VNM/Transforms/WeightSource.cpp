// Part of the VNM project, under the Apache License v2.0 with LLVM Exceptions.
// See the file LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// This file implements the tracing of a tensor back to the weight it is made
// of.

#include "vnm/Dialect/VNM/Transforms/WeightSource.h"
#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Bufferization/IR/Bufferization.h"
#include "mlir/Dialect/Linalg/IR/Linalg.h"
#include "mlir/Dialect/MLProgram/IR/MLProgram.h"
#include "mlir/Dialect/MemRef/IR/MemRef.h"
#include "mlir/Dialect/Tensor/IR/Tensor.h"
#include "mlir/Interfaces/FunctionInterfaces.h"
#include "vnm/Dialect/VNM/IR/VNMDialect.h"
#include "llvm/ADT/SmallSet.h"

using namespace mlir;
using namespace vnm;

Type WeightView::getSourceElementType() const {
  return getElementTypeOrSelf(source.getType());
}

Type WeightView::getElementType() const {
  return casts.empty() ? getSourceElementType() : casts.back();
}

//===----------------------------------------------------------------------===//
// Ops that view one tensor
//===----------------------------------------------------------------------===//

/// Whether `op` is a cast of floats, or a widening of signed integers.
static bool isElementCast(Operation *op) {
  return isa<arith::ExtFOp, arith::TruncFOp, arith::ExtSIOp>(op);
}

/// Whether `linalgOp` copies its one input to its one output, element by
/// element, at most casting; the output is indexed by every loop once.
static bool isCopyOrCast(linalg::LinalgOp linalgOp) {
  if (!linalgOp.hasPureTensorSemantics() || linalgOp.getNumDpsInputs() != 1 ||
      linalgOp.getNumDpsInits() != 1 ||
      linalgOp.getNumLoops() != linalgOp.getNumParallelLoops() ||
      !isa<RankedTensorType>(linalgOp.getDpsInputs().front().getType()))
    return false;
  SmallVector<AffineMap> maps = linalgOp.getIndexingMapsArray();
  if (!maps[0].isProjectedPermutation() || !maps[1].isPermutation())
    return false;
  Block *block = linalgOp.getBlock();
  Value yielded = block->getTerminator()->getOperand(0);
  if (Operation *cast = yielded.getDefiningOp()) {
    if (cast->getBlock() != block || !isElementCast(cast))
      return false;
    yielded = cast->getOperand(0);
  }
  return yielded == block->getArgument(0);
}

Value vnm::getViewedTensor(Operation *op) {
  if (auto linalgOp = dyn_cast<linalg::LinalgOp>(op))
    return isCopyOrCast(linalgOp) ? linalgOp.getDpsInputs().front() : Value();
  if (isElementCast(op) && isa<RankedTensorType>(op->getOperand(0).getType()))
    return op->getOperand(0);
  if (isa<tensor::CastOp, tensor::CollapseShapeOp, tensor::ExpandShapeOp>(op) &&
      isa<RankedTensorType>(op->getOperand(0).getType()))
    return op->getOperand(0);
  return {};
}

//===----------------------------------------------------------------------===//
// Sources
//===----------------------------------------------------------------------===//

/// The kind of source that `value` is, or none.
static std::optional<WeightSourceKind> getSourceKind(Value value) {
  if (auto argument = dyn_cast<BlockArgument>(value)) {
    auto function =
        dyn_cast<FunctionOpInterface>(argument.getOwner()->getParentOp());
    if (function && argument.getOwner()->isEntryBlock() &&
        function.getArgAttr(argument.getArgNumber(),
                            VNMDialect::getWeightAttrName()))
      return WeightSourceKind::Argument;
    return std::nullopt;
  }
  Operation *op = value.getDefiningOp();
  if (isa<arith::ConstantOp>(op))
    return WeightSourceKind::Constant;
  if (isa<ml_program::GlobalLoadConstOp>(op))
    return WeightSourceKind::Global;
  auto toTensor = dyn_cast<bufferization::ToTensorOp>(op);
  if (!toTensor)
    return std::nullopt;
  auto getGlobal = toTensor.getBuffer().getDefiningOp<memref::GetGlobalOp>();
  if (!getGlobal)
    return std::nullopt;
  auto global = SymbolTable::lookupNearestSymbolFrom<memref::GlobalOp>(
      getGlobal, getGlobal.getNameAttr());
  if (!global || !global.getConstant())
    return std::nullopt;
  return WeightSourceKind::Global;
}

ElementsAttr vnm::getWeightContents(const WeightView &view) {
  Operation *op = view.source.getDefiningOp();
  if (!op)
    return {};
  if (auto constant = dyn_cast<arith::ConstantOp>(op))
    return dyn_cast<ElementsAttr>(constant.getValue());
  if (auto load = dyn_cast<ml_program::GlobalLoadConstOp>(op)) {
    auto global = SymbolTable::lookupNearestSymbolFrom<ml_program::GlobalOp>(
        op, load.getGlobalAttr());
    if (!global || global.getIsMutable())
      return {};
    return dyn_cast_or_null<ElementsAttr>(global.getValueAttr());
  }
  auto toTensor = dyn_cast<bufferization::ToTensorOp>(op);
  auto getGlobal =
      toTensor ? toTensor.getBuffer().getDefiningOp<memref::GetGlobalOp>()
               : memref::GetGlobalOp();
  if (!getGlobal)
    return {};
  auto global = SymbolTable::lookupNearestSymbolFrom<memref::GlobalOp>(
      op, getGlobal.getNameAttr());
  if (!global || !global.getConstant())
    return {};
  return dyn_cast_or_null<ElementsAttr>(global.getInitialValueAttr());
}

//===----------------------------------------------------------------------===//
// Tracing
//===----------------------------------------------------------------------===//

namespace {

/// Walks from a tensor to its source. Dimensions are lists of atoms, slowest
/// first. Each step rewrites the dimensions of the current tensor in terms of
/// the tensor it views; a reshape may split an atom in two, in both lists.
class Tracer {
public:
  explicit Tracer(RankedTensorType type) {
    for (int64_t size : type.getShape())
      traced.push_back({newAtom(size)});
    current = traced;
  }

  /// Replaces the current tensor, the result of `op`, by `viewed`.
  LogicalResult step(Operation *op, RankedTensorType viewed);

  /// The traced tensor's axes, given that the current tensor is the source.
  SmallVector<WeightAxes, 4> finish();

private:
  using Atoms = SmallVector<unsigned, 2>;

  unsigned newAtom(int64_t size) {
    atoms.push_back({size, 0});
    return atoms.size() - 1;
  }
  void stepThroughCopy(linalg::LinalgOp op);
  LogicalResult splitTo(Atoms dim, ArrayRef<int64_t> sizes,
                        MutableArrayRef<Atoms> parts);
  unsigned splitAtom(unsigned atom, int64_t minorSize);

  SmallVector<WeightAxis> atoms;
  SmallVector<Atoms, 4> traced;
  SmallVector<Atoms, 4> current;
};

} // namespace

/// Splits `atom` into a slower part, which keeps the id, and a faster one of
/// `minorSize`, whose id is returned.
unsigned Tracer::splitAtom(unsigned atom, int64_t minorSize) {
  unsigned minor = newAtom(minorSize);
  atoms[atom].size /= minorSize;
  for (Atoms &dim : traced)
    for (auto *it = dim.begin(); it != dim.end(); ++it)
      if (*it == atom) {
        dim.insert(it + 1, minor);
        return minor;
      }
  return minor;
}

/// Distributes the atoms of `dim` to parts of the given sizes.
LogicalResult Tracer::splitTo(Atoms dim, ArrayRef<int64_t> sizes,
                              MutableArrayRef<Atoms> parts) {
  for (size_t i = sizes.size(); i-- > 0;) {
    int64_t remaining = sizes[i];
    while (remaining > 1) {
      if (dim.empty())
        return failure();
      unsigned atom = dim.back();
      int64_t size = atoms[atom].size;
      if (remaining % size == 0) {
        parts[i].insert(parts[i].begin(), atom);
        dim.pop_back();
        remaining /= size;
        continue;
      }
      if (size % remaining != 0)
        return failure();
      parts[i].insert(parts[i].begin(), splitAtom(atom, remaining));
      remaining = 1;
    }
  }
  // What is left has size 1: its position is always 0.
  return success();
}

void Tracer::stepThroughCopy(linalg::LinalgOp op) {
  AffineMap inputMap = op.getIndexingMapsArray()[0];
  AffineMap outputMap = op.getIndexingMapsArray()[1];
  SmallVector<Atoms, 4> ofLoop(op.getNumLoops());
  for (auto [dim, expr] : llvm::enumerate(outputMap.getResults()))
    ofLoop[cast<AffineDimExpr>(expr).getPosition()] = current[dim];
  // Loops that do not index the input broadcast it: their atoms keep stride 0.
  current.clear();
  for (AffineExpr expr : inputMap.getResults())
    current.push_back(ofLoop[cast<AffineDimExpr>(expr).getPosition()]);
}

LogicalResult Tracer::step(Operation *op, RankedTensorType viewed) {
  if (auto linalgOp = dyn_cast<linalg::LinalgOp>(op)) {
    stepThroughCopy(linalgOp);
    return success();
  }
  if (auto expand = dyn_cast<tensor::ExpandShapeOp>(op)) {
    SmallVector<Atoms, 4> dims;
    for (const ReassociationIndices &group : expand.getReassociationIndices()) {
      Atoms &dim = dims.emplace_back();
      for (int64_t i : group)
        dim.append(current[i]);
    }
    if (dims.empty() && viewed.getRank() != 0)
      return failure();
    current = std::move(dims);
    return success();
  }
  if (auto collapse = dyn_cast<tensor::CollapseShapeOp>(op)) {
    SmallVector<Atoms, 4> dims(viewed.getRank());
    for (auto [dim, group] :
         llvm::enumerate(collapse.getReassociationIndices()))
      if (failed(splitTo(
              current[dim],
              viewed.getShape().slice(group.front(), group.size()),
              MutableArrayRef<Atoms>(dims).slice(group.front(), group.size()))))
        return failure();
    current = std::move(dims);
    return success();
  }
  // tensor.cast and element casts keep the dimensions.
  return success();
}

SmallVector<WeightAxes, 4> Tracer::finish() {
  int64_t stride = 1;
  for (const Atoms &dim : llvm::reverse(current))
    for (unsigned atom : llvm::reverse(dim)) {
      atoms[atom].stride = stride;
      stride *= atoms[atom].size;
    }
  SmallVector<WeightAxes, 4> dims;
  for (const Atoms &dim : traced) {
    WeightAxes &axes = dims.emplace_back();
    for (unsigned atom : dim)
      axes.push_back(atoms[atom]);
  }
  return dims;
}

/// Whether positions in tensors of `type` can be computed: a static shape with
/// at least one element.
static bool isTraceable(Type type) {
  auto tensorType = dyn_cast<RankedTensorType>(type);
  return tensorType && tensorType.hasStaticShape() &&
         !tensorType.getEncoding() && tensorType.getNumElements() > 0;
}

FailureOr<WeightView> vnm::traceWeight(Value value) {
  if (!isTraceable(value.getType()))
    return failure();
  Tracer tracer(cast<RankedTensorType>(value.getType()));
  WeightView view;
  while (true) {
    if (std::optional<WeightSourceKind> kind = getSourceKind(value)) {
      view.source = value;
      view.kind = *kind;
      view.dims = tracer.finish();
      std::reverse(view.casts.begin(), view.casts.end());
      return view;
    }
    Operation *op = value.getDefiningOp();
    Value viewed = op ? getViewedTensor(op) : Value();
    if (!viewed || !isTraceable(viewed.getType()) ||
        failed(tracer.step(op, cast<RankedTensorType>(viewed.getType()))))
      return failure();
    Type elementType = getElementTypeOrSelf(value.getType());
    if (elementType != getElementTypeOrSelf(viewed.getType()))
      view.casts.push_back(elementType);
    value = viewed;
  }
}

bool vnm::isComputedFromWeights(Value value) {
  // Enough for the dequantisation of a weight; keeps the search short
  // elsewhere.
  constexpr unsigned kMaxOps = 32;
  SmallVector<Value> worklist = {value};
  SmallPtrSet<Operation *, 16> seen;
  bool sawWeight = false;
  while (!worklist.empty()) {
    Value next = worklist.pop_back_val();
    if (getSourceKind(next)) {
      sawWeight |= isa<RankedTensorType>(next.getType());
      continue;
    }
    Operation *op = next.getDefiningOp();
    if (!op)
      return false;
    if (!seen.insert(op).second)
      continue;
    if (seen.size() > kMaxOps || op->getNumRegions() > 1)
      return false;
    if (auto linalgOp = dyn_cast<DestinationStyleOpInterface>(op)) {
      llvm::append_range(worklist, linalgOp.getDpsInputs());
      continue;
    }
    llvm::append_range(worklist, op->getOperands());
  }
  return sawWeight;
}

bool vnm::isLosslessExtension(Type from, Type to) {
  if (auto fromFloat = dyn_cast<FloatType>(from))
    if (auto toFloat = dyn_cast<FloatType>(to))
      return from != to &&
             llvm::APFloat::isRepresentableBy(fromFloat.getFloatSemantics(),
                                              toFloat.getFloatSemantics());
  return isa<IntegerType>(from) && isa<IntegerType>(to) &&
         from.getIntOrFloatBitWidth() < to.getIntOrFloatBitWidth();
}

Value vnm::lookThroughExtensions(Value value) {
  while (Operation *op = value.getDefiningOp()) {
    Value viewed = getViewedTensor(op);
    if (!viewed || viewed.getType() == value.getType() ||
        cast<ShapedType>(viewed.getType()).getShape() !=
            cast<ShapedType>(value.getType()).getShape() ||
        !isLosslessExtension(getElementTypeOrSelf(viewed.getType()),
                             getElementTypeOrSelf(value.getType())))
      return value;
    auto linalgOp = dyn_cast<linalg::LinalgOp>(op);
    if (linalgOp && linalgOp.getIndexingMapsArray()[0] !=
                        linalgOp.getIndexingMapsArray()[1])
      return value;
    value = viewed;
  }
  return value;
}

WeightAxes vnm::simplifyAxes(ArrayRef<WeightAxis> axes) {
  WeightAxes simple;
  for (const WeightAxis &axis : axes) {
    if (axis.size == 1)
      continue;
    if (!simple.empty() && simple.back().stride == axis.size * axis.stride) {
      simple.back() = {simple.back().size * axis.size, axis.stride};
      continue;
    }
    simple.push_back(axis);
  }
  return simple;
}
