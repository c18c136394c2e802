// RUN: vnm-opt %s --vnm-fold-weights --vnm-write-report=file=%t.json --remarks-filter=vnm-fold --remark-format=emitRemark \
// RUN:   -o /dev/null 2>&1 | FileCheck %s --check-prefix=REMARK
// RUN: FileCheck %s --check-prefix=REPORT < %t.json
// RUN: vnm-opt %s --vnm-fold-weights --vnm-report=%t.flag.json -o /dev/null && cmp %t.json %t.flag.json
// RUN: not vnm-opt %s --vnm-write-report=file=%t.missing/report.json -o /dev/null 2>&1 | FileCheck %s --check-prefix=ERROR

// REMARK: remark: [Passed] fold | Category:vnm-fold | Function=f | BytesAfter=14, BytesBefore=16, Remark="layer fc: 1 x 8 packed at 16:2:8 strict", RetainedImportance=7.5{{0+}}e-01
// REMARK: remark: [Missed] fold | {{.*}}Reason="its weight is a function argument", Remark="layer weight_1_8 is packed when the program runs"

// REPORT:      "version": 1,
// REPORT-NEXT: "layers": [
// REPORT-NEXT:   {
// REPORT-NEXT:     "layer": "fc",
// REPORT-NEXT:     "rows": 1,
// REPORT-NEXT:     "cols": 8,
// REPORT-NEXT:     "dtype": "f16",
// REPORT-NEXT:     "decision": "sparse",
// REPORT-NEXT:     "pattern": "16:2:8",
// REPORT-NEXT:     "form": "strict",
// REPORT-NEXT:     "row_order": "identity",
// REPORT-NEXT:     "criterion": "magnitude",
// REPORT-NEXT:     "density": 0.25,
// REPORT-NEXT:     "retained_importance": 0.75,
// REPORT-NEXT:     "bytes_dense": 16,
// REPORT-NEXT:     "bytes_sparse": 14
// REPORT-NEXT:   }
// REPORT-NEXT: ],
// REPORT-NEXT: "model": {
// REPORT-NEXT:   "retained_importance": 0.75,
// REPORT-NEXT:   "bytes_dense": 16,
// REPORT-NEXT:   "bytes_sparse": 14
// REPORT-NEXT: }

// ERROR: error: vnm-write-report: option file: requires a writable file, but '{{.*}}report.json' cannot be written: {{.+}}

#enc = #vnm.encoding<16:2:8>

func.func @f(%a: tensor<1x8xf16> {vnm.weight}) -> (tensor<1x8xf16, #enc>, tensor<1x8xf16, #enc>) {
  %w = arith.constant dense<[[1.0, 1.0, 8.0, 1.0, 1.0, -4.0, 0.0, 0.0]]> : tensor<1x8xf16>
  %0 = vnm.compress %w {vnm.layer = "fc"} : tensor<1x8xf16> to tensor<1x8xf16, #enc>
  %1 = vnm.compress %a : tensor<1x8xf16> to tensor<1x8xf16, #enc>
  return %0, %1 : tensor<1x8xf16, #enc>, tensor<1x8xf16, #enc>
}
