// Part of the VNM project, under the Apache License v2.0 with LLVM Exceptions.
// See the file LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// This file tests the compiler: IR, PTX, manifest, remarks, diagnostics,
// errors. Nothing but this program writes to the terminal.
//
// RUN: %c_host %s -o %t && %t > %t.out 2> %t.err && FileCheck %s < %t.out
// RUN: test ! -s %t.err

#include "vnm-c/Compile.h"
#include "check.h"
#include <string.h>

#define STORAGE                                                                \
  "%v: memref<128x64xf16>, %m: memref<128x8xi16>, %c: memref<2x128xi16>, "
#define TYPES "memref<128x64xf16>, memref<128x8xi16>, memref<2x128xi16>, "

/// A product of a packed weight with 64 tokens.
static const char product[] =
    "func.func @product(" STORAGE
    "%x: memref<256x64xf16>, %y: memref<128x64xf32>) {\n"
    "  vnm.spmm #vnm.encoding<64:2:8> ins(%v, %m, %c, %x : " TYPES
    "memref<256x64xf16>) outs(%y : memref<128x64xf32>)\n"
    "  return\n"
    "}\n";

/// A dense product whose weight is to become sparse.
static const char dense[] =
    "func.func @dense(%x: tensor<64x128xf16>) -> tensor<64x128xf16> {\n"
    "  %w = arith.constant dense<1.0> : tensor<64x64xf16>\n"
    "  %zero = arith.constant 0.0 : f16\n"
    "  %empty = tensor.empty() : tensor<64x128xf16>\n"
    "  %init = linalg.fill ins(%zero : f16) outs(%empty : tensor<64x128xf16>)\n"
    "      -> tensor<64x128xf16>\n"
    "  %y = linalg.matmul ins(%w, %x : tensor<64x64xf16>, tensor<64x128xf16>)\n"
    "      outs(%init : tensor<64x128xf16>) -> tensor<64x128xf16>\n"
    "  return %y : tensor<64x128xf16>\n"
    "}\n";

static VnmError *compile(const char *source, const char *pipeline,
                         VnmCompilation **compilation) {
  VnmCompileOptions options = vnmCompileOptionsGetDefault();
  options.pipeline = vnmStringFromC(pipeline);
  options.sourceName = vnmStringFromC("model.mlir");
  options.threads = 1;
  return vnmCompile(vnmStringFromC(source), &options, compilation);
}

static bool contains(VnmString text, const char *part) {
  size_t length = strlen(part);
  for (size_t i = 0; i + length <= text.length; ++i)
    if (memcmp(text.data + i, part, length) == 0)
      return true;
  return false;
}

static void testPTX(void) {
  VnmCompilation *compilation = NULL;
  OK(compile(product, "builtin.module(vnm-lower-to-nvvm{chip=sm_90a})",
             &compilation));
  REQUIRE(contains(vnmCompilationGetIR(compilation), "gpu.binary @"));
  REQUIRE(vnmCompilationGetNumCode(compilation) == 1);
  VnmCode code;
  OK(vnmCompilationGetCode(compilation, 0, &code));
  // CHECK: vnm_kernels.ptx ptx
  printf("%.*s %.*s\n", (int)code.fileName.length, code.fileName.data,
         (int)code.format.length, code.format.data);
  REQUIRE(contains(code.data, ".target sm_90a"));
  REQUIRE(contains(code.data, ".entry spmm_0"));
  VnmString manifest = vnmCompilationGetManifest(compilation);
  REQUIRE(contains(manifest, "\"pattern\": \"64:2:8\""));
  REQUIRE(contains(manifest, "\"chip\": \"sm_90a\""));
  REQUIRE(vnmCompilationGetNumDiagnostics(compilation) == 0);
  // CHECK-NEXT: 1: requires an index in [0, 1), but it is 1
  report(vnmCompilationGetCode(compilation, 1, &code));
  // CHECK-NEXT: 1: requires an index in [0, 0), but it is -1
  VnmDiagnostic diagnostic;
  report(vnmCompilationGetDiagnostic(compilation, -1, &diagnostic));
  vnmCompilationDestroy(compilation);
}

/// Bytecode of one compilation is a source of another, at any address.
static void testBytecode(void) {
  VnmCompileOptions options = vnmCompileOptionsGetDefault();
  options.irFormat = VnmIRFormatBytecode;
  VnmCompilation *first = NULL, *second = NULL;
  OK(vnmCompile(vnmStringFromC(product), &options, &first));
  VnmString bytecode = vnmCompilationGetIR(first);
  REQUIRE(bytecode.length > 4 && memcmp(bytecode.data, "ML\xefR", 4) == 0);
  char *copy = malloc(bytecode.length + 1);
  memcpy(copy + 1, bytecode.data, bytecode.length);
  VnmString moved = {copy + 1, bytecode.length};
  OK(vnmCompile(moved, NULL, &second));
  REQUIRE(contains(vnmCompilationGetIR(second), "vnm.spmm <64:2:8>"));
  vnmCompilationDestroy(second);
  moved.length /= 2;
  second = NULL;
  VnmError *error = vnmCompile(moved, NULL, &second);
  REQUIRE(vnmErrorGetKind(error) == VnmErrorKindInvalidArgument && !second);
  vnmErrorDestroy(error);
  free(copy);
  vnmCompilationDestroy(first);

  options.irFormat = VnmIRFormatNone;
  OK(vnmCompile(vnmStringFromC(product), &options, &first));
  REQUIRE(vnmCompilationGetIR(first).length == 0);
  REQUIRE(vnmCompilationGetManifest(first).length == 0);
  REQUIRE(vnmCompilationGetNumCode(first) == 0);
  vnmCompilationDestroy(first);
}

static void testRemarks(void) {
  static const char pipeline[] =
      "vnm-sparsify-model{select=per-layer speedup=1 candidates=64:2:4,64:2:8}";
  VnmCompileOptions options = vnmCompileOptionsGetDefault();
  options.pipeline = vnmStringFromC(pipeline);
  VnmCompilation *compilation = NULL;
  OK(vnmCompile(vnmStringFromC(dense), &options, &compilation));
  REQUIRE(vnmCompilationGetNumRemarks(compilation) > 0);
  VnmRemark remark;
  OK(vnmCompilationGetRemark(compilation, 0, &remark));
  // CHECK-NEXT: vnm-{{[a-z-]+}} {{[a-z-]+}}: {{.+}}
  printf("%.*s %.*s: %.*s\n", (int)remark.category.length, remark.category.data,
         (int)remark.name.length, remark.name.data, (int)remark.message.length,
         remark.message.data);
  vnmCompilationDestroy(compilation);
  options.remarks = vnmStringFromC("");
  OK(vnmCompile(vnmStringFromC(dense), &options, &compilation));
  REQUIRE(vnmCompilationGetNumRemarks(compilation) == 0);
  vnmCompilationDestroy(compilation);
}

static void testBadSources(void) {
  VnmCompilation *none = NULL;
  // CHECK-NEXT: 1: "model.mlir":1:1: error: {{.*}}
  report(compile("no MLIR", "", &none));
  // CHECK-NEXT: 1: "model.mlir":1:{{.*}}error: {{.*}}unregistered
  report(compile("func.func @f() { \"unknown.op\"() : () -> () return }", "",
                 &none));
  // CHECK-NEXT: 1: requires the argument 'source' not to be null, but it is
  report(vnmCompile(vnmStringFromC(NULL), NULL, &none));
  // CHECK-NEXT: 1: requires the argument 'compilation' not to be null, but it
  report(vnmCompile(vnmStringFromC(product), NULL, NULL));
  // An op that does not verify, and the diagnostic as a value.
  VnmError *error =
      compile("func.func @f(" STORAGE
              "%x: memref<300x64xf16>, %y: memref<128x64xf32>) {\n"
              "  vnm.spmm #vnm.encoding<64:2:8> ins(%v, %m, %c, %x : " TYPES
              "memref<300x64xf16>) outs(%y : memref<128x64xf32>)\n"
              "  return\n}\n",
              "", &none);
  REQUIRE(vnmErrorGetNumDiagnostics(error) >= 1);
  VnmDiagnostic diagnostic;
  OK(vnmErrorGetDiagnostic(error, 0, &diagnostic));
  REQUIRE(diagnostic.severity == VnmSeverityError);
  // CHECK-NEXT: "model.mlir":2:3 | 'vnm.spmm' op requires {{.*}}
  printf("%.*s | %.*s\n", (int)diagnostic.location.length,
         diagnostic.location.data, (int)diagnostic.message.length,
         diagnostic.message.data);
  // CHECK-NEXT: 1: requires an index in [0, 1), but it is 1
  report(vnmErrorGetDiagnostic(error, 1, &diagnostic));
  vnmErrorDestroy(error);
  REQUIRE(vnmErrorGetNumDiagnostics(NULL) == 0 && !none);
}

static void testBadOptions(void) {
  VnmCompilation *none = NULL;
  // CHECK-NEXT: 1: requires a pipeline of known passes, but it is
  // 'no-such-pass': {{.*}}no-such-pass
  report(compile(product, "no-such-pass", &none));
  // CHECK: 1: requires a pipeline with a parenthesis that closes
  // builtin.module(, but it is 'builtin.module(cse'
  report(compile(product, "builtin.module(cse", &none));
  // CHECK: 1: requires a pipeline of known passes, but it is
  // 'vnm-lower-to-nvvm{chap=sm_80}': {{.*}}chap
  report(compile(product, "vnm-lower-to-nvvm{chap=sm_80}", &none));
  // CHECK: 1: "model.mlir"{{.*}}error: {{.*}}sm_70
  report(compile(product, "vnm-lower-to-nvvm{chip=sm_70}", &none));
  // CHECK: 1: {{.*}}requires NVIDIA's assembler in the toolkit to make a cubin,
  // but /nowhere/bin/ptxas cannot be run
  report(compile(product, "vnm-lower-to-nvvm{format=bin toolkit=/nowhere}",
                 &none));
  VnmCompileOptions options = vnmCompileOptionsGetDefault();
  options.remarks = vnmStringFromC("(");
  // CHECK-NEXT: 1: requires remarks to be a regular expression, but '(' is none
  report(vnmCompile(vnmStringFromC(product), &options, &none));
  options = vnmCompileOptionsGetDefault();
  options.irFormat = 3;
  // CHECK-NEXT: 1: requires the number of an IR format to be in [0, 3), but it
  // is 3
  report(vnmCompile(vnmStringFromC(product), &options, &none));
  options.irFormat = VnmIRFormatText;
  options.threads = 5000;
  // CHECK-NEXT: 1: requires at most 1024 threads, but they are 5000
  report(vnmCompile(vnmStringFromC(product), &options, &none));
  REQUIRE(!none && vnmCompilationGetIR(NULL).length == 0);
  REQUIRE(vnmCompilationGetNumCode(NULL) == 0);
  vnmCompilationDestroy(NULL);
}

int main(void) {
  testPTX();
  testBytecode();
  testRemarks();
  testBadSources();
  testBadOptions();
  // CHECK-NEXT: done
  printf("done\n");
  return 0;
}
