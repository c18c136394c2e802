// RUN: vnm-opt %s --convert-vnm-to-gpu="chip=sm_90a family=mma_sp" --cse --split-input-file | FileCheck %s

// The kernel module names the target, with the PTX version that the chip needs.
// CHECK: module attributes {gpu.container_module}

// Operands go to the GPU, weights included; the destination comes back only.
// CHECK-LABEL: func.func @feature_major(
// CHECK-SAME: %[[V:.+]]: memref<128x64xf16>, %{{.+}}, %{{.+}}, %[[X:.+]]: memref<256x64xf16>, %[[Y:.+]]: memref<128x64xf32>
// CHECK: %[[V_GPU:.+]], %[[T0:.+]] = gpu.alloc async
// CHECK: %[[V_FLAT:.+]] = memref.collapse_shape %[[V]]
// CHECK: %[[V_CAST:.+]] = memref.cast %[[V_FLAT]]
// CHECK: gpu.memcpy async [%[[T0]]] %[[V_GPU]], %[[V_CAST]]
// CHECK: %[[Y_GPU:.+]], %[[T1:.+]] = gpu.alloc async {{.*}} : memref<?xf32>
// CHECK: %[[T2:.+]] = gpu.launch_func async [%[[T1]]] @vnm_kernels::@spmm_0 blocks in (%c2, %c1, %c1) threads in (%c128, %c1, %c1)
// CHECK: %[[Y_FLAT:.+]] = memref.collapse_shape %[[Y]]
// CHECK: gpu.memcpy async [%[[T2]]] %{{.+}}, %[[Y_GPU]]
// CHECK: gpu.wait
// CHECK-COUNT-5: gpu.dealloc async
// CHECK-NOT: vnm.spmm
// CHECK: gpu.module @vnm_kernels [#nvvm.target<O = 3, chip = "sm_90a", features = "+ptx85">]
// CHECK: gpu.func @spmm_0({{.*}}) workgroup(%{{.+}} : memref<18432xi8, #gpu.address_space<workgroup>> {llvm.align = 16 : i64}) kernel attributes {known_block_size = array<i32: 128, 1, 1>, vnm.kernel = {
// A column id is unsigned, and what is no channel is not read.
// CHECK: %[[ID:.+]] = memref.load
// CHECK: %[[CHANNEL:.+]] = arith.index_castui %[[ID]] : i16 to index
// CHECK: %[[VALID:.+]] = arith.cmpi ult, %[[CHANNEL]], %c256
// CHECK: %[[COUNT:.+]] = arith.select {{.*}}, %c8{{.*}}, %c0
// CHECK: nvgpu.device_async_copy {{.*}}, 8, %[[COUNT]]
// CHECK: scf.for
// CHECK: nvvm.cp.async.commit.group
// CHECK: nvvm.cp.async.wait.group 1
// CHECK: gpu.barrier
// CHECK: nvgpu.ldmatrix {{.*}} {numTiles = 4 : i32, transpose = true}
// CHECK: nvvm.mma.sp.sync {{.*}} {orderedMetadata,
func.func @feature_major(%v: memref<128x64xf16>, %m: memref<128x8xi16>, %c: memref<2x128xi16>,
                         %x: memref<256x64xf16>, %y: memref<128x64xf32>) {
  vnm.spmm #vnm.encoding<64:2:8>
      ins(%v, %m, %c, %x : memref<128x64xf16>, memref<128x8xi16>, memref<2x128xi16>, memref<256x64xf16>)
      outs(%y : memref<128x64xf32>)
  return
}

// -----

// Tokens of a row that is no multiple of 16 bytes are gathered one by one, and
// only if they exist; nor is there a launch for no tokens.
// CHECK-LABEL: func.func @dynamic_tokens(
// CHECK: %[[T:.+]] = memref.dim
// CHECK: %[[TILES:.+]] = arith.ceildivui %[[T]], %c64
// CHECK: %[[ANY:.+]] = arith.cmpi ne, %{{.+}}, %c0
// CHECK: scf.if %[[ANY]] {
// CHECK: gpu.launch_func
// CHECK: gpu.func @spmm_0
// CHECK: %[[ALIGNED:.+]] = arith.cmpi eq, %{{.+}}, %c0
// CHECK: scf.if %[[ALIGNED]] {
// CHECK: nvgpu.device_async_copy
// CHECK: } else {
// CHECK: scf.for
// CHECK-NOT: nvgpu.device_async_copy
// CHECK: %[[ELEMENT:.+]] = scf.if {{.*}} -> (f16) {
// CHECK: memref.load
// CHECK: } else {
// CHECK-NEXT: %[[ZERO:.+]] = arith.constant 0.0{{.*}} : f16
// CHECK-NEXT: scf.yield %[[ZERO]]
// CHECK: memref.store %[[ELEMENT]]
func.func @dynamic_tokens(%v: memref<64x64xf16>, %m: memref<64x8xi16>, %c: memref<1x128xi16>,
                          %x: memref<256x?xf16>, %y: memref<64x?xf16>) {
  vnm.spmm #vnm.encoding<64:2:8>
      ins(%v, %m, %c, %x : memref<64x64xf16>, memref<64x8xi16>, memref<1x128xi16>, memref<256x?xf16>)
      outs(%y : memref<64x?xf16>)
  return
}

// -----

// Rows past R and groups past G: indices are clamped, values are zero, metadata
// is legal. R = 40 with V = 32: tiles of 32 rows.
// CHECK-LABEL: func.func @ragged(
// CHECK: gpu.func @spmm_0
// CHECK-DAG: %[[ZERO:.+]] = arith.constant dense<0.000000e+00> : vector<2xbf16>
// CHECK-DAG: arith.minui %{{.+}}, %c39
// CHECK-DAG: arith.minui %{{.+}}, %c12
// CHECK: %[[PAIR:.+]] = vector.load {{.*}} {alignment = 4 : i64}
// CHECK: arith.select %{{.+}}, %[[PAIR]], %{{.+}} : vector<2xbf16>
// CHECK: vector.bitcast %{{.+}} : vector<2xbf16> to vector<1xi32>
// CHECK: %[[UNUSED:.+]] = arith.constant 17476 : i32
// CHECK: arith.select %{{.+}}, %{{.+}}, %[[UNUSED]] : i32
// CHECK: nvvm.mma.sp.sync {{.*}}multiplicandAPtxType = #nvvm.mma_type<bf16>
func.func @ragged(%v: memref<40x26xbf16>, %m: memref<40x4xi16>, %c: memref<2x52xi32>,
                  %x: memref<61x48xbf16>, %y: memref<40x48xf64>) {
  vnm.spmm #vnm.encoding<32:2:5, columns = i32>
      ins(%v, %m, %c, %x : memref<40x26xbf16>, memref<40x4xi16>, memref<2x52xi32>, memref<61x48xbf16>)
      outs(%y : memref<40x48xf64>)
  return
}

// -----

// The epilogue's body, its operands by their broadcast, and the output row.
// CHECK-LABEL: func.func @epilogue(
// CHECK: gpu.func @spmm_0(%{{.+}}: memref<?xf16>, %{{.+}}: memref<?xi16>, %{{.+}}: memref<?xi16>, %[[ROWS:.+]]: memref<?xi32>, %{{.+}}: memref<?xf16>, %[[Y:.+]]: memref<?xf16>, %[[BIAS:.+]]: memref<?xf32>, %[[SCALE:.+]]: memref<?xf32>, %[[RESIDUAL:.+]]: memref<?xf16>, %{{.+}}: index)
// CHECK: %[[SUM:.+]] = memref.load %{{.+}} : memref<{{.*}}f32, #gpu.address_space<workgroup>>
// CHECK: %[[ROW_ID:.+]] = memref.load %[[ROWS]]
// CHECK: %[[ROW:.+]] = arith.index_castui %[[ROW_ID]]
// CHECK: %[[OLD:.+]] = memref.load %[[Y]][%[[AT:.+]]]
// CHECK: %[[OLD32:.+]] = arith.extf %[[OLD]]
// CHECK: %[[ACC:.+]] = arith.addf %[[SUM]], %[[OLD32]]
// CHECK: %[[B:.+]] = memref.load %[[BIAS]][%[[ROW]]]
// CHECK: %[[S:.+]] = memref.load %[[SCALE]]
// CHECK: %[[R:.+]] = memref.load %[[RESIDUAL]][%[[AT]]]
// CHECK: arith.addf %[[ACC]], %[[B]]
// CHECK: math.tanh
// CHECK: arith.mulf %{{.+}}, %[[S]]
// CHECK: memref.store %{{.+}}, %[[Y]][%[[AT]]]
func.func @epilogue(%v: memref<64x64xf16>, %m: memref<64x8xi16>, %c: memref<1x128xi16>, %rows: memref<64xi32>,
                    %x: memref<2x16x256xf16>, %y: memref<2x16x64xf16>,
                    %bias: memref<64xf32>, %scale: memref<16xf32>, %residual: memref<2x16x64xf16>) {
  vnm.spmm #vnm.encoding<64:2:8, rows = permuted>
      ins(%v, %m, %c, %x : memref<64x64xf16>, memref<64x8xi16>, memref<1x128xi16>, memref<2x16x256xf16>)
      rows(%rows : memref<64xi32>)
      outs(%y : memref<2x16x64xf16>)
      {accumulate, x_layout = #vnm.activation_layout<token_major>, y_layout = #vnm.activation_layout<token_major>}
      epilogue(%bias per_row : memref<64xf32>, %scale per_token : memref<16xf32>, %residual full : memref<2x16x64xf16>) {
      ^bb0(%acc: f32, %b: f32, %s: f32, %r: f16):
        %0 = arith.addf %acc, %b : f32
        %1 = math.tanh %0 : f32
        %2 = arith.mulf %1, %s : f32
        %3 = arith.truncf %2 : f32 to f16
        %4 = arith.addf %3, %r : f16
        vnm.yield %4 : f16
      }
  return
}

// -----

// A buffer that is not contiguous passes through one that is.
// CHECK-LABEL: func.func @strided(
// CHECK-SAME: %[[X:[^,]+]]: memref<64x16xf16, strided<[40, 1], offset: 3>>, %[[Y:[^,]+]]: memref<64x16xf32, strided<[16, 1], offset: ?>>
// CHECK: %[[STAGING:.+]] = memref.alloc() : memref<64x16xf16>
// CHECK: memref.load %[[X]]
// CHECK: memref.store %{{.+}}, %[[STAGING]]
// CHECK: gpu.launch_func
// CHECK: memref.alloc() : memref<64x16xf32>
// CHECK: gpu.memcpy
// CHECK: gpu.wait
// CHECK: memref.store %{{.+}}, %[[Y]]
// CHECK: memref.dealloc %[[STAGING]]
func.func @strided(%v: memref<64x16xf16>, %m: memref<64x2xi16>, %c: memref<1x32xi16>,
                   %x: memref<64x16xf16, strided<[40, 1], offset: 3>>, %y: memref<64x16xf32, strided<[16, 1], offset: ?>>) {
  vnm.spmm #vnm.encoding<64:2:8>
      ins(%v, %m, %c, %x : memref<64x16xf16>, memref<64x2xi16>, memref<1x32xi16>, memref<64x16xf16, strided<[40, 1], offset: 3>>)
      outs(%y : memref<64x16xf32, strided<[16, 1], offset: ?>>)
  return
}

// -----

// Without a vnm.spmm nothing is added.
// CHECK: module {
// CHECK-LABEL: func.func @nothing_to_do
// CHECK-NOT: gpu.module
func.func @nothing_to_do() {
  return
}
