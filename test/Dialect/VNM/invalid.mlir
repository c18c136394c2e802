// RUN: vnm-opt %s --split-input-file --verify-diagnostics --allow-unregistered-dialect

// V must be a power of two.
// expected-error @+1 {{requires V to be a power of two in [16, 1048576], but V is 48}}
func.func private @f() attributes {a = #vnm.pattern<48:2:8>}

// -----

// V must be at least 16.
// expected-error @+1 {{but V is 8}}
func.func private @f() attributes {a = #vnm.pattern<8:2:8>}

// -----

// N must be 2.
// expected-error @+1 {{requires N to be 2, the hardware's 2:4 pattern, but N is 4}}
func.func private @f() attributes {a = #vnm.pattern<64:4:8>}

// -----

// M must be at least 4.
// expected-error @+1 {{requires M to be in [4, 1048576], but M is 3}}
func.func private @f() attributes {a = #vnm.pattern<64:2:3>}

// -----

// A negative V.
// expected-error @+1 {{but V is -64}}
func.func private @f() attributes {a = #vnm.pattern<-64:2:8>}

// -----

// Two numbers are no pattern.
// expected-error @+1 {{expected ':'}}
func.func private @f() attributes {a = #vnm.encoding<64:2>}

// -----

// An unknown option.
// expected-error @+1 {{unknown option 'order'}}
func.func private @f() attributes {a = #vnm.encoding<64:2:8, order = x>}

// -----

// An unknown layout.
// expected-error @+1 {{requires layout to be canonical or fragments, but found 'rows'}}
func.func private @f() attributes {a = #vnm.encoding<64:2:8, layout = rows>}

// -----

// Fragments of elements that are not 16 bits.
// expected-error @+1 {{requires elements of f16 or bf16 for layout = fragments, but they are 'f32'}}
func.func private @f(%w: tensor<64x64xf32, #vnm.encoding<64:2:8, layout = fragments>>)

// -----

func.func @compress_to_fragments(%w: tensor<64x64xf16>) {
  // expected-error @+1 {{requires layout = canonical, but the encoding is #vnm.encoding<64:2:8, layout = fragments>}}
  %0 = vnm.compress %w : tensor<64x64xf16> to tensor<64x64xf16, #vnm.encoding<64:2:8, layout = fragments>>
  return
}

// -----

func.func @decompress_fragments(%w: tensor<64x64xf16, #vnm.encoding<64:2:8, layout = fragments>>) {
  // expected-error @+1 {{requires layout = canonical, but the encoding is #vnm.encoding<64:2:8, layout = fragments>}}
  %0 = vnm.decompress %w : tensor<64x64xf16, #vnm.encoding<64:2:8, layout = fragments>> to tensor<64x64xf16>
  return
}

// -----

// Canonical storage is no fragments.
func.func @spmm_of_fragments(%v: tensor<64x16xf16>, %m: tensor<64x2xi16>, %c: tensor<1x32xi16>,
                             %x: tensor<64x8xf16>, %y: tensor<64x8xf32>) -> tensor<64x8xf32> {
  // expected-error @+1 {{requires values of shape [4, 1, 2, 32, 8] and element type 'f16', but they are of type 'tensor<64x16xf16>'}}
  %0 = vnm.spmm #vnm.encoding<64:2:8, layout = fragments>
    ins(%v, %m, %c, %x : tensor<64x16xf16>, tensor<64x2xi16>, tensor<1x32xi16>, tensor<64x8xf16>)
    outs(%y : tensor<64x8xf32>) -> tensor<64x8xf32>
  return %0 : tensor<64x8xf32>
}

// -----

// A repeated option.
// expected-error @+1 {{requires each option once, but 'form' is repeated}}
func.func private @f() attributes {a = #vnm.encoding<64:2:8, form = free, form = free>}

// -----

// An unknown form.
// expected-error @+1 {{requires form to be strict or free, but found 'loose'}}
func.func private @f() attributes {a = #vnm.encoding<64:2:8, form = loose>}

// -----

// An unknown column type.
// expected-error @+1 {{requires columns to be i16 or i32, but found 'i8'}}
func.func private @f() attributes {a = #vnm.encoding<64:2:8, columns = i8>}

// -----

// An unknown criterion.
// expected-error @+1 {{requires criterion to be magnitude, wanda, ria or given, but found 'luck'}}
func.func private @f() attributes {a = #vnm.sparsity<64:2:8, criterion = luck>}

// -----

// expected-error @+1 {{requires form = free for rows = permuted, but the form is strict}}
func.func private @f() attributes {a = #vnm.sparsity<64:2:8, rows = permuted>}

// -----

// expected-error @+1 {{requires effort to be fast, default or high, but found 'some'}}
func.func private @f() attributes {a = #vnm.sparsity<64:2:8, effort = some>}

// -----

// expected-error @+1 {{expected 'family'}}
func.func private @f() attributes {a = #vnm.schedule<token_tile = 64>}

// -----

// expected-error @+1 {{requires token_tile to be a positive integer, but it is 0}}
func.func private @f() attributes {a = #vnm.schedule<family = wgmma_sp, token_tile = 0>}

// -----

// expected-error @+1 {{requires each option once, but 'stages' is repeated}}
func.func private @f() attributes {a = #vnm.schedule<family = wgmma_sp, stages = 2, stages = 3>}

// -----

// expected-error @+1 {{unknown option 'family'}}
func.func private @f() attributes {a = #vnm.schedule<family = wgmma_sp, family = mma_sp>}

// -----

// expected-error @+1 {{requires family to be an identifier, but it is 'a.b'}}
func.func private @f() attributes {a = #vnm.schedule<family = a.b>}

// -----

func.func @f() {
  // expected-error @+1 {{requires 'vnm.norms' to be a vector of f32, but it is 1}}
  "test.op"() {vnm.norms = 1 : i32} : () -> ()
  return
}

// -----

// Rank 3.
// expected-error @+1 {{requires a V:N:M-encoded tensor to have rank 2, but its rank is 3}}
func.func private @f(%w: tensor<2x64x64xf16, #vnm.encoding<64:2:8>>)

// -----

// Dynamic K.
// expected-error @+1 {{requires K of a V:N:M-encoded tensor to be static}}
func.func private @f(%w: tensor<64x?xf16, #vnm.encoding<64:2:8>>)

// -----

// K = 0.
// expected-error @+1 {{requires K of a V:N:M-encoded tensor to be positive, but K is 0}}
func.func private @f(%w: tensor<64x0xf16, #vnm.encoding<64:2:8>>)

// -----

// R = 0.
// expected-error @+1 {{requires R of a V:N:M-encoded tensor to be positive, but R is 0}}
func.func private @f(%w: tensor<0x64xf16, #vnm.encoding<64:2:8>>)

// -----

// An unsupported element type.
// expected-error @+1 {{requires elements of f16, bf16, f32 or i8 in a V:N:M-encoded tensor, but they are 'f64'}}
func.func private @f(%w: tensor<64x64xf64, #vnm.encoding<64:2:8>>)

// -----

// K beyond 16-bit ids.
// expected-error @+1 {{requires K <= 65535 for columns = i16, but K is 65536}}
func.func private @f(%w: tensor<64x65536xf16, #vnm.encoding<64:2:8>>)

// -----

// An annotation of the wrong kind.
func.func @f() {
  // expected-error @+1 {{requires 'vnm.sparsity' to be a #vnm.sparsity attribute}}
  "test.op"() {vnm.sparsity = 1 : i32} : () -> ()
  return
}

// -----

// A weight marked anywhere but on an argument.
// expected-error @+1 {{requires 'vnm.weight' to be on a function argument}}
func.func private @f() attributes {vnm.weight}

// -----

// A weight of dynamic shape.
// expected-error @+1 {{to be a tensor or memref of static shape, but its type is 'tensor<?x4xf16>'}}
func.func private @f(%w: tensor<?x4xf16> {vnm.weight})

// -----

// The result of compress has no encoding.
func.func @f(%w: tensor<128x256xf16>) {
  // expected-error @+1 {{requires a #vnm.encoding on the sparse tensor, but its type is 'tensor<128x256xf16>'}}
  %0 = vnm.compress %w : tensor<128x256xf16> to tensor<128x256xf16>
  return
}

// -----

// compress changes the shape.
func.func @f(%w: tensor<128x255xf16>) {
  // expected-error @+1 {{requires the same shape and element type on both sides}}
  %0 = vnm.compress %w : tensor<128x255xf16> to tensor<128x256xf16, #vnm.encoding<64:2:8>>
  return
}

// -----

// wanda needs norms.
func.func @f(%w: tensor<128x256xf16>) {
  // expected-error @+1 {{requires an importance operand for criterion wanda}}
  %0 = vnm.compress %w {criterion = #vnm.criterion<wanda>} : tensor<128x256xf16> to tensor<128x256xf16, #vnm.encoding<64:2:8>>
  return
}

// -----

// given needs scores of the weight's shape.
func.func @f(%w: tensor<128x256xf16>, %s: tensor<256xf32>) {
  // expected-error @+1 {{requires the importance for criterion given to be f32 of shape [128, 256], but its type is 'tensor<256xf32>'}}
  %0 = vnm.compress %w importance(%s : tensor<256xf32>) {criterion = #vnm.criterion<given>} : tensor<128x256xf16> to tensor<128x256xf16, #vnm.encoding<64:2:8>>
  return
}

// -----

// magnitude takes no scores.
func.func @f(%w: tensor<128x256xf16>, %s: tensor<256xf32>) {
  // expected-error @+1 {{requires no importance operand for criterion magnitude}}
  %0 = vnm.compress %w importance(%s : tensor<256xf32>) : tensor<128x256xf16> to tensor<128x256xf16, #vnm.encoding<64:2:8>>
  return
}

// -----

// compress permutes rows in free form only.
func.func @f(%w: tensor<128x256xf16>) {
  // expected-error @+1 {{requires form = free to choose an order of the rows, but the encoding is #vnm.encoding<64:2:8, rows = permuted>}}
  %0 = vnm.compress %w : tensor<128x256xf16> to tensor<128x256xf16, #vnm.encoding<64:2:8, rows = permuted>>
  return
}

// -----

// Values of the wrong shape.
func.func @f(%v: tensor<128x63xf16>, %m: tensor<128x8xi16>, %c: tensor<2x128xi16>) {
  // expected-error @+1 {{requires values of shape [128, 64] and element type 'f16', but they are of type 'tensor<128x63xf16>'}}
  %0 = vnm.assemble %v, %m, %c : (tensor<128x63xf16>, tensor<128x8xi16>, tensor<2x128xi16>) -> tensor<128x256xf16, #vnm.encoding<64:2:8>>
  return
}

// -----

// Metadata of the wrong type.
func.func @f(%v: tensor<128x64xf16>, %m: tensor<128x8xi32>, %c: tensor<2x128xi16>) {
  // expected-error @+1 {{requires metadata of shape [128, 8] and element type 'i16'}}
  %0 = vnm.assemble %v, %m, %c : (tensor<128x64xf16>, tensor<128x8xi32>, tensor<2x128xi16>) -> tensor<128x256xf16, #vnm.encoding<64:2:8>>
  return
}

// -----

// A missing part.
func.func @f(%v: tensor<128x64xf16>, %m: tensor<128x8xi16>) {
  // expected-error @+1 {{requires 3 storage parts (values, metadata, columns), but there are 2}}
  %0 = vnm.assemble %v, %m : (tensor<128x64xf16>, tensor<128x8xi16>) -> tensor<128x256xf16, #vnm.encoding<64:2:8>>
  return
}

// -----

// A dense weight.
func.func @f(%w: tensor<128x256xf16>, %x: tensor<256x8xf16>, %y: tensor<128x8xf32>) {
  // expected-error @+1 {{requires a #vnm.encoding on the weight, but its type is 'tensor<128x256xf16>'}}
  %0 = vnm.matmul ins(%w, %x : tensor<128x256xf16>, tensor<256x8xf16>) outs(%y : tensor<128x8xf32>) -> tensor<128x8xf32>
  return
}

// -----

// x has the wrong number of channels.
func.func @f(%w: tensor<128x256xf16, #vnm.encoding<64:2:8>>, %x: tensor<255x8xf16>, %y: tensor<128x8xf32>) {
  // expected-error @+1 {{requires K = 256 channels in dimension 0 of x, but its type is 'tensor<255x8xf16>'}}
  %0 = vnm.matmul ins(%w, %x : tensor<128x256xf16, #vnm.encoding<64:2:8>>, tensor<255x8xf16>) outs(%y : tensor<128x8xf32>)  -> tensor<128x8xf32>
  return
}

// -----

// The result has the wrong number of rows.
func.func @f(%w: tensor<128x256xf16, #vnm.encoding<64:2:8>>, %x: tensor<256x8xf16>, %y: tensor<8x128xf32>) {
  // expected-error @+1 {{requires R = 128 rows in dimension 0 of the result, but its type is 'tensor<8x128xf32>'}}
  %0 = vnm.matmul ins(%w, %x : tensor<128x256xf16, #vnm.encoding<64:2:8>>, tensor<256x8xf16>) outs(%y : tensor<8x128xf32>)  -> tensor<8x128xf32>
  return
}

// -----

// Tokens disagree.
func.func @f(%w: tensor<128x256xf16, #vnm.encoding<64:2:8>>, %x: tensor<256x8xf16>, %y: tensor<128x9xf32>) {
  // expected-error @+1 {{requires as many tokens in x as in the result, but they are 8 and 9}}
  %0 = vnm.matmul ins(%w, %x : tensor<128x256xf16, #vnm.encoding<64:2:8>>, tensor<256x8xf16>) outs(%y : tensor<128x9xf32>)  -> tensor<128x9xf32>
  return
}

// -----

// Batches disagree.
func.func @f(%w: tensor<128x256xf16, #vnm.encoding<64:2:8>>, %x: tensor<2x256x8xf16>, %y: tensor<3x128x8xf32>) {
  // expected-error @+1 {{requires the same batch in x and in the result, but dimension 0 is 2 and 3}}
  %0 = vnm.matmul ins(%w, %x : tensor<128x256xf16, #vnm.encoding<64:2:8>>, tensor<2x256x8xf16>) outs(%y : tensor<3x128x8xf32>)  -> tensor<3x128x8xf32>
  return
}

// -----

// Ranks disagree.
func.func @f(%w: tensor<128x256xf16, #vnm.encoding<64:2:8>>, %x: tensor<256x8xf16>, %y: tensor<1x128x8xf32>) {
  // expected-error @+1 {{requires x and the result to have the same rank, 2 or more}}
  %0 = vnm.matmul ins(%w, %x : tensor<128x256xf16, #vnm.encoding<64:2:8>>, tensor<256x8xf16>) outs(%y : tensor<1x128x8xf32>)  -> tensor<1x128x8xf32>
  return
}

// -----

// x of another element type.
func.func @f(%w: tensor<128x256xf16, #vnm.encoding<64:2:8>>, %x: tensor<256x8xf32>, %y: tensor<128x8xf32>) {
  // expected-error @+1 {{requires x to have the weight's element type 'f16', but it has 'f32'}}
  %0 = vnm.matmul ins(%w, %x : tensor<128x256xf16, #vnm.encoding<64:2:8>>, tensor<256x8xf32>) outs(%y : tensor<128x8xf32>)  -> tensor<128x8xf32>
  return
}

// -----

// An integer result of floats.
func.func @f(%w: tensor<128x256xf16, #vnm.encoding<64:2:8>>, %x: tensor<256x8xf16>, %y: tensor<128x8xi32>) {
  // expected-error @+1 {{requires a result of floats for a weight of 'f16', but it has 'i32'}}
  %0 = vnm.matmul ins(%w, %x : tensor<128x256xf16, #vnm.encoding<64:2:8>>, tensor<256x8xf16>) outs(%y : tensor<128x8xi32>)  -> tensor<128x8xi32>
  return
}

// -----

// The result type differs from its destination.
func.func @f(%w: tensor<128x256xf16, #vnm.encoding<64:2:8>>, %x: tensor<256x8xf16>, %y: tensor<128x8xf32>) {
  // expected-error @+1 {{requires results of the destinations' types}}
  %0 = vnm.matmul ins(%w, %x : tensor<128x256xf16, #vnm.encoding<64:2:8>>, tensor<256x8xf16>) outs(%y : tensor<128x8xf32>)  -> tensor<128x8xf16>
  return
}

// -----

// An epilogue with the wrong arguments.
func.func @f(%w: tensor<128x256xf16, #vnm.encoding<64:2:8>>, %x: tensor<256x8xf16>, %y: tensor<128x8xf16>, %b: tensor<128xf16>) {
  // expected-error @+1 {{requires the epilogue's arguments to be ('f32', 'f16'), but they are ('f16', 'f16')}}
  %0 = vnm.matmul ins(%w, %x : tensor<128x256xf16, #vnm.encoding<64:2:8>>, tensor<256x8xf16>) outs(%y : tensor<128x8xf16>) epilogue(%b per_row : tensor<128xf16>) {
  ^bb0(%acc: f16, %e: f16):
    vnm.yield %e : f16
  } -> tensor<128x8xf16>
  return
}

// -----

// A bias of the wrong length.
func.func @f(%w: tensor<128x256xf16, #vnm.encoding<64:2:8>>, %x: tensor<256x8xf16>, %y: tensor<128x8xf16>, %b: tensor<8xf16>) {
  // expected-error @+1 {{requires epilogue operand #0, per_row, to have shape [128], but its type is 'tensor<8xf16>'}}
  %0 = vnm.matmul ins(%w, %x : tensor<128x256xf16, #vnm.encoding<64:2:8>>, tensor<256x8xf16>) outs(%y : tensor<128x8xf16>) epilogue(%b per_row : tensor<8xf16>) {
  ^bb0(%acc: f32, %e: f16):
    vnm.yield %e : f16
  } -> tensor<128x8xf16>
  return
}

// -----

// An unknown broadcast.
func.func @f(%w: tensor<128x256xf16, #vnm.encoding<64:2:8>>, %x: tensor<256x8xf16>, %y: tensor<128x8xf16>, %b: tensor<128xf16>) {
  %0 = vnm.matmul ins(%w, %x : tensor<128x256xf16, #vnm.encoding<64:2:8>>, tensor<256x8xf16>) outs(%y : tensor<128x8xf16>)
    // expected-error @+1 {{requires per_row, per_token or full, but found 'per_panel'}}
    epilogue(%b per_panel : tensor<128xf16>) {
    ^bb0(%acc: f32, %e: f16):
      vnm.yield %e : f16
    } -> tensor<128x8xf16>
  return
}

// -----

// An epilogue that yields another type.
func.func @f(%w: tensor<128x256xf16, #vnm.encoding<64:2:8>>, %x: tensor<256x8xf16>, %y: tensor<128x8xf16>) {
  %0 = vnm.matmul ins(%w, %x : tensor<128x256xf16, #vnm.encoding<64:2:8>>, tensor<256x8xf16>) outs(%y : tensor<128x8xf16>)
    epilogue {
    ^bb0(%acc: f32):
      // expected-error @+1 {{requires the stored element's type 'f16', but yields 'f32'}}
      vnm.yield %acc : f32
    } -> tensor<128x8xf16>
  return
}

// -----

// Storage that does not fit K of x.
func.func @f(%v: memref<128x64xf16>, %m: memref<128x8xi16>, %c: memref<2x128xi16>, %x: memref<260x8xf16>, %y: memref<128x8xf32>) {
  // expected-error @+1 {{requires values of shape [128, 66] and element type 'f16'}}
  vnm.spmm #vnm.encoding<64:2:8> ins(%v, %m, %c, %x : memref<128x64xf16>, memref<128x8xi16>, memref<2x128xi16>, memref<260x8xf16>) outs(%y : memref<128x8xf32>)
  return
}

// -----

// Columns of the wrong width.
func.func @f(%v: memref<128x64xf16>, %m: memref<128x8xi16>, %c: memref<2x128xi32>, %x: memref<256x8xf16>, %y: memref<128x8xf32>) {
  // expected-error @+1 {{requires columns of shape [2, 128] and element type 'i16'}}
  vnm.spmm #vnm.encoding<64:2:8> ins(%v, %m, %c, %x : memref<128x64xf16>, memref<128x8xi16>, memref<2x128xi32>, memref<256x8xf16>) outs(%y : memref<128x8xf32>)
  return
}

// -----

// Tensors mixed with memrefs.
func.func @f(%v: memref<128x64xf16>, %m: memref<128x8xi16>, %c: memref<2x128xi16>, %x: tensor<256x8xf16>, %y: memref<128x8xf32>) {
  // expected-error @+1 {{requires all operands to be tensors or all to be memrefs}}
  vnm.spmm #vnm.encoding<64:2:8> ins(%v, %m, %c, %x : memref<128x64xf16>, memref<128x8xi16>, memref<2x128xi16>, tensor<256x8xf16>) outs(%y : memref<128x8xf32>)
  return
}

// -----

// Permuted rows without the rows.
func.func @f(%v: memref<128x64xf16>, %m: memref<128x8xi16>, %c: memref<2x128xi16>, %x: memref<256x8xf16>, %y: memref<128x8xf32>) {
  // expected-error @+1 {{requires 4 storage parts (values, metadata, columns, rows), but there are 3}}
  vnm.spmm #vnm.encoding<64:2:8, rows = permuted> ins(%v, %m, %c, %x : memref<128x64xf16>, memref<128x8xi16>, memref<2x128xi16>, memref<256x8xf16>) outs(%y : memref<128x8xf32>)
  return
}

// -----

// Values of a rank other than 2.
func.func @f(%v: memref<128xf16>, %m: memref<128x8xi16>, %c: memref<2x128xi16>, %x: memref<256x8xf16>, %y: memref<128x8xf32>) {
  // expected-error @+1 {{requires values of rank 2}}
  vnm.spmm #vnm.encoding<64:2:8> ins(%v, %m, %c, %x : memref<128xf16>, memref<128x8xi16>, memref<2x128xi16>, memref<256x8xf16>) outs(%y : memref<128x8xf32>)
  return
}

// -----

// pack of a weight that no encoding fits.
func.func @f(%w: memref<128x256xf64>, %v: memref<128x64xf64>, %m: memref<128x8xi16>, %c: memref<2x128xi16>) {
  // expected-error @+1 {{requires elements of f16, bf16, f32 or i8 in a V:N:M-encoded tensor, but they are 'f64'}}
  vnm.pack #vnm.encoding<64:2:8> ins(%w : memref<128x256xf64>) outs(%v, %m, %c : memref<128x64xf64>, memref<128x8xi16>, memref<2x128xi16>)
  return
}

// -----

// unpack into the wrong shape.
func.func @f(%w: memref<128x264xf16>, %v: memref<128x64xf16>, %m: memref<128x8xi16>, %c: memref<2x128xi16>) {
  // expected-error @+1 {{requires values of shape [128, 66]}}
  vnm.unpack #vnm.encoding<64:2:8> ins(%v, %m, %c : memref<128x64xf16>, memref<128x8xi16>, memref<2x128xi16>) outs(%w : memref<128x264xf16>)
  return
}

// -----

// A recorded signature that is no type of a function.
// expected-error @+1 {{requires 'vnm.signature' to be a function type, but it is i32}}
func.func @f() attributes {vnm.signature = i32} {
  return
}
