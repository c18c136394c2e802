// RUN: vnm-opt %s --split-input-file --verify-diagnostics

func.func @m_is_64(%acc: !llvm.struct<(f32, f32, f32, f32)>, %r: i32, %b: i64, %scale: i1) {
  // expected-error @+1 {{requires m to be 64, but it is 32}}
  %d = vnm_nvvm.wgmma.mma_async.sp %acc, a(%b : i64), b(%b), metadata(%r, 0), scale_d(%scale),
      shape<m = 32, n = 8, k = 32>, D[<f32>], A[<f16>, <one>, <row>], B[<f16>, <one>, <col>]
      : !llvm.struct<(f32, f32, f32, f32)>
  return
}

// -----

func.func @k_fits_the_type(%acc: !llvm.struct<(f32, f32, f32, f32)>, %r: i32, %b: i64, %scale: i1) {
  // expected-error @+1 {{requires k of 32 for sparse f16, but k is 16}}
  %d = vnm_nvvm.wgmma.mma_async.sp %acc, a(%b : i64), b(%b), metadata(%r, 0), scale_d(%scale),
      shape<m = 64, n = 8, k = 16>, D[<f32>], A[<f16>, <one>, <row>], B[<f16>, <one>, <col>]
      : !llvm.struct<(f32, f32, f32, f32)>
  return
}

// -----

func.func @n_is_a_multiple_of_8(%acc: !llvm.struct<(f32, f32, f32, f32)>, %r: i32, %b: i64, %scale: i1) {
  // expected-error @+1 {{requires n to be a multiple of 8 in [8, 256], but n is 12}}
  %d = vnm_nvvm.wgmma.mma_async.sp %acc, a(%b : i64), b(%b), metadata(%r, 0), scale_d(%scale),
      shape<m = 64, n = 12, k = 32>, D[<f32>], A[<f16>, <one>, <row>], B[<f16>, <one>, <col>]
      : !llvm.struct<(f32, f32, f32, f32)>
  return
}

// -----

func.func @selector_is_in_range(%acc: !llvm.struct<(f32, f32, f32, f32)>, %r: i32, %b: i64, %scale: i1) {
  // expected-error @+1 {{requires a sparsity selector below 2 for f16 with k = 32, but it is 2}}
  %d = vnm_nvvm.wgmma.mma_async.sp %acc, a(%b : i64), b(%b), metadata(%r, 2), scale_d(%scale),
      shape<m = 64, n = 8, k = 32>, D[<f32>], A[<f16>, <one>, <row>], B[<f16>, <one>, <col>]
      : !llvm.struct<(f32, f32, f32, f32)>
  return
}

// -----

func.func @known_types(%acc: !llvm.struct<(f32, f32, f32, f32)>, %r: i32, %b: i64, %scale: i1) {
  // expected-error @+1 {{requires types of f16, bf16, tf32, s8, u8, f32 or s32, but D, A and B are f32, e4m3 and e4m3}}
  %d = vnm_nvvm.wgmma.mma_async.sp %acc, a(%b : i64), b(%b), metadata(%r, 0), scale_d(%scale),
      shape<m = 64, n = 8, k = 32>, D[<f32>], A[<e4m3>, <one>, <row>], B[<e4m3>, <one>, <col>]
      : !llvm.struct<(f32, f32, f32, f32)>
  return
}

// -----

func.func @types_agree(%acc: !llvm.struct<(f32, f32, f32, f32)>, %r: i32, %b: i64, %scale: i1) {
  // expected-error @+1 {{requires A and B of f16, bf16 or tf32 alike, or of s8 and u8, but they are f16 and bf16}}
  %d = vnm_nvvm.wgmma.mma_async.sp %acc, a(%b : i64), b(%b), metadata(%r, 0), scale_d(%scale),
      shape<m = 64, n = 8, k = 32>, D[<f32>], A[<f16>, <one>, <row>], B[<bf16>, <one>, <col>]
      : !llvm.struct<(f32, f32, f32, f32)>
  return
}

// -----

func.func @accumulator_type(%acc: !llvm.struct<(f32, f32, f32, f32)>, %r: i32, %b: i64, %scale: i1) {
  // expected-error @+1 {{requires accumulators of f32, of f16 for f16 or of s32 for integers, but they are s32 for f16}}
  %d = vnm_nvvm.wgmma.mma_async.sp %acc, a(%b : i64), b(%b), metadata(%r, 0), scale_d(%scale),
      shape<m = 64, n = 8, k = 32>, D[<s32>], A[<f16>, <one>, <row>], B[<f16>, <one>, <col>]
      : !llvm.struct<(f32, f32, f32, f32)>
  return
}

// -----

func.func @satfinite_is_for_integers(%acc: !llvm.struct<(f32, f32, f32, f32)>, %r: i32, %b: i64, %scale: i1) {
  // expected-error @+1 {{requires integers with satfinite, but A is f16}}
  %d = vnm_nvvm.wgmma.mma_async.sp %acc, a(%b : i64), b(%b), metadata(%r, 0), scale_d(%scale),
      shape<m = 64, n = 8, k = 32>, D[<f32>, satfinite], A[<f16>, <one>, <row>], B[<f16>, <one>, <col>]
      : !llvm.struct<(f32, f32, f32, f32)>
  return
}

// -----

func.func @a_has_four_registers(%acc: !llvm.struct<(f32, f32, f32, f32)>, %r: i32, %b: i64, %scale: i1) {
  // expected-error @+1 {{requires A in four i32 or as one i64, but it has 2 operands of types 'i32', 'i32'}}
  %d = vnm_nvvm.wgmma.mma_async.sp %acc, a(%r, %r : i32, i32), b(%b), metadata(%r, 0), scale_d(%scale),
      shape<m = 64, n = 8, k = 32>, D[<f32>], A[<f16>, <one>, <row>], B[<f16>, <one>, <col>]
      : !llvm.struct<(f32, f32, f32, f32)>
  return
}

// -----

func.func @a_is_one_descriptor(%acc: !llvm.struct<(f32, f32, f32, f32)>, %r: i32, %b: i64, %scale: i1) {
  // expected-error @+1 {{requires A in four i32 or as one i64, but it has 2 operands of types 'i64', 'i32'}}
  %d = vnm_nvvm.wgmma.mma_async.sp %acc, a(%b, %r : i64, i32), b(%b), metadata(%r, 0), scale_d(%scale),
      shape<m = 64, n = 8, k = 32>, D[<f32>], A[<f16>, <one>, <row>], B[<f16>, <one>, <col>]
      : !llvm.struct<(f32, f32, f32, f32)>
  return
}

// -----

func.func @registers_are_row_by_row(%acc: !llvm.struct<(f32, f32, f32, f32)>, %r: i32, %b: i64, %scale: i1) {
  // expected-error @+1 {{requires layout row of an A in registers, but it is col}}
  %d = vnm_nvvm.wgmma.mma_async.sp %acc, a(%r, %r, %r, %r : i32, i32, i32, i32), b(%b), metadata(%r, 0), scale_d(%scale),
      shape<m = 64, n = 8, k = 32>, D[<f32>], A[<f16>, <one>, <col>], B[<f16>, <one>, <col>]
      : !llvm.struct<(f32, f32, f32, f32)>
  return
}

// -----

func.func @tf32_is_k_major(%acc: !llvm.struct<(f32, f32, f32, f32)>, %r: i32, %b: i64, %scale: i1) {
  // expected-error @+1 {{requires 16-bit elements in an MN-major matrix, but they are tf32}}
  %d = vnm_nvvm.wgmma.mma_async.sp %acc, a(%b : i64), b(%b), metadata(%r, 0), scale_d(%scale),
      shape<m = 64, n = 8, k = 16>, D[<f32>], A[<tf32>, <one>, <row>], B[<tf32>, <one>, <row>]
      : !llvm.struct<(f32, f32, f32, f32)>
  return
}

// -----

func.func @registers_of_d(%acc: !llvm.struct<(f32, f32, f32, f32)>, %r: i32, %b: i64, %scale: i1) {
  // expected-error @+1 {{requires a struct of 8 f32 as accumulator, but it is '!llvm.struct<(f32, f32, f32, f32)>'}}
  %d = vnm_nvvm.wgmma.mma_async.sp %acc, a(%b : i64), b(%b), metadata(%r, 0), scale_d(%scale),
      shape<m = 64, n = 16, k = 32>, D[<f32>], A[<f16>, <one>, <row>], B[<f16>, <one>, <col>]
      : !llvm.struct<(f32, f32, f32, f32)>
  return
}
