// RUN: vnm-opt %s --convert-vnm-to-gpu="chip=sm_80 family=mma_sp" --cse --split-input-file | FileCheck %s
// RUN: vnm-opt %s --convert-vnm-to-gpu="chip=sm_90a" --split-input-file | FileCheck %s --check-prefix=AUTO
// RUN: vnm-opt %s --convert-vnm-to-gpu="chip=sm_90a" --split-input-file --remarks-filter=vnm-gpu --remark-format=emitRemark -o %t 2>&1 | FileCheck %s --check-prefix=REMARK

// One k64 step per stage. Of 16 tokens, the even and the odd ones are two tiles.
// AUTO: family = "mma_sp"
// REMARK: Reason="requires a weight of f16 or bf16, but it is i8", Remark="mma_sp is taken instead of wgmma_sp"
// CHECK-LABEL: gpu.module @vnm_kernels
// CHECK: gpu.func @spmm_0(%{{.+}}: memref<?xi8>, %{{.+}}: memref<?xi16>, %{{.+}}: memref<?xi16>, %{{.+}}: memref<?xi8>, %{{.+}}: memref<?xi32>, %{{.+}}: index)
// CHECK-SAME: name = "values", shape = [128, 64], type = "i8"
// CHECK-SAME: name = "y", shape = [128, 64], type = "i32"
// A lane has both metadata words of a row at once.
// CHECK: llvm.load %{{.+}} {alignment = 4 : i64} : !llvm.ptr<3> -> i32
// CHECK: nvvm.ldmatrix {{.*}} layout = #nvvm.mma_layout<row>, num = 4 : i32
// CHECK-COUNT-2: nvvm.ldmatrix {{.*}} layout = #nvvm.mma_layout<col>, num = 4 : i32
// CHECK-COUNT-4: llvm.shufflevector %{{.+}}, %{{.+}} [0, 2, 4, 6] : vector<4xi8>
// CHECK-COUNT-4: llvm.shufflevector %{{.+}}, %{{.+}} [1, 3, 5, 7] : vector<4xi8>
// CHECK: scf.for
// CHECK: nvvm.mma.sp.sync {{.*}}intOverflowBehavior = #nvvm.mma_int_overflow<wrapped>, multiplicandAPtxType = #nvvm.mma_type<s8>, multiplicandBPtxType = #nvvm.mma_type<s8>, orderedMetadata, shape = #nvvm.shape<m = 16, n = 8, k = 64>
// CHECK: scf.yield
// Four neighbouring tokens of a row, two of either tile.
// CHECK: llvm.store %{{.+}}, %{{.+}} {alignment = 16 : i64} : vector<4xi32>, !llvm.ptr<3>
// CHECK: vector.store %{{.+}} {alignment = 16 : i64} : memref<?xi32>, vector<8xi32>
func.func @feature_major(%v: memref<128x64xi8>, %m: memref<128x8xi16>, %c: memref<2x128xi16>,
                         %x: memref<256x64xi8>, %y: memref<128x64xi32>) {
  vnm.spmm #vnm.encoding<64:2:8>
      ins(%v, %m, %c, %x : memref<128x64xi8>, memref<128x8xi16>, memref<2x128xi16>, memref<256x64xi8>)
      outs(%y : memref<128x64xi32>)
  return
}

// -----

// Rows of values of an odd G begin at multiples of 2 bytes: they are moved group
// by group. With few tokens it is mma_sp, too.
// AUTO: family = "mma_sp"
// CHECK-LABEL: gpu.module @vnm_kernels
// CHECK-COUNT-8: llvm.load %{{.+}} {alignment = 2 : i64} : !llvm.ptr<1> -> i16
// CHECK: llvm.store %{{.+}}, %{{.+}} {alignment = 16 : i64} : vector<4xi32>, !llvm.ptr<3>
// CHECK: nvvm.cp.async.shared.global %{{.+}}, %{{.+}}, 4, cache = ca
func.func @odd_groups(%v: memref<64x66xi8>, %m: memref<64x9xi16>, %c: memref<1x132xi16>,
                      %x: memref<264x4xi8>, %y: memref<64x4xi32>) {
  vnm.spmm #vnm.encoding<64:2:8>
      ins(%v, %m, %c, %x : memref<64x66xi8>, memref<64x9xi16>, memref<1x132xi16>, memref<264x4xi8>)
      outs(%y : memref<64x4xi32>)
  return
}

// -----

// Slots lie side by side: ldmatrix gives operands as they are. Four bytes are put
// together; the results are floats.
// AUTO: family = "mma_sp"
// CHECK-LABEL: gpu.module @vnm_kernels
// CHECK-COUNT-4: llvm.load %{{.+}} {alignment = 1 : i64} : !llvm.ptr<1> -> i8
// CHECK-NOT: llvm.shufflevector
// CHECK: nvvm.mma.sp.sync
// CHECK: llvm.store %{{.+}}, %{{.+}} {alignment = 4 : i64} : i32, !llvm.ptr<3>
// CHECK: %[[S:.+]] = arith.sitofp %{{.+}} : i32 to f32
// CHECK: arith.mulf %[[S]], %{{.+}} : f32
// CHECK: vector.store %{{.+}} : memref<?xf16>, vector<8xf16>
func.func @token_major(%v: memref<128x64xi8>, %m: memref<128x8xi16>, %c: memref<2x128xi16>,
                       %x: memref<64x256xi8>, %y: memref<64x128xf16>, %scale: memref<128xf32>) {
  vnm.spmm #vnm.encoding<64:2:8>
      ins(%v, %m, %c, %x : memref<128x64xi8>, memref<128x8xi16>, memref<2x128xi16>, memref<64x256xi8>)
      outs(%y : memref<64x128xf16>)
      {x_layout = #vnm.activation_layout<token_major>, y_layout = #vnm.activation_layout<token_major>}
      epilogue(%scale per_row : memref<128xf32>) {
      ^bb0(%acc: i32, %s: f32):
        %f = arith.sitofp %acc : i32 to f32
        %p = arith.mulf %f, %s : f32
        %r = arith.truncf %p : f32 to f16
        vnm.yield %r : f16
      }
  return
}

// -----

// Sums of integers are added as such.
// CHECK-LABEL: gpu.module @vnm_kernels
// CHECK: arith.addi %{{.+}}, %{{.+}} : i32
// CHECK: vector.store %{{.+}} : memref<?xi32>, vector<1xi32>
func.func @accumulate(%v: memref<16x64xi8>, %m: memref<16x8xi16>, %c: memref<1x128xi16>,
                      %x: memref<256x3xi8>, %y: memref<16x3xi32>) {
  vnm.spmm #vnm.encoding<16:2:8>
      ins(%v, %m, %c, %x : memref<16x64xi8>, memref<16x8xi16>, memref<1x128xi16>, memref<256x3xi8>)
      outs(%y : memref<16x3xi32>) {accumulate}
  return
}
