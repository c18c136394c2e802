// DEFINE: %{choose} = vnm-opt %s --vnm-choose-schedule
// DEFINE: %{table} = cost-table=%S/Inputs/schedule-costs.json
// DEFINE: %{remarks} = --remarks-filter=vnm-gpu --remark-format=emitRemark -o /dev/null
// RUN: %{choose}="chip=sm_90a %{table}" | FileCheck %s --check-prefixes=CHECK,TABLE
// RUN: %{choose}="chip=sm_90a" | FileCheck %s --check-prefixes=CHECK,RULE
// RUN: %{choose}="chip=sm_80 %{table}" | FileCheck %s --check-prefixes=CHECK,SM80
// RUN: %{choose}="chip=sm_90a %{table} family=mma_sp" | FileCheck %s --check-prefixes=CHECK,SM80
// RUN: %{choose}="chip=sm_90a %{table} token-tile=64" | FileCheck %s --check-prefixes=CHECK,NARROW
// RUN: %{choose}="chip=sm_90a %{table}" %{remarks} 2>&1 | FileCheck %s --check-prefix=REMARK
// RUN: %{choose}="chip=sm_90a" %{remarks} 2>&1 | FileCheck %s --check-prefix=NO-TABLE

// The table has this shape: the fastest of three, and dense, is known.
// CHECK-LABEL: func.func @measured
// TABLE: schedule = #vnm.schedule<family = wgmma_sp, token_tile = 128>
// RULE: schedule = #vnm.schedule<family = wgmma_sp, token_tile = 64>
// SM80: schedule = #vnm.schedule<family = mma_sp, row_tile =
// NARROW: schedule = #vnm.schedule<family = wgmma_sp, token_tile = 64>
// REMARK: [Passed] schedule | {{.*}}Function=measured |{{.*}} Reason="wgmma_sp, token_tile = 64: 14.0 us (measured); mma_sp, row_tile = {{[0-9]+}}, token_tile = {{[0-9]+}}: 30.0 us (measured); dense: 20.0 us (measured)", Remark="wgmma_sp, token_tile = 128: 12.0 us (measured)"
// NO-TABLE: [Analysis] schedule | {{.*}}Reason="there is no cost table", Remark="wgmma_sp, token_tile = 64, by the built-in rule: sparse {{[0-9.]+}} us (roofline), dense {{[0-9.]+}} us (roofline)"
func.func @measured(%v: memref<256x128xf16>, %m: memref<256x16xi16>, %c: memref<2x256xi16>,
    %x: memref<512x256xf16>, %y: memref<256x256xf16>) {
  vnm.spmm #vnm.encoding<128:2:8>
      ins(%v, %m, %c, %x : memref<256x128xf16>, memref<256x16xi16>, memref<2x256xi16>, memref<512x256xf16>)
      outs(%y : memref<256x256xf16>)
  return
}

// A token-major y takes the same schedules.
// CHECK-LABEL: func.func @token_major_results
// TABLE: schedule = #vnm.schedule<family = wgmma_sp, token_tile = 128>
// RULE: schedule = #vnm.schedule<family = wgmma_sp, token_tile = 64>
// SM80: schedule = #vnm.schedule<family = mma_sp, row_tile =
// NARROW: schedule = #vnm.schedule<family = wgmma_sp, token_tile = 64>
func.func @token_major_results(%v: memref<256x128xf16>, %m: memref<256x16xi16>, %c: memref<2x256xi16>,
    %x: memref<512x256xf16>, %y: memref<256x256xf16>) {
  vnm.spmm #vnm.encoding<128:2:8>
      ins(%v, %m, %c, %x : memref<256x128xf16>, memref<256x16xi16>, memref<2x256xi16>, memref<512x256xf16>)
      outs(%y : memref<256x256xf16>) {y_layout = #vnm.activation_layout<token_major>}
  return
}

// Between two shapes of the table the choice at the nearer one counts more. mma_sp
// was only measured elsewhere.
// CHECK-LABEL: func.func @interpolated
// TABLE: schedule = #vnm.schedule<family = wgmma_sp, token_tile = 128>
// SM80: schedule = #vnm.schedule<family = mma_sp, row_tile =
// REMARK: [Passed] schedule | {{.*}}Function=interpolated |{{.*}} Reason="wgmma_sp, token_tile = 64: {{[0-9.]+}} us (interpolated); dense: {{[0-9.]+}} us (interpolated)"
func.func @interpolated(%v: memref<256x128xf16>, %m: memref<256x16xi16>, %c: memref<2x256xi16>,
    %x: memref<512x320xf16>, %y: memref<256x320xf16>) {
  vnm.spmm #vnm.encoding<128:2:8>
      ins(%v, %m, %c, %x : memref<256x128xf16>, memref<256x16xi16>, memref<2x256xi16>, memref<512x320xf16>)
      outs(%y : memref<256x320xf16>)
  return
}

// Sparse is slower than dense here, and stays sparse.
// CHECK-LABEL: func.func @dense_is_faster
// TABLE: schedule = #vnm.schedule<family = wgmma_sp, token_tile = 64>
// REMARK: [Missed] dense | {{.*}}Remark="the dense product is predicted to be faster: 30.0 us (measured), sparse 35.0 us (measured)", Suggestion="leave the layer dense, e.g. by allow-dense=true, or choose a larger M"
func.func @dense_is_faster(%v: memref<256x128xf16>, %m: memref<256x16xi16>, %c: memref<2x256xi16>,
    %x: memref<512x1024xf16>, %y: memref<256x1024xf16>) {
  vnm.spmm #vnm.encoding<128:2:8>
      ins(%v, %m, %c, %x : memref<256x128xf16>, memref<256x16xi16>, memref<2x256xi16>, memref<512x1024xf16>)
      outs(%y : memref<256x1024xf16>)
  return
}

// Beyond the shapes of the table the rule chooses.
// CHECK-LABEL: func.func @extrapolated
// TABLE: schedule = #vnm.schedule<family = wgmma_sp, token_tile = 64>
// REMARK: [Analysis] schedule | {{.*}}Reason="the cost table has no schedule that the product admits and whose measured shapes surround it", Remark="wgmma_sp, token_tile = 64, by the built-in rule: sparse {{[0-9.]+}} us (extrapolated)
func.func @extrapolated(%v: memref<256x128xf16>, %m: memref<256x16xi16>, %c: memref<2x256xi16>,
    %x: memref<512x4096xf16>, %y: memref<256x4096xf16>) {
  vnm.spmm #vnm.encoding<128:2:8>
      ins(%v, %m, %c, %x : memref<256x128xf16>, memref<256x16xi16>, memref<2x256xi16>, memref<512x4096xf16>)
      outs(%y : memref<256x4096xf16>)
  return
}

// What the table's schedules cannot compute.
// CHECK-LABEL: func.func @odd_tokens
// CHECK: schedule = #vnm.schedule<family = mma_sp, row_tile =
func.func @odd_tokens(%v: memref<256x128xf16>, %m: memref<256x16xi16>, %c: memref<2x256xi16>,
    %x: memref<512x257xf16>, %y: memref<256x257xf16>) {
  vnm.spmm #vnm.encoding<128:2:8>
      ins(%v, %m, %c, %x : memref<256x128xf16>, memref<256x16xi16>, memref<2x256xi16>, memref<512x257xf16>)
      outs(%y : memref<256x257xf16>)
  return
}

// CHECK-LABEL: func.func @dynamic
// CHECK: schedule = #vnm.schedule<family = mma_sp, row_tile =
// REMARK: [Analysis] schedule | {{.*}}Function=dynamic | Reason="the number of tokens or of batch entries is dynamic", Remark="mma_sp, row_tile = {{[0-9]+}}, token_tile = {{[0-9]+}}, by the built-in rule"
func.func @dynamic(%v: memref<256x128xf16>, %m: memref<256x16xi16>, %c: memref<2x256xi16>,
    %x: memref<512x?xf16>, %y: memref<256x?xf16>) {
  vnm.spmm #vnm.encoding<128:2:8>
      ins(%v, %m, %c, %x : memref<256x128xf16>, memref<256x16xi16>, memref<2x256xi16>, memref<512x?xf16>)
      outs(%y : memref<256x?xf16>)
  return
}

// A schedule that is there stays.
// CHECK-LABEL: func.func @scheduled
// CHECK: schedule = #vnm.schedule<family = wgmma_sp, token_tile = 256>
func.func @scheduled(%v: memref<256x128xf16>, %m: memref<256x16xi16>, %c: memref<2x256xi16>,
    %x: memref<512x256xf16>, %y: memref<256x256xf16>) {
  vnm.spmm #vnm.encoding<128:2:8>
      ins(%v, %m, %c, %x : memref<256x128xf16>, memref<256x16xi16>, memref<2x256xi16>, memref<512x256xf16>)
      outs(%y : memref<256x256xf16>) {schedule = #vnm.schedule<family = wgmma_sp, token_tile = 256>}
  return
}

// What a family cannot multiply is said before what it is slow at.
// CHECK-LABEL: func.func @few_tokens_of_bytes
// CHECK: schedule = #vnm.schedule<family = mma_sp, row_tile =
// NO-TABLE: [Missed] family | {{.*}}Reason="requires a weight of f16 or bf16, but it is i8", Remark="mma_sp is taken instead of wgmma_sp"
func.func @few_tokens_of_bytes(%v: memref<256x128xi8>, %m: memref<256x16xi16>, %c: memref<2x256xi16>,
    %x: memref<512x32xi8>, %y: memref<256x32xi32>) {
  vnm.spmm #vnm.encoding<128:2:8>
      ins(%v, %m, %c, %x : memref<256x128xi8>, memref<256x16xi16>, memref<2x256xi16>, memref<512x32xi8>)
      outs(%y : memref<256x32xi32>)
  return
}
