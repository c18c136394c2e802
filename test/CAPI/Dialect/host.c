// Part of the VNM project, under the Apache License v2.0 with LLVM Exceptions.
// See the file LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// This file tests a host with MLIR's C API: dialects, attributes, passes and
// what is refused. An instrumented library needs an instrumented libMLIR.
//
// UNSUPPORTED: asan
// RUN: %mlir_c_host %s -o %t && %t 2>&1 | FileCheck %s
// RUN: llvm-nm -C -D --defined-only %vnm_libs/libVNMCAPI.so > %t.symbols
// RUN: not grep -v -f %S/Inputs/exports.txt %t.symbols

#include "check.h"
#include "mlir-c/BuiltinAttributes.h"
#include "mlir-c/BuiltinTypes.h"
#include "mlir-c/Pass.h"
#include "mlir-c/RegisterEverything.h"
#include "vnm-c/Dialect/Passes.h"
#include "vnm-c/Dialect/RegisterEverything.h"
#include "vnm-c/Dialect/VNM.h"

static void print(MlirStringRef text, void *userData) {
  (void)userData;
  printf("%.*s", (int)text.length, text.data);
}

static void printAttribute(MlirAttribute attribute) {
  mlirAttributePrint(attribute, print, NULL);
  printf("\n");
}

static MlirStringRef text(const char *chars) {
  return mlirStringRefCreateFromCString(chars);
}

static void testAttributes(MlirContext context) {
  VnmPattern pattern = {64, 2, 8};
  MlirAttribute attribute = vnmPatternAttrGet(context, pattern);
  // CHECK: #vnm.pattern<64:2:8>
  printAttribute(attribute);
  REQUIRE(mlirAttributeIsAVNMPattern(attribute));
  REQUIRE(!mlirAttributeIsAVNMEncoding(attribute));
  REQUIRE(mlirTypeIDEqual(mlirAttributeGetTypeID(attribute),
                          vnmPatternAttrGetTypeID()));
  REQUIRE(vnmPatternAttrGetPattern(attribute).v == 64);
  REQUIRE(vnmPatternAttrGetPattern(attribute).m == 8);

  VnmEncoding encoding = {pattern, VnmFormFree, true, true, false};
  attribute = vnmEncodingAttrGet(context, encoding);
  MlirType f16 = mlirF16TypeGet(context);
  int64_t shape[] = {128, 256};
  MlirType type = mlirRankedTensorTypeGet(2, shape, f16, attribute);
  // CHECK-NEXT: tensor<128x256xf16, #vnm.encoding<64:2:8, form = free,
  mlirTypePrint(type, print, NULL);
  printf("\n");
  REQUIRE(mlirAttributeIsAVNMEncoding(mlirRankedTensorTypeGetEncoding(type)));
  VnmEncoding read = vnmEncodingAttrGetEncoding(attribute);
  REQUIRE(read.pattern.n == 2 && read.form == VnmFormFree);
  REQUIRE(read.hasLongColumns && read.hasPermutedRows);
  REQUIRE(vnmEncodingAttrGetNumStorageParts(attribute) == 4);
  // CHECK-NEXT: tensor<128x64xf16>
  // CHECK-NEXT: tensor<128x8xi16>
  // CHECK-NEXT: tensor<2x128xi32>
  // CHECK-NEXT: tensor<128xi32>
  for (intptr_t i = 0; i < 4; ++i) {
    mlirTypePrint(vnmEncodingAttrGetStorageType(attribute, 128, 256, f16, i),
                  print, NULL);
    printf("\n");
  }
  REQUIRE(!read.isInFragmentOrder);
  encoding.isInFragmentOrder = true;
  attribute = vnmEncodingAttrGet(context, encoding);
  REQUIRE(vnmEncodingAttrGetEncoding(attribute).isInFragmentOrder);
  // CHECK-NEXT: tensor<8x2x2x32x8xf16>
  mlirTypePrint(vnmEncodingAttrGetStorageType(attribute, 128, 256, f16, 0),
                print, NULL);
  printf("\n");

  VnmSparsity sparsity = {pattern,           VnmFormFree,   VnmCriterionRIA,
                          VnmColumnChoiceL1, VnmEffortHigh, true};
  attribute = vnmSparsityAttrGet(context, sparsity);
  // CHECK-NEXT: #vnm.sparsity<64:2:8, {{.*}}ria{{.*}}
  printAttribute(attribute);
  REQUIRE(mlirAttributeIsAVNMSparsity(attribute));
  VnmSparsity again = vnmSparsityAttrGetSparsity(attribute);
  REQUIRE(again.criterion == VnmCriterionRIA && again.permuteRows);
  REQUIRE(again.columnChoice == VnmColumnChoiceL1);
  REQUIRE(again.effort == VnmEffortHigh && again.form == VnmFormFree);

  attribute =
      vnmActivationLayoutAttrGet(context, VnmActivationLayoutTokenMajor);
  // CHECK-NEXT: #vnm.activation_layout<token_major>
  printAttribute(attribute);
  REQUIRE(mlirAttributeIsAVNMActivationLayout(attribute));
  REQUIRE(vnmActivationLayoutAttrGetValue(attribute) == 1);
  attribute = vnmBroadcastAttrGet(context, VnmBroadcastPerToken);
  // CHECK-NEXT: #vnm.broadcast<per_token>
  printAttribute(attribute);
  REQUIRE(mlirAttributeIsAVNMBroadcast(attribute));
  REQUIRE(vnmBroadcastAttrGetValue(attribute) == 1);

  MlirAttribute fields =
      mlirAttributeParseGet(context, text("{token_tile = 128}"));
  attribute = vnmScheduleAttrGet(context, text("wgmma_sp"), fields);
  // CHECK-NEXT: #vnm.schedule<family = wgmma_sp, token_tile = 128>
  printAttribute(attribute);
  REQUIRE(mlirAttributeIsAVNMSchedule(attribute));
  REQUIRE(mlirTypeIDEqual(mlirAttributeGetTypeID(attribute),
                          vnmScheduleAttrGetTypeID()));
  REQUIRE(mlirStringRefEqual(vnmScheduleAttrGetFamily(attribute),
                             text("wgmma_sp")));
  REQUIRE(vnmScheduleAttrGetField(attribute, text("token_tile")) == 128);
  REQUIRE(vnmScheduleAttrGetField(attribute, text("stages")) == 0);
  attribute =
      vnmScheduleAttrGet(context, text("mma_sp"), mlirAttributeGetNull());
  // CHECK-NEXT: #vnm.schedule<family = mma_sp>
  printAttribute(attribute);
}

/// Each is a null attribute and an error in the context.
static void testBadAttributes(MlirContext context) {
  VnmPattern bad = {63, 2, 8}, good = {64, 2, 8};
  // CHECK-NEXT: error: {{.*}}requires V to be a power of two{{.*}}V is 63
  REQUIRE(mlirAttributeIsNull(vnmPatternAttrGet(context, bad)));
  VnmEncoding encoding = {good, 7, false, false, false};
  // CHECK: error: {{.*}}requires the number of a form, but it is 7
  REQUIRE(mlirAttributeIsNull(vnmEncodingAttrGet(context, encoding)));
  VnmSparsity sparsity = {good, VnmFormStrict, 0, 0, 0, true};
  // CHECK: error: {{.*}}requires
  REQUIRE(mlirAttributeIsNull(vnmSparsityAttrGet(context, sparsity)));
  // CHECK: error: {{.*}}requires the number of a layout, but it is 2
  REQUIRE(mlirAttributeIsNull(vnmActivationLayoutAttrGet(context, 2)));
  // CHECK: error: {{.*}}requires the number of a broadcast, but it is -1
  REQUIRE(mlirAttributeIsNull(vnmBroadcastAttrGet(context, -1)));
  MlirAttribute fields = mlirAttributeParseGet(context, text("{stages = 0}"));
  // CHECK: error: {{.*}}requires {{.*}}stages
  REQUIRE(
      mlirAttributeIsNull(vnmScheduleAttrGet(context, text("mma_sp"), fields)));
  // CHECK: error: {{.*}}requires a dictionary of fields, but it is unit
  REQUIRE(mlirAttributeIsNull(
      vnmScheduleAttrGet(context, text("mma_sp"), mlirUnitAttrGet(context))));
}

static void testPasses(MlirContext context) {
  MlirModule module = mlirModuleCreateParse(
      context,
      text("func.func @f(%w: tensor<64x64xf16, #vnm.encoding<64:2:8>>,\n"
           "    %x: tensor<64x32xf16>, %y: tensor<64x32xf32>)\n"
           "    -> tensor<64x32xf32> {\n"
           "  %0 = vnm.matmul ins(%w, %x : tensor<64x64xf16,\n"
           "      #vnm.encoding<64:2:8>>, tensor<64x32xf16>)\n"
           "      outs(%y : tensor<64x32xf32>) -> tensor<64x32xf32>\n"
           "  return %0 : tensor<64x32xf32>\n"
           "}"));
  REQUIRE(!mlirModuleIsNull(module));
  MlirPassManager manager = mlirPassManagerCreate(context);
  mlirPassManagerAddOwnedPass(manager, mlirCreateVNMExpandStoragePass());
  MlirOperation op = mlirModuleGetOperation(module);
  REQUIRE(mlirLogicalResultIsSuccess(mlirPassManagerRunOnOp(manager, op)));
  // CHECK: vnm.spmm <64:2:8> ins(
  mlirOperationPrint(op, print, NULL);
  mlirPassManagerDestroy(manager);

  vnmRegisterAllPasses();
  vnmRegisterAllPasses();
  manager = mlirPassManagerCreate(context);
  REQUIRE(mlirLogicalResultIsSuccess(mlirParsePassPipeline(
      mlirPassManagerGetAsOpPassManager(manager),
      text("builtin.module(vnm-lower-to-nvvm{chip=sm_90a format=mlir})"), print,
      NULL)));
  REQUIRE(mlirLogicalResultIsSuccess(mlirPassManagerRunOnOp(manager, op)));
  // CHECK: gpu.module @vnm_kernels
  mlirOperationPrint(op, print, NULL);
  mlirPassManagerDestroy(manager);
  mlirModuleDestroy(module);
}

int main(void) {
  // In order with what MLIR's default handler prints of errors.
  setvbuf(stdout, NULL, _IONBF, 0);
  MlirDialectRegistry registry = mlirDialectRegistryCreate();
  mlirRegisterAllDialects(registry);
  vnmRegisterAllDialects(registry);
  mlirDialectHandleInsertDialect(mlirGetDialectHandle__vnm__(), registry);
  MlirContext context = mlirContextCreateWithRegistry(registry, false);
  mlirDialectRegistryDestroy(registry);
  MlirDialect dialect =
      mlirDialectHandleLoadDialect(mlirGetDialectHandle__vnm__(), context);
  REQUIRE(mlirStringRefEqual(mlirDialectGetNamespace(dialect), text("vnm")));
  dialect =
      mlirDialectHandleLoadDialect(mlirGetDialectHandle__vnm_nvvm__(), context);
  REQUIRE(!mlirDialectIsNull(dialect));
  testAttributes(context);
  testBadAttributes(context);
  testPasses(context);
  mlirContextDestroy(context);
  // CHECK: done
  printf("done\n");
  return 0;
}
