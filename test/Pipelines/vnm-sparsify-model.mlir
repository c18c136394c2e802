// RUN: vnm-opt %s --vnm-sparsify-model="pattern=16:2:8 form=free filter=fc report=%t.json" | FileCheck %s
// RUN: FileCheck %s --check-prefix=REPORT < %t.json
// RUN: vnm-opt %s --vnm-sparsify-model="pattern=16:2:8 form=free filter=fc" -o %t.pipeline.mlir
// RUN: vnm-opt %s --cse --vnm-annotate-matmuls="pattern=16:2:8 form=free filter=fc" --vnm-sparsify \
// RUN:   --canonicalize --cse --vnm-fuse-epilogue --vnm-fold-weights -o %t.passes.mlir
// RUN: diff %t.pipeline.mlir %t.passes.mlir

// What chooses patterns and permutes comes between annotating and sparsifying:
// RUN: vnm-opt %s --vnm-sparsify-model="pattern=16:2:8 form=free effort=fast select=retained speedup=1 permute=true scatter=always candidates=16:2:4,16:2:8 tokens=9" \
// RUN:   --dump-pass-pipeline -o /dev/null 2>&1 | FileCheck %s --check-prefix=PASSES
// PASSES:      vnm-annotate-matmuls{{.*}}effort=fast
// PASSES-NEXT: vnm-select-pattern{{.*}}candidates={{.}}16:2:4,16:2:8{{.*}}rule=retained speedup=1.{{.*}}tokens=9
// PASSES-NEXT: vnm-permute-channels{{.*}}scatter=always
// PASSES-NEXT: vnm-sparsify

// Each layer of the fixtures that has a weight, and no other:
// RUN: vnm-opt %vnm_src/examples/mlp.mlir --vnm-sparsify-model --mlir-elide-resource-strings-if-larger=8 \
// RUN:   | FileCheck %s --check-prefix=MLP --implicit-check-not=linalg.matmul
// RUN: vnm-opt %vnm_src/examples/mlp_ragged.mlir --vnm-sparsify-model --mlir-elide-resource-strings-if-larger=8 \
// RUN:   | FileCheck %s --check-prefix=RAGGED --implicit-check-not=linalg.batch_matmul
// RUN: vnm-opt %vnm_src/examples/mlp_dynamic.mlir --vnm-sparsify-model --mlir-elide-resource-strings-if-larger=8 \
// RUN:   | FileCheck %s --check-prefix=DYNAMIC --implicit-check-not=linalg.matmul
// RUN: vnm-opt %vnm_src/examples/encoder_layer.mlir --vnm-sparsify-model --mlir-elide-resource-strings-if-larger=8 \
// RUN:   | FileCheck %s --check-prefix=ENCODER --implicit-check-not=linalg.batch_matmul

// CHECK-LABEL: func @f(
// CHECK:         %[[E:.+]] = vnm.assemble {{.*}}tensor<48x32xf16, #vnm.encoding<16:2:8, form = free>>
// CHECK:         %[[Y:.+]] = vnm.matmul ins(%[[E]], %{{.+}}vnm.layer = "fc1"
// CHECK:         linalg.matmul
// CHECK-NOT:     vnm.
// CHECK:         return

// REPORT:     "layer": "fc1"
// REPORT:     "decision": "sparse"
// REPORT:     "step": "free columns"
// REPORT:     "layer": "head"
// REPORT:     "decision": "dense",
// REPORT-NEXT: "reason": "filter 'fc' does not match its name"
// REPORT-NOT: "layer"

// MLP:         vnm.matmul {{.*}}tensor<512x256xf16, #vnm.encoding<64:2:8>>, tensor<128x256xf16>) {{.*}}vnm.layer = "main.0"
// MLP:         vnm.matmul {{.*}}tensor<256x512xf16, #vnm.encoding<64:2:8>>, tensor<128x512xf16>) {{.*}}vnm.layer = "main.1"
// RAGGED:      vnm.matmul {{.*}}tensor<83x100xf32, #vnm.encoding<64:2:8>>, tensor<3x13x100xf32>)
// RAGGED:      vnm.matmul {{.*}}tensor<100x83xf32, #vnm.encoding<64:2:8>>, tensor<3x13x83xf32>)
// DYNAMIC:     vnm.matmul {{.*}}tensor<128x64xf16, #vnm.encoding<64:2:8>>, tensor<?x64xf16>)
// DYNAMIC:     vnm.matmul {{.*}}tensor<64x128xf16, #vnm.encoding<64:2:8>>, tensor<?x128xf16>)
// ENCODER-COUNT-3: vnm.matmul {{.*}}tensor<256x256xf16, #vnm.encoding<64:2:8>>, tensor<2x64x256xf16>)
// Scores and context are products of activations.
// ENCODER-COUNT-2: linalg.batch_matmul
// ENCODER:     vnm.matmul {{.*}}tensor<256x256xf16,
// ENCODER:     vnm.matmul {{.*}}tensor<512x256xf16,
// ENCODER:     vnm.matmul {{.*}}tensor<256x512xf16,

func.func @f(%x: tensor<4x32xf16>) -> tensor<4x32xf16> {
  %zero = arith.constant 0.0 : f16
  %w = arith.constant dense<1.0> : tensor<32x48xf16>
  %v = arith.constant dense<2.0> : tensor<48x32xf16>
  %e = tensor.empty() : tensor<4x48xf16>
  %f = linalg.fill ins(%zero : f16) outs(%e : tensor<4x48xf16>) -> tensor<4x48xf16>
  %0 = linalg.matmul ins(%x, %w : tensor<4x32xf16>, tensor<32x48xf16>)
                     outs(%f : tensor<4x48xf16>) -> tensor<4x48xf16> loc("fc1")
  %e1 = tensor.empty() : tensor<4x32xf16>
  %f1 = linalg.fill ins(%zero : f16) outs(%e1 : tensor<4x32xf16>) -> tensor<4x32xf16>
  %1 = linalg.matmul ins(%0, %v : tensor<4x48xf16>, tensor<48x32xf16>)
                     outs(%f1 : tensor<4x32xf16>) -> tensor<4x32xf16> loc("head")
  return %1 : tensor<4x32xf16>
}
