// Part of the VNM project, under the Apache License v2.0 with LLVM Exceptions.
// See the file LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// This file implements the dialects and attributes for MLIR's C API.

#include "vnm-c/Dialect/VNM.h"
#include "mlir/CAPI/IR.h"
#include "mlir/CAPI/Registration.h"
#include "vnm/Dialect/VNM/IR/VNMAttrs.h"
#include "vnm/Dialect/VNM/IR/VNMDialect.h"
#include "vnm/Dialect/VNMNVVM/IR/VNMNVVMDialect.h"

using namespace mlir;
using namespace vnm;

MLIR_DEFINE_CAPI_DIALECT_REGISTRATION(VNM, vnm, VNMDialect)
MLIR_DEFINE_CAPI_DIALECT_REGISTRATION(VNMNVVM, vnm_nvvm, nvvm::VNMNVVMDialect)

// The enumerations of vnm-c and of the dialect have the same numbers.
static_assert(VnmFormFree == int(Form::Free) &&
              VnmCriterionRIA == int(Criterion::RIA) &&
              VnmColumnChoiceL1 == int(ColumnChoice::L1) &&
              VnmEffortHigh == int(Effort::High) &&
              VnmActivationLayoutTokenMajor ==
                  int(ActivationLayout::TokenMajor) &&
              VnmBroadcastFull == int(Broadcast::Full));

/// Emits errors of attributes that are made from C, at no location.
static auto errorEmitter(MLIRContext *context) {
  return [context] { return emitError(UnknownLoc::get(context)); };
}

/// The enumerator of a number; an error in the context if it has none.
template <typename Enum>
static std::optional<Enum> toEnum(MLIRContext *context, int32_t number,
                                  const char *name,
                                  std::optional<Enum> (*symbolize)(uint32_t)) {
  std::optional<Enum> value = symbolize(uint32_t(number));
  if (!value)
    errorEmitter(context)()
        << "requires the number of " << name << ", but it is " << number;
  return value;
}

static PatternAttr toPatternAttr(MLIRContext *context, VnmPattern pattern) {
  return PatternAttr::getChecked(errorEmitter(context), context, pattern.v,
                                 pattern.n, pattern.m);
}

static VnmPattern toPattern(PatternAttr attribute) {
  return {attribute.getV(), attribute.getN(), attribute.getM()};
}

extern "C" {

//===----------------------------------------------------------------------===//
// #vnm.pattern
//===----------------------------------------------------------------------===//

bool mlirAttributeIsAVNMPattern(MlirAttribute attribute) {
  return isa<PatternAttr>(unwrap(attribute));
}

MlirTypeID vnmPatternAttrGetTypeID(void) {
  return wrap(PatternAttr::getTypeID());
}

MlirAttribute vnmPatternAttrGet(MlirContext context, VnmPattern pattern) {
  return wrap(Attribute(toPatternAttr(unwrap(context), pattern)));
}

VnmPattern vnmPatternAttrGetPattern(MlirAttribute attribute) {
  return toPattern(cast<PatternAttr>(unwrap(attribute)));
}

//===----------------------------------------------------------------------===//
// #vnm.encoding
//===----------------------------------------------------------------------===//

bool mlirAttributeIsAVNMEncoding(MlirAttribute attribute) {
  return isa<EncodingAttr>(unwrap(attribute));
}

MlirTypeID vnmEncodingAttrGetTypeID(void) {
  return wrap(EncodingAttr::getTypeID());
}

MlirAttribute vnmEncodingAttrGet(MlirContext context, VnmEncoding encoding) {
  MLIRContext *ctx = unwrap(context);
  PatternAttr pattern = toPatternAttr(ctx, encoding.pattern);
  std::optional<Form> form =
      toEnum(ctx, encoding.form, "a form", symbolizeForm);
  if (!pattern || !form)
    return wrap(Attribute());
  return wrap(Attribute(EncodingAttr::get(
      ctx, pattern, *form,
      encoding.hasLongColumns ? ColumnWidth::I32 : ColumnWidth::I16,
      encoding.hasPermutedRows ? RowOrder::Permuted : RowOrder::Identity,
      encoding.isInFragmentOrder ? StorageLayout::Fragments
                                 : StorageLayout::Canonical)));
}

VnmEncoding vnmEncodingAttrGetEncoding(MlirAttribute attribute) {
  auto encoding = cast<EncodingAttr>(unwrap(attribute));
  return {toPattern(encoding.getPattern()), VnmForm(encoding.getForm()),
          encoding.getColumnWidth() == ColumnWidth::I32, encoding.hasRows(),
          !encoding.isCanonical()};
}

intptr_t vnmEncodingAttrGetNumStorageParts(MlirAttribute attribute) {
  return cast<EncodingAttr>(unwrap(attribute)).getNumStorageParts();
}

MlirType vnmEncodingAttrGetStorageType(MlirAttribute attribute, int64_t rows,
                                       int64_t cols, MlirType elementType,
                                       intptr_t index) {
  auto encoding = cast<EncodingAttr>(unwrap(attribute));
  return wrap(
      Type(encoding.getStorageTypes({rows, cols}, unwrap(elementType))[index]));
}

//===----------------------------------------------------------------------===//
// #vnm.sparsity
//===----------------------------------------------------------------------===//

bool mlirAttributeIsAVNMSparsity(MlirAttribute attribute) {
  return isa<SparsityAttr>(unwrap(attribute));
}

MlirTypeID vnmSparsityAttrGetTypeID(void) {
  return wrap(SparsityAttr::getTypeID());
}

MlirAttribute vnmSparsityAttrGet(MlirContext context, VnmSparsity sparsity) {
  MLIRContext *ctx = unwrap(context);
  PatternAttr pattern = toPatternAttr(ctx, sparsity.pattern);
  auto form = toEnum(ctx, sparsity.form, "a form", symbolizeForm);
  auto criterion =
      toEnum(ctx, sparsity.criterion, "a criterion", symbolizeCriterion);
  auto columnChoice = toEnum(ctx, sparsity.columnChoice, "a column choice",
                             symbolizeColumnChoice);
  auto effort = toEnum(ctx, sparsity.effort, "an effort", symbolizeEffort);
  if (!pattern || !form || !criterion || !columnChoice || !effort)
    return wrap(Attribute());
  return wrap(Attribute(SparsityAttr::getChecked(
      errorEmitter(ctx), ctx, pattern, *form, *criterion, *columnChoice,
      sparsity.permuteRows ? RowOrder::Permuted : RowOrder::Identity,
      *effort)));
}

VnmSparsity vnmSparsityAttrGetSparsity(MlirAttribute attribute) {
  auto sparsity = cast<SparsityAttr>(unwrap(attribute));
  return {toPattern(sparsity.getPattern()),
          VnmForm(sparsity.getForm()),
          VnmCriterion(sparsity.getCriterion()),
          VnmColumnChoice(sparsity.getColumnChoice()),
          VnmEffort(sparsity.getEffort()),
          sparsity.getRowOrder() == RowOrder::Permuted};
}

//===----------------------------------------------------------------------===//
// #vnm.activation_layout and #vnm.broadcast
//===----------------------------------------------------------------------===//

bool mlirAttributeIsAVNMActivationLayout(MlirAttribute attribute) {
  return isa<ActivationLayoutAttr>(unwrap(attribute));
}

MlirAttribute vnmActivationLayoutAttrGet(MlirContext context,
                                         VnmActivationLayout layout) {
  MLIRContext *ctx = unwrap(context);
  auto value = toEnum(ctx, layout, "a layout", symbolizeActivationLayout);
  return wrap(value ? Attribute(ActivationLayoutAttr::get(ctx, *value))
                    : Attribute());
}

VnmActivationLayout vnmActivationLayoutAttrGetValue(MlirAttribute attribute) {
  return VnmActivationLayout(
      cast<ActivationLayoutAttr>(unwrap(attribute)).getValue());
}

bool mlirAttributeIsAVNMBroadcast(MlirAttribute attribute) {
  return isa<BroadcastAttr>(unwrap(attribute));
}

MlirAttribute vnmBroadcastAttrGet(MlirContext context, VnmBroadcast broadcast) {
  MLIRContext *ctx = unwrap(context);
  auto value = toEnum(ctx, broadcast, "a broadcast", symbolizeBroadcast);
  return wrap(value ? Attribute(BroadcastAttr::get(ctx, *value)) : Attribute());
}

VnmBroadcast vnmBroadcastAttrGetValue(MlirAttribute attribute) {
  return VnmBroadcast(cast<BroadcastAttr>(unwrap(attribute)).getValue());
}

//===----------------------------------------------------------------------===//
// #vnm.schedule
//===----------------------------------------------------------------------===//

bool mlirAttributeIsAVNMSchedule(MlirAttribute attribute) {
  return isa<ScheduleAttr>(unwrap(attribute));
}

MlirTypeID vnmScheduleAttrGetTypeID(void) {
  return wrap(ScheduleAttr::getTypeID());
}

MlirAttribute vnmScheduleAttrGet(MlirContext context, MlirStringRef family,
                                 MlirAttribute fields) {
  MLIRContext *ctx = unwrap(context);
  auto dictionary = mlirAttributeIsNull(fields)
                        ? DictionaryAttr::get(ctx)
                        : dyn_cast<DictionaryAttr>(unwrap(fields));
  if (!dictionary) {
    errorEmitter(ctx)() << "requires a dictionary of fields, but it is "
                        << unwrap(fields);
    return wrap(Attribute());
  }
  return wrap(Attribute(ScheduleAttr::getChecked(errorEmitter(ctx), ctx,
                                                 unwrap(family), dictionary)));
}

MlirStringRef vnmScheduleAttrGetFamily(MlirAttribute attribute) {
  return wrap(cast<ScheduleAttr>(unwrap(attribute)).getFamily());
}

int64_t vnmScheduleAttrGetField(MlirAttribute attribute, MlirStringRef name) {
  return cast<ScheduleAttr>(unwrap(attribute)).getField(unwrap(name));
}

} // extern "C"
