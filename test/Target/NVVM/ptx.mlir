// PTX of a product, what is to be launched, and the packed weights.
// RUN: quant-compile %s --target=nvvm --emit=ptx -o %t.ptx
// RUN: FileCheck %s --check-prefix=PTX --input-file=%t.ptx
// RUN: FileCheck %s --check-prefix=JSON --input-file=%t.json
// RUN: quant-compile %s --target=nvvm --emit=ptx --mcpu=sm_90 -o %t.90.ptx
// RUN: FileCheck %s --check-prefix=SM90 --input-file=%t.90.ptx

// The same bytes again.
// RUN: quant-compile %s --target=nvvm --emit=ptx -o %t.again.ptx
// RUN: diff %t.ptx %t.again.ptx
// RUN: diff %t.packed %t.again.packed

// PTX: .target sm_80
// PTX-NOT: .func
// PTX: .entry matmul_w4a16_0_rows16(
// PTX: .maxntid 128, 1, 1
// PTX-NOT: .local
// PTX: cp.async.cg.shared.global {{.*}}, 16, %r
// PTX: cp.async.wait_group
// PTX: bar.sync 0;
// PTX: ldmatrix.sync.aligned.m8n8.x4.shared.b16
// PTX: lop3.b32 {{.*}}, 0xea;
// PTX: fma.rn.f16x2
// PTX: mma.sync.aligned.m16n8k16.row.col.f32.f16.f16.f32
// PTX: st.global.v4.b32
// PTX-NOT: .local
// PTX-NOT: call
// PTX: .entry matmul_w4a16_0_rows32(
// PTX: .entry matmul_w4a16_0_rows64(
// PTX: .entry matmul_w4a16_0(
// PTX: .maxntid 256, 1, 1
// PTX-NOT: .local
// PTX-NOT: call

// SM90: .target sm_90

// JSON: "arch": "sm_80",
// JSON: "ptx": "[[NAME:.*]].ptx",
// JSON: "file": "[[NAME]].packed",
// JSON: "bytes": 8128
// JSON: "workspace_bytes": 0,
// JSON: "name": "x",
// JSON-NEXT: "kind": "input",
// JSON-NEXT: "type": "f32",
// JSON-NEXT: "shape": [
// JSON-NEXT: -1,
// JSON-NEXT: 100
// JSON: "kind": "output",
// JSON: "rows_per_sample": 1,
// JSON-NEXT: "arguments": [
// JSON: "tensor": "x"
// JSON: "weights_offset": 0,
// JSON-NEXT: "bytes": 7680
// JSON: "weights_offset": 7680,
// JSON-NEXT: "bytes": 400
// JSON: "tensor": "y"
// JSON: "scalar": "rows"
// JSON: "workspace_offset": 0
// JSON: "name": "matmul_w4a16_0_rows16",
// JSON-NEXT: "max_rows": 16,
// JSON-NEXT: "block": [
// JSON-NEXT: 128,
// JSON: "rows_per_block": 16,
// JSON-NEXT: "column_blocks": 2,
// JSON-NEXT: "splits": 1
// JSON: "dynamic_shared_bytes": {{[0-9]+}}
// JSON: "name": "matmul_w4a16_0",
// JSON-NEXT: "block": [
module attributes {mpq.stage = #mpq.stage<quantized>} {
  func.func @main(%x: tensor<1x100xf32> {onnx.name = "x", onnx.shape = array<i64: -1, 100>})
      -> (tensor<1x100xf32> {onnx.name = "y", onnx.shape = array<i64: -1, 100>}) attributes {mpq.sample_parallel} {
    %w = mpq.constant dense<17> : tensor<5400xi8> as <100x100, axis 1, #mpq.int<4>>
    %b = onnx.Constant {value = dense<0.5> : tensor<100xf32>} : tensor<100xf32>
    %e = tensor.empty() : tensor<1x100xf32>
    %0 = mpq.matmul ins(%x, %w : tensor<1x100xf32>, !mpq.tensor<100x100, axis 1, #mpq.int<4>>) outs(%e : tensor<1x100xf32>)
        {weight_axis = 1 : i64, weight_shape = array<i64: 100, 100>} -> tensor<1x100xf32>
    %1 = onnx.Add(%0, %b) : (tensor<1x100xf32>, tensor<100xf32>) -> tensor<1x100xf32>
    return %1 : tensor<1x100xf32>
  }
}
