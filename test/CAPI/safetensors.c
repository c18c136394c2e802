// Part of the VNM project, under the Apache License v2.0 with LLVM Exceptions.
// See the file LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// This file tests safetensors files and VENOM's arrays.
//
// RUN: rm -rf %t.d && mkdir %t.d
// RUN: %c_host %s -o %t && cd %t.d && %t | FileCheck %s

#include "vnm-c/Safetensors.h"
#include "check.h"
#include "vnm-c/Prune.h"
#include "vnm-c/Venom.h"
#include <string.h>

enum { R = 64, K = 80 };

static VnmString text(const char *string) { return vnmStringFromC(string); }

static VnmStorage *makeStorage(void) {
  static uint16_t weight[R * K];
  for (int i = 0; i < R * K; ++i)
    weight[i] = (uint16_t)(0x3000 + i % 4096); // f16 between 0.125 and 2
  VnmMatrix matrix = vnmMatrixRowMajor(weight, VnmElementTypeF16, R, K);
  VnmPattern pattern = {32, 2, 8};
  VnmStorage *storage = NULL;
  OK(vnmCompress(&matrix, pattern, NULL, NULL, NULL, &storage));
  return storage;
}

static void checkEqual(const VnmStorage *a, const VnmStorage *b) {
  static uint16_t first[R * K], second[R * K];
  OK(vnmStorageUnpack(a, first, sizeof(first)));
  OK(vnmStorageUnpack(b, second, sizeof(second)));
  REQUIRE(memcmp(first, second, sizeof(first)) == 0);
}

static void testWrite(const VnmStorage *storage) {
  VnmSafetensorsWriter *writer = NULL;
  OK(vnmSafetensorsWriterCreate(&writer));
  OK(vnmSafetensorsWriterAddStorage(writer, text("fc.weight"), storage));
  const float bias[3] = {1, 2, 3};
  const int64_t shape[1] = {3};
  VnmSafetensorsTensor tensor = {text("fc.bias"), text("F32"), shape, 1, bias,
                                 sizeof(bias)};
  OK(vnmSafetensorsWriterAdd(writer, &tensor));
  // CHECK: 1: requires unique names, but tensor 'fc.bias' is added twice
  report(vnmSafetensorsWriterAdd(writer, &tensor));
  // CHECK-NEXT: 1: requires unique names, but tensor 'fc.weight.vnm_{{.*}}' is
  // added twice
  report(vnmSafetensorsWriterAddStorage(writer, text("fc.weight"), storage));
  tensor.name = text("other");
  tensor.numBytes = 8;
  // CHECK-NEXT: 1: requires 12 bytes for tensor 'other' by its dtype and shape,
  // but there are 8
  report(vnmSafetensorsWriterAdd(writer, &tensor));
  tensor.data = NULL;
  // CHECK-NEXT: 1: requires data with a pointer and at least 0 bytes, but there
  // are 8
  report(vnmSafetensorsWriterAdd(writer, &tensor));
  OK(vnmSafetensorsWriterSetMetadata(writer, text("format"), text("pt")));
  OK(vnmSafetensorsWriterWrite(writer, text("a.safetensors")));
  // CHECK-NEXT: 3: requires a writable path, but 'none/a' cannot be written: No
  // such file or directory
  report(vnmSafetensorsWriterWrite(writer, text("none/a")));
  vnmSafetensorsWriterDestroy(writer);
  vnmSafetensorsWriterDestroy(NULL);
}

static void testRead(const VnmStorage *storage, const char *path) {
  VnmSafetensorsFile *file = NULL;
  OK(vnmSafetensorsOpen(text(path), &file));
  REQUIRE(vnmSafetensorsGetNumTensors(file) == 4);
  VnmSafetensorsTensor tensor;
  OK(vnmSafetensorsGetTensor(file, 0, &tensor));
  REQUIRE(tensor.name.length == 7 && tensor.rank == 1 && tensor.shape[0] == 3 &&
          tensor.numBytes == 12);
  float bias[3];
  OK(vnmSafetensorsFindTensor(file, text("fc.bias"), &tensor));
  memcpy(bias, tensor.data, sizeof(bias));
  REQUIRE(bias[0] == 1 && bias[2] == 3);
  REQUIRE(vnmSafetensorsGetNumMetadata(file) == 2);
  VnmString key, value;
  OK(vnmSafetensorsGetMetadata(file, 0, &key, &value));
  REQUIRE(key.length == 6 && memcmp(value.data, "pt", 2) == 0);
  REQUIRE(vnmSafetensorsGetNumStorages(file) == 1);
  VnmString name;
  OK(vnmSafetensorsGetStorageName(file, 0, &name));
  VnmStorage *read = NULL;
  OK(vnmSafetensorsReadStorage(file, name, &read));
  checkEqual(storage, read);
  vnmStorageDestroy(read);
  vnmSafetensorsClose(file);
}

/// Files put together from others.
static void testAddFile(const VnmStorage *storage) {
  VnmSafetensorsWriter *writer = NULL;
  OK(vnmSafetensorsWriterCreate(&writer));
  OK(vnmSafetensorsWriterAddFile(writer, text("a.safetensors")));
  // CHECK-NEXT: 2: requires unique names, but tensor 'fc.bias' is added twice
  report(vnmSafetensorsWriterAddFile(writer, text("a.safetensors")));
  OK(vnmSafetensorsWriterWrite(writer, text("b.safetensors")));
  testRead(storage, "b.safetensors");
  // The source is gone: nothing is written.
  REQUIRE(remove("a.safetensors") == 0);
  // CHECK-NEXT: 3: requires a readable file, but 'a.safetensors' cannot be read
  report(vnmSafetensorsWriterWrite(writer, text("c.safetensors")));
  REQUIRE(fopen("c.safetensors", "rb") == NULL);
  vnmSafetensorsWriterDestroy(writer);
}

static void testBadFiles(void) {
  VnmSafetensorsFile *file = NULL;
  // CHECK-NEXT: 3: requires a readable file, but 'none' cannot be read: No such
  // file or directory
  report(vnmSafetensorsOpen(text("none"), &file));
  FILE *stream = fopen("bad", "wb");
  REQUIRE(stream && fwrite("abc", 1, 3, stream) == 3 && fclose(stream) == 0);
  // CHECK-NEXT: 2: bad: requires a safetensors file of at least 8 bytes, but it
  // has 3
  report(vnmSafetensorsOpen(text("bad"), &file));
  REQUIRE(file == NULL);
  OK(vnmSafetensorsOpen(text("b.safetensors"), &file));
  VnmSafetensorsTensor tensor;
  // CHECK-NEXT: 1: requires an index in [0, 4), but it is -1
  report(vnmSafetensorsGetTensor(file, -1, &tensor));
  // CHECK-NEXT: 1: requires a tensor 'none', but there is none
  report(vnmSafetensorsFindTensor(file, text("none"), &tensor));
  VnmStorage *storage = NULL;
  // CHECK-NEXT: 2: packed weight 'none': requires __metadata__ to describe
  report(vnmSafetensorsReadStorage(file, text("none"), &storage));
  REQUIRE(storage == NULL);
  vnmSafetensorsClose(file);
  vnmSafetensorsClose(NULL);
}

static void testVenom(const VnmStorage *storage) {
  VnmVenomArrays *arrays = NULL;
  OK(vnmVenomExport(storage, &arrays));
  VnmVenomInfo info;
  OK(vnmVenomArraysGetInfo(arrays, &info));
  REQUIRE(info.rows == R && info.cols == K && info.numValues == R * 32);
  VnmStorage *back = NULL;
  OK(vnmVenomImport(&info, &back));
  checkEqual(storage, back);
  vnmStorageDestroy(back);
  back = NULL;
  --info.numValues;
  // CHECK-NEXT: 2: requires {{.*}}2048{{.*}}2047
  report(vnmVenomImport(&info, &back));
  info.numMetadata = -1;
  // CHECK-NEXT: 1: requires the array 'metadata' to have a pointer
  report(vnmVenomImport(&info, &back));
  REQUIRE(back == NULL);
  vnmVenomArraysDestroy(arrays);
  vnmVenomArraysDestroy(NULL);
}

int main(void) {
  VnmStorage *storage = makeStorage();
  testWrite(storage);
  testRead(storage, "a.safetensors");
  testAddFile(storage);
  testBadFiles();
  testVenom(storage);
  vnmStorageDestroy(storage);
  // CHECK-NEXT: done
  printf("done\n");
  return 0;
}
