// Every constraint of the dialect, broken once.
// RUN: quant-opt %s --split-input-file --verify-diagnostics

// expected-error @below {{blocked layout needs 4 dimensions (N, C, H, W), got 3}}
func.func private @layout_rank() attributes {l = #mpq.blocked<1x2x3, block = 16>}

// -----

// expected-error @below {{block is 0 when it should be positive}}
func.func private @layout_block() attributes {l = #mpq.blocked<1x2x3x4, block = 0>}

// -----

// expected-error @below {{border takes 4 sizes (top, left, bottom, right), got 2}}
func.func private @layout_border() attributes {l = #mpq.blocked<1x2x3x4, block = 4, border = [1, 1]>}

// -----

// expected-error @below {{zero point is 256 when it should be in [0, 255]}}
func.func private @zero_point() attributes {q = #mpq.uniform<scale = 1.0, zero_point = 256>}

// -----

// expected-error @below {{group is -4 when it should be positive}}
func.func private @group() attributes {q = #mpq.uniform<dynamic, group = -4>}

// -----

// expected-error @below {{codes have 9 bits when they should have 1 to 8}}
func.func private @bits() attributes {q = #mpq.uniform<dynamic, bits = 9>}

// -----

// expected-error @below {{zero point is 16 when it should be in [0, 15]}}
func.func private @zero_point_of_bits() attributes {q = #mpq.uniform<scale = 1.0, zero_point = 16, bits = 4>}

// -----

// expected-error @below {{codes of groups have 1 bit when they need 2, for a level on either side of zero}}
func.func private @group_of_bits() attributes {q = #mpq.uniform<dynamic, group = 4, bits = 1>}

// -----

func.func @conv_group(%x: tensor<1x1x2x2xf32>, %w: tensor<1x1x1x1xf32>, %e: tensor<1x1x2x2xf32>) {
  // expected-error @below {{input has a scale for every 4 columns when only matrix products have columns}}
  %0 = mpq.conv ins(%x, %w : tensor<1x1x2x2xf32>, tensor<1x1x1x1xf32>) outs(%e : tensor<1x1x2x2xf32>)
      {weight_shape = array<i64: 1, 1, 1, 1>, strides = array<i64: 1, 1>, pads = array<i64: 0, 0, 0, 0>, dilations = array<i64: 1, 1>,
       groups = 1 : i64, input_quant = #mpq.uniform<dynamic, group = 4>} -> tensor<1x1x2x2xf32>
  return
}

// -----

// expected-error @below {{range runs from 1.000000e+00 to 0.000000e+00}}
func.func private @range() attributes {r = #mpq.range<1.0, 0.0>}

// -----

// expected-error @below {{axis is 2 for a tensor of rank 2}}
func.func private @stored_axis(!mpq.tensor<2x2, axis 2, #mpq.int<4>>)

// -----

func.func @site_axis_below(%w: tensor<4x8xf32>) {
  // expected-error @below {{axis is -1 for a weight of rank 2}}
  %0 = mpq.site %w "w" axis -1 candidates [] : tensor<4x8xf32>
  return
}

// -----

func.func @site_axis(%w: tensor<4x8xf32>) {
  // expected-error @below {{axis is 2 for a weight of rank 2}}
  %0 = mpq.site %w "w" axis 2 candidates [] : tensor<4x8xf32>
  return
}

// -----

func.func @site_type(%w: tensor<4x8xi8>) {
  // expected-error @below {{weight 'w' is of type 'tensor<4x8xi8>' when it should be f32}}
  %0 = mpq.site %w "w" axis 0 candidates [] : tensor<4x8xi8>
  return
}

// -----

func.func @site_choice(%w: tensor<4x8xf32>) {
  // expected-error @below {{choice is 3 among 1 candidates}}
  %0 = mpq.site %w "w" axis 0 choice 3 candidates [#mpq.candidate<#mpq.int<4>, bytes = 32>] : tensor<4x8xf32>
  return
}

// -----

func.func @site_bytes(%w: tensor<4x8xf32>) {
  // expected-error @below {{candidate int4 has 31 bytes when the format needs 32}}
  %0 = mpq.site %w "w" axis 0 candidates [#mpq.candidate<#mpq.int<4>, bytes = 31>] : tensor<4x8xf32>
  return
}

// -----

func.func @constant_bytes() {
  // expected-error @below {{payload has 4 bytes when the format needs 10}}
  %w = mpq.constant dense<0> : tensor<4xi8> as !mpq.tensor<2x2, axis 0, #mpq.int<4>>
  return
}

// -----

func.func @dequantize_shape(%w: !mpq.tensor<2x2, axis 0, #mpq.int<4>>) {
  // expected-error @below {{result is 'tensor<4xf32>'}}
  %0 = mpq.dequantize %w : !mpq.tensor<2x2, axis 0, #mpq.int<4>> -> tensor<4xf32>
  return
}

// -----

func.func @conv_result(%x: tensor<1x3x8x8xf32>, %w: tensor<4x3x3x3xf32>, %e: tensor<1x4x8x8xf32>) {
  // expected-error @below {{result has the shape [1, 4, 8, 8] when it should be [1, 4, 6, 6]}}
  %0 = mpq.conv ins(%x, %w : tensor<1x3x8x8xf32>, tensor<4x3x3x3xf32>) outs(%e : tensor<1x4x8x8xf32>)
      {weight_shape = array<i64: 4, 3, 3, 3>, strides = array<i64: 1, 1>, dilations = array<i64: 1, 1>,
       pads = array<i64: 0, 0, 0, 0>, groups = 1 : i64} -> tensor<1x4x8x8xf32>
  return
}

// -----

func.func @conv_channels(%x: tensor<1x3x8x8xf32>, %w: tensor<4x2x1x1xf32>, %e: tensor<1x4x8x8xf32>) {
  // expected-error @below {{input has 3 channels when the weight has 2 in each of 1 groups}}
  %0 = mpq.conv ins(%x, %w : tensor<1x3x8x8xf32>, tensor<4x2x1x1xf32>) outs(%e : tensor<1x4x8x8xf32>)
      {weight_shape = array<i64: 4, 2, 1, 1>, strides = array<i64: 1, 1>, dilations = array<i64: 1, 1>,
       pads = array<i64: 0, 0, 0, 0>, groups = 1 : i64} -> tensor<1x4x8x8xf32>
  return
}

// -----

func.func @conv_groups(%x: tensor<1x3x8x8xf32>, %w: tensor<4x1x1x1xf32>, %e: tensor<1x4x8x8xf32>) {
  // expected-error @below {{has 4 output channels in 3 groups}}
  %0 = mpq.conv ins(%x, %w : tensor<1x3x8x8xf32>, tensor<4x1x1x1xf32>) outs(%e : tensor<1x4x8x8xf32>)
      {weight_shape = array<i64: 4, 1, 1, 1>, strides = array<i64: 1, 1>, dilations = array<i64: 1, 1>,
       pads = array<i64: 0, 0, 0, 0>, groups = 3 : i64} -> tensor<1x4x8x8xf32>
  return
}

// -----

func.func @conv_bias(%x: tensor<1x3x8x8xf32>, %w: tensor<4x3x1x1xf32>, %b: tensor<3xf32>, %e: tensor<1x4x8x8xf32>) {
  // expected-error @below {{bias is of type 'tensor<3xf32>' when it should hold 4 f32 values}}
  %0 = mpq.conv ins(%x, %w : tensor<1x3x8x8xf32>, tensor<4x3x1x1xf32>) bias(%b : tensor<3xf32>)
      outs(%e : tensor<1x4x8x8xf32>)
      {weight_shape = array<i64: 4, 3, 1, 1>, strides = array<i64: 1, 1>, dilations = array<i64: 1, 1>,
       pads = array<i64: 0, 0, 0, 0>, groups = 1 : i64} -> tensor<1x4x8x8xf32>
  return
}

// -----

func.func @matmul_quantized(%x: tensor<1x8xf32>, %w: tensor<4x8xf32>, %e: tensor<1x4xf32>) {
  // expected-error @below {{input has element type 'f32' when it should be i8 (quantized)}}
  %0 = mpq.matmul ins(%x, %w : tensor<1x8xf32>, tensor<4x8xf32>) outs(%e : tensor<1x4xf32>)
      {weight_shape = array<i64: 4, 8>, input_quant = #mpq.uniform<scale = 1.0, zero_point = 0>} -> tensor<1x4xf32>
  return
}

// -----

func.func @gather_indices(%i: tensor<3xf32>, %w: tensor<4x8xf32>, %e: tensor<3x8xf32>) {
  // expected-error @below {{indices are of type 'f32' when they should be i32 or i64}}
  %0 = mpq.gather ins(%i, %w : tensor<3xf32>, tensor<4x8xf32>) outs(%e : tensor<3x8xf32>)
      {weight_shape = array<i64: 4, 8>} -> tensor<3x8xf32>
  return
}

// -----

func.func @convert_layout(%x: tensor<1x3x8x8xf32>, %e: tensor<1x1x8x8x16xf32>) {
  // expected-error @below {{has the physical shape [1, 1, 10, 10, 16]}}
  %0 = mpq.convert ins(%x : tensor<1x3x8x8xf32>) outs(%e : tensor<1x1x8x8x16xf32>)
      {output_layout = #mpq.blocked<1x3x8x8, block = 16, border = [1, 1, 1, 1]>} -> tensor<1x1x8x8x16xf32>
  return
}

// -----

func.func @pool_window(%x: tensor<1x3x8x8xf32>, %e: tensor<1x3x2x4xf32>) {
  // expected-error @below {{result has size 2 along dimension 2 when the window arithmetic gives 4}}
  %0 = mpq.pool max ins(%x : tensor<1x3x8x8xf32>) outs(%e : tensor<1x3x2x4xf32>)
      {window = array<i64: 2, 2>, strides = array<i64: 2, 2>, pads = array<i64: 0, 0, 0, 0>} -> tensor<1x3x2x4xf32>
  return
}

// -----

func.func @slice_outside(%x: tensor<1x3x8x8xf32>, %e: tensor<1x3x8x8xf32>) {
  // expected-error @below {{slices elements 0 to 14 of dimension 2 of size 8}}
  %0 = mpq.slice_pad ins(%x : tensor<1x3x8x8xf32>) outs(%e : tensor<1x3x8x8xf32>)
      {offsets = array<i64: 0, 0, 0, 0>, sizes = array<i64: 1, 3, 8, 8>, strides = array<i64: 1, 1, 2, 1>,
       low = array<i64: 0, 0, 0, 0>} -> tensor<1x3x8x8xf32>
  return
}

// -----

func.func @map_region(%x: tensor<1x3x8x8xf32>, %e: tensor<1x3x8x8xf32>) {
  // expected-error @below {{region should take 1 f32 values, one per input}}
  %0 = mpq.map ins(%x : tensor<1x3x8x8xf32>) outs(%e : tensor<1x3x8x8xf32>) {
  ^bb0(%a: f32, %b: f32):
    mpq.yield %a : f32
  } -> tensor<1x3x8x8xf32>
  return
}

// -----

// expected-error @below {{offset is 3 when it should be a multiple of 64}}
mpq.slot "w" at 3 size 64 packed by @p from dense<0.0> : tensor<4xf32>

// -----

func.func @softmax_shape(%x: memref<2x8xf32>, %y: memref<2x9xf32>) {
  // expected-error @below {{result has the shape [2, 9] when it should be [2, 8]}}
  mpq.softmax ins(%x : memref<2x8xf32>) outs(%y : memref<2x9xf32>)
  return
}

// -----

func.func @softmax_element(%x: memref<2x8xi8>, %y: memref<2x8xi8>) {
  // expected-error @below {{input has element type 'i8' when it should be f32 or bf16 (not quantized)}}
  mpq.softmax ins(%x : memref<2x8xi8>) outs(%y : memref<2x8xi8>)
  return
}

// -----

func.func @normalize_dynamic_row(%x: memref<2x?xf32>, %y: memref<2x?xf32>) {
  // expected-error @below {{input is of type 'memref<2x?xf32>' when its rows should be of static size}}
  mpq.normalize ins(%x : memref<2x?xf32>) outs(%y : memref<2x?xf32>) {epsilon = 0.0 : f32}
  return
}

// -----

func.func @normalize_scale(%x: memref<2x8xf32>, %g: memref<7xf32>, %y: memref<2x8xf32>) {
  // expected-error @below {{scale has the shape [7] when it should be [8]}}
  mpq.normalize ins(%x : memref<2x8xf32>) scale(%g : memref<7xf32>) outs(%y : memref<2x8xf32>) {epsilon = 0.0 : f32}
  return
}

// -----

func.func @normalize_epsilon(%x: memref<2x8xf32>, %y: memref<2x8xf32>) {
  // expected-error @below {{epsilon is -1.000000e+00 when it should not be negative}}
  mpq.normalize ins(%x : memref<2x8xf32>) outs(%y : memref<2x8xf32>) {epsilon = -1.0 : f32}
  return
}

// -----

func.func @rotary_rows(%x: memref<5x8xf32>, %c: memref<4x4xf32>, %y: memref<5x8xf32>) {
  // expected-error @below {{cos has 4 rows when there are 5 positions}}
  mpq.rotary ins(%x, %c, %c : memref<5x8xf32>, memref<4x4xf32>, memref<4x4xf32>) outs(%y : memref<5x8xf32>) {heads = 1 : i64}
  return
}

// -----

func.func @rotary_tables(%x: memref<4x8xf32>, %c: memref<4x4xf32>, %s: memref<4x3xf32>, %y: memref<4x8xf32>) {
  // expected-error @below {{sin is of type 'memref<4x3xf32>' when its rows should be half a head}}
  mpq.rotary ins(%x, %c, %s : memref<4x8xf32>, memref<4x4xf32>, memref<4x3xf32>) outs(%y : memref<4x8xf32>) {heads = 1 : i64}
  return
}

// -----

func.func @rotary_heads(%x: memref<4x8xf32>, %c: memref<4x4xf32>, %y: memref<4x16xf32>) {
  // expected-error @below {{input has rows of 8 elements when 2 heads of 8 elements are at 0}}
  mpq.rotary ins(%x, %c, %c : memref<4x8xf32>, memref<4x4xf32>, memref<4x4xf32>) outs(%y : memref<4x16xf32>) {heads = 2 : i64}
  return
}

// -----

func.func @attention_groups(%x: memref<4x24xf32>, %y: memref<4x24xf32>) {
  // expected-error @below {{has 3 heads and 2 heads of keys and values}}
  mpq.attention ins(%x, %x, %x : memref<4x24xf32>, memref<4x24xf32>, memref<4x24xf32>) outs(%y : memref<4x24xf32>)
    {heads = 3 : i64, kv_heads = 2 : i64, head_size = 8 : i64, value_size = 8 : i64, scale = 1.0 : f32}
  return
}

// -----

func.func @attention_heads(%x: memref<4x24xf32>, %y: memref<4x24xf32>) {
  // expected-error @below {{value has rows of 24 elements when 3 heads of 8 elements are at 1}}
  mpq.attention ins(%x, %x, %x : memref<4x24xf32>, memref<4x24xf32>, memref<4x24xf32>) outs(%y : memref<4x24xf32>)
    {heads = 3 : i64, kv_heads = 3 : i64, head_size = 8 : i64, value_size = 8 : i64, scale = 1.0 : f32,
     offsets = array<i64: 0, 0, 1>}
  return
}

// -----

func.func @attention_offsets(%x: memref<4x8xf32>, %y: memref<4x8xf32>) {
  // expected-error @below {{needs 3 offsets, got 2}}
  mpq.attention ins(%x, %x, %x : memref<4x8xf32>, memref<4x8xf32>, memref<4x8xf32>) outs(%y : memref<4x8xf32>)
    {heads = 1 : i64, kv_heads = 1 : i64, head_size = 8 : i64, value_size = 8 : i64, scale = 1.0 : f32,
     offsets = array<i64: 0, 0>}
  return
}

// -----

func.func @attention_ranks(%q: memref<1x4x8xf32>, %x: memref<4x8xf32>, %y: memref<1x4x8xf32>) {
  // expected-error @below {{query and key have the ranks 3 and 2}}
  mpq.attention ins(%q, %x, %x : memref<1x4x8xf32>, memref<4x8xf32>, memref<4x8xf32>) outs(%y : memref<1x4x8xf32>)
    {heads = 1 : i64, kv_heads = 1 : i64, head_size = 8 : i64, value_size = 8 : i64, scale = 1.0 : f32}
  return
}

// -----

func.func @attention_keys(%x: memref<4x8xf32>, %v: memref<5x8xf32>, %y: memref<4x8xf32>) {
  // expected-error @below {{value has the shape [5, 8] when it should be [4, 8]}}
  mpq.attention ins(%x, %x, %v : memref<4x8xf32>, memref<4x8xf32>, memref<5x8xf32>) outs(%y : memref<4x8xf32>)
    {heads = 1 : i64, kv_heads = 1 : i64, head_size = 8 : i64, value_size = 8 : i64, scale = 1.0 : f32}
  return
}

// -----

func.func @attention_mask(%x: memref<4x8xf32>, %m: memref<3x4xf32>, %y: memref<4x8xf32>) {
  // expected-error @below {{mask has the shape [3, 4] when it should broadcast to [1, 1, 4, 4]}}
  mpq.attention ins(%x, %x, %x : memref<4x8xf32>, memref<4x8xf32>, memref<4x8xf32>) mask(%m : memref<3x4xf32>)
    outs(%y : memref<4x8xf32>)
    {heads = 1 : i64, kv_heads = 1 : i64, head_size = 8 : i64, value_size = 8 : i64, scale = 1.0 : f32}
  return
}

// -----

// expected-error @below {{unknown codebook 'nf5', expected binary, ternary, ternary2, fp4, nf4 or kmeans2 to kmeans8}}
func.func private @codebook_table(!mpq.tensor<2x2, axis 0, #mpq.codebook<nf5>>)

// -----

// expected-error @below {{a group is -1 (the tensor), 0 (the row) or a number of weights, not -2}}
func.func private @codebook_group(!mpq.tensor<2x2, axis 0, #mpq.codebook<nf4, group = -2>>)

// -----

func.func @normalize_dynamic(%x: tensor<2x4xf32>, %e: tensor<2x4xf32>) {
  // expected-error @below {{result is quantized as #mpq.uniform<dynamic> when its scale should be known}}
  %0 = mpq.normalize ins(%x : tensor<2x4xf32>) outs(%e : tensor<2x4xf32>)
      {epsilon = 1.0e-5 : f32, output_quant = #mpq.uniform<dynamic>} -> tensor<2x4xf32>
  return
}

// -----

func.func @attention_static(%x: tensor<2x4xf32>, %e: tensor<2x4xf32>) {
  // expected-error @below {{has operands quantized as #mpq.uniform<scale = 1.000000e+00, zero_point = 0> when they should be quantized as #mpq.uniform<dynamic>}}
  %0 = mpq.attention ins(%x, %x, %x : tensor<2x4xf32>, tensor<2x4xf32>, tensor<2x4xf32>) outs(%e : tensor<2x4xf32>)
      {heads = 1 : i64, kv_heads = 1 : i64, head_size = 4 : i64, value_size = 4 : i64, scale = 0.5 : f32,
       operand_quant = #mpq.uniform<scale = 1.0, zero_point = 0>} -> tensor<2x4xf32>
  return
}

// -----

func.func @attention_result(%x: tensor<2x4xf32>, %e: tensor<2x4xf32>) {
  // expected-error @below {{result has element type 'f32' when it should be i8 (quantized)}}
  %0 = mpq.attention ins(%x, %x, %x : tensor<2x4xf32>, tensor<2x4xf32>, tensor<2x4xf32>) outs(%e : tensor<2x4xf32>)
      {heads = 1 : i64, kv_heads = 1 : i64, head_size = 4 : i64, value_size = 4 : i64, scale = 0.5 : f32,
       output_quant = #mpq.uniform<scale = 1.0, zero_point = 0>} -> tensor<2x4xf32>
  return
}

// -----

func.func @matmul_weight_axis(%x: tensor<1x8xf32>, %w: tensor<4x8xf32>, %e: tensor<1x4xf32>) {
  // expected-error @below {{'weight_axis' is -1 when it should be 0 or 1}}
  %0 = mpq.matmul ins(%x, %w : tensor<1x8xf32>, tensor<4x8xf32>) outs(%e : tensor<1x4xf32>)
      {weight_axis = -1 : i64, weight_shape = array<i64: 4, 8>} -> tensor<1x4xf32>
  return
}
