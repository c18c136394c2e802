// Part of the VNM project, under the Apache License v2.0 with LLVM Exceptions.
// See the file LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// This file implements what passes read of an annotated layer.

#include "LayerScores.h"
#include "mlir/Interfaces/FunctionInterfaces.h"
#include "vnm/Dialect/VNM/IR/VNMDialect.h"

using namespace mlir;
using namespace vnm;

SmallVector<Operation *> vnm::getAnnotated(Operation *root) {
  SmallVector<Operation *> annotated;
  root->walk([&](Operation *op) {
    if (op->hasAttr(VNMDialect::getSparsityAttrName()))
      annotated.push_back(op);
  });
  return annotated;
}

StringAttr vnm::getLayerName(Operation *op) {
  if (auto layer =
          op->getAttrOfType<StringAttr>(VNMDialect::getLayerAttrName()))
    return layer;
  auto function = op->getParentOfType<FunctionOpInterface>();
  return StringAttr::get(op->getContext(),
                         function ? function.getName() : "unnamed");
}

LogicalResult vnm::matchAnnotated(Operation *op, MatmulMatch &match) {
  MatmulMismatch reason = matchMatmul(op, match);
  if (reason == MatmulMismatch::None)
    return success();
  return op->emitOpError()
         << "requires a product of a weight and activations to become sparse, "
            "but "
         << describe(reason);
}

//===----------------------------------------------------------------------===//
// Calibration
//===----------------------------------------------------------------------===//

LogicalResult Calibration::open(Operation *op, StringRef option,
                                StringRef path) {
  file.reset();
  if (path.empty())
    return success();
  llvm::Expected<sparsity::SafetensorsFile> opened =
      sparsity::SafetensorsFile::open(path);
  if (!opened)
    return op->emitError() << option << ": "
                           << llvm::toString(opened.takeError());
  file = std::make_shared<sparsity::SafetensorsFile>(std::move(*opened));
  return success();
}

FailureOr<std::vector<float>> Calibration::getNorms(Operation *op,
                                                    int64_t numCols) const {
  std::vector<float> norms;
  auto sparsity =
      op->getAttrOfType<SparsityAttr>(VNMDialect::getSparsityAttrName());
  Criterion criterion = sparsity.getCriterion();
  if (criterion != Criterion::Wanda && criterion != Criterion::RIA)
    return norms;
  if (auto own =
          op->getAttrOfType<ElementsAttr>(VNMDialect::getNormsAttrName())) {
    if (own.getNumElements() != numCols)
      return op->emitOpError()
             << "requires '" << VNMDialect::getNormsAttrName() << "' of "
             << numCols << " elements, but it is of type "
             << own.getShapedType();
    llvm::Expected<std::vector<float>> read = readFloats(own);
    if (!read)
      return op->emitOpError() << llvm::toString(read.takeError());
    return std::move(*read);
  }
  StringRef layer = getLayerName(op).getValue();
  if (file) {
    auto entry = file->tensors().find(layer.str());
    if (entry != file->tensors().end()) {
      const sparsity::SafetensorsEntry &tensor = entry->second;
      if (tensor.dtype == "F32" && tensor.shape.size() == 1 &&
          tensor.shape[0] == numCols) {
        norms.resize(numCols);
        std::memcpy(norms.data(), tensor.data.data(), tensor.data.size());
        return norms;
      }
      return op->emitOpError()
             << "requires the calibration of layer '" << layer
             << "' to be F32 of shape [" << numCols << "], but it is "
             << tensor.dtype << " of shape [" << ArrayRef(tensor.shape) << "]";
    }
  }
  if (criterion == Criterion::RIA)
    return norms;
  return op->emitOpError() << "requires calibration norms of layer '" << layer
                           << "' for criterion wanda, but "
                           << (file ? "the calibration file has none"
                                    : "no file is given");
}

//===----------------------------------------------------------------------===//
// Scores
//===----------------------------------------------------------------------===//

FailureOr<std::optional<std::vector<float>>>
vnm::computeScores(const MatmulMatch &match, const Calibration &calibration) {
  Operation *op = match.op;
  auto fail = [&](llvm::Error error) -> LogicalResult {
    return op->emitOpError() << "of layer '" << getLayerName(op).getValue()
                             << "': " << llvm::toString(std::move(error));
  };
  std::optional<std::vector<float>> none;
  FailureOr<std::vector<float>> norms = calibration.getNorms(op, match.numCols);
  if (failed(norms))
    return failure();
  if (match.weight.kind == WeightSourceKind::Argument)
    return none;
  ElementsAttr contents = getWeightContents(match.weight);
  if (!contents)
    return none;
  WeightView view = match.weight;
  view.dims.assign({match.rowAxes, match.columnAxes});
  view.casts = match.casts;
  llvm::Expected<std::optional<ConstantMatrix>> matrix =
      getConstantMatrix(view, contents);
  if (!matrix)
    return fail(matrix.takeError());
  if (!*matrix)
    return none;
  auto sparsity =
      op->getAttrOfType<SparsityAttr>(VNMDialect::getSparsityAttrName());
  sparsity::ImportanceOptions options;
  options.criterion = toCore(sparsity.getCriterion());
  options.activationNorms = *norms;
  llvm::Expected<std::vector<float>> scores =
      sparsity::importance((*matrix)->view, options);
  if (!scores)
    return fail(scores.takeError());
  return std::optional(std::move(*scores));
}
