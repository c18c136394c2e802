// Part of the VNM project, under the Apache License v2.0 with LLVM Exceptions.
// See the file LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// This file implements the attributes of the vnm dialect.

#include "vnm/Dialect/VNM/IR/VNMAttrs.h"
#include "mlir/IR/Builders.h"
#include "mlir/IR/DialectImplementation.h"
#include "vnm/Dialect/VNM/IR/VNMDialect.h"
#include "vnm/Sparsity/Fragments.h"
#include "llvm/ADT/StringExtras.h"
#include "llvm/ADT/TypeSwitch.h"

using namespace mlir;
using namespace vnm;

#include "vnm/Dialect/VNM/IR/VNMEnums.cpp.inc"

#define GET_ATTRDEF_CLASSES
#include "vnm/Dialect/VNM/IR/VNMAttrs.cpp.inc"

void VNMDialect::registerAttributes() {
  addAttributes<
#define GET_ATTRDEF_LIST
#include "vnm/Dialect/VNM/IR/VNMAttrs.cpp.inc"
      >();
}

//===----------------------------------------------------------------------===//
// Core library values
//===----------------------------------------------------------------------===//

sparsity::Form vnm::toCore(Form form) {
  return form == Form::Strict ? sparsity::Form::Strict : sparsity::Form::Free;
}

Form vnm::fromCore(sparsity::Form form) {
  return form == sparsity::Form::Strict ? Form::Strict : Form::Free;
}

sparsity::Criterion vnm::toCore(Criterion criterion) {
  switch (criterion) {
  case Criterion::Magnitude:
    return sparsity::Criterion::Magnitude;
  case Criterion::Wanda:
    return sparsity::Criterion::Wanda;
  case Criterion::RIA:
    return sparsity::Criterion::RIA;
  case Criterion::Given:
    return sparsity::Criterion::Given;
  }
  llvm_unreachable("covered switch");
}

sparsity::ColumnChoice vnm::toCore(ColumnChoice choice) {
  return choice == ColumnChoice::Exact ? sparsity::ColumnChoice::Exact
                                       : sparsity::ColumnChoice::L1;
}

sparsity::Effort vnm::toCore(Effort effort) {
  switch (effort) {
  case Effort::Fast:
    return sparsity::Effort::Fast;
  case Effort::Default:
    return sparsity::Effort::Default;
  case Effort::High:
    return sparsity::Effort::High;
  }
  llvm_unreachable("covered switch");
}

std::optional<sparsity::ElementType> vnm::toCoreElementType(Type type) {
  if (type.isF16())
    return sparsity::ElementType::F16;
  if (type.isBF16())
    return sparsity::ElementType::BF16;
  if (type.isF32())
    return sparsity::ElementType::F32;
  if (type.isSignlessInteger(8))
    return sparsity::ElementType::I8;
  return std::nullopt;
}

Type vnm::getAccumulatorType(Type weightType) {
  MLIRContext *context = weightType.getContext();
  if (isa<IntegerType>(weightType))
    return IntegerType::get(context, 32);
  return Float32Type::get(context);
}

//===----------------------------------------------------------------------===//
// Parsing helpers
//===----------------------------------------------------------------------===//

/// Parses `V:N:M` and checks its limits.
static FailureOr<PatternAttr> parsePattern(AsmParser &parser) {
  SMLoc loc = parser.getCurrentLocation();
  int64_t v, n, m;
  if (parser.parseInteger(v) || parser.parseColon() || parser.parseInteger(n) ||
      parser.parseColon() || parser.parseInteger(m))
    return failure();
  auto attr = PatternAttr::getChecked([&] { return parser.emitError(loc); },
                                      parser.getContext(), v, n, m);
  if (!attr)
    return failure();
  return attr;
}

/// Parses the value of option `name` as the enumerator that `symbolize` knows.
template <typename Enum>
static ParseResult parseEnumOption(AsmParser &parser, StringRef name,
                                   std::optional<Enum> (*symbolize)(StringRef),
                                   StringRef expected, Enum &value) {
  SMLoc loc = parser.getCurrentLocation();
  std::string keyword;
  if (parser.parseKeywordOrString(&keyword))
    return failure();
  std::optional<Enum> parsed = symbolize(keyword);
  if (!parsed)
    return parser.emitError(loc) << "requires " << name << " to be " << expected
                                 << ", but found '" << keyword << "'";
  value = *parsed;
  return success();
}

/// Parses `, name = value` pairs up to `>`; `parseOption` handles one name and
/// returns failure after a diagnostic, or std::nullopt for an unknown name.
static ParseResult
parseOptions(AsmParser &parser,
             function_ref<std::optional<ParseResult>(StringRef)> parseOption) {
  llvm::SmallVector<std::string, 4> seen;
  while (succeeded(parser.parseOptionalComma())) {
    SMLoc loc = parser.getCurrentLocation();
    StringRef name;
    if (parser.parseKeyword(&name) || parser.parseEqual())
      return failure();
    if (llvm::is_contained(seen, name))
      return parser.emitError(loc)
             << "requires each option once, but '" << name << "' is repeated";
    seen.push_back(name.str());
    std::optional<ParseResult> result = parseOption(name);
    if (!result)
      return parser.emitError(loc) << "unknown option '" << name << "'";
    if (failed(*result))
      return failure();
  }
  return parser.parseGreater();
}

//===----------------------------------------------------------------------===//
// PatternAttr
//===----------------------------------------------------------------------===//

PatternAttr PatternAttr::get(MLIRContext *context,
                             const sparsity::Pattern &pattern) {
  return get(context, pattern.v, pattern.n, pattern.m);
}

sparsity::Pattern PatternAttr::getPattern() const {
  return {getV(), getN(), getM()};
}

LogicalResult PatternAttr::verify(function_ref<InFlightDiagnostic()> emitError,
                                  int64_t v, int64_t n, int64_t m) {
  if (llvm::Error error = sparsity::Pattern::verify(v, n, m))
    return emitError() << llvm::toString(std::move(error));
  return success();
}

Attribute PatternAttr::parse(AsmParser &parser, Type) {
  if (parser.parseLess())
    return {};
  FailureOr<PatternAttr> attr = parsePattern(parser);
  if (failed(attr) || parser.parseGreater())
    return {};
  return *attr;
}

void PatternAttr::print(AsmPrinter &printer) const {
  printer << "<" << getPattern().str() << ">";
}

//===----------------------------------------------------------------------===//
// EncodingAttr
//===----------------------------------------------------------------------===//

EncodingAttr EncodingAttr::get(MLIRContext *context,
                               const sparsity::Pattern &pattern, Form form,
                               int64_t numCols) {
  ColumnWidth width = sparsity::minimalColumnBytes(numCols) == 2
                          ? ColumnWidth::I16
                          : ColumnWidth::I32;
  return get(context, PatternAttr::get(context, pattern), form, width,
             RowOrder::Identity, StorageLayout::Canonical);
}

EncodingAttr EncodingAttr::withLayout(StorageLayout layout) const {
  return get(getContext(), getPattern(), getForm(), getColumnWidth(),
             getRowOrder(), layout);
}

EncodingAttr EncodingAttr::of(Type type) {
  auto tensorType = dyn_cast<RankedTensorType>(type);
  if (!tensorType)
    return {};
  return dyn_cast_or_null<EncodingAttr>(tensorType.getEncoding());
}

IntegerType EncodingAttr::getColumnType() const {
  return IntegerType::get(getContext(),
                          getColumnWidth() == ColumnWidth::I16 ? 16 : 32);
}

SmallVector<RankedTensorType, 4>
EncodingAttr::getStorageTypes(ArrayRef<int64_t> shape, Type elementType) const {
  sparsity::Pattern pattern = getPattern().getPattern();
  int64_t rows = shape[0], cols = shape[1];
  Builder builder(getContext());
  SmallVector<RankedTensorType, 4> types;
  if (isCanonical()) {
    types = {
        RankedTensorType::get({rows, pattern.numRowValues(cols)}, elementType),
        RankedTensorType::get({rows, pattern.numMetadataWords(cols)},
                              builder.getI16Type()),
        RankedTensorType::get(
            {pattern.numPanels(rows), pattern.numColumnSlots(cols)},
            getColumnType())};
  } else {
    sparsity::FragmentShape fragments(pattern, rows, cols);
    int64_t blocks = fragments.numBlocks, stages = fragments.numStages;
    types = {
        RankedTensorType::get({blocks, stages, sparsity::kStepsPerStage,
                               sparsity::kLanes, sparsity::kLaneValues},
                              elementType),
        RankedTensorType::get({blocks, stages, sparsity::kLanes},
                              builder.getI32Type()),
        RankedTensorType::get({pattern.numPanels(rows), fragments.numSlots()},
                              getColumnType())};
  }
  if (hasRows())
    types.push_back(RankedTensorType::get({rows}, builder.getI32Type()));
  return types;
}

SmallVector<RankedTensorType, 4>
EncodingAttr::getStorageTypes(RankedTensorType type) {
  return of(type).getStorageTypes(type.getShape(), type.getElementType());
}

int64_t EncodingAttr::getStorageSizeInBytes(ArrayRef<int64_t> shape,
                                            Type elementType) const {
  int64_t bits = 0;
  for (RankedTensorType type : getStorageTypes(shape, elementType))
    bits += type.getNumElements() * type.getElementTypeBitWidth();
  return bits / 8;
}

double EncodingAttr::getDensity(ArrayRef<int64_t> shape) const {
  return double(getPattern().getPattern().numRowValues(shape[1])) /
         double(shape[1]);
}

LogicalResult EncodingAttr::verifyEncoding(
    ArrayRef<int64_t> shape, Type elementType,
    function_ref<InFlightDiagnostic()> emitError) const {
  if (shape.size() != 2)
    return emitError() << "requires a V:N:M-encoded tensor to have rank 2, but "
                          "its rank is "
                       << shape.size();
  for (int64_t dim : {0, 1}) {
    StringRef name = dim == 0 ? "R" : "K";
    if (ShapedType::isDynamic(shape[dim]))
      return emitError() << "requires " << name
                         << " of a V:N:M-encoded tensor to be static";
    if (shape[dim] < 1)
      return emitError() << "requires " << name
                         << " of a V:N:M-encoded tensor to be positive, but "
                         << name << " is " << shape[dim];
  }
  if (!toCoreElementType(elementType))
    return emitError() << "requires elements of f16, bf16, f32 or i8 in a "
                          "V:N:M-encoded tensor, but they are "
                       << elementType;
  if (!isCanonical() && elementType.getIntOrFloatBitWidth() != 16)
    return emitError() << "requires elements of f16 or bf16 for layout = "
                       << stringifyStorageLayout(getLayout())
                       << ", but they are " << elementType;
  if (getColumnWidth() == ColumnWidth::I16 &&
      sparsity::minimalColumnBytes(shape[1]) > 2)
    return emitError() << "requires K <= 65535 for columns = i16, but K is "
                       << shape[1];
  return success();
}

Attribute EncodingAttr::parse(AsmParser &parser, Type) {
  Form form = Form::Strict;
  ColumnWidth columns = ColumnWidth::I16;
  RowOrder rows = RowOrder::Identity;
  StorageLayout layout = StorageLayout::Canonical;
  if (parser.parseLess())
    return {};
  FailureOr<PatternAttr> pattern = parsePattern(parser);
  if (failed(pattern))
    return {};
  auto parseOption = [&](StringRef name) -> std::optional<ParseResult> {
    if (name == "form")
      return parseEnumOption(parser, name, symbolizeForm, "strict or free",
                             form);
    if (name == "layout")
      return parseEnumOption(parser, name, symbolizeStorageLayout,
                             "canonical or fragments", layout);
    if (name == "columns")
      return parseEnumOption(parser, name, symbolizeColumnWidth, "i16 or i32",
                             columns);
    if (name == "rows")
      return parseEnumOption(parser, name, symbolizeRowOrder,
                             "identity or permuted", rows);
    return std::nullopt;
  };
  if (parseOptions(parser, parseOption))
    return {};
  return EncodingAttr::get(parser.getContext(), *pattern, form, columns, rows,
                           layout);
}

void EncodingAttr::print(AsmPrinter &printer) const {
  printer << "<" << getPattern().getPattern().str();
  if (getForm() != Form::Strict)
    printer << ", form = " << stringifyForm(getForm());
  if (getColumnWidth() != ColumnWidth::I16)
    printer << ", columns = " << stringifyColumnWidth(getColumnWidth());
  if (getRowOrder() != RowOrder::Identity)
    printer << ", rows = " << stringifyRowOrder(getRowOrder());
  if (!isCanonical())
    printer << ", layout = " << stringifyStorageLayout(getLayout());
  printer << ">";
}

//===----------------------------------------------------------------------===//
// SparsityAttr
//===----------------------------------------------------------------------===//

sparsity::PruneOptions SparsityAttr::getPruneOptions() const {
  sparsity::PruneOptions options;
  options.form = toCore(getForm());
  options.columnChoice = toCore(getColumnChoice());
  options.effort = toCore(getEffort());
  options.permuteRows = getRowOrder() == RowOrder::Permuted;
  return options;
}

SparsityAttr SparsityAttr::withPattern(PatternAttr pattern) const {
  return get(getContext(), pattern, getForm(), getCriterion(),
             getColumnChoice(), getRowOrder(), getEffort());
}

SparsityAttr SparsityAttr::withRowOrder(RowOrder rowOrder) const {
  return get(getContext(), getPattern(), getForm(), getCriterion(),
             getColumnChoice(), rowOrder, getEffort());
}

LogicalResult SparsityAttr::verify(function_ref<InFlightDiagnostic()> emitError,
                                   PatternAttr, Form form, Criterion,
                                   ColumnChoice, RowOrder rowOrder, Effort) {
  if (rowOrder == RowOrder::Permuted && form != Form::Free)
    return emitError() << "requires form = free for rows = permuted, but the "
                          "form is "
                       << stringifyForm(form);
  return success();
}

Attribute SparsityAttr::parse(AsmParser &parser, Type) {
  Form form = Form::Strict;
  Criterion criterion = Criterion::Magnitude;
  ColumnChoice choice = ColumnChoice::Exact;
  RowOrder rows = RowOrder::Identity;
  Effort effort = Effort::Default;
  SMLoc loc = parser.getCurrentLocation();
  if (parser.parseLess())
    return {};
  FailureOr<PatternAttr> pattern = parsePattern(parser);
  if (failed(pattern))
    return {};
  auto parseOption = [&](StringRef name) -> std::optional<ParseResult> {
    if (name == "form")
      return parseEnumOption(parser, name, symbolizeForm, "strict or free",
                             form);
    if (name == "criterion")
      return parseEnumOption(parser, name, symbolizeCriterion,
                             "magnitude, wanda, ria or given", criterion);
    if (name == "column_choice")
      return parseEnumOption(parser, name, symbolizeColumnChoice, "exact or l1",
                             choice);
    if (name == "rows")
      return parseEnumOption(parser, name, symbolizeRowOrder,
                             "identity or permuted", rows);
    if (name == "effort")
      return parseEnumOption(parser, name, symbolizeEffort,
                             "fast, default or high", effort);
    return std::nullopt;
  };
  if (parseOptions(parser, parseOption))
    return {};
  return SparsityAttr::getChecked([&] { return parser.emitError(loc); },
                                  parser.getContext(), *pattern, form,
                                  criterion, choice, rows, effort);
}

void SparsityAttr::print(AsmPrinter &printer) const {
  printer << "<" << getPattern().getPattern().str();
  if (getForm() != Form::Strict)
    printer << ", form = " << stringifyForm(getForm());
  if (getCriterion() != Criterion::Magnitude)
    printer << ", criterion = " << stringifyCriterion(getCriterion());
  if (getColumnChoice() != ColumnChoice::Exact)
    printer << ", column_choice = " << stringifyColumnChoice(getColumnChoice());
  if (getRowOrder() != RowOrder::Identity)
    printer << ", rows = " << stringifyRowOrder(getRowOrder());
  if (getEffort() != Effort::Default)
    printer << ", effort = " << stringifyEffort(getEffort());
  printer << ">";
}

//===----------------------------------------------------------------------===//
// ScheduleAttr
//===----------------------------------------------------------------------===//

ScheduleAttr ScheduleAttr::get(MLIRContext *context, StringRef family,
                               ArrayRef<std::pair<StringRef, int64_t>> fields) {
  Builder builder(context);
  SmallVector<NamedAttribute> entries;
  for (auto [name, value] : fields)
    entries.push_back(
        builder.getNamedAttr(name, builder.getI64IntegerAttr(value)));
  return get(context, family, builder.getDictionaryAttr(entries));
}

int64_t ScheduleAttr::getField(StringRef name) const {
  auto value = getFields().getAs<IntegerAttr>(name);
  return value ? value.getInt() : 0;
}

/// Whether the text form can spell `name` without quotes.
static bool isIdentifier(StringRef name) {
  auto isTail = [](char c) { return llvm::isAlnum(c) || c == '_'; };
  return !name.empty() && !llvm::isDigit(name.front()) &&
         llvm::all_of(name, isTail);
}

LogicalResult ScheduleAttr::verify(function_ref<InFlightDiagnostic()> emitError,
                                   StringRef family, DictionaryAttr fields) {
  if (!isIdentifier(family))
    return emitError() << "requires family to be an identifier, but it is '"
                       << family << "'";
  for (NamedAttribute field : fields) {
    StringRef name = field.getName();
    if (!isIdentifier(name) || name == "family")
      return emitError() << "requires the name of a field, but it is '" << name
                         << "'";
    auto value = dyn_cast<IntegerAttr>(field.getValue());
    if (!value || !value.getType().isSignlessInteger(64) || value.getInt() < 1)
      return emitError() << "requires " << name
                         << " to be a positive integer, but it is "
                         << field.getValue();
  }
  return success();
}

Attribute ScheduleAttr::parse(AsmParser &parser, Type) {
  SMLoc loc = parser.getCurrentLocation();
  StringRef family;
  if (parser.parseLess() || parser.parseKeyword("family") ||
      parser.parseEqual() || parser.parseKeyword(&family))
    return {};
  Builder &builder = parser.getBuilder();
  SmallVector<NamedAttribute> fields;
  auto parseField = [&](StringRef name) -> std::optional<ParseResult> {
    int64_t value;
    if (name == "family")
      return std::nullopt;
    if (parser.parseInteger(value))
      return failure();
    fields.push_back(
        builder.getNamedAttr(name, builder.getI64IntegerAttr(value)));
    return success();
  };
  if (parseOptions(parser, parseField))
    return {};
  return getChecked([&] { return parser.emitError(loc); }, parser.getContext(),
                    family, builder.getDictionaryAttr(fields));
}

void ScheduleAttr::print(AsmPrinter &printer) const {
  printer << "<family = " << getFamily();
  for (NamedAttribute field : getFields())
    printer << ", " << field.getName().getValue() << " = "
            << cast<IntegerAttr>(field.getValue()).getInt();
  printer << ">";
}
