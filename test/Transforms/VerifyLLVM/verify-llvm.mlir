// RUN: quant-opt %s --mpq-verify-llvm --split-input-file --verify-diagnostics

module attributes {mpq.target = #mpq.target<"skylake", "+avx2,+fma">, mpq.interface = #mpq.interface<() -> ()>} {
  llvm.func internal @main() attributes {mpq.entry = "mpq_run", mpq.weights_bytes = 0 : i64, mpq.prepared_bytes = 0 : i64,
                                         mpq.arena_bytes = 0 : i64} {
    llvm.return
  }
  llvm.func @mpq_run(%args: !llvm.ptr) {
    llvm.return
  }
}

// -----

module {
  func.func @main() {
    // expected-error @below {{is not of the LLVM dialect; run mpq-llvm-pipeline}}
    return
  }
}

// -----

// expected-error @below {{module has no function @mpq_run; run mpq-entry-points}}
module attributes {mpq.target = #mpq.target<"skylake", "+avx2,+fma">, mpq.interface = #mpq.interface<() -> ()>} {
  llvm.func internal @main() attributes {mpq.entry = "mpq_run", mpq.weights_bytes = 0 : i64, mpq.prepared_bytes = 0 : i64,
                                         mpq.arena_bytes = 0 : i64} {
    llvm.return
  }
}
