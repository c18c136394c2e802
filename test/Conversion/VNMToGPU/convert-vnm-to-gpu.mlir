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
// CHECK: %[[T2:.+]] = gpu.launch_func async [%[[T1]]] @vnm_kernels::@spmm_0 blocks in (%c8, %c1, %c1) threads in (%c128, %c1, %c1) dynamic_shared_memory_size %c26624_i32
// CHECK: %[[Y_FLAT:.+]] = memref.collapse_shape %[[Y]]
// CHECK: gpu.memcpy async [%[[T2]]] %{{.+}}, %[[Y_GPU]]
// CHECK: gpu.wait
// CHECK-COUNT-5: gpu.dealloc async
// CHECK-NOT: vnm.spmm
// CHECK: gpu.module @vnm_kernels [#nvvm.target<O = 3, chip = "sm_90a", features = "+ptx85">]
// CHECK: gpu.func @spmm_0({{.*}}) kernel attributes {known_block_size = array<i32: 128, 1, 1>, vnm.kernel = {
// A thread's column ids lie side by side. They are unsigned, and what is no
// channel is not read.
// CHECK: %[[IDS:.+]] = llvm.load %{{.+}} {alignment = 4 : i64} : !llvm.ptr<1> -> i32
// Values, then channels. T = 64 tokens are 128 bytes.
// CHECK: nvvm.cp.async.shared.global %{{.+}}, %{{.+}}, 16, cache = cg, %c16_i32
// CHECK: %[[ID:.+]] = arith.andi %[[IDS]], %c65535_i32
// CHECK: %[[VALID:.+]] = arith.cmpi ult, %[[ID]], %c256_i32
// CHECK: %[[WIDE:.+]] = arith.extui %[[ID]]
// CHECK: %[[OFFSET:.+]] = arith.muli %[[WIDE]], %c128_i64
// CHECK: %[[FROM:.+]] = llvm.getelementptr %{{.+}}[%[[OFFSET]]]
// CHECK: %[[COUNT:.+]] = arith.select %[[VALID]], %c16_i32, %c0_i32
// CHECK: nvvm.cp.async.shared.global %{{.+}}, %[[FROM]], 16, cache = cg, %[[COUNT]]
// K has two stages of 64 slots; four could be in flight, three are ahead.
// CHECK-COUNT-3: nvvm.cp.async.commit.group
// CHECK: nvvm.cp.async.wait.group 2
// CHECK-NEXT: gpu.barrier
// CHECK: nvvm.ldmatrix {{.*}} layout = #nvvm.mma_layout<row>, num = 4 : i32
// CHECK: nvvm.ldmatrix {{.*}} layout = #nvvm.mma_layout<col>, num = 4 : i32
// CHECK: scf.for
// CHECK: nvvm.mma.sp.sync {{.*}}orderedMetadata
// The last multiplications of a stage go on behind the barrier.
// CHECK: nvvm.cp.async.wait.group 2
// CHECK-NEXT: gpu.barrier
// CHECK: nvvm.ldmatrix
// CHECK: nvvm.mma.sp.sync
// CHECK: scf.yield
// Sums through shared memory, 8 tokens of a row at a time.
// CHECK: llvm.store %{{.+}}, %{{.+}} {alignment = 8 : i64} : vector<2xf32>, !llvm.ptr<3>
// CHECK: nvvm.bar.warp.sync
// CHECK: llvm.load %{{.+}} {alignment = 16 : i64} : !llvm.ptr<3> -> vector<8xf32>
// CHECK: vector.store %{{.+}} {alignment = 16 : i64} : memref<?xf32>, vector<8xf32>
func.func @feature_major(%v: memref<128x64xf16>, %m: memref<128x8xi16>, %c: memref<2x128xi16>,
                         %x: memref<256x64xf16>, %y: memref<128x64xf32>) {
  vnm.spmm #vnm.encoding<64:2:8>
      ins(%v, %m, %c, %x : memref<128x64xf16>, memref<128x8xi16>, memref<2x128xi16>, memref<256x64xf16>)
      outs(%y : memref<128x64xf32>)
  return
}

// -----

// Whether rows of x are aligned shows at run time: if they are not, elements are
// gathered one by one, and only if they exist. Nor is there a launch for no
// tokens.
// CHECK-LABEL: func.func @dynamic_tokens(
// CHECK: %[[T:.+]] = memref.dim
// CHECK: %[[TILES:.+]] = arith.ceildivui %[[T]], %c128
// CHECK: %[[ANY:.+]] = arith.cmpi ne, %{{.+}}, %c0
// CHECK: scf.if %[[ANY]] {
// CHECK: gpu.launch_func
// CHECK: gpu.func @spmm_0
// CHECK: %[[ALIGNED:.+]] = arith.cmpi eq, %{{.+}}, %c0_i64
// CHECK: scf.if %[[ALIGNED]] -> (f32,
// CHECK: nvvm.cp.async.shared.global {{.*}}, 16, cache = cg
// CHECK: scf.yield {{.*}}: f32,
// CHECK: } else {
// CHECK: %[[SAFE:.+]] = arith.select %[[VALID:[^,]+]], %{{.+}}, %{{.+}} : !llvm.ptr<1>
// CHECK: %[[ELEMENT:.+]] = llvm.load %[[SAFE]] {alignment = 2 : i64} : !llvm.ptr<1> -> i16
// CHECK: %[[WORD:.+]] = arith.extui %[[ELEMENT]]
// CHECK: arith.select %[[VALID]], %[[WORD]], %c0_i32
// CHECK: llvm.store %{{.+}} {alignment = 4 : i64} : i32, !llvm.ptr<3>
// CHECK: scf.if %[[ALIGNED]] {
// CHECK: vector.store {{.*}} vector<8xf16>
// CHECK: } else {
// CHECK: vector.store {{.*}} vector<1xf16>
func.func @dynamic_tokens(%v: memref<64x64xf16>, %m: memref<64x8xi16>, %c: memref<1x128xi16>,
                          %x: memref<256x?xf16>, %y: memref<64x?xf16>) {
  vnm.spmm #vnm.encoding<64:2:8>
      ins(%v, %m, %c, %x : memref<64x64xf16>, memref<64x8xi16>, memref<1x128xi16>, memref<256x?xf16>)
      outs(%y : memref<64x?xf16>)
  return
}

// -----

// Rows past R and groups past G: values are zero, metadata is some that is legal.
// R = 40 with V = 32: tiles of 32 rows. G = 13: copies of values have 4 bytes, those
// of metadata 8.
// CHECK-LABEL: func.func @ragged(
// CHECK: gpu.func @spmm_0
// CHECK: arith.minui %{{.+}}, %c39_i32
// CHECK: nvvm.cp.async.shared.global %{{.+}}, %{{.+}}, 8, cache = ca
// CHECK: %[[ROW:.+]] = arith.cmpi ult, %{{.+}}, %c40_i32
// CHECK: %[[GROUP:.+]] = arith.cmpi ult, %{{.+}}, %c13_i32
// CHECK: %[[BOTH:.+]] = arith.andi %[[ROW]], %[[GROUP]]
// CHECK: %[[BYTES:.+]] = arith.select %[[BOTH]], %c4_i32, %c0_i32
// CHECK: nvvm.cp.async.shared.global %{{.+}}, %{{.+}}, 4, cache = ca, %[[BYTES]]
// CHECK: %[[WORD:.+]] = llvm.load %{{.+}} {alignment = 2 : i64} : !llvm.ptr<3> -> i16
// CHECK: nvvm.mma.sp.sync {{.*}}multiplicandAPtxType = #nvvm.mma_type<bf16>
func.func @ragged(%v: memref<40x26xbf16>, %m: memref<40x4xi16>, %c: memref<2x52xi32>,
                  %x: memref<61x48xbf16>, %y: memref<40x48xf64>) {
  vnm.spmm #vnm.encoding<32:2:5, columns = i32>
      ins(%v, %m, %c, %x : memref<40x26xbf16>, memref<40x4xi16>, memref<2x52xi32>, memref<61x48xbf16>)
      outs(%y : memref<40x48xf64>)
  return
}

// -----

// The epilogue's body, its operands by their broadcast, and the output row; rows
// of a token that are permuted do not lie side by side.
// CHECK-LABEL: func.func @epilogue(
// CHECK: gpu.func @spmm_0(%{{.+}}: memref<?xf16>, %{{.+}}: memref<?xi16>, %{{.+}}: memref<?xi16>, %[[ROWS:.+]]: memref<?xi32>, %{{.+}}: memref<?xf16>, %[[Y:.+]]: memref<?xf16>, %[[BIAS:.+]]: memref<?xf32>, %[[SCALE:.+]]: memref<?xf32>, %[[RESIDUAL:.+]]: memref<?xf16>, %{{.+}}: index)
// CHECK: %[[SUM:.+]] = llvm.load %{{.+}} {alignment = 4 : i64} : !llvm.ptr<3> -> vector<1xf32>
// CHECK: %[[ROW_ID:.+]] = memref.load %[[ROWS]]
// CHECK: %[[ROW:.+]] = arith.index_castui %[[ROW_ID]]
// CHECK: %[[OLD:.+]] = vector.load %[[Y]][%[[AT:.+]]]
// CHECK: arith.addf
// CHECK: vector.load %[[BIAS]][%[[ROW]]]
// CHECK: memref.load %[[SCALE]]
// CHECK: vector.load %[[RESIDUAL]][%[[AT]]]
// CHECK: arith.addf
// CHECK: math.tanh
// CHECK: arith.mulf
// CHECK: vector.store %{{.+}}, %[[Y]][%[[AT]]]
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
