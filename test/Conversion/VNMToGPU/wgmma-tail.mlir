// The family wgmma_sp where tiles do not fill a last wave.
// RUN: vnm-opt %s --convert-vnm-to-gpu="chip=sm_90a" | FileCheck %s

// 144 tiles of 256 tokens on 132 SMs: the 12 of the second wave are cut into 48 of 64
// tokens, of which a stage is one chunk.
// CHECK-LABEL: func.func @cut_tail
// CHECK: gpu.launch_func {{.*}} blocks in (%c132{{[_0-9]*}},
// CHECK: nvvm.setmaxregister increase
// CHECK: scf.for %{{.+}} = %c0_i32{{[_0-9]*}} to %c1_i32{{[_0-9]*}} step
// CHECK: vnm_nvvm.wgmma.mma_async.sp {{.*}}shape<m = 64, n = 256, k = 32>
// CHECK: scf.for %{{.+}} = %c1_i32{{[_0-9]*}} to %
// CHECK: vnm_nvvm.wgmma.mma_async.sp {{.*}}shape<m = 64, n = 64, k = 32>
// CHECK: nvvm.setmaxregister decrease
// Six units of 4 channels: 4 chunks each, then one.
// CHECK: scf.for
// CHECK-COUNT-96: nvvm.cp.async.shared.global
// CHECK: scf.yield
// CHECK: scf.for
// CHECK-COUNT-24: nvvm.cp.async.shared.global
// CHECK-NOT: nvvm.cp.async.shared.global
// CHECK: nvvm.fence.proxy
func.func @cut_tail(%v: memref<1536x128xf16>, %m: memref<1536x16xi16>, %c: memref<12x256xi16>,
                    %x: memref<512x3072xf16>, %y: memref<1536x3072xf16>) {
  vnm.spmm #vnm.encoding<128:2:8>
      ins(%v, %m, %c, %x : memref<1536x128xf16>, memref<1536x16xi16>, memref<12x256xi16>, memref<512x3072xf16>)
      outs(%y : memref<1536x3072xf16>) {schedule = #vnm.schedule<family = wgmma_sp, token_tile = 256>}
  return
}
