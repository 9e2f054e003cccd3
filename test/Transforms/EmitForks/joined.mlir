// RUN: quant-opt %s --mpq-emit-forks | FileCheck %s

// A call that joins the one before it is in the same request: its operands follow in the frame. There are as many parts as
// the call with the most asks for, at run time where one does not know before.
// CHECK-LABEL: llvm.func @main(
// CHECK-SAME: %[[X:.*]]: !llvm.ptr, %[[N:.*]]: i64, %[[TEAM:.*]]: !llvm.ptr)
// CHECK: %[[SECOND:.*]] = llvm.getelementptr %[[FRAME:.*]][1]
// CHECK: llvm.store %[[N]], %[[SECOND]]
// CHECK: %[[THIRD:.*]] = llvm.getelementptr %[[FRAME]][2]
// CHECK: llvm.store %[[X]], %[[THIRD]]
// CHECK: %[[PART:.*]] = llvm.mlir.addressof @first_and_second_part
// CHECK: %[[MOST:.*]] = llvm.mlir.constant(4 : i64)
// CHECK: %[[PARTS:.*]] = llvm.intr.umax(%[[N]], %[[MOST]])
// CHECK: llvm.call @mpq_fork(%[[TEAM]], %[[PART]], %[[FRAME]], %[[PARTS]])
// CHECK-NOT: llvm.call @mpq_fork
llvm.func @main(%x: !llvm.ptr, %n: i64) {
  %zero = llvm.mlir.constant(0 : i64) : i64
  %one = llvm.mlir.constant(1 : i64) : i64
  llvm.call @first(%x, %n, %zero, %n) {mpq.parts = 2 : i64} : (!llvm.ptr, i64, i64, i64) -> ()
  llvm.call @second(%x, %zero, %one) {mpq.joins, mpq.parts = 4 : i64} : (!llvm.ptr, i64, i64) -> ()
  llvm.return
}
llvm.func internal @first(%x: !llvm.ptr, %n: i64, %part: i64, %parts: i64) {
  llvm.return
}
llvm.func internal @second(%x: !llvm.ptr, %part: i64, %parts: i64) {
  llvm.return
}

// CHECK-LABEL: llvm.func internal @first_and_second_part(
// CHECK-SAME: %[[FRAME:.*]]: !llvm.ptr, %[[PART:.*]]: i64, %[[PARTS:.*]]: i64)
// CHECK: llvm.call @first(%{{.*}}, %{{.*}}, %[[PART]], %[[PARTS]])
// CHECK: llvm.call @second(%{{.*}}, %[[PART]], %[[PARTS]])
