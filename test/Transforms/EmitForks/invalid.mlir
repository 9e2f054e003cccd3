// RUN: quant-opt %s --mpq-emit-forks --split-input-file --verify-diagnostics

llvm.func @main(%x: !llvm.ptr) {
  %zero = llvm.mlir.constant(0 : i64) : i64
  %one = llvm.mlir.constant(1 : i64) : i64
  // expected-error @below {{'llvm.call' op asks for 0 parts when it should be at least 1}}
  llvm.call @kernel(%x, %zero, %one) {mpq.parts = 0 : i64} : (!llvm.ptr, i64, i64) -> ()
  llvm.return
}
llvm.func internal @kernel(%x: !llvm.ptr, %part: i64, %parts: i64) {
  llvm.return
}

// -----

llvm.func @main(%x: !llvm.ptr) {
  // expected-error @below {{'llvm.call' op has 'mpq.parts', but is no call of a split kernel}}
  llvm.call @kernel(%x) {mpq.parts = 2 : i64} : (!llvm.ptr) -> ()
  llvm.return
}
llvm.func internal @kernel(%x: !llvm.ptr) {
  llvm.return
}
